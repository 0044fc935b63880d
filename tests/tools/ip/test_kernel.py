"""What commands make of the kernel where the oracle's scripts found the model wrong, one case each: quick to run, and each for one reason."""

import re

import pytest

from podwire.linux.path.exception import RouteException, next_hop_key
from podwire.linux.path.route import ip_route_output
from podwire.linux.rtnl.notify import AddressMessage, Message
from podwire.wire.addr import Ip4
from tests.tools.ip.bench import Bench


@pytest.fixture
def bench():
    bench = Bench()
    bench.ok("ip link add v0 type veth peer name v1")
    for name in ("v0", "v1"):
        bench.ok(f"ip link set {name} up")
    return bench


def labels(bench, name):
    return re.findall(r"^    inet .* (\S+)$", bench.ok(f"ip addr show {name}"), re.MULTILINE)


def test_labels_follow_a_name(bench):
    """inetdev_changename: the first bears the name alone, the others a number, or the suffix that they had."""
    for address in ("10.0.0.1/24 label v0:a", "10.1.0.1/24", "10.2.0.1/24 label v0:b", "10.3.0.1/24"):
        bench.ok(f"ip addr add {address} dev v0")
    bench.ok("ip link set v0 name w0")
    assert labels(bench, "w0") == ["w0", "w0:2", "w0:b", "w0:4"]
    bench.ok("ip link set w0 name fifteenletters_")
    assert labels(bench, "fifteenletters_") == [
        "fifteenletters_",
        "fifteenletter:2",
        "fifteenletter:b",
        "fifteenletter:4",
    ]


def test_an_alias_is_not_given_to_a_new_device(bench):
    bench.ok("ip link add x0 alias foo type bridge")
    assert "alias" not in bench.ok("ip link show x0")
    bench.ok("ip link set x0 alias foo")
    assert "    alias foo\n" in bench.ok("ip link show x0")


def test_the_other_end_of_a_veth_inherits_only_where_nothing_is_said_of_it(bench):
    bench.ok("ip link add x0 mtu 1400 txqueuelen 7 group 5 type veth")
    assert re.search(r"^\d+: veth0@x0: .* mtu 1400 .* group 5 qlen 7$", bench.ok("ip link show veth0"), re.MULTILINE)
    bench.ok("ip link add y0 mtu 1400 txqueuelen 7 group 5 type veth peer name y1")
    assert re.search(r"^\d+: y1@y0: .* mtu 1500 .* group default qlen 1000$", bench.ok("ip link show y1"), re.MULTILINE)


def test_the_rest_of_the_first_network_is_as_good_as_any(bench):
    bench.ok("ip addr add 0.1.0.5/16 dev v0")
    bench.ok("ip addr add 0.0.0.5/24 dev v0")
    assert bench.ok("ip route") == "0.1.0.0/16 dev v0 proto kernel scope link src 0.1.0.5 \n"
    bench.ok("ip route add 10.0.0.0/8 via 0.1.0.9")
    assert bench.run("ip route get 0.1.0.9") == ("0.1.0.9 dev v0 src 0.1.0.5 uid 0 \n    cache \n", 0)


def test_routes_of_every_type_go_with_the_address_that_they_prefer(bench):
    bench.ok("ip addr add 10.0.0.1/24 dev v0")
    bench.ok("ip addr add 10.0.0.2/24 dev v0")
    for number, kind in enumerate(("unreachable", "blackhole", "prohibit", "throw", "")):
        bench.ok(f"ip route add {kind} 10.{number}.9.0/24 {'' if kind else 'dev v0'} src 10.0.0.2")
    bench.ok("ip route add blackhole 10.8.0.0/16 src 10.0.0.2 table 7")
    bench.ok("ip addr del 10.0.0.2/24 dev v0")
    assert bench.ok("ip route") == "10.0.0.0/24 dev v0 proto kernel scope link src 10.0.0.1 \n"
    assert bench.ok("ip route show table 7") == "blackhole 10.8.0.0/16 src 10.0.0.2 \n"


def test_what_is_published_goes_when_ip_leaves_the_device(bench):
    def published():
        return bench.ok("ip neigh show proxy")

    bench.ok("ip addr add 10.0.0.1/24 dev v0")
    bench.ok("ip neigh add proxy 10.0.0.6 dev v0")
    bench.ok("ip link set v1 down")
    bench.ok("ip link set v1 up")
    assert published() == "10.0.0.6 dev v0 proxy \n", "the carrier does not matter"
    bench.ok("ip link set v0 down")
    assert published() == ""
    bench.ok("ip link set v0 up")
    bench.ok("ip neigh add proxy 10.0.0.6 dev v0")
    bench.ok("ip addr del 10.0.0.1/24 dev v0")
    assert published() == ""


@pytest.mark.parametrize(
    ("learnt", "changes", "then"),
    [
        (RouteException(1300), [1200], (1200, False)),
        (RouteException(1300), [1400], (1300, False)),
        (RouteException(1300), [1200, 1500], (1500, False)),
        (RouteException(1300), [1300, 1500], (1500, False)),
        (RouteException(1300, locked=True), [1400], (1300, True)),
        (RouteException(1300, locked=True), [1300], (1300, False)),
        (RouteException(gateway=Ip4.parse("10.0.0.9")), [1200], (0, False)),
    ],
)
def test_what_was_learnt_of_a_path_follows_the_mtu_of_its_device(bench, learnt, changes, then):
    bench.ok("ip addr add 10.0.0.1/24 dev v0")
    bench.ok("ip addr add 10.7.0.1/24 dev v1")
    netns = bench.machine.root.netns
    other = RouteException(1300)
    for address, exception in (("10.0.0.2", learnt), ("10.7.0.2", other)):
        to = Ip4.parse(address)
        leg = ip_route_output(netns, to).leg
        assert leg is not None
        netns.exceptions[next_hop_key(*leg)] = {to: exception}
    for mtu in changes:
        bench.ok(f"ip link set v0 mtu {mtu}")
    assert (learnt.mtu, learnt.locked) == then
    assert not learnt.bound
    assert other.mtu == 1300


def test_a_device_that_moves_may_not_take_an_index_that_is_in_use(bench):
    bench.ok("ip netns add a")
    message = "Error: The ifindex 1 is not available in the target netns.\n"
    assert bench.run("ip link set v0 netns a index 1") == (message, 2)


def test_rules_that_suppress_differently_are_two(bench):
    bench.ok("ip rule add from 1.1.1.1 prio 5 table 7")
    bench.ok("ip rule add from 1.1.1.1 prio 5 table 7 suppress_prefixlength 3")
    assert bench.run("ip rule add from 1.1.1.1 prio 5 table 7 suppress_prefixlength 3")[1] == 2


def test_forwarding_that_is_on_already_changes_no_device(bench):
    bench.ok("sysctl -w net.ipv4.ip_forward=1")
    bench.ok("sysctl -w net.ipv4.conf.v0.forwarding=0")
    bench.ok("sysctl -w net.ipv4.conf.all.accept_redirects=1")
    bench.ok("sysctl -w net.ipv4.ip_forward=1")
    assert bench.ok("sysctl -n net.ipv4.conf.v0.forwarding net.ipv4.conf.all.accept_redirects") == "0\n1\n"
    bench.ok("sysctl -w net.ipv4.ip_forward=2")
    assert bench.ok("sysctl -n net.ipv4.conf.v0.forwarding net.ipv4.conf.all.accept_redirects") == "2\n0\n"


def test_forwarding_of_ipv6_is_carried_over(bench):
    bench.ok("sysctl -w net.ipv6.conf.all.forwarding=1")
    keys = " ".join(f"net.ipv6.conf.{scope}.forwarding" for scope in ("default", "lo", "v0"))
    assert bench.ok(f"sysctl -n {keys}") == "1\n1\n1\n"
    bench.ok("sysctl -w net.ipv6.conf.v0.forwarding=0")
    assert bench.ok(f"sysctl -n {keys}") == "1\n1\n0\n"


def test_behind_a_number_nobody_reads(bench):
    bench.ok("sysctl -w 'net.ipv4.ip_default_ttl=61 and more'")
    assert bench.ok("sysctl -n net.ipv4.ip_default_ttl") == "61\n"
    assert bench.run("sysctl -w net.ipv4.ip_default_ttl=62x")[1] == 1
    assert bench.run("sysctl -w 'net.ipv4.ip_local_port_range=1000 2000 x'")[1] == 1


def test_ids_are_given_when_a_link_is_looked_at(bench):
    """rtnl_fill_link_netnsid: by a list, by asking for the device, or by a message about it."""
    for name in ("a", "b", "c"):
        bench.ok(f"ip netns add {name}")
        bench.ok(f"ip link add to{name} type veth peer name up{name} netns {name}")
    # The devices here were told of as they were made, the ends over there not.
    assert bench.ok("ip netns list-id").count("nsid") == 3
    for look in ("ip -n a link", "ip -n b addr add 10.0.0.1/24 dev upb", "ip -n c link set upc up"):
        where = look.split()[2]
        assert bench.ok(f"ip -n {where} netns list-id") == ""
        bench.ok(look)
        assert bench.ok(f"ip -n {where} netns list-id") == "nsid 0 \n"
    wrong = ("Error: Peer netns reference is invalid.\n", 2)
    assert bench.run("ip netns list-id nsid 7") == wrong


def test_an_address_whose_lifetimes_end_at_once_is_never_deprecated(bench):
    bench.ok("ip addr add 10.0.0.1/24 dev v0 valid_lft 5 preferred_lft 5")
    bench.ok("ip addr add 10.0.1.1/24 dev v0 valid_lft 9 preferred_lft 5")
    bench.world.sleep(4.9)
    assert "deprecated" not in bench.ok("ip addr show v0")
    heard: list[Message] = []
    bench.machine.listeners.append(heard.append)
    bench.world.sleep(0.1)
    text = bench.ok("ip addr show v0")
    assert "10.0.0.1" not in text
    assert "10.0.1.1/24 scope global deprecated dynamic v0" in text
    told = [(str(message.address.local), message.deleted) for message in heard if isinstance(message, AddressMessage)]
    assert sorted(told) == [("10.0.0.1", True), ("10.0.1.1", False)]
