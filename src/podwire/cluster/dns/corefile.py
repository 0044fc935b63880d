"""The Corefile: server blocks and the plugins in them, as far as podwire has them (coredns.io/manual, CoreDNS 1.11)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from podwire.errors import NotModelled, PodwireError
from podwire.wire import dns
from podwire.wire.addr import Ip, Net

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]+')
_PAGES: Final[Mapping[str, tuple[str, int]]] = MappingProxyType(
    {"health": ("", 8080), "ready": ("", 8181), "prometheus": ("127.0.0.1", 9153)}
)
"""Plugins that answer by HTTP, and where they do unless the Corefile says so."""
_KNOWN: Final = frozenset(
    "acl any autopath azure bind bufsize cache cancel chaos clouddns debug dns64 dnssec dnstap erratic errors etcd file"
    " forward geoip grpc header health hosts k8s_external kubernetes loadbalance local log loop metadata minimal nsid"
    " pprof prometheus ready reload rewrite root route53 secondary sign template timeouts tls trace transfer tsig view"
    " whoami auto".split()
)
"""Every plugin that CoreDNS is built with."""


class CorefileError(PodwireError):
    """A Corefile with which CoreDNS does not start: its own words."""


class Directive(msgspec.Struct, frozen=True):
    """A plugin as it is written: name, arguments, and the lines of its block."""

    name: str
    args: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...] = ()


class Kubernetes(msgspec.Struct, frozen=True):
    """``kubernetes``: ``pods`` is disabled, insecure or verified; ``through`` are the zones of ``fallthrough``, None without it."""

    zones: tuple[str, ...]
    pods: str = "disabled"
    ttl: int = 5
    through: tuple[str, ...] | None = None
    namespaces: tuple[str, ...] = ()
    endpoint_pod_names: bool = False


class Cache(msgspec.Struct, frozen=True):
    """``cache``: the longest time (s) for answers and for denials, and the zones for which either is switched off."""

    zones: tuple[str, ...]
    success: int = 3600
    denial: int = 1800
    no_success: tuple[str, ...] = ()
    no_denial: tuple[str, ...] = ()


class Forward(msgspec.Struct, frozen=True):
    """``forward``: ``to`` are addresses with ports, or files such as /etc/resolv.conf."""

    zone: str
    to: tuple[str, ...]
    ignored: tuple[str, ...] = ()
    policy: str = "random"
    tcp: bool = False


class Hosts(msgspec.Struct, frozen=True):
    """``hosts`` with entries of its own: (address, names)."""

    entries: tuple[tuple[Ip, tuple[str, ...]], ...]
    ttl: int = 3600
    through: tuple[str, ...] | None = None


class Listen(msgspec.Struct, frozen=True):
    """Where a plugin answers by HTTP; ``address`` None is every address."""

    plugin: str
    address: Ip | None
    port: int


class Block(msgspec.Struct, frozen=True):
    """A server block: zones with ports, and its plugins."""

    zones: tuple[tuple[str, int], ...]
    kubernetes: Kubernetes | None = None
    cache: Cache | None = None
    forwards: tuple[Forward, ...] = ()
    hosts: Hosts | None = None
    loadbalance: bool = False
    log: bool = False
    errors: bool = False
    reload: bool = False
    pages: tuple[Listen, ...] = ()


def parse(text: str) -> tuple[Block, ...]:
    """The server blocks. Raises ``CorefileError`` as CoreDNS refuses it, ``NotModelled`` for a plugin or option that podwire lacks."""
    blocks = tuple(_block(keys, directives) for keys, directives in _blocks(text))
    seen: set[tuple[str, int]] = set()
    for zone, port in (zone for block in blocks for zone in block.zones):
        if (zone, port) in seen:
            raise CorefileError(f"cannot serve dns://{zone}:{port} - it is already defined")
        seen.add((zone, port))
    return blocks


# -- words --------------------------------------------------------------------------------------------------------


def _blocks(text: str) -> list[tuple[list[str], list[Directive]]]:
    """Keys and directives of every server block."""
    lines = [(number, _words(line)) for number, line in enumerate(text.splitlines(), 1)]
    queue = [(number, words) for number, words in lines if words]
    found: list[tuple[list[str], list[Directive]]] = []
    while queue:
        number, words = queue.pop(0)
        if words[-1] != "{":
            raise CorefileError(f"Corefile:{number} - Error during parsing: Unexpected token, expecting '{{'")
        keys = [word for key in words[:-1] for word in key.split(",") if word]
        if not keys or keys[0].startswith("("):
            raise NotModelled("snippets and blocks without a zone", f"Corefile:{number}")
        directives: list[Directive] = []
        while True:
            if not queue:
                raise CorefileError(f"Corefile:{number} - Error during parsing: Unexpected EOF")
            at, line = queue.pop(0)
            if line == ["}"]:
                break
            if "import" in line[:1]:
                raise NotModelled("import", f"Corefile:{at}")
            directives.append(_directive(line, queue, at))
        found.append((keys, directives))
    return found


def _words(line: str) -> list[str]:
    words: list[str] = []
    for match in _TOKEN.finditer(line):
        word = match.group()
        if word.startswith("#"):
            break
        words.append(word[1:-1] if word.startswith('"') else word)
    return words


def _directive(line: list[str], queue: list[tuple[int, list[str]]], number: int) -> Directive:
    if line[-1] != "{":
        return Directive(line[0], tuple(line[1:]))
    inner: list[tuple[str, ...]] = []
    while queue:
        _, words = queue.pop(0)
        if words == ["}"]:
            return Directive(line[0], tuple(line[1:-1]), tuple(inner))
        inner.append(tuple(words))
    raise CorefileError(f"Corefile:{number} - Error during parsing: Unexpected EOF")


def fqdn(name: str) -> str:
    """A zone as it is compared: in small letters, with a dot at its end."""
    lower = name.lower()
    return lower if lower.endswith(".") else f"{lower}."


def _zone(key: str) -> tuple[str, int]:
    """``.:53``, ``example.org``, ``dns://example.org:1053``, ``10.0.0.0/8``."""
    scheme, mark, rest = key.partition("://")
    if mark and scheme != "dns":
        raise NotModelled(f"a server for {scheme}://", "Corefile")
    name, _, port = (rest if mark else key).partition(":")
    if port and not port.isdecimal():
        raise CorefileError(f"Corefile - Error during parsing: unable to parse port {port!r}")
    return _name_of_zone(name), int(port or 53)


def _name_of_zone(name: str) -> str:
    if "/" not in name:
        return fqdn(name)
    net = Net.parse(name)
    if net.plen % 8 or net.family != 4:
        raise NotModelled(f"the reverse zone of {name}, which does not end at an octet", "Corefile")
    octets = str(net.addr).split(".")[: net.plen // 8]
    return f"{'.'.join([*reversed(octets), 'in-addr', 'arpa'])}."


# -- plugins ------------------------------------------------------------------------------------------------------


def _block(keys: list[str], directives: list[Directive]) -> Block:
    zones = tuple(_zone(key) for key in keys)
    names = tuple(zone for zone, _ in zones)
    found: dict[str, object] = {"zones": zones}
    forwards: list[Forward] = []
    pages: list[Listen] = []
    for each in directives:
        if each.name not in _KNOWN:
            raise CorefileError(f"Corefile - Error during parsing: Unknown directive '{each.name}'")
        match each.name:
            case "kubernetes":
                found["kubernetes"] = _kubernetes(each, names)
            case "cache":
                found["cache"] = _cache(each, names)
            case "forward":
                forwards.append(_forward(each))
            case "hosts":
                found["hosts"] = _hosts(each)
            case "loadbalance":
                if each.args not in {(), ("round_robin",)} or each.lines:
                    raise NotModelled(f"loadbalance {' '.join(each.args)}", "Corefile")
                found["loadbalance"] = True
            case "log":
                if each.args or each.lines:
                    raise NotModelled("log with a name, a format or a class", "Corefile")
                found["log"] = True
            case name if name in _PAGES:
                pages.append(_page(each))
            case "errors" | "reload" as name:
                if each.name == "reload" and each.args:
                    raise NotModelled("reload with times of its own", "Corefile")
                found[name] = True
            case "loop":
                # It ends a server that would ask itself, which no upstream here leads to.
                pass
            case name:
                raise NotModelled(f"the plugin {name} of CoreDNS", "Corefile")
    return msgspec.convert(
        {**found, "forwards": tuple(forwards), "pages": tuple(pages)}, Block, strict=False, from_attributes=True
    )


def _page(each: Directive) -> Listen:
    """``health [ADDRESS]`` and its like: ``:8080``, ``127.0.0.1:8080``, ``localhost:9153``."""
    if any(line[0] != "lameduck" or each.name != "health" for line in each.lines) or len(each.args) > 1:
        raise NotModelled(f"options of {each.name}", "Corefile")
    host, port = _PAGES[each.name]
    if each.args:
        host, colon, text = each.args[0].rpartition(":")
        if not colon or not text.isdecimal():
            raise CorefileError(f"plugin/{each.name}: address {each.args[0]}: missing port in address")
        port = int(text)
    try:
        return Listen(each.name, Ip.parse("127.0.0.1" if host == "localhost" else host) if host else None, port)
    except ValueError:
        raise NotModelled(f"{each.name} at the name {host}", "Corefile") from None


def _number(plugin: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise CorefileError(f"plugin/{plugin}: strconv.Atoi: parsing {text!r}: invalid syntax".replace("'", '"'))
    return int(text)


def _kubernetes(each: Directive, zones: tuple[str, ...]) -> Kubernetes:
    values: dict[str, object] = {}
    for name, *args in each.lines:
        match name:
            case "pods" if args and args[0] in {"disabled", "insecure", "verified"}:
                values["pods"] = args[0]
            case "pods":
                raise CorefileError(f"plugin/kubernetes: wrong value for pods: {' '.join(args)}")
            case "ttl" if args:
                ttl = _number("kubernetes", args[0])
                if not 0 <= ttl <= 3600:
                    raise CorefileError(f"plugin/kubernetes: ttl must be in range [0, 3600]: {ttl}")
                values["ttl"] = ttl
            case "fallthrough":
                values["through"] = tuple(_name_of_zone(arg) for arg in args) or (".",)
            case "namespaces" if args:
                values["namespaces"] = tuple(args)
            case "endpoint_pod_names":
                values["endpoint_pod_names"] = True
            case _:
                raise NotModelled(f"kubernetes' option {name}", "Corefile")
    own = tuple(_name_of_zone(arg) for arg in each.args) or zones
    return msgspec.convert({"zones": own, **values}, Kubernetes)


def _cache(each: Directive, zones: tuple[str, ...]) -> Cache:
    args = list(each.args)
    cache = Cache(zones)
    if args and args[0].isdecimal():
        ttl = int(args.pop(0))
        cache = msgspec.structs.replace(cache, success=ttl, denial=ttl)
    if args:
        cache = msgspec.structs.replace(cache, zones=tuple(_name_of_zone(arg) for arg in args))
    for name, *rest in each.lines:
        if name == "disable" and rest and rest[0] in {"success", "denial"}:
            off = tuple(_name_of_zone(arg) for arg in rest[1:]) or cache.zones
            cache = msgspec.structs.replace(cache, **{f"no_{rest[0]}": off})
        elif name in {"success", "denial"} and 0 < len(rest) < 3:
            if len(rest) > 1:
                cache = msgspec.structs.replace(cache, **{name: _number("cache", rest[1])})
        else:
            raise NotModelled(f"cache's option {' '.join((name, *rest))}", "Corefile")
    return cache


def _forward(each: Directive) -> Forward:
    if len(each.args) < 2:
        raise CorefileError("plugin/forward: Wrong argument count or unexpected line ending")
    forward = Forward(_name_of_zone(each.args[0]), each.args[1:])
    for name, *rest in each.lines:
        if name == "except" and rest:
            forward = msgspec.structs.replace(forward, ignored=tuple(_name_of_zone(arg) for arg in rest))
        elif name == "policy" and rest and rest[0] in {"random", "round_robin", "sequential"}:
            forward = msgspec.structs.replace(forward, policy=rest[0])
        elif name == "force_tcp":
            raise NotModelled("forward's option force_tcp", "Corefile")
        elif name not in {"max_concurrent", "prefer_udp"}:
            raise NotModelled(f"forward's option {name}", "Corefile")
    return forward


def _hosts(each: Directive) -> Hosts:
    if each.args:
        raise NotModelled("hosts with a file or zones (podwire knows entries in its block)", "Corefile")
    entries: list[tuple[Ip, tuple[str, ...]]] = []
    hosts = Hosts(())
    for name, *rest in each.lines:
        if name == "fallthrough":
            hosts = msgspec.structs.replace(hosts, through=tuple(_name_of_zone(arg) for arg in rest) or (".",))
        elif name == "ttl" and rest:
            hosts = msgspec.structs.replace(hosts, ttl=_number("hosts", rest[0]))
        elif name[:1].isdigit() or ":" in name:
            try:
                entries.append((Ip.parse(name), tuple(fqdn(each) for each in rest)))
            except ValueError:
                raise CorefileError(f"plugin/hosts: unknown property '{name}'") from None
        else:
            raise NotModelled(f"hosts' option {name}", "Corefile")
    return msgspec.structs.replace(hosts, entries=tuple(entries))


def within(name: str, zones: tuple[str, ...]) -> str | None:
    """The longest of these zones that a name lies in; None for none."""
    labels = dns.labels_of(name.lower())
    best: str | None = None
    for zone in zones:
        own = dns.labels_of(zone)
        if len(own) <= len(labels) and (not own or labels[-len(own) :] == own):
            best = zone if best is None or len(own) > len(dns.labels_of(best)) else best
    return best
