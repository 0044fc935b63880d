"""GKE as it comes: a ping across two nodes, what the other pod sees of it, and why the Internet stays silent."""

from pathlib import Path

from podwire.lab import load
from podwire.testing import assert_path

lab = load(Path(__file__).with_name("lab.yaml"))
pod1, webpod1, pod2 = (lab.pod(name) for name in ("pod1", "webpod1", "pod2"))

print("# pod1: all of the subnet lies behind the gateway")
print(pod1.exec("ip route"))
print("# its node: the gateway's address, and the pod behind it with scope host")
print(pod1.node.exec(f"ip -4 -o addr show {pod1.interface}"))
print(pod1.node.exec(f"ip route show dev {pod1.interface}"))

with lab.capture("default/pod2:eth0") as capture:
    ping = pod1.ping(pod2)
assert ping.ttl == 62  # two nodes; Google's VPC takes none
assert_path(ping.trace, ["default/pod1:eth0", "*:veth*", "*3dm6:eth0", "*prpj:eth0", "*:veth*", "default/pod2:eth0"])
print("# pod2: it need not ask for its gateway, which has just asked for it")
print(capture.text())

assert pod1.ping(webpod1).ttl == 63  # one node: through the host, as there is no bridge

print("# the Internet")
print(pod1.ping("8.8.8.8").trace.explain())
