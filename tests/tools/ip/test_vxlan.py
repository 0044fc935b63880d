"""VXLAN devices, their table and routes with ``encap`` on the command line; the oracle's scripts ``vxlan_*`` have more of them."""

import json

import pytest

from podwire.errors import NotModelled
from tests.tools.ip.bench import Bench

V = "address 66:00:00:00:00:01"
ZERO6 = " noudp6zerocsumtx noudp6zerocsumrx"


@pytest.fixture
def bench():
    """v0 with 10.0.0.1/24, up as its other end is."""
    bench = Bench()
    bench.ok("ip link add v0 address 02:00:00:00:00:0a type veth peer name v1 address 02:00:00:00:00:0b")
    for words in ("link set v0 up", "link set v1 up", "addr add 10.0.0.1/24 dev v0"):
        bench.ok(f"ip {words}")
    return bench


def described(bench, name="vx"):
    """The line of ``ip -d link`` about the kind, up to what every device has."""
    (line,) = [line for line in bench.ok(f"ip -d link show {name}").splitlines() if line.startswith("    vxlan ")]
    return line.strip().partition(" addrgenmode")[0]


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (
            "id 42 dstport 4789",
            "vxlan id 42 srcport 0 0 dstport 4789 ttl auto ageing 300 udpcsum" + ZERO6,
        ),
        (
            "id 7 group 239.1.1.1 dev v0 dstport 0 ttl inherit tos inherit df inherit ageing 20",
            "vxlan id 7 group 239.1.1.1 dev v0 srcport 0 0 dstport 8472 tos inherit ttl inherit df inherit ageing 20 udpcsum"
            + ZERO6,
        ),
        (
            "external dstport 1 noudpcsum maxaddress 5 srcport 3 9 tos 0x10 ttl 4 df set",
            "vxlan external id 0 srcport 3 9 dstport 1 nolearning tos 0x10 ttl 4 df set ageing 300 maxaddr 5 noudpcsum"
            + ZERO6,
        ),
    ],
)
def test_what_a_device_was_made_with_is_shown(bench, options, shown):
    bench.ok(f"ip link add vx {V} type vxlan {options}")
    assert described(bench) == shown


def test_json_has_the_keys_of_the_tool(bench):
    bench.ok(f"ip link add vx {V} type vxlan id 42 dstport 4789 remote 10.0.0.2 dev v0 nolearning")
    (device,) = json.loads(bench.ok("ip -d -j link show vx"))
    assert device["linkinfo"] == {
        "info_kind": "vxlan",
        "info_data": {
            "id": 42,
            "remote": "10.0.0.2",
            "link": "v0",
            "port_range": {"low": 0, "high": 0},
            "port": 4789,
            "learning": False,
            "ttl": 0,
            "df": "unset",
            "ageing": 300,
            "udp_csum": True,
            "udp_zero_csum6_tx": False,
            "udp_zero_csum6_rx": False,
        },
    }


def test_a_device_without_a_port_is_made_and_the_tool_warns(bench):
    text, status = bench.run(f"ip link add vx {V} type vxlan id 42")
    assert text.startswith("vxlan: destination port not specified\nWill use Linux kernel default")
    assert status == 0
    assert "dstport 8472" in described(bench)


@pytest.mark.parametrize(
    "option",
    ["proxy", "rsc", "l2miss", "l3miss", "gbp", "gpe", "udp6zerocsumtx", "remcsumrx", "flowlabel 5", "remote fe80::1"],
)
def test_what_podwire_lacks_says_so_and_nothing_is_made(bench, option):
    with pytest.raises(NotModelled):
        bench.run(f"ip link add vx type vxlan id 42 dstport 4789 {option}")
    assert "vx" not in bench.ok("ip link")


def test_switches_that_are_off_anyway_may_be_said(bench):
    words = "noproxy norsc nol2miss nol3miss noudp6zerocsumtx noudp6zerocsumrx noremcsumtx noremcsumrx noexternal"
    bench.ok(f"ip link add vx type vxlan id 42 dstport 4789 {words}")
    assert described(bench).startswith("vxlan id 42 ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("id 43", "Cannot change VNI"),
        ("dstport 4790", "Cannot change port"),
        ("external", "vxlan: cannot change COLLECT_METADATA flag"),
        ("gbp", "vxlan: cannot change GBP flag"),
    ],
)
def test_what_cannot_change_is_refused_before_anything_does(bench, words, said):
    bench.ok(f"ip link add vx {V} type vxlan id 42 dstport 4789")
    before = described(bench)
    assert bench.run(f"ip link set vx type vxlan ttl 9 {words}") == (f"Error: {said}.\n", 2)
    assert described(bench) == before


def test_the_rest_of_the_command_is_done_too(bench):
    bench.ok(f"ip link add vx {V} type vxlan id 42 dstport 4789")
    bench.ok("ip link set vx up alias tunnel type vxlan ttl 9")
    assert "ttl 9" in described(bench)
    assert "<BROADCAST,MULTICAST,UP,LOWER_UP>" in bench.ok("ip link show vx")
    assert "alias tunnel" in bench.ok("ip link show vx")


def test_entries_name_what_differs_from_the_device(bench):
    bench.ok(f"ip link add vx {V} type vxlan id 42 dstport 4789")
    bench.ok("bridge fdb add 02:00:00:00:00:05 dev vx dst 10.0.0.2")
    bench.ok("bridge fdb add 02:00:00:00:00:06 dev vx dst 10.0.0.3 port ntp vni 7 via v0 static router")
    assert bench.ok("bridge fdb show dev vx") == (
        "02:00:00:00:00:06 dst 10.0.0.3 port 123 vni 7 via v0 self router static\n"
        "02:00:00:00:00:05 dst 10.0.0.2 self permanent\n"
    )
    assert bench.ok("bridge fdb show dev vx state permanent").count("\n") == 1


def test_a_route_shows_its_encap_and_without_it_another_is_meant(bench):
    bench.ok(f"ip link add vx {V} type vxlan external dstport 4789")
    bench.ok("ip link set vx up")
    bench.ok("ip route add 10.1.0.0/16 encap ip id 42 dst 10.0.0.2 ttl 9 csum dev vx")
    shown = "10.1.0.0/16  encap ip id 42 src 0.0.0.0 dst 10.0.0.2 ttl 9 tos 0 csum dev vx scope link \n"
    assert shown in bench.ok("ip route")
    other = "ip route del 10.1.0.0/16 encap ip id 43 dst 10.0.0.2 dev vx"
    assert bench.run(other) == ("RTNETLINK answers: No such process\n", 2)
    bench.ok("ip route del 10.1.0.0/16 dev vx")
    assert "encap" not in bench.ok("ip route")


@pytest.mark.parametrize("words", ["mpls 10", "ip id 1 vxlan_opts 5", "ip id 1 geneve_opts 0:0:00"])
def test_encaps_that_podwire_lacks_say_so(bench, words):
    with pytest.raises(NotModelled):
        bench.run(f"ip route add 10.1.0.0/16 encap {words} dev v0")
