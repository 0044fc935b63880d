"""Figures, not verdicts: each benchmark prints what it measured beside the budget. Run with ``-m benchmark -n 0 -s``.

Budgets: a traced round trip on one node under 60 µs; ``import podwire`` under 100 ms more than a bare interpreter.
"""

import gc
import statistics
import subprocess
import sys
import time

import pytest

from podwire import GKE, Cluster
from podwire.linux.socket import RawSocket
from podwire.wire.headers import ICMP_ECHO, IPPROTO_ICMP, Icmp

pytestmark = pytest.mark.benchmark
ROUNDS = 2000


def _start_up(code: str) -> float:
    """Median wall time of a fresh interpreter, in ms."""
    times = []
    for _ in range(9):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000


def test_start_up():
    bare = _start_up("pass")
    package = _start_up("import podwire")
    names = _start_up("from podwire import Cluster, GKE, Trace")
    print(
        f"\nbare interpreter {bare:.1f} ms, import podwire {package - bare:+.1f} ms, with Cluster and Trace {names - bare:+.1f} ms"
    )
    assert package > 0


def _round_trip(source: str, target: str, *, traced: bool) -> float:
    """Median cost of an echo and its reply in µs, neighbours resolved."""
    lab = Cluster(GKE(dataplane="calico"), nodes=2)
    pods = {"a": lab.run("a", node="node1"), "b": lab.run("b", node="node1"), "c": lab.run("c", node="node2")}
    socket = RawSocket(pods[source].place.netns, IPPROTO_ICMP, lambda: None)
    address = pods[target].ip
    assert address is not None

    def once(number: int) -> None:
        socket.send(address, Icmp(ICMP_ECHO, 0, 7 << 16 | number & 0xFFFF), bytes(56))
        lab.network.run_until(lambda: bool(socket.inbox))
        socket.inbox.clear()

    once(0)
    records: list[object] = []
    if traced:
        lab.network.log.attach(records.append)
    costs = []
    gc.collect()
    gc.disable()
    for block in range(5):
        begin = time.perf_counter()
        for number in range(ROUNDS // 5):
            once(number)
        costs.append((time.perf_counter() - begin) / (ROUNDS // 5))
        del block
    gc.enable()
    assert not traced or len(records) >= ROUNDS * 20
    return statistics.median(costs) * 1e6


@pytest.mark.parametrize("traced", [False, True], ids=["untraced", "traced"])
@pytest.mark.parametrize(("source", "target", "where"), [("a", "b", "same node"), ("a", "c", "two nodes")])
def test_round_trip(source, target, where, traced):
    cost = _round_trip(source, target, traced=traced)
    print(f"\nround trip, {where}, {'traced' if traced else 'untraced'}: {cost:.1f} us")
    assert cost > 0


def test_nodes_and_pods():
    begin = time.perf_counter()
    lab = Cluster(GKE(dataplane="calico", node_range="10.0.0.0/16"), nodes=50)
    nodes = time.perf_counter() - begin
    begin = time.perf_counter()
    for number in range(500):
        lab.run(f"p{number}", node=f"node{number % 50 + 1}")
    pods = time.perf_counter() - begin
    print(f"\na node {nodes / 50 * 1e3:.2f} ms, a pod {pods / 500 * 1e3:.2f} ms")
    assert len(lab.pods) == 500
