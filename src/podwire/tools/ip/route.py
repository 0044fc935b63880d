"""``ip route``: the verbs (do_iproute)."""

from __future__ import annotations

from podwire.errors import NotModelled
from podwire.tools.ip.context import Context
from podwire.tools.ip.grammar import Fail, Words, matches, usage
from podwire.tools.ip.routechange import change, delete
from podwire.tools.ip.routeget import get
from podwire.tools.ip.routelist import flush, show


def do_route(ctx: Context, words: Words) -> int:
    """``ip route`` and its verbs."""
    if not words:
        return show(ctx, words)
    verb = words.take()
    if matches(verb, "add"):
        return change(ctx, words, create=True, exclusive=True)
    if matches(verb, "change") or verb == "chg":
        return change(ctx, words, replace=True)
    if matches(verb, "replace"):
        return change(ctx, words, create=True, replace=True)
    if matches(verb, "prepend"):
        return change(ctx, words, create=True)
    if matches(verb, "append"):
        return change(ctx, words, create=True, append=True)
    if matches(verb, "test"):
        return change(ctx, words, exclusive=True)
    if matches(verb, "delete"):
        return delete(ctx, words)
    if matches(verb, "list", "show", "lst"):
        return show(ctx, words)
    if matches(verb, "get"):
        return get(ctx, words)
    if matches(verb, "flush"):
        return flush(ctx, words)
    if matches(verb, "save", "restore", "showdump"):
        raise NotModelled(f"ip route {verb}", "ip")
    if matches(verb, "help"):
        raise usage("ip route")
    raise Fail(255, f'Command "{verb}" is unknown, try "ip route help".\n')
