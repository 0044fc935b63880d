"""What several kinds of Calico ask of a value, in libcalico-go's words (lib/validator/v3 and api/pkg/lib/numorstring, release v3.26)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from podwire.kube.invalid import Problems
from podwire.kube.selectors import SelectorError, parse_selector
from podwire.wire.addr import Ip, Net

Ports = tuple[int, int]
LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
PROTOCOLS: Final = MappingProxyType({"TCP": 6, "UDP": 17, "ICMP": 1, "ICMPv6": 58, "SCTP": 132, "UDPLite": 136})
"""Names of protocols, and their numbers."""
WITH_PORTS: Final = frozenset({"TCP", "UDP", "SCTP"})
_RANGE: Final = re.compile(r"(\d+):(\d+)", re.ASCII)
_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{1,128}", re.ASCII)
_MOST: Final = 65535
_GLOBAL: Final = "global()"
GLOBAL_ONLY_THERE: Final = "global() can only be used in an EntityRule namespaceSelector"


def masked(text: str) -> Net:
    """A range, or an address as its own range; bits behind the mask do not count (``ParseCIDROrIP``). Raises ``ValueError``."""
    address, slash, plen = text.partition("/")
    ip = Ip.parse(address)
    bits = int(plen) if slash and plen.isascii() and plen.isdigit() else ip.bits
    if (slash and not (plen.isascii() and plen.isdigit())) or bits > ip.bits:
        raise ValueError(text)
    low = ip.bits - bits
    return Net(type(ip)(int(ip) >> low << low), bits)


def check_net(problems: Problems, path: str, text: str) -> Net | None:
    """A range or an address."""
    try:
        return masked(text)
    except ValueError:
        problems.invalid(path, text, "invalid CIDR")
        return None


def port(value: int | str) -> Ports | str:
    """A port as rules name it: ``80``, ``"80:90"``, or the name of a container's port. Raises ``ValueError`` with the reason."""
    if isinstance(value, int) or (value.isascii() and value.isdigit()):
        number = int(value)
        if not 1 <= number <= _MOST:
            raise ValueError("port range invalid, port number must be between 1 and 65535")
        return number, number
    match = _RANGE.fullmatch(value)
    if match is None:
        if not _NAME.fullmatch(value):
            raise ValueError(f"invalid port format '{value}'")
        return value
    first, last = int(match[1]), int(match[2])
    if first > last:
        raise ValueError(f"minimum port number ({first}) is greater than maximum port number ({last}) in port range")
    if not 1 <= first <= last <= _MOST:
        raise ValueError("port range invalid, port number must be between 1 and 65535")
    return first, last


def check_ports(problems: Problems, path: str, values: Iterable[int | str]) -> None:
    """A list of ports."""
    for index, value in enumerate(values):
        try:
            port(value)
        except ValueError as error:
            problems.invalid(f"{path}[{index}]", value, str(error))


def check_selector(problems: Problems, path: str, text: str, *, everywhere: bool = False) -> None:
    """A selector; ``global()`` in it only where it may stand ``everywhere``."""
    try:
        parse_selector(text)
    except SelectorError as error:
        problems.invalid(path, text, f"invalid selector: {error}")
        return
    if not everywhere and _GLOBAL in text:
        problems.invalid(path, text, GLOBAL_ONLY_THERE)


def check_protocol(problems: Problems, path: str, value: int | str | None) -> None:
    """A protocol by name, or by number from 1 to 255."""
    if value is None or value in PROTOCOLS:
        return
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        problems.invalid(path, value, f"protocol name invalid: expected one of {', '.join(PROTOCOLS)}, or a number")
    elif not 1 <= int(value) <= 255:
        problems.invalid(path, value, "protocol number invalid")


def policy_name(text: str) -> list[str]:
    """What is wrong with a policy's name: ``default.`` before it is its tier."""
    own = text.removeprefix("default.")
    if len(own) > 253:
        return [f"name is too long by {len(own) - 253} bytes"]
    if re.fullmatch(rf"{LABEL}|(knp|ossg)\.default\.{LABEL}(\.{LABEL})*", own):
        return []
    return [f"name must consist of lower case alphanumeric characters or '-' (regex: {LABEL})"]


def global_policy_name(text: str) -> list[str]:
    """As ``policy_name``, for a policy without a namespace."""
    own = text.removeprefix("default.")
    if len(own) > 253:
        return [f"name is too long by {len(own) - 253} bytes"]
    if re.fullmatch(rf"(ossg\.)?{LABEL}", own):
        return []
    return [f"name must consist of lower case alphanumeric characters or '-' (regex: {LABEL})"]
