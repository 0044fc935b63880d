"""Protocols of the command line: names, options of their own, and which of these a command needs (extensions/libct_proto_*.c)."""

from __future__ import annotations

from typing import Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.netfilter.conntrack.sctp import SCTP_STATES
from podwire.linux.netfilter.conntrack.tcp import TCP_STATES
from podwire.linux.services import PROTOCOLS
from podwire.tools.conntrack.usage import problem

_PORTS: Final = {
    "orig-port-src": "sport",
    "orig-port-dst": "dport",
    "sport": "sport",
    "dport": "dport",
    "reply-port-src": "reply-port-src",
    "reply-port-dst": "reply-port-dst",
    "mask-port-src": "mask-port-src",
    "mask-port-dst": "mask-port-dst",
    "tuple-port-src": "tuple-port-src",
    "tuple-port-dst": "tuple-port-dst",
}
_KEYS: Final = {
    "orig-key-src": "srckey",
    "orig-key-dst": "dstkey",
    "srckey": "srckey",
    "dstkey": "dstkey",
    "reply-key-src": "reply-key-src",
    "reply-key-dst": "reply-key-dst",
}
OPTIONS_OF: Final[dict[str, dict[str, str]]] = {
    "tcp": {**_PORTS, "state": "state"},
    "udp": _PORTS,
    "udplite": _PORTS,
    "sctp": {**_PORTS, "state": "state", "orig-vtag": "orig-vtag", "reply-vtag": "reply-vtag"},
    "icmp": {"icmp-type": "icmp-type", "icmp-code": "icmp-code", "icmp-id": "icmp-id"},
    "gre": _KEYS,
    "": {},
}
"""By protocol, long options and under which name they are kept."""
_NUMBERS: Final = {"tcp": 6, "udp": 17, "udplite": 136, "sctp": 132, "icmp": 1, "gre": 47, "dccp": 33, "icmpv6": 58}
_NEEDED: Final = {"tcp": ("state",), "sctp": ("state", "orig-vtag", "reply-vtag"), "icmp": ("icmp-type", "icmp-code")}
"""What ``-I`` cannot do without, besides ports."""
_PAIRS: Final = {"gre": ("srckey", "dstkey", "reply-key-src", "reply-key-dst")}
_PORT_PAIRS: Final = ("sport", "dport", "reply-port-src", "reply-port-dst")


class Protocol(msgspec.Struct, frozen=True):
    """A protocol number; ``kind`` names the extension that knows its options, "" for none."""

    number: int
    kind: str = ""

    def state_number(self, name: str) -> int:
        """The number of a state, named exactly; raises ``Stop``."""
        if self.kind == "tcp":
            if name not in TCP_STATES:
                raise problem(f"unknown TCP state `{name}'")
            return TCP_STATES.index(name)
        if name not in SCTP_STATES:
            # The real one reads behind the end of its list here.
            raise NotModelled(f"the SCTP state {name}", "conntrack")
        return SCTP_STATES.index(name)


def find_protocol(name: str) -> Protocol:
    """``findproto``: a name that conntrack knows, one of /etc/protocols, or a number to 255; raises ``Stop``."""
    number = _NUMBERS.get(name.lower())
    if number is None:
        number = PROTOCOLS.get(name)
    if number is None:
        try:
            number = int(name, 0)
        except ValueError:
            number = -1
    if not 0 <= number <= 0xFF:
        raise problem(f"`{name}' unsupported protocol")
    kind = next((known for known, value in _NUMBERS.items() if value == number), "")
    if kind in {"dccp", "icmpv6"}:
        raise NotModelled(f"-p {kind}", "conntrack")
    return Protocol(number, kind)


def check_protocol(proto: Protocol, command: str, given: dict[str, int]) -> None:
    """``final_check``: raises ``Stop`` where something is missing or out of place."""
    for name in given:
        if name.startswith(("mask-", "tuple-")):
            raise problem(f"Illegal option `--{name}' with this command")
    needed = {"I": _NEEDED.get(proto.kind, ()), "A": _NEEDED.get(proto.kind, ())}.get(command, ())
    if command == "G" and proto.kind == "icmp":
        needed = _NEEDED["icmp"]
    for name in needed:
        if name not in given:
            raise problem(f"You need to supply the `--{name}' option for this command")
    if command not in "IAG" or proto.kind in {"", "icmp"}:
        return
    first, second, third, fourth = _PAIRS.get(proto.kind, _PORT_PAIRS)
    if {first, second} <= set(given) or {third, fourth} <= set(given):
        return
    if first not in given and second not in given and (third in given or fourth in given):
        raise problem("you have to specify `--reply-src' and `--reply-dst'")
    raise problem(f"you have to specify `--{first}' and `--{second}'")
