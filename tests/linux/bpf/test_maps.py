"""BPF maps: what a lookup finds, and what bringing one in line changes."""

from typing import Any

import pytest

from podwire.linux.bpf.maps import LpmTrie
from podwire.linux.netlink import Netlink
from podwire.wire.addr import Ip4, Net
from tests.linux.lab import Lab


@pytest.fixture
def door():
    lab = Lab()
    lab.machine("host")
    return lab.door("host")


def test_the_longest_prefix_that_holds_an_address_decides():
    trie: Any = LpmTrie("t")
    for text in ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32"):
        trie.update(Net.parse(text), text)

    assert [trie.match(Ip4.parse(ip))[1] for ip in ("10.1.2.3", "10.1.2.4", "10.9.0.1", "192.0.2.1")] == [
        "10.1.2.3/32",
        "10.1.0.0/16",
        "10.0.0.0/8",
        "0.0.0.0/0",
    ]


def test_what_no_prefix_holds_is_found_nowhere():
    trie: Any = LpmTrie("t")
    trie.update(Net.parse("10.0.0.0/8"), 1)
    assert trie.match(Ip4.parse("11.0.0.1")) is None
    trie.delete(Net.parse("10.0.0.0/8"))
    assert trie.match(Ip4.parse("10.0.0.1")) is None


def test_a_map_belongs_to_the_machine_whatever_the_namespace(door):
    machine = door.netns.machine
    door.bpf_map_create("m")
    inside = Netlink(machine.new_netns("pod"))
    assert inside.bpf_map_create("m") is machine.bpf_maps["m"]


def test_a_map_of_another_kind_is_made_anew(door):
    first = door.bpf_map_create("m")
    assert door.bpf_map_create("m", "lpm_trie") is not first
    assert door.bpf_map_create("m", "lpm_trie").kind == "lpm_trie"


def test_bringing_a_map_in_line_counts_what_it_changes(door):
    assert door.bpf_map_sync("m", "hash", {1: "a", 2: "b"}) == 2
    assert door.bpf_map_sync("m", "hash", {1: "a", 2: "b"}) == 0
    assert door.bpf_map_sync("m", "hash", {2: "c", 3: "d"}) == 3
    assert dict(door.bpf_map_create("m").items()) == {2: "c", 3: "d"}
    assert door.bpf_map_remove("m")
    assert not door.bpf_map_remove("m")
