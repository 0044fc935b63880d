"""What 10 000 Services with 30 000 endpoints cost: to render them, to bring a node up to date, and to store them.

Run with ``-m benchmark -n 0 -s``. Budgets: 2 s to render them all; a change of one endpoint costs a fifth of that at most.
"""

import gc
import time
from collections.abc import Callable
from random import Random

import pytest

from podwire.kube.endpoint_controller import EndpointController
from podwire.kube.store import Store
from podwire.kubeproxy import FixedObjects
from tests.kubeproxy.node import KubeNode
from tests.kubeproxy.samples import endpoints, service
from tests.kubeproxy.test_sync import Proxy

pytestmark = pytest.mark.benchmark
MANY = 10_000


def timed(what: str, work: Callable[[], object], most: float = 0) -> float:
    """Seconds of this processor; printed."""
    gc.collect()
    begin = time.process_time()
    work()
    seconds = time.process_time() - begin
    print(f"{what}: {seconds:.3f} s")
    assert not most or seconds < most, what
    return seconds


def cluster(count: int) -> FixedObjects:
    """Services with three endpoints each."""
    return FixedObjects(
        [service(f"s{n}", ip=f"10.{100 + n // 60000}.{n // 250}.{n % 250 + 1}") for n in range(count)],
        [endpoints(f"s{n}", [f"10.{40 + i}.{n // 250}.{n % 250 + 1}@node2" for i in range(3)]) for n in range(count)],
    )


def another(source: FixedObjects) -> None:
    """One of the endpoints is another one."""
    source.all_slices = [*source.all_slices[:7], endpoints("s7", ["10.32.0.8@node2"]), *source.all_slices[8:]]


def test_rendering():
    source, proxy = cluster(MANY), Proxy()
    whole = timed("render 10 000 Services", lambda: proxy.sync(source.all_services, source.all_slices, full=True), 2)
    another(source)
    part = timed("one endpoint is another", lambda: proxy.sync(source.all_services, source.all_slices))
    assert part < whole / 5
    timed("nothing is new", lambda: proxy.sync(source.all_services, source.all_slices))


def test_a_node():
    source = FixedObjects()
    node = KubeNode(source)
    full = cluster(MANY)
    source.all_services, source.all_slices = full.all_services, full.all_slices
    timed("a node gets 10 000 Services", node.sync)
    another(source)
    timed("a node gets one endpoint more", node.sync)
    timed("a node gets nothing new", node.sync)


def stored(count: int) -> float:
    """Microseconds a Service, with its EndpointSlice and its Endpoints."""
    streams: dict[str, Random] = {}
    store = Store(lambda: 0, lambda *key: streams.setdefault(str(key), Random(str(key))))
    store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    controller = EndpointController(store)

    def work() -> None:
        for number in range(count):
            store.apply(
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": f"s{number}"},
                    "spec": {"ports": [{"port": 80}], "selector": {"app": f"a{number}"}},
                }
            )
            controller.run()

    each = timed(f"store {count} Services, one by one", work) / count * 1e6
    print(f"  {each:.0f} µs each")
    return each


def test_the_store_is_not_slower_when_it_holds_more():
    few = stored(500)
    assert stored(MANY) < 2 * few
