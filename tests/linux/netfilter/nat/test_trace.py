"""A trace of a packet whose addresses change on the way: one packet, its reply, and what the texts say."""

from __future__ import annotations

from podwire import Calico, Cluster, IPPool
from podwire.trace.events import Translated
from podwire.trace.reasons import Verdict
from podwire.trace.recorder import Recorder
from podwire.trace.trace import Trace
from podwire.wire.addr import Ip4
from tests.linux.lab import Lab
from tests.linux.netfilter.nat.natlab import iptables, router

SERVICE = "10.96.0.10"


def _trace(lab: Lab, packet: int) -> Trace:
    return Trace(Recorder.of(lab.records), packet)


def _story(lab: Lab, packet: int) -> str:
    return " ".join(_trace(lab, packet).explain().split())


def test_a_probe_of_a_service_is_one_trace_with_its_reply() -> None:
    lab = Cluster(Calico(ip_pools=[IPPool("10.244.0.0/16")]), nodes=2)
    pod, web = lab.run("pod", node="node1"), lab.run("web", node="node2")
    lab.node("node1").exec(f"iptables -t nat -A PREROUTING -d {SERVICE} -j DNAT --to-destination {web.ip}")
    ping = pod.ping(SERVICE)
    assert ping.ok
    trace = ping.trace
    assert trace.verdict is Verdict.DELIVERED
    assert [hop.netns for hop in trace.hops] == ["default/pod", "node1", "node2", "default/web"]
    assert trace.reply is not None
    assert trace.reply.verdict is Verdict.DELIVERED
    assert [hop.netns for hop in trace.reply.hops] == ["default/web", "node2", "node1", "default/pod"]
    changes = [record.event for record in trace.reply.records if isinstance(record.event, Translated)]
    assert [(str(event.old), str(event.new), event.reply) for event in changes] == [(str(web.ip), SERVICE, True)]
    assert Trace.from_json(trace.to_json()).explain() == trace.explain()


def test_explain_names_each_change_and_who_asked_for_it() -> None:
    lab = router()
    iptables(
        lab,
        "node",
        f"-t nat -A PREROUTING -d {SERVICE} -j DNAT --to-destination 10.0.0.11",
        "-t nat -A POSTROUTING -o eth0 -j MASQUERADE",
    )
    ping = lab.ping("pod", SERVICE)
    lab.run(1)
    story = _story(lab, ping.sent[0])
    number = ping.ident
    assert (
        f"node made 10.0.0.11:{number} its destination in place of {SERVICE}:{number}: rule 1 of PREROUTING in table nat"
        in story
    )
    assert f"node made 10.0.0.10:{number} its source in place of 10.1.0.2:{number}: rule 1 of POSTROUTING" in story
    reply = story.partition("Reply: ")[2]
    assert (
        f"node made 10.1.0.2:{number} its destination in place of 10.0.0.10:{number}, as it was on the way there."
        in reply
    )


def test_a_death_behind_a_translation_speaks_of_the_new_destination() -> None:
    lab = router()
    iptables(lab, "node", f"-t nat -A PREROUTING -d {SERVICE} -j DNAT --to-destination 192.0.2.1")
    ping = lab.ping("pod", SERVICE)
    lab.run(1)
    story = _story(lab, ping.sent[0])
    assert "node has no route to 192.0.2.1" in story
    assert f"node told 10.1.0.2: ICMP net {SERVICE} unreachable, from 10.1.0.1, translated to {SERVICE}." in story


def test_a_closed_port_is_named_as_the_server_knows_it() -> None:
    lab = router()
    iptables(lab, "node", f"-t nat -A PREROUTING -d {SERVICE} -p udp --dport 53 -j REDIRECT --to-ports 5353")
    socket = lab.udp("pod", 4000)
    packet = socket.send_to(Ip4.parse(SERVICE), 53, b"x")
    lab.run(1)
    assert (
        "nothing in node listens on udp port 5353; it passes when a program listens there, as `nc -ul -p 5353` does"
        in _story(lab, packet)
    )


def test_a_source_that_changed_is_the_one_that_remedies_name() -> None:
    lab = router()
    iptables(lab, "node", "-t nat -A OUTPUT -d 127.0.0.5 -j DNAT --to-destination 10.1.0.2")
    ping = lab.ping("node", "127.0.0.5")
    assert ping.refused == [22]
    story = _story(lab, lab.records[-1].packet)
    assert "node made 10.1.0.2 its destination and routed it again, and nothing leaves from 127.0.0.1" in story
    assert "`sysctl -w net.ipv4.conf.veth1.route_localnet=1` on node" in story
