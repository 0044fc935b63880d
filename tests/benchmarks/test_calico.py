"""What pods cost on Calico: the plugin at once, Felix and BIRD when somebody looks. Run with ``-m benchmark -n 0 -s``."""

import time

import pytest

from podwire import Calico, Cluster

pytestmark = pytest.mark.benchmark
NODES = 20
PODS = 200
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p%d}
spec: {podSelector: {matchLabels: {app: "%d"}}, ingress: [{from: [{podSelector: {matchLabels: {app: "%d"}}}]}]}
"""


@pytest.mark.parametrize("backend", ["bird", "vxlan"])
@pytest.mark.parametrize("policies", [0, 20])
def test_pods(backend: str, policies: int) -> None:
    lab = Cluster(Calico(backend=backend), nodes=NODES)  # type: ignore[arg-type]
    if policies:
        lab.apply("---".join(POLICY % (number, number, number + 1) for number in range(policies)))
    begin = time.process_time()
    for number in range(PODS):
        lab.run(f"p{number}", node=f"node{number % NODES + 1}", labels={"app": str(number % 20)})
    ran = time.process_time()
    lab.settle()
    settled = time.process_time()
    first, second = lab.pods[:2]
    assert first.ping(second).ok is (policies == 0)
    print(
        f"\n{PODS} pods on {NODES} nodes, {backend}, {policies} policies: {(ran - begin) / PODS * 1e3:.2f} ms a pod,"
        f" then {(settled - ran) * 1e3:.0f} ms until all agents have acted"
    )
