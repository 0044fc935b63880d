"""Section 1.3: reachable_time, the timer wheel, and who is probed when."""

from itertools import pairwise

from podwire.linux.neigh import Nud
from podwire.trace.events import NeighbourChanged
from tests.linux.lab import NSEC, POD1_MAC, POD2_MAC, Lab, calico_same_node, two_nodes

JIFFY = NSEC // 250


def probes(lab: Lab, *places: str) -> list[tuple[float, str]]:
    """Unicast ARP requests: seconds and where."""
    found = []
    for line in lab.sequence(*places, arp=True, times=True):
        words = line.split()
        if words[3] == "U":
            found.append((float(words[0]), words[2]))
    return found


def set_reachable(lab: Lab, where: str, seconds: float) -> None:
    """Fix the drawn reachable time of a device."""
    lab.link(where).neigh.reachable_time = round(seconds * NSEC)


def test_f13_reachable_time_is_drawn_per_device_between_half_and_one_and_a_half() -> None:
    drawn = []
    for seed in range(120):
        lab = calico_same_node(seed)
        drawn += [
            lab.link(where).neigh.reachable_time / NSEC for where in ("node:cali111", "node:cali222", "pod1:eth0")
        ]
    assert 15 <= min(drawn) < 16
    assert 44 < max(drawn) < 45
    assert 29 < sum(drawn) / len(drawn) < 31
    assert len(set(drawn)) == len(drawn), "every device has its own"
    thirds = [sum(low <= value < low + 10 for value in drawn) for low in (15, 25, 35)]
    assert min(thirds) > len(drawn) / 4, "uniform"


def test_f13_the_draw_depends_on_seed_and_name_alone() -> None:
    def draw(seed: int) -> list[int]:
        lab = calico_same_node(seed)
        return [lab.link(where).neigh.reachable_time for where in ("node:cali111", "node:cali222", "pod2:eth0")]

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)


def test_f13_a_new_base_draws_at_once() -> None:
    lab = calico_same_node()
    lab.sysctl("node", "neigh/cali111/base_reachable_time_ms", 2000)
    assert 1 * NSEC <= lab.link("node:cali111").neigh.reachable_time < 3 * NSEC


def test_f13_it_is_drawn_anew_every_300_seconds() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12")
    first = lab.link("node:cali222").neigh.reachable_time
    lab.run_to(298)
    lab.ping("pod1", "192.168.1.12")
    assert lab.link("node:cali222").neigh.reachable_time == first
    lab.run_to(310)
    assert lab.link("node:cali222").neigh.reachable_time != first
    assert 15 * NSEC <= lab.link("node:cali222").neigh.reachable_time < 45 * NSEC


def test_f14_reachable_ends_in_stale_although_packets_flow_every_second() -> None:
    lab = calico_same_node()
    for where in ("node:cali111", "node:cali222", "pod1:eth0", "pod2:eth0"):
        set_reachable(lab, where, 20)
    lab.ping("pod1", "192.168.1.12", count=100)
    lab.run(100)
    assert lab.changes("node:cali222", "192.168.1.12")[:6] == [
        ("NONE", "resolve", "INCOMPLETE"),
        ("INCOMPLETE", "reply", "REACHABLE"),
        ("REACHABLE", "reachable-time", "STALE"),
        ("STALE", "used", "DELAY"),
        ("DELAY", "unconfirmed", "PROBE"),
        ("PROBE", "reply", "REACHABLE"),
    ]
    assert not any(cause == "in-use" for _, cause, _ in lab.changes("node:cali222", "192.168.1.12"))


def test_f14_period_of_the_probes_of_a_busy_entry() -> None:
    lab = calico_same_node()
    set_reachable(lab, "node:cali222", 20)
    lab.ping("pod1", "192.168.1.12", count=200)
    lab.run(200)
    times = [time for time, _ in probes(lab, "node:cali222")]
    assert len(times) >= 6
    for earlier, later in pairwise(times):
        # reachable_time (+ up to 2.048 s), the next packet (up to 1 s), 5 s (+ up to 0.256 s)
        assert 25 < later - earlier <= 20 + 2.048 + 1 + 5.256 + 0.01


def test_f15_five_second_timer_one_second_timer_and_reachable_time_are_rounded_up() -> None:
    delays, first, chained, ends = set(), set(), set(), set()
    for step in range(64):
        lab = calico_same_node()
        lab.network.sleep(step * JIFFY)
        lab.restart()
        set_reachable(lab, "node:cali222", 20)
        lab.ping("pod1", "192.168.1.12")
        lab.run(30)
        delays.add(round(probes(lab, "node:cali111")[0][0], 3))
        ends |= {
            lab.since(seen.time)
            for seen in lab.events(NeighbourChanged, "node")
            if (seen.event.dev, seen.event.cause) == ("cali222", "reachable-time")
        }
        lab.sysctl("gw", "conf/all/arp_ignore", 8)
        lab.restart()
        lab.ping("node", "8.8.8.8")
        lab.run(4)
        times = [float(line.split()[0]) for line in lab.sequence("node:eth0", arp=True, times=True)]
        assert len(times) == 3
        first.add(round(times[1] - times[0], 3))
        chained.add(round(times[2] - times[1], 3))
    assert (min(delays), max(delays)) == (5.004, 5.256)
    assert len(delays) == 64, "every jiffy of the bucket is seen"
    assert (min(first), max(first)) == (1.004, 1.032)
    assert chained == {1.024}
    assert min(ends) >= 20.0
    assert max(ends) <= 22.05


def test_f15_with_hz_1000_the_delay_spreads_wider() -> None:
    delays = set()
    for step in range(0, 512, 37):
        lab = calico_same_node()
        lab["node"].machine.hz = 1000
        lab.network.sleep(step * NSEC // 1000)
        lab.restart()
        lab.set_neigh("node:cali111", "192.168.1.11", POD1_MAC, Nud.STALE)
        lab.restart()
        lab.ping("node", "192.168.1.11")
        lab.run(6)
        delays.add(probes(lab, "node:cali111")[0][0])
    assert min(delays) >= 5.001
    assert 5.256 < max(delays) <= 5.513


def test_f16_entries_of_one_bucket_fire_in_one_tick_last_armed_first() -> None:
    lab = two_nodes(one_kernel=True)
    lab.ping("pod1", "192.168.2.12")
    armed = [(seen.netns, seen.event.dev) for seen in lab.events(NeighbourChanged) if seen.event.cause == "used"]
    assert armed == [("node2", "eth0"), ("node1", "cali111")]
    lab.restart()
    lab.run(6)
    assert lab.sequence() == [
        "TX node1:cali111 U who-has 192.168.1.11 tell 10.0.0.23",
        "TX node2:eth0 U who-has 10.0.0.23 tell 10.0.0.24",
        "TX pod1:eth0 reply 192.168.1.11 is-at 32:ae:50:1c:7c:42",
        "TX node1:eth0 reply 10.0.0.23 is-at 42:01:0a:00:00:17",
    ]


def test_f16_two_machines_probe_in_their_own_ticks() -> None:
    lab = two_nodes()
    lab.ping("pod1", "192.168.2.12")
    lab.run(6)
    assert {where for _, where in probes(lab)} == {"node1:cali111", "node2:eth0"}
    assert all(5.0 <= time <= 5.26 for time, _ in probes(lab))


def test_f16_on_one_node_too_and_all_probes_leave_before_any_is_answered() -> None:
    lab = calico_same_node()
    lab.set_neigh("node:cali111", "192.168.1.11", POD1_MAC, Nud.STALE)
    lab.set_neigh("node:cali222", "192.168.1.12", POD2_MAC, Nud.STALE)
    lab.ping("node", "192.168.1.11")
    lab.ping("node", "192.168.1.12")
    lab.run(0.3)
    lab.restart()
    lab.run(6)
    assert [line for line in lab.sequence("node:cali111", "node:cali222", "pod1:eth0", "pod2:eth0") if "10.0" in line][
        :2
    ] == [
        "TX node:cali222 U who-has 192.168.1.12 tell 10.0.0.23",  # armed last
        "TX node:cali111 U who-has 192.168.1.11 tell 10.0.0.23",
    ]
    first_reply = next(i for i, line in enumerate(lab.sequence(arp=True)) if " reply " in line)
    assert first_reply >= 2


def test_f17_idle_for_150_seconds_entries_go_stale_and_stay_and_nobody_asks() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12")
    lab.run(6)
    lab.restart()
    lab.run(150)
    assert lab.sequence() == []
    assert set(lab.neigh("node").values()) == {"STALE"}
    assert lab.neigh("pod1") == {"169.254.1.1 dev eth0": "STALE", "10.0.0.23 dev eth0": "STALE"}
    assert len(lab.neigh("node")) == 2


def test_f18_ping_does_not_keep_the_pods_own_gateway_entry_alive() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12", count=100)
    lab.run(100)
    gateway = lab.changes("pod1:eth0", "169.254.1.1")
    assert [new for _, _, new in gateway[:6]] == ["INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE", "REACHABLE"]
    unicast = [line for line in lab.sequence("pod1:eth0", arp=True) if " U who-has 169.254.1.1 " in line]
    assert unicast


def test_f19_one_way_udp_only_the_entries_in_use_are_probed() -> None:
    lab = calico_same_node()
    lab.udp("pod2", 9)
    socket = lab.udp("pod1", 40000)
    target = lab.link("pod2:eth0").addresses[0].local
    for second in range(60):
        lab.at(second, lambda: socket.send_to(target, 9, b"hello"))
    lab.run(62)
    assert {where for _, where in probes(lab)} == {"pod1:eth0", "node:cali222"}
    assert lab.changes("node:cali111", "192.168.1.11") == [("NONE", "request", "STALE")]
    asked = [line for line in lab.sequence("pod2:eth0", arp=True) if "who-has" in line]
    assert asked == [], "pod2 never asks"
