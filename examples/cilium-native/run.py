"""Native routing across two subnets: the packet that leaves by the router's default route, what the agent said, and two remedies."""

from pathlib import Path

from podwire.lab import load
from podwire.testing import assert_path

FAR = "webpod-697b545f57-xq7zn"
NEAR = "webpod-697b545f57-h5k4d"
PATH = Path(__file__).with_name("lab.yaml")

lab = load(PATH)
curl, near, far = (lab.pod(name) for name in ("curl-pod", NEAR, FAR))

ping = curl.ping(near)
assert ping.ttl == 62  # one hop for the program that sends it, one for the program that delivers it
assert_path(ping.trace, ["default/curl-pod:eth0", "k8s-ctr:lxc*", "k8s-ctr:eth1", "k8s-w1:eth1", f"{near.name}:eth0"])

lost = curl.ping(far).trace
assert_path(lost, ["default/curl-pod:eth0", "k8s-ctr:lxc*", "k8s-ctr:eth1", "router:eth1", "router:eth0"])
print("# where it ends")
print(lost.explain())
print("\n# what the agent of k8s-ctr has said")
print(lab.node("k8s-ctr").agent("cilium-agent").log[0])

print("\n# the first remedy: the router knows where the pods are")
for prefix, node in (("172.20.0.0/24", "192.168.10.100"), ("172.20.2.0/24", "192.168.20.100")):
    lab.host("router").exec(f"ip route add {prefix} via {node}")
print(curl.ping(far).text)

print("# the second: a tunnel, and the router sees nothing but nodes")
lab = load(PATH)
lab.upgrade(routing_mode="tunnel", tunnel_protocol="vxlan", auto_direct_node_routes=False)
with lab.capture("router:eth1", filter="udp port 8472") as capture:
    ping = lab.pod("curl-pod").ping(lab.pod(FAR))
assert ping.ttl == 63  # inside the tunnel nobody counts but the program that delivers it
print(capture.text())
