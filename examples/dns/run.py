"""Names in a cluster: what one curl asks for, and three ways to lose DNS with what each looks like to a client."""

from pathlib import Path

from podwire.lab import load

lab = load(Path(__file__).with_name("lab.yaml"))
client = lab.pod("debian")

print("# what a pod knows of DNS")
print(client.exec("cat /etc/resolv.conf"))
print(client.exec("nslookup web"))

print("# ndots:5: a full name is looked for in every domain first, A and AAAA each time")
with lab.capture("default/debian:eth0", filter="udp port 53") as capture:
    assert client.exec("curl -s -o /dev/null http://web.default.svc.cluster.local/").exit_code == 0
print(capture.text())
assert capture.text().count("? ") == 8

print("# no pod of CoreDNS is ready: kube-proxy refuses at once")
lab.kubectl("scale deployment coredns --replicas=0 -n kube-system")
with lab.capture("default/debian:eth0") as capture:
    print(client.exec("ping -c 1 web").output)
print(capture.text())
assert "udp port 53 unreachable" in capture.text()
lab.kubectl("scale deployment coredns --replicas=2 -n kube-system")

print("# something drops UDP 53: everybody waits, and TCP still works")
for node in lab.nodes:
    node.exec("iptables -I FORWARD -p udp --dport 53 -j DROP")
before = lab.network.now
print(client.exec("curl -sS http://web/").output)
print(f"after {(lab.network.now - before) / 1e9:.0f} s")
print(client.exec("dig +short +tcp web.default.svc.cluster.local"))
for node in lab.nodes:
    node.exec("iptables -D FORWARD -p udp --dport 53 -j DROP")

print("# one of two answers is lost: the name is found, five seconds later")
client.exec("iptables -A INPUT -p udp --sport 53 -m statistic --mode nth --every 100 --packet 1 -j DROP")
before = lab.network.now
print(client.exec("getent ahosts web").exit_code, f"after {(lab.network.now - before) / 1e9:.0f} s")
