"""calico-ipam: own blocks, new blocks, borrowed addresses, refusals in its own words (Calico sheet 2.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwire.ipam.calico import CalicoIpam, IpamConfig
from podwire.ipam.calico_blocks import TUNNEL, Pool, block_order, holds
from podwire.ipam.host_local import IpamError
from podwire.wire.addr import Ip, Net


def pool(name, cidr, size=26, **more):
    return Pool(name=name, cidr=Net.parse(cidr), block_size=size, **more)


def make(*pools, nodes=("a", "b"), **config):
    ipam = CalicoIpam(IpamConfig(**config))
    ipam.pools = pools
    ipam.nodes = {node: {"name": node} for node in nodes}
    return ipam


def take(ipam, node, count=1, handle="h{}", **more):
    return [str(ipam.auto_assign(node, handle.format(f"{node}{i}"), {}, **more)) for i in range(count)]


def test_a_node_fills_its_block_before_it_takes_another():
    ipam = make(pool("p", "10.0.0.0/24", 30))
    got = take(ipam, "a", 5)
    inside = [Net.of(Ip.parse(text), 30) for text in got]
    assert inside[0] == inside[1] == inside[2] == inside[3] != inside[4]
    assert {block.cidr for block in ipam.blocks_of("a")} == {inside[0], inside[4]}


def test_pools_are_tried_in_the_order_of_their_names():
    ipam = make(pool("zebra", "10.0.0.0/26"), pool("ape", "10.1.0.0/26"))
    assert take(ipam, "a") == ["10.1.0.0"]
    assert take(ipam, "b") == ["10.0.0.0"]


def test_a_pool_serves_the_nodes_that_it_selects():
    ipam = make(pool("p", "10.0.0.0/26", selects=lambda labels: labels["name"] == "a"), pool("q", "10.1.0.0/26"))
    assert take(ipam, "b") == ["10.1.0.0"]
    assert take(ipam, "a") == ["10.0.0.0"]


def test_a_requested_pool_serves_every_node():
    only_a = pool("p", "10.0.0.0/26", selects=lambda labels: labels["name"] == "a")
    ipam = make(only_a, pool("q", "10.1.0.0/26"))
    assert take(ipam, "b", requested=[only_a.cidr]) == ["10.0.0.0"]


def test_without_strict_affinity_the_last_resort_is_another_nodes_block():
    ipam = make(pool("p", "10.0.0.0/30", 31))
    assert len(take(ipam, "a", 3)) == 3
    lent = take(ipam, "b")
    assert [(str(ip), each.node) for ip, each in ipam.borrowed().items()] == [(lent[0], "b")]
    assert ipam.blocks_of("b") == ()
    with pytest.raises(IpamError) as refused:
        take(ipam, "b")
    assert str(refused.value) == (
        "failed to request IPv4 addresses: Assigned 0 out of 1 requested IPv4 addresses; No IPs available in pools: [10.0.0.0/30]"
    )
    ipam.release("hb0")
    assert not ipam.borrowed()


def test_with_strict_affinity_nobody_borrows():
    ipam = make(pool("p", "10.0.0.0/31", 31), strict_affinity=True)
    take(ipam, "a")
    with pytest.raises(IpamError, match="No more free affine blocks and strict affinity enabled"):
        take(ipam, "b")


def test_who_borrows_looks_at_blocks_in_his_own_order():
    whole = pool("p", "10.0.0.0/28", 31)
    ipam = make(whole, nodes=("a", "b", "c"))
    take(ipam, "a", 9)
    take(ipam, "b", 5)
    for block in ipam.blocks():
        assert block.affinity in {"a", "b"}
    free = [cidr for cidr in block_order(whole, "c") if (block := ipam.block(cidr)) is not None and block.unallocated]
    (lent,) = take(ipam, "c")
    assert Ip.parse(lent) in free[0]


@pytest.mark.parametrize(("limit", "blocks"), [(0, 20), (3, 3)])
def test_the_limit_of_blocks(limit, blocks):
    ipam = make(pool("p", "10.0.0.0/24", 32), strict_affinity=True, max_blocks_per_host=limit)
    take(ipam, "a", blocks)
    with pytest.raises(IpamError, match=f"could not - limit of {blocks} blocks reached for this node"):
        take(ipam, "a", handle="more{}")


def test_a_limit_that_is_reached_forbids_borrowing_too():
    ipam = make(pool("p", "10.0.0.0/24", 32), max_blocks_per_host=1, strict_affinity=True)
    take(ipam, "a")
    take(ipam, "b")
    with pytest.raises(IpamError, match="limit of 1 blocks"):
        take(ipam, "b", handle="more{}")


@pytest.mark.parametrize(
    ("pools", "use", "requested", "text"),
    [
        ((), "Workload", [], "cannot find a qualified ippool"),
        ((pool("p", "10.0.0.0/26", disabled=True),), "Workload", [], "cannot find a qualified ippool"),
        (
            (pool("p", "10.0.0.0/26", selects=lambda labels: False),),
            "Workload",
            [],
            "no configured Calico pools for node a",
        ),
        (
            (pool("p", "10.0.0.0/26", uses=(TUNNEL,)),),
            "Workload",
            [],
            "cannot find a qualified ippool, no pools match the required use (Workload)",
        ),
        (
            (pool("p", "10.0.0.0/26"),),
            "Tunnel",
            [Net.parse("10.9.0.0/26")],
            "the given pool (10.9.0.0/26) does not exist, or is not enabled",
        ),
    ],
)
def test_refusals(pools, use, requested, text):
    with pytest.raises(IpamError) as refused:
        make(*pools).auto_assign("a", "h", {}, use=use, requested=requested)
    assert str(refused.value) == text


def test_without_auto_allocation_there_is_no_new_block():
    ipam = make(pool("p", "10.0.0.0/24"), strict_affinity=True, auto_allocate_blocks=False)
    with pytest.raises(IpamError, match=r"^failed to find or claim a block$"):
        take(ipam, "a")
    ipam.claim(Net.parse("10.0.0.64/26"), "a")
    assert take(ipam, "a") == ["10.0.0.64"]


def test_an_empty_block_stays_with_its_node():
    ipam = make(pool("p", "10.0.0.0/24"))
    take(ipam, "a")
    assert ipam.release("ha0")
    assert not ipam.release("ha0")
    assert [block.affinity for block in ipam.blocks()] == ["a"]
    # It is the same block, whose queue goes on.
    assert take(ipam, "a")[0].endswith((".1", ".65", ".129", ".193"))


def test_a_block_of_a_pool_that_no_longer_selects_its_node_goes_when_it_is_empty():
    wanted = {"a"}
    ipam = make(pool("p", "10.0.0.0/26", selects=lambda labels: labels["name"] in wanted))
    take(ipam, "a")
    wanted.clear()
    assert len(list(ipam.blocks())) == 1
    ipam.release("ha0")
    assert list(ipam.blocks()) == []
    assert ipam.blocks_of("a") == ()


def test_a_block_that_was_empty_already_goes_with_the_next_allocation():
    wanted = {"a"}
    left = pool("p", "10.0.0.0/26", selects=lambda labels: labels["name"] in wanted)
    ipam = make(left, pool("q", "10.1.0.0/26"))
    take(ipam, "a")
    ipam.release("ha0")
    wanted.clear()
    assert [str(block.cidr) for block in ipam.blocks_of("a")] == ["10.0.0.0/26"]
    assert take(ipam, "a") == ["10.1.0.0"]
    assert [str(block.cidr) for block in ipam.blocks_of("a")] == ["10.1.0.0/26"]


def test_a_block_of_a_disabled_pool_stays_with_its_node():
    ipam = make(pool("p", "10.0.0.0/26"), pool("q", "10.1.0.0/26"))
    take(ipam, "a")
    ipam.pools = (pool("p", "10.0.0.0/26", disabled=True, selects=lambda labels: False), ipam.pools[1])
    ipam.release("ha0")
    take(ipam, "a")
    assert [str(block.cidr) for block in ipam.blocks_of("a")] == ["10.0.0.0/26", "10.1.0.0/26"]


def test_deleting_a_pool_leaves_blocks_in_use_without_owner_until_they_are_empty():
    whole = pool("p", "10.0.0.0/26")
    ipam = make(whole)
    (ip,) = take(ipam, "a")
    ipam.release_pool(whole)
    ipam.pools = ()
    assert [block.affinity for block in ipam.blocks()] == [None]
    assert ipam.blocks_of("a") == ()
    assert [(str(each), allocation.node) for each, allocation in ipam.borrowed().items()] == [(ip, "a")]
    ipam.release("ha0")
    assert list(ipam.blocks()) == []
    assert not ipam.borrowed()


def test_who_has_an_address():
    ipam = make(pool("p", "10.0.0.0/26"))
    ipam.auto_assign("a", "handle", {"pod": "web"})
    holder = ipam.find(Ip.parse("10.0.0.0"))
    assert holder is not None
    assert (holder.handle, holder.attributes) == ("handle", {"node": "a", "pod": "web"})
    assert ipam.find(Ip.parse("10.0.0.1")) is None
    assert ipam.find(Ip.parse("10.9.0.1")) is None
    assert [str(ip) for ip in ipam.addresses("handle")] == ["10.0.0.0"]


def test_an_empty_block_is_dispensable_where_three_addresses_are_left():
    ipam = make(pool("p", "10.0.0.0/24", 30))
    take(ipam, "a", 5)
    one, two = ipam.blocks_of("a")
    last = next(block for block in (one, two) if len(block.allocations) == 1)
    full = one if last is two else two
    ipam.release("ha4")
    assert ipam.release_candidates("a") == []
    for gone in ("ha0", "ha1"):
        ipam.release(gone)
    assert ipam.release_candidates("a") == []
    ipam.release("ha2")
    assert ipam.release_candidates("a") == [last]
    assert len(full.unallocated) == 3


_STEPS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abcde"), st.integers(0, 30)), max_size=80)


@given(_STEPS, st.sampled_from([28, 30, 32]), st.booleans())
def test_blocks_never_overlap_and_no_address_is_given_twice(steps, size, strict):
    """Seed ledger D05."""
    ipam = make(pool("p", "10.0.0.0/27", size), pool("q", "10.1.0.0/28", size), nodes="abcde", strict_affinity=strict)
    held: dict[str, Ip] = {}
    for kind, node, number in steps:
        handle = f"{node}{number}"
        if kind < 2 and handle not in held:
            try:
                ip = ipam.auto_assign(node, handle, {})
            except IpamError:
                continue
            assert ip not in held.values()
            held[handle] = ip
        elif kind == 2:
            assert ipam.release(handle) is (held.pop(handle, None) is not None)
        blocks = [block.cidr for block in ipam.blocks()]
        assert len({int(cidr.addr) >> 32 - size for cidr in blocks}) == len(blocks)
        assert all(any(holds(each, cidr) for each in ipam.pools) for cidr in blocks)
        assert sum(len(block.allocations) for block in ipam.blocks()) == len(held)
        lent = [(ip, each.node) for block in ipam.blocks() for ip, each in block.borrowed()]
        assert sorted(lent) == sorted((ip, each.node) for ip, each in ipam.borrowed().items())
        assert not (strict and lent)
        owned = [block for name in "abcde" for block in ipam.blocks_of(name)]
        assert len(owned) == len(blocks)
