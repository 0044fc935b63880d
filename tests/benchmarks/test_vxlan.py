"""What a round trip through Calico's VXLAN costs: a figure beside the budget of 60 µs, traced. Run with ``-m benchmark -n 0 -s``."""

import gc
import statistics
import time

import pytest

from podwire.linux.socket import RawSocket
from podwire.trace.log import Record
from podwire.wire.addr import Ip4
from podwire.wire.headers import ICMP_ECHO, IPPROTO_ICMP, Icmp
from tests.linux.facts.test_f080_f099_vxlan import POD2, overlay

pytestmark = pytest.mark.benchmark
ROUNDS = 2000
BLOCKS = 5
EVENTS = 40
"""At least so many of them has a round trip."""


def cost_of_round_trip(*, traced: bool) -> tuple[float, int]:
    """Median cost in µs of an echo and its reply between pods of two nodes, neighbours resolved; events per round trip."""
    lab = overlay()
    lab.network.log.detach(lab._record)
    socket = RawSocket(lab["pod1"], IPPROTO_ICMP, lambda: None)
    address = Ip4.parse(POD2)

    def once(number: int) -> None:
        socket.send(address, Icmp(ICMP_ECHO, 0, 7 << 16 | number & 0xFFFF), bytes(56))
        lab.network.run_until(lambda: bool(socket.inbox))
        socket.inbox.clear()

    once(0)
    records: list[Record] = []
    if traced:
        lab.network.log.attach(records.append)
    costs: list[float] = []
    events = 0
    gc.collect()
    gc.disable()
    for _ in range(BLOCKS):
        begin = time.perf_counter()
        for number in range(ROUNDS // BLOCKS):
            once(number)
            # A trace keeps the records of its own packets; what nobody keeps goes, and that costs time, too.
            events += len(records)
            records.clear()
        costs.append((time.perf_counter() - begin) / (ROUNDS // BLOCKS))
    gc.enable()
    return statistics.median(costs) * 1e6, events // ROUNDS


@pytest.mark.parametrize("traced", [False, True], ids=["untraced", "traced"])
def test_round_trip_over_vxlan(*, traced: bool) -> None:
    cost, events = cost_of_round_trip(traced=traced)
    print(f"\nround trip over VXLAN, {'traced' if traced else 'untraced'}: {cost:.1f} us, {events} events")
    assert not traced or events >= EVENTS
