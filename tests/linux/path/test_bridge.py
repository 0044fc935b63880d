"""A bridge: what it learns, floods and keeps to itself. The oracle's scripts ``bridge_*.sh`` say the same of the kernel."""

from __future__ import annotations

import pytest

from podwire.linux.bridge import Bridge, Port, StpState
from podwire.linux.errors import NetlinkError
from podwire.linux.netlink import Netlink
from podwire.linux.rtnl.bridge import BridgeOptions, PortOptions
from podwire.linux.rtnl.fdb import FdbFlags, FdbMatch, FdbState
from podwire.trace.events import Created, Delivered, Dropped, Flooded, Received, Transmitted
from podwire.trace.invariants import check_invariants
from podwire.trace.reasons import DropReason
from podwire.wire.addr import BROADCAST, Ip4, Mac
from podwire.wire.headers import Ethernet, IPv4, Udp
from podwire.wire.packet import Packet
from tests.linux.lab import Lab

HOSTS = ("a", "b", "c")
MULTICAST = "01:00:5e:00:00:05"
LLDP = "01:80:c2:00:00:0e"
STRANGER = "02:00:00:00:00:99"


def mac(text: str) -> Mac:
    return Mac.parse(text)


def host(name: str) -> str:
    """The address of v0 in ``a``, ``b`` or ``c``."""
    return f"02:00:00:00:00:0{name}"


def port_mac(number: int) -> str:
    return f"02:00:00:00:01:0{number}"


class Switch(Lab):
    """``sw`` has br0 with the ports p0, p1 and p2, behind which are ``a``, ``b`` and ``c``."""

    def __init__(self, *, mac_of_bridge: str = "02:00:00:00:00:b0", ports: int = 3) -> None:
        super().__init__()
        self.machine("sw")
        self.bridge_link = self.door("sw").link_add(
            "br0", "bridge", mac=mac(mac_of_bridge) if mac_of_bridge else None, bridge=BridgeOptions(mcast_snooping=0)
        )
        self.door("sw").link_up(self.bridge_link)
        for number, name in enumerate(HOSTS[:ports]):
            self.netns("sw", name)
            self.veth(f"{name}:v0", host(name), f"sw:p{number}", port_mac(number))
            self.join(number)
        self.restart()

    @property
    def bridge(self) -> Bridge:
        found = self.bridge_link.bridge
        assert found is not None
        return found

    def port(self, number: int) -> Port:
        found = self.link(f"sw:p{number}").port
        assert found is not None
        return found

    def join(self, number: int) -> None:
        self.door("sw").link_set_master(self.link(f"sw:p{number}"), self.bridge_link)

    def leave(self, number: int) -> None:
        self.door("sw").link_set_master(self.link(f"sw:p{number}"), None)

    def set(self, number: int, **options: object) -> None:
        self.door("sw").bridge_port_set(self.link(f"sw:p{number}"), PortOptions(**options))  # type: ignore[arg-type]

    def frame(self, source: str, dest: str, *, size: int = 20, src: str = "") -> None:
        """A datagram from v0 of ``source``; what it says does not matter."""
        packet = Packet(
            (
                Ethernet(mac(dest), mac(src or host(source)), 0x0800),
                IPv4(Ip4.parse("10.0.0.1"), Ip4.parse("10.9.9.9"), 17),
                Udp(1, 2),
            ),
            b"x" * size,
        )
        self.restart()
        self.inject(f"{source}:v0", packet)

    def out(self) -> list[str]:
        """By which devices of the switch the frame left, in order."""
        return [seen.event.dev for seen in self.events(Transmitted, "sw")]

    def knows(self) -> dict[str, str]:
        """What was learnt: address and port."""
        return {
            str(e.mac): e.port.link.name for e in self.bridge.fdb if e.port is not None and not e.local and not e.static
        }

    def dropped(self) -> list[tuple[str, DropReason]]:
        return [(seen.event.where, seen.event.reason) for seen in self.events(Dropped, "sw")]


@pytest.fixture
def switch() -> Switch:
    return Switch()


# -- learning and flooding ---------------------------------------------------------------------------------------------


def test_what_it_does_not_know_it_floods_from_the_newest_port_to_the_oldest(switch: Switch) -> None:
    switch.frame("a", host("b"))
    assert switch.out() == ["p2", "p1"]
    assert switch.knows() == {host("a"): "p0"}
    switch.frame("b", host("a"))
    assert switch.out() == ["p0"]
    switch.frame("a", host("b"))
    assert switch.out() == ["p1"]


def test_each_copy_is_a_packet_of_its_own_and_each_ends_once(switch: Switch) -> None:
    switch.frame("a", host("b"))
    flood = switch.events(Flooded)[0]
    births = [seen for seen in switch.events(Created) if seen.event.relation == "copy"]
    assert [seen.packet for seen in births] == list(flood.event.ids)
    assert {seen.event.parent for seen in births} == {flood.packet}
    assert not check_invariants(switch.records)


def test_a_frame_for_one_place_stays_the_packet_that_it_is(switch: Switch) -> None:
    switch.frame("b", host("a"))
    switch.frame("a", host("b"))
    assert not switch.events(Flooded)
    assert len({seen.packet for seen in switch.events(Transmitted)}) == 1


@pytest.mark.parametrize("dest", [MULTICAST, str(BROADCAST)])
def test_groups_go_everywhere_and_to_the_bridge_last(switch: Switch, dest: str) -> None:
    switch.frame("a", dest)
    assert switch.out() == ["p2", "p1"]
    assert [seen.event.dev for seen in switch.events(Received, "sw")] == ["p0", "br0"]
    assert switch.bridge_link.stats.multicast == (dest == MULTICAST)
    assert switch.bridge_link.stats.rx_packets == 1
    assert switch.bridge_link.stats.rx_bytes == 48  # without the MAC header


@pytest.mark.parametrize(
    ("option", "dest"), [("flood", STRANGER), ("mcast_flood", MULTICAST), ("bcast_flood", str(BROADCAST))]
)
def test_a_port_may_want_no_copies_of_one_kind(switch: Switch, option: str, dest: str) -> None:
    switch.set(1, **{option: False})
    kinds = {STRANGER: 0, MULTICAST: 0, str(BROADCAST): 0}
    for kind in kinds:
        switch.frame("a", kind)
        assert ("p1" in switch.out()) is (kind != dest)


def test_what_the_bridge_sends_to_groups_leaves_by_all_ports(switch: Switch) -> None:
    switch.set(1, flood=False, mcast_flood=False, bcast_flood=False)
    for dest, expected in ((str(BROADCAST), ["br0", "p2", "p1", "p0"]), (STRANGER, ["br0", "p2", "p0"])):
        packet = Packet(
            (
                Ethernet(mac(dest), switch.bridge_link.mac, 0x0800),
                IPv4(Ip4.parse("10.0.0.9"), Ip4.parse("10.0.0.1"), 17),
                Udp(1, 2),
            )
        )
        switch.restart()
        switch.inject("sw:br0", packet)
        assert switch.out() == expected


def test_a_port_may_learn_nothing(switch: Switch) -> None:
    switch.set(0, learning=False)
    switch.frame("a", host("b"))
    assert switch.knows() == {}


def test_an_address_moves_to_where_it_was_last_seen(switch: Switch) -> None:
    switch.frame("a", host("c"))
    switch.frame("b", host("c"), src=host("a"))
    assert switch.knows() == {host("a"): "p1"}


def test_a_static_entry_moves_too_unless_it_is_sticky(switch: Switch) -> None:
    for number, sticky in ((1, False), (2, True)):
        switch.door("sw").fdb_add(
            switch.link("sw:p0"),
            mac(f"02:00:00:00:00:2{number}"),
            FdbState(noarp=True, reachable=True),
            FdbFlags(master=True, sticky=sticky),
        )
        switch.frame("b", host("c"), src=f"02:00:00:00:00:2{number}")
    assert {str(e.mac): e.port.link.name for e in switch.bridge.fdb if e.static and not e.local and e.port} == {
        "02:00:00:00:00:21": "p1",
        "02:00:00:00:00:22": "p0",
    }


def test_nobody_is_there(switch: Switch) -> None:
    switch.set(1, flood=False)
    switch.set(2, flood=False)
    switch.frame("a", STRANGER)
    assert switch.dropped() == [("br_flood", DropReason.NO_TX_TARGET)]
    assert not check_invariants(switch.records)


def test_a_loop_comes_to_an_end(switch: Switch) -> None:
    switch.veth("sw:x0", "02:00:00:00:02:00", "sw:x1", "02:00:00:00:02:01")
    for name in ("x0", "x1"):
        switch.door("sw").link_set_master(switch.link(f"sw:{name}"), switch.bridge_link)
    switch.frame("a", str(BROADCAST))
    assert {reason for _, reason in switch.dropped()} >= {DropReason.NOT_MODELLED}
    assert len(switch.events(Flooded)) < 100
    assert not check_invariants(switch.records)


# -- ageing ------------------------------------------------------------------------------------------------------------


def test_an_entry_goes_after_the_ageing_time_and_traffic_keeps_it(switch: Switch) -> None:
    switch.door("sw").bridge_set(switch.bridge_link, BridgeOptions(ageing_time=200))
    switch.frame("a", host("b"))
    switch.run(1.5)
    switch.frame("a", host("b"))
    switch.run(1.5)
    assert host("a") in switch.knows()
    switch.run(1)
    assert switch.knows() == {}


def test_five_minutes_are_usual_and_what_leads_there_does_not_count(switch: Switch) -> None:
    switch.frame("a", host("b"))
    switch.run(200)
    switch.frame("b", host("a"))
    switch.run(98)
    assert switch.knows() == {host("a"): "p0", host("b"): "p1"}
    switch.run(20)  # the timer wheel's grain is 16 s there
    assert switch.knows() == {host("b"): "p1"}


def test_without_ageing_time_nothing_is_learnt(switch: Switch) -> None:
    switch.frame("a", host("b"))
    switch.door("sw").bridge_set(switch.bridge_link, BridgeOptions(ageing_time=0))
    assert switch.knows() == {}
    switch.frame("a", host("b"))
    assert switch.knows() == {}


# -- hairpin, isolation, states ----------------------------------------------------------------------------------------


def test_a_frame_goes_back_only_by_a_hairpin(switch: Switch) -> None:
    switch.set(0, hairpin=True)
    switch.frame("a", STRANGER)
    assert switch.out() == ["p2", "p1", "p0"]
    switch.frame("a", host("c"), src=STRANGER)
    switch.frame("a", STRANGER)
    assert switch.out() == ["p0"]
    switch.set(0, hairpin=False)
    switch.frame("a", STRANGER)
    assert switch.out() == []


def test_isolated_ports_do_not_talk_to_each_other(switch: Switch) -> None:
    switch.set(0, isolated=True)
    switch.set(1, isolated=True)
    switch.frame("a", STRANGER)
    assert switch.out() == ["p2"]
    switch.frame("c", STRANGER)
    assert switch.out() == ["p1", "p0"]
    switch.frame("b", STRANGER)
    switch.frame("a", host("b"))
    assert switch.out() == []


@pytest.mark.parametrize(("state", "learns"), [("DISABLED", False), ("LISTENING", False), ("LEARNING", True)])
def test_a_port_that_does_not_forward(switch: Switch, state: str, *, learns: bool) -> None:
    switch.set(0, state=StpState[state].value)
    switch.frame("a", host("b"))
    assert switch.out() == []
    assert bool(switch.knows()) is learns
    assert switch.dropped()[0][1] is DropReason.BRIDGE_INGRESS_STP_STATE
    switch.frame("b", STRANGER)
    assert switch.out() == ["p2"]


def test_no_port_stays_blocked_and_one_that_listens_goes_on_after_the_delay() -> None:
    switch = Switch()
    switch.set(0, state=StpState.LISTENING.value)
    switch.set(1, state=StpState.BLOCKING.value)
    assert switch.port(0).state is StpState.LISTENING
    assert switch.port(1).state is StpState.FORWARDING
    switch.run(16)
    assert switch.port(0).state is StpState.LEARNING
    switch.run(16)
    assert switch.port(0).state is StpState.FORWARDING


# -- the bridge itself -------------------------------------------------------------------------------------------------


def test_it_takes_frames_to_its_own_address_and_to_those_of_its_ports(switch: Switch) -> None:
    switch.addr("sw:br0", "10.0.0.9/24")
    for dest, pkt_types in (("02:00:00:00:00:b0", [3, 0]), (port_mac(0), [0, 0]), (port_mac(1), [3, 3])):
        switch.frame("a", dest)
        assert [seen.event.pkt_type for seen in switch.events(Received, "sw")] == pkt_types
        assert switch.out() == []


def test_a_bridge_that_listens_hears_what_it_forwards(switch: Switch) -> None:
    switch.frame("b", host("a"))
    switch.door("sw").link_promiscuity(switch.bridge_link, 1)
    switch.frame("a", host("b"))
    assert switch.out() == ["p1"]
    assert [seen.event.dev for seen in switch.events(Received, "sw")] == ["p0", "br0"]
    assert switch.dropped() == [("ip_rcv", DropReason.OTHERHOST)]
    assert not check_invariants(switch.records)


def test_its_address_answers_pings(switch: Switch) -> None:
    switch.addr("sw:br0", "10.0.0.9/24")
    switch.addr("a:v0", "10.0.0.1/24")
    switch.ping("a", "10.0.0.9")
    assert any(seen.event.to == "icmp_echo" for seen in switch.events(Delivered, "sw"))


def test_an_address_left_on_a_port_is_deaf(switch: Switch) -> None:
    switch.addr("sw:p0", "10.0.0.9/24")
    switch.addr("a:v0", "10.0.0.1/24")
    switch.set_neigh("a:v0", "10.0.0.9", port_mac(2))
    switch.ping("a", "10.0.0.9")
    assert not switch.events(Delivered, "sw")


def test_frames_to_its_own_group_go_on_and_pause_frames_nowhere(switch: Switch) -> None:
    switch.frame("a", "01:80:c2:00:00:00")
    assert switch.out() == ["p2", "p1"]
    switch.frame("a", "01:80:c2:00:00:01")
    assert switch.dropped() == [("br_handle_frame", DropReason.MAC_IEEE_MAC_CONTROL)]
    switch.frame("a", "01:80:c2:00:00:10")
    assert switch.out() == ["p2", "p1"]


def test_link_local_frames_are_for_the_port_unless_a_mask_forwards_them(switch: Switch) -> None:
    switch.frame("a", LLDP)
    assert switch.out() == []
    assert [seen.event.dev for seen in switch.events(Received, "sw")] == ["p0"]
    assert host("a") in switch.knows()
    switch.door("sw").bridge_set(switch.bridge_link, BridgeOptions(group_fwd_mask=1 << 14))
    switch.frame("a", LLDP)
    assert switch.out() == ["p2", "p1"]
    switch.door("sw").bridge_set(switch.bridge_link, BridgeOptions(group_fwd_mask=0))
    switch.set(0, group_fwd_mask=1 << 14)
    switch.frame("a", LLDP)
    assert switch.out() == ["p2", "p1"]
    switch.frame("b", LLDP)
    assert switch.out() == []


def test_a_source_that_is_no_machine_is_dropped(switch: Switch) -> None:
    for source in ("00:00:00:00:00:00", MULTICAST):
        switch.frame("a", host("b"), src=source)
        assert switch.dropped() == [("br_handle_frame", DropReason.MAC_INVALID_SOURCE)]
        assert switch.knows() == {}


# -- MTU ---------------------------------------------------------------------------------------------------------------


def test_what_is_longer_than_a_port_takes_is_dropped_there_and_not_counted(switch: Switch) -> None:
    switch.door("sw").link_set_mtu(switch.link("sw:p1"), 1000)
    switch.frame("a", host("b"), size=976)  # room for a VLAN tag
    assert switch.out() == ["p2", "p1"]
    switch.frame("a", host("b"), size=977)
    assert switch.out() == ["p2"]
    assert switch.dropped() == [("br_dev_queue_push_xmit", DropReason.PKT_TOO_BIG)]
    assert switch.link("sw:p1").stats.tx_dropped == 0


def test_its_mtu_is_that_of_its_smallest_port_until_it_is_set(switch: Switch) -> None:
    door, link = switch.door("sw"), switch.bridge_link
    door.link_set_mtu(switch.link("sw:p1"), 1400)
    assert link.mtu == 1400
    switch.leave(1)
    assert link.mtu == 1500
    door.link_set_mtu(link, 1300)
    door.link_set_mtu(switch.link("sw:p0"), 1200)
    assert link.mtu == 1300


# -- ports come and go -------------------------------------------------------------------------------------------------


def test_a_port_is_promiscuous_and_numbered_from_the_first_free(switch: Switch) -> None:
    assert [switch.port(n).number for n in range(3)] == [1, 2, 3]
    assert switch.link("sw:p1").promisc == 1
    switch.leave(1)
    assert switch.link("sw:p1").promisc == 0
    assert switch.link("sw:p1").master is None
    switch.leave(0)
    switch.join(1)
    assert switch.port(1).number == 1


def test_what_was_learnt_behind_a_port_goes_with_it(switch: Switch) -> None:
    for name in HOSTS:
        switch.frame(name, STRANGER)
    switch.leave(0)
    switch.down("sw:p1")
    assert switch.knows() == {host("c"): "p2"}
    assert port_mac(1) in {str(e.mac) for e in switch.bridge.fdb}
    assert port_mac(0) not in {str(e.mac) for e in switch.bridge.fdb}


def test_without_an_address_of_its_own_it_has_the_lowest_of_its_ports() -> None:
    switch = Switch(mac_of_bridge="")
    assert str(switch.bridge_link.mac) == port_mac(0)
    switch.set_mac("sw:p0", "02:00:00:00:01:0f")
    assert str(switch.bridge_link.mac) == port_mac(1)
    for number in range(3):
        switch.leave(number)
    assert not switch.bridge_link.mac
    switch.set_mac("sw:br0", "02:00:00:00:00:b1")
    switch.join(1)
    assert str(switch.bridge_link.mac) == "02:00:00:00:00:b1"


def test_ports_with_one_address_share_its_entry(switch: Switch) -> None:
    switch.set_mac("sw:p1", port_mac(0))
    entry = switch.bridge.fdb.find(mac(port_mac(0)))
    assert entry is not None
    assert entry.port is switch.port(0)
    switch.leave(0)
    assert entry.port is switch.port(1)
    switch.leave(1)
    assert switch.bridge.fdb.find(mac(port_mac(0))) is None


def test_its_carrier_is_that_of_its_ports(switch: Switch) -> None:
    link = switch.bridge_link
    assert link.operstate == "UP"
    for number in range(3):
        switch.down(f"sw:p{number}")
    assert (link.operstate, link.carrier) == ("DOWN", False)
    switch.inject("sw:br0", Packet((Ethernet(BROADCAST, link.mac, 0x88B5),), b"x"))
    assert ("noop_enqueue", DropReason.QDISC_DROP) in switch.dropped()
    switch.up("sw:p1")
    assert link.operstate == "UP"
    switch.down("b:v0")
    assert switch.port(1).state is StpState.DISABLED
    assert not link.carrier


def test_a_bridge_that_goes_down_forgets_and_comes_back(switch: Switch) -> None:
    switch.frame("a", host("b"))
    switch.down("sw:br0")
    assert switch.knows() == {}
    assert {switch.port(n).state for n in range(3)} == {StpState.DISABLED}
    switch.frame("a", host("b"))
    assert switch.out() == []
    switch.up("sw:br0")
    switch.frame("a", host("b"))
    assert switch.out() == ["p2", "p1"]


def test_ports_survive_their_bridge_and_leave_it_when_they_go(switch: Switch) -> None:
    door = switch.door("sw")
    door.link_move(switch.link("sw:p0"), switch["c"])
    assert [port.link.name for port in switch.bridge.ports] == ["p2", "p1"]
    Netlink(switch["b"]).link_del(switch.link("b:v0"))
    assert [port.link.name for port in switch.bridge.ports] == ["p2"]
    door.link_del(switch.bridge_link)
    assert switch.link("sw:p2").port is None
    assert switch.link("sw:p2").promisc == 0
    assert switch.link("sw:p2").is_up


def test_a_port_may_go_to_another_bridge(switch: Switch) -> None:
    other = switch.door("sw").link_add("br1", "bridge")
    switch.door("sw").link_set_master(switch.link("sw:p0"), other)
    assert [port.link.name for port in switch.bridge.ports] == ["p2", "p1"]
    assert switch.port(0).bridge is other.bridge
    assert switch.port(0).state is StpState.DISABLED


@pytest.mark.parametrize(
    ("device", "errno", "text"),
    [("lo", 22, ""), ("br0", 40, "Can not enslave a bridge to a bridge")],
)
def test_what_cannot_be_a_port(switch: Switch, device: str, errno: int, text: str) -> None:
    with pytest.raises(NetlinkError) as error:
        switch.door("sw").link_set_master(switch.link(f"sw:{device}"), switch.bridge_link)
    assert (error.value.errno, error.value.extack) == (errno, text)


def test_only_a_bridge_is_a_master(switch: Switch) -> None:
    with pytest.raises(NetlinkError) as error:
        switch.door("sw").link_set_master(switch.link("sw:p0"), switch.link("sw:p1"))
    assert error.value.errno == 95


# -- options -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "errno"),
    [
        ({"cost": 0}, 34),
        ({"cost": 65536}, 34),
        ({"priority": 64}, 34),
        ({"state": 5}, 22),
        ({"group_fwd_mask": 2}, 22),
    ],
)
def test_what_a_port_cannot_be_set_to(switch: Switch, options: dict[str, int], errno: int) -> None:
    with pytest.raises(NetlinkError) as error:
        switch.set(0, hairpin=True, **options)
    assert error.value.errno == errno
    assert switch.port(0).hairpin  # what comes first is done


def test_the_largest_cost_and_priority(switch: Switch) -> None:
    switch.set(0, cost=65535, priority=63)
    assert (switch.port(0).cost, switch.port(0).port_id) == (65535, 63 << 10 | 1)


def test_a_port_that_is_down_has_no_state_to_set(switch: Switch) -> None:
    switch.down("b:v0")
    with pytest.raises(NetlinkError) as error:
        switch.set(1, state=3)
    assert error.value.errno == 100
    switch.set(1, state=0)
    switch.down("sw:p1")
    with pytest.raises(NetlinkError):
        switch.set(1, state=0)


@pytest.mark.parametrize(
    ("options", "errno"),
    [
        (BridgeOptions(hello_time=99), 34),
        (BridgeOptions(hello_time=1001), 34),
        (BridgeOptions(max_age=599), 34),
        (BridgeOptions(max_age=4001), 34),
        (BridgeOptions(group_fwd_mask=4), 22),
    ],
)
def test_what_a_bridge_cannot_be_set_to(switch: Switch, options: BridgeOptions, errno: int) -> None:
    with pytest.raises(NetlinkError) as error:
        switch.door("sw").bridge_set(switch.bridge_link, options)
    assert error.value.errno == errno


def test_a_bridge_with_impossible_options_is_not_made(switch: Switch) -> None:
    with pytest.raises(NetlinkError):
        switch.door("sw").link_add("br1", "bridge", bridge=BridgeOptions(hello_time=1))
    assert switch["sw"].link("br1") is None


# -- the forwarding database by hand -----------------------------------------------------------------------------------


def test_a_flush_takes_what_matches(switch: Switch) -> None:
    door = switch.door("sw")
    door.fdb_add(switch.link("sw:p0"), mac(STRANGER), FdbState(noarp=True, reachable=True), FdbFlags(master=True))
    switch.frame("a", host("b"))
    switch.frame("b", host("a"))
    door.fdb_flush(switch.bridge_link, FdbMatch(static=False), FdbFlags(self_=True), switch.link("sw:p0"))
    assert switch.knows() == {host("b"): "p1"}
    door.fdb_flush(switch.bridge_link, FdbMatch(local=False), FdbFlags(self_=True))
    assert all(entry.local for entry in switch.bridge.fdb)
    assert len(switch.bridge.fdb) == 4
    door.fdb_flush(switch.bridge_link, FdbMatch(), FdbFlags(self_=True))
    assert not len(switch.bridge.fdb)


def test_a_port_that_cannot_learn_takes_no_dynamic_entry(switch: Switch) -> None:
    switch.down("sw:p0")
    door, link = switch.door("sw"), switch.link("sw:p0")
    with pytest.raises(NetlinkError) as error:
        door.fdb_add(link, mac(STRANGER), FdbState(reachable=True), FdbFlags(master=True))
    assert error.value.errno == 1
    door.fdb_add(link, mac(STRANGER), FdbState(noarp=True, reachable=True), FdbFlags(master=True))
    assert switch.bridge.fdb.find(mac(STRANGER)) is not None
