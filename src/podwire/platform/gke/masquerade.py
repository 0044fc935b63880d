"""The chain IP-MASQ of nat: what leaves a node with the node's address instead of the pod's (kube-proxy and GKE sheet, section 3.4).

Two programs write it: the boot script once, or the ip-masq-agent again and again. Both let go what stays inside (``RETURN``) and
masquerade the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from podwire.errors import ConfigError

CHAIN: Final = "IP-MASQ"
LINK_LOCAL: Final = "169.254.0.0/16"
RFC1918: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
RESERVED: Final = (
    "100.64.0.0/10",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
)
"""What ``--nomasq-all-reserved-ranges`` adds."""
_BOOT_RANGES: Final = (
    *((net, "1918") for net in RFC1918),
    ("240.0.0.0/4", "5735"),
    ("192.0.2.0/24", "5737"),
    ("198.51.100.0/24", "5737"),
    ("203.0.113.0/24", "5737"),
    ("100.64.0.0/10", "6598"),
    ("198.18.0.0/15", "6815"),
    ("192.0.0.0/24", "6890"),
    ("192.88.99.0/24", "7526"),
)
_PROTOCOLS: Final = ("tcp", "udp", "sctp")
_MAX_PORT: Final = 65535


def _comment(text: str) -> str:
    return f'-m comment --comment "{text}"'


def jump(program: str) -> str:
    """The rule of POSTROUTING that leads to the chain, without ``-A``; ``program`` begins its comment."""
    words = f"{program}: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom {CHAIN} chain"
    return f"POSTROUTING {_comment(words)} -m addrtype ! --dst-type LOCAL -j {CHAIN}"


def _boot_chain() -> str:
    local = _comment("ip-masq: local traffic is not subject to MASQUERADE")
    lines = ["*nat", f":{CHAIN} - [0:0]", f"-A {jump('ip-masq')}", f"-A {CHAIN} -d {LINK_LOCAL} {local} -j RETURN"]
    for net, rfc in _BOOT_RANGES:
        reserved = _comment(f"ip-masq: RFC {rfc} reserved range is not subject to MASQUERADE")
        lines.append(f"-A {CHAIN} -d {net} {reserved} -j RETURN")
    last = _comment("ip-masq: outbound traffic is subject to MASQUERADE (must be last in chain)")
    return "\n".join((*lines, f"-A {CHAIN} {last} -j MASQUERADE", "COMMIT\n"))


BOOT_CHAIN: Final = _boot_chain()
"""What the boot script writes where there is no agent, for ``iptables-restore --noflush`` (3.4 a)."""


class Ports(msgspec.Struct, frozen=True):
    """An interval of ports, both ends in it."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def ports_of(text: str) -> tuple[Ports, ...]:
    """``--to-ports``: ``1024-29999,32768-65535``; nothing for an empty text. Raises ``ConfigError``."""
    found = []
    for part in text.split(",") if text else ():
        ends = part.split("-")
        if len(ends) > 2 or not all(end.isascii() and end.isdigit() for end in ends):
            raise ConfigError("GKE", f"ip_masq_to_ports={text!r}: {part!r} is neither a port nor FIRST-LAST")
        first, last = int(ends[0]), int(ends[-1])
        if not 1 <= first <= last <= _MAX_PORT:
            raise ConfigError("GKE", f"ip_masq_to_ports={text!r}: {part!r} is no interval of ports between 1 and 65535")
        found.append(Ports(first, last))
    return tuple(found)


def agent_chain(
    cidrs: Iterable[str], *, link_local: bool = False, to_ports: Sequence[Ports] = (), random_fully: bool = True
) -> str:
    """What the agent gives to ``iptables-restore --noflush`` (3.4 b): naming the chain empties it at once.

    ``cidrs`` are those that are not masqueraded; ``link_local`` masquerades 169.254.0.0/16 too.
    """
    local = _comment("ip-masq-agent: local traffic is not subject to MASQUERADE")
    kept = (*(() if link_local else (LINK_LOCAL,)), *cidrs)
    lines = ["*nat", f":{CHAIN} - [0:0]", *(f"-A {CHAIN} {local} -d {net} -j RETURN" for net in kept)]
    words = _comment("ip-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)")
    masquerade = f"-A {CHAIN} {words} -j MASQUERADE{' --random-fully' if random_fully else ''}"
    for protocol in _PROTOCOLS:
        rest = sum(each.size for each in to_ports)
        for each in to_ports:
            chance = "" if each.size == rest else f" -m statistic --mode random --probability {each.size / rest!r}"
            rest -= each.size
            lines.append(f"{masquerade} -p {protocol}{chance} --to-ports {each}")
    return "\n".join((*lines, masquerade, "COMMIT\n"))
