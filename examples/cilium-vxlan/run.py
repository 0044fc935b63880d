"""Pods of two subnets over VXLAN: TTLs and MACs on the way, the identity on the wire, and the map entry that chose the node."""

from pathlib import Path

from podwire.lab import load
from podwire.testing import assert_path
from podwire.trace.events import Encapsulated

lab = load(Path(__file__).with_name("lab.yaml"))
curl, far = lab.pod("curl-pod"), lab.pod("webpod-697b545f57-xq7zn")

ping = curl.ping(far)
assert ping.ttl == 63  # one hop, at the delivery
assert_path(
    ping.trace,
    [
        "default/curl-pod:eth0",
        "k8s-ctr:lxc*",
        "k8s-ctr:cilium_vxlan",
        "k8s-ctr:eth1",
        "router:eth1",
        "router:eth2",
        "k8s-w0:eth1",
        "k8s-w0:cilium_vxlan",
        f"{far.name}:eth0",
    ],
)
print(ping.trace)

events = [step.event for hop in ping.trace.hops for step in hop.steps]
(sent,) = [event for event in events if isinstance(event, Encapsulated)]
print(f"\n# VNI {sent.vni} is the identity of curl-pod; {sent.dst} stands in the ipcache of k8s-ctr")
rows = lab.node("k8s-ctr").machine.bpf_maps["cilium_ipcache_v2"].items()
for prefix, row in sorted(rows, key=lambda item: (int(item[0].addr), item[0].plen)):
    print(f"{prefix!s:20}  {row}")
