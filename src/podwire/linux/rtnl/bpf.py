"""Loading programs and filling maps: ``bpf(2)``, and the links of TCX (kernel/bpf/syscall.c, kernel/bpf/tcx.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podwire.linux.bpf.maps import MAP_TYPES, BpfMap, MapKind
from podwire.linux.rtnl.door import Door

if TYPE_CHECKING:
    from podwire.linux.bpf.program import Hook, Program
    from podwire.linux.link import Link


class BpfVerbs(Door):
    """BPF_LINK_CREATE and BPF_LINK_UPDATE at the tc hooks, BPF_MAP_*. A hook holds one program."""

    def bpf_attach(self, link: Link, hook: Hook, program: Program) -> bool:
        """Attach ``program``, in the place of the one that is there; False where an equal one already is."""
        if _attached(link, hook) == program:
            return False
        _set(link, hook, program)
        return True

    def bpf_detach(self, link: Link, hook: Hook) -> bool:
        """Take the program off; False where there is none."""
        if _attached(link, hook) is None:
            return False
        _set(link, hook, None)
        return True

    def bpf_map_create(self, name: str, kind: MapKind = "hash") -> BpfMap[Any, Any]:
        """BPF_MAP_CREATE and BPF_OBJ_PIN: the map of that name, made where it is missing or of another kind."""
        maps = self.netns.machine.bpf_maps
        found = maps.get(name)
        if found is None or found.kind != kind:
            found = maps[name] = MAP_TYPES[kind](name)
        return found

    def bpf_map_remove(self, name: str) -> bool:
        """Unpin: the map goes; False where it is not there."""
        return self.netns.machine.bpf_maps.pop(name, None) is not None

    def bpf_map_sync(self, name: str, kind: MapKind, wanted: dict[Any, Any]) -> int:
        """Bring a map's contents in line, entry by entry; returns the number of changes."""
        target = self.bpf_map_create(name, kind)
        gone = [key for key, _ in target.items() if key not in wanted]
        for key in gone:
            target.delete(key)
        changed = [(key, value) for key, value in wanted.items() if target.lookup(key) != value]
        for key, value in changed:
            target.update(key, value)
        return len(gone) + len(changed)


def _attached(link: Link, hook: Hook) -> Program | None:
    return link.tc_ingress if hook == "ingress" else link.tc_egress


def _set(link: Link, hook: Hook, program: Program | None) -> None:
    if hook == "ingress":
        link.tc_ingress = program
    else:
        link.tc_egress = program
