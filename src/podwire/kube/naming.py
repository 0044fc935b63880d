"""Names that controllers make: suffixes and hashes in the alphabet that spells no words (k8s.io/apimachinery, util/rand)."""

from __future__ import annotations

import json
from random import Random
from typing import Any, Final

ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels, and none of 0, 1 and 3."""
_FNV_PRIME: Final = 0x01000193
_FNV_BASIS: Final = 0x811C9DC5


def random_suffix(stream: Random, length: int = 5) -> str:
    """The letters behind the last dash of a pod's name."""
    return "".join(stream.choice(ALPHABET) for _ in range(length))


def safe_encode(text: str) -> str:
    """Digits in the same alphabet (``rand.SafeEncodeString``)."""
    return "".join(ALPHABET[ord(char) % len(ALPHABET)] for char in text)


def fnv32a(data: bytes) -> int:
    """The hash of 32 bits that Kubernetes uses for templates (FNV-1a)."""
    found = _FNV_BASIS
    for byte in data:
        found = (found ^ byte) * _FNV_PRIME & 0xFFFFFFFF
    return found


def template_hash(template: dict[str, Any], collisions: int | None = None) -> str:
    """``pod-template-hash``: equal templates have equal ones.

    Kubernetes hashes a dump of its own structs, which no manifest shows: the form is the same, the letters are not. A
    template that was made by another (``collisions``) is told from the first by that number.
    """
    text = json.dumps(template, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    suffix = b"" if collisions is None else collisions.to_bytes(8, "little")
    return safe_encode(str(fnv32a(text.encode() + suffix)))
