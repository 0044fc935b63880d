"""The grammar of filter expressions (grammar.y of libpcap 1.10.3), by recursive descent.

What is special about it: ``and`` and ``or`` bind alike, from left to right; behind them a bare address or port takes the
qualifiers of what stands before; ``%`` and ``^`` have no precedence, so that all that follows is their right side.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from podwire.errors import NotModelled
from podwire.tools.tcpdump.filter.addresses import Addresses
from podwire.tools.tcpdump.filter.errors import SYNTAX, FilterError
from podwire.tools.tcpdump.filter.foreign import FOREIGN, foreign, foreign_arguments
from podwire.tools.tcpdump.filter.generate import Generator
from podwire.tools.tcpdump.filter.lexer import Token, tokens
from podwire.tools.tcpdump.filter.qualifiers import DEFAULT, NONE, Qualifiers
from podwire.tools.tcpdump.filter.tree import LINK, Length, Load, Negated, Node, Number, both, compare, either, negate
from podwire.tools.tcpdump.filter.values import Arithmetic, arithmetic, index, length, relation

_DIRECTIONS: Final = frozenset({"src", "dst", "addr1", "addr2", "addr3", "addr4", "ra", "ta"})
_TYPES: Final = frozenset({"host", "net", "port", "portrange"})
_RELATIONS: Final = frozenset({"=", "!=", "<", "<=", ">", ">="})
_PRECEDENCE: Final = MappingProxyType({"|": 1, "&": 2, "<<": 3, ">>": 3, "+": 4, "-": 4, "*": 5, "/": 5})
_WITHOUT_PRECEDENCE: Final = frozenset({"%", "^"})
_TIGHTEST: Final = 6
_BEHIND_A_VALUE: Final = _RELATIONS | set(_PRECEDENCE) | _WITHOUT_PRECEDENCE
_ADDRESS_KINDS: Final = frozenset({"ID", "HID", "HID6", "EID", "AID"})


class Parser:
    """One expression; ``parse`` gives its tree, None for an empty one."""

    def __init__(self, text: str, generator: Generator) -> None:
        self._tokens = tokens(text)
        self._at = 0
        self._generator = generator
        self._addresses = Addresses(generator)

    def parse(self) -> Node | None:
        """The whole expression. Raises ``FilterError``."""
        if self._kind == "END":
            return None
        node, _ = self._expression(NONE)
        if self._kind != "END":
            raise self._unexpected()
        return node

    # -- words -----------------------------------------------------------------------------------------------------

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    @property
    def _kind(self) -> str:
        return self._tokens[self._at].kind

    def _ahead(self, distance: int) -> str:
        place = self._at + distance
        return self._tokens[place].kind if place < len(self._tokens) else "END"

    def _next(self) -> Token:
        token = self._token
        self._at += 1
        return token

    def _expect(self, kind: str) -> Token:
        if self._kind != kind:
            raise self._unexpected()
        return self._next()

    def _unexpected(self) -> FilterError:
        """What the scanner said of this word comes before what the grammar says."""
        token = self._token
        return FilterError(token.text if token.kind == "ERROR" and token.text else SYNTAX)

    # -- terms -----------------------------------------------------------------------------------------------------

    def _expression(self, around: Qualifiers) -> tuple[Node, Qualifiers]:
        """Terms joined by and, or; ``around`` are the qualifiers in force before a parenthesis."""
        node, qualifiers = self._term(around)
        while self._kind in {"and", "or"}:
            join = both if self._next().kind == "and" else either
            if self._address_follows():
                right = self._address(qualifiers, ambiguous=True)
            else:
                right, qualifiers = self._term(qualifiers)
            node = join(node, right)
        return node, qualifiers

    def _address_follows(self) -> bool:
        """Whether a bare address or port stands here, rather than a term: behind parentheses and ``not`` too."""
        distance = depth = 0
        while self._ahead(distance) in {"(", "not"}:
            depth += self._ahead(distance) == "("
            distance += 1
        kind = self._ahead(distance)
        if kind != "NUM":
            return kind in _ADDRESS_KINDS
        distance += 1
        while depth and self._ahead(distance) == ")":
            depth -= 1
            distance += 1
        return self._ahead(distance) not in _BEHIND_A_VALUE

    def _term(self, around: Qualifiers) -> tuple[Node, Qualifiers]:
        if self._kind == "not":
            self._next()
            node, qualifiers = self._term(around)
            return negate(node), qualifiers
        if self._arithmetic_follows():
            return self._relation(), NONE
        if self._kind == "(":
            self._next()
            node, _ = self._expression(around)
            self._expect(")")
            return node, around
        other = self._other()
        if other is not None:
            return other, NONE
        return self._primitive()

    def _arithmetic_follows(self) -> bool:
        distance = 0
        while self._ahead(distance) == "(":
            distance += 1
        kind = self._ahead(distance)
        if kind not in {"NUM", "len", "-"} and not (kind == "PNAME" and self._ahead(distance + 1) == "["):
            return False
        if distance == 0:
            return True
        depth = distance = 0
        while self._ahead(distance) != "END":
            depth += (self._ahead(distance) == "(") - (self._ahead(distance) == ")")
            distance += 1
            if depth == 0:
                return self._ahead(distance) in _BEHIND_A_VALUE
        return False

    def _primitive(self) -> tuple[Node, Qualifiers]:
        """``tcp``; ``tcp src port 80``."""
        protocol = self._next().text if self._kind == "PNAME" else DEFAULT
        qualifiers = self._head(protocol)
        if qualifiers is not None:
            return self._address(qualifiers), qualifiers
        if protocol == DEFAULT or self._kind not in {"and", "or", ")", "END"}:
            raise self._unexpected()
        return self._generator.word(protocol), NONE

    def _head(self, protocol: str) -> Qualifiers | None:
        """Direction and type; None where there are none."""
        kind = self._kind
        if kind in {"proto", "protochain", "gateway"}:
            return Qualifiers(protocol, DEFAULT, self._next().kind)
        if kind in _TYPES:
            return Qualifiers(protocol, DEFAULT, self._next().kind)
        if kind not in _DIRECTIONS:
            return None
        direction = self._next().kind
        if direction in {"src", "dst"} and self._kind in {"and", "or"}:
            other = "dst" if direction == "src" else "src"
            direction = self._next().kind
            self._expect(other)
        return Qualifiers(protocol, direction, self._next().kind if self._kind in _TYPES else DEFAULT)

    # -- addresses -------------------------------------------------------------------------------------------------

    def _address(self, qualifiers: Qualifiers, *, ambiguous: bool = False) -> Node:
        """``id``: an address or port, or several in parentheses.

        ``ambiguous``: a comparison might stand here as well, so that a number is only understood by what follows it.
        """
        kind = self._kind
        if kind == "not":
            self._next()
            return negate(self._address(qualifiers, ambiguous=ambiguous))
        if kind == "NUM" or (kind == "(" and self._number_in_parentheses()):
            number = self._parenthesised_number()
            if ambiguous and self._kind not in {"and", "or", ")", "END"}:
                raise self._unexpected()
            return self._addresses.number(number, qualifiers)
        if kind == "(":
            self._next()
            if self._kind == "(" and not self._number_in_parentheses():
                raise self._unexpected()  # the first of several is no list itself
            node = self._address(qualifiers, ambiguous=ambiguous)
            while self._kind in {"and", "or"}:
                join = both if self._next().kind == "and" else either
                node = join(node, self._address(qualifiers))
            self._expect(")")
            return node
        if kind not in _ADDRESS_KINDS:
            raise self._unexpected()
        text = self._next().text
        match kind:
            case "ID":
                return self._addresses.name(text, qualifiers)
            case "EID":
                return self._generator.ether_host(_mac(text), qualifiers)
            case "AID":
                raise FilterError("aid supported only on ARCnet")
            case "HID6":
                return self._ipv6(text, qualifiers)
        if self._kind == "/":
            self._next()
            return self._addresses.network(text, self._expect("NUM").number, qualifiers)
        if self._kind == "mask":
            self._next()
            return self._addresses.network(text, self._expect("HID").text, qualifiers)
        return self._addresses.dotted(text, qualifiers)

    def _ipv6(self, text: str, qualifiers: Qualifiers) -> Node:
        if self._kind != "/":
            return self._addresses.ipv6(text, 128, qualifiers)
        self._next()
        return self._addresses.ipv6(text, self._expect("NUM").number, qualifiers)

    # -- values ----------------------------------------------------------------------------------------------------

    def _relation(self) -> Node:
        left = self._value(0)
        if self._kind not in _RELATIONS:
            raise self._unexpected()
        operator = self._next().kind
        return relation(operator, left, self._value(0))

    def _value(self, least: int) -> Arithmetic:
        left = self._operand()
        while True:
            kind = self._kind
            if kind in _WITHOUT_PRECEDENCE:
                self._next()
                left = arithmetic(kind, left, self._value(0))
            elif _PRECEDENCE.get(kind, -1) >= max(least, 1):
                self._next()
                left = arithmetic(kind, left, self._value(_PRECEDENCE[kind] + 1))
            else:
                return left

    def _operand(self) -> Arithmetic:
        kind = self._kind
        if kind == "NUM":
            return Arithmetic(Number(self._next().number))
        if kind == "len":
            self._next()
            return Arithmetic(Length())
        if kind == "-":
            self._next()
            inner = self._value(_TIGHTEST)
            return Arithmetic(Negated(inner.value), inner.guard)
        if kind == "(":
            self._next()
            inner = self._value(0)
            self._expect(")")
            return inner
        name = self._expect("PNAME").text
        self._expect("[")
        inner = self._value(0)
        size = 1
        if self._kind == ":":
            self._next()
            size = self._expect("NUM").number
        self._expect("]")
        return index(self._generator, name, inner, size)

    # -- other words -----------------------------------------------------------------------------------------------

    def _other(self) -> Node | None:
        """What stands for itself: ``broadcast``, ``greater 100``, ``vlan 5``; None where nothing of that kind is here."""
        kind = self._kind
        protocol = DEFAULT
        if kind == "PNAME" and self._ahead(1) in {
            "broadcast",
            "multicast",
            "type",
            "subtype",
            "dir",
        }:  # the last three: 802.11
            protocol = self._next().text
            kind = self._kind
        match kind:
            case "broadcast" | "multicast":
                self._next()
                make = self._generator.broadcast if kind == "broadcast" else self._generator.multicast
                return make(protocol)
            case "less" | "greater":
                self._next()
                return length(kind, self._expect("NUM").number)
            case "byte":
                return self._byte()
            case "inbound" | "outbound":
                self._next()
                return self._generator.outbound(wanted=kind == "outbound")
            case "ifindex":
                self._next()
                return self._generator.interface(self._expect("NUM").number)
            case "vlan":
                self._next()
                number = self._parenthesised_number() if self._kind in {"NUM", "("} else None
                return self._generator.vlan(number)
        if kind in FOREIGN:
            self._next()
            arguments = foreign_arguments(kind, self._kind)
            raise foreign(kind, [self._expect(argument).text for argument in arguments])
        return None

    def _number_in_parentheses(self) -> bool:
        """``((80))``: parentheses around nothing but a number."""
        depth = 0
        while self._ahead(depth) == "(":
            depth += 1
        return self._ahead(depth) == "NUM" and all(self._ahead(depth + 1 + n) == ")" for n in range(depth))

    def _parenthesised_number(self) -> int:
        depth = 0
        while self._kind == "(":
            self._next()
            depth += 1
        number = self._expect("NUM").number
        for _ in range(depth):
            self._expect(")")
        return number

    def _byte(self) -> Node:
        """``byte 12 = 8``."""
        self._next()
        load = Load(LINK, self._expect("NUM").number, 1)
        operator = self._kind
        if operator not in {"&", "|", "<", ">", "="}:
            raise self._unexpected()
        self._next()
        number = Number(self._expect("NUM").number)
        if operator in {"&", "|"}:
            # The code that libpcap makes for these loads nothing: it compares what happens to be there.
            raise NotModelled(f"filter byte … {operator}", "tcpdump")
        if operator == "<":
            return negate(compare(">=", load, number))
        return compare("==" if operator == "=" else ">", load, number)


def _mac(text: str) -> int:
    """Any of libpcap's four ways to write one."""
    groups = re.split("[:.-]", text)
    if len(groups) == 6:
        groups = [group.rjust(2, "0") for group in groups]
    return int("".join(groups), 16)
