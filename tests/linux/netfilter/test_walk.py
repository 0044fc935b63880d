"""What a flow met once is not asked again, and nobody can tell: the same events, counters, marks and connections as function by function.

A story is told twice: with every packet shown to every function at every hook, and as it is. In between rules, connections, sets,
devices and switches change.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwire.linux.netfilter import hooks
from podwire.linux.netfilter.conntrack.entry import Connection
from podwire.linux.netfilter.hooks import NF_INET_FORWARD, NF_INET_POST_ROUTING, NF_INET_PRE_ROUTING
from podwire.linux.netfilter.ipset.adt import Adt
from podwire.linux.netfilter.walk import WALKS
from podwire.linux.socket import RawSocket
from podwire.trace.events import Dropped, RuleMatched
from podwire.trace.log import Record
from podwire.wire.addr import Ip4
from podwire.wire.headers import ICMP_ECHO, IPPROTO_ICMP, Icmp
from tests.linux.facts.test_f080_f099_vxlan import POD1, POD2, overlay
from tests.linux.lab import Lab
from tests.oracle.rules import kube

SERVICES = [kube.Service("default/web:http", "tcp", "10.96.0.1", 80, ("192.168.2.2:8080",))]
RULES = """*mangle
-A PREROUTING -i cali+ -j MARK --set-xmark 0x10/0x10
-A FORWARD -m mark --mark 0x10/0x10 -m conntrack --ctstate ESTABLISHED
COMMIT
*filter
:COUNT - [0:0]
-A FORWARD -p icmp -m icmp --icmp-type 8 -j COUNT
-A FORWARD -p icmp -g COUNT
-A FORWARD -p udp -m udp --dport 7 -j COUNT
-A OUTPUT -p udp -m udp --dport 4789 -m comment --comment outer -j ACCEPT
-A COUNT -m addrtype --dst-type LOCAL -j DROP
-A COUNT -s 192.168.0.0/16 -j RETURN
COMMIT
"""
KUBE = kube.filter_table(SERVICES) + kube.nat_table(SERVICES)


class Story:
    """Two nodes with rules, and a connection of each kind between their pods."""

    def __init__(self, rules: str) -> None:
        self.lab: Lab = overlay()
        self.listened: list[tuple[int, int]] = []
        self.servers = [self.lab.udp("pod1", 7), self.lab.udp("pod2", 7)]
        self.raw = RawSocket(self.lab["pod1"], IPPROTO_ICMP, lambda: None)
        for name in ("node1", "node2"):
            self.lab.door(name).ipset_create("some", "hash:ip")
            self.lab.door(name).iptables_restore(rules)

    def talk(self) -> None:
        """An echo, a datagram there and one back, an error."""
        first, second = Ip4.parse(POD1), Ip4.parse(POD2)
        self.raw.send(second, Icmp(ICMP_ECHO, 0, 7 << 16 | 1), bytes(56))
        self.lab.run(0.1)
        self.servers[0].send_to(second, 7, b"x")
        self.servers[1].send_to(first, 7, b"yy")
        self.servers[0].send_to(second, 9, b"refused")
        self.lab.run(0.1)

    def restore(self, text: str) -> None:
        self.lab.door("node1").iptables_restore(text, noflush=True)

    def listen(self) -> None:
        def hear(ct: Connection, events: int, _portid: int) -> None:
            self.listened.append((ct.id, events))

        self.lab.door("node1").conntrack_listen(hear)

    def state(self) -> list[object]:
        """Rules with counters, and connections."""
        found: list[object] = [list(self.listened)]
        for name in ("node1", "node2"):
            door = self.lab.door(name)
            found.append(door.iptables_save(counters=True))
            found += [(ct.orig, ct.reply, ct.status, ct.timeout, ct.mark, ct.packets) for ct in door.conntrack_dump()]
        return found


def delete(story: Story) -> None:
    door = story.lab.door("node1")
    for ct in list(door.conntrack_dump()):
        door.conntrack_delete(ct)


def in_set(story: Story) -> None:
    """A rule asks a set, and later the set has the address."""
    story.restore("*filter\n-I FORWARD -m set --match-set some dst -j DROP\nCOMMIT\n")
    story.talk()
    story.talk()
    story.lab.door("node1").ipset_add("some", Adt(ip=Ip4.parse(POD2)))


def remark(story: Story) -> None:
    """``conntrack -U --mark``."""
    door = story.lab.door("node1")
    door.iptables_restore("*filter\n-I FORWARD -m connmark --mark 0x5 -j DROP\nCOMMIT\n", noflush=True)
    story.talk()
    for ct in list(door.conntrack_dump()):
        door.conntrack_update(ct, mark=5)


def marked_anew(story: Story) -> None:
    """A rule gives connections a mark, and somebody takes it away."""
    door = story.lab.door("node1")
    story.restore("*mangle\n-I FORWARD -j CONNMARK --set-xmark 0x1/0xff\nCOMMIT\n")
    story.talk()
    story.talk()
    for ct in list(door.conntrack_dump()):
        door.conntrack_update(ct, mark=9)


def masqueraded(story: Story) -> None:
    """Later connections are translated."""
    story.restore("*nat\n-A POSTROUTING -o vxlan.calico -j MASQUERADE\nCOMMIT\n")
    delete(story)
    story.talk()
    story.talk()


def listened(story: Story) -> None:
    """Somebody listens when the connections begin, and they grow old enough to be told of again."""
    story.listen()
    delete(story)
    for _ in range(4):
        story.talk()
    story.lab.run(2)


def counted(story: Story) -> None:
    """Connections that begin now count their packets."""
    story.lab.door("node1").sysctl_write("net/netfilter/nf_conntrack_acct", "1")
    delete(story)
    story.talk()
    story.talk()


def now_and_then(story: Story, table: str, target: str) -> None:
    """Of every five packets one is treated in another way."""
    chance = "-m statistic --mode nth --every 5 --packet 0"
    story.restore(f"*{table}\n-A PREROUTING {chance} -j {target}\nCOMMIT\n")
    for _ in range(5):
        story.talk()


def zero(story: Story) -> None:
    for table in story.lab["node1"].xtables.tables.values():
        edit = story.lab.door("node1").xt_edit(table.variant, table.name)
        edit.zero(None, verbose=False)
        story.lab.door("node1").xt_apply(edit)


def rename(story: Story) -> None:
    lab = story.lab
    lab["node1"].rename(lab.link("node1:cali111"), "other0")


def rename_back(story: Story) -> None:
    netns = story.lab["node1"]
    link = netns.link("other0")
    if link is not None:
        netns.rename(link, "cali111")


def local(story: Story) -> None:
    """The pod's address is the node's, too: packets to it do not pass on."""
    story.lab.addr("node2:eth0", f"{POD2}/32")


def told_again(story: Story) -> None:
    """Nobody listens to what becomes of some packets, and then somebody does."""
    log = story.lab.network.log
    log.detach(story.lab._record)
    story.talk()
    log.attach(story.lab._record)


STEPS: dict[str, Callable[[Story], object]] = {
    "nothing": lambda _: None,
    "insert": lambda story: story.restore("*filter\n-I FORWARD -p icmp\nCOMMIT\n"),
    "established": lambda story: story.restore("*filter\n-I FORWARD -m conntrack --ctstate ESTABLISHED\nCOMMIT\n"),
    "drop": lambda story: story.restore("*filter\n-A FORWARD -p icmp -m icmp --icmp-type 0 -j DROP\nCOMMIT\n"),
    "flush": lambda story: story.restore("*filter\n:FORWARD ACCEPT [0:0]\n-F FORWARD\nCOMMIT\n"),
    "policy": lambda story: story.restore("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n"),
    "limit": lambda story: story.restore(
        "*filter\n-I FORWARD -m limit --limit 1/hour --limit-burst 3 -j ACCEPT\nCOMMIT\n"
    ),
    "nth": lambda story: story.restore("*filter\n-I FORWARD -m statistic --mode nth --every 3 --packet 0\nCOMMIT\n"),
    "mark": lambda story: story.restore("*mangle\n-I PREROUTING -j MARK --set-xmark 0x4000/0x4000\nCOMMIT\n"),
    "connmark": lambda story: story.restore(
        "*mangle\n-I PREROUTING -j CONNMARK --set-xmark 0x1/0xff\n-A FORWARD -m connmark --mark 0x1\nCOMMIT\n"
    ),
    "length": lambda story: story.restore("*filter\n-I FORWARD -m length --length 0:30\nCOMMIT\n"),
    "status": lambda story: story.restore("*filter\n-I FORWARD -m conntrack --ctstatus ASSURED\nCOMMIT\n"),
    "trace": lambda story: story.restore("*raw\n-A PREROUTING -p icmp -j TRACE\nCOMMIT\n"),
    "notrack": lambda story: story.restore("*raw\n-I PREROUTING -p udp -j NOTRACK\nCOMMIT\n"),
    "nat": lambda story: story.restore("*nat\n-A POSTROUTING -o cali+ -p icmp -j MASQUERADE\nCOMMIT\n"),
    "delete": delete,
    "set": in_set,
    "remark": remark,
    "zero": zero,
    "rename": rename,
    "rename back": rename_back,
    "local": local,
    "listen": Story.listen,
    "acct": counted,
    "marked anew": marked_anew,
    "masqueraded": masqueraded,
    "listened": listened,
    "now and then a mark": lambda story: now_and_then(story, "mangle", "MARK --set-xmark 0x0/0x10"),
    "now and then a trace": lambda story: now_and_then(story, "raw", "TRACE"),
    "a second": lambda story: story.lab.run(1),
    "three seconds": lambda story: story.lab.run(3),
    "a minute": lambda story: story.lab.run(61),
    "silence": lambda story: story.lab.network.log.detach(story.lab._record),
    "told again": told_again,
}


def told(rules: str, steps: list[str], *, literal: bool) -> tuple[list[Record], list[list[object]], Story]:
    """Every event, the state after each step, and the story."""
    with pytest.MonkeyPatch.context() as patch:
        if literal:
            patch.setattr(hooks, "_in_one", lambda entries, _hook: hooks._each(entries))
        story = Story(rules)
        states: list[list[object]] = []
        for step in ["nothing", "nothing", *steps]:
            STEPS[step](story)
            story.talk()
            story.talk()
            states.append(story.state())
        return story.lab.records, states, story


def agree(rules: str, steps: list[str]) -> None:
    records, states, _ = told(rules, steps, literal=False)
    expected, expected_states, _ = told(rules, steps, literal=True)
    assert states == expected_states
    assert records == expected


@pytest.mark.parametrize("step", STEPS)
def test_one_change_between_packets_is_noticed(step: str) -> None:
    agree(RULES, [step])


@pytest.mark.parametrize("step", ["nothing", "nat", "delete", "mark", "trace", "zero", "three seconds"])
def test_kube_proxys_rules_tell_the_same(step: str) -> None:
    agree(KUBE, [step])


@settings(max_examples=12, deadline=None)
@given(
    rules=st.sampled_from((RULES, KUBE)),
    steps=st.lists(st.sampled_from(sorted(STEPS)), min_size=2, max_size=6, unique=True),
)
def test_any_changes_between_packets_are_noticed(rules: str, steps: list[str]) -> None:
    agree(rules, steps)


def test_walks_are_taken() -> None:
    """Else the tests above would compare nothing: what is remembered of the echo has the rules that it met, without a look at them."""
    _, _, story = told(KUBE, [], literal=False)
    netns = story.lab["node1"]
    echo = next(ct for ct in netns.conntrack if ct.orig.proto == 1 and ct.orig.dport == 8 << 8)
    walks = [echo.walks[hook * WALKS] for hook in (NF_INET_PRE_ROUTING, NF_INET_FORWARD, NF_INET_POST_ROUTING)]
    assert all(walk is not None and walk.good for walk in walks)
    walk = walks[1]
    assert walk is not None
    assert walk.generation == netns.generation
    assert [event.by.chain for event in walk.events] == ["FORWARD", "KUBE-FORWARD"]

    def matches() -> int:
        story.lab.restart()
        story.talk()
        seen = [one.event.by.chain for one in story.lab.events(RuleMatched, "node1")]
        return seen.count("KUBE-FORWARD")

    before = matches()
    walk.events.clear()
    assert matches() == before - 1
    assert not story.lab.events(Dropped, "node1")


def test_more_walks_than_may_wait_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for one, every other walk makes those that wait tell what they have counted."""
    monkeypatch.setattr(hooks, "_PENDING", 1)
    agree(KUBE, [])
