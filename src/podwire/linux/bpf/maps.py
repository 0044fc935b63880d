"""BPF maps: hash, longest-prefix-match trie and program array, by name on a machine (``/sys/fs/bpf/tc/globals``).

Agents write them through ``Netlink``; programs read them, and write those that are theirs (conntrack, NAT).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Generic, Literal, TypeVar

from podwire.wire.addr import Ip, Net, prefix_mask

_K = TypeVar("_K")
_V = TypeVar("_V")

MapKind = Literal["hash", "lpm_trie", "prog_array"]
"""BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LPM_TRIE, BPF_MAP_TYPE_PROG_ARRAY."""


class BpfMap(Generic[_K, _V]):
    """A map: ``kind`` is ``hash`` or ``prog_array``; keys and values are immutable values."""

    kind: MapKind = "hash"

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries: dict[_K, _V] = {}

    def lookup(self, key: _K) -> _V | None:
        """``bpf_map_lookup_elem``."""
        return self.entries.get(key)

    def update(self, key: _K, value: _V) -> None:
        """``bpf_map_update_elem`` with BPF_ANY."""
        self.entries[key] = value

    def delete(self, key: _K) -> bool:
        """``bpf_map_delete_elem``; False where there was none (ENOENT)."""
        return self.entries.pop(key, None) is not None

    def items(self) -> Iterator[tuple[_K, _V]]:
        """Keys and values in order of insertion; the kernel's order is that of its hash."""
        return iter(self.entries.items())

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        return f"<BpfMap {self.name}: {len(self)} entries>"


class ProgArray(BpfMap[int, Any]):
    """A map of programs, for tail calls."""

    kind: MapKind = "prog_array"


class LpmTrie(BpfMap[Any, _V]):
    """Keys have a prefix length, ``plen``; the longest that matches decides (kernel/bpf/lpm_trie.c).

    ``lengths`` are those that may be there, the longest first: who has keys of another form than ``Net`` tries them in this order.
    """

    kind: MapKind = "lpm_trie"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.lengths: tuple[int, ...] = ()

    def update(self, key: Any, value: _V) -> None:
        """``trie_update_elem``."""
        super().update(key, value)
        if key.plen not in self.lengths:
            self.lengths = tuple(sorted({*self.lengths, key.plen}, reverse=True))

    def match(self, addr: Ip) -> tuple[Net, _V] | None:
        """``trie_lookup_elem`` of an address: the prefix that decided, and its value."""
        for plen in self.lengths:
            prefix = Net(type(addr)(int(addr) & prefix_mask(addr.bits, plen)), plen)
            value = self.entries.get(prefix)
            if value is not None:
                return prefix, value
        return None


MAP_TYPES: Final[dict[MapKind, type[BpfMap[object, object]]]] = {
    "hash": BpfMap,
    "lpm_trie": LpmTrie,
    "prog_array": ProgArray,  # type: ignore[dict-item]
}
