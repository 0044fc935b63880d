"""Go's math/rand, whose draws other programs have printed."""

from podwire.ipam.gorand import GoRand


def test_the_first_draws_of_seed_1_are_those_that_every_go_program_printed():
    rand = GoRand(1)
    assert [rand.int63() for _ in range(3)] == [5577006791947779410, 8674665223082153551, 6129484611666145821]


def test_seed_0_is_not_stuck_and_seeds_wrap_at_a_mersenne_prime():
    assert GoRand(0).uint64() == GoRand((1 << 31) - 1).uint64() == GoRand(89482311).uint64()
    assert GoRand(-1).uint64() == GoRand((1 << 31) - 2).uint64() != GoRand(1).uint64()


def test_uint32_is_the_upper_half_of_an_int63():
    assert GoRand(7).uint32() == GoRand(7).int63() >> 31


def test_below_draws_again_what_is_too_large():
    # Two draws make a word, low half first; of 100 only seven bits count, so some draws are thrown away.
    rand, same = GoRand(42), GoRand(42)
    wanted: list[int] = []
    while len(wanted) < 200:
        low = same.uint32()
        value = (low | same.uint32() << 32) & 127
        if value < 100:
            wanted.append(value)
    assert [rand.below(100) for _ in range(200)] == wanted
    assert set(wanted) <= set(range(100))


def test_a_limit_of_more_than_a_word_takes_two_words():
    rand, same = GoRand(3), GoRand(3)
    wanted = None
    while wanted is None:
        value = sum(same.uint32() << 32 * place for place in range(4)) & (1 << 65) - 1
        wanted = value if value < 1 << 64 else None
    assert rand.below(1 << 64) == wanted
