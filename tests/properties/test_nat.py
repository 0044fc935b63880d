"""NAT reverses: the answer to a translated packet arrives as if nothing had happened (F193, F196)."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from podwire.trace.events import Translated
from podwire.wire.addr import Ip4
from podwire.wire.headers import IPv4, Udp
from tests.linux.netfilter.nat.natlab import connections, iptables, router, send

ASKED = "10.96.0.10"
PORTS = st.sampled_from([1, 79, 80, 511, 512, 600, 1023, 1024, 4000, 32768, 65535]) | st.integers(1, 65535)


@dataclass
class Plan:
    """Who asks, by which ports, and what is done to it on the way."""

    asker: str
    sport: int
    dport: int
    rules: list[str]
    server: str
    server_port: int


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A question to ``ASKED``, which some rule leads to a server; its source may be changed, too."""
    asker = draw(st.sampled_from(["pod", "node", "pod2"]))
    dport = draw(PORTS)
    server, address = draw(st.sampled_from([("out", "10.0.0.11"), ("pod2", "10.2.0.2"), ("pod", "10.1.0.2")]))
    first = draw(PORTS)
    last = min(first + draw(st.integers(0, 3)), 65535)
    kind = draw(st.sampled_from(["address", "port", "range", "netmap"]))
    port = dport
    to = f"DNAT --to-destination {address}"
    if kind == "port":
        to, port = f"{to}:{first}", first
    elif kind == "range":
        to, port = f"{to}:{first}-{last}", dport if first <= dport <= last else first
    elif kind == "netmap":
        to = f"NETMAP --to {address}/32"
    hook = "OUTPUT" if asker == "node" else "PREROUTING"
    rules = [f"-t nat -A {hook} -p udp -d {ASKED} -j {to}"]
    source = draw(
        st.sampled_from(
            [
                "",
                "MASQUERADE",
                "MASQUERADE --random-fully",
                f"MASQUERADE --to-ports {first}-{last}",
                "SNAT --to-source 10.0.0.10",
                f"SNAT --to-source 10.0.0.10:{first}-{last} --random",
                "SNAT --to-source 10.9.0.1-10.9.0.9 --persistent",
            ]
        )
    )
    if source or asker == server:
        rules.append(f"-t nat -A POSTROUTING -p udp -d {address} -j {source or 'MASQUERADE'}")
    # In one place two sockets need two ports.
    sport = draw(PORTS.filter(lambda each: asker != server or each != port))
    return Plan(asker, sport, dport, rules, server, port)


@settings(max_examples=150, deadline=None)
@given(plans(), st.integers(0, 2**16), st.integers(1, 3))
def test_nat_reverses(plan: Plan, seed: int, packets: int) -> None:
    lab = router(seed)
    # Whoever answers knows the way back to any address that a rule may have given.
    lab.route("node", "default via 10.0.0.11")
    lab.route("out", "default via 10.0.0.10")
    iptables(lab, "node", *plan.rules)
    server = lab.udp(plan.server, plan.server_port)
    client = send(lab, plan.asker, plan.sport, ASKED, plan.dport)
    for _ in range(packets - 1):
        client.send_to(Ip4.parse(ASKED), plan.dport, b"x")
        lab.run(0.1)
    assert len(server.inbox) == packets
    peers = set()
    for arrived in server.inbox:
        ip, udp = arrived.packet.layers[:2]
        assert isinstance(ip, IPv4)
        assert isinstance(udp, Udp)
        peers.add((ip.src, udp.sport))
    assert len(peers) == 1, "one connection, one source"
    for number in range(packets):
        ((peer, port),) = peers
        server.send_to(peer, port, bytes([number]))
        lab.run(0.1)
    answers = [arrived.packet for arrived in client.inbox]
    assert [packet.payload for packet in answers] == [bytes([number]) for number in range(packets)]
    for packet in answers:
        ip, udp = packet.layers[:2]
        assert isinstance(ip, IPv4)
        assert isinstance(udp, Udp)
        assert (str(ip.src), udp.sport, udp.dport) == (ASKED, plan.dport, plan.sport)
    assert len(connections(lab, "node")) == 1
    there = [found.event for found in lab.events(Translated, "node") if not found.event.reply]
    back = [found.event for found in lab.events(Translated, "node") if found.event.reply]
    assert {(event.old, event.old_port, event.new, event.new_port) for event in there} == {
        (event.new, event.new_port, event.old, event.old_port) for event in back
    }
