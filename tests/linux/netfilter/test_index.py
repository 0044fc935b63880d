"""An indexed chain decides as the literal scan does: the same verdict, events, marks and counters for every packet.

Two namespaces have the same rules. In one every packet is shown every rule, in the other the chains are indexed.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwire.linux.link import Link
from podwire.linux.netfilter.evaluate import compile_table, ipt_do_table, table_hook
from podwire.linux.netfilter.hooks import NF_ACCEPT, NF_DROP, NF_INET_FORWARD, HookFn
from podwire.linux.netfilter.index import LONG, index_of
from podwire.linux.netfilter.tables import LEGACY, NFT, Table
from podwire.linux.netlink import Netlink
from podwire.linux.netns import Netns
from podwire.linux.skb import Skb
from podwire.wire.addr import Ip4
from podwire.wire.headers import ICMP_ECHO, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, AnyHeader, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet
from tests.linux.lab import Lab

ADDRESSES = ("10.0.0.1", "10.0.0.2", "10.0.1.1")
PORTS = (53, 80, 443)
LINKS = ("one", "two", "onetwo")
CHAINS = ("FORWARD", "U0", "U1", "U2")


def sometimes(choices: st.SearchStrategy[str], negated: str = "! ") -> st.SearchStrategy[str]:
    """Often nothing."""
    signs = st.sampled_from(("", "", negated)) if negated else st.just("")
    return st.one_of(st.just(""), st.tuples(signs, choices).map("".join))


def words(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda found: " ".join(word for word in found if word))


addresses = st.sampled_from([f"{host}/32" for host in ADDRESSES] + ["10.0.0.0/24", "10.0.0.1/255.0.255.255"])
links = st.sampled_from([*LINKS, "one+"])
ports = st.sampled_from([str(port) for port in PORTS] + ["53:80"])
stateful = st.sampled_from(
    (
        "",
        "",
        "",
        "-m comment --comment x",
        "-m statistic --mode nth --every 2 --packet 1",
        "-m statistic --mode random --probability 0.5",
        "-m limit --limit 1/hour --limit-burst 2",
        "-m recent --set --name all --rsource",
        "-m mark --mark 0x1/0x1",
    )
)


def ported(proto: str) -> st.SearchStrategy[str]:
    sport, dport = (sometimes(ports.map(f"--{way} ".__add__)) for way in ("sport", "dport"))
    both = words(sport, dport).map(lambda text: f"-m {proto} {text}" if text else "")
    multi = st.sampled_from(("-m multiport --dports 53,443", "-m multiport --ports 80", "-m multiport ! --dports 53"))
    return words(st.just(f"-p {proto}"), stateful, st.one_of(both, both, multi), stateful)


protos = st.one_of(ported("tcp"), ported("udp"), st.just("-p icmp"), st.just("! -p tcp"), stateful)


@st.composite
def rules(draw: st.DrawFn, chain: str) -> str:
    """A rule; jumps lead to later chains alone."""
    later = CHAINS[CHAINS.index(chain) + 1 :]
    targets = ["", "-j ACCEPT", "-j DROP", "-j RETURN", "-j MARK --set-xmark 0x1/0x1", "-j MARK --set-xmark 0x0/0x1"]
    targets += [f"-j {name}" for name in later] * 2 + [f"-g {name}" for name in later]
    src, dst = (sometimes(addresses.map(f"{way} ".__add__)) for way in ("-s", "-d"))
    iif, oif = (sometimes(links.map(f"{way} ".__add__)) for way in ("-i", "-o"))
    fragment = st.sampled_from(("", "", "", "", "-f", "! -f"))
    return f"-A {chain} {draw(words(src, dst, iif, oif, fragment, protos, st.sampled_from(targets)))}"


@st.composite
def tables(draw: st.DrawFn) -> str:
    lines = [f":{name} - [0:0]" for name in CHAINS[1:]]
    for chain in CHAINS:
        lines += draw(st.lists(rules(chain), min_size=LONG, max_size=3 * LONG))
    return "\n".join(("*filter", *lines, "COMMIT")) + "\n"


@st.composite
def packets(draw: st.DrawFn) -> tuple[Packet, str, str]:
    """A packet and its devices: whole, cut off behind the IP header, or a fragment."""
    proto = draw(st.sampled_from((IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 47)))
    src, dst = (Ip4.parse(draw(st.sampled_from(ADDRESSES))) for _ in range(2))
    sport, dport = (draw(st.sampled_from((*PORTS, 1))) for _ in range(2))
    kind = draw(st.sampled_from(("whole", "whole", "whole", "first", "later", "second", "cut")))
    upper: tuple[AnyHeader, ...] = ()
    data = draw(st.sampled_from((b"", b"\x00\x35", bytes((0, 53, 0, 80)), bytes(20))))
    if kind in {"whole", "first"}:
        headers: dict[int, AnyHeader] = {
            IPPROTO_TCP: Tcp(sport, dport),
            IPPROTO_UDP: Udp(sport, dport),
            IPPROTO_ICMP: Icmp(ICMP_ECHO, 0, 1 << 16),
        }
        upper = (headers[proto],) if proto in headers else ()
    frag = {"later": 100, "second": 1}.get(kind, 0)
    ip = IPv4(src, dst, proto, mf=kind == "first", frag=frag)
    return Packet((ip, *upper), data), draw(st.sampled_from(LINKS)), draw(st.sampled_from(LINKS))


class Place:
    """A namespace with the rules, and the function at its FORWARD."""

    def __init__(self, text: str, variant: str, *, literal: bool) -> None:
        self.lab = Lab()
        self.netns: Netns = self.lab.machine("node").root.netns
        for name in LINKS:
            self.lab.device(f"node:{name}", "dummy")
        Netlink(self.netns).iptables_restore(text, variant=variant)
        table = self.netns.xtables.table(variant, "filter")
        assert table is not None
        self.table: Table = table
        self.base = compile_table(table, self.netns, literal=literal)[NF_INET_FORWARD]
        self.fn: HookFn = table_hook(self.base)
        self.lab.records.clear()

    def link(self, name: str) -> Link:
        return self.lab.link(f"node:{name}")

    def show(self, packet: Packet, iif: str, oif: str, number: int) -> tuple[int, int]:
        """Verdict and mark."""
        skb = Skb(packet, number)
        return self.fn(skb, self.netns, self.link(iif), self.link(oif)), skb.mark

    def counters(self) -> list[tuple[int, int]]:
        return [(rule.packets, rule.bytes) for chain in self.table.chains.values() for rule in chain.rules] + [
            (chain.packets, chain.bytes) for chain in self.table.chains.values()
        ]


@pytest.mark.parametrize("variant", [NFT, LEGACY])
@settings(max_examples=30, deadline=None)
@given(text=tables(), shown=st.lists(packets(), min_size=5, max_size=25))
def test_an_index_chooses_as_the_literal_scan_does(
    variant: str, text: str, shown: list[tuple[Packet, str, str]]
) -> None:
    literal, indexed = Place(text, variant, literal=True), Place(text, variant, literal=False)
    for number, (packet, iif, oif) in enumerate(shown, 1):
        assert indexed.show(packet, iif, oif, number) == literal.show(packet, iif, oif, number)
        assert indexed.lab.records == literal.lab.records
    assert indexed.counters() == literal.counters()


def services(count: int) -> str:
    lines = [f"-A FORWARD -d 10.0.{n >> 8}.{n & 255}/32 -p tcp -m tcp --dport 80 -j DROP" for n in range(count)]
    return "\n".join(("*filter", *lines, "-A FORWARD -p udp -j DROP", "COMMIT")) + "\n"


def test_only_rules_that_can_match_are_compiled_and_tested() -> None:
    """Of a thousand addresses a packet meets one, and the rule that asks for none."""
    place = Place(services(1000), NFT, literal=False)
    packet = Packet((IPv4(Ip4.parse("10.1.1.1"), Ip4.parse("10.0.1.2"), IPPROTO_TCP), Tcp(1, 80)), b"")
    assert place.show(packet, "one", "two", 1) == (NF_DROP, 0)
    met = place.base.met_by(Skb(packet, 2), None, None)
    assert [one.number for one in met] == [259, 1001]
    rules = place.table.chains["FORWARD"].rules
    assert sum(rule.tests is not None for rule in rules) == 2


def test_a_fragment_is_shown_every_rule_where_ports_decide() -> None:
    """A header that is missing makes a match of iptables-legacy drop the packet, whichever port it asks for."""
    lines = [f"-A FORWARD -p tcp -m tcp --dport {port} -j ACCEPT" for port in range(1, 9)]
    text = "\n".join(("*filter", *lines, "COMMIT")) + "\n"
    for literal in (True, False):
        place = Place(text, LEGACY, literal=literal)
        later = Packet((IPv4(Ip4.parse("10.0.0.1"), Ip4.parse("10.0.0.2"), IPPROTO_TCP, frag=1),), bytes(8))
        assert place.show(later, "one", "two", 1) == (NF_DROP, 0)
        whole = Packet((IPv4(Ip4.parse("10.0.0.1"), Ip4.parse("10.0.0.2"), IPPROTO_TCP), Tcp(1, 9)), b"")
        assert place.show(whole, "one", "two", 2) == (NF_ACCEPT, 0)


def test_merged_lists_are_not_kept_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podwire.linux.netfilter.index._KEPT", 10)
    place = Place(services(40), NFT, literal=False)
    for number in range(40):
        ip = IPv4(Ip4.parse("10.1.1.1"), Ip4.parse(f"10.0.0.{number}"), IPPROTO_TCP)
        assert place.show(Packet((ip, Tcp(1, 80)), b""), "one", "two", number + 1) == (NF_DROP, 0)
    index = place.base._index
    assert index is not None
    assert len(index._merged) < 6
    assert [rule.packets for rule in place.table.chains["FORWARD"].rules] == [1] * 40 + [0]


def test_a_chain_that_is_not_edited_keeps_its_index() -> None:
    """And one that is gets another: kube-proxy changes a few of ten thousand services."""
    lines = [f"-A U -d 10.0.0.{n}/32 -j DROP" for n in range(1, 9)]
    place = Place("\n".join(("*filter", ":U - [0:0]", *lines, "-A FORWARD -j U", "COMMIT")) + "\n", NFT, literal=False)
    before = index_of(place.table.chains["U"])
    door = Netlink(place.netns)
    door.iptables_restore("*filter\n-A FORWARD -j ACCEPT\nCOMMIT\n", noflush=True)
    table = place.netns.xtables.table(NFT, "filter")
    assert table is not None
    assert index_of(table.chains["U"]) is before
    door.iptables_restore("*filter\n-I U -j RETURN\nCOMMIT\n", noflush=True)
    table = place.netns.xtables.table(NFT, "filter")
    assert table is not None
    after = index_of(table.chains["U"])
    assert after is not before
    assert after.rest == [0]
    # Nor is an older state taken for that of a chain that somebody has changed in its place.
    chain = table.chains["U"]
    assert len(chain.facts().rules) == 9
    chain.rules = chain.rules[1:]
    assert index_of(chain).rest == []
    assert len(chain.facts().rules) == 8


def test_the_packet_path_takes_the_index() -> None:
    """The function at the hook is not the literal scan."""
    place = Place(services(20), NFT, literal=False)
    skb = Skb(Packet((IPv4(Ip4.parse("10.1.1.1"), Ip4.parse("10.0.0.7"), IPPROTO_TCP), Tcp(1, 80)), b""), 1)
    at_hook = place.netns.at_hook[NF_INET_FORWARD]
    assert at_hook is not None
    assert at_hook(skb, place.netns, place.link("one"), place.link("two")) < 0
    assert sum(rule.tests is not None for rule in place.table.chains["FORWARD"].rules) == 2
    assert ipt_do_table(place.base, skb, place.netns, None, None) == NF_DROP


FILLERS = {
    "dst": [f"-A FORWARD -d 10.9.0.{n}/32" for n in range(9)],
    "src": [f"-A FORWARD -s 10.9.0.{n}/32" for n in range(9)],
    "port": [f"-A FORWARD -p tcp -m tcp --dport {n}" for n in range(1, 10)],
    "iif": [f"-A FORWARD -i if{n}" for n in range(9)],
    "oif": [f"-A FORWARD -o if{n}" for n in range(9)],
}
"""Rules that no packet matches, by which the chain is sorted."""
PACKET = Packet((IPv4(Ip4.parse("10.0.0.1"), Ip4.parse("10.0.0.2"), IPPROTO_TCP), Tcp(5, 80)), b"")


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("dst", "! -d 10.0.0.9/32"),
        ("dst", "-d 10.0.0.0/24"),
        ("src", "! -s 10.0.0.9/32"),
        ("src", "-s 10.0.0.1/255.0.255.255"),
        ("port", "-p tcp -m tcp ! --dport 81"),
        ("port", "-p tcp -m tcp --dport 79:81"),
        ("port", "-p tcp -m tcp --sport 5"),
        ("port", "! -p udp"),
        ("iif", "! -i two"),
        ("iif", "-i on+"),
        ("oif", "! -o one"),
        ("oif", "-o tw+"),
    ],
)
@pytest.mark.parametrize("variant", [NFT, LEGACY])
def test_a_rule_that_wants_no_exact_value_is_shown_to_every_packet(variant: str, kind: str, rule: str) -> None:
    text = "\n".join(("*filter", *FILLERS[kind], f"-A FORWARD {rule} -j DROP", "COMMIT")) + "\n"
    place = Place(text, variant, literal=False)
    assert place.show(PACKET, "one", "two", 1) == (NF_DROP, 0)
    assert sum(one.rule.tests is not None for one in place.base.met_by(Skb(PACKET, 2), None, None)) == 1


@pytest.mark.parametrize("variant", [NFT, LEGACY])
def test_a_match_that_counts_before_the_port_is_asked_by_every_packet(variant: str) -> None:
    """Every second packet, whatever its port: one to port 81 counts as well."""
    every_second = "-p tcp -m statistic --mode nth --every 2 --packet 0 -m tcp"
    text = "\n".join(("*filter", *FILLERS["port"], f"-A FORWARD {every_second} --dport 81 -j DROP", "COMMIT")) + "\n"
    other = Packet((PACKET.layers[0], Tcp(5, 81)), b"")
    place = Place(text, variant, literal=False)
    verdicts = [place.show(packet, "one", "two", 1)[0] for packet in (other, other, PACKET, other, other)]
    assert verdicts == [NF_DROP, NF_ACCEPT, NF_ACCEPT, NF_ACCEPT, NF_DROP]


def test_rules_that_are_met_keep_their_order() -> None:
    """One that wants anything stands between those that want the packet's address."""
    lines = ["-d 10.0.0.2/32 -j MARK --set-mark 1", "-m mark --mark 0x1 -j DROP", "-d 10.0.0.2/32 -j ACCEPT"]
    text = "\n".join(("*filter", *FILLERS["dst"], *(f"-A FORWARD {line}" for line in lines), "COMMIT")) + "\n"
    place = Place(text, NFT, literal=False)
    assert place.show(PACKET, "one", "two", 1) == (NF_DROP, 1)
    assert [rule.packets for rule in place.table.chains["FORWARD"].rules][-3:] == [1, 1, 0]
