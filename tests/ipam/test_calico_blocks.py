"""Blocks of calico-ipam: which one a node takes first, and in which order its addresses go and come back (Calico sheet 2.2, 2.3)."""

import pytest

from podwire.ipam.calico_blocks import Allocation, Block, Pool, affinity_name, block_order, fnv1_32, holds
from podwire.wire.addr import Net


def pool(cidr, block_size, **more):
    return Pool(name="p", cidr=Net.parse(cidr), block_size=block_size, **more)


@pytest.mark.parametrize(
    ("cidr", "size", "node", "first"),
    [
        ("172.16.0.0/16", 24, "k8s-m", "172.16.116.0/24"),
        ("172.16.0.0/16", 24, "k8s-w1", "172.16.158.0/24"),
        ("172.16.0.0/16", 24, "k8s-w2", "172.16.184.0/24"),
        ("172.16.0.0/16", 24, "k8s-w0", "172.16.34.0/24"),
        ("10.96.0.0/12", 26, "k8s-master", "10.108.82.192/26"),
        ("10.96.0.0/12", 26, "k8s-node1", "10.111.156.64/26"),
        ("10.96.0.0/12", 26, "k8s-node2", "10.109.131.0/26"),
        ("192.168.50.0/24", 26, "gke-nyoung-cluster-nyoung-pool-0f26b766-1wp8", "192.168.50.0/26"),
    ],
)
def test_the_first_block_of_real_nodes(cidr, size, node, first):
    assert str(next(block_order(pool(cidr, size), node))) == first


def test_the_order_goes_up_from_there_and_around_and_names_every_block_once():
    blocks = [str(block) for block in block_order(pool("10.0.0.0/24", 26), "node1")]
    assert sorted(blocks) == ["10.0.0.0/26", "10.0.0.128/26", "10.0.0.192/26", "10.0.0.64/26"]
    ring = ["10.0.0.0/26", "10.0.0.64/26", "10.0.0.128/26", "10.0.0.192/26"]
    start = ring.index(blocks[0])
    assert blocks == ring[start:] + ring[:start]


def test_a_pool_of_one_block_has_that_one():
    assert [str(block) for block in block_order(pool("10.0.0.64/26", 26), "any")] == ["10.0.0.64/26"]


def test_blocks_of_one_address_are_drawn_from_the_clock():
    small = pool("10.0.0.0/16", 32)
    assert next(block_order(small, "a", seed=5)) == next(block_order(small, "b", seed=5))
    assert next(block_order(small, "a", seed=5)) != next(block_order(small, "a", seed=6))
    larger = pool("10.0.0.0/16", 31)
    assert next(block_order(larger, "a", seed=5)) == next(block_order(larger, "a", seed=6))


def test_fnv1_multiplies_before_it_mixes():
    # The published test vectors of FNV-1, 32 bits.
    assert fnv1_32(b"") == 0x811C9DC5
    assert fnv1_32(b"a") == 0x050C5D7E
    assert fnv1_32(b"foobar") == 0x31F0B262


def taken(block, *handles):
    return [str(block.address(0) and block.assign(Allocation(handle, {"node": "n"}))) for handle in handles]


def test_addresses_go_from_the_head_and_return_to_the_tail():
    block = Block(Net.parse("10.0.0.0/29"), "n")
    assert taken(block, "tunnel", "a", "b", "c") == ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert [str(ip) for ip in block.release("b")] == ["10.0.0.2"]
    # Sheet 2.3: tunnel .0, pods .1 .2 .3, delete .2: the next pod gets .4, and .2 only when the block was walked through.
    assert taken(block, "d", "e", "f", "g", "h") == ["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.2"]
    assert not block.unallocated
    with pytest.raises(IndexError):
        taken(block, "more")


def test_a_handle_with_several_addresses_gives_all_of_them_back_lowest_first():
    block = Block(Net.parse("10.0.0.0/30"), "n")
    taken(block, "x", "y", "x", "y")
    assert [str(ip) for ip in block.release("x")] == ["10.0.0.0", "10.0.0.2"]
    assert list(block.unallocated) == [0, 2]
    block.release("y")
    assert taken(block, "a", "b", "c", "z") == ["10.0.0.0", "10.0.0.2", "10.0.0.1", "10.0.0.3"]
    block.release("c")
    block.release("b")
    assert taken(block, "m", "m") == ["10.0.0.1", "10.0.0.2"]
    block.release("a")
    block.release("z")
    assert taken(block, "n", "n") == ["10.0.0.0", "10.0.0.3"]
    block.release("n")
    block.release("m")
    assert taken(block, "x", "y", "x", "y") == ["10.0.0.0", "10.0.0.3", "10.0.0.1", "10.0.0.2"]
    assert [str(ip) for ip in block.release("y")] == ["10.0.0.2", "10.0.0.3"]
    assert block.release("nobody") == []


def test_what_is_used_elsewhere_is_borrowed():
    block = Block(Net.parse("10.0.0.0/30"), "n")
    block.assign(Allocation("a", {"node": "n"}))
    block.assign(Allocation("b", {"node": "m"}))
    assert [(str(ip), each.node) for ip, each in block.borrowed()] == [("10.0.0.1", "m")]
    block.affinity = None
    assert [each.node for _, each in block.borrowed()] == ["n", "m"]


def test_lists_of_blocks_are_in_the_order_of_their_names():
    nets = [Net.parse(text) for text in ("10.0.0.128/26", "10.0.0.64/26", "10.0.0.0/26", "10.0.10.0/26", "10.0.2.0/26")]
    assert [str(net) for net in sorted(nets, key=affinity_name)] == [
        "10.0.0.0/26",
        "10.0.0.128/26",
        "10.0.0.64/26",
        "10.0.10.0/26",
        "10.0.2.0/26",
    ]


def test_a_pool_holds_its_blocks():
    small = pool("10.0.1.0/24", 26)
    assert holds(small, Net.parse("10.0.1.64/26"))
    assert not holds(small, Net.parse("10.0.2.0/26"))
    assert small.index(Net.parse("10.0.1.192/26")) == 3
    assert small.block(3) == small.block_of(Net.parse("10.0.1.200/32").addr) == Net.parse("10.0.1.192/26")
