"""What is learned of paths: whose it is, for how long, and who acts by it. The kernel's answers: oracle scripts pmtu_*."""

from __future__ import annotations

from errno import EMSGSIZE, ENETUNREACH

import msgspec
import pytest

from podwire.linux.fib import RT_TABLE_MAIN, Route
from podwire.linux.path.exception import FibInfo, fib_info_of
from podwire.linux.path.route import ip_route_output
from podwire.linux.path.routein import ip_route_input
from podwire.linux.path.rtupdate import ipv4_update_pmtu
from podwire.linux.socket import PMTUDISC_DO, PMTUDISC_DONT, PMTUDISC_PROBE, PMTUDISC_WANT, PingSocket, SocketError
from podwire.trace.events import IcmpSent, Transmitted
from podwire.wire.addr import Ip4, Net
from podwire.wire.headers import Icmp, IPv4
from podwire.wire.packet import Packet
from tests.linux.lab import Lab

A, B, R = (Ip4.parse(text) for text in ("10.0.0.1", "10.0.1.2", "10.0.0.254"))


def routed(mtu: int = 1500) -> Lab:
    """``a`` - ``r`` - ``b``; the second cable takes ``mtu``."""
    lab = Lab()
    lab.machine("host")
    for name in ("a", "r", "b"):
        lab.netns("host", name)
    lab.veth("a:e0", "02:00:00:00:00:0a", "r:e0", "02:00:00:00:01:00")
    lab.veth("r:e1", "02:00:00:00:01:01", "b:e0", "02:00:00:00:00:0b")
    lab.addr("a:e0", "10.0.0.1/24")
    lab.addr("r:e0", "10.0.0.254/24")
    lab.addr("r:e1", "10.0.1.254/24")
    lab.addr("b:e0", "10.0.1.2/24")
    lab.route("a", "default via 10.0.0.254 dev e0")
    lab.route("b", "default via 10.0.1.254 dev e0")
    lab.sysctl("r", "ip_forward", 1)
    for where in ("r:e1", "b:e0"):
        lab.door(where[0]).link_set_mtu(lab.link(where), mtu)
    lab.restart()
    return lab


def quote(dst: Ip4 = B, src: Ip4 = A, tos: int = 0) -> Packet:
    return Packet((IPv4(src, dst, 1, tos=tos), Icmp(8, 0, 0x10001)), bytes(8))


def take(lab: Lab, name: str, prefix: str, mtu: int) -> None:
    """``ip route replace``: the same route with an MTU."""
    route = next(each for each in lab[name].tables[RT_TABLE_MAIN] if each.dst == Net.parse(prefix))
    changed = msgspec.structs.replace(route, metrics=(("mtu", mtu),))
    lab.door(name).route_add(changed, exclusive=False, replace=True)


def learn(lab: Lab, name: str, mtu: int, dst: Ip4 = B, src: Ip4 = A) -> None:
    ipv4_update_pmtu(lab[name], quote(dst, src), mtu)


def mtu_of(lab: Lab, name: str, dst: Ip4 = B) -> int:
    return ip_route_output(lab[name], dst).effective_mtu


def send(lab: Lab, size: int, pmtudisc: int) -> list[tuple[int, bool]]:
    """What leaves ``a``: size and DF of each piece."""
    lab.restart()
    socket = PingSocket(lab["a"], 77, lambda: None)
    socket.pmtudisc = pmtudisc
    try:
        socket.send(B, Icmp(8, 0, 77 << 16 | 1), bytes(size - 28))
    finally:
        socket.close()
    frames = [record.event.frame for record in lab.events(Transmitted, "a")]
    return [(frame.size - 14, ip.df) for frame in frames if (ip := frame.find(IPv4)) is not None and ip.src == A]


# -- whose ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "local"),
        ("scope", 253),
        ("table", 100),
        ("proto", 4),
        ("metric", 7),
        ("src", A),
        ("metrics", (("mtu", 1300),)),
        ("locked", frozenset({"mtu"})),
        ("nexthops", ()),
    ],
)
def test_routes_that_differ_in_this_learn_for_themselves(field: str, value: object) -> None:
    route = next(each for each in routed()["a"].tables[RT_TABLE_MAIN] if each.dst.plen == 0)
    other = msgspec.structs.replace(route, **{field: value})
    assert fib_info_of(other) != fib_info_of(route)
    assert set(FibInfo.__struct_fields__) - set(Route.__struct_fields__) == set()


def test_routes_that_differ_in_prefix_tos_and_writer_alone_share_what_is_learned() -> None:
    lab = routed()
    learn(lab, "a", 1400)
    lab.route("a", "10.0.1.0/24 via 10.0.0.254 dev e0")
    assert mtu_of(lab, "a") == 1400
    lab.route_del("a", "default")
    assert mtu_of(lab, "a") == 1400, "the other one still holds it"
    lab.route_del("a", "10.0.1.0/24")
    assert lab["a"].exceptions == {}


def test_a_leg_that_is_dead_is_still_that_leg() -> None:
    route = next(each for each in routed()["a"].tables[RT_TABLE_MAIN] if each.dst.plen == 0)
    dead = msgspec.structs.replace(route, nexthops=(msgspec.structs.replace(route.nexthops[0], dead=True),))
    assert fib_info_of(dead) == fib_info_of(route)


def test_an_error_teaches_the_route_of_the_type_of_service_that_it_quotes() -> None:
    lab = routed()
    route = next(each for each in lab["a"].tables[RT_TABLE_MAIN] if each.dst.plen == 0)
    lab.door("a").route_add(msgspec.structs.replace(route, tos=0x10, metric=7))
    ipv4_update_pmtu(lab["a"], quote(tos=0x10), 1400)
    assert ip_route_output(lab["a"], B, tos=0x10).effective_mtu == 1400
    assert mtu_of(lab, "a") == 1500


def test_only_the_route_that_the_packet_took_learns() -> None:
    lab = routed()
    lab.route("a", "10.0.1.0/24 via 10.0.0.254 dev e0 metric 5")
    learn(lab, "a", 1400)
    assert mtu_of(lab, "a") == 1400
    lab.route_del("a", "10.0.1.0/24")
    assert mtu_of(lab, "a") == 1500


@pytest.mark.parametrize("dst", ["10.0.0.255", "127.0.0.1", "10.0.0.1"])
def test_routes_to_oneself_and_to_all_learn_nothing(dst: str) -> None:
    lab = routed()
    learn(lab, "a", 100, Ip4.parse(dst))
    assert lab["a"].exceptions == {}


def test_an_error_about_a_source_that_is_not_ours_teaches_nothing() -> None:
    lab = routed()
    learn(lab, "a", 1400, src=Ip4.parse("10.0.0.77"))
    assert lab["a"].exceptions == {}


# -- what and how long ------------------------------------------------------------------------------------------------


def test_what_is_learned_falls_and_never_rises() -> None:
    lab = routed()
    learn(lab, "a", 1501)
    assert lab["a"].exceptions == {}
    for told, kept in ((1500, 1500), (1400, 1400), (1450, 1400), (1300, 1300)):
        learn(lab, "a", told)
        assert mtu_of(lab, "a") == kept


def test_the_same_again_renews_it_in_the_second_half_of_its_time_only() -> None:
    lab = routed()
    learn(lab, "a", 1400)
    first = lab.learned("a")[B].expires
    lab.run(299)
    learn(lab, "a", 1400)
    assert lab.learned("a")[B].expires == first
    lab.run(2)
    learn(lab, "a", 1400)
    assert lab.learned("a")[B].expires == first + 301_000_000_000


def test_less_than_the_minimum_is_the_minimum_and_locked_and_then_stays() -> None:
    lab = routed()
    learn(lab, "a", 551)
    assert (mtu_of(lab, "a"), lab.learned("a")[B].locked) == (552, True)
    learn(lab, "a", 540)
    lab.run(601)
    assert mtu_of(lab, "a") == 1500


def test_a_device_that_takes_less_than_the_minimum_is_not_raised_to_it() -> None:
    lab = routed()
    lab.door("a").link_set_mtu(lab.link("a:e0"), 400)
    learn(lab, "a", 300)
    assert (mtu_of(lab, "a"), lab.learned("a")[B].locked) == (400, True)


# -- who acts by it ---------------------------------------------------------------------------------------------------


def test_a_socket_that_probes_does_not_care_and_sets_df() -> None:
    lab = routed()
    learn(lab, "a", 1000)
    assert send(lab, 1500, PMTUDISC_PROBE)[0] == (1500, True)
    assert send(lab, 1400, PMTUDISC_WANT) == [(996, False), (424, False)]
    assert send(lab, 1000, PMTUDISC_WANT) == [(1000, True)]
    with pytest.raises(SocketError) as refused:
        send(lab, 1501, PMTUDISC_PROBE)
    assert (refused.value.errno, refused.value.mtu) == (EMSGSIZE, 1500)
    with pytest.raises(SocketError) as refused:
        send(lab, 1001, PMTUDISC_DO)
    assert (refused.value.errno, refused.value.mtu) == (EMSGSIZE, 1000)


def test_a_locked_path_mtu_takes_df_away_but_from_those_who_insist() -> None:
    lab = routed()
    learn(lab, "a", 300)
    assert send(lab, 552, PMTUDISC_WANT) == [(552, False)]
    assert send(lab, 552, PMTUDISC_DO) == [(552, True)]


@pytest.mark.parametrize(("told", "switch", "mtu"), [(1000, 0, 1500), (1000, 1, 1000), (300, 0, 552), (300, 1, 552)])
def test_f093_a_router_heeds_what_it_learned_only_if_told_to_or_locked(told: int, switch: int, mtu: int) -> None:
    lab = routed()
    learn(lab, "r", told, src=Ip4.parse("10.0.1.254"))
    lab.sysctl("r", "ip_forward_use_pmtu", switch)
    dst = ip_route_input(lab["r"], B, A, lab.link("r:e0"))
    assert (dst.pmtu, dst.forward_mtu(lab["r"])) == (min(max(told, 552), 1000), mtu)
    send(lab, 1500, PMTUDISC_DO)
    errors = [record.event.code for record in lab.events(IcmpSent, "r")]
    assert errors == ([4] if mtu < 1500 else [])


@pytest.mark.parametrize(
    ("mode", "mtu", "heard"), [(0, 1400, [1400]), (1, 552, [0]), (2, 1500, []), (3, 1500, []), (4, 552, [0])]
)
def test_how_much_of_an_error_is_believed(mode: int, mtu: int, heard: list[int]) -> None:
    lab = routed(1400)
    lab.sysctl("a", "ip_no_pmtu_disc", mode)
    socket = PingSocket(lab["a"], 77, lambda: None)
    assert socket.pmtudisc == (PMTUDISC_DONT if mode else PMTUDISC_WANT)
    socket.pmtudisc = PMTUDISC_WANT
    socket.send(B, Icmp(8, 0, 77 << 16 | 1), bytes(1472))
    lab.run(0.1)
    assert [report.mtu for report in socket.errors] == heard
    assert mtu_of(lab, "a") == mtu


def test_a_socket_that_never_sets_df_learns_of_it_and_hears_nothing() -> None:
    lab = routed(1400)
    socket = PingSocket(lab["a"], 77, lambda: None)
    # It changes its mind when the packet is made, and before the error comes.
    socket.on_send = lambda _: setattr(socket, "pmtudisc", PMTUDISC_DONT)
    socket.send(B, Icmp(8, 0, 77 << 16 | 1), bytes(1472))
    lab.run(0.1)
    assert (list(socket.errors), mtu_of(lab, "a")) == ([], 1400)


# -- less than IPv4 has -----------------------------------------------------------------------------------------------


def test_nothing_is_sent_nor_answered_by_a_route_below_68() -> None:
    lab = routed()
    take(lab, "a", "0.0.0.0/0", 67)
    with pytest.raises(SocketError) as refused:
        send(lab, 60, PMTUDISC_WANT)
    assert refused.value.errno == ENETUNREACH
    lab.restart()
    probe = lab.ping("b", "10.0.0.1")
    lab.run(1)
    assert probe.replies == []
    lab.ping("b", "10.0.0.1", count=1)
    assert [frame for frame in lab.frames("a:e0") if frame.find(Icmp) is not None and frame.find(IPv4).src == A] == []  # type: ignore[union-attr]


def test_an_error_that_the_way_back_cannot_take_is_withheld() -> None:
    lab = routed(1400)
    take(lab, "r", "10.0.0.0/24", 60)
    send(lab, 1500, PMTUDISC_DO)
    assert [record.event.withheld for record in lab.events(IcmpSent, "r")] == ["the route back takes too little"]
