"""GKE with network policy: proxy ARP between two pods of one node, and the ping that a missing default route kills."""

from pathlib import Path

from podwire.lab import load
from podwire.testing import assert_path

lab = load(Path(__file__).with_name("lab.yaml"))
pod1, pod2, pod3 = (lab.pod(name) for name in ("pod1", "pod2", "pod3"))

with lab.capture(f"{pod1.node.name}:{pod1.interface}", filter="arp") as capture:
    ping = pod1.ping(pod2)
    lab.sleep(6)
assert ping.ttl == 63  # one node
print(
    "# pod1 asks for a gateway that nobody has, and its node answers; five seconds later the node checks what it learned"
)
print(capture.text())

ping = pod1.ping(pod3)
assert ping.ttl == 62  # two nodes; Google's VPC takes none
assert_path(ping.trace, ["default/pod1:eth0", "*:cali*", "*205w:eth0", "*m732:eth0", "*:cali*", "default/pod3:eth0"])

pod1.node.exec("ip route del default")
pod1.exec("ip neigh flush all")
print("# without a default route on the node")
print(pod1.ping(pod2).trace.explain())
