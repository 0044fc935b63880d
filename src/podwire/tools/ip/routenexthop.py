"""The legs of a multipath route: ``nexthop via G dev D weight W`` … (parse_nexthops)."""

from __future__ import annotations

from podwire.errors import NotModelled
from podwire.linux.fib import NextHop
from podwire.linux.tunnel import TunnelInfo
from podwire.tools.ip.context import Context
from podwire.tools.ip.grammar import FAMILIES, Fail, Words, address, matches, no_device, number, wrong
from podwire.tools.ip.routeencap import parse_encap
from podwire.wire.addr import Ip

_MAX_WEIGHT = 256
_MAX_REALM = 255


def realm_number(text: str) -> int | None:
    """``get_rt_realms_or_raw``: ``TO``, ``FROM/TO``, or a raw number in hexadecimal of eight digits."""
    head, slash, tail = text.partition("/")
    parts = [head, tail] if slash else [head]
    values = [0 if part == "cosmos" else number(part, _MAX_REALM) for part in parts]
    if any(value is None for value in values):
        return number(text)
    numbers = [value or 0 for value in values]
    return numbers[0] << 16 | numbers[1] if slash else numbers[0]


def parse_legs(ctx: Context, words: Words, family: int) -> tuple[int, tuple[NextHop, ...]]:
    """All legs up to the end of the line, and the family that their gateways settle."""
    legs: list[NextHop] = []
    while words:
        word = words.take()
        if word != "nexthop":
            raise Fail(255, f'Error: "nexthop" or end of line is expected instead of "{word}"\n')
        if not words:
            raise Fail(255, 'Error: unexpected end of line after "nexthop"\n')
        family, leg = _leg(ctx, words, family)
        legs.append(leg)
    return family, tuple(legs)


def _leg(ctx: Context, words: Words, family: int) -> tuple[int, NextHop]:
    via: Ip | None = None
    ifindex, weight, onlink, realm = 0, 1, False, 0
    encap: TunnelInfo | None = None
    while words:
        word = words.take()
        if word == "via":
            text = words.value()
            named = FAMILIES.get(text, 0)
            if named:
                text = words.value()
            found = address(text, named or family)
            if family and found.family != family:
                raise NotModelled(f"via {text} for another family", "ip route")
            # Of two gateways the kernel reads the first.
            family, via = family or found.family, via or found.addr or None
        elif word == "dev":
            name = words.value()
            link = ctx.device(name)
            if link is None:
                # The tool gives up on the whole leg.
                raise Fail(255, no_device(name).message + "Error: cannot parse nexthop\n")
            ifindex = link.ifindex
        elif word == "weight":
            weight = _weight(words.value())
        elif word == "onlink":
            onlink = True
        elif matches(word, "realms"):
            text = words.value()
            value = realm_number(text)
            if value is None:
                raise wrong('"realm" value is invalid\n', text)
            realm = value
        elif word == "encap":
            encap = parse_encap(words)
        elif word == "as":
            raise NotModelled(word, "ip route nexthop")
        else:
            words.back()
            break
    return family, NextHop(ifindex, via, onlink=onlink, weight=weight, realm=realm, encap=encap)


def _weight(text: str) -> int:
    weight = number(text)
    if not weight or weight > _MAX_WEIGHT:
        raise wrong('"weight" is invalid\n', text)
    return weight
