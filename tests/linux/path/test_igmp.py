"""Groups of IP: who is in, what IGMP tells of it, and what a VXLAN device with a group makes of both (net/ipv4/igmp.c, RFC 3376)."""

from errno import EADDRNOTAVAIL, ENOBUFS, ENODEV
from typing import Any

import pytest

from podwire.linux.errors import NetlinkError
from podwire.linux.link import Link
from podwire.linux.path.igmp import ip_mc_dec_group, ip_mc_inc_group, ip_mc_join_group, ip_mc_leave_group
from podwire.linux.path.output import raw_frame
from podwire.linux.path.route import ip_route_output
from podwire.linux.path.routein import ip_route_input
from podwire.linux.sockets import UdpEncap
from podwire.linux.tunnel import VxlanConfig
from podwire.trace.events import Created, Delivered, Dropped, Encapsulated, Transmitted
from podwire.wire.addr import ANY4, Ip, Ip4, Mac
from podwire.wire.checksum import checksum, words
from podwire.wire.codec import to_bytes
from podwire.wire.headers import ETH_P_IP, IPPROTO_IGMP, Ethernet, IPv4, Udp, Vxlan
from podwire.wire.packet import Packet
from tests.linux.lab import Lab, pair

GROUP, OTHER, ALL_HOSTS = Ip4.parse("239.1.1.1"), Ip4.parse("239.1.1.2"), Ip4.parse("224.0.0.1")
REPORTS = Ip4.parse("224.0.0.22")
KINDS = {3: "to_in", 4: "to_ex"}
INTERVAL = "conf/v0/igmpv3_unsolicited_report_interval"


def device(lab: Lab, name: str = "a", vni: int = 7, dev: str = "vx", group: Ip = GROUP, **options: Any) -> Link:
    """A VXLAN device with a group over the veth, down."""
    lower = lab.link(f"{name}:{'v0' if name == 'a' else 'v1'}").ifindex
    config = VxlanConfig(**{"vni": vni, "dstport": 4789, "remote": group, "lower": lower, **options})
    return lab.door(name).link_add(dev, "vxlan", tunnel=config)


def wired() -> Lab:
    """Two hosts with a device each, 10.9.0.1 and 10.9.0.2, which has told all that it had to tell."""
    lab = pair()
    for number, name in enumerate("ab", 1):
        device(lab, name)
        lab.up(f"{name}:vx")
        lab.addr(f"{name}:vx", f"10.9.0.{number}/24")
    lab.run(3)
    lab.restart()
    return lab


def told(lab: Lab, where: str = "a:v0") -> list[str]:
    """The records of each report that left there."""
    found = []
    for frame in lab.frames(where):
        ip = frame.find(IPv4)
        if ip is None or ip.proto != IPPROTO_IGMP:
            continue
        data = frame.payload
        assert isinstance(data, bytes)
        assert (data[0], checksum(words(data)), len(data)) == (0x22, 0, 8 + 8 * data[7])
        records = [data[at : at + 8] for at in range(8, len(data), 8)]
        found.append(" ".join(f"{KINDS[record[0]]} {Ip4(int.from_bytes(record[4:]))}" for record in records))
    return found


def message(kind: int, *, source: str = "10.0.0.1", to: Ip = REPORTS, whole: bool = True) -> Packet:
    """An IGMP message as the other host may send it."""
    data = bytes((kind, 0, 0, 0)) + int(GROUP).to_bytes(4)
    data = data[:2] + checksum(words(data)).to_bytes(2) + data[4:]
    ip = IPv4(Ip4.parse(source), to, IPPROTO_IGMP, 1, 0xC0)
    mac = Mac(0x01005E000000 | int(to) & 0x7FFFFF)
    return Packet((Ethernet(mac, Mac.parse("02:00:00:00:00:77"), ETH_P_IP), ip), data if whole else data[:5])


# -- reports -----------------------------------------------------------------------------------------------------------


def test_joining_is_told_twice_at_once_and_within_a_second() -> None:
    lab = pair()
    device(lab)
    lab.restart()
    lab.up("a:vx")
    lab.run(3)
    assert told(lab) == ["to_ex 239.1.1.1", "to_ex 239.1.1.1"]
    first, second = (seen.time for seen in lab.events(Transmitted, "a"))
    assert 0 < lab.since(first) <= 0.0125
    assert 0.004 < lab.since(second) - lab.since(first) <= 1.02


def test_a_report_is_the_kernels_byte_for_byte() -> None:
    lab = pair()
    device(lab)
    lab.restart()
    lab.up("a:vx")
    lab.run(0.02)
    (frame,) = lab.frames("a:v0")
    ether = frame.find(Ethernet)
    assert ether is not None
    assert ether.dst == Mac.parse("01:00:5e:00:00:16")
    # As tcpdump wrote it on Linux 6.18.
    assert (
        to_bytes(frame)[14:].hex() == "46c00028000040000102f9f80a000001e0000016940400002200e9fb0000000104000000ef010101"
    )


def test_leaving_is_told_the_same_way_and_a_new_join_silences_it() -> None:
    lab = wired()
    lab.down("a:vx")
    lab.run(3)
    assert told(lab) == ["to_in 239.1.1.1", "to_in 239.1.1.1"]
    lab.restart()
    lab.up("a:vx")
    lab.run(0.02)
    lab.down("a:vx")
    lab.up("a:vx")
    lab.run(3)
    assert told(lab) == ["to_ex 239.1.1.1"] * 3


def test_what_changed_before_the_report_shares_it_left_before_joined_the_last_first() -> None:
    lab = wired()
    link = lab.link("a:v0")
    for number in (3, 4):
        ip_mc_inc_group(link, Ip4.parse(f"239.1.1.{number}"))
    ip_mc_inc_group(link, OTHER)
    ip_mc_dec_group(link, OTHER)
    ip_mc_dec_group(link, GROUP)
    lab.run(3)
    assert told(lab) == ["to_in 239.1.1.1 to_in 239.1.1.2 to_ex 239.1.1.4 to_ex 239.1.1.3"] * 2


def test_a_report_is_no_longer_than_the_mtu() -> None:
    lab = pair()
    link = lab.link("a:v0")
    lab.door("a").link_set_mtu(link, 68)
    lab.restart()
    for number in range(1, 7):
        ip_mc_inc_group(link, Ip4.parse(f"239.1.1.{number}"))
    lab.run(0.02)
    assert [len(text.split(" to_")) for text in told(lab)] == [4, 2]
    assert [frame.size - 14 for frame in lab.frames("a:v0")] == [64, 48]


def test_nobody_is_told_of_224_0_0_1_and_of_groups_of_the_link_where_it_is_switched_off() -> None:
    lab = pair()
    lab.restart()
    link = lab.link("a:v0")
    ip_mc_inc_group(link, ALL_HOSTS)
    lab.sysctl("a", "igmp_link_local_mcast_reports", 0)
    ip_mc_inc_group(link, Ip4.parse("224.0.0.99"))
    lab.run(3)
    assert told(lab) == []
    lab.sysctl("a", "igmp_link_local_mcast_reports", 1)
    ip_mc_inc_group(link, Ip4.parse("224.0.0.98"))
    lab.run(3)
    assert told(lab) == ["to_ex 224.0.0.98"] * 2


def test_robustness_is_that_of_when_the_device_came_up() -> None:
    lab = pair()
    lab.sysctl("a", "igmp_qrv", 3)
    lab.sysctl("a", INTERVAL, 10)
    link = lab.link("a:v0")
    lab.restart()
    ip_mc_inc_group(link, GROUP)
    lab.run(1)
    assert len(told(lab)) == 2
    lab.restart()
    lab.down("a:v0")
    lab.up("a:v0")
    lab.run(0.1)
    assert len(told(lab)) == 3
    assert (link.mc.reports, link.mc.timer) == (0, None)


@pytest.mark.parametrize(("interval", "longest"), [(100, 0.14), (0, 0.0125), (-5, 0.0125)])
def test_the_interval_bounds_the_random_time(interval: int, longest: float) -> None:
    lab = pair()
    lab.sysctl("a", INTERVAL, interval)
    lab.restart()
    ip_mc_inc_group(lab.link("a:v0"), GROUP)
    lab.run(1)
    first, second = (lab.since(seen.time) for seen in lab.events(Transmitted, "a"))
    assert 0.004 < second - first <= longest


def test_while_the_device_is_down_nothing_is_told_and_afterwards_all_groups_are() -> None:
    lab = wired()
    lab.down("a:v0")
    assert list(lab.link("a:v0").mc.groups) == [GROUP]
    assert lab.link("a:v0").mc.macs() == []
    assert lab.link("a:v0").mc.timer is None
    lab.run(3)
    assert told(lab) == []
    lab.up("a:v0")
    lab.run(3)
    assert told(lab) == ["to_ex 239.1.1.1"] * 2
    assert list(lab.link("a:v0").mc.groups) == [GROUP, ALL_HOSTS]


def test_the_source_is_an_address_of_the_device_or_none() -> None:
    lab = wired()
    lab.addr_del("a:v0", "10.0.0.1")
    lab.down("a:vx")
    lab.run(0.02)
    (frame,) = lab.frames("a:v0")
    assert frame.find(IPv4).src == ANY4  # type: ignore[union-attr]


def test_a_report_is_heard_by_everybody_and_answered_by_nobody() -> None:
    lab = pair()
    device(lab)
    lab.restart()
    lab.up("a:vx")
    lab.run(0.02)
    # The host itself hears it, too: a copy over the device, which no capture sees.
    assert [(seen.netns, seen.event.to) for seen in lab.events(Delivered)] == [("a", "igmp"), ("b", "igmp")]
    assert lab.events(Dropped) == []


def test_a_query_is_not_modelled_and_says_so() -> None:
    lab = pair()
    lab.inject("a:v0", message(0x11, to=ALL_HOSTS))
    lab.inject("a:v0", message(0x16, to=GROUP))
    lab.inject("a:v0", message(0x16, whole=False))
    lab.run(0.1)
    (query, short) = lab.events(Dropped, "b")
    assert (query.event.where, query.event.reason, query.event.by.what) == (  # type: ignore[union-attr]
        "igmp_rcv",
        "NOT_MODELLED",
        "IGMP query",
    )
    assert (short.event.where, short.event.by.what) == ("igmp_rcv", "IGMP length")  # type: ignore[union-attr]
    assert [seen.event.to for seen in lab.events(Delivered, "b")] == ["igmp"]


# -- sockets -----------------------------------------------------------------------------------------------------------


def test_a_socket_joins_once_and_leaves_what_it_joined() -> None:
    lab = pair()
    netns, link = lab["a"], lab.link("a:v0")
    socket = UdpEncap("vxlan", (False,), lambda *_: None)
    for _ in range(2):
        ip_mc_join_group(netns, socket, GROUP, link.ifindex)
    assert link.mc.groups[GROUP].users == 1
    with pytest.raises(NetlinkError) as caught:
        ip_mc_join_group(netns, socket, GROUP, 99)
    assert caught.value.errno == ENODEV
    ip_mc_leave_group(netns, socket, GROUP, link.ifindex)
    assert GROUP not in link.mc
    with pytest.raises(NetlinkError) as caught:
        ip_mc_leave_group(netns, socket, GROUP, link.ifindex)
    assert caught.value.errno == EADDRNOTAVAIL


def test_more_groups_than_a_socket_may_have_leave_the_device_down_and_its_port_free() -> None:
    lab = pair()
    lab.sysctl("a", "igmp_max_memberships", 0)
    link = device(lab)
    with pytest.raises(NetlinkError) as caught:
        lab.up("a:vx")
    assert caught.value.errno == ENOBUFS
    assert not link.is_up
    assert not lab["a"].sockets.encap
    lab.sysctl("a", "igmp_max_memberships", 1)
    lab.up("a:vx")
    device(lab, vni=8, dev="vy", group=OTHER)
    with pytest.raises(NetlinkError):
        lab.up("a:vy")
    assert list(lab["a"].sockets.encap[4789].devices) == [7]


# -- VXLAN -------------------------------------------------------------------------------------------------------------


def test_devices_of_one_port_share_the_membership_until_the_last_goes_down() -> None:
    lab = wired()
    link = lab.link("a:v0")
    device(lab, vni=8, dev="vy")
    device(lab, vni=7, dev="vz", dstport=4790)
    lab.up("a:vy")
    assert link.mc.groups[GROUP].users == 1
    lab.up("a:vz")
    assert link.mc.groups[GROUP].users == 2
    lab.down("a:vx")
    assert link.mc.groups[GROUP].users == 2
    lab.down("a:vy")
    assert link.mc.groups[GROUP].users == 1
    lab.down("a:vz")
    assert GROUP not in link.mc


def test_of_two_groups_of_one_port_the_one_is_left_whose_device_goes_down() -> None:
    lab = wired()
    link = lab.link("a:v0")
    device(lab, vni=8, dev="vy", group=OTHER)
    lab.up("a:vy")
    lab.down("a:vx")
    assert list(link.mc.groups) == [ALL_HOSTS, OTHER]


def test_this_host_hears_what_its_sockets_send_to_own_groups() -> None:
    lab = wired()
    link = lab.link("a:v0")
    assert ip_route_output(lab["a"], GROUP, oif=link).is_heard_here
    assert not ip_route_output(lab["a"], OTHER, oif=link).is_heard_here
    lab.route("a", "239.0.0.0/8 dev v0")
    assert ip_route_output(lab["a"], GROUP).is_heard_here
    assert not ip_route_output(lab["a"], OTHER).is_heard_here


def test_the_source_of_what_goes_to_a_group_by_a_device_is_no_address_of_the_link() -> None:
    lab = wired()
    lab.addr_del("a:v0", "10.0.0.1")
    lab.addr("a:v0", "10.0.0.1/24", scope="link")
    link = lab.link("a:v0")
    # Measured: groups of the link itself are an exception.
    assert ip_route_output(lab["a"], GROUP, oif=link).src == Ip4.parse("10.9.0.1")
    assert ip_route_output(lab["a"], REPORTS, oif=link).src == Ip4.parse("10.0.0.1")


def test_another_group_takes_the_place_of_the_first_where_the_device_is_up() -> None:
    lab = wired()
    door, link, lower = lab.door("a"), lab.link("a:vx"), lab.link("a:v0")
    config = VxlanConfig(vni=7, dstport=4789, remote=OTHER, lower=lower.ifindex)
    door.link_change(link, config)
    assert list(lower.mc.groups) == [ALL_HOSTS, OTHER]
    lab.run(0.02)
    assert told(lab) == ["to_in 239.1.1.1 to_ex 239.1.1.2"]
    lab.down("a:vx")
    door.link_change(link, VxlanConfig(vni=7, dstport=4789, remote=GROUP, lower=lower.ifindex))
    assert list(lower.mc.groups) == [ALL_HOSTS]


def test_a_change_to_a_group_that_cannot_be_joined_or_left_is_told_and_made_all_the_same() -> None:
    lab = wired()
    door, lower = lab.door("a"), lab.link("a:v0")
    link = device(lab, vni=8, dev="vy")
    lab.up("a:vy")
    lab.sysctl("a", "igmp_max_memberships", 1)
    for group, error in ((OTHER, ENOBUFS), (Ip4.parse("239.1.1.3"), EADDRNOTAVAIL)):
        config = VxlanConfig(vni=8, dstport=4789, remote=group, lower=lower.ifindex)
        with pytest.raises(NetlinkError) as caught:
            door.link_change(link, config)
        assert caught.value.errno == error
        assert isinstance(link.tunnel, VxlanConfig)
        assert link.tunnel.remote == group
        assert list(lower.mc.groups) == [ALL_HOSTS, GROUP]
    lab.down("a:vy")
    assert not link.is_up


def test_the_group_goes_with_the_device_and_everything_with_the_lower_device() -> None:
    lab = wired()
    link = lab.link("a:v0")
    lab.door("a").link_del(lab.link("a:vx"))
    assert GROUP not in link.mc
    device(lab)
    lab.up("a:vx")
    lab.door("a").link_move(link, lab["b"], "w0")
    assert (link.mc.groups, link.mc.left, link.mc.heard, link.mc.timer) == ({}, [], [], None)
    assert lab["a"].link("vx") is None


def test_a_flood_goes_to_the_group_and_what_is_learnt_goes_straight() -> None:
    lab = wired()
    done = lab.ping("a", "10.9.0.2")
    lab.run(2)
    assert done.replies
    outer = [
        (str(frame.find(Ethernet).dst), str(frame.layers[1].dst), frame.layers[1].ttl)  # type: ignore[union-attr]
        for frame in lab.frames("a:v0")
        if frame.find(Vxlan) is not None
    ]
    assert outer[0] == ("01:00:5e:01:01:01", "239.1.1.1", 1)
    assert {to for _, to, _ in outer[1:]} == {"10.0.0.2"}
    assert [str(seen.event.dst) for seen in lab.events(Encapsulated, "a")][:2] == ["239.1.1.1", "10.0.0.2"]


def test_what_a_tunnel_sends_to_an_own_group_is_not_heard_here() -> None:
    lab = wired()
    lab.ask("a:vx", "10.9.0.9", "10.9.0.1")
    lab.run(0.1)
    assert [seen.event.relation for seen in lab.events(Created, "a") if seen.event.relation == "loopback"] == []


def test_only_members_take_what_is_sent_to_a_group() -> None:
    lab = wired()
    for group, verdict in ((GROUP, "VXLAN_VNI_NOT_FOUND"), (OTHER, "IP_INVALID_DEST")):
        lab.restart()
        inner = Packet((Vxlan(9), Ethernet(Mac(0xFFFFFFFFFFFF), Mac.parse("02:00:00:00:00:99"), 0x1234)), b"x" * 40)
        ip = IPv4(Ip4.parse("10.0.0.1"), group, 17, 1)
        mac = Mac(0x01005E000000 | int(group) & 0x7FFFFF)
        frame = Packet(
            (Ethernet(mac, lab.link("a:v0").mac, ETH_P_IP), ip, Udp(5000, 4789), *inner.layers), inner.payload
        )
        raw_frame(lab["a"], lab.link("a:v0"), frame, lab.network.new_packet_id())
        assert [reason for _, reason in lab.drops("b")] == [verdict]


def test_allmulticast_makes_no_member() -> None:
    lab = wired()
    lab.door("b").link_set_allmulticast(lab.link("b:v1"), on=True)
    link, source = lab.link("b:v1"), Ip4.parse("10.0.0.1")
    assert ip_route_input(lab["b"], OTHER, source, link).kind == "drop"
    assert ip_route_input(lab["b"], GROUP, source, link).kind == "local"
