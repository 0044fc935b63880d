"""VXLAN devices: what the door checks, their table, ageing, the socket and its namespace (drivers/net/vxlan/vxlan_core.c)."""

from errno import (
    EADDRINUSE,
    EADDRNOTAVAIL,
    EAFNOSUPPORT,
    EEXIST,
    EINVAL,
    ENODEV,
    ENOENT,
    ENOSPC,
    EOPNOTSUPP,
    ERANGE,
)
from typing import Any

import msgspec
import pytest

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.link import Link
from podwire.linux.netlink import Netlink
from podwire.linux.rtnl.fdb import FdbFlags, FdbMatch, FdbState
from podwire.linux.rtnl.vxlanfdb import FdbRemote, Mode
from podwire.linux.socket import UdpSocket
from podwire.linux.tunnel import GeneveConfig, TunnelInfo, VxlanConfig
from podwire.trace.events import Created, Dropped, Encapsulated, Flooded
from podwire.wire.addr import NO_MAC, Ip, Ip4, Mac
from podwire.wire.headers import Arp, IPv4, Udp, Vxlan
from tests.linux.lab import Lab, pair

PERMANENT = FdbState(permanent=True, noarp=True)
DYNAMIC = FdbState(reachable=True)
STATIC = FdbState(reachable=True, noarp=True)
SELF = FdbFlags(self_=True)
M, N = Mac.parse("02:00:00:00:00:05"), Mac.parse("02:00:00:00:00:06")
GROUP = Mac.parse("01:00:5e:00:00:05")


def remote(text: str, **more: Any) -> FdbRemote:
    return FdbRemote(Ip4.parse(text), **more)


def tunnel(lab: Lab, name: str = "a", dev: str = "vx", *, up: bool = True, **options: Any) -> Link:
    door = lab.door(name)
    link = door.link_add(dev, "vxlan", tunnel=VxlanConfig(**{"vni": 7, "dstport": 4789, **options}))
    if up:
        door.link_up(link)
    return link


def joined(**options: Any) -> Lab:
    """Two hosts with a tunnel between them: 10.9.0.1 and 10.9.0.2, each the default destination of the other."""
    lab = pair()
    for number, (name, other) in enumerate((("a", "10.0.0.2"), ("b", "10.0.0.1")), 1):
        tunnel(lab, name, remote=Ip4.parse(other), **options)
        lab.addr(f"{name}:vx", f"10.9.0.{number}/24")
    lab.restart()
    return lab


def table(link: Link) -> list[str]:
    """``bridge fdb show dev X``."""
    assert link.vxlan is not None
    return [
        f"{entry.mac} {each.ip}{' permanent' if entry.permanent else ' static' if entry.noarp else ''}"
        for entry in link.vxlan
        for each in entry.remotes
    ]


def refused(call: Any) -> tuple[int, str]:
    with pytest.raises(NetlinkError) as caught:
        call()
    return caught.value.errno, caught.value.extack


# -- making one ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"vni": 1 << 24}, (ERANGE, "VXLAN ID must be lower than 16777216")),
        ({"ports": (5, 4)}, (EINVAL, "Invalid source port range")),
        ({"local": Ip.parse("239.1.1.1")}, (EINVAL, "Local address cannot be multicast")),
        ({"lower": 99}, (ENODEV, "Invalid local interface, device not found")),
        ({"remote": Ip.parse("239.1.1.1")}, (EINVAL, "Local interface required for multicast remote destination")),
    ],
)
def test_what_the_kernel_refuses(options: dict[str, Any], expected: tuple[int, str]) -> None:
    lab = pair()
    before = list(lab["a"].links())
    assert refused(lambda: tunnel(lab, **options)) == expected
    assert lab["a"].links() == before


def test_attributes_are_needed_and_of_the_kind() -> None:
    door = pair().door("a")
    text = "Required attributes not provided to perform the operation"
    assert refused(lambda: door.link_add("vx", "vxlan")) == (EINVAL, text)
    with pytest.raises((TypeError, ValueError), match="VxlanConfig"):
        door.link_add("vx", "vxlan", tunnel=GeneveConfig(vni=5))
    config = VxlanConfig(vni=5)
    assert refused(lambda: door.link_add("vx", "vxlan", tunnel=config, mtu=30)) == (
        EINVAL,
        "MTU must be between 68 and 65535",
    )
    assert refused(lambda: door.link_add("vx", "vxlan", tunnel=config, mac=GROUP)) == (
        EADDRNOTAVAIL,
        "Provided Ethernet address is not unicast",
    )


def test_an_underlay_of_ipv6_is_not_modelled() -> None:
    lab = pair()
    with pytest.raises(NotModelled, match="IPv6"):
        tunnel(lab, remote=Ip.parse("fe80::1"))


def test_a_vni_and_port_are_taken_once_per_namespace_wherever_the_device_is() -> None:
    lab = pair()
    link = tunnel(lab)
    text = "A VXLAN device with the specified VNI already exists"
    assert refused(lambda: tunnel(lab, dev="w")) == (EEXIST, text)
    tunnel(lab, dev="x", dstport=4790)
    tunnel(lab, dev="y", vni=8)
    lab.door("a").link_move(link, lab["b"])
    assert refused(lambda: tunnel(lab, dev="w")) == (EEXIST, text)
    tunnel(lab, "b", "w")


def test_zeros_are_the_defaults() -> None:
    link = tunnel(pair(), dstport=0, ageing=0)
    assert link.tunnel == VxlanConfig(vni=7, dstport=8472, ageing=300)


# -- changing one ----------------------------------------------------------------------------------------------------


def test_the_default_entry_follows_the_remote() -> None:
    lab = pair()
    link = tunnel(lab)
    door, config = lab.door("a"), link.tunnel
    assert isinstance(config, VxlanConfig)
    assert table(link) == []
    for address in ("10.0.0.2", "10.0.0.3"):
        door.link_change(link, msgspec.structs.replace(config, remote=Ip4.parse(address)))
        assert table(link) == [f"{NO_MAC} {address} permanent"]
    door.fdb_add(link, NO_MAC, PERMANENT, SELF, mode="append", remote=remote("10.0.0.9"))
    door.link_change(link, config)
    assert table(link) == [f"{NO_MAC} 10.0.0.9 permanent"]


def test_a_new_lower_device_lowers_the_mtu_and_a_refusal_changes_nothing() -> None:
    lab = pair()
    link = tunnel(lab)
    config = link.tunnel
    assert isinstance(config, VxlanConfig)
    change = msgspec.structs.replace(config, lower=lab.link("a:v0").ifindex, ttl=9)
    lab.door("a").link_change(link, change)
    assert (link.mtu, link.tunnel) == (1450, change)
    bad = msgspec.structs.replace(change, lower=77, ttl=3)
    assert refused(lambda: lab.door("a").link_change(link, bad))[0] == ENODEV
    assert link.tunnel == change


# -- the table -------------------------------------------------------------------------------------------------------


def test_an_address_of_one_machine_has_one_remote_and_a_group_gathers_them() -> None:
    lab = pair()
    link, door = tunnel(lab), lab.door("a")

    def add(mac: Mac, text: str, mode: Mode = "add", state: FdbState = PERMANENT) -> None:
        door.fdb_add(link, mac, state, SELF, mode=mode, remote=remote(text))

    add(M, "10.0.0.2")
    assert refused(lambda: add(M, "10.0.0.3"))[0] == EEXIST
    add(M, "10.0.0.3", "append")
    assert table(link) == [f"{M} 10.0.0.2 permanent"]
    add(M, "10.0.0.3", "replace", STATIC)
    assert table(link) == [f"{M} 10.0.0.3 static"]
    for mac in (NO_MAC, GROUP):
        assert refused(lambda mac=mac: add(mac, "10.0.0.2", "replace"))[0] == EOPNOTSUPP
        add(mac, "10.0.0.2", "append")
        add(mac, "10.0.0.3", "append")
        add(mac, "10.0.0.3", "append")
    assert table(link) == [
        f"{GROUP} 10.0.0.2 permanent",
        f"{GROUP} 10.0.0.3 permanent",
        f"{NO_MAC} 10.0.0.2 permanent",
        f"{NO_MAC} 10.0.0.3 permanent",
        f"{M} 10.0.0.3 static",
    ]
    assert refused(lambda: add(GROUP, "10.0.0.2", "replace")) == (
        EOPNOTSUPP,
        "Cannot replace non-unicast fdb entries",
    )


def test_what_an_entry_needs() -> None:
    lab = pair()
    link, door = tunnel(lab, max_address=1), lab.door("a")
    assert refused(lambda: door.fdb_add(link, M, PERMANENT, SELF))[0] == EINVAL
    assert refused(lambda: door.fdb_add(link, M, FdbState(noarp=True), SELF, remote=remote("10.0.0.2")))[0] == EINVAL
    v6 = FdbRemote(Ip.parse("fe80::1"))
    assert refused(lambda: door.fdb_add(link, M, PERMANENT, SELF, remote=v6))[0] == EAFNOSUPPORT
    lost = remote("10.0.0.2", via=99)
    assert refused(lambda: door.fdb_add(link, M, PERMANENT, SELF, remote=lost)) == (EADDRNOTAVAIL, "Device not found")
    door.fdb_add(link, M, PERMANENT, SELF, remote=remote("10.0.0.2"))
    assert refused(lambda: door.fdb_add(link, N, PERMANENT, SELF, remote=remote("10.0.0.2")))[0] == ENOSPC


def test_deleting_takes_one_remote_of_several_and_else_the_entry() -> None:
    lab = pair()
    link, door = tunnel(lab), lab.door("a")
    for text in ("10.0.0.2", "10.0.0.3"):
        door.fdb_add(link, NO_MAC, PERMANENT, SELF, mode="append", remote=remote(text))
    door.fdb_del(link, NO_MAC, PERMANENT, SELF, remote=remote("10.0.0.9"))
    door.fdb_del(link, NO_MAC, PERMANENT, SELF, remote=remote("10.0.0.2"))
    assert table(link) == [f"{NO_MAC} 10.0.0.3 permanent"]
    door.fdb_del(link, NO_MAC, PERMANENT, SELF, remote=remote("10.0.0.3"))
    assert table(link) == []
    assert refused(lambda: door.fdb_del(link, NO_MAC, PERMANENT, SELF))[0] == ENOENT


def test_a_flush_is_narrowed_by_state() -> None:
    lab = pair()
    link, door = tunnel(lab, remote=Ip4.parse("10.0.0.2")), lab.door("a")
    for mac, state in ((M, PERMANENT), (N, DYNAMIC)):
        door.fdb_add(link, mac, state, SELF, remote=remote("10.0.0.2"))
    assert refused(lambda: door.fdb_flush(link, FdbMatch(sticky=True), SELF)) == (
        EINVAL,
        "Unsupported fdb flush ndm flag bits set",
    )
    door.fdb_flush(link, FdbMatch(local=False), SELF)
    assert len(table(link)) == 2
    door.fdb_flush(link, FdbMatch(), SELF)
    assert table(link) == []


def test_down_forgets_what_was_learnt_and_dynamic_and_keeps_the_rest() -> None:
    lab = pair()
    link, door = tunnel(lab, remote=Ip4.parse("10.0.0.2")), lab.door("a")
    for mac, state in ((M, STATIC), (N, DYNAMIC)):
        door.fdb_add(link, mac, state, SELF, remote=remote("10.0.0.2"))
    lab.down("a:vx")
    assert table(link) == [f"{M} 10.0.0.2 static", f"{NO_MAC} 10.0.0.2 permanent"]


# -- learning ----------------------------------------------------------------------------------------------------------


def test_the_answer_teaches_where_the_other_is_and_it_is_forgotten_after_the_ageing_time() -> None:
    lab = joined(ageing=20)
    assert lab.link("a:vx").vxlan is not None
    ping = lab.ping("a", "10.9.0.2")
    lab.run(1)
    assert ping.replies == [(1, 64)]
    mac = lab.link("b:vx").mac
    assert f"{mac} 10.0.0.2" in table(lab.link("a:vx"))
    lab.run(15)
    lab.ping("b", "10.9.0.1")
    lab.run(15)
    assert f"{mac} 10.0.0.2" in table(lab.link("a:vx"))
    lab.run(30)
    assert table(lab.link("a:vx")) == [f"{NO_MAC} 10.0.0.2 permanent"]


def test_without_learning_nothing_is_learnt() -> None:
    lab = joined(learning=False)
    lab.ping("a", "10.9.0.2")
    lab.run(1)
    assert table(lab.link("a:vx")) == [f"{NO_MAC} 10.0.0.2 permanent"]


def test_a_learnt_entry_follows_its_address_and_a_static_one_drops_the_frame() -> None:
    lab = joined()
    lab.ping("a", "10.9.0.2")
    lab.run(1)
    link, door, mac = lab.link("a:vx"), lab.door("a"), lab.link("b:vx").mac
    door.fdb_add(link, mac, DYNAMIC, SELF, mode="replace", remote=remote("10.0.0.77"))
    lab.ping("b", "10.9.0.1")
    lab.run(1)
    assert f"{mac} 10.0.0.2" in table(link)
    door.fdb_add(link, mac, STATIC, SELF, mode="replace", remote=remote("10.0.0.77"))
    lab.restart()
    lab.ping("b", "10.9.0.1")
    lab.run(1)
    assert ("vxlan_rcv", "VXLAN_ENTRY_EXISTS") in lab.drops("a")


def test_no_more_is_learnt_than_maxaddress_and_the_default_entry_counts() -> None:
    lab = joined(max_address=1)
    lab.ping("a", "10.9.0.2")
    lab.run(1)
    assert table(lab.link("a:vx")) == [f"{NO_MAC} 10.0.0.2 permanent"]


# -- copies ------------------------------------------------------------------------------------------------------------


def test_to_several_remotes_go_copies_and_the_first_remote_gets_the_last() -> None:
    lab = joined()
    for last in (3, 4):
        lab.set_neigh("a:v0", f"10.0.0.{last}", "02:00:00:00:00:77")
        door = lab.door("a")
        door.fdb_add(lab.link("a:vx"), NO_MAC, PERMANENT, SELF, mode="append", remote=remote(f"10.0.0.{last}"))
    lab.ping("a", "10.9.0.2")
    lab.run(0.5)
    sent = [seen for seen in lab.events(Encapsulated, "a") if seen.time < lab.start + 10_000_000][:3]
    assert [str(seen.event.dst) for seen in sent] == ["10.0.0.3", "10.0.0.4", "10.0.0.2"]
    flood = lab.events(Flooded, "a")[0]
    assert flood.event.ids == tuple(seen.packet for seen in sent)
    births = {seen.packet: seen.event for seen in lab.events(Created)}
    assert {births[number].relation for number in flood.event.ids} == {"copy"}


# -- sockets and namespaces ----------------------------------------------------------------------------------------------


def test_a_device_that_is_up_has_the_port_and_shares_it_with_its_like() -> None:
    lab = pair()
    link = tunnel(lab)
    tunnel(lab, dev="other", vni=8)
    encap = lab["a"].sockets.encap
    assert list(encap) == [4789]
    external = tunnel(lab, dev="external", up=False, external=True, vni=0)
    assert refused(lambda: lab.up("a:external")) == (EADDRINUSE, "")
    assert not external.is_up
    lab.down("a:vx")
    lab.door("a").link_del(lab.link("a:other"))
    assert not encap
    lab.up("a:external")
    assert refused(lambda: Netlink(link.netns).link_up(link))[0] == EADDRINUSE


def test_a_socket_that_has_the_port_keeps_the_device_down() -> None:
    lab = pair()
    tunnel(lab, up=False)
    UdpSocket(lab["a"], 4789, lambda: None)
    assert refused(lambda: lab.up("a:vx"))[0] == EADDRINUSE


def test_a_device_that_moves_keeps_its_socket_where_it_was_made_and_goes_with_it() -> None:
    lab = joined()
    lab.netns("host", "pod")
    link = lab.link("a:vx")
    lab.door("a").link_move(link, lab["pod"])
    lab.up("pod:vx")
    lab.addr("pod:vx", "10.9.0.1/24")
    assert list(lab["a"].sockets.encap) == [4789]
    assert not lab["pod"].sockets.encap
    ping = lab.ping("pod", "10.9.0.2")
    lab.run(1)
    assert ping.replies == [(1, 64)]
    lab["a"].machine.remove_netns(lab["a"])
    assert lab["pod"].link("vx") is None


def test_a_device_goes_with_its_lower_device() -> None:
    lab = pair()
    tunnel(lab, lower=lab.link("a:v0").ifindex)
    tunnel(lab, dev="free", vni=8)
    lab.door("a").link_del(lab.link("a:v0"))
    assert [link.name for link in lab["a"].links()] == ["lo", "free"]
    assert list(lab["a"].sockets.encap[4789].devices) == [8]


# -- collect metadata ----------------------------------------------------------------------------------------------------


def test_what_no_route_tells_where_to_is_dropped_and_what_comes_names_its_sender() -> None:
    lab = pair()
    for number, name in enumerate("ab", 1):
        tunnel(lab, name, vni=0, external=True)
        lab.addr(f"{name}:vx", f"10.9.0.{number}/24")
    lab.ping("a", "10.9.0.2")
    lab.run(1)
    assert {(seen.event.where, str(seen.event.reason)) for seen in lab.events(Dropped, "a")} >= {
        ("vxlan_xmit", "TUNNEL_TXINFO")
    }


def test_metadata_that_came_is_none_to_go_by() -> None:
    """IP_TUNNEL_INFO_TX: a bridge that sends a frame back into the device it came from does not send it to its sender."""
    assert TunnelInfo().tx
    lab = pair()
    link = tunnel(lab, vni=0, external=True)
    encap = lab["a"].sockets.encap[4789]
    from podwire.linux.skb import Skb
    from podwire.wire.headers import Ethernet
    from podwire.wire.packet import Packet

    a, b = Ip4.parse("10.0.0.1"), Ip4.parse("10.0.0.2")
    inner = (Ethernet(link.mac, M), IPv4(Ip4.parse("1.1.1.1"), Ip4.parse("2.2.2.2"), 1))
    skb = Skb(Packet((IPv4(b, a, 17, 61, 4), Udp(1, 4789), Vxlan(42), *inner)), 5, lab.link("a:v0"))
    encap.rcv(encap, lab["a"], skb, lab.link("a:v0"))
    assert skb.tunnel == TunnelInfo(id=42, src=b, dst=a, ttl=61, tos=4, csum=True, tx=False)
    lab.restart()
    assert link.xmit is not None
    link.xmit(skb, link)
    assert lab.drops("a") == [("vxlan_xmit", "TUNNEL_TXINFO")]


def test_arp_over_a_tunnel_takes_the_way_of_the_packet_that_waits() -> None:
    lab = joined()
    lab.ping("a", "10.9.0.2")
    lab.run(1)
    asked = [frame for frame in lab.frames("a:v0") if frame.find(Vxlan) is not None and frame.find(Arp) is not None]
    assert len(asked) == 1
    assert asked[0].size == 14 + 50 + 28
