"""``ip address add``, ``change``, ``replace`` and ``del`` (ipaddr_modify)."""

from __future__ import annotations

from errno import EOPNOTSUPP

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.link import FOREVER, SCOPE_HOST, SCOPE_UNIVERSE
from podwire.tools.ip.context import Context
from podwire.tools.ip.grammar import (
    Fail,
    Prefix,
    Words,
    address,
    garbage,
    matches,
    no_device,
    number,
    prefix,
    twice,
    usage,
    wrong,
)
from podwire.tools.ip.names import scope_number
from podwire.wire.addr import AF_INET, AF_INET6, Ip, Ip4, prefix_mask

_READ_ONLY = frozenset(
    {"secondary", "temporary", "dadfailed", "deprecated", "tentative", "permanent", "stable-privacy"}
)
_V6_ONLY = frozenset({"nodad", "optimistic", "home", "mngtmpaddr"})
_LABEL_SIZE = 16


class _Request(msgspec.Struct):
    family: int
    local: Prefix | None = None
    local_text: str = ""
    peer: Prefix | None = None
    broadcast: Ip | None = None
    broadcast_sign: str = ""
    scope: int | None = None
    dev: str | None = None
    label: str = ""
    metric: int = 0
    valid: int | None = None
    preferred: int | None = None
    noprefixroute: bool = False


def _parse(ctx: Context, words: Words) -> _Request:  # noqa: C901 - one branch per keyword
    req = _Request(ctx.family)
    while words:
        word = words.take()
        if word in {"peer", "remote"}:
            text = words.value()
            if req.peer is not None and req.peer.addr is not None:
                raise twice("peer", text)
            req.peer = prefix(text, req.family)
            req.family = req.family or req.peer.family
        elif matches(word, "broadcast") or word == "brd":
            _parse_broadcast(req, words.value())
        elif word == "anycast":
            raise NotModelled("ip address anycast", "ip")
        elif word == "scope":
            text = words.value()
            req.scope = scope_number(text)
            if req.scope is None:
                raise wrong("invalid scope value.", text)
        elif word == "dev":
            req.dev = words.value()
        elif word == "label":
            req.label = words.value()
        elif matches(word, "metric", "priority", "preference"):
            text = words.value()
            metric = number(text)
            if metric is None:
                raise wrong('"metric" value is invalid\n', text)
            req.metric = metric
        elif matches(word, "valid_lft"):
            if req.valid is not None:
                raise twice("valid_lft", word)
            req.valid = _lifetime(words.value(), "valid_lft value")
        elif matches(word, "preferred_lft"):
            if req.preferred is not None:
                raise twice("preferred_lft", word)
            req.preferred = _lifetime(words.value(), "preferred_lft value")
        elif not _parse_flag(ctx, req, word):
            _parse_local(req, word, words)
    return req


def _parse_broadcast(req: _Request, text: str) -> None:
    if req.broadcast is not None or req.broadcast_sign:
        raise twice("broadcast", text)
    if text in {"+", "-"}:
        req.broadcast_sign = text
        return
    found = address(text, req.family)
    req.family = req.family or found.family
    req.broadcast = found.addr


def _lifetime(text: str, complaint: str) -> int:
    value = FOREVER if text == "forever" else number(text)
    if value is None:
        raise wrong(complaint, text)
    return value


def _parse_flag(ctx: Context, req: _Request, word: str) -> bool:
    if word in _READ_ONLY:
        ctx.proc.error(f"Warning: {word} option is not mutable from userspace\n")
    elif word in _V6_ONLY:
        if req.family == AF_INET6:
            raise NotModelled(f"ip address {word}", "ip")
        ctx.proc.error(f"Warning: {word} option can be set only for IPv6 addresses\n")
    elif word == "autojoin":
        raise NotModelled("ip address autojoin", "ip")
    elif word == "noprefixroute":
        req.noprefixroute = True
    else:
        return False
    return True


def _parse_local(req: _Request, word: str, words: Words) -> None:
    if word == "local":
        word = words.value()
    if matches(word, "help"):
        raise usage("ip address")
    if req.local is not None and req.local.addr is not None:
        raise garbage("local", word)
    req.local_text = word
    req.local = prefix(word, req.family)
    req.family = req.family or req.local.family


def _make_broadcast(req: _Request) -> Ip | None:
    """``brd +`` sets the host bits of the peer's (or own) address, ``brd -`` clears them; nothing for a /31 or /32."""
    if not req.broadcast_sign:
        return req.broadcast
    if req.family != AF_INET:
        raise Fail(1, "Broadcast can be set only for IPv4 addresses\n")
    base = req.peer or req.local
    if base is None or base.addr is None or base.plen > 30:
        return None
    mask = prefix_mask(32, base.plen)
    return Ip4(int(base.addr) | (~mask & 0xFFFFFFFF) if req.broadcast_sign == "+" else int(base.addr) & mask)


def _own(prefix_: Prefix | None) -> Ip | None:
    """The address; ``default`` of a known family is 0.0.0.0, ``any`` is none at all."""
    if prefix_ is None:
        return None
    return Ip4(0) if prefix_.addr is None and prefix_.given and prefix_.family == AF_INET else prefix_.addr


def add(ctx: Context, words: Words, *, create: bool, exclusive: bool) -> int:
    """``ip address add`` (create, exclusive), ``replace`` (create), ``change`` (neither, which creates all the same)."""
    req = _parse(ctx, words)
    if req.dev is None:
        raise Fail(1, 'Not enough information: "dev" argument is required.\n')
    broadcast = _make_broadcast(req)
    link = ctx.device(req.dev)
    if link is None:
        raise no_device(req.dev)
    if req.valid is not None or req.preferred is not None:
        if req.valid == 0:
            raise Fail(1, "valid_lft is zero\n")
        if (FOREVER if req.valid is None else req.valid) < (FOREVER if req.preferred is None else req.preferred):
            raise Fail(1, "preferred_lft is greater than valid_lft\n")
    local, peer = _own(req.local), _own(req.peer)
    scope = req.scope
    if scope is None:
        scope = SCOPE_HOST if local is not None and local.family == AF_INET and local.is_loopback else SCOPE_UNIVERSE
    with ctx.talk():
        _check(req, local)
        assert local is not None  # noqa: S101 - _check saw to it
        ctx.door.addr_add(
            link,
            local,
            _plen(req),
            peer=peer,
            broadcast=broadcast,
            scope=scope,
            label=req.label,
            metric=req.metric,
            noprefixroute=req.noprefixroute,
            valid_lft=FOREVER if req.valid is None else req.valid,
            preferred_lft=FOREVER if req.preferred is None else req.preferred,
            create=create,
            exclusive=exclusive,
        )
    return 0


def _check(req: _Request, local: Ip | None) -> None:
    """What the kernel refuses before it looks at the device."""
    if not req.family:
        raise NetlinkError(EOPNOTSUPP)
    if len(req.label) >= _LABEL_SIZE:
        raise NetlinkError(34, "Attribute failed policy validation")
    if local is None and req.local is not None:
        raise NetlinkError(34, "Attribute failed policy validation")
    if local is None:
        raise NetlinkError(22, "ipv4: Local address is not supplied")


def _plen(req: _Request) -> int:
    plen = req.peer.plen if req.peer is not None else 0
    return plen or (req.local.plen if req.local is not None else 0)


def delete(ctx: Context, words: Words) -> int:
    """``ip address del``: without a length, whatever length the address has."""
    req = _parse(ctx, words)
    if req.dev is None:
        raise Fail(1, 'Not enough information: "dev" argument is required.\n')
    local, peer = _own(req.local), _own(req.peer)
    plen: int | None = _plen(req)
    if req.peer is None and req.local is not None and local is not None:
        if local.family == AF_INET and not req.local.given:
            ctx.proc.error(
                "Warning: Executing wildcard deletion to stay compatible with old scripts.\n"
                f"         Explicitly specify the prefix length ({req.local_text}/32) to avoid this warning.\n"
                "         This special behaviour is likely to disappear in further releases,\n"
                "         fix your scripts!\n"
            )
            plen = None
        peer = local
    link = ctx.device(req.dev)
    if link is None:
        raise no_device(req.dev)
    with ctx.talk():
        if not req.family:
            raise NetlinkError(EOPNOTSUPP)
        ctx.door.addr_del(link, local, plen, peer=peer, label=req.label)
    return 0
