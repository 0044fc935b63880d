"""Connection tracking on the packet's way: its hooks, fragments, lo, errors, tunnels, and two CPUs at once."""

from podwire.linux.netfilter.conntrack.report import state_of
from podwire.linux.netfilter.hooks import (
    NF_ACCEPT,
    NF_INET_FORWARD,
    NF_INET_LOCAL_IN,
    NF_INET_LOCAL_OUT,
    NF_INET_POST_ROUTING,
    NF_INET_PRE_ROUTING,
    NF_IP_PRI_CONNTRACK_DEFRAG,
)
from podwire.linux.netns import Netns
from podwire.linux.skb import Skb
from podwire.linux.socket import RawSocket
from podwire.trace.events import Conntrack, Created, Dropped, Fragmented
from podwire.trace.invariants import check_invariants
from podwire.wire.addr import Ip4
from podwire.wire.headers import IPPROTO_ICMP, Icmp, IPv4
from podwire.wire.packet import Packet
from tests.linux.lab import Lab, calico_same_node, pair
from tests.linux.netfilter.nat.natlab import iptables, router, send

HOOKS = (NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING)


def watch(lab: Lab, name: str, *hooks: int) -> list[str]:
    """``ctstate`` of each packet behind connection tracking, with the hook's number."""
    seen: list[str] = []

    def at(hook: int) -> None:
        def look(skb: Skb, _netns: Netns, _iif: object, _oif: object) -> int:
            seen.append(f"{hook} {state_of(skb)}")
            return NF_ACCEPT

        lab[name].nf.register(hook, 0, look)

    for hook in hooks:
        at(hook)
    return seen


def tracked(lab: Lab, name: str) -> Lab:
    lab[name].conntrack.get()
    return lab


def test_the_hooks_are_there_while_somebody_needs_them() -> None:
    netns = pair()["a"]
    assert not any(netns.hooks)
    netns.conntrack.get()
    netns.conntrack.get()
    assert [netns.nf.priorities(hook) for hook in HOOKS] == [
        [-400, -200],
        [(1 << 31) - 1],
        [],
        [-400, -200],
        [(1 << 31) - 1],
    ]
    netns.conntrack.put()
    assert netns.nf.priorities(NF_INET_PRE_ROUTING)[0] == NF_IP_PRI_CONNTRACK_DEFRAG
    netns.conntrack.put()
    assert not any(netns.hooks)


def test_who_looks_at_the_table_does_not_bring_them() -> None:
    lab = pair()
    assert list(lab.door("a").conntrack_dump()) == []
    assert not any(lab["a"].hooks)


def test_f172_a_ping_that_is_forwarded() -> None:
    lab = tracked(calico_same_node(), "node")
    seen = watch(lab, "node", NF_INET_FORWARD)
    lab.ping("pod1", "192.168.1.12", count=2)
    lab.run(2)
    assert seen == ["2 NEW", "2 ESTABLISHED", "2 ESTABLISHED", "2 ESTABLISHED"]
    first = lab.events(Conntrack, "node")
    assert [(e.event.what, e.event.state, e.event.from_reply) for e in first[:3]] == [
        ("in", "NEW", False),
        ("confirmed", "NEW", False),
        ("in", "ESTABLISHED", True),
    ]
    assert first[0].event.original is not None
    assert first[0].event.original.sport == first[0].event.original.dport
    assert not check_invariants(lab.records)


def test_f164_a_packet_that_is_dropped_leaves_no_connection() -> None:
    lab = router()
    iptables(lab, "node", "-t filter -A FORWARD -m conntrack --ctstate NEW -j DROP")
    lab.ping("pod", "10.2.0.2")
    lab.run(1)
    assert lab["node"].conntrack.count == 0


def test_f198_over_lo_a_packet_keeps_its_connection() -> None:
    lab = tracked(pair(), "a")
    seen = watch(lab, "a", *HOOKS)
    lab.ping("a", "10.0.0.1")
    lab.run(1)
    out, post, pre, local = NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN
    assert seen == [
        *(f"{hook} NEW" for hook in (out, post, pre, local)),
        *(f"{hook} ESTABLISHED" for hook in (out, post, pre, local)),
    ]
    assert lab["a"].conntrack.count == 1


def test_f199_an_error_made_here_is_related_though_its_packet_came_half_way() -> None:
    lab = tracked(calico_same_node(), "node")
    seen = watch(lab, "node", NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING)
    ping = lab.ping("pod1", "192.168.1.12", ttl=1)
    lab.run(1)
    assert [error[0] for error in ping.errors] == ["11/0"]
    assert seen == [f"{NF_INET_LOCAL_OUT} RELATED", f"{NF_INET_POST_ROUTING} RELATED"]
    assert lab["node"].conntrack.count == 0


def test_f163_a_closed_port_is_told_of_as_related() -> None:
    lab = tracked(pair(), "b")
    seen = watch(lab, "b", NF_INET_LOCAL_OUT)
    send(lab, "a", 4000, "10.0.0.2", 9)
    assert seen == [f"{NF_INET_LOCAL_OUT} RELATED"]


def big_echo(lab: Lab, size: int, mtu: int) -> None:
    """An echo request of so many bytes, cut to an MTU by pod1's own device, with the node's way in as narrow."""
    lab.door("pod1").link_set_mtu(lab.link("pod1:eth0"), mtu)
    lab.door("node").link_set_mtu(lab.link("node:cali111"), mtu)
    lab.ping("pod1", "192.168.1.12", size=size)
    lab.run(1)


def lengths(lab: Lab, where: str) -> list[int]:
    """Of the pieces of requests that a device transmitted."""
    return [
        f.size - 14 for f in lab.frames(where) if (ip := f.find(IPv4)) is not None and str(ip.src) == "192.168.1.11"
    ]


def test_f173_fragments_reach_forward_as_one_packet() -> None:
    lab = tracked(calico_same_node(), "node")
    seen = watch(lab, "node", NF_INET_FORWARD)
    big_echo(lab, 3000, 1500)
    assert seen == ["2 NEW", "2 ESTABLISHED"]
    assert lengths(lab, "node:cali222") == lengths(lab, "pod1:eth0") == [1500, 1500, 68]
    assert not check_invariants(lab.records)


def test_f92_what_was_joined_is_cut_again_to_the_way_out() -> None:
    lab = tracked(calico_same_node(), "node")
    lab.door("node").link_set_mtu(lab.link("node:cali222"), 1450)
    lab.door("pod2").link_set_mtu(lab.link("pod2:eth0"), 1450)
    big_echo(lab, 3000, 1500)
    assert lengths(lab, "node:cali222") == [1444, 1444, 180]


def test_pieces_are_not_longer_than_they_came() -> None:
    lab = tracked(calico_same_node(), "node")
    big_echo(lab, 3000, 1004)
    assert lengths(lab, "node:cali222") == lengths(lab, "pod1:eth0") == [1004, 1004, 1004, 76]


def test_without_connections_fragments_pass_one_by_one() -> None:
    lab = calico_same_node()
    seen = watch(lab, "node", NF_INET_FORWARD)
    big_echo(lab, 3000, 1500)
    assert len(seen) == 6


def test_fragments_that_never_become_whole_end_on_the_node_without_a_word() -> None:
    lab = tracked(calico_same_node(), "node")
    header = IPv4(Ip4.parse("192.168.1.11"), Ip4.parse("192.168.1.12"), IPPROTO_ICMP, id=9, mf=True)
    socket = RawSocket(lab["pod1"], IPPROTO_ICMP, lambda: None)
    socket.send_raw(Packet((header, Icmp(8, 0, 1)), bytes(16)))
    lab.run(40)
    assert ("ip_expire", "FRAG_REASM_TIMEOUT") in lab.drops("node")
    assert not [r for r in lab.events(Created, "node") if r.event.relation == "icmp-error"]


def test_fragments_for_the_node_itself_are_told_of() -> None:
    lab = tracked(pair(), "b")
    header = IPv4(Ip4.parse("10.0.0.1"), Ip4.parse("10.0.0.2"), IPPROTO_ICMP, id=9, mf=True)
    RawSocket(lab["a"], IPPROTO_ICMP, lambda: None).send_raw(Packet((header, Icmp(8, 0, 1)), bytes(16)))
    lab.run(40)
    assert [r.event.relation for r in lab.events(Created, "b") if r.event.relation == "icmp-error"] == ["icmp-error"]


def test_a_fragment_that_a_socket_makes_is_joined_before_it_leaves() -> None:
    lab = tracked(pair(), "a")
    socket = RawSocket(lab["a"], IPPROTO_ICMP, lambda: None)
    for frag, more in ((0, True), (3, False)):
        header = IPv4(Ip4.parse("10.0.0.1"), Ip4.parse("10.0.0.2"), IPPROTO_ICMP, id=9, mf=more, frag=frag)
        layers = (header, Icmp(8, 0, 7 << 16)) if more else (header,)
        socket.send_raw(Packet(layers, bytes(16)))
    lab.run(1)
    (whole,) = lab["a"].conntrack
    assert whole.orig.sport == 7
    assert [len(r.event.ids) for r in lab.events(Fragmented, "a")] == [2]


def test_f99_through_a_veth_a_packet_forgets_its_connection() -> None:
    lab = tracked(tracked(pair(), "a"), "b")
    seen = watch(lab, "b", NF_INET_PRE_ROUTING)
    send(lab, "a", 4000, "10.0.0.2", 9)
    assert seen == [f"{NF_INET_PRE_ROUTING} NEW"]
    assert (lab["a"].conntrack.count, lab["b"].conntrack.count) == (1, 1)


def race(lab: Lab, second: object) -> None:
    assert callable(second)
    lab["node"].machine.race = second


def test_case_2_two_queries_from_one_socket_to_different_backends_clash() -> None:
    lab = router()
    iptables(
        lab,
        "node",
        "-t nat -A PREROUTING -d 10.96.0.10 -p udp -m statistic --mode nth --every 2 --packet 0 -j DNAT --to-destination 10.2.0.2:53",
        "-t nat -A PREROUTING -d 10.96.0.10 -p udp -j DNAT --to-destination 10.2.0.2:54",
    )
    socket = lab.udp("pod", 4000)
    send(lab, "pod", 4001, "10.2.0.2", 9)
    lab.door("node").conntrack_flush()
    lab.restart()
    race(lab, lambda: socket.send_to(Ip4.parse("10.96.0.10"), 53, b"AAAA"))
    socket.send_to(Ip4.parse("10.96.0.10"), 53, b"A")
    lab.run(1)
    # Linux 5.10 and newer let the loser stand by its answers alone.
    stats = lab["node"].conntrack.stats
    assert stats == {"clash_resolve": 1}
    assert [str(ct.reply.sport) for ct in lab["node"].conntrack] == ["54"]


def test_two_queries_to_one_backend_share_the_connection() -> None:
    lab = tracked(router(), "node")
    socket = lab.udp("pod", 4000)
    send(lab, "pod", 4001, "10.2.0.2", 9)
    lab.door("node").conntrack_flush()
    race(lab, lambda: socket.send_to(Ip4.parse("10.2.0.2"), 53, b"AAAA"))
    socket.send_to(Ip4.parse("10.2.0.2"), 53, b"A")
    lab.run(1)
    assert lab["node"].conntrack.stats == {"clash_resolve": 1}
    assert lab["node"].conntrack.count == 1


def test_what_a_packet_waits_for_on_this_cpu_waits_while_the_other_one_runs() -> None:
    lab = tracked(router(), "node")
    order: list[str] = []
    machine = lab["node"].machine
    send(lab, "pod", 4001, "10.2.0.2", 9)
    lab.restart()
    race(lab, lambda: order.append(f"{len(machine.backlog)}"))
    first = lab.ping("pod", "10.2.0.2", size=1)
    lab.run(1)
    assert order == ["0"]
    assert first.replies
    assert not [d for d in lab.events(Dropped) if d.netns == "node"]
