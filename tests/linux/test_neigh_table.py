"""The neighbour table as a whole: garbage collection, overflow, and entries of special devices."""

import pytest

from podwire.linux.errors import NetlinkError
from podwire.linux.neigh import Nud
from podwire.linux.netlink import Netlink
from podwire.linux.skb import Skb, truesize
from podwire.wire.addr import Ip4, Mac
from podwire.wire.headers import ARPOP_REQUEST, IPv4, Udp
from podwire.wire.packet import Packet
from tests.linux.lab import Lab, arp_frame, pair


def crowd(lab: Lab, count: int, first: int = 100) -> None:
    """Neighbours that ask for us: STALE entries."""
    for last in range(first, first + count):
        frame = arp_frame(ARPOP_REQUEST, Mac(0x020000000000 | last), f"10.0.0.{last}", "10.0.0.1")
        lab.inject("b:v1", frame)


def limits(lab: Lab, first: int, second: int = 512, third: int = 1024) -> None:
    """gc_thresh1 to 3, which the first namespace of the machine has."""
    door = Netlink(lab.door("a").netns.machine.root.netns)
    for number, value in enumerate((first, second, third), 1):
        door.sysctl_write(f"net/ipv4/neigh/default/gc_thresh{number}", str(value))


def test_the_defaults_of_all_devices_are_those_of_the_first_namespace() -> None:
    # neigh_sysctl_register: no other namespace has "default"; neigh_parms_alloc copies arp_tbl.parms (the oracle's sysctl).
    lab = pair()
    inside = lab.door("a")
    first = Netlink(inside.netns.machine.root.netns)
    assert not any("/default/" in path for path in inside.sysctl_paths() if "/neigh/" in path)
    with pytest.raises(NetlinkError):
        inside.sysctl_read("net/ipv4/neigh/default/proxy_delay")
    first.sysctl_write("net/ipv4/neigh/default/proxy_delay", "7")
    assert first.sysctl_read("net/ipv4/neigh/default/proxy_delay") == "7"
    assert inside.sysctl_read("net/ipv4/neigh/v0/proxy_delay") == "80"
    inside.link_add("d0", "dummy")
    assert inside.sysctl_read("net/ipv4/neigh/d0/proxy_delay") == "7"


def test_f17_below_gc_thresh1_stale_entries_stay() -> None:
    lab = pair()
    crowd(lab, 100)
    lab.run(1000)
    assert len(lab.neigh("a")) == 100


def test_from_gc_thresh1_on_what_was_not_used_for_gc_stale_time_goes() -> None:
    lab = pair()
    limits(lab, 10)
    crowd(lab, 20)
    lab.run(58)
    assert len(lab.neigh("a")) == 20
    lab.run(20)
    assert len(lab.neigh("a")) == 0


def test_gc_stale_time_is_a_sysctl() -> None:
    lab = pair()
    limits(lab, 10)
    lab.sysctl("a", "neigh/v0/gc_stale_time", 300)
    crowd(lab, 20)
    lab.run(290)
    assert len(lab.neigh("a")) == 20
    lab.run(40)
    assert len(lab.neigh("a")) == 0


def test_used_permanent_and_timed_entries_are_spared() -> None:
    lab = pair()
    limits(lab, 3)
    crowd(lab, 5)
    lab.set_neigh("a:v0", "10.0.0.7", "02:00:00:00:00:07")
    for second in range(0, 200, 10):
        lab.at(second, lambda: lab.ping("a", "10.0.0.2"))
    lab.run(195)
    assert set(lab.neigh("a")) == {"10.0.0.2 dev v0", "10.0.0.7 dev v0"}


def test_failed_entries_go_at_the_next_round() -> None:
    lab = pair()
    limits(lab, 3)
    lab.sysctl("b", "conf/all/arp_ignore", 8)
    for last in range(50, 55):
        lab.ping("a", f"10.0.0.{last}")
    lab.run(4)
    assert set(lab.neigh("a").values()) == {"FAILED"}
    lab.run(15)
    assert lab.neigh("a") == {}


def test_the_collector_rests_while_the_table_is_small_and_comes_back() -> None:
    lab = pair()
    limits(lab, 3)
    for _ in range(2):
        crowd(lab, 4)
        lab.run(100)
        assert lab.neigh("a") == {}
    crowd(lab, 2)
    lab.run(500)
    assert len(lab.neigh("a")) == 2


def test_above_gc_thresh3_the_oldest_entries_make_room() -> None:
    lab = pair()
    limits(lab, 500, 8, 10)
    crowd(lab, 10)
    lab.run(6)
    crowd(lab, 1, first=200)
    assert set(lab.neigh("a")) == {f"10.0.0.{last} dev v0" for last in (*range(102, 110), 200)}, (
        "down to gc_thresh2, the oldest first"
    )


def test_between_gc_thresh2_and_3_only_every_five_seconds() -> None:
    lab = pair()
    limits(lab, 500, 4, 100)
    crowd(lab, 6)
    lab.run(6)
    crowd(lab, 1, first=200)
    assert len(lab.neigh("a")) == 5
    crowd(lab, 3, first=210)
    assert len(lab.neigh("a")) == 8, "these are young, and the table was searched just now"


def test_a_full_table_of_young_entries_lets_nobody_in() -> None:
    lab = pair()
    limits(lab, 500, 8, 10)
    crowd(lab, 10)
    lab.restart()
    assert lab.ask("b:v1", "10.0.0.1", "10.0.0.2") == "", (
        "the sender cannot be learned, so there is no answer (arp_process)"
    )
    lab.ping("a", "10.0.0.2")
    assert lab.drops("a")[-1] == ("ip_finish_output2", "NEIGH_CREATEFAIL")
    assert "10.0.0.2 dev v0" not in lab.neigh("a")


def test_permanent_entries_are_not_counted() -> None:
    lab = pair()
    limits(lab, 500, 8, 10)
    for last in range(100, 120):
        lab.set_neigh("a:v0", f"10.0.0.{last}", "02:00:00:00:00:07")
    echo = lab.ping("a", "10.0.0.2")
    assert echo.replies == [(1, 64)]


# -- devices without ARP --------------------------------------------------------------------------------------------


def test_a_device_without_arp_sends_to_its_own_address_and_hears_none() -> None:
    # The oracle's arp_requests, finding 24.
    lab = pair()
    lab.door("b").link_set_arp(lab.link("b:v1"), on=False)
    lab.ping("b", "10.0.0.1")
    assert lab.neigh("b") == {"10.0.0.1 dev v1": "NOARP"}
    assert lab.entry("b:v1", "10.0.0.1").mac == lab.link("b:v1").mac
    assert lab.sequence(arp=True) == []
    assert lab.ask("a:v0", "10.0.0.2", "10.0.0.1") == ""
    assert ("arp_rcv", "OTHERHOST") in lab.drops("b")


def test_a_link_that_goes_down_or_loses_its_carrier_forgets_what_it_learned() -> None:
    lab = pair()
    lab.ping("a", "10.0.0.2")
    lab.set_neigh("a:v0", "10.0.0.7", "02:00:00:00:00:07")
    lab.down("b:v1")
    lab.run(2)
    assert lab.neigh("a") == {"10.0.0.7 dev v0": "PERMANENT"}
    assert lab.neigh("b") == {}
    lab.down("a:v0")
    assert lab.neigh("a") == {}


def test_arp_evict_nocarrier_off_keeps_them() -> None:
    lab = pair()
    lab.sysctl("a", "conf/v0/arp_evict_nocarrier", 0)
    lab.ping("a", "10.0.0.2")
    lab.down("b:v1")
    lab.run(2)
    assert lab.neigh("a") == {"10.0.0.2 dev v0": "REACHABLE"}


def test_entries_of_one_address_on_two_devices_are_two() -> None:
    lab = pair()
    lab.netns("host", "c")
    lab.veth("a:v9", "02:00:00:00:00:19", "c:v1", "02:00:00:00:00:1c")
    lab.set_neigh("a:v0", "10.0.0.7", "02:00:00:00:00:07")
    lab.set_neigh("a:v9", "10.0.0.7", "02:00:00:00:00:08", Nud.STALE)
    assert lab.neigh("a") == {"10.0.0.7 dev v0": "PERMANENT", "10.0.0.7 dev v9": "STALE"}
    lab.del_neigh("a:v0", "10.0.0.7")
    assert lab.neigh("a") == {"10.0.0.7 dev v9": "STALE"}


@pytest.mark.parametrize(
    ("payload", "size"),
    [(0, 832), (197, 832), (198, 1280), (645, 1280), (646, 2304), (1472, 2304), (1669, 2304), (1670, 4352)],
)
def test_f30_truesize(payload: int, size: int) -> None:
    packet = Packet((IPv4(Ip4(1), Ip4(2), 17), Udp(1, 2)), b"x" * payload)
    assert truesize(Skb(packet, 1)) == size
