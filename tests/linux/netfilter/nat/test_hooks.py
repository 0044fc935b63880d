"""Where translation happens, and who is asked (F192 to F196, F198)."""

from __future__ import annotations

from podwire.linux.fib import NextHop, Route
from podwire.linux.netfilter.hooks import (
    NF_INET_FORWARD,
    NF_INET_LOCAL_IN,
    NF_INET_LOCAL_OUT,
    NF_INET_POST_ROUTING,
    NF_INET_PRE_ROUTING,
    nf_hook,
)
from podwire.linux.netfilter.nat.packet import nf_nat_ipv4_manip_pkt
from podwire.linux.netfilter.tables import LEGACY, NFT, Chain
from podwire.linux.path.route import ip_route_output
from podwire.linux.rule import FibRule
from podwire.linux.skb import Skb
from podwire.trace.events import Dropped, Routed
from podwire.wire.addr import Ip4, Net
from podwire.wire.codec import from_bytes, to_bytes
from podwire.wire.headers import ICMP_ECHO, Ethernet, Icmp, IPv4, Udp
from podwire.wire.packet import Packet
from tests.linux.lab import Lab
from tests.linux.netfilter.nat.natlab import (
    answer,
    connections,
    flow_text,
    iptables,
    router,
    seen,
    send,
    senders,
    translations,
)


def _counters(lab: Lab, chain: str, variant: str = NFT) -> list[int]:
    table = lab["node"].xtables.table(variant, "nat")
    assert table is not None
    return [rule.packets for rule in table.chains[chain].rules]


def test_f192_the_nat_tables_see_the_first_packet_of_a_connection_alone() -> None:
    lab = router()
    iptables(
        lab,
        "node",
        "-t nat -A PREROUTING -d 10.9.9.9 -j DNAT --to-destination 10.0.0.11",
        "-t nat -A POSTROUTING -j MASQUERADE",
    )
    ping = lab.ping("pod", "10.9.9.9", count=3)
    lab.run(3)
    assert [seq for seq, _ in ping.replies] == [1, 2, 3]
    assert _counters(lab, "PREROUTING") == _counters(lab, "POSTROUTING") == [1]


def test_f192_what_no_rule_wants_is_settled_too() -> None:
    """A rule that comes later does not touch a connection that is there."""
    lab = router()
    lab.route("out", "10.1.0.0/24 via 10.0.0.10")
    iptables(lab, "node", "-t nat -A POSTROUTING -d 1.2.3.4 -j MASQUERADE")
    sender = send(lab, "pod", 4000, "10.0.0.11", 9)
    iptables(lab, "node", "-t nat -A POSTROUTING -j SNAT --to-source 10.0.0.10")
    sender.send_to(Ip4.parse("10.0.0.11"), 9, b"x")
    lab.run(0.1)
    assert seen(lab, "node:eth0") == ["10.1.0.2:4000 > 10.0.0.11:9"] * 2


def test_f193_answers_are_translated_back_where_the_question_was() -> None:
    lab = router()
    iptables(
        lab,
        "node",
        "-t nat -A PREROUTING -d 10.9.9.9 -p udp --dport 53 -j DNAT --to-destination 10.0.0.11:5353",
        "-t nat -A POSTROUTING -o eth0 -j MASQUERADE",
    )
    server = lab.udp("out", 5353)
    client = send(lab, "pod", 4000, "10.9.9.9", 53)
    assert answer(lab, server) == "10.0.0.10:4000"
    assert senders(client) == ["10.9.9.9:53"]
    assert translations(lab) == [
        "DNAT PREROUTING 10.9.9.9:53 -> 10.0.0.11:5353 by PREROUTING 1",
        "SNAT POSTROUTING 10.1.0.2:4000 -> 10.0.0.10:4000 by POSTROUTING 1",
        "DNAT PREROUTING 10.0.0.10:4000 -> 10.1.0.2:4000 reply",
        "SNAT POSTROUTING 10.0.0.11:5353 -> 10.9.9.9:53 reply",
    ]
    (ct,) = connections(lab, "node")
    assert flow_text(ct.orig) == "10.1.0.2:4000 > 10.9.9.9:53"
    assert flow_text(ct.reply) == "10.0.0.11:5353 > 10.0.0.10:4000"


def test_f194_the_route_is_looked_up_for_the_new_destination_alone() -> None:
    lab = router()
    iptables(lab, "node", "-t nat -A PREROUTING -d 10.9.9.9 -j DNAT --to-destination 10.2.0.2")
    lab.ping("pod", "10.9.9.9")
    lab.run(1)
    assert str(lab.events(Routed, "node")[0].event.dst) == "10.2.0.2"


def test_f195_a_packet_of_this_host_is_routed_again() -> None:
    """Source chosen on the way to the old destination; POSTROUTING knows the new device, OUTPUT still the old one."""
    lab = router()
    lab.route("node", "default via 10.0.0.11")
    iptables(
        lab,
        "node",
        "-t nat -A OUTPUT -d 10.9.9.9 -o eth0 -j DNAT --to-destination 10.1.0.2",
        "-t filter -A OUTPUT -o eth0 -j ACCEPT",
        "-t filter -A OUTPUT -o veth1 -j ACCEPT",
        "-t mangle -A POSTROUTING -o eth0 -j ACCEPT",
        "-t mangle -A POSTROUTING -o veth1 -j ACCEPT",
    )
    ping = lab.ping("node", "10.9.9.9")
    lab.run(1)
    assert ping.replies == [(1, 64)]
    assert [str(found.event.by.dev) for found in lab.events(Routed, "node")[:2]] == ["eth0", "veth1"]
    assert [str(found.event.src) for found in lab.events(Routed, "node")[:2]] == ["10.0.0.10"] * 2
    tables = lab["node"].xtables
    output, leaving = tables.table(NFT, "filter"), tables.table(NFT, "mangle")
    assert output is not None
    assert leaving is not None
    assert [rule.packets for rule in output.chains["OUTPUT"].rules] == [1, 0]
    assert [rule.packets for rule in leaving.chains["POSTROUTING"].rules] == [0, 1]


def test_f195_a_mark_in_mangle_output_routes_again() -> None:
    lab = router()
    lab.route("node", "10.7.0.0/16 via 10.0.0.11")
    door = lab.door("node")
    iptables(lab, "node", "-t mangle -A OUTPUT -d 10.7.0.1 -j MARK --set-mark 5")
    door.route_add(
        Route(Net.parse("10.7.0.0/16"), table=7, nexthops=(NextHop(door.dev("veth1").ifindex, Ip4.parse("10.1.0.2")),))
    )
    door.rule_add(FibRule(100, table=7, mark=5, mask=0xFFFFFFFF))
    lab.ping("node", "10.7.0.1")
    lab.ping("node", "10.7.0.2")
    lab.run(1)
    assert seen(lab, "node:veth1")[:1] == ["10.0.0.10 > 10.7.0.1 id 4097"]
    assert seen(lab, "node:eth0")[:1] == ["10.0.0.10 > 10.7.0.2 id 4098"]


def test_f195_without_a_way_to_the_new_destination_the_packet_is_dropped() -> None:
    lab = router()
    iptables(lab, "node", "-t nat -A OUTPUT -d 10.1.0.2 -j DNAT --to-destination 192.0.2.1")
    ping = lab.ping("node", "10.1.0.2")
    assert ping.refused == [101]
    (drop,) = lab.events(Dropped, "node")
    assert (drop.event.where, str(drop.event.reason)) == ("ip_route_me_harder", "NETFILTER_DROP")


def test_f196_an_answer_is_translated_back_in_input() -> None:
    """So that filter INPUT sees the pod, and the socket the address that it asked."""
    lab = router()
    lab.route("node", "default via 10.0.0.11")
    iptables(
        lab,
        "node",
        "-t nat -A OUTPUT -d 10.9.9.9 -j DNAT --to-destination 10.1.0.2",
        "-t filter -A INPUT -s 10.1.0.2 -j ACCEPT",
        "-t filter -A INPUT -s 10.9.9.9 -j ACCEPT",
    )
    server = lab.udp("pod", 9)
    client = send(lab, "node", 4000, "10.9.9.9", 9)
    answer(lab, server)
    assert senders(client) == ["10.9.9.9:9"]
    assert translations(lab)[-1] == "SNAT INPUT 10.1.0.2:9 -> 10.9.9.9:9 reply"
    table = lab["node"].xtables.table(NFT, "filter")
    assert table is not None
    assert [rule.packets for rule in table.chains["INPUT"].rules] == [1, 0]


def test_f198_over_lo_prerouting_and_input_are_not_asked() -> None:
    """The packet has its connection already: kube-proxy needs its jump in OUTPUT."""
    lab = router()
    iptables(
        lab,
        "node",
        "-t nat -A PREROUTING -j DNAT --to-destination 10.1.0.2",
        "-t nat -A OUTPUT -d 1.2.3.4 -j DNAT --to-destination 10.1.0.2",
        "-t nat -A POSTROUTING -j ACCEPT",
        "-t nat -A INPUT -j SNAT --to-source 10.9.9.9",
    )
    ping = lab.ping("node", "127.0.0.1")
    lab.run(1)
    assert ping.replies == [(1, 64)]
    assert _counters(lab, "PREROUTING") == _counters(lab, "INPUT") == [0]
    assert _counters(lab, "POSTROUTING") == [1]


def test_nat_is_at_the_hooks_while_there_is_a_table() -> None:
    lab = router()
    nf = lab["node"].nf
    iptables(lab, "node", "-t nat -A POSTROUTING -j ACCEPT")
    hooks = (NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING)
    assert [nf.priorities(hook) for hook in hooks] == [[-100], [100], [], [-100], [100]]
    lab.door("node").xt_commit(NFT, {"nat": []})
    assert [nf.priorities(hook) for hook in hooks] == [[], [], [], [], []]


def test_one_chain_is_enough_for_all_four_hooks() -> None:
    """iptables-nft makes a chain when the first rule comes: the others stay away, NAT does not."""
    lab = router()
    lab.door("node").xt_commit(NFT, {"nat": [Chain("POSTROUTING", "ACCEPT")]})
    assert lab["node"].nf.priorities(NF_INET_PRE_ROUTING) == [-100]
    assert lab["node"].nat.users == 1


def test_connections_are_tracked_while_a_rule_translates() -> None:
    """An empty nat table does not track."""
    lab = router()
    iptables(lab, "node", "-t nat -A POSTROUTING -j ACCEPT")
    lab.ping("pod", "10.2.0.2")
    lab.run(1)
    assert connections(lab, "node") == []
    assert lab["node"].nf.priorities(NF_INET_PRE_ROUTING) == [-100]
    iptables(lab, "node", "-t nat -A POSTROUTING -d 1.2.3.4 -j MASQUERADE")
    lab.ping("pod", "10.2.0.2")
    lab.run(1)
    assert len(connections(lab, "node")) == 1
    assert lab["node"].nf.priorities(NF_INET_PRE_ROUTING) == [-400, -200, -100]


def test_legacy_and_nft_tables_stand_side_by_side() -> None:
    """The first that settles a side wins; of equal priorities that which came last is asked first (F200)."""
    lab = router()
    iptables(lab, "node", "-t nat -A PREROUTING -d 10.9.9.9 -j DNAT --to-destination 10.2.0.2")
    iptables(lab, "node", "-t nat -A PREROUTING -d 10.9.9.0/24 -j DNAT --to-destination 10.0.0.11", variant=LEGACY)
    lab.ping("pod", "10.9.9.9")
    lab.run(1)
    assert seen(lab, "node:eth0") == ["10.1.0.2 > 10.0.0.11 id 4097"]
    assert _counters(lab, "PREROUTING") == [0]
    assert _counters(lab, "PREROUTING", LEGACY) == [1]


def test_a_packet_with_a_new_destination_forgets_its_route() -> None:
    """``nf_nat_ipv4_pre_routing``."""
    lab = router()
    iptables(lab, "node", "-t nat -A PREROUTING -d 10.0.0.10 -j DNAT --to-destination 10.1.0.2")
    node, link = lab["node"], lab.link("node:eth0")
    kept, forgotten = (
        Skb(Packet((IPv4(Ip4.parse("10.0.0.11"), Ip4.parse(dst), 17), Udp(4000, 9)), b"x"), 1, link)
        for dst in ("10.2.0.2", "10.0.0.10")
    )
    for skb in (kept, forgotten):
        skb.dst = ip_route_output(node, Ip4.parse("10.2.0.2"))
        assert nf_hook(node.hooks[NF_INET_PRE_ROUTING], skb, node, link) == 1
    assert kept.dst is not None
    assert forgotten.dst is None
    assert str(forgotten.ip.dst) == "10.1.0.2"


def test_netmap_keeps_the_host_part_at_both_ends() -> None:
    lab = router()
    iptables(
        lab,
        "node",
        "-t nat -A PREROUTING -d 10.9.0.0/24 -j NETMAP --to 10.1.0.0/24",
        "-t nat -A POSTROUTING -s 10.2.0.0/24 -j NETMAP --to 10.8.0.0/24",
    )
    lab.ping("pod2", "10.9.0.2")
    lab.run(1)
    assert seen(lab, "node:veth1") == ["10.8.0.2 > 10.1.0.2 id 4097"]


def test_redirect_leads_to_the_first_address_of_the_device_or_to_lo() -> None:
    lab = router()
    iptables(
        lab,
        "node",
        "-t nat -A PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 5353",
        "-t nat -A OUTPUT -p udp --dport 53 -j REDIRECT --to-ports 5353",
    )
    server = lab.udp("node", 5353)
    client = send(lab, "pod", 4000, "10.9.9.9", 53)
    answer(lab, server)
    assert senders(client) == ["10.9.9.9:53"]
    assert "DNAT PREROUTING 10.9.9.9:53 -> 10.1.0.1:5353 by PREROUTING 1" in translations(lab)
    lab.restart()
    server.bind(Ip4.parse("127.0.0.1"))
    local = send(lab, "node", 4001, "10.0.0.11", 53)
    assert "DNAT OUTPUT 10.0.0.11:53 -> 127.0.0.1:5353 by OUTPUT 1" in translations(lab)
    answer(lab, server)
    assert senders(local) == ["10.0.0.11:53"]


def test_a_redirect_without_an_address_drops() -> None:
    lab = router()
    lab.sysctl("node", "conf/veth1/proxy_arp", 1)
    lab.addr_del("node:veth1", "10.1.0.1")
    lab.set_neigh("pod:eth0", "10.1.0.1", "02:00:00:00:01:10")
    iptables(lab, "node", "-t nat -A PREROUTING -i veth1 -j REDIRECT")
    lab.ping("pod", "10.9.9.9")
    lab.run(0.5)
    assert ("nf_nat_redirect_ipv4", "NETFILTER_DROP") in lab.drops("node")


def test_an_untracked_packet_is_let_alone() -> None:
    lab = router()
    iptables(
        lab,
        "node",
        "-t nat -A POSTROUTING -o eth0 -j MASQUERADE",
        "-t raw -A PREROUTING -s 10.1.0.2 -j NOTRACK",
    )
    lab.ping("pod", "10.0.0.11")
    lab.run(0.5)
    assert seen(lab, "node:eth0")[0].startswith("10.1.0.2 > 10.0.0.11")


def test_a_checksum_that_came_wrong_stays_wrong() -> None:
    old, new = Ip4.parse("10.1.0.2"), Ip4.parse("10.0.0.10")
    right = Packet((IPv4(old, Ip4.parse("10.0.0.11"), 17), Udp(4000, 9)), b"data")
    moved = nf_nat_ipv4_manip_pkt(right, new, 77, source=True)
    stored = to_bytes(right)[26:28]
    written = Packet((right.layers[0], Udp(4000, 9, checksum=int.from_bytes(stored, "big"))), b"data")
    assert to_bytes(nf_nat_ipv4_manip_pkt(written, new, 77, source=True)) == to_bytes(moved)
    off = int.from_bytes(stored, "big") ^ 0x1234
    damaged = Packet((right.layers[0], Udp(4000, 9, checksum=off)), b"data")
    changed = from_bytes(to_bytes(nf_nat_ipv4_manip_pkt(damaged, new, 77, source=True)), IPv4)
    udp = changed.find(Udp)
    assert udp is not None
    assert udp.checksum is not None
    absent = Packet((right.layers[0], Udp(4000, 9, checksum=0)), b"data")
    assert nf_nat_ipv4_manip_pkt(absent, new, 77, source=True).layers[1] == Udp(77, 9, checksum=0)


def test_the_frame_between_is_what_the_receiver_takes() -> None:
    """An injected echo request, with a MAC header, is translated as one of a socket is."""
    lab = router()
    iptables(lab, "node", "-t nat -A PREROUTING -d 10.9.9.9 -j DNAT --to-destination 10.2.0.2")
    pod = lab.link("pod:eth0")
    node = lab.link("node:veth1")
    frame = Packet(
        (
            Ethernet(node.mac, pod.mac),
            IPv4(Ip4.parse("10.1.0.2"), Ip4.parse("10.9.9.9"), 1),
            Icmp(ICMP_ECHO, 0, 7 << 16 | 1),
        ),
        b"x",
    )
    lab.inject("pod:eth0", frame)
    lab.run(1)
    assert seen(lab, "node:veth2") == ["10.1.0.2 > 10.2.0.2 id 7"]
    assert seen(lab, "node:veth1") == ["10.9.9.9 > 10.1.0.2 id 7"]
