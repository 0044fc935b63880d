"""Felix's hashes and names: of rules, chains and IP sets (reference sheet Calico, sections 4, 5 and 6.3)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import Final

MAX_CHAIN: Final = 28
MAX_SET: Final = 31
_HASH: Final = 16
_UNSAFE: Final = re.compile(r"[^0-9A-Za-z_ @%+=:,./-]")
_MAX_COMMENT: Final = 256
APPENDS: Final = "*appends*"
"""Behind the name of a chain of the kernel, in the hashes of rules that are appended to it."""


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def rule_hashes(chain: str, rules: Iterable[str]) -> list[str]:
    """The 16 characters behind ``cali:`` of each rule of a chain: each depends on the rules before it, not on the table."""
    digest = hashlib.sha224(chain.encode()).digest()
    found: list[str] = []
    for rule in rules:
        line = f"-A {chain} HASH {rule}" if rule else f"-A {chain} HASH"
        digest = hashlib.sha224(digest + line.encode()).digest()
        found.append(_text(digest)[:_HASH])
    return found


def comment(text: str) -> str:
    """The fragment of a comment for people."""
    return f'-m comment --comment "{_UNSAFE.sub("_", text)[:_MAX_COMMENT]}"'


def chain_name(prefix: str, name: str) -> str:
    """``prefix`` and ``name``, or a hash of the name where both are longer than 28 characters."""
    length = len(prefix) + len(name)
    if length < MAX_CHAIN or (length == MAX_CHAIN and not name.startswith("_")):
        return prefix + name
    return f"{prefix}_{_text(hashlib.sha256(name.encode()).digest())}"[:MAX_CHAIN]


def set_id(kind: str, content: str) -> str:
    """The id of an IP set: ``kind`` is ``s`` (a selector), ``n`` (a named port), ``svc`` or ``svcnoport``."""
    return f"{kind}:{_text(hashlib.sha224(f'{kind}:{content}'.encode()).digest())}"


def set_name(ident: str) -> str:
    """The name of the IPv4 set in the kernel."""
    return f"cali40{ident}"[:MAX_SET]
