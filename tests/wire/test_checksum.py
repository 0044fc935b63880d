from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from podwire.wire.checksum import checksum, words
from tests.wire.strategies import FUZZ


def folded(data: bytes) -> int:
    """RFC 1071 to the letter: add 16-bit words, add the carries, complement."""
    padded = data + b"\0" if len(data) % 2 else data
    total = sum(int.from_bytes(padded[at : at + 2]) for at in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def test_the_example_of_rfc_1071():
    # Section 3: the sum is ddf2.
    assert checksum(words(bytes.fromhex("0001f203f4f5f6f7"))) == 0xDDF2 ^ 0xFFFF


@FUZZ
@given(st.binary(max_size=100))
@example(b"")
@example(bytes(4))
@example(b"\xff\xff")
@example(b"\xff\xfe\x00\x01")
@example(b"\xff")
def test_it_is_the_folded_sum(data: bytes):
    assert checksum(words(data)) == folded(data)


@FUZZ
@given(st.lists(st.integers(0, 2**128 - 1).map(lambda number: number.to_bytes(16)), max_size=4), st.binary(max_size=9))
def test_parts_of_any_width_are_summands(parts: list[bytes], tail: bytes):
    total = sum(int.from_bytes(part) for part in parts) + words(tail)
    assert checksum(total) == folded(b"".join(parts) + tail)
