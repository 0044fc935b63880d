"""A real kubectl prints, over podwire's store, what podwire's kubectl prints: standard output, standard error, exit code.

A session is a list of commands, each typed at two clusters that were made in the same way: at podwire's kubectl, and at the real one. The
line ``podwire: see FILE:LINE`` is podwire's own.
"""

import shutil
import time
from pathlib import Path

import pytest
import yaml

from podwire import Calico, Cluster
from tests.tools.kubectl.real.judging import Judge, plain, real_kubectl

SESSIONS = sorted((Path(__file__).with_name("sessions")).glob("*.txt"))
START = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web2}}
  template:
    metadata: {labels: {app: web2}}
    spec: {containers: [{name: nginx, image: nginx:1.25, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web2}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: nginx}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: c, image: nginx}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: np}
spec: {podSelector: {matchLabels: {app: web2}}, ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: cm}
data: {a: "1", b: "x y"}
"""
WARNING = "ignore::podwire.cluster.api.UnservedWarning"

pytestmark = [
    pytest.mark.skipif(real_kubectl() is None, reason="no kubectl 1.30"),
    pytest.mark.skipif(shutil.which("true") is None, reason="no Unix"),
    pytest.mark.slow,
]


def start():
    """Ages of an hour do not change while a session lasts."""
    lab = Cluster(Calico(), nodes=2)
    lab.network.now = time.time_ns() - 4000 * 10**9
    lab.run("a", labels={"app": "web"})
    lab.apply(START)
    return lab


@pytest.mark.filterwarnings(WARNING)
@pytest.mark.parametrize("session", SESSIONS, ids=[each.stem for each in SESSIONS])
def test_a_session_reads_as_with_a_real_kubectl(session, tmp_path):
    judge = Judge(start, tmp_path)
    files = session.with_suffix(".yaml")
    for name, text in (yaml.safe_load(files.read_text()) if files.exists() else {}).items():
        judge.file(name, text)
    different = []
    for command in session.read_text().splitlines():
        real, ours = judge.run(command)
        if plain(real) != plain(ours):
            different.append(
                f"$ kubectl {command}\n-- real\n{real.out}{real.err}[{real.code}]\n-- ours\n{ours.out}{ours.err}[{ours.code}]"
            )
    judge.server.close()
    assert not different, "\n".join(different)
