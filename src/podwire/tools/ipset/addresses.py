"""How ``ipset`` reads numbers, addresses, networks and ranges of them (lib/parse.c).

What was read goes to ``data``, under the names that ``settypes`` uses. Whatever is wrong ends the command (``Report``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from podwire.tools.ipset.report import Kind, Report
from podwire.wire.addr import AF_INET, Ip6, inet_aton

if TYPE_CHECKING:
    from podwire.linux.machine import Place

Value = int | str | bool
Data = dict[str, Value]

ULLONG_MAX: Final = (1 << 64) - 1
_NUMBER: Final = re.compile(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)", re.ASCII)


def separator(text: str, mark: str) -> int:
    """``ipset_strchr``: where the mark is, -1 where it is not or stands at an end."""
    place = text.find(mark)
    return -1 if place < 0 or text[0] == mark or text[-1] == mark else place


def _number(text: str, high: int) -> tuple[int | None, str]:
    """``strtoull`` with any base: the number, or what is wrong with it."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None, f"'{text}' is invalid as number"
    digits = match[2]
    value = int(digits, 16 if digits[:2] in {"0x", "0X"} else 8 if digits[0] == "0" else 10)
    if match[1] == "-":
        value = -value % (ULLONG_MAX + 1)
    return (value, "") if value <= high else (None, f"'{text}' is out of range 0-{high}")


class AddressReader:
    """Reads the words of one command into ``data``; ``data["family"]`` is AF_INET, AF_INET6 or 0."""

    def __init__(self, place: Place, report: Report) -> None:
        self.place = place
        self.report = report
        self.data: Data = {}
        self.command = ""
        self.has_options = True
        """The type has options for this command."""
        self.chosen_family = False
        """The family was given, and does not only come from the type."""

    @property
    def family(self) -> int:
        """The family of the set; without one addresses are of IPv4."""
        return int(self.data.get("family", 0))

    def _inet(self) -> int:
        if not self.family:
            self.data["family"] = AF_INET
        return self.family

    # -- numbers -------------------------------------------------------------------------------------------------

    def number(self, text: str, high: int, kind: Kind = Kind.ERROR) -> int | None:
        """``string_to_number_ll``: None, and a message of that kind, for what is none; an error ends the command."""
        value, problem = _number(text, high)
        if value is None:
            self.report.add(kind, f"Syntax error: {problem}")
            if kind is Kind.ERROR:
                self.report.finish()
        return value

    def cidr(self, text: str, low: int, high: int) -> int:
        """``string_to_cidr``."""
        value = self.number(text, 255) or 0
        if not low <= value <= high:
            self.report.syntax(f"'{text}' is out of range {low}-{high}")
        return value

    def netmask(self, opt: str, text: str) -> None:
        """A prefix length, 1 at least; what is wrong is said twice."""
        if "bitmask" in self.data:
            self.report.syntax("bitmask and netmask are mutually exclusive, provide only one")
        high = 32 if self._inet() == AF_INET else 128
        value, problem = _number(text, 255)
        if value is not None and not 1 <= value <= high:
            problem = f"'{text}' is out of range 1-{high}"
        if problem:
            self.report.add(Kind.ERROR, f"Syntax error: {problem}")
            self.report.syntax(f"netmask is out of the inclusive range of 1-{high}")
        self.data[opt] = value or 0

    def bitmask(self, opt: str, text: str) -> None:
        """A mask, as an address."""
        if "netmask" in self.data:
            self.report.syntax("bitmask and netmask are mutually exclusive, provide only one")
        family = self._inet()
        address = self._lookup(text)
        if address is None:
            self.report.add(Kind.ERROR, f"Syntax error: {self._unresolved(text)}")
            self.report.syntax(f"bitmask is not valid for family = {'inet' if family == AF_INET else 'inet6'}")
        self.data[opt] = address

    # -- addresses -----------------------------------------------------------------------------------------------

    def _lookup(self, text: str) -> int | None:
        """``gethostbyname2``: an address, or a name that /etc/hosts knows."""
        if self.family == AF_INET:
            address = inet_aton(text)
            if address is not None:
                return int(address)
        else:
            try:
                return int(Ip6.parse(text))
            except ValueError:
                pass
        found = self.place.lookup(text)
        return int(found) if found is not None and found.family == self.family else None

    def _unresolved(self, text: str) -> str:
        return f"cannot parse {text}: resolving to {'IPv4' if self.family == AF_INET else 'IPv6'} address failed"

    def _address(self, text: str) -> int:
        found = self._lookup(text)
        if found is None:
            self.report.syntax(self._unresolved(text))
        return found

    def _strip(self, text: str) -> str:
        """``strip_escape``: a name with a dash may stand in brackets."""
        if text.startswith("["):
            if not text.endswith("]"):
                self.report.syntax(f"cannot find closing escape character ']' in {text}")
            return text[1:-1]
        return text

    def _range_separator(self, text: str) -> int:
        """``find_range_separator``."""
        if not text.startswith("["):
            return separator(text, "-")
        end = text.find("]")
        if end < 0:
            self.report.syntax(f"cannot find closing escape character ']' in {text}")
        if end + 1 == len(text):
            return -1
        if text[end + 1] != "-":
            self.report.syntax(f"range separator expected after '{text[: end + 1]}'")
        return end + 1

    def ip(self, opt: str, text: str) -> None:
        """``parse_ipaddr``: ADDRESS, ADDRESS/LENGTH or FROM-TO."""
        bits = 32 if self._inet() == AF_INET else 128
        to = ""
        place = separator(text, "/")
        if place > 0:
            self.data["cidr" if opt == "ip" else "cidr2"] = self.cidr(text[place + 1 :], 0, bits)
            text = text[:place]
        elif (place := self._range_separator(text)) > 0:
            text, to = text[:place], text[place + 1 :]
        self.data[opt] = self._address(self._strip(text))
        if to:
            self.data["ip_to" if opt == "ip" else "ip2_to"] = self._address(self._strip(to))

    def _has_range(self, text: str) -> bool:
        """``escape_range_separator``."""
        if text.startswith("["):
            end = text.find("]")
            return end >= 0 and separator(text[end:], "-") >= 0
        return separator(text, "-") >= 0

    def plain(self, opt: str, text: str) -> None:
        """One address; a whole length is no harm."""
        whole = "/32" if self._inet() == AF_INET else "/128"
        place = separator(text, "/")
        if self._has_range(text) or (place > 0 and text[place:] != whole):
            self.report.syntax(f"plain IP address must be supplied: {text}")
        self.ip(opt, text)

    def net(self, opt: str, text: str) -> None:
        """ADDRESS/LENGTH."""
        if separator(text, "/") < 0 or self._has_range(text):
            self.report.syntax(f"IP/netblock must be supplied: {text}")
        self.ip(opt, text)

    def netrange(self, opt: str, text: str) -> None:
        """ADDRESS/LENGTH or FROM-TO."""
        if not self._has_range(text) and separator(text, "/") < 0:
            self.report.syntax(f"IP/cidr or IP-IP range must be specified: {text}")
        self.ip(opt, text)

    def ip4_single6(self, opt: str, text: str) -> None:
        """Anything of IPv4, one address of IPv6."""
        (self.ip if self._inet() == AF_INET else self.plain)(opt, text)

    def ip4_net6(self, opt: str, text: str) -> None:
        """Anything of IPv4, an address or a network of IPv6."""
        if self._inet() != AF_INET and self._has_range(text):
            self.report.syntax(f"IP address or IP/cidr must be specified: {text}")
        self.ip(opt, text)
