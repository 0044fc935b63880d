"""Which paths are told, taken and preferred (RFC 4271 section 9, RFC 4456)."""

import pytest

from podwire.cni.bgp import Learned, Neighbour, Path, accepted, best, since, told
from podwire.fabric.clock import EPOCH
from podwire.wire.addr import Ip, Net

NET = Net.parse("10.0.0.0/24")
ME = Ip.parse("192.168.0.1")


def ip(number):
    return Ip.parse(f"192.168.0.{number}")


def to(number, *, remote_as=64512, **more):
    return Neighbour(
        name=f"n{number}", kind="global", local=ME, asn=64512, remote=ip(number), remote_as=remote_as, **more
    )


def came(neighbour, **more):
    return Learned(neighbour, Path(NET, more.pop("next_hop", neighbour.remote), **more), neighbour.remote)


@pytest.mark.parametrize(
    ("source", "target", "passes"),
    [
        ({}, {}, False),
        ({"rr_client": True}, {}, True),
        ({}, {"rr_client": True}, True),
        ({"remote_as": 64513}, {}, True),
        ({}, {"remote_as": 64513}, True),
    ],
)
def test_who_hears_what_another_has_said(source, target, passes):
    found = told(to(3, **target), ME, (), [came(to(2, **source))])
    assert bool(found) is passes


def test_nobody_hears_what_he_has_said_himself():
    client = to(2, rr_client=True)
    assert told(client, ME, (), [came(client)]) == []


def test_a_reflected_path_keeps_its_next_hop_and_says_who_began_it():
    cluster = Ip.parse("1.0.0.1")
    (path,) = told(to(3, rr_client=True, cluster=cluster), ME, (), [came(to(2, rr_client=True, cluster=cluster))])
    assert (path.next_hop, path.originator, path.clusters) == (ip(2), ip(2), (cluster,))


def test_across_the_border_the_path_grows_and_the_next_hop_is_ours():
    outside = to(3, remote_as=64513)
    (path,) = told(outside, ME, (), [came(to(2), local_pref=200)])
    assert path == Path(NET, ME, (64512,))
    (kept,) = told(to(3, remote_as=64513, keep_next_hop=True), ME, (), [came(to(2))])
    assert kept.next_hop == ip(2)


@pytest.mark.parametrize(
    ("neighbour", "path", "taken"),
    [
        (to(2), Path(NET, ip(2)), True),
        (to(2), Path(NET, ip(2), originator=ME), False),
        (to(2), Path(NET, ME), False),
        (to(2, cluster=ip(9)), Path(NET, ip(2), clusters=(ip(9),)), False),
        (to(2, remote_as=1), Path(NET, ip(2), (1, 64512)), False),
        (to(2, remote_as=1), Path(NET, ip(2), (1, 2)), True),
    ],
)
def test_loops_are_not_taken(neighbour, path, taken):
    assert accepted(neighbour, ME, path) is taken


def test_the_best_path_and_those_as_good():
    outside = to(5, remote_as=64513)
    ways = [came(to(4)), came(to(2)), came(to(3), as_path=(1,)), came(to(6), local_pref=50)]
    assert [each.neighbour.remote for each in best(ways)[NET]] == [ip(2), ip(4)]
    assert [each.neighbour for each in best([*ways, came(outside)])[NET]] == [outside]
    assert best([came(to(3), local_pref=101), *ways])[NET][0].neighbour.remote == ip(3)
    assert best([came(to(3), med=1), *ways[:1]])[NET][0].neighbour.remote == ip(4)


def test_times_of_the_last_twenty_hours_have_no_day():
    hour = 3600 * 1_000_000_000
    assert since(EPOCH + hour, EPOCH + 20 * hour) == "01:00:00"
    assert since(EPOCH + hour, EPOCH + 21 * hour) == "2024-01-01"
