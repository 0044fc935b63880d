"""The Internet checksum (RFC 1071) in integer arithmetic.

The one's complement sum of 16-bit words is the value of the bytes, read as one big number, modulo 65535: 2**16 leaves
remainder 1, so every word counts once whatever its place. So numbers of any width are summands: header fields as they
are, addresses of 32 or of 128 bits alike (the pseudo header of IPv6, RFC 8200 section 8.1, has the same parts as that
of IPv4), and bytes by one ``int.from_bytes``.
"""

from __future__ import annotations


def words(data: bytes) -> int:
    """The bytes as a summand: a number that is their one's complement sum modulo 65535. An odd end is padded with 0."""
    total = int.from_bytes(data)
    return total << 8 if len(data) & 1 else total


def checksum(total: int) -> int:
    """The complement of a sum, 0 to 65535, as the kernel's ``csum_fold`` gives it.

    Zero has two forms in one's complement: the sum of words that are not all zero never folds to 0 but to 0xffff, so
    its complement is 0; only where every word is zero the checksum is 0xffff.
    """
    return -total % 65535 if total else 0xFFFF
