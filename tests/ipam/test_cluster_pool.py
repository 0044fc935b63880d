"""Cilium's IPAM: the operator's blocks and the agent's draws (reference sheet Cilium, section 3)."""

from random import Random

import pytest

from podwire.ipam.cluster_pool import ClusterPool, HostScope
from podwire.ipam.host_local import IpamError
from podwire.wire.addr import Ip, Ip4, Net


def ip(text: str) -> Ip4:
    return Ip4.parse(text)


# -- 3.1: the operator -----------------------------------------------------------------------------------------------


def test_3_1_blocks_are_given_in_order_of_registration():
    pool = ClusterPool([Net.parse("172.20.0.0/16")], 24)
    assert [str(pool.allocate(node)) for node in ("ctr", "w1", "w0")] == [
        "172.20.0.0/24",
        "172.20.1.0/24",
        "172.20.2.0/24",
    ]
    assert str(pool.allocate("w1")) == "172.20.1.0/24"


def test_3_1_the_cursor_moves_on_and_wraps_at_the_end():
    pool = ClusterPool([Net.parse("10.0.0.0/22")], 24)
    first = [pool.allocate(node) for node in "abc"]
    pool.release("a")
    assert str(pool.allocate("d")) == "10.0.3.0/24"
    assert pool.allocate("e") == first[0]
    with pytest.raises(IpamError, match="no remaining CIDRs left to allocate in the accepted range"):
        pool.allocate("f")


def test_3_1_the_next_range_is_used_when_the_first_is_full():
    pool = ClusterPool([Net.parse("10.0.0.0/24"), Net.parse("10.9.0.0/24")], 25)
    assert [str(pool.allocate(node)) for node in "abc"] == ["10.0.0.0/25", "10.0.0.128/25", "10.9.0.0/25"]


# -- 3.2: the agent --------------------------------------------------------------------------------------------------


class Fixed(Random):
    """Draws these numbers, one after the other."""

    def __init__(self, *numbers: int) -> None:
        super().__init__()
        self.numbers = list(numbers)

    def randrange(self, start, stop=None, step=1):
        return self.numbers.pop(0)


def test_3_2_network_and_broadcast_address_are_not_for_use():
    scope = HostScope(Net.parse("172.20.0.0/24"), Random(0))
    assert scope.size == 254
    assert {int(scope.allocate_next(f"p{n}")) & 255 for n in range(254)} == set(range(1, 255))


@pytest.mark.parametrize(("cidr", "size"), [("10.0.0.0/31", 2), ("10.0.0.0/32", 1), ("10.0.0.0/30", 2)])
def test_3_2_small_prefixes_keep_all(cidr, size):
    assert HostScope(Net.parse(cidr), Random(0)).size == size


def test_3_2_from_a_random_place_the_first_free_one_is_taken_and_the_end_wraps():
    scope = HostScope(Net.parse("10.0.0.0/29"), Fixed(4, 4, 4, 1))
    assert [str(scope.allocate_next("x")) for _ in range(4)] == ["10.0.0.5", "10.0.0.6", "10.0.0.1", "10.0.0.2"]


def test_3_2_an_excluded_address_is_used_up_and_the_draw_repeated():
    scope = HostScope(Net.parse("10.0.0.0/29"), Fixed(2, 2, 2), [ip("10.0.0.3")])
    assert str(scope.allocate_next("x")) == "10.0.0.4"
    assert str(scope.allocate_next("y")) == "10.0.0.5"
    with pytest.raises(IpamError, match="already allocated"):
        scope.allocate(ip("10.0.0.3"), "z")


def test_3_2_a_full_range_says_so():
    scope = HostScope(Net.parse("10.0.0.0/30"), Random(0))
    scope.allocate_next("a")
    scope.allocate_next("b")
    with pytest.raises(IpamError, match=r"^range is full$"):
        scope.allocate_next("c")


def test_an_address_that_was_given_back_can_be_had_again():
    scope = HostScope(Net.parse("10.0.0.0/30"), Random(0))
    first = scope.allocate_next("a")
    assert scope.owners == {first: "a"}
    scope.release(first)
    scope.release(first)
    assert scope.allocate(first, "b") == first
    with pytest.raises(IpamError, match="not in the valid range"):
        scope.allocate(ip("10.0.0.0"), "c")


def test_the_same_seed_gives_the_same_addresses():
    def draw() -> list[Ip]:
        scope = HostScope(Net.parse("10.0.0.0/24"), Random("seed"))
        return [scope.allocate_next("x") for _ in range(20)]

    assert draw() == draw()
