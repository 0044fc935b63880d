"""Properties of the packet path over random topologies and random packets (tests/properties/plans.py)."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from podwire.linux.link import Link, Stats
from podwire.linux.netns import Netns
from podwire.linux.path.route import Dst, _ip_route_output
from podwire.linux.path.routein import _route_input
from podwire.trace.events import Routed
from podwire.trace.invariants import check_invariants
from podwire.wire.addr import Ip4
from tests.properties.plans import PLANS, Built, Plan

_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


def _property(check: Callable[[Plan], None], few: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The test for every run, and its long twin for ``-m slow``."""
    quick = settings(max_examples=few, suppress_health_check=_QUIET)(given(PLANS)(check))

    def again(plan: Plan) -> None:
        check(plan)

    long = settings(max_examples=50 * few, suppress_health_check=_QUIET)(given(PLANS)(again))
    return quick, pytest.mark.slow(long)


# -- every packet has one fate -----------------------------------------------------------------------------------------


def _one_fate(plan: Plan) -> None:
    built = Built(plan)
    built.run()
    assert check_invariants(built.records, finished=True) == []


test_every_packet_ends_once_and_no_ttl_rises, test_every_packet_ends_once_and_no_ttl_rises_long = _property(
    _one_fate, 250
)


# -- same seed, same events ----------------------------------------------------------------------------------------------


def _same(plan: Plan) -> None:
    first, second = Built(plan), Built(plan)
    first.run()
    second.run()
    assert first.records == second.records


test_same_seed_same_events, test_same_seed_same_events_long = _property(_same, 80)


# -- events are values -----------------------------------------------------------------------------------------------------

_ATOMS = (Enum, str, bytes, int, float, type(None))


def _walk(value: object, where: str) -> None:
    """Structs that are frozen, tuples and atoms; nothing that leads back to a kernel."""
    if isinstance(value, _ATOMS):
        return
    if isinstance(value, tuple):
        for index, each in enumerate(value):
            _walk(each, f"{where}[{index}]")
        return
    assert isinstance(value, msgspec.Struct), f"{where} is a {type(value).__name__}"
    assert value.__struct_config__.frozen, f"{where} can be changed"
    for field in value.__struct_fields__:
        _walk(getattr(value, field), f"{where}.{field}")


def _values(plan: Plan) -> None:
    built = Built(plan)
    built.run()
    for record in built.records:
        _walk(record, type(record.event).__name__)
        hash(record.event)


test_events_are_values, test_events_are_values_long = _property(_values, 80)


# -- what is remembered is what a lookup would find -------------------------------------------------------------------------


def _fields(dst: Dst) -> dict[str, object]:
    return {name: getattr(dst, name) for name in Dst.__slots__ if name not in {"neighbour", "routed"}}


def _neighbour_is_fresh(netns: Netns, dst: Dst) -> bool:
    """What a route remembers is in the table, or known to have left it."""
    entry = dst.neighbour
    return (
        entry is None or entry.dead or (entry.link is dst.link and netns.neighbours.get(entry.ip, entry.link) is entry)
    )


def _remembered(plan: Plan) -> None:
    built = Built(plan)
    built.run()
    for netns in built.spaces:
        for key, cached in list(netns.output_routes.items()):
            output_key: Any = key
            daddr, saddr, oif, mark, tos, any_src, onlink, ports = output_key
            fresh = _ip_route_output(
                netns,
                daddr,
                saddr,
                oif,
                mark,
                tos,
                any_src=any_src,
                onlink=onlink,
                ports=ports,
            )
            assert _fields(fresh) == _fields(cached)
            told = cached.routed
            assert told is None or (told.by, told.rule) == (fresh.by, fresh.rule)
            assert _neighbour_is_fresh(netns, cached)
        for key, cached in list(netns.input_routes.items()):
            input_key: Any = key
            daddr, saddr, link, mark, tos, ports = input_key if len(input_key) == 6 else (*input_key, 0, 0, None)
            fresh = _route_input(netns, Ip4(daddr), Ip4(saddr), link, mark, tos, ports, arp=False)
            assert _fields(fresh) == _fields(cached)
            assert cached.routed == Routed(daddr, saddr, fresh.by, link.name, fresh.rule)
            assert _neighbour_is_fresh(netns, cached)


test_remembered_routes_equal_a_fresh_lookup, test_remembered_routes_equal_a_fresh_lookup_long = _property(
    _remembered, 80
)


# -- somebody listening changes nothing ---------------------------------------------------------------------------------------


def _counters(link: Link) -> dict[str, int]:
    return {name: getattr(link.stats, name) for name in Stats.__slots__}


def _unheard(plan: Plan) -> None:
    """With nobody listening the same things happen: counters, neighbours and what is left in the caches."""
    heard, unheard = Built(plan), Built(plan)
    unheard.network.log.detach(unheard.records.append)
    assert not unheard.network.log.on
    heard.run()
    unheard.run()
    for one, other in zip(heard.spaces, unheard.spaces, strict=True):
        assert [_counters(link) for link in one.links()] == [_counters(link) for link in other.links()]
        assert [(e.ip, e.link.name, e.state, e.mac) for e in one.neighbours] == [
            (e.ip, e.link.name, e.state, e.mac) for e in other.neighbours
        ]


test_nobody_listening_changes_nothing, test_nobody_listening_changes_nothing_long = _property(_unheard, 80)
