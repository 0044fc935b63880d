"""Which address and which port a connection gets (F133)."""

from __future__ import annotations

import pytest

from podwire.linux.netfilter.conntrack.entry import IPS_CONFIRMED, IPS_FIXED_TIMEOUT, IPS_SRC_NAT, Connection
from podwire.linux.netfilter.conntrack.tcp import CLOSE, ESTABLISHED, SYN_SENT, TIME_WAIT
from podwire.linux.netfilter.conntrack.tcpwindow import TcpTrack
from podwire.linux.netfilter.nat.core import (
    find_best_ips_proto,
    nf_nat_l4proto_unique_tuple,
    nf_nat_used_tuple_harder,
    nf_nat_used_tuple_new,
)
from podwire.linux.netfilter.nat.net import NfNat
from podwire.linux.netfilter.nat.range import (
    NF_NAT_MANIP_DST,
    NF_NAT_MANIP_SRC,
    NF_NAT_RANGE_MAP_IPS,
    NF_NAT_RANGE_PERSISTENT,
    NF_NAT_RANGE_PROTO_RANDOM_FULLY,
    NF_NAT_RANGE_PROTO_SPECIFIED,
    NatRange,
)
from podwire.trace.events import Flow
from podwire.wire.addr import Ip4
from tests.linux.lab import Lab
from tests.linux.netfilter.nat.natlab import connections, iptables, router, seen, send


def _range(low: str, high: str, flags: int = 0) -> NatRange:
    return NatRange(NF_NAT_RANGE_MAP_IPS | flags, Ip4.parse(low), Ip4.parse(high))


@pytest.mark.parametrize(
    ("src", "dst", "spread", "persistent"),
    [
        ("10.0.0.1", "10.1.1.1", "10.9.0.43", "10.9.0.14"),
        ("10.0.0.1", "10.1.1.2", "10.9.0.23", "10.9.0.14"),
        ("10.0.0.2", "10.1.1.1", "10.9.0.30", "10.9.0.49"),
        ("10.0.0.3", "10.1.1.2", "10.9.0.44", "10.9.0.42"),
        ("10.0.0.77", "10.1.1.1", "10.9.0.29", "10.9.0.7"),
    ],
)
def test_the_address_of_a_range_is_the_one_that_linux_chooses(src: str, dst: str, spread: str, persistent: str) -> None:
    flow = Flow(Ip4.parse(src), Ip4.parse(dst), 1, 5, 8 << 8)
    one = find_best_ips_proto(flow, _range("10.9.0.1", "10.9.0.50"), 0, NF_NAT_MANIP_SRC)
    other = find_best_ips_proto(flow, _range("10.9.0.1", "10.9.0.50", NF_NAT_RANGE_PERSISTENT), 0, NF_NAT_MANIP_SRC)
    assert (str(one.src), str(other.src)) == (spread, persistent)
    assert one.dst == other.dst == flow.dst


def test_a_destination_of_a_range_is_the_one_that_linux_chooses() -> None:
    flow = Flow(Ip4.parse("10.0.0.3"), Ip4.parse("10.200.3.4"), 1, 5, 8 << 8)
    assert str(find_best_ips_proto(flow, _range("10.1.1.0", "10.1.1.255"), 0, NF_NAT_MANIP_DST).dst) == "10.1.1.51"


def _sport(lab: Lab, port: int, *, dport: int = 9, pod: str = "pod") -> int:
    lab.restart()
    send(lab, pod, port, "10.0.0.11", dport).close()
    return int(seen(lab, "node:eth0")[0].split(" ")[0].rpartition(":")[2])


def test_f133_a_free_port_is_kept() -> None:
    lab = router()
    iptables(lab, "node", "-t nat -A POSTROUTING -o eth0 -j MASQUERADE")
    assert [_sport(lab, port) for port in (58595, 1023, 80, 511)] == [58595, 1023, 80, 511]


@pytest.mark.parametrize("option", ["--random", "--random-fully"])
@pytest.mark.parametrize(
    ("port", "low", "high"), [(58595, 1024, 65535), (1023, 600, 1023), (512, 600, 1023), (511, 1, 511), (80, 1, 511)]
)
def test_f133_random_draws_from_the_class_of_the_old_port(option: str, port: int, low: int, high: int) -> None:
    lab = router()
    iptables(lab, "node", f"-t nat -A POSTROUTING -o eth0 -j MASQUERADE {option}")
    drawn = [_sport(lab, port, dport=dport) for dport in range(1, 21)]
    assert all(low <= each <= high for each in drawn)
    assert len(set(drawn)) > 15


@pytest.mark.parametrize(("port", "low", "high"), [(80, 1, 511), (511, 1, 511), (512, 600, 1023), (1024, 1024, 65535)])
def test_f133_every_port_of_a_class_can_be_drawn_and_no_other(
    port: int, low: int, high: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = router()
    draws = iter(range(1 << 16))
    monkeypatch.setattr(NfNat, "random_u16", lambda _self: next(draws))
    flow = Flow(Ip4.parse("10.1.0.2"), Ip4.parse("10.0.0.11"), 17, port, 9)
    ct = Connection(1, flow, Flow(flow.dst, flow.src, 17, 9, port), net=lab["node"])
    wanted = NatRange(NF_NAT_RANGE_PROTO_RANDOM_FULLY)
    found = {
        nf_nat_l4proto_unique_tuple(lab["node"], flow, wanted, NF_NAT_MANIP_SRC, ct).sport
        for _ in range(high - low + 2)
    }
    assert found == set(range(low, high + 1))


def test_f133_one_draw_for_each_connection() -> None:
    lab = router()
    iptables(lab, "node", "-t nat -A POSTROUTING -o eth0 -j MASQUERADE --random-fully")
    socket = lab.udp("pod", 4000)
    for _ in range(5):
        socket.send_to(Ip4.parse("10.0.0.11"), 9, b"x")
        lab.run(0.1)
    assert len(set(seen(lab, "node:eth0"))) == 1
    assert len(connections(lab, "node")) == 1


def test_f133_a_clash_is_resolved_in_the_same_class() -> None:
    lab = router()
    iptables(lab, "node", "-t nat -A POSTROUTING -o eth0 -j MASQUERADE")
    assert _sport(lab, 50505) == 50505
    other = _sport(lab, 50505, pod="pod2")
    assert other != 50505
    assert 1024 <= other <= 65535
    assert _sport(lab, 300) == 300
    assert 1 <= _sport(lab, 300, pod="pod2") <= 511


def test_the_same_port_serves_for_different_destinations() -> None:
    lab = router()
    iptables(lab, "node", "-t nat -A POSTROUTING -o eth0 -j MASQUERADE")
    assert _sport(lab, 50505, dport=1) == _sport(lab, 50505, dport=2, pod="pod2") == 50505


def test_a_source_that_was_given_another_port_keeps_it_for_further_destinations() -> None:
    """``find_appropriate_src``: consistent for who looks from outside."""
    lab = router()
    iptables(lab, "node", "-t nat -A POSTROUTING -o eth0 -j MASQUERADE")
    _sport(lab, 50505)
    other = _sport(lab, 50505, pod="pod2")
    assert _sport(lab, 50505, dport=10, pod="pod2") == other != 50505


def test_a_null_binding_exchanges_a_port_that_another_connection_has() -> None:
    """No rule asks for it: two flows would have the same answers."""
    lab = router()
    iptables(lab, "node", "-t nat -A POSTROUTING -s 10.1.0.2 -j SNAT --to-source 10.0.0.10")
    assert _sport(lab, 4000) == 4000
    lab.restart()
    send(lab, "node", 4000, "10.0.0.11", 9)
    (text,) = seen(lab, "node:eth0")
    assert text.startswith("10.0.0.10:")
    assert not text.startswith("10.0.0.10:4000 ")


def test_f133_the_id_of_icmp_is_kept_or_drawn_like_a_port() -> None:
    lab = router()
    iptables(lab, "node", "-t nat -A POSTROUTING -s 10.1.0.2 -o eth0 -j MASQUERADE")
    ping = lab.ping("pod", "10.0.0.11")
    lab.run(1)
    assert seen(lab, "node:eth0") == [f"10.0.0.10 > 10.0.0.11 id {ping.ident}"]
    assert ping.replies == [(1, 63)]
    lab.restart()
    iptables(lab, "node", "-t nat -A POSTROUTING -s 10.2.0.2 -o eth0 -j MASQUERADE --random-fully")
    ping = lab.ping("pod2", "10.0.0.11", count=2)
    lab.run(2)
    first, second = seen(lab, "node:eth0")
    assert first == second != f"10.0.0.10 > 10.0.0.11 id {ping.ident}"
    assert [seq for seq, _ in ping.replies] == [1, 2]


def test_ports_of_a_range() -> None:
    lab = router()
    iptables(lab, "node", "-t nat -A POSTROUTING -p udp -o eth0 -j SNAT --to-source 10.0.0.10:7000-7003")
    drawn = {_sport(lab, port) for port in range(4000, 4004)}
    assert drawn == {7000, 7001, 7002, 7003}


def test_a_port_in_the_range_is_kept() -> None:
    lab = router()
    iptables(lab, "node", "-t nat -A POSTROUTING -p udp -o eth0 -j MASQUERADE --to-ports 4000-5000")
    assert _sport(lab, 4567) == 4567


def test_a_full_range_ends_in_a_clash() -> None:
    lab = router()
    iptables(lab, "node", "-t nat -A POSTROUTING -p udp -o eth0 -j SNAT --to-source 10.0.0.10:7000")
    assert _sport(lab, 4000) == 7000
    lab.restart()
    send(lab, "pod", 4001, "10.0.0.11", 9)
    assert seen(lab, "node:eth0") == []
    assert [reason for _, reason in lab.drops("node")] == ["NETFILTER_DROP"]


def test_a_destination_range_begins_with_its_first_port() -> None:
    lab = router()
    iptables(lab, "node", "-t nat -A PREROUTING -p udp --dport 53 -j DNAT --to-destination 10.1.0.2:7000-7009")
    for _ in range(2):
        send(lab, "out", 4000, "10.0.0.10", 53).close()
    assert seen(lab, "node:veth1") == ["10.0.0.11:4000 > 10.1.0.2:7000"] * 2


def test_shifted_ports() -> None:
    lab = router()
    iptables(
        lab, "node", "-t nat -A PREROUTING -p udp --dport 1000:1100 -j DNAT --to-destination 10.1.0.2:7000-7100/1000"
    )
    for port in (1000, 1007, 1100):
        send(lab, "out", 4000, "10.0.0.10", port).close()
    assert [text.rpartition(":")[2] for text in seen(lab, "node:veth1")] == ["7000", "7007", "7100"]


def test_the_same_seed_draws_the_same_ports() -> None:
    def drawn(seed: int) -> list[int]:
        lab = router(seed)
        iptables(lab, "node", "-t nat -A POSTROUTING -o eth0 -j MASQUERADE --random-fully")
        return [_sport(lab, port) for port in (4000, 4001, 80)]

    assert drawn(1) == drawn(1) != drawn(2)


def _mapped(lab: Lab, port: int, *, proto: int = 17, state: int = 0, end: int = 0, status: int = 0) -> Connection:
    """A connection of some pod that stands in the node's table with 10.0.0.10 and that port as its source."""
    table = lab["node"].conntrack
    far, out = Ip4.parse("10.1.0.9"), Ip4.parse("10.0.0.11")
    ct = Connection(
        port, Flow(far, out, proto, port, 9), Flow(out, Ip4.parse("10.0.0.10"), proto, 9, port), net=lab["node"]
    )
    ct.status = IPS_CONFIRMED | IPS_SRC_NAT | status
    ct.timeout = lab.network.now + 100 * 10**9
    ct.proto = TcpTrack()
    ct.proto.state = state
    ct.proto.seen[0].td_end = end
    table.insert(ct)
    return ct


def test_a_free_port_is_looked_for_in_smaller_and_smaller_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """128 ports from a random place, then 64 from another one, 32, 16 and 8; then the last one tried is taken."""
    lab = router()
    for port in range(7000, 7500):
        _mapped(lab, port)
    flow = Flow(Ip4.parse("10.0.0.10"), Ip4.parse("10.0.0.11"), 17, 7000, 9)
    ct = Connection(1, flow, Flow(flow.dst, flow.src, 17, 9, 7000), net=lab["node"])
    wanted = NatRange(NF_NAT_RANGE_PROTO_SPECIFIED, min_proto=7000, max_proto=7599)

    def chosen(*draws: int) -> int:
        left = iter(draws)
        monkeypatch.setattr(NfNat, "random_u16", lambda _self: next(left))
        found = nf_nat_l4proto_unique_tuple(lab["node"], flow, wanted, NF_NAT_MANIP_SRC, ct).sport
        assert list(left) == []
        return found

    assert chosen(373) == 7500
    assert chosen(372, 437) == 7500
    assert chosen(372, 436, 469) == 7500
    assert chosen(0, 0, 0, 485) == 7500
    assert chosen(0, 0, 0, 0, 493) == 7500
    assert chosen(0, 0, 0, 0, 492) == 7499


@pytest.mark.parametrize(
    ("state", "end", "status", "taken"),
    [
        (TIME_WAIT, 100, 0, False),
        (CLOSE, 100, 0, False),
        (TIME_WAIT, 200, 0, True),
        (TIME_WAIT, 300, 0, True),
        (ESTABLISHED, 100, 0, True),
        (TIME_WAIT, 100, IPS_FIXED_TIMEOUT, True),
    ],
)
def test_at_last_a_closed_tcp_connection_makes_room_for_a_newer_one(
    state: int, end: int, status: int, *, taken: bool
) -> None:
    lab = router()
    old = _mapped(lab, 7000, proto=6, state=state, end=end, status=status)
    flow = Flow(Ip4.parse("10.0.0.10"), Ip4.parse("10.0.0.11"), 6, 7000, 9)
    ct = Connection(1, flow, Flow(flow.dst, flow.src, 6, 9, 7000), net=lab["node"])
    ct.proto = TcpTrack()
    ct.proto.state = SYN_SENT
    ct.proto.seen[0].td_end = 200
    assert nf_nat_used_tuple_harder(lab["node"], flow, ct, 33)
    assert [each.id for each in connections(lab, "node")] == [old.id]
    assert nf_nat_used_tuple_harder(lab["node"], flow, ct, 32) is taken
    assert (connections(lab, "node") == []) is not taken


def test_both_directions_seen_first_at_once_need_no_other_port() -> None:
    """``nf_nat_used_tuple_new``: the other CPU's connection is this one from the other side."""
    lab = router()
    there = Flow(Ip4.parse("10.1.0.2"), Ip4.parse("10.0.0.11"), 17, 4000, 9)
    back = Flow(there.dst, there.src, 17, 9, 4000)
    other = Connection(1, there, back, net=lab["node"])
    other.status, other.timeout = IPS_CONFIRMED, lab.network.now + 10**9
    lab["node"].conntrack.insert(other)
    ct = Connection(2, back, there, net=lab["node"])
    assert not nf_nat_used_tuple_new(lab["node"], back, ct)
    other.status |= IPS_SRC_NAT
    assert nf_nat_used_tuple_new(lab["node"], back, ct)
