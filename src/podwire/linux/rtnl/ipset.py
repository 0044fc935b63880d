"""The door's verbs for IP sets (ip_set_core.c): what ``ipset`` and the agents do. What they add remembers the door's writer."""

from __future__ import annotations

from podwire.linux.netfilter.ipset.adt import Adt, Create
from podwire.linux.netfilter.ipset.base import ADD, DEL, TEST
from podwire.linux.rtnl.door import Door


class IpsetVerbs(Door):
    """Sets of a namespace, by name. All raise ``IpsetError``: ENOENT for a set that is not there, else the kernel's own numbers."""

    def ipset_create(self, name: str, typename: str, create: Create | None = None, *, exist: bool = False) -> None:
        """``ipset create``: ``exist`` forgives a set of that name with the same type and options.

        ``create.family`` is AF_INET or AF_INET6 for types with addresses, 0 for the others. Raises ``NotModelled`` for ``hash:net,iface``.
        """
        self.netns.ipsets.create(name, typename, Create() if create is None else create, exist=exist)
        self.netns.generation += 1

    def ipset_add(self, name: str, adt: Adt, *, exist: bool = False) -> None:
        """``ipset add``: one element or a range; ``exist`` forgives what is there, and renews its extensions."""
        self.netns.ipsets[name].uadt(ADD, adt, exist=exist, owner=self.writer)
        self.netns.generation += 1

    def ipset_del(self, name: str, adt: Adt, *, exist: bool = False) -> None:
        """``ipset del``: one element or a range; ``exist`` forgives what is not there."""
        self.netns.ipsets[name].uadt(DEL, adt, exist=exist, owner=self.writer)
        self.netns.generation += 1

    def ipset_test(self, name: str, adt: Adt) -> bool:
        """``ipset test``: is the element in the set? A network is asked for as it is, an address also in networks that hold it."""
        return self.netns.ipsets[name].uadt(TEST, adt, exist=False, owner=self.writer)

    def ipset_flush(self, name: str | None = None) -> None:
        """``ipset flush``: remove all members of a set, or of all sets."""
        for each in list(self.netns.ipsets) if name is None else [self.netns.ipsets[name]]:
            each.flush()
        self.netns.generation += 1

    def ipset_destroy(self, name: str | None = None, *, exist: bool = False) -> None:
        """``ipset destroy``: a set that a rule or a list holds stays (BUSY); without a name all go, or none."""
        self.netns.ipsets.destroy(name, exist=exist)
        self.netns.generation += 1

    def ipset_rename(self, name: str, new: str) -> None:
        """``ipset rename``."""
        self.netns.ipsets.rename(name, new)
        self.netns.generation += 1

    def ipset_swap(self, name: str, other: str) -> None:
        """``ipset swap``: rules that held one set hold the other's members from now on."""
        self.netns.ipsets.swap(name, other)
        self.netns.generation += 1
