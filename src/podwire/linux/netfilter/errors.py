"""What iptables says when an edit fails: ``nft_strerror`` (iptables/nft.c) and ``iptc_strerror`` (libiptc/libiptc.c) of 1.8.9.

Both tools say the same of an errno otherwise than strerror(3) does, depending on the function that ran last.
"""

from __future__ import annotations

import os
from errno import (
    E2BIG,
    EBUSY,
    EEXIST,
    EINVAL,
    ELOOP,
    EMLINK,
    ENOENT,
    ENOMEM,
    ENOPROTOOPT,
    ENOSYS,
    ENOTEMPTY,
    ENXIO,
    EPERM,
)
from types import MappingProxyType
from typing import Final

from podwire.errors import PodwireError
from podwire.linux.netfilter.tables import NFT

_BAD_RULE: Final = "Bad rule (does a matching rule exist in that chain?)"
_COMMON: Final = MappingProxyType(
    {
        0: "Incompatible with this kernel",
        ENOPROTOOPT: "iptables who? (do you need to insmod?)",
        ENOSYS: "Will be implemented real soon.  I promise ;)",
        ENOMEM: "Memory allocation problem",
        ENOENT: "No chain/target/match by that name",
    }
)
_NFT: Final = MappingProxyType(
    {
        ("chain_del", ENOTEMPTY): "Chain is not empty",
        ("chain_del", EBUSY): "Directory not empty",
        ("chain_del", EMLINK): "Can't delete chain with references left",
        ("chain_user_add", EEXIST): "Chain already exists",
        ("rule_insert", E2BIG): "Index of insertion too big",
        ("rule_check", ENOENT): _BAD_RULE,
        ("rule_replace", E2BIG): "Index of replacement too big",
        ("rule_delete_num", E2BIG): "Index of deletion too big",
        ("rule_delete", ENOENT): _BAD_RULE,
        ("chain_set", ENOENT): "Bad built-in chain name",
        ("chain_set", EINVAL): "Bad policy name",
        ("chain_set", ENXIO): "Bad table name",
        ("", ELOOP): "Loop found in table",
        ("", EPERM): "Permission denied (you must be root)",
    }
)
_LEGACY: Final = MappingProxyType(
    {
        ("chain_user_add", EEXIST): "Chain already exists",
        ("rule_insert", E2BIG): "Index of insertion too big",
        ("rule_replace", E2BIG): "Index of replacement too big",
        ("rule_delete_num", E2BIG): "Index of deletion too big",
        ("rule_zero", E2BIG): "Index of counter too big",
        ("rule_delete", ENOENT): _BAD_RULE,
        ("rule_check", ENOENT): _BAD_RULE,
        ("chain_set", ENOENT): "Bad built-in chain name",
        ("chain_set", EINVAL): "Bad policy name",
    }
)


class EditError(PodwireError):
    """An edit cannot be made: ``function`` is what was being done, ``text`` what the tool says of the errno."""

    def __init__(self, function: str, errno: int, variant: str) -> None:
        super().__init__(function, errno, variant)
        self.function = function
        self.errno = errno
        self.variant = variant

    @property
    def text(self) -> str:
        """Without the period, and without the hint at dmesg."""
        table = _NFT if self.variant == NFT else _LEGACY
        generic = table.get(("", self.errno)) or _COMMON.get(self.errno) or os.strerror(self.errno)
        return table.get((self.function, self.errno)) or generic

    def __str__(self) -> str:
        return self.text


class TransactionError(PodwireError):
    """nf_tables refuses operations of a transaction: (line or 0, type of operation, errno, what it was about) for each.

    ``text`` is what iptables-nft says behind its name and version; the exit status is 4 (RESOURCE_PROBLEM).
    """

    def __init__(self, failed: tuple[tuple[int, str, int, str], ...]) -> None:
        super().__init__(failed)
        self.failed = failed

    @property
    def text(self) -> str:
        """``mnl_append_error`` for each operation; without line numbers the first one alone is shown."""
        parts = []
        for line, kind, errno, what in self.failed:
            front = f"\nline {line}:" if line else ""
            parts.append(f"{front} {kind} failed ({os.strerror(errno)}): {what}")
            if not line:
                break
        return "".join(parts)

    def __str__(self) -> str:
        return self.text.strip()
