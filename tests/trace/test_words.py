"""Words for values."""

import pytest

from podwire.trace.events import (
    KERNEL,
    ByFabric,
    ByLink,
    ByNeighbour,
    ByNotModelled,
    ByPolicyRule,
    ByRoute,
    ByRule,
    BySysctl,
    Owner,
)
from podwire.trace.words import WIDTH, clock, decided, noted, route, what, wrap, writer, written
from podwire.wire.addr import Ip, Mac
from tests.trace.deaths import BACK_DEFAULT, back

VIA = Ip.parse("10.0.0.9")
FELIX = Owner("felix", "Pod default/pod1", "spec.egress[0]")


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 us"),
        (1, "0.001 us"),
        (1500, "1.5 us"),
        (999_000, "999 us"),
        (1_000_000, "1.000 ms"),
        (3_062_000, "3.062 ms"),
        (999_999_000, "999.999 ms"),
        (1_000_000_000, "1.000 s"),
        (5_006_123_456, "5.006 s"),
        (-2000, "-2 us"),
        (-5_000_000_000, "-5.000 s"),
    ],
)
def test_a_clock(ns, text):
    assert clock(ns) == text


def test_a_clock_with_more_digits():
    assert clock(5_006_123_456, digits=6) == "5.006123 s"


@pytest.mark.parametrize(
    ("by", "text"),
    [
        # As recorded from iproute2 in tests/oracle/recorded/route_show.out.
        (
            ByRoute("unicast", "default", dev="v0", via=Ip.parse("10.0.0.254"), proto="boot", scope="global"),
            "default via 10.0.0.254 dev v0",
        ),
        (
            ByRoute("unicast", "10.0.0.0/24", dev="v0", proto="kernel", scope="link", src=Ip.parse("10.0.0.1")),
            "10.0.0.0/24 dev v0 proto kernel scope link src 10.0.0.1",
        ),
        (
            ByRoute("unicast", "10.1.2.0/24", dev="v0", scope="link", metric=10),
            "10.1.2.0/24 dev v0 scope link metric 10",
        ),
        (
            ByRoute("unicast", "10.3.0.0/16", dev="v0", via=VIA, proto="bird", scope="universe"),
            "10.3.0.0/16 via 10.0.0.9 dev v0 proto bird",
        ),
        (
            ByRoute("unicast", "10.4.0.0/16", dev="v0", via=VIA, flags=("onlink",)),
            "10.4.0.0/16 via 10.0.0.9 dev v0 onlink",
        ),
        (
            ByRoute(
                "local", "127.0.0.0/8", table="local", dev="lo", proto="kernel", scope="host", src=Ip.parse("127.0.0.1")
            ),
            "local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1",
        ),
        (ByRoute("unreachable", "10.9.0.0/16"), "unreachable 10.9.0.0/16"),
        (
            ByRoute("unicast", "default", dev="v0", via=VIA, flags=("dead", "linkdown")),
            "default via 10.0.0.9 dev v0 dead linkdown",
        ),
        (ByRoute("unicast", "10.0.0.5", table="", dev="v0"), "10.0.0.5 dev v0"),
        (ByRoute("none", "10.0.0.5", table=""), "no route to 10.0.0.5"),
    ],
)
def test_a_route_reads_as_ip_route_prints_it(by, text):
    assert route(by) == text


def test_who_wrote_it():
    assert writer(FELIX) == "felix for Pod default/pod1, spec.egress[0]"
    assert writer(Owner("dhcp")) == "dhcp"
    assert written(FELIX) == "written by felix for Pod default/pod1, spec.egress[0]"
    assert written(KERNEL) == ""
    assert written(KERNEL, default="the kernel's default") == "the kernel's default"
    assert written(Owner("")) == ""


@pytest.mark.parametrize(
    ("by", "long", "short"),
    [
        (
            BySysctl("net.ipv4.ip_forward", 0),
            "net.ipv4.ip_forward = 0 (the kernel's default)",
            "net.ipv4.ip_forward = 0",
        ),
        (
            BySysctl("net.ipv4.ip_forward", 1, Owner("kubelet")),
            "net.ipv4.ip_forward = 1 (written by kubelet)",
            "net.ipv4.ip_forward = 1  [kubelet]",
        ),
        (
            ByRoute("unicast", "10.0.0.0/8", dev="v0"),
            "route 10.0.0.0/8 dev v0 (table main)",
            "10.0.0.0/8 dev v0  [table main]",
        ),
        (
            ByRoute("unicast", "10.0.0.0/8", dev="v0", table="100", owner=Owner("ip")),
            "route 10.0.0.0/8 dev v0 table 100 (written by ip)",
            "10.0.0.0/8 dev v0 table 100  [ip]",
        ),
        (ByRoute("none", "10.0.0.5"), "no route to 10.0.0.5", "no route to 10.0.0.5"),
        (
            ByNeighbour(VIA, "v0", "PERMANENT", Mac(5), Owner("felix")),
            "neighbour 10.0.0.9 dev v0 lladdr 00:00:00:00:00:05 PERMANENT (written by felix)",
            "neighbour 10.0.0.9 dev v0 lladdr 00:00:00:00:00:05 PERMANENT  [felix]",
        ),
        (ByNeighbour(VIA, "v0", "FAILED"), "neighbour 10.0.0.9 dev v0 FAILED", "neighbour 10.0.0.9 dev v0 FAILED"),
        (ByLink("v0", "down", owner=Owner("ip")), "v0 down (written by ip)", "v0 down  [ip]"),
        (ByLink("v0", "mtu", "1450"), "v0 mtu 1450", "v0 mtu 1450"),
        (
            ByRule("nat", "POSTROUTING", 2, "-j MASQUERADE"),
            "rule 2 of POSTROUTING in table nat: -A POSTROUTING -j MASQUERADE",
            "rule 2 of POSTROUTING in table nat: -A POSTROUTING -j MASQUERADE",
        ),
        (ByRule("nat", "X", 2), "rule 2 of X in table nat: -A X", "rule 2 of X in table nat: -A X"),
        (
            ByRule("filter", "FORWARD", 0),
            "the policy of FORWARD in table filter",
            "the policy of FORWARD in table filter",
        ),
        (
            ByPolicyRule(100, "prohibit", Owner("ip")),
            "ip rule 100: prohibit (written by ip)",
            "ip rule 100: prohibit  [ip]",
        ),
        (ByFabric("firewall rule x", "denies it"), "firewall rule x: denies it", "firewall rule x: denies it"),
        (
            ByFabric("lan10", "no other port on segment lan10"),
            "no other port on segment lan10",
            "no other port on segment lan10",
        ),
        (ByFabric("vpc", ""), "vpc", "vpc"),
        (ByNotModelled("IPv6"), "not modelled: IPv6", "not modelled: IPv6"),
    ],
)
def test_what_decided_in_a_sentence_and_in_a_line(by, long, short):
    assert decided(by) == long
    assert noted(by) == short


def test_the_way_back_of_rp_filter():
    by = back(1, BACK_DEFAULT)
    assert decided(by) == (
        "net.ipv4.conf.cali111.rp_filter = 1 (written by felix for Node node1), and the way back is "
        "route default via 10.0.0.1 dev eth0 (table main, written by dhcp)"
    )
    assert what(by) == "net.ipv4.conf.cali111.rp_filter = 1, and the way back is route default via 10.0.0.1 dev eth0"


def test_a_rule_that_is_not_one_of_the_three_is_named():
    by = ByRoute("unicast", "default", dev="v0")
    assert [noted(by, rule) for rule in (0, 32766, 32767)] == ["default dev v0  [table main]"] * 3
    assert noted(by, 100) == "default dev v0  [table main, ip rule 100]"


# -- lines -----------------------------------------------------------------------------------------------------------


def test_lines_are_broken_at_110_columns_with_their_indents():
    found = wrap("word " * 60, "first ", "   rest ")
    assert all(len(line) <= WIDTH for line in found)
    assert [line[:8] for line in found] == ["first wo", "   rest ", "   rest "]
    assert not any(line.endswith(" ") for line in found)


def test_a_command_and_a_switch_stay_whole():
    command = "`sysctl -w net.ipv4.conf.cali111.rp_filter=0`"
    assert wrap("x" * 90 + f" then {command} on node1")[1] == f"{command} on node1"
    assert wrap("x" * 85 + " while net.ipv4.ip_forward = 0 holds")[1] == "net.ipv4.ip_forward = 0 holds"


def test_a_very_long_command_is_broken_all_the_same():
    command = "`" + "word " * 30 + "`"
    assert len(wrap(f"then {command}")) == 2


def test_how_long_a_command_may_be_to_stay_whole():
    def command(length: int) -> str:
        return "`" + "a " * ((length - 3) // 2) + "b" * (2 - length % 2) + "`"

    assert (len(command(89)), len(command(90))) == (89, 90)
    assert wrap(f"{'x' * 60} {command(89)}") == ["x" * 60, command(89)]
    assert wrap(f"{'x' * 60} {command(90)}") != ["x" * 60, command(90)]


def test_a_page_has_110_columns():
    assert WIDTH == 110
    assert wrap("x" * 100 + " aaaa-bbbbbbbbb") == ["x" * 100, "aaaa-bbbbbbbbb"]
    assert wrap("x" * 100 + " 123456789") == ["x" * 100 + " 123456789"]
    assert wrap("x" * 100 + " 1234567890") == ["x" * 100, "1234567890"]


def test_a_long_name_is_not_torn():
    name = "x" * 150
    assert wrap(f"a {name} b") == ["a", name, "b"]
    assert wrap("a-b " * 40)[0].endswith("a-b")


def test_an_empty_text_keeps_its_label():
    assert wrap("", "label  ", "") == ["label"]
