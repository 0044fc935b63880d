"""Sets as commands see them: members, networks with exceptions, ranges, references, owners, time."""

from __future__ import annotations

import ipaddress
from contextlib import AbstractContextManager
from errno import EEXIST, ENOENT

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwire.errors import NotModelled
from podwire.fabric.network import Network
from podwire.linux.image import image
from podwire.linux.machine import Machine
from podwire.linux.netfilter.ipset.adt import Adt, Create
from podwire.linux.netfilter.ipset.errors import BitmapErr, Err, HashErr, IpsetError, ListErr
from podwire.linux.netfilter.ipset.hash import HashSet
from podwire.linux.netfilter.ipset.ranges import range_to_cidr
from podwire.linux.netlink import Netlink
from podwire.trace.events import Owner
from podwire.wire.addr import AF_INET6, Ip4, Ip6

SECOND = 1_000_000_000
FELIX = Owner("felix", "NetworkPolicy default/db")


@pytest.fixture
def network() -> Network:
    return Network(seed=1)


@pytest.fixture
def door(network: Network) -> Netlink:
    return Netlink(Machine(network, "node", image("debian-12")).root.netns, FELIX)


def ip(text: str) -> int:
    return int(Ip4.parse(text))


def net(text: str, **more: bool) -> Adt:
    address, _, length = text.partition("/")
    return Adt(ip=ip(address), cidr=int(length) if length else None, **more)  # type: ignore[arg-type]


def refused(errno: int) -> AbstractContextManager[pytest.ExceptionInfo[IpsetError]]:
    return pytest.raises(IpsetError, check=lambda error: error.errno == errno)


def members(door: Netlink, name: str) -> list[tuple[int, ...]]:
    return [element for element, _ in door.netns.ipsets[name].entries()]


def test_the_longest_network_decides_and_nomatch_excepts_it(door: Netlink) -> None:
    door.ipset_create("nets", "hash:net")
    door.ipset_add("nets", net("10.0.0.0/8"))
    door.ipset_add("nets", net("10.1.0.0/16", nomatch=True))
    door.ipset_add("nets", net("10.1.2.0/24"))
    inside = {text: door.ipset_test("nets", net(text)) for text in ("10.9.9.9", "10.1.9.9", "10.1.2.9", "11.0.0.1")}
    assert inside == {"10.9.9.9": True, "10.1.9.9": False, "10.1.2.9": True, "11.0.0.1": False}


def test_a_network_is_asked_for_as_it_is(door: Netlink) -> None:
    door.ipset_create("nets", "hash:net")
    door.ipset_add("nets", net("10.0.0.0/8"))
    assert door.ipset_test("nets", net("10.0.0.0/8"))
    assert not door.ipset_test("nets", net("10.0.0.0/9"))


def test_networks_that_are_removed_no_longer_count(door: Netlink) -> None:
    door.ipset_create("nets", "hash:net")
    for text in ("10.0.0.0/8", "10.1.0.0/16"):
        door.ipset_add("nets", net(text))
    door.ipset_del("nets", net("10.0.0.0/8"))
    assert not door.ipset_test("nets", net("10.2.0.1"))
    assert door.ipset_test("nets", net("10.1.0.1"))


def test_pairs_of_networks_match_with_every_combination_of_lengths(door: Netlink) -> None:
    """``hash:net,net`` after ip_set_hash_netnet.c: the kernel of the oracle has no such type."""
    door.ipset_create("pairs", "hash:net,net")
    door.ipset_add("pairs", Adt(ip=ip("10.0.0.0"), cidr=8, ip2=ip("192.168.1.0"), cidr2=24))
    door.ipset_add("pairs", Adt(ip=ip("10.1.0.0"), cidr=16, ip2=ip("192.168.0.0"), cidr2=16, nomatch=True))

    def test(source: str, destination: str) -> bool:
        return door.ipset_test("pairs", Adt(ip=ip(source), ip2=ip(destination)))

    assert test("10.2.0.1", "192.168.1.9")
    assert not test("10.2.0.1", "192.168.2.9")
    # The first dimension's longer prefix is tried first, with all lengths of the second.
    assert not test("10.1.0.1", "192.168.1.9")
    assert not test("192.168.1.9", "10.2.0.1")


def test_networks_around_a_port(door: Netlink) -> None:
    """``hash:net,port,net`` after ip_set_hash_netportnet.c: the kernel of the oracle has no such type."""
    door.ipset_create("flows", "hash:net,port,net")
    door.ipset_add("flows", Adt(ip=ip("10.0.0.0"), cidr=8, proto=6, port=80, port_to=82, ip2=ip("10.9.0.0"), cidr2=16))
    found = [
        door.ipset_test("flows", Adt(ip=ip("10.1.1.1"), proto=proto, port=port, ip2=ip("10.9.1.1")))
        for proto, port in ((6, 80), (6, 82), (6, 83), (17, 80))
    ]
    assert found == [True, True, False, False]


def test_marks_and_mac_addresses(door: Netlink) -> None:
    """``hash:ip,mark`` and ``hash:mac`` after their sources: the kernel of the oracle has no such types."""
    door.ipset_create("marks", "hash:ip,mark", Create(markmask=0xFF00))
    door.ipset_add("marks", Adt(ip=ip("10.0.0.1"), mark=0x12FF))
    assert door.ipset_test("marks", Adt(ip=ip("10.0.0.1"), mark=0x1200))
    assert members(door, "marks") == [(ip("10.0.0.1"), 0x1200)]
    door.ipset_create("macs", "hash:mac", Create(family=0))
    door.ipset_add("macs", Adt(mac=0x020000000001))
    assert door.ipset_test("macs", Adt(mac=0x020000000001))
    with refused(HashErr.HASH_ELEM):
        door.ipset_add("macs", Adt(mac=0))


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF))
def test_a_range_becomes_the_fewest_networks(one: int, other: int) -> None:
    low, high = min(one, other), max(one, other)
    wanted = ipaddress.summarize_address_range(ipaddress.IPv4Address(low), ipaddress.IPv4Address(high))
    if (low, high) != (0, 0xFFFFFFFF):
        assert list(range_to_cidr(low, high)) == [(int(each.network_address), each.prefixlen) for each in wanted]


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 32)), max_size=20), st.integers(0, 2**32 - 1))
def test_networks_match_as_the_naive_search_says(nets: list[tuple[int, int]], address: int) -> None:
    door = Netlink(Machine(Network(seed=1), "node", image("debian-12")).root.netns)
    door.ipset_create("nets", "hash:net")
    for base, length in nets:
        door.ipset_add("nets", Adt(ip=base, cidr=length), exist=True)
    naive = any(base >> 32 - length == address >> 32 - length for base, length in nets)
    assert door.ipset_test("nets", Adt(ip=address)) is naive


def test_members_remember_who_put_them_there(door: Netlink) -> None:
    door.ipset_create("pods", "hash:ip")
    door.ipset_add("pods", net("10.0.0.1"))
    by_hand = Netlink(door.netns, Owner("ip"))
    by_hand.ipset_add("pods", net("10.0.0.1"), exist=True)
    by_hand.ipset_add("pods", net("10.0.0.2"))
    owners = {element[0]: entry.owner for element, entry in door.netns.ipsets["pods"].entries()}
    assert owners == {ip("10.0.0.1"): FELIX, ip("10.0.0.2"): Owner("ip")}


def test_what_a_range_had_added_before_an_error_stays(door: Netlink) -> None:
    door.ipset_create("pods", "hash:ip")
    door.ipset_add("pods", net("10.0.0.2"))
    with refused(Err.EXIST):
        door.ipset_add("pods", Adt(ip=ip("10.0.0.1"), ip_to=ip("10.0.0.4")))
    assert sorted(members(door, "pods")) == [(ip("10.0.0.1"),), (ip("10.0.0.2"),)]


def test_order_and_size_follow_from_initval(door: Netlink) -> None:
    """The same as the kernel's for these members: tests/oracle/recorded/ipset_restore.out."""
    door.ipset_create("a", "hash:ip", Create(initval=1))
    for last in (1, 2, 3, 4):
        door.ipset_add("a", net(f"10.0.0.{last}"))
    assert [element[0] & 255 for element in members(door, "a")] == [3, 1, 2, 4]
    assert door.netns.ipsets["a"].memsize() == 376


def test_without_initval_it_comes_from_the_seed() -> None:
    def initval(seed: int) -> int:
        door = Netlink(Machine(Network(seed=seed), "node", image("debian-12")).root.netns)
        door.ipset_create("a", "hash:ip")
        made = door.netns.ipsets["a"]
        assert isinstance(made, HashSet)
        return made.table.initval

    assert initval(1) == initval(1) != initval(2)


def test_sizes_of_types_that_the_oracle_lacks_follow_from_their_structures(door: Netlink) -> None:
    """What sizeof says of the set, its table and one region, and of a bucket with two places."""
    sizes = {}
    for typename, family in (("hash:net,net", 2), ("hash:net,port,net", 2), ("hash:ip,mark", 2), ("hash:mac", 0)):
        door.ipset_create(typename, typename, Create(family=family))
        empty = door.netns.ipsets[typename].memsize()
        everything = Adt(ip=1 << 24, ip2=1 << 24, proto=6, port=1, mark=1, mac=1)
        door.ipset_add(typename, everything)
        sizes[typename] = empty, door.netns.ipsets[typename].memsize() - empty
    assert sizes == {
        "hash:net,net": (608, 64),
        "hash:net,port,net": (592, 64),
        "hash:ip,mark": (200, 48),
        "hash:mac": (200, 48),
    }


def test_ipv6_takes_no_ranges(door: Netlink) -> None:
    door.ipset_create("six", "hash:net", Create(family=AF_INET6))
    base = int(Ip6.parse("fd00::"))
    door.ipset_add("six", Adt(ip=base + 5, cidr=64))
    assert door.ipset_test("six", Adt(ip=base + 77))
    with refused(HashErr.RANGE_UNSUPPORTED):
        door.ipset_add("six", Adt(ip=base, ip_to=base + 9))


def test_members_expire_in_virtual_time(door: Netlink, network: Network) -> None:
    door.ipset_create("short", "hash:ip", Create(timeout=10))
    door.ipset_add("short", net("10.0.0.1"))
    door.ipset_add("short", Adt(ip=ip("10.0.0.2"), timeout=0))
    short = door.netns.ipsets["short"]
    network.sleep(9 * SECOND)
    assert [short.seconds_left(entry) for _, entry in short.entries()].count(1) == 1
    assert door.ipset_test("short", net("10.0.0.1"))
    network.sleep(2 * SECOND)
    assert not door.ipset_test("short", net("10.0.0.1"))
    assert members(door, "short") == [(ip("10.0.0.2"),)]
    with refused(Err.EXIST):
        door.ipset_del("short", net("10.0.0.1"))


def test_a_set_that_a_rule_or_a_list_holds_stays(door: Netlink) -> None:
    door.ipset_create("pods", "hash:ip")
    index = door.netns.ipsets.get_byname("pods")
    for verb in (lambda: door.ipset_destroy("pods"), door.ipset_destroy):
        with refused(Err.BUSY):
            verb()
    with refused(Err.REFERENCED):
        door.ipset_rename("pods", "other")
    door.netns.ipsets.put_byindex(index)
    door.ipset_create("all", "list:set", Create(family=0))
    door.ipset_add("all", Adt(name="pods"))
    with refused(Err.BUSY):
        door.ipset_destroy("pods")
    door.ipset_destroy("all")
    door.ipset_destroy("pods")
    assert list(door.netns.ipsets) == []


def test_swapped_sets_exchange_what_rules_see(door: Netlink) -> None:
    for name in ("now", "next"):
        door.ipset_create(name, "hash:ip")
    index = door.netns.ipsets.get_byname("now")
    door.ipset_add("next", net("10.0.0.9"))
    door.ipset_swap("now", "next")
    held = door.netns.ipsets.by_index[index]
    assert held is not None
    assert (held.name, held.references, [element for element, _ in held.entries()]) == ("now", 1, [(ip("10.0.0.9"),)])
    assert door.netns.ipsets["next"].references == 0
    door.ipset_create("nets", "hash:net")
    with refused(Err.TYPE_MISMATCH):
        door.ipset_swap("now", "nets")


def test_errors_name_what_the_kernel_minds(door: Netlink) -> None:
    with refused(ENOENT):
        door.ipset_add("nope", net("10.0.0.1"))
    with refused(Err.FIND_TYPE):
        door.ipset_create("x", "hash:foo")
    door.ipset_create("x", "hash:ip")
    with refused(EEXIST):
        door.ipset_create("x", "hash:net", exist=True)
    door.ipset_create("x", "hash:ip", exist=True)
    with refused(Err.TIMEOUT):
        door.ipset_add("x", Adt(ip=1, timeout=1))
    door.ipset_create("ports", "bitmap:port", Create(family=0, port=1, port_to=9))
    with refused(BitmapErr.RANGE):
        door.ipset_add("ports", Adt(port=10))
    door.ipset_create("l", "list:set", Create(family=0))
    with pytest.raises(IpsetError, match="IPSET_ERR_LOOP") as caught:
        door.ipset_add("l", Adt(name="l"))
    assert caught.value.errno == ListErr.LOOP
    with pytest.raises(NotModelled, match="hash:net,iface"):
        door.ipset_create("y", "hash:net,iface")
