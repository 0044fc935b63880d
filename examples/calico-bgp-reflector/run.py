"""A route reflector, a router that speaks BGP, and what happens when the reflector's port is closed."""

from pathlib import Path

from podwire.lab import load

lab = load(Path(__file__).with_name("lab.yaml"))
w1, rr, tor = lab.node("w1"), lab.node("rr"), lab.host("tor")
pod1, pod2 = lab.pod("pod1"), lab.pod("pod2")

print(rr.exec("calicoctl node status"))
print(w1.exec("birdcl show protocols"))
print(w1.exec("ip route"))
print(tor.exec("ip route"))
assert "via 192.168.10.102 dev eth0 proto bird" in str(w1.exec("ip route"))
assert pod1.ping(pod2).ok

for side in ("--dport", "--sport"):
    rr.exec(f"iptables -I INPUT -p tcp {side} 179 -j DROP")
lab.sleep(100)
assert pod1.ping(pod2).ok  # the hold time is 240 s
lab.sleep(240)
assert not pod1.ping(pod2).ok
print(w1.exec("birdcl show protocols"))
print(w1.agent("bird").ready)
assert w1.agent("bird").ready.endswith("BGP not established with 192.168.10.10")

for side in ("--dport", "--sport"):
    rr.exec(f"iptables -D INPUT -p tcp {side} 179 -j DROP")
with lab.capture("w1:eth0", filter="tcp port 179") as capture:
    lab.sleep(30)
print(capture.text())
assert pod1.ping(pod2).ok
