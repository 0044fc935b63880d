"""The rows of each kind, as the server's printers make them of a document."""

import pytest

from podwire.kube.kinds import KINDS, Custom, Kind
from podwire.kube.shelf import Stored
from podwire.tools.kubectl.ages import nanoseconds
from podwire.tools.kubectl.columns import TableOptions, TablePrinter, TabWriter
from podwire.tools.kubectl.tables import LAYOUTS, table

BORN = "2024-01-01T00:00:00Z"
NOW = nanoseconds("2024-01-01T00:02:53Z")


def printed(kind, document, *, wide=False, now=NOW):
    document = {**document, "metadata": {"name": "x", "creationTimestamp": BORN, **document.get("metadata", {})}}
    found: list[str] = []
    writer = TabWriter(found.append)
    TablePrinter(TableOptions(wide=wide)).print(table(kind, [Stored(kind, document, None)], now), writer)
    writer.flush()
    header, row = "".join(found).splitlines()
    starts = [at for at in range(len(header)) if header[at] != " " and (at == 0 or header[at - 3 : at] == "   ")]
    return {header[at:end].strip(): row[at:end].strip() for at, end in zip(starts, [*starts[1:], None], strict=True)}


def kind(name):
    return next(each for each in KINDS.values() if each.name == name)


def test_every_kind_of_the_store_has_a_layout():
    assert {each.slot for each in KINDS.values()} <= set(LAYOUTS)


# -------------------------------------------------------------------------------------------------------------- pods


def status(**fields):
    return {"name": "c", "ready": False, "restartCount": 0, "state": {}, **fields}


def pod(*statuses, spec=None, meta=None, **fields):
    return {
        "metadata": meta or {},
        "spec": {"containers": [{"name": "c"}] * max(len(statuses), 1), **(spec or {})},
        "status": {"containerStatuses": list(statuses), **fields},
    }


RUNNING = status(ready=True, state={"running": {}})
DELETED = {"deletionTimestamp": BORN}
WAITING = status(state={"waiting": {"reason": "ContainerCreating"}})
DONE = status(state={"terminated": {"exitCode": 0, "reason": "Completed"}})
READY = [{"type": "Ready", "status": "True"}]
INITIALIZING = {"initContainers": [{"name": "i"}, {"name": "j"}]}
SIDECAR = {"initContainers": [{"name": "i", "restartPolicy": "Always"}]}


def init(**state):
    return [status(name="i", state=state)]


@pytest.mark.parametrize(
    ("document", "ready", "shown"),
    [
        (pod(phase="Pending"), "0/1", "Pending"),
        (pod(WAITING, phase="Pending"), "0/1", "ContainerCreating"),
        (pod(RUNNING, phase="Running"), "1/1", "Running"),
        (pod(status(state={"running": {}}), phase="Running"), "0/1", "Running"),
        (pod(RUNNING, RUNNING, phase="Running"), "2/2", "Running"),
        (pod(RUNNING, phase="Running", meta=DELETED), "1/1", "Terminating"),
        (pod(RUNNING, phase="Running", meta=DELETED, reason="NodeLost"), "1/1", "Unknown"),
        (pod(DONE, phase="Succeeded"), "0/1", "Completed"),
        (pod(DONE, phase="Succeeded", meta=DELETED), "0/1", "Completed"),
        (pod(status(state={"terminated": {"exitCode": 1, "reason": "Error"}}), phase="Failed"), "0/1", "Error"),
        (pod(status(state={"terminated": {"exitCode": 3}}), phase="Failed"), "0/1", "ExitCode:3"),
        (pod(status(state={"terminated": {"exitCode": 3, "signal": 9}}), phase="Failed"), "0/1", "Signal:9"),
        (pod(phase="Failed", reason="Evicted"), "0/1", "Evicted"),
        (pod(status(state={"waiting": {"reason": "CrashLoopBackOff"}}), phase="Running"), "0/1", "CrashLoopBackOff"),
        (pod(DONE, RUNNING, phase="Running"), "1/2", "NotReady"),
        (pod(DONE, RUNNING, phase="Running", conditions=READY), "1/2", "Running"),
        (
            pod(phase="Pending", conditions=[{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]),
            "0/1",
            "SchedulingGated",
        ),
        (pod(WAITING, phase="Pending", spec=INITIALIZING, initContainerStatuses=init()), "0/1", "Init:0/2"),
        (
            pod(WAITING, spec=INITIALIZING, initContainerStatuses=init(waiting={"reason": "ImagePullBackOff"})),
            "0/1",
            "Init:ImagePullBackOff",
        ),
        (
            pod(WAITING, spec=INITIALIZING, initContainerStatuses=init(terminated={"exitCode": 2})),
            "0/1",
            "Init:ExitCode:2",
        ),
        (
            pod(RUNNING, spec=INITIALIZING, initContainerStatuses=init(terminated={"exitCode": 0}), phase="Running"),
            "1/1",
            "Running",
        ),
        (
            pod(
                RUNNING,
                spec=SIDECAR,
                phase="Running",
                initContainerStatuses=[status(name="i", ready=True, started=True, state={"running": {}})],
            ),
            "2/2",
            "Running",
        ),
    ],
)
def test_ready_and_status_of_a_pod(document, ready, shown):
    row = printed(kind("Pod"), document)
    assert (row["READY"], row["STATUS"]) == (ready, shown)


def test_restarts_say_when_the_last_one_was():
    ended = {"terminated": {"exitCode": 1, "finishedAt": "2024-01-01T00:01:53Z"}}
    earlier = {"terminated": {"exitCode": 1, "finishedAt": "2024-01-01T00:00:53Z"}}
    document = pod(status(restartCount=2, lastState=earlier), status(restartCount=1, lastState=ended), phase="Running")
    assert printed(kind("Pod"), document)["RESTARTS"] == "3 (60s ago)"


def test_the_wide_columns_of_a_pod():
    gates = {"readinessGates": [{"conditionType": "a"}, {"conditionType": "b"}], "nodeName": "n1"}
    document = pod(
        RUNNING, spec=gates, phase="Running", podIPs=[{"ip": "10.0.0.1"}], conditions=[{"type": "a", "status": "True"}]
    )
    row = printed(kind("Pod"), document, wide=True)
    assert list(row) == [
        "NAME",
        "READY",
        "STATUS",
        "RESTARTS",
        "AGE",
        "IP",
        "NODE",
        "NOMINATED NODE",
        "READINESS GATES",
    ]
    assert list(row.values())[5:] == ["10.0.0.1", "n1", "<none>", "1/2"]
    bare = printed(kind("Pod"), pod(phase="Pending"), wide=True)
    assert list(bare.values())[5:] == ["<none>"] * 4


# ----------------------------------------------------------------------------------------------------------- network


def service(**spec):
    return {"spec": {"type": "ClusterIP", "clusterIPs": ["10.96.0.5"], **spec}}


HTTP = {"port": 9000, "protocol": "TCP"}


@pytest.mark.parametrize(
    ("document", "row"),
    [
        (service(ports=[HTTP]), ["x", "ClusterIP", "10.96.0.5", "<none>", "9000/TCP", "2m53s", "<none>"]),
        (
            service(type="NodePort", ports=[{**HTTP, "nodePort": 30007}], selector={"app": "web"}),
            ["x", "NodePort", "10.96.0.5", "<none>", "9000:30007/TCP", "2m53s", "app=web"],
        ),
        (
            service(type="LoadBalancer", ports=[HTTP, {"port": 53, "protocol": "UDP", "nodePort": 31000}]),
            ["x", "LoadBalancer", "10.96.0.5", "<pending>", "9000/TCP,53:31000/UDP", "2m53s", "<none>"],
        ),
        (
            {
                **service(type="LoadBalancer", externalIPs=["1.1.1.1"]),
                "status": {"loadBalancer": {"ingress": [{"ip": "34.0.0.2"}, {"hostname": "a.example"}]}},
            },
            ["x", "LoadBalancer", "10.96.0.5", "34.0.0.2,a.example,1.1.1.1", "<none>", "2m53s", "<none>"],
        ),
        (service(clusterIPs=["None"]), ["x", "ClusterIP", "None", "<none>", "<none>", "2m53s", "<none>"]),
        (
            {"spec": {"type": "ExternalName", "externalName": "a.example"}},
            ["x", "ExternalName", "<none>", "a.example", "<none>", "2m53s", "<none>"],
        ),
        (
            service(externalIPs=["1.1.1.1", "2.2.2.2"]),
            ["x", "ClusterIP", "10.96.0.5", "1.1.1.1,2.2.2.2", "<none>", "2m53s", "<none>"],
        ),
    ],
)
def test_services(document, row):
    found = printed(kind("Service"), document, wide=True)
    assert list(found) == ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE", "SELECTOR"]
    assert list(found.values()) == row


def subset(count, *ports, ready=True):
    addresses = [{"ip": f"10.0.0.{number}"} for number in range(1, count + 1)]
    return {"addresses" if ready else "notReadyAddresses": addresses, "ports": [{"port": port} for port in ports]}


@pytest.mark.parametrize(
    ("subsets", "text"),
    [
        ([], "<none>"),
        ([subset(2, 80)], "10.0.0.1:80,10.0.0.2:80"),
        ([subset(3, 80)], "10.0.0.1:80,10.0.0.2:80,10.0.0.3:80"),
        ([subset(6, 80)], "10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 3 more..."),
        ([subset(2, 80, 443)], "10.0.0.1:80,10.0.0.2:80,10.0.0.1:443 + 1 more..."),
        ([subset(2)], "10.0.0.1,10.0.0.2"),
        ([subset(2, 80, ready=False)], ""),
        ([{"addresses": [{"ip": "fd00::1"}], "ports": [{"port": 80}]}], "[fd00::1]:80"),
    ],
)
def test_endpoints(subsets, text):
    assert list(printed(kind("Endpoints"), {"subsets": subsets}).values()) == ["x", text, "2m53s"]


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        ({}, ["<unset>", "<unset>"]),
        (
            {"ports": [{"port": 80}, {"name": "q"}, {}], "endpoints": [{"addresses": ["10.0.0.1"]}]},
            ["80,q,*", "10.0.0.1"],
        ),
        (
            {"endpoints": [{"addresses": [f"10.0.0.{n}"]} for n in range(5)]},
            ["<unset>", "10.0.0.0,10.0.0.1,10.0.0.2 + 2 more..."],
        ),
    ],
)
def test_endpoint_slices(fields, row):
    found = printed(kind("EndpointSlice"), {"addressType": "IPv4", **fields})
    assert list(found) == ["NAME", "ADDRESSTYPE", "PORTS", "ENDPOINTS", "AGE"]
    assert list(found.values()) == ["x", "IPv4", *row, "2m53s"]


def test_a_network_policy():
    found = printed(kind("NetworkPolicy"), {"spec": {"podSelector": {"matchLabels": {"app": "test2"}}}})
    assert found == {"NAME": "x", "POD-SELECTOR": "app=test2", "AGE": "2m53s"}


# ------------------------------------------------------------------------------------------------------------ others


@pytest.mark.parametrize(
    ("conditions", "unschedulable", "text"),
    [
        ([{"type": "Ready", "status": "True"}], False, "Ready"),
        ([{"type": "Ready", "status": "Unknown"}], False, "NotReady"),
        ([{"type": "Ready", "status": "True"}], True, "Ready,SchedulingDisabled"),
        ([{"type": "MemoryPressure", "status": "False"}], False, "Unknown"),
    ],
)
def test_the_status_of_a_node(conditions, unschedulable, text):
    document = {"spec": {"unschedulable": unschedulable}, "status": {"conditions": conditions}}
    assert printed(kind("Node"), document)["STATUS"] == text


def test_roles_and_the_wide_columns_of_a_node():
    labels = {
        "node-role.kubernetes.io/worker": "",
        "node-role.kubernetes.io/control-plane": "",
        "kubernetes.io/role": "x",
        "node-role.kubernetes.io/": "",
    }
    info = {"kubeletVersion": "v1.30.5", "osImage": "Debian", "kernelVersion": "6.1.0"}
    addresses = [{"type": "Hostname", "address": "n"}, {"type": "InternalIP", "address": "10.0.0.2"}]
    document = {"metadata": {"labels": labels}, "status": {"nodeInfo": info, "addresses": addresses}}
    found = printed(kind("Node"), document, wide=True)
    assert found["ROLES"] == "control-plane,worker,x"
    assert list(found.items())[4:] == [
        ("VERSION", "v1.30.5"),
        ("INTERNAL-IP", "10.0.0.2"),
        ("EXTERNAL-IP", "<none>"),
        ("OS-IMAGE", "Debian"),
        ("KERNEL-VERSION", "6.1.0"),
        ("CONTAINER-RUNTIME", "<unknown>"),
    ]


TEMPLATE = {
    "selector": {"matchLabels": {"app": "web"}},
    "replicas": 3,
    "template": {
        "spec": {
            "containers": [{"name": "a", "image": "nginx"}, {"name": "b", "image": "busybox"}],
            "nodeSelector": {"disk": "ssd"},
        }
    },
}


@pytest.mark.parametrize(
    ("name", "counts", "row"),
    [
        (
            "Deployment",
            {"readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1},
            "NAME=x READY=1/3 UP-TO-DATE=2 AVAILABLE=1 AGE=2m53s CONTAINERS=a,b IMAGES=nginx,busybox SELECTOR=app=web",
        ),
        (
            "ReplicaSet",
            {"replicas": 2, "readyReplicas": 1},
            "NAME=x DESIRED=3 CURRENT=2 READY=1 AGE=2m53s CONTAINERS=a,b IMAGES=nginx,busybox SELECTOR=app=web",
        ),
        (
            "DaemonSet",
            {
                "desiredNumberScheduled": 5,
                "currentNumberScheduled": 4,
                "numberReady": 3,
                "updatedNumberScheduled": 2,
                "numberAvailable": 1,
            },
            (
                "NAME=x DESIRED=5 CURRENT=4 READY=3 UP-TO-DATE=2 AVAILABLE=1 NODE SELECTOR=disk=ssd AGE=2m53s"
                " CONTAINERS=a,b IMAGES=nginx,busybox SELECTOR=app=web"
            ),
        ),
        ("StatefulSet", {"readyReplicas": 2}, "NAME=x READY=2/3 AGE=2m53s CONTAINERS=a,b IMAGES=nginx,busybox"),
    ],
)
def test_workloads(name, counts, row):
    found = printed(kind(name), {"spec": TEMPLATE, "status": counts}, wide=True)
    assert " ".join(f"{key}={value}" for key, value in found.items()) == row


@pytest.mark.parametrize(
    ("name", "document", "row"),
    [
        ("Namespace", {"status": {"phase": "Active"}}, "NAME=x STATUS=Active AGE=2m53s"),
        ("ConfigMap", {"data": {"a": "1", "b": "2"}, "binaryData": {"c": ""}}, "NAME=x DATA=3 AGE=2m53s"),
        ("ConfigMap", {"metadata": {"creationTimestamp": None}}, "NAME=x DATA=0 AGE=<unknown>"),
        ("ServiceAccount", {"secrets": [{}]}, "NAME=x SECRETS=1 AGE=2m53s"),
    ],
)
def test_small_kinds(name, document, row):
    assert " ".join(f"{key}={value}" for key, value in printed(kind(name), document).items()) == row


def test_a_kind_that_a_backend_registered_has_a_name_and_an_age():
    custom = Kind(version="example.com/v1", name="Thing", plural="things", type=Custom)
    assert printed(custom, {}) == {"NAME": "x", "AGE": "2m53s"}


EVENT = {
    "metadata": {"name": "a.17"},
    "type": "Warning",
    "reason": "Failed",
    "message": " no route \n",
    "involvedObject": {"kind": "Pod", "name": "a", "fieldPath": "spec.containers{a}"},
    "source": {"component": "kubelet", "host": "n1"},
    "firstTimestamp": BORN,
    "lastTimestamp": "2024-01-01T00:01:53Z",
    "count": 4,
}


@pytest.mark.parametrize(
    ("document", "row"),
    [
        (
            EVENT,
            [
                "60s",
                "Warning",
                "Failed",
                "pod/a",
                "spec.containers{a}",
                "kubelet, n1",
                "no route",
                "2m53s",
                "4",
                "a.17",
            ],
        ),
        (
            {
                "metadata": {"name": "e"},
                "involvedObject": {"kind": "Node"},
                "eventTime": "2024-01-01T00:00:53.500000Z",
                "reportingComponent": "c",
            },
            ["119s", "", "", "node", "", "c", "", "119s", "1", "e"],
        ),
        (
            {**EVENT, "series": {"count": 7, "lastObservedTime": "2024-01-01T00:02:50.000000Z"}},
            ["3s", "Warning", "Failed", "pod/a", "spec.containers{a}", "kubelet, n1", "no route", "2m53s", "7", "a.17"],
        ),
    ],
)
def test_events(document, row):
    events = Kind(version="v1", name="Event", plural="events", type=None)
    found = printed(events, document, wide=True)
    assert list(found) == "LAST SEEN,TYPE,REASON,OBJECT,SUBOBJECT,SOURCE,MESSAGE,FIRST SEEN,COUNT,NAME".split(",")
    assert list(found.values()) == row
    assert list(printed(events, document)) == ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (173, "2m53s"),
        (599, "9m59s"),
        (600, "10m"),
        (179 * 60, "179m"),
        (180 * 60, "3h"),
        (190 * 60, "3h10m"),
        (8 * 3600 + 600, "8h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (50 * 3600, "2d2h"),
        (192 * 3600, "8d"),
        (729 * 86400, "729d"),
        (730 * 86400, "2y"),
        (740 * 86400, "2y10d"),
        (365 * 8 * 86400, "8y"),
    ],
)
def test_ages(seconds, text):
    document = {"status": {"phase": "Active"}}
    assert printed(kind("Namespace"), document, now=nanoseconds(BORN) + seconds * 10**9)["AGE"] == text
