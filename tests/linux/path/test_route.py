"""Lookups where rules, scopes and two tables at once decide."""

from __future__ import annotations

import pytest

from podwire.linux.errors import NetlinkError
from podwire.linux.fib import NextHop, Route
from podwire.linux.link import SCOPE_LINK
from podwire.linux.path.route import ip_route_output
from podwire.linux.path.routein import ip_route_input
from podwire.linux.rule import FibRule
from podwire.wire.addr import Ip4, Net
from tests.linux.lab import calico_same_node, pair


def test_source_validation_asks_as_a_packet_that_came_in_by_the_outgoing_device() -> None:
    """``fl4.flowi4_iif = oif`` in __fib_validate_source: a rule for packets from eth0 counts for the way back of what leaves by eth0."""
    lab = calico_same_node()
    lab.sysctl("node", "conf/cali111/rp_filter", 1)
    lab.route_del("node", "192.168.1.11/32")
    node, cali = lab["node"], lab.link("node:cali111")
    target, pod1 = Ip4.parse("10.0.0.1"), Ip4.parse("192.168.1.11")
    assert ip_route_input(node, target, pod1, cali).kind == "drop"
    lab.door("node").rule_add(FibRule(100, table=100, iif="eth0"))
    lab.door("node").route_add(
        Route(Net.parse("192.168.1.11/32"), scope=SCOPE_LINK, table=100, nexthops=(NextHop(cali.ifindex),))
    )
    assert ip_route_input(node, target, pod1, cali).kind == "forward"


def test_a_gateway_has_to_be_on_link() -> None:
    lab = pair()
    lab.route("a", "10.5.0.0/16 via 10.0.0.2")
    with pytest.raises(NetlinkError, match="invalid gateway"):
        lab.route("a", "10.6.0.0/16 via 10.5.0.1")


def test_a_longer_prefix_of_main_wins_over_a_local_one_until_there_is_a_rule() -> None:
    lab = pair()
    lab.addr("a:lo", "10.7.0.1/16")
    lab.route("a", "10.7.9.0/24 via 10.0.0.2")
    target = Ip4.parse("10.7.9.9")
    assert ip_route_output(lab["a"], target).type == "unicast"
    lab.door("a").rule_add(FibRule(100, table=100))
    assert ip_route_output(lab["a"], target).type == "local"
