"""``Netlink.route_get``: what an agent learns of the way to an address."""

import pytest

from podwire.linux.rtnl.routeget import FoundRoute
from podwire.wire.addr import Ip4
from tests.linux.lab import Lab


@pytest.fixture
def lab():
    lab = Lab()
    lab.machine("host")
    lab.device("host:d0", "dummy")
    lab.addr("host:d0", "10.0.0.1/24")
    lab.route("host", "192.0.2.0/24 via 10.0.0.9")
    lab.route("host", "198.51.100.0/24 dev d0 src 10.0.0.1")
    lab.route("host", "blackhole 203.0.113.0/24")
    return lab


@pytest.mark.parametrize(
    ("dst", "found"),
    [
        ("10.0.0.7", FoundRoute("d0", None, Ip4.parse("10.0.0.1"))),
        ("192.0.2.7", FoundRoute("d0", Ip4.parse("10.0.0.9"), Ip4.parse("10.0.0.1"))),
        ("198.51.100.7", FoundRoute("d0", None, Ip4.parse("10.0.0.1"))),
        ("10.0.0.1", FoundRoute("lo", None, Ip4.parse("10.0.0.1"), "d0")),
        ("203.0.113.7", None),
        ("8.8.8.8", None),
    ],
)
def test_route_get(lab, dst, found):
    assert lab.door("host").route_get(Ip4.parse(dst)) == found


def test_route_get_uses_no_route(lab):
    netns = lab["host"]
    lab.door("host").route_get(Ip4.parse("192.0.2.7"))
    assert not netns.output_routes
