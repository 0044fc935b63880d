"""The table: confirming, clashing, ending; the room there is; what is counted and told."""

import pytest

from podwire.linux.errors import NetlinkError
from podwire.linux.netfilter.conntrack.confirm import nf_conntrack_alter_reply, nf_conntrack_tuple_taken
from podwire.linux.netfilter.conntrack.core import nf_conntrack_in
from podwire.linux.netfilter.conntrack.ecache import IPCT_DESTROY, IPCT_NEW, IPCT_PROTOINFO, IPCT_REPLY
from podwire.linux.netfilter.conntrack.entry import IP_CT_ESTABLISHED_REPLY, IPS_NAT_CLASH, Connection
from podwire.linux.netfilter.conntrack.tuple import nf_ct_invert
from podwire.linux.netfilter.hooks import NF_ACCEPT, NF_DROP
from podwire.linux.rtnl.conntrack import NewConnection
from podwire.linux.skb import Skb
from podwire.trace.events import Conntrack, Dropped, Flow
from podwire.wire.addr import Ip4
from podwire.wire.headers import TCP_ACK, TCP_SYN
from tests.linux.netfilter.conntrack.ctlab import A, B, Node, echo, tcp, udp


def flow(src: str, sport: int, dst: str, dport: int, proto: int = 17) -> Flow:
    return Flow(Ip4.parse(src), Ip4.parse(dst), proto, sport, dport)


def translated(node: Node, sport: int, to: str) -> Skb:
    """A datagram whose answers will come from ``to``, not yet confirmed."""
    skb = node.look_up(udp(A, sport, B, 53))
    assert skb.ct is not None
    nf_conntrack_alter_reply(skb.ct, flow(to, 53, A, sport))
    return skb


def test_a_connection_stands_in_the_table_once_its_packet_is_through() -> None:
    node = Node()
    skb = node.look_up(udp(A, 1, B, 2))
    assert node.netns.conntrack.count == 0
    assert node.confirm(skb) == NF_ACCEPT
    assert node.only() is skb.ct


def test_two_first_packets_of_one_flow_join() -> None:
    node = Node()
    one, two = node.look_up(udp(A, 1, B, 2)), node.look_up(udp(A, 1, B, 2))
    assert one.ct is not two.ct
    node.confirm(one)
    assert node.confirm(two) == NF_ACCEPT
    assert two.ct is one.ct
    assert node.stats == {"clash_resolve": 1}


def test_who_talks_to_itself_is_one_connection_and_its_second_packet_is_the_answer() -> None:
    """What the kernel shows of 10.1.0.2:1 to 10.1.0.2:1; the tuple of the replies was put in front of the other one."""
    node = Node()
    assert node.passes(udp(A, 1, A, 1)) == "NEW"
    assert node.only().orig == node.only().reply
    assert node.netns.conntrack.count == 1
    assert node.look_up(udp(A, 1, A, 1)).ctinfo == IP_CT_ESTABLISHED_REPLY


def test_two_first_packets_of_opposite_ways_join() -> None:
    node = Node()
    one, two = node.look_up(udp(A, 1, B, 2)), node.look_up(udp(B, 2, A, 1))
    node.confirm(one)
    assert node.confirm(two) == NF_ACCEPT
    assert two.ct is one.ct


def test_the_second_of_two_tcp_connections_is_lost() -> None:
    node = Node()
    one, two = (node.look_up(tcp(A, 1, B, 2, TCP_SYN)) for _ in range(2))
    node.confirm(one)
    assert node.confirm(two) == NF_DROP
    assert node.stats == {"drop": 1, "insert_failed": 1}
    assert [r.event.what for r in node.lab.events(Conntrack)][-1] == "clash"
    (lost,) = node.lab.events(Dropped)
    assert "insert_failed" in str(lost.event.by)


def test_one_that_was_sent_elsewhere_is_known_by_its_answers_for_a_second() -> None:
    node = Node()
    first, late = translated(node, 1, "10.9.0.1"), translated(node, 1, "10.9.0.2")
    node.confirm(first)
    assert node.confirm(late) == NF_ACCEPT
    assert node.stats == {"clash_resolve": 1}
    assert late.ct is not None
    assert late.ct.status & IPS_NAT_CLASH
    assert [str(ct.reply.src) for ct in node.netns.conntrack] == ["10.9.0.1"]
    assert node.look_up(udp("10.9.0.2", 53, A, 1)).ct is late.ct
    node.lab.run(1)
    assert node.passes(udp("10.9.0.2", 53, A, 1)) == "NEW"


def test_answers_that_belong_to_another_connection_are_a_clash_that_is_lost() -> None:
    node = Node()
    node.confirm(translated(node, 1, "10.9.0.1"))
    late = node.look_up(udp(A, 1, "10.9.0.1", 53))
    assert late.ct is not None
    assert node.confirm(late) == NF_DROP
    assert node.stats == {"drop": 1, "insert_failed": 1}


def test_a_taken_tuple_is_told_to_who_asks_unless_it_is_the_same_flow() -> None:
    node = Node()
    node.passes(udp(A, 1, B, 2))
    other = node.look_up(udp(A, 9, B, 2)).ct
    same = Connection(99, flow(A, 1, B, 2), flow(B, 2, A, 1), net=node.netns)
    assert other is not None
    assert nf_conntrack_tuple_taken(flow(B, 2, A, 1), other)
    assert not nf_conntrack_tuple_taken(flow(B, 2, A, 3), other)
    assert not nf_conntrack_tuple_taken(flow(B, 2, A, 1), same)
    assert not nf_conntrack_tuple_taken(flow(B, 2, A, 1), node.only())
    assert node.stats == {"found": 1}


def test_tuples_turned_round() -> None:
    assert nf_ct_invert(flow(A, 1, B, 2)) == flow(B, 2, A, 1)
    assert nf_ct_invert(flow(A, 7, B, 8 << 8, 1)) == flow(B, 7, A, 0, 1)
    assert nf_ct_invert(flow(A, 7, B, 3 << 8, 1)) is None


def test_what_is_over_is_gone_for_whoever_looks() -> None:
    node = Node()
    node.passes(udp(A, 1, B, 2))
    node.lab.run(29.9)
    assert node.netns.conntrack.count == 1
    node.lab.run(0.2)
    assert node.netns.conntrack.count == 0
    assert node.passes(udp(A, 1, B, 2)) == "NEW"
    assert node.passes(udp(B, 2, A, 1)) == "ESTABLISHED"


def test_udp_lives_two_minutes_once_it_has_gone_on_for_two_seconds() -> None:
    node = Node()
    node.passes(udp(A, 1, B, 2))
    node.passes(udp(B, 2, A, 1))
    node.passes(udp(A, 1, B, 2))
    assert node.left == 30
    node.lab.run(2.1)
    node.passes(udp(A, 1, B, 2))
    assert node.left == 120


def test_a_written_timeout_counts_from_the_next_packet_on() -> None:
    node = Node()
    node.passes(echo(A, B))
    node.set("icmp_timeout", 5)
    assert node.left == 30
    node.passes(echo(A, B))
    assert node.left == 5


def test_bytes_are_counted_where_that_was_on_when_it_began() -> None:
    node = Node()
    node.passes(udp(A, 1, B, 2))
    node.set("acct", 1)
    node.passes(udp(A, 2, B, 2))
    node.passes(udp(B, 2, A, 1))
    node.passes(udp(B, 2, A, 2))
    first, second = node.netns.conntrack
    assert (first.packets, second.packets, second.octets) == ([0, 0], [1, 1], [29, 29])


def test_a_full_table_takes_nothing_more() -> None:
    node = Node()
    node.set("max", 2)
    for port in (1, 2):
        node.passes(udp(A, port, B, 53))
    skb = Skb(udp(A, 3, B, 53), 1)
    assert nf_conntrack_in(skb, node.netns, 0) == NF_DROP
    assert node.stats == {"drop": 1}
    (lost,) = node.lab.events(Dropped)
    assert "nf_conntrack_max" in str(lost.event.by)
    node.lab.run(31)
    assert node.passes(udp(A, 3, B, 53)) == "NEW"


def test_in_a_full_table_one_that_is_not_assured_makes_room_if_it_stands_near() -> None:
    node = Node()
    node.set("max", 2)
    node.set("buckets", 4)
    for port in (1, 2):
        node.passes(udp(A, port, B, 53))
    assert node.passes(udp(A, 3, B, 53)) == "NEW"
    assert node.stats["early_drop"] >= 1


def test_connections_end_when_somebody_says_so() -> None:
    node = Node()
    node.passes(udp(A, 1, B, 2))
    ct = node.door.conntrack_get(flow(B, 2, A, 1))
    node.door.conntrack_delete(ct)
    with pytest.raises(NetlinkError):
        node.door.conntrack_delete(ct)
    with pytest.raises(NetlinkError):
        node.door.conntrack_get(flow(A, 1, B, 2))
    assert node.passes(udp(B, 2, A, 1)) == "NEW"
    node.door.conntrack_flush()
    assert node.door.conntrack_count() == 0


def test_one_that_is_made_by_hand_is_found_by_its_packets() -> None:
    node = Node()
    orig, reply = flow(A, 1, B, 2), flow(B, 2, A, 1)
    node.door.conntrack_create(NewConnection(orig=orig, reply=reply, timeout=60, mark=5))
    assert node.passes(udp(B, 2, A, 1)) == "ESTABLISHED"
    assert node.only().mark == 5
    with pytest.raises(NetlinkError):
        node.door.conntrack_create(NewConnection(orig=orig, reply=reply, timeout=60))


def test_listeners_hear_of_what_begins_after_them() -> None:
    node = Node()
    heard: list[tuple[int, int]] = []
    node.passes(udp(A, 9, B, 2))
    node.door.conntrack_listen(lambda ct, events, _: heard.append((ct.orig.sport, events)))
    node.passes(tcp(A, 1, B, 2, TCP_SYN, 10))
    node.passes(tcp(B, 2, A, 1, TCP_SYN | TCP_ACK, 20, 11))
    node.passes(udp(A, 9, B, 2))
    node.lab.run(61)
    assert heard == [(1, IPCT_NEW | IPCT_PROTOINFO), (1, IPCT_REPLY | IPCT_PROTOINFO), (1, IPCT_DESTROY)]


def test_without_listeners_time_does_not_look_at_the_table() -> None:
    node = Node()
    hear = lambda *_: None  # noqa: E731 - nothing
    node.door.conntrack_listen(hear)
    node.door.conntrack_unlisten(hear)
    node.lab.run(2)
    assert node.lab.network.next_time() is None


def test_many_connections_that_are_over_do_not_stay() -> None:
    node = Node()
    node.netns.machine.log.on = False
    for _ in range(3):
        for port in range(3000):
            node.passes(udp(A, port, B, 2))
        node.lab.run(31)
    assert node.netns.conntrack.size < 9000
