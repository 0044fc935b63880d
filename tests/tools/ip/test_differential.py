"""Random sequences of ``ip`` commands say and do the same on the kernel of this machine and on ours."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from podwire.errors import NotModelled
from tests.tools.ip import real
from tests.tools.ip.bench import Bench

pytestmark = pytest.mark.oracle

# w0 and w1 keep their carrier, n0 has none: what a carrier does when it changes comes up to a second late in the kernel.
DEVICES = ["w0", "w1", "n0"]
SETUP = [
    "ip link set lo up",
    "ip link add w0 address 02:00:00:00:00:0a type veth peer name w1 address 02:00:00:00:00:0b",
    "ip link set w0 up",
    "ip link set w1 up",
    "ip link add n0 address 02:00:00:00:00:0c type bridge",
    "ip link set n0 up",
]
STATE = [
    "ip addr",
    "ip -d route show table all",
    "ip rule",
    "ip -j route show table main",
    "ip neigh show nud permanent nud stale nud failed nud none nud reachable",
]

device = st.sampled_from([*DEVICES, "lo"])
host = st.sampled_from(
    ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.1", "10.0.1.2", "10.2.0.1", "192.168.0.1", "127.0.0.2"]
)
other = st.sampled_from(
    ["10.0.0.9", "10.0.1.9", "10.2.0.9", "10.9.0.1", "10.0.0.1", "127.0.0.1", "192.168.0.254", "8.8.8.8"]
)
length = st.sampled_from([24, 24, 24, 25, 16, 32, 31, 30, 8])
net = st.sampled_from(
    [
        "10.0.0.0/24",
        "10.1.0.0/16",
        "10.1.2.0/24",
        "10.1.2.3",
        "default",
        "10.0.0.0/8",
        "0.0.0.0/1",
        "192.168.0.0/24",
        "10.0.0.1",
        "10.0.1.0/24",
    ]
)
table = st.sampled_from(["", "", "", " table 100", " table 7", " table local", " table 356"])
metric = st.sampled_from(["", "", " metric 5", " metric 100"])


def _optional(draw, strategy, word, chance=3):
    return f" {word} {draw(strategy)}" if draw(st.integers(0, chance)) == 0 else ""


@st.composite
def address_command(draw):
    verb = draw(st.sampled_from(["add", "add", "add", "add", "del", "del", "replace", "change"]))
    local, dev = draw(host), draw(st.sampled_from(DEVICES))
    plen = draw(length)
    text = f"ip addr {verb} {local}/{plen} dev {dev}"
    if verb != "del":
        text += _optional(draw, st.sampled_from(["+", "-", "10.0.0.255", "10.0.0.77"]), "brd")
        text += _optional(draw, st.sampled_from(["link", "host", "global", "site"]), "scope", 7)
        text += _optional(draw, st.sampled_from([f"{dev}:1", f"{dev}:x"]), "label", 7)
        text += _optional(draw, st.integers(0, 9), "metric", 5)
        text += " noprefixroute" if draw(st.integers(0, 9)) == 0 else ""
    if draw(st.integers(0, 7)) == 0:
        text = f"ip addr {verb} {local} peer {draw(other)}/{plen} dev {dev}"
    return text


@st.composite
def route_command(draw):
    verb = draw(st.sampled_from(["add"] * 6 + ["del", "del", "replace", "change", "append", "prepend", "test"]))
    kind = draw(
        st.sampled_from(
            [""] * 12
            + ["blackhole ", "unreachable ", "prohibit ", "throw ", "local ", "broadcast ", "unicast ", "multicast "]
        )
    )
    text = f"ip route {verb} {kind}{draw(net)}"
    shape = draw(st.integers(0, 5))
    if shape == 5:
        legs = draw(st.integers(1, 3))
        hops = [
            f" nexthop via {draw(other)}"
            + _optional(draw, device, "dev")
            + _optional(draw, st.integers(1, 3), "weight")
            for _ in range(legs)
        ]
        return text + draw(metric) + draw(table) + "".join(hops)
    if shape in {0, 1, 4}:
        text += f" via {draw(other)}"
    if shape in {1, 2, 3}:
        text += f" dev {draw(device)}"
    if shape == 1 and draw(st.booleans()):
        text += " onlink"
    text += _optional(draw, host, "src", 5)
    text += _optional(draw, st.sampled_from(["link", "host", "global", "site"]), "scope", 9)
    text += _optional(draw, st.sampled_from(["static", "bird", "80", "kernel"]), "proto", 5)
    text += _optional(draw, st.sampled_from(["1400", "lock 1300"]), "mtu", 9)
    text += _optional(draw, st.sampled_from(["0x10", "8"]), "tos", 12)
    return text + draw(metric) + draw(table)


@st.composite
def rule_command(draw):
    verb = draw(st.sampled_from(["add", "add", "add", "del"]))
    text = f"ip rule {verb}"
    text += _optional(draw, net, "from", 2) + _optional(draw, net, "to", 3)
    text += _optional(draw, st.sampled_from(["1", "0x200/0xf00", "7/7"]), "fwmark", 3)
    text += _optional(draw, device, "iif", 5) + _optional(draw, device, "oif", 7)
    text += _optional(draw, st.sampled_from([0, 1, 50, 50, 100, 32766, 40000]), "prio", 2)
    text += _optional(draw, st.sampled_from(["tcp", "17"]), "ipproto", 9)
    target = st.sampled_from(
        [
            "",
            " table 100",
            " table 7",
            " lookup main",
            " blackhole",
            " goto 32766",
            " table 0",
            " lookup main suppress_prefixlength 0",
            " nop",
        ]
    )
    return text + draw(target)


OTHER_LINK_COMMANDS = [
    "ip link add b0 address 02:00:00:00:00:0d type bridge",
    "ip link add b0 address 02:00:00:00:00:0d mtu 1300 index 77 type bridge",
    "ip link del b0",
    "ip link del n0",
    "ip link set b0 up",
    "ip addr add 10.7.0.1/24 dev b0",
    "ip route add 10.7.7.0/24 dev b0 table 100",
    "ip link set b0 down",
    "ip link set n0 name b0",
    "ip link set b0 name n0",
    "ip link add v%d address 02:00:00:00:00:1a type veth peer address 02:00:00:00:00:1b",
    "ip link add v5 address 02:00:00:00:00:2a type veth peer name v6 mtu 1300 address 02:00:00:00:00:2b",
    "ip link del v5",
    "ip link del v0",
    "sysctl -qw net.ipv4.conf.w0.promote_secondaries=1",
    "sysctl -qw net.ipv4.conf.all.promote_secondaries=1",
    "sysctl -qw net.ipv4.conf.all.promote_secondaries=0",
    "sysctl -qw net.ipv4.conf.n0.ignore_routes_with_linkdown=1",
    "sysctl -qw net.ipv4.conf.all.ignore_routes_with_linkdown=1",
]


@st.composite
def link_command(draw):
    # Only n0 and b0 go up and down: they have no carrier to lose or to gain.
    if draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(OTHER_LINK_COMMANDS))
    change = draw(
        st.sampled_from(
            [
                "n0 up",
                "n0 down",
                "w0 mtu 1400",
                "w1 alias x",
                "n0 name n0",
                "w0 arp off",
                "w0 arp on",
                "w0 multicast off",
                "lo mtu 1500",
                "n0 promisc on",
                "n0 promisc off",
                "w1 txqueuelen 7",
                "w0 mtu 67",
                "n0 group 5",
                "lo promisc on",
                "w1 allmulticast on",
            ]
        )
    )
    return f"ip link set {change}"


@st.composite
def neigh_command(draw):
    verb = draw(st.sampled_from(["add", "add", "add", "del", "replace", "change"]))
    text = f"ip neigh {verb} {draw(other)} dev {draw(st.sampled_from(DEVICES))}"
    if verb != "del":
        text += _optional(
            draw, st.sampled_from(["02:00:00:00:00:01", "02:00:00:00:00:02", "null", "02:00"]), "lladdr", 0
        )
        text += _optional(
            draw, st.sampled_from(["permanent", "stale", "noarp", "reachable", "failed", "none"]), "nud", 1
        )
    return text


@st.composite
def flush_command(draw):
    return draw(
        st.sampled_from(
            [
                "ip addr flush dev w0",
                "ip addr flush dev n0 label n0:1",
                "ip -s addr flush to 10.0.0.0/8",
                "ip route flush table 100",
                "ip route flush proto static",
                "ip -s route flush 10.1.0.0/16",
                "ip route flush root 10.0.0.0/8",
                "ip rule flush",
                "ip route flush dev w0",
                "ip -s -s route flush table 7",
                "ip neigh flush dev w0",
                "ip -s neigh flush 10.0.0.0/24 nud permanent",
                "ip -s -s addr flush dev w1",
                "ip addr flush dev w0 secondary",
            ]
        )
    )


@st.composite
def show_command(draw):
    target = draw(other)
    return draw(
        st.sampled_from(
            [
                f"ip route get {target}",
                f"ip route get {target} from {draw(host)}",
                f"ip route get fibmatch {target}",
                f"ip route get {target} oif {draw(device)}",
                f"ip route get {target} mark 1",
                f"ip route show match {target}",
                f"ip route show via {target}",
                f"ip route show dev {draw(device)}",
                f"ip route show root {draw(net)}",
                f"ip route show {draw(net)}",
                "ip -s addr show lo",
                "ip -br addr",
                "ip -o addr",
                "ip -j -p addr show w0",
                "ip -d link show w1",
                "ip route show table 7",
                "ip route show type blackhole",
                "ip -N route",
                "ip -4 addr show to 10.0.0.0/16",
                "ip rule show table 100",
                "ip rule show from 10.0.0.0/8",
                "ip -j rule",
                "ip -d rule",
                "ip addr show scope link",
                "ip addr show secondary",
                "ip -c route",
                "ip -br link",
                "ip route show table local",
                "ip -o -d addr show lo",
            ]
        )
    )


ANY = st.one_of(
    address_command(),
    address_command(),
    route_command(),
    route_command(),
    route_command(),
    rule_command(),
    link_command(),
    neigh_command(),
    flush_command(),
    show_command(),
)
CARRIER = st.sampled_from(
    [
        "ip link set w0 up",
        "ip link set w0 down",
        "ip link set w1 up",
        "ip link set w1 down",
        "ip link set lo down",
        "ip link set lo up",
        "ip link set n0 address 02:00:00:00:00:0e",
        "ip link set w1 address 02:00:00:00:00:1f",
        "ip link del w0",
        "ip addr flush dev lo",
        "ip addr add 127.0.0.1/8 dev lo",
        "ip addr add 10.5.0.1/24 dev lo",
    ]
)
COMMANDS = st.lists(ANY, min_size=4, max_size=25)
SLOW_COMMANDS = st.lists(
    st.one_of(
        address_command(), route_command(), neigh_command(), CARRIER, CARRIER, st.sampled_from(OTHER_LINK_COMMANDS)
    ),
    min_size=4,
    max_size=12,
)


def comparable(line, result):
    text, status = result
    # A neighbour table is a hash with a random key.
    return ("".join(sorted(text.splitlines(keepends=True))), status) if "neigh" in line else result


def compare(sequence, *, patient=False):
    real.need()
    bench = Bench()
    lines, ours = [], []
    for index, line in enumerate([*SETUP, *sequence]):
        try:
            ours.append(bench.run(line))
        except NotModelled:
            continue
        lines.append(line)
        if index >= len(SETUP):
            for query in STATE:
                ours.append(bench.run(query))
                lines.append(query)
    theirs = real.run(lines, len(SETUP), real.SETTLED, patient=patient)
    for number, (line, mine, kernel) in enumerate(zip(lines, ours, theirs, strict=True)):
        if comparable(line, mine) != comparable(line, kernel):
            done = "\n".join(each for each in lines[: number + 1] if each not in STATE)
            pytest.fail(
                f"{line}\n--- ours\n{mine[0]}[{mine[1]}]\n--- the kernel\n{kernel[0]}[{kernel[1]}]\nafter\n{done}"
            )


relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@settings(relaxed, max_examples=10)
@given(COMMANDS)
def test_the_kernel_says_the_same(sequence):
    compare(sequence)


@pytest.mark.slow
@settings(relaxed, max_examples=150)
@given(COMMANDS)
def test_the_kernel_says_the_same_many_times(sequence):
    compare(sequence)


@pytest.mark.slow
@settings(relaxed, max_examples=10, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(SLOW_COMMANDS)
def test_carriers_come_and_go_as_in_the_kernel(sequence):
    compare(sequence, patient=True)
