"""F102 to F104: how many ICMP errors a sender gets (kernel sheet, section 5.4; recorded/icmp_limits.out)."""

from itertools import pairwise

import pytest

from podwire.trace.events import IcmpSent
from podwire.wire.addr import Ip4
from podwire.wire.headers import Udp
from tests.linux.lab import Lab, Ping, calico_same_node

GW = "10.0.0.1"


def node(**sysctls: int) -> Lab:
    """pod1 and its node, which refuses 10.6.0.0/16 by an unreachable route; what is asked often is resolved."""
    lab = calico_same_node()
    lab.route("node", "unreachable 10.6.0.0/16")
    lab.route("gw", "192.168.1.0/24 via 10.0.0.23")
    for key, value in sysctls.items():
        lab.sysctl("node", key, value)
    lab.ping("pod1", GW)
    lab.run(30)
    lab.restart()
    return lab


def seqs(ping: Ping) -> list[int]:
    return [seq for _, _, seq in ping.errors]


# -- F102: six at once, then one a second ---------------------------------------------------------------------------


def test_f102_time_exceeded_six_at_once_then_one_per_second() -> None:
    lab = node()
    ping = lab.ping("pod1", GW, ttl=1, count=50, interval=0.2)
    lab.run(11)
    # 5 a second: 6 + 1/s; the tokens of the burst's own 1.2 s make one more of the first ones.
    first, later = seqs(ping)[:7], seqs(ping)[7:]
    assert first == [1, 2, 3, 4, 5, 6, 7]
    assert {after - before for before, after in pairwise(later)} == {5}
    assert len(ping.errors) in {15, 16}


def test_f102_a_burst_of_ten_gets_exactly_six_and_two_more_after_two_seconds() -> None:
    """The recorded script: 10 in 0.1 s, 2.1 s of silence, 5 more."""
    lab = node()
    burst = lab.ping("pod1", GW, ttl=1, count=10, interval=0.01)
    lab.run(2.25)
    again = lab.ping("pod1", GW, ttl=1, count=5, interval=0.01)
    lab.run(1)
    assert seqs(burst) == [1, 2, 3, 4, 5, 6]
    assert seqs(again) == [1, 2]
    withheld = [r.event.withheld for r in lab.events(IcmpSent) if not r.event.id]
    assert withheld == ["ratelimit"] * 7


def test_f102_one_per_second_is_never_limited() -> None:
    lab = node()
    ping = lab.ping("pod1", GW, ttl=1, count=12, interval=1)
    lab.run(13)
    assert seqs(ping) == list(range(1, 13))


def test_f102_closed_udp_ports_and_arp_failures_too() -> None:
    lab = node()
    socket = lab.udp("pod1", 5000)
    for port in range(1, 11):
        socket.send_to(Ip4.parse("10.0.0.23"), port, b"")
    assert [(report.icmp.type, report.icmp.code) for report in socket.errors] == [(3, 3)] * 6
    lab = node()
    lab.set_neigh("node:cali222", "192.168.1.99", "02:00:00:00:00:99")
    lab.del_neigh("node:cali222", "192.168.1.99")
    lab.route("node", "192.168.1.99 dev cali222 scope link")
    silent = lab.ping("pod1", "192.168.1.99", count=10, interval=0.01)
    lab.run(5)
    assert seqs(silent) == [1, 2, 3, 4, 5, 6]
    assert {kind for kind, _, _ in silent.errors} == {"3/1"}


def test_f102_the_limit_is_per_sender_of_the_offending_packet() -> None:
    lab = node()
    one = lab.ping("pod1", GW, ttl=1, count=10, interval=0.01)
    two = lab.ping("pod2", GW, ttl=1, count=10, interval=0.01)
    lab.run(1)
    assert seqs(one) == seqs(two) == [1, 2, 3, 4, 5, 6]


# -- F103: route errors are charged twice ---------------------------------------------------------------------------


def test_f103_a_burst_of_twenty_gets_two_and_then_nothing() -> None:
    lab = node()
    burst = lab.ping("pod1", "10.6.0.1", count=20, interval=0.01)
    lab.run(1)
    assert seqs(burst) == [1, 2]
    lab = node()
    steady = lab.ping("pod1", "10.6.0.1", count=40, interval=0.2)
    lab.run(9)
    assert len(steady.errors) == 2


def test_f103_one_ping_a_second_one_to_four_and_then_never_again() -> None:
    lab = node()
    ping = lab.ping("pod1", "10.6.0.1", count=100, interval=1)
    lab.run(101)
    assert seqs(ping) == [1, 2, 3, 4]


def test_f103_at_two_point_two_seconds_every_one() -> None:
    lab = node()
    ping = lab.ping("pod1", "10.6.0.1", count=20, interval=2.2)
    lab.run(50)
    assert seqs(ping) == list(range(1, 21))


def test_f103_after_two_seconds_of_silence_one_error_more() -> None:
    """The recorded script: 10 in 0.1 s, 2.2 s of silence, 2 more: one error."""
    lab = node()
    lab.ping("pod1", "10.6.0.1", count=10, interval=0.01)
    lab.run(2.35)
    again = lab.ping("pod1", "10.6.0.1", count=2, interval=0.01)
    lab.run(1)
    assert seqs(again) == [1]


@pytest.mark.parametrize("kind", ["unreachable", "prohibit", "throw"])
def test_f103_every_kind_of_route_error(kind: str) -> None:
    lab = node()
    lab.route("node", f"{kind} 10.7.0.0/16")
    ping = lab.ping("pod1", "10.7.0.1", count=10, interval=0.01)
    lab.run(1)
    assert seqs(ping) == [1, 2]


def test_f103_no_route_at_all() -> None:
    lab = node()
    lab.route_del("node", "default")
    ping = lab.ping("pod1", "8.8.8.8", count=10, interval=0.01)
    lab.run(1)
    assert [kind for kind, _, _ in ping.errors] == ["3/0", "3/0"]


def test_finding_05_icmp_ratelimit_0_lets_all_time_exceeded_through_and_starves_route_errors() -> None:
    """F103 refined: the ICMP side caps the shared counter at 0, so a route error needs a second of silence (recorded/icmp_limits.out)."""
    lab = node(icmp_ratelimit=0)
    exceeded = lab.ping("pod1", GW, ttl=1, count=20, interval=0.01)
    lab.run(0.45)
    assert len(exceeded.errors) == 20
    refused = lab.ping("pod1", "10.6.0.1")
    lab.run(1.3)
    assert refused.errors == []
    later = lab.ping("pod1", "10.6.0.1", count=3, interval=0.01)
    lab.run(1)
    assert seqs(later) == [1]


def test_f103_the_cost_is_a_switch() -> None:
    lab = node(**{"route/error_cost": 0})
    ping = lab.ping("pod1", "10.6.0.1", count=20, interval=0.01)
    lab.run(1)
    # Only the ICMP side is left: its burst of six, less what ip_error's cap of 5 s took.
    assert seqs(ping) == [1, 2, 3, 4, 5]


# -- F104: what is not limited --------------------------------------------------------------------------------------


def test_f104_echo_replies_are_not_limited() -> None:
    lab = node()
    ping = lab.ping("pod1", "10.0.0.23", count=200, interval=0.001)
    lab.run(1)
    assert len(ping.replies) == 200


def test_f104_errors_that_go_over_lo_are_not_limited() -> None:
    lab = node()
    lab.route("pod1", "10.99.0.0/16 dev eth0 scope link")
    lab.sysctl("node", "conf/cali111/proxy_arp", 0)
    ping = lab.ping("pod1", "10.99.0.1", count=20, interval=0.01)
    lab.run(5)
    assert seqs(ping) == list(range(1, 21))


def test_f104_redirects_have_limits_of_their_own() -> None:
    lab = node()
    lab.route("gw", "10.5.0.0/16 via 10.0.0.23")
    lab.route("node", "10.5.0.1 via 10.0.0.77 dev eth0 onlink")
    lab.set_neigh("node:eth0", "10.0.0.77", "02:00:00:00:00:77")
    lab.sysctl("gw", "conf/all/accept_redirects", 0)
    lab.sysctl("gw", "conf/eth0/accept_redirects", 0)
    lab.ping("gw", "10.5.0.1", count=10, interval=1)
    lab.run(11)
    redirects = [r.event for r in lab.events(IcmpSent, "node") if r.event.type == 5]
    # Of a bucket of six, a second apart, time exceeded would get every one; here the pauses double (finding 3).
    assert [bool(event.id) for event in redirects] == [True] * 7


# -- the machine-wide limit and the switch of the simulator ----------------------------------------------------------


def test_the_machine_wide_limit_of_fifty() -> None:
    lab = node()
    for number in range(1, 101):
        lab.addr("pod1:eth0", f"192.168.9.{number}/32")
    lab.route("node", "192.168.9.0/24 dev cali111 scope link")
    for number in range(1, 101):
        lab.set_neigh("node:cali111", f"192.168.9.{number}", str(lab.link("pod1:eth0").mac))
    for number in range(1, 101):
        lab.ping("pod1", GW, ttl=1, source=f"192.168.9.{number}")
    sends = [r.event for r in lab.events(IcmpSent, "node")]
    assert len(sends) == 100
    assert sum(bool(event.id) for event in sends) == 50


@pytest.mark.parametrize("target", [("10.6.0.1", 0), (GW, 1)])
def test_with_the_switch_off_every_error_gets_through(target: tuple[str, int]) -> None:
    lab = node()
    lab["node"].machine.icmp_ratelimits = False
    dst, ttl = target
    ping = lab.ping("pod1", dst, ttl=ttl, count=100, interval=0.001)
    lab.run(1)
    assert seqs(ping) == list(range(1, 101))


def test_types_outside_icmp_ratemask_are_not_limited() -> None:
    lab = node(icmp_ratemask=0)
    socket = lab.udp("pod1", 5000)
    for port in range(1, 21):
        socket.send(Ip4.parse("10.0.0.23"), Udp(5000, port), b"")
    assert len(socket.errors) == 20
