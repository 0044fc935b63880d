"""The five places at which IPv4 packets can be looked at, changed and dropped (net/netfilter/core.c; kernel sheet section 6).

```
                 PRE_ROUTING -> route -> FORWARD -> POST_ROUTING
                                  |                      ^
                              LOCAL_IN               LOCAL_OUT <- route
```
"""

from __future__ import annotations

from collections.abc import Callable
from errno import EPERM
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

NF_INET_PRE_ROUTING: Final = 0
NF_INET_LOCAL_IN: Final = 1
NF_INET_FORWARD: Final = 2
NF_INET_LOCAL_OUT: Final = 3
NF_INET_POST_ROUTING: Final = 4
HOOK_NAMES: Final = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")

NF_DROP: Final = 0
NF_ACCEPT: Final = 1
NF_STOLEN: Final = 2
NF_QUEUE: Final = 3
"""A program decides. None listens here, and the packet is gone."""

NF_IP_PRI_CONNTRACK_DEFRAG: Final = -400
NF_IP_PRI_RAW: Final = -300
NF_IP_PRI_CONNTRACK: Final = -200
NF_IP_PRI_MANGLE: Final = -150
NF_IP_PRI_NAT_DST: Final = -100
NF_IP_PRI_FILTER: Final = 0
NF_IP_PRI_SECURITY: Final = 50
NF_IP_PRI_NAT_SRC: Final = 100
NF_IP_PRI_CONNTRACK_HELPER: Final = 300
NF_IP_PRI_CONNTRACK_CONFIRM: Final = (1 << 31) - 1

HookFn = Callable[["Skb", "Netns", "Link | None", "Link | None"], int]
"""``nf_hookfn``: the packet, the namespace, by which device it came and by which it goes.

NF_ACCEPT, NF_DROP, NF_STOLEN, or a negative errno: dropped, and that is what the sender hears (``NF_DROP_ERR``).
"""


class NfHooks:
    """What is registered at the hooks of a namespace (``nf_hook_entries``)."""

    __slots__ = ("_netns", "_registered")

    def __init__(self, netns: Netns) -> None:
        self._netns = netns
        self._registered: tuple[list[tuple[int, HookFn]], ...] = ([], [], [], [], [])

    def register(self, hook: int, priority: int, fn: HookFn) -> None:
        """``nf_register_net_hook``: lower priorities run first; of equal ones that which came last (F200)."""
        entries = self._registered[hook]
        place = next((n for n, (other, _) in enumerate(entries) if other >= priority), len(entries))
        entries.insert(place, (priority, fn))
        self._publish(hook)

    def unregister(self, hook: int, fn: HookFn) -> None:
        """``nf_unregister_net_hook``."""
        entries = self._registered[hook]
        entries[:] = [entry for entry in entries if entry[1] is not fn]
        self._publish(hook)

    def replace(self, hook: int, old: HookFn, new: HookFn) -> None:
        """Exchange a function in its place: the same hook with other content."""
        entries = self._registered[hook]
        entries[:] = [(priority, new if fn is old else fn) for priority, fn in entries]
        self._publish(hook)

    def priorities(self, hook: int) -> list[int]:
        """Who is there, in order."""
        return [priority for priority, _ in self._registered[hook]]

    def _publish(self, hook: int) -> None:
        self._netns.hooks[hook] = tuple(fn for _, fn in self._registered[hook])


def nf_hook(
    functions: tuple[HookFn, ...], skb: Skb, netns: Netns, iif: Link | None = None, oif: Link | None = None
) -> int:
    """``nf_hook_slow``: 1 where the packet goes on, 0 where somebody keeps it, a negative errno where it was dropped (-EPERM)."""
    for fn in functions:
        verdict = fn(skb, netns, iif, oif)
        if verdict != NF_ACCEPT:
            return -EPERM if verdict == NF_DROP else min(verdict, 0)
    return 1
