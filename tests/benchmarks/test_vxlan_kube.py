"""The same with what a node of Kubernetes has: connection tracking inside and outside of the tunnel, and kube-proxy's chains on both nodes.

Run with ``-m benchmark -n 0 -s``; the budget is 60 µs, traced.
"""

import gc
import itertools
import statistics
import time

import pytest

from podwire.linux.netlink import Netlink
from podwire.linux.socket import RawSocket
from podwire.trace.log import Record
from podwire.wire.addr import Ip4
from podwire.wire.headers import ICMP_ECHO, IPPROTO_ICMP, Icmp
from tests.linux.facts.test_f080_f099_vxlan import POD2, overlay
from tests.oracle.rules import kube

pytestmark = pytest.mark.benchmark
ROUNDS = 2000
BLOCKS = 5
WARM = 1000
"""Rounds before: the interpreter has seen the code, the flow is remembered."""
SERVICES = 100


def services(count: int) -> list[kube.Service]:
    """That many, with three endpoints each."""
    return [
        kube.Service(
            f"default/service{number}:http",
            "tcp",
            f"10.96.{number >> 8}.{number & 255}",
            80,
            tuple(f"192.168.{2 + (number * 3 + leg >> 8)}.{number * 3 + leg & 255}:8080" for leg in range(3)),
        )
        for number in range(count)
    ]


def cost_of_round_trip(*, new: bool) -> tuple[float, int, int]:
    """Median cost in µs, traced, of an echo and its reply; events per round trip, connections of a node in the end.

    ``new``: each is a connection of its own.
    """
    lab = overlay()
    lab.network.log.detach(lab._record)
    text = kube.filter_table(services(SERVICES)) + kube.nat_table(services(SERVICES))
    for node in ("node1", "node2"):
        Netlink(lab[node]).iptables_restore(text)
    socket = RawSocket(lab["pod1"], IPPROTO_ICMP, lambda: None)
    address = Ip4.parse(POD2)
    numbers = itertools.count(1)

    def once() -> None:
        number = next(numbers)
        ident = number if new else 7
        socket.send(address, Icmp(ICMP_ECHO, 0, (ident & 0xFFFF) << 16 | number & 0xFFFF), bytes(56))
        lab.network.run_until(lambda: bool(socket.inbox))
        socket.inbox.clear()

    records: list[Record] = []
    lab.network.log.attach(records.append)
    for _ in range(WARM):
        once()
        records.clear()
    costs: list[float] = []
    events = 0
    gc.collect()
    gc.disable()
    for _ in range(BLOCKS):
        begin = time.perf_counter()
        for _ in range(ROUNDS // BLOCKS):
            once()
            events += len(records)
            records.clear()
        costs.append((time.perf_counter() - begin) / (ROUNDS // BLOCKS))
    gc.enable()
    return statistics.median(costs) * 1e6, events // ROUNDS, Netlink(lab["node1"]).conntrack_count()


@pytest.mark.parametrize("new", [False, True], ids=["established", "new"])
def test_round_trip_over_vxlan_with_kube_proxy(*, new: bool) -> None:
    cost, events, connections = cost_of_round_trip(new=new)
    print(
        f"\nround trip over VXLAN with kube-proxy, {'new' if new else 'established'} flow, traced: {cost:.1f} us, {events} events"
    )
    assert events > 40
    assert connections > (ROUNDS if new else 2)
