"""``ip monitor``: what the oracle's scripts recorded, typed again; and what a script cannot show."""

import re
import shlex
from pathlib import Path

import pytest

from podwire.errors import NotModelled
from podwire.linux.netlink import Netlink
from podwire.linux.rtnl.notify import LinkMessage, Message, NsidMessage, RouteMessage
from podwire.tools.ip import ip
from podwire.tools.process import Process
from tests.oracle import normalise
from tests.tools.realscripts import Lab, nanoseconds

ORACLE = Path(__file__).parents[2] / "oracle"
SECOND = 1_000_000_000


class Watched(Lab):
    """Namespaces, and the texts of every ``ip monitor`` and of what was typed meanwhile."""

    def __init__(self):
        super().__init__()
        self.text = []

    def monitor(self, line, place=None, **options):
        process = Process(self.network, place or self.root, shlex.split(line), **options)
        process.on_output = lambda stream, text: self.text.append(text)
        process.start(ip)
        return process

    def settle(self):
        self.network.sleep(SECOND // 5)

    def typed(self, line):
        words = shlex.split(line)
        if words[:3] == ["ip", "netns", "exec"]:
            return self.run(words[4:], self.place(words[3]))
        return self.run(words)

    def said(self):
        self.settle()
        text = "".join(self.text)
        self.text.clear()
        return text


@pytest.fixture
def lab():
    lab = Watched()
    for name in ("a", "b"):
        lab.namespace(name)
    return lab


@pytest.fixture
def pair(lab):
    lab.pair("a", "v0", "02:00:00:00:00:0a", "b", "v1", "02:00:00:00:00:0b")
    return lab


def unrolled(text):
    """The loops of a script, written out."""

    def repeat(match):
        name, values, body = match.groups()
        return "".join(body.replace(f"${name}", value) for value in values.split())

    return re.sub(r"for (\w+) in ([^;]*); do\n(.*?\n)done\n", repeat, text.replace("\\\n", " "), flags=re.DOTALL)


@pytest.mark.parametrize("name", ["link", "pair", "address", "route", "neigh", "netns", "conf"])
def test_as_recorded(lab, name):
    script = (ORACLE / "scripts" / f"monitor_{name}.sh").read_text()
    body = unrolled(script.partition("endmon() {\n")[2].partition("}\n")[2])
    running = None
    for line in body.splitlines():
        line = line.strip().removesuffix(" >/dev/null")
        word, _, rest = line.partition(" ")
        match word:
            case "mon":
                running = lab.monitor(f"ip {rest}")
            case "m" | "c" | "ping_a":
                if word == "ping_a":
                    rest = f"ip netns exec a ping -q -c 1 -W 0.1 {rest}"
                lab.text.append(f"$ {rest}\n")
                lab.typed(rest)
                lab.network.sleep(1_500_000_000)
            case "pair":
                lab.pair(*rest.split())
            case "ns":
                lab.namespace(rest)
            case "sys":
                where, *settings = rest.split()
                lab.run(["sysctl", "-qw", *settings], lab.place(where))
            case "sleep":
                lab.network.sleep(nanoseconds(rest))
            case "ip":
                lab.setup(line)
            case "" | "endmon" | "ping_a()" | "#":
                pass
            case _:
                raise AssertionError(line)
    assert running is not None
    running.interrupt(15)
    assert running.status == 143
    real = (ORACLE / "recorded" / f"monitor_{name}.out").read_text()
    keep = normalise.macs(script)
    # What the commands themselves said is not written down here.
    real = real[real.index("$ ip") :]
    assert normalise.normalise("".join(lab.text), keep) == normalise.normalise(real, keep)


def test_time_stamps(pair):
    pair.monitor("ip -n a -ts monitor rule")
    pair.monitor("ip -n a -t monitor rule label")
    pair.typed("ip -n a rule add from 10.0.0.1 prio 5")
    text = pair.said()
    assert re.search(
        r"^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\] 5:\tfrom 10\.0\.0\.1 lookup main$", text, re.MULTILINE
    )
    assert re.search(r"^Timestamp: \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} \d+ usec\n\[RULE\]5:", text, re.MULTILINE)


def test_another_namespace_is_not_heard(pair):
    pair.monitor("ip -n a monitor link")
    pair.typed("ip -n b link set v1 mtu 1400")
    pair.typed("ip link set lo down")
    assert pair.said() == ""


def test_of_all_namespaces_those_that_have_an_id_are_heard(pair):
    pair.namespace("c")
    pair.monitor("ip -n a monitor link all-nsid")
    pair.typed("ip -n b link set v1 mtu 1400")
    pair.typed("ip -n c link set lo down")
    pair.typed("ip -n a link set lo mtu 9000")
    assert [line[:20] for line in pair.said().splitlines()[::2]] == [
        "[nsid 0]2: v1@if2: <",
        "[nsid current]1: lo: "[:20],
    ]


def test_the_end(pair):
    monitor = pair.monitor("ip -n a monitor neigh")
    assert monitor.endless
    assert len(pair.machine.listeners) == 1
    pair.typed("ip -n a neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0")
    # It has not been woken yet; what it has read it has printed.
    monitor.interrupt()
    assert (monitor.status, monitor.stdout) == (130, "10.0.0.9 dev v0 lladdr 02:00:00:00:00:09 PERMANENT \n")
    assert pair.machine.listeners == []


def test_killed(pair):
    monitor = pair.monitor("ip -n a monitor")
    monitor.close()
    assert (monitor.status, pair.machine.listeners) == (137, [])


@pytest.mark.parametrize(
    ("words", "label"),
    [("l", "[LINK]"), ("a", "[ADDR]"), ("r", "[ROUTE]"), ("n", "[NEIGH]"), ("netc", "[NETCONF]"), ("ru", "[RULE]")],
)
def test_objects_are_abbreviated(pair, words, label):
    pair.monitor(f"ip -n a monitor label {words if words != 'l' else 'li'}")
    pair.typed("ip -n a link set v0 mtu 1400")
    pair.typed("ip -n a addr add 10.0.0.1/24 dev v0")
    pair.typed("ip -n a rule add from 10.0.0.1 prio 5")
    pair.typed("ip -n a neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0")
    pair.typed("ip netns exec a sysctl -qw net.ipv4.ip_forward=1")
    assert set(re.findall(r"\[[A-Z]+\]", pair.said())) == {label}


def test_objects_that_nobody_tells_of(pair):
    pair.monitor("ip -n a monitor mroute prefix nexthop stats")
    pair.typed("ip -n a link set v0 mtu 1400")
    assert pair.said() == ""


@pytest.mark.parametrize("line", ["ip monitor file x", "ip monitor help", "ip -6 monitor"])
def test_what_is_not_modelled(lab, line):
    with pytest.raises(NotModelled):
        lab.monitor(line)


def test_ipv6_tells_more_than_podwire_knows(lab):
    """With IPv6 there are messages about addresses, routes and neighbours of its own: -4 leaves them out, and links have none."""
    lab.root.netns.conf6_all["disable_ipv6"] = 0
    for line in ("ip monitor", "ip monitor route", "ip monitor address link", "ip monitor neigh"):
        with pytest.raises(NotModelled, match="-4"):
            lab.monitor(line)
    for line in ("ip -4 monitor", "ip monitor link rule nsid netconf"):
        lab.monitor(line).close()


def test_what_an_upper_layer_confirms_is_told(pair):
    """DELAY is not; that it became REACHABLE without a question is."""
    pair.typed("ip -n a addr add 10.0.0.1/24 dev v0")
    pair.typed("ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0 nud delay")
    netns = pair.place("a").netns
    (entry,) = netns.neighbours.of(netns.link("v0"))
    entry.confirmed = netns.machine.jiffies
    pair.monitor("ip -n a monitor neigh")
    assert pair.said() == "10.0.0.2 dev v0 lladdr 02:00:00:00:00:0b REACHABLE \n"


# -- the messages themselves --------------------------------------------------------------------------------------


def test_nothing_is_built_where_nobody_listens(pair, monkeypatch):
    def fail(*_, **__):
        raise AssertionError

    monkeypatch.setattr("podwire.linux.rtnl.notify.tell", fail)
    monkeypatch.setattr("podwire.linux.rtnl.addr.tell", fail)
    monkeypatch.setattr("podwire.linux.rtnl.door.tell", fail)
    pair.typed("ip -n a addr add 10.0.0.1/24 dev v0")
    pair.typed("ip -n a link set v0 mtu 1400")


def test_a_listener_hears_messages_in_order(pair):
    heard: list[Message] = []
    pair.machine.listeners.append(heard.append)
    pair.typed("ip -n a link set v0 down")
    pair.typed("ip -n a route add blackhole 10.9.0.0/16")
    assert [type(message) for message in heard] == [LinkMessage, LinkMessage, RouteMessage]
    assert [message.netns.label for message in heard] == ["a", "b", "a"]
    assert isinstance(heard[2], RouteMessage)
    assert str(heard[2].route.dst) == "10.9.0.0/16"
    assert not any(message.deleted for message in heard)


def test_a_namespace_gets_its_id_with_the_first_message_about_a_link_to_it(lab):
    """Or when somebody asks for the link: so ids follow the order in which links are looked at."""
    heard: list[Message] = []
    lab.machine.listeners.append(heard.append)
    lab.typed("ip link add v0 netns a type veth peer name v1 netns b")
    a, b = lab.place("a").netns, lab.place("b").netns
    assert [(message.netns, message.nsid) for message in heard if isinstance(message, NsidMessage)] == [(a, 0)]
    assert (a.nsids, b.nsids) == ({b: 0}, {})
    Netlink(b).link_up(b.link("v1"))
    assert b.nsids == {a: 0}


def test_a_listener_may_leave_while_it_is_told(pair):
    listeners = pair.machine.listeners
    heard: list[Message] = []

    def once(message):
        heard.append(message)
        listeners.remove(once)

    listeners += [once, heard.append]
    pair.typed("ip -n a link set v0 mtu 1400")
    assert len(heard) == 2
    assert listeners == [heard.append]
