"""What is remembered between two packets is forgotten in time: routes, what the log says of them, neighbours, the way to a tunnel's remote.

Two labs are changed alike after a first ping. In one of them all that is remembered is thrown away before the second ping: both must
tell the same story of it, to the nanosecond, and another one than a lab in which nothing was changed.
"""

from collections.abc import Callable

import msgspec
import pytest

from podwire.linux.fib import NextHop, Route
from podwire.linux.netlink import Netlink
from podwire.linux.path.exception import next_hop_key, update_or_create_fnhe
from podwire.linux.path.receive import ip_rcv
from podwire.linux.path.route import ip_route_output
from podwire.linux.path.routein import ip_route_input
from podwire.linux.path.vxlan import _remote_dst
from podwire.linux.path.vxlanfdb import vxlan_snoop
from podwire.linux.rtnl.vxlanfdb import FdbRemote
from podwire.linux.rule import FR_ACT_PROHIBIT, FibRule
from podwire.linux.skb import Skb
from podwire.linux.tunnel import VxlanConfig
from podwire.linux.vxlanfdb import Remote
from podwire.trace.events import Decapsulated, Owner, Routed
from podwire.trace.log import Record
from podwire.wire.addr import Ip4, Mac, Net
from podwire.wire.headers import IPPROTO_UDP, Ethernet, Icmp, IPv4, Udp, Vxlan
from podwire.wire.packet import Packet
from tests.linux.facts.test_f080_f099_vxlan import PERMANENT, POD1, POD2, SELF, T2, V2, mtu, overlay
from tests.linux.lab import EXT_MAC, NODE1_MAC, NODE2_MAC, OTHER_MAC, Lab, pair

OUTER = "10.0.0.24"
TUNNEL = "node1:vxlan.calico"
SIZE = 1372
"""A packet of 1400 bytes, with DF."""


def another_neighbour(lab: Lab, where: str, ip: str) -> None:
    """The entry goes, and one with another address comes."""
    lab.del_neigh(where, ip)
    lab.set_neigh(where, ip, OTHER_MAC)


def collected(lab: Lab, where: str, ip: str) -> None:
    """The table gives the entry up, as ``neigh_forced_gc`` does, and nobody else hears of it; one with another address comes."""
    link = lab.link(where)
    link.netns.neighbours.remove(lab.entry(where, ip))
    lab.set_neigh(where, ip, OTHER_MAC)


def snooped(lab: Lab) -> None:
    """A frame came from another remote, and the entry, which may be taught, follows its address."""
    link = lab.link(TUNNEL)
    assert link.vxlan is not None
    assert isinstance(link.tunnel, VxlanConfig)
    (entry,) = list(link.vxlan)
    entry.permanent = entry.noarp = False
    assert vxlan_snoop(link, link.tunnel, Ip4.parse("10.0.0.99"), Mac.parse(V2), 4096)


def another_remote(lab: Lab) -> None:
    door, link = lab.door("node1"), lab.link(TUNNEL)
    door.fdb_add(link, Mac.parse(V2), PERMANENT, SELF, mode="replace", remote=FdbRemote(Ip4.parse("10.0.0.99")))


def another_entry(lab: Lab) -> None:
    door, link = lab.door("node1"), lab.link(TUNNEL)
    door.fdb_del(link, Mac.parse(V2), PERMANENT, SELF)
    door.fdb_add(link, Mac.parse(V2), PERMANENT, SELF, remote=FdbRemote(Ip4.parse(OUTER), port=4790))


def another_config(lab: Lab, **fields: object) -> None:
    link = lab.link(TUNNEL)
    assert isinstance(link.tunnel, VxlanConfig)
    lab.door("node1").link_change(link, msgspec.structs.replace(link.tunnel, **fields))


def outer_route(lab: Lab, **fields: object) -> None:
    hop = NextHop(lab.link("node1:eth0").ifindex)
    route = Route(Net.parse(f"{OUTER}/32"), scope=253, nexthops=(hop,))
    lab.door("node1").route_add(msgspec.structs.replace(route, **fields))


def learned(lab: Lab, name: str, dst: str, **what: object) -> None:
    """The path to ``dst`` is narrower than was thought, or leads by a better gateway."""
    netns, address = lab[name], Ip4.parse(dst)
    leg = ip_route_output(netns, address).leg
    assert leg is not None
    update_or_create_fnhe(netns, next_hop_key(*leg), address, 600, **what)  # type: ignore[arg-type]


def down_and_up(lab: Lab, where: str) -> None:
    lab.down(where)
    lab.up(where)


def moved(lab: Lab, where: str) -> None:
    """The device, with the address and the neighbours that it had, in a namespace that forwards to nobody."""
    link = lab.link(where)
    elsewhere = lab.netns(link.netns.machine.root.netns.label, "elsewhere")
    lab.door(link.netns.label).link_move(link, elsewhere)


def renamed(lab: Lab, where: str) -> None:
    lab.door(where.partition(":")[0]).link_rename(lab.link(where), "other")


def rewritten(lab: Lab) -> None:
    """Somebody else writes the same entry."""
    door = Netlink(lab["node1"], Owner("operator"))
    door.fdb_add(lab.link(TUNNEL), Mac.parse(V2), PERMANENT, SELF, mode="replace", remote=FdbRemote(Ip4.parse(OUTER)))


CHANGES: dict[str, Callable[[Lab], object]] = {
    "mtu of the device to the pod": lambda lab: mtu(lab, "node2:cali222", 1300),
    "mtu of the tunnel": lambda lab: mtu(lab, TUNNEL, 1300),
    "mtu below the tunnel": lambda lab: mtu(lab, "node1:eth0", 1430),
    "mtu of the sender": lambda lab: mtu(lab, "pod1:eth0", 1300),
    "mtu of the receiver": lambda lab: mtu(lab, "pod2:eth0", 1300),
    "mtu of a route": lambda lab: outer_route(lab, metrics=(("mtu", 1430),)),
    "mtu of a route, locked": lambda lab: outer_route(lab, metrics=(("mtu", 1430),), locked=frozenset({"mtu"})),
    "a path mtu that was learned": lambda lab: learned(lab, "node1", OUTER, mtu=1430),
    "a path mtu that the sender learned": lambda lab: learned(lab, "pod1", POD2, mtu=1300),
    "a gateway that was learned": lambda lab: learned(lab, "node1", OUTER, gateway=Ip4.parse("10.0.0.99")),
    "neighbour behind the tunnel": lambda lab: lab.set_neigh(TUNNEL, T2, OTHER_MAC),
    "neighbour behind the tunnel, made anew": lambda lab: another_neighbour(lab, TUNNEL, T2),
    "neighbour behind the tunnel, collected": lambda lab: collected(lab, TUNNEL, T2),
    "the pod as a neighbour, collected": lambda lab: collected(lab, "node2:cali222", POD2),
    "neighbour below the tunnel": lambda lab: lab.set_neigh("node1:eth0", OUTER, EXT_MAC),
    "neighbour below the tunnel, made anew": lambda lab: another_neighbour(lab, "node1:eth0", OUTER),
    "the pod as a neighbour": lambda lab: lab.set_neigh("node2:cali222", POD2, OTHER_MAC),
    "the pod as a neighbour, made anew": lambda lab: another_neighbour(lab, "node2:cali222", POD2),
    "remote of the address": another_remote,
    "remote from which a frame came": snooped,
    "entry of the address": another_entry,
    "writer of the entry": rewritten,
    "configuration of the tunnel": lambda lab: another_config(lab, ttl=7),
    "source of the tunnel": lambda lab: another_config(lab, local=Ip4.parse("192.168.1.0")),
    "route to the pod": lambda lab: lab.route_del("node2", f"{POD2}/32"),
    "route to the other node's pods": lambda lab: lab.route("node1", f"{POD2} via {OUTER} dev eth0"),
    "route below the tunnel": lambda lab: lab.route("node1", f"{OUTER} via 10.0.0.99 dev eth0"),
    "no route below the tunnel": lambda lab: lab.route("node1", f"blackhole {OUTER}"),
    "route of the sender": lambda lab: lab.route("pod1", f"prohibit {POD2}"),
    "rule": lambda lab: lab.door("node1").rule_add(FibRule(100, FR_ACT_PROHIBIT, src=Net.parse(f"{POD1}/32"))),
    "rule below the tunnel": lambda lab: lab.door("node1").rule_add(FibRule(5, FR_ACT_PROHIBIT, dst=Net.parse(OUTER))),
    "address of the pod": lambda lab: lab.addr_del("pod2:eth0", POD2),
    "forwarding": lambda lab: lab.sysctl("node2", "ip_forward", 0),
    "tunnel down": lambda lab: lab.down(TUNNEL),
    "device below the tunnel down": lambda lab: lab.down("node1:eth0"),
    "device below the tunnel down and up": lambda lab: down_and_up(lab, "node1:eth0"),
    "device to the pod down": lambda lab: lab.down("node2:cali222"),
    "other tunnel down": lambda lab: lab.down("node2:vxlan.calico"),
    "name of the device to the pod": lambda lab: renamed(lab, "node2:cali222"),
    "name of the device of the pod": lambda lab: renamed(lab, "node1:cali111"),
    "name of the tunnel": lambda lab: renamed(lab, TUNNEL),
    "name below the tunnel": lambda lab: renamed(lab, "node2:eth0"),
    "MAC of the device to the pod": lambda lab: lab.set_mac("node2:cali222", OTHER_MAC),
    "MAC of the tunnel": lambda lab: lab.set_mac(TUNNEL, OTHER_MAC),
    "MAC of the receiver": lambda lab: lab.set_mac("pod2:eth0", OTHER_MAC),
    "tunnel moved": lambda lab: moved(lab, TUNNEL),
    "device to the pod moved": lambda lab: moved(lab, "node2:cali222"),
    "device below the tunnel moved": lambda lab: moved(lab, "node2:eth0"),
}


def forget(lab: Lab) -> None:
    """Throw away what the packet path remembers."""
    for machine in lab.network.machines.values():
        for netns in machine.netns.values():
            netns.input_routes.clear()
            netns.output_routes.clear()
            netns.flow_hashes.clear()
            for ct in netns.conntrack:
                ct.passages, ct.walks = (None,) * len(ct.passages), [None] * len(ct.walks)
            for neighbour in netns.neighbours:
                neighbour.header = None
            for link in netns.links():
                for entry in link.vxlan or ():
                    entry.dst_cache = None
                    entry.told = None


RULES = """*filter
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE
COMMIT
"""


def story(change: Callable[[Lab], object] | None, *, remember: bool, tracked: bool = False) -> list[Record]:
    """The records of the second ping, in ``tracked`` of one that follows many of the same connection."""
    lab = overlay()
    if tracked:
        for node in ("node1", "node2"):
            Netlink(lab[node]).iptables_restore(RULES)
    probe = lab.ping("pod1", POD2, size=SIZE)
    assert probe.replies == []
    lab.run(1)
    for number in range(2, 6 if tracked else 2):
        probe.send(number)
        lab.run(1)
    if change is not None:
        change(lab)
    if not remember:
        forget(lab)
    lab.restart()
    probe.send(9)
    lab.run(2)
    return lab.records


@pytest.mark.parametrize("tracked", [False, True], ids=["", "tracked"])
@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_between_two_packets_changes_the_second(what: str, *, tracked: bool) -> None:
    warm = story(CHANGES[what], remember=True, tracked=tracked)
    assert warm == story(CHANGES[what], remember=False, tracked=tracked)
    assert [record.event for record in warm] != [record.event for record in story(None, remember=True, tracked=tracked)]


def test_a_packet_with_a_tos_has_a_way_of_its_own() -> None:
    lab = overlay()
    route = Route(Net.parse(POD2), tos=0x10, type="unreachable")
    lab.door("node1").route_add(route)
    results = []
    for tos in (0, 0x10, 0, 0x10):
        probe = lab.ping("pod1", POD2, tos=tos)
        lab.run(1)
        results.append((bool(probe.replies), bool(probe.errors)))
    assert results == [(True, False), (False, True)] * 2


def test_a_tunnel_remembers_a_way_while_nothing_of_the_packet_or_the_host_has_a_say_in_it() -> None:
    lab = overlay()
    fdb = lab.link(TUNNEL).vxlan
    assert fdb is not None
    (entry,) = list(fdb)
    lab.ping("pod1", POD2)
    lab.run(1)
    cache = entry.dst_cache
    assert cache is not None
    assert cache.dst is ip_route_output(lab["node1"], Ip4.parse(OUTER), Ip4.parse("10.0.0.23"))
    lab.ping("pod1", POD2)
    lab.run(1)
    assert entry.dst_cache is cache
    lab.door("node1").rule_add(FibRule(100))
    lab.ping("pod1", POD2)
    lab.run(1)
    assert entry.dst_cache is None


def test_what_a_tunnel_remembers_is_of_one_remote_one_configuration_and_a_packet_without_mark_and_tos() -> None:
    lab = overlay()
    netns, link = lab["node1"], lab.link(TUNNEL)
    config = link.tunnel
    assert isinstance(config, VxlanConfig)
    assert link.vxlan is not None
    (entry,) = list(link.vxlan)
    skb = Skb(Packet((IPv4(Ip4(1), Ip4(2), IPPROTO_UDP),)), 1)
    lab.addr("node1:eth0", "10.0.0.25/24")
    lab.door("node1").route_add(
        Route(
            Net.parse(f"{OUTER}/32"),
            tos=0x10,
            nexthops=(NextHop(lab.link("node1:eth0").ifindex),),
            metrics=(("mtu", 1000),),
        )
    )
    remote = entry.remotes[0]

    def way(config: VxlanConfig, remote: Remote, *, tos: int = 0) -> tuple[str, str, int]:
        dst = _remote_dst(skb, link, config, netns, remote, entry, tos)
        assert dst is not None
        return str(dst.src), str(dst.gateway), dst.mtu

    other = msgspec.structs.replace(config, local=Ip4.parse("10.0.0.25"))
    far = msgspec.structs.replace(remote, ip=Ip4.parse("1.1.1.1"))
    assert way(config, remote) == ("10.0.0.23", "None", 0)
    assert way(other, remote) == ("10.0.0.25", "None", 0)
    assert way(config, remote) == ("10.0.0.23", "None", 0)
    assert way(config, far) == ("10.0.0.23", "10.0.0.99", 0)
    assert way(config, remote) == ("10.0.0.23", "None", 0)
    assert way(config, remote, tos=0x10) == ("10.0.0.23", "None", 1000)
    assert entry.dst_cache is None
    assert way(config, remote) == ("10.0.0.23", "None", 0)
    skb.mark = 1
    assert way(config, remote) == ("10.0.0.23", "None", 0)
    assert entry.dst_cache is None


def test_a_packet_that_has_a_route_is_not_told_of_as_the_one_that_was_looked_up() -> None:
    lab = overlay()
    netns, link = lab["node2"], lab.link("node2:cali222")
    dst = ip_route_input(netns, Ip4.parse(POD1), Ip4.parse(POD2), link)
    assert dst.routed == Routed(Ip4.parse(POD1), Ip4.parse(POD2), dst.by, "cali222", dst.rule)
    lab.restart()
    skb = Skb(Packet((IPv4(Ip4.parse(POD2), Ip4.parse("192.168.1.12"), 1), Icmp(8))), 77, link)
    skb.dst = dst
    ip_rcv(skb, link, netns)
    assert lab.events(Routed, "node2")[0].event.dst == Ip4.parse("192.168.1.12")


def test_a_locked_mtu_without_a_number_is_not_that_of_the_device() -> None:
    """``ip route … mtu lock 0``: behind a gateway nothing can be known (``ipv4_mtu``: 576)."""
    lab = overlay()
    hop = NextHop(lab.link("node1:eth0").ifindex, Ip4.parse("10.0.0.99"))
    lab.door("node1").route_add(Route(Net.parse("10.5.0.0/16"), nexthops=(hop,), locked=frozenset({"mtu"})))
    own = ip_route_output(lab["node1"], Ip4.parse("10.5.0.1"))
    passing = ip_route_input(lab["node1"], Ip4.parse("10.5.0.1"), Ip4.parse(POD1), lab.link("node1:cali111"))
    assert [(dst.device_mtu, dst.effective_mtu) for dst in (own, passing)] == [(False, 576)] * 2
    plain = ip_route_output(lab["node1"], Ip4.parse("10.6.0.1"))
    assert (plain.device_mtu, plain.effective_mtu) == (True, 1500)


def test_the_mtu_of_lo_is_more_than_a_packet_can_have() -> None:
    dst = ip_route_output(pair()["a"], Ip4.parse("10.0.0.1"))
    assert dst.link is not None
    assert (dst.device_mtu, dst.link.mtu, dst.effective_mtu) == (False, 65536, 65535)


@pytest.mark.parametrize("port", [4789, 5555])
def test_padding_of_an_inner_frame_is_counted_once_by_whichever_port_it_comes(port: int) -> None:
    lab = overlay(dstport=port)
    stats = lab.link("node2:vxlan.calico").stats
    inner = (IPv4(Ip4.parse(POD1), Ip4.parse(POD2), 1), Icmp(8, 0, 1))
    lab.inject(TUNNEL, Packet((Ethernet(Mac.parse(V2), lab.link(TUNNEL).mac), *inner), b"", bytes(18)))
    lab.run(1)
    # The echo with its padding.
    assert (stats.rx_packets, stats.rx_bytes) == (1, 28 + 18)


def test_options_of_the_outer_header_are_not_counted_by_the_tunnel() -> None:
    lab = overlay()
    stats = lab.link("node2:vxlan.calico").stats
    outer = IPv4(Ip4.parse("10.0.0.23"), Ip4.parse(OUTER), IPPROTO_UDP, options=bytes((1, 1, 1, 0)))
    inner = (Ethernet(Mac.parse(V2), lab.link(TUNNEL).mac), IPv4(Ip4.parse(POD1), Ip4.parse(POD2), 1), Icmp(8, 0, 1))
    frame = (Ethernet(Mac.parse(NODE2_MAC), Mac.parse(NODE1_MAC)), outer, Udp(50000, 4789), Vxlan(4096), *inner)
    lab.inject("node1:eth0", Packet(frame))
    lab.run(1)
    assert (stats.rx_packets, stats.rx_bytes) == (1, 28)


def test_what_is_for_a_remote_that_is_this_host_gets_no_outer_header() -> None:
    """``encap_bypass_if_local``: the frame goes to this host's device of that VNI, here the one that sends, until its TTL is used up."""
    lab = overlay()
    door, link = lab.door("node1"), lab.link(TUNNEL)
    door.fdb_add(link, Mac.parse(V2), PERMANENT, SELF, mode="replace", remote=FdbRemote(Ip4.parse("10.0.0.23")))
    lab.restart()
    lab.ping("pod1", POD2)
    lab.run(1)
    assert lab.frames("node1:lo") == []
    assert {str(seen.event.src) for seen in lab.events(Decapsulated, "node1")} == {"10.0.0.23"}
