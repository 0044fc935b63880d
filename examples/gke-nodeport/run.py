"""A NodePort on GKE, called from the Internet by a Mac: which address stands for the client, at each place on the way."""

from pathlib import Path

from podwire.lab import load
from podwire.testing import assert_path

here = Path(__file__).parent
lab = load(here / "lab.yaml")
lab.apply(here / "svc.yaml")
client, webpod1 = lab.host("client"), lab.pod("webpod1")
holder, other = (node.name for node in lab.nodes)

print("# the node that holds the pod: its kube-proxy masquerades with the address of the pod's interface")
conn = client.connect("34.47.122.177", 30007)
assert_path(conn.traces[0], ["client:eth0", f"{holder}:eth0", f"{holder}:veth*", "default/webpod1:eth0"])
assert str(conn.client_seen_as[0]) == "10.32.0.1"

print("# the other node: the packet goes on to the first one, in the name of the node that was called")
with lab.capture(
    f"{other}:eth0", f"{holder}:eth0", "default/webpod1:eth0", filter="tcp[tcpflags] & tcp-syn != 0"
) as capture:
    conn = client.connect("34.64.32.222", 30007)
assert_path(
    conn.traces[0], ["client:eth0", f"{other}:eth0", f"{holder}:eth0", f"{holder}:veth*", "default/webpod1:eth0"]
)
assert str(conn.client_seen_as[0]) == "10.0.0.38"
print(capture.text())

print("# a port that no firewall rule of the VPC opens")
print(client.connect("34.47.122.177", 30008).traces[0].explain())

print("# from the pod to the Internet: the node's external address stands for it")
with lab.capture("client:eth0", filter="icmp") as capture:
    assert webpod1.ping(client).ok
assert "IP 34.47.122.177 > 121.167.232.64: ICMP echo request" in capture.text()
print(capture.text())
