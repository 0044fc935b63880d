"""Go's math/rand as it draws for a fixed seed: an additive lagged Fibonacci generator over 64-bit words.

``s[n] = s[n - 607] + s[n - 273]``. Go warms its 607 words up by 7.8e12 steps from a small start and keeps the result as a table; here
the table is reached by the same number of steps, taken at once: powers of x modulo the generator's polynomial x^607 - x^334 - 1.
"""

from __future__ import annotations

from functools import cache
from typing import Final

_LEN: Final = 607
_TAP: Final = 273
_MIDDLE: Final = _LEN - _TAP
_WARM_UP: Final = 7_800_000_000_000
_M31: Final = (1 << 31) - 1
_M64: Final = (1 << 64) - 1
_ZERO_SEED: Final = 89482311
"""What Go takes for a seed that is 0 modulo 2^31 - 1, from which its small generator would not move."""

# A polynomial is one integer: its coefficients (64 bits) stand in slots so wide that a product's do not touch one another.
_SLOT: Final = 18
_BITS: Final = 8 * _SLOT
_LOW: Final = (1 << _BITS * _LEN) - 1
_WORDS: Final = sum(_M64 << _BITS * place for place in range(_LEN))


def _reduced(poly: int) -> int:
    """Modulo x^607 - x^334 - 1, coefficients modulo 2^64."""
    while high := poly >> _BITS * _LEN:
        poly = (poly & _LOW) + high + (high << _BITS * _MIDDLE)
    return poly & _WORDS


def _power_of_x(exponent: int) -> int:
    result = 1
    for bit in f"{exponent:b}":
        result = _reduced(result * result)
        if bit == "1":
            result = _reduced(result << _BITS)
    return result


def _packed(words: list[int]) -> int:
    return int.from_bytes(b"".join(word.to_bytes(_SLOT, "little") for word in words), "little")


def _unpacked(poly: int, count: int) -> list[int]:
    data = poly.to_bytes(_SLOT * (2 * count + _LEN), "little")
    return [int.from_bytes(data[place * _SLOT : place * _SLOT + 8], "little") for place in range(count)]


def _seeded(seed: int, high: int, middle: int) -> list[int]:
    """607 words of three draws each of the Lehmer generator 48271 * x mod 2^31 - 1, the first twenty draws left out."""
    words, x = [0] * _LEN, seed
    for place in range(-20, _LEN):
        x = 48271 * x % _M31
        if place < 0:
            continue
        word = x << high
        x = 48271 * x % _M31
        word ^= x << middle
        x = 48271 * x % _M31
        words[place] = word ^ x
    return words


@cache
def _table() -> tuple[int, ...]:
    """The state after the warm-up, as Go indexes it."""
    start = _seeded(1, 20, 10)
    # Go walks its array downwards: the word that is overwritten first, the oldest, stands just below the feed.
    sequence = [start[(_MIDDLE - 1 - age) % _LEN] for age in range(_LEN)]
    while len(sequence) < 2 * _LEN:
        sequence.append((sequence[-_LEN] + sequence[-_TAP]) & _M64)
    # The word that comes n steps later is the sum of sequence[k] times the k-th coefficient of x^n: a product with the reversed power.
    power = _unpacked(_power_of_x(_WARM_UP), _LEN)
    product = _unpacked(_packed(power[::-1]) * _packed(sequence), 2 * _LEN)
    later = product[_LEN - 1 :][:_LEN]
    oldest = (_MIDDLE - 1 - _WARM_UP) % _LEN
    table = [0] * _LEN
    for age, word in enumerate(later):
        table[(oldest - age) % _LEN] = word
    return tuple(table)


class GoRand:
    """``rand.New(rand.NewSource(seed))`` of Go 1."""

    def __init__(self, seed: int) -> None:
        seed = seed % _M31 or _ZERO_SEED
        self._words = [word ^ mixed for word, mixed in zip(_seeded(seed, 40, 20), _table(), strict=True)]
        self._tap, self._feed = 0, _MIDDLE

    def uint64(self) -> int:
        """The next word."""
        self._tap = (self._tap - 1) % _LEN
        self._feed = (self._feed - 1) % _LEN
        word = self._words[self._feed] = (self._words[self._feed] + self._words[self._tap]) & _M64
        return word

    def int63(self) -> int:
        """``Int63``."""
        return self.uint64() & _M64 >> 1

    def uint32(self) -> int:
        """``Uint32``: the upper half of an ``Int63``."""
        return self.int63() >> 31

    def below(self, limit: int) -> int:
        """``big.Int.Rand`` where words have 64 bits: draws as many bits as ``limit`` has until what comes out is smaller."""
        bits = limit.bit_length()
        while True:
            value = 0
            for place in range(0, bits, 64):
                low = self.uint32()
                value |= (low | self.uint32() << 32) << place
            value &= (1 << bits) - 1
            if value < limit:
                return value
