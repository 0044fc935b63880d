"""Probes are packets of the kubelet: they run from the node in virtual time, and what they find has consequences."""

import pytest

from podwire import Calico, Cluster, ManifestError, NotModelled
from podwire.cluster.lifecycle.asking import request_bytes

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}}}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
}
PORTS = [{"name": "http", "containerPort": 80}]


@pytest.fixture
def lab():
    return Cluster(Calico(), nodes=2)


def web(lab, spec=None, **container):
    lab.apply(
        {**POD, "spec": {**(spec or {}), "containers": [{"name": "c", "image": "nginx", "ports": PORTS, **container}]}}
    )
    return lab.pod("web")


def status(lab, name="web"):
    return lab.api.store.need("Pod", name, "default").document["status"]


def container(lab, name="web"):
    return status(lab, name)["containerStatuses"][0]


def ready(lab):
    return next(each["status"] for each in status(lab)["conditions"] if each["type"] == "Ready")


def events(lab, reason):
    return [each.document["message"] for each in lab.api.store.all("Event") if each.document["reason"] == reason]


def test_a_pod_without_probes_is_ready_at_once(lab):
    web(lab)
    assert ready(lab) == "True"


def test_a_readiness_probe_is_a_request_of_the_node(lab):
    pod = web(lab, readinessProbe={"httpGet": {"port": "http", "path": "/index.html"}})
    lab.apply(SERVICE)
    assert (ready(lab), lab.service("web").endpoints) == ("False", ())
    assert status(lab)["conditions"][2]["message"] == "containers with unready status: [c]"
    with lab.capture(f"{pod.name}:eth0", filter="tcp") as cap:
        lab.sleep(0.5)
    assert ready(lab) == "True"
    assert lab.service("web").endpoints == (f"{pod.ip}:80",)
    assert f"IP {pod.node.ip}." in cap.text()
    assert pod.log[0].startswith(f"{pod.node.ip} - - ")
    assert pod.log[0].endswith('"GET /index.html HTTP/1.1" 200 615 "-" "kube-probe/1.30" "-"')
    assert len(pod.log) == 1
    lab.sleep(20)
    assert len(pod.log) == 3, "every ten seconds"


def test_a_firewall_on_the_node_takes_the_pod_out_of_its_service(lab):
    pod = web(lab, readinessProbe={"tcpSocket": {"port": 80}, "periodSeconds": 5, "failureThreshold": 2})
    lab.apply(SERVICE)
    client = lab.run("client")
    lab.sleep(1)
    assert client.connect(lab.service("web").ip, 80).ok
    pod.node.exec("iptables -I OUTPUT -p tcp --dport 80 -j DROP")
    lab.sleep(9)
    assert ready(lab) == "True", "one failure is not enough"
    lab.sleep(3)
    assert ready(lab) == "False"
    assert not client.connect(lab.service("web").ip, 80).ok
    assert f"Readiness probe failed: dial tcp {pod.ip}:80: i/o timeout" in events(lab, "Unhealthy")
    assert container(lab)["restartCount"] == 0
    pod.node.exec("iptables -D OUTPUT 1")
    lab.sleep(5)
    assert ready(lab) == "True"
    assert client.connect(lab.service("web").ip, 80).ok


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        ({"httpGet": {"port": 80, "path": "/nothing"}}, "HTTP probe failed with statuscode: 404"),
        ({"httpGet": {"port": 81}}, 'Get "http://{ip}:81/": dial tcp {ip}:81: connect: connection refused'),
        ({"tcpSocket": {"port": 81}}, "dial tcp {ip}:81: connect: connection refused"),
        ({"tcpSocket": {"port": 80, "host": "192.168.77.1"}}, "dial tcp 192.168.77.1:80: i/o timeout"),
        (
            {"httpGet": {"port": 80, "host": "192.168.77.1"}},
            'Get "http://192.168.77.1:80/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
        ),
        ({"exec": {"command": ["false"]}}, ""),
        ({"exec": {"command": ["sleep", "3"]}}, 'command "sleep 3" timed out'),
        ({"exec": {"command": ["cat", "/tmp/healthy"]}}, "cat: /tmp/healthy: No such file or directory\n"),
        ({"tcpSocket": {"port": "nothing"}}, "couldn't find port: nothing"),
    ],
    ids=str,
)
def test_what_a_failed_probe_says(lab, probe, said):
    pod = web(lab, readinessProbe=probe)
    lab.sleep(2)
    assert events(lab, "Unhealthy") == [f"Readiness probe failed: {said.format(ip=pod.ip)}"]
    assert ready(lab) == "False"


@pytest.mark.parametrize("command", [["true"], ["sh", "-c", "exit 0"], ["hostname"]], ids=str)
def test_a_command_that_ends_well_is_a_success(lab, command):
    web(lab, readinessProbe={"exec": {"command": command}})
    lab.sleep(0.1)
    assert ready(lab) == "True"


def test_a_liveness_probe_starts_the_container_again_in_the_same_sandbox(lab):
    pod = web(lab, livenessProbe={"httpGet": {"port": 80, "path": "/nothing"}, "periodSeconds": 5})
    address, first = pod.ip, container(lab)
    client = lab.run("client")
    lab.sleep(14)
    assert container(lab) == first
    lab.sleep(2)
    second = container(lab)
    assert (second["restartCount"], second["ready"]) == (1, True)
    assert second["containerID"] != first["containerID"]
    assert second["lastState"]["terminated"] == {
        "exitCode": 0,
        "reason": "Completed",
        "startedAt": "2024-01-01T00:00:00Z",
        "finishedAt": "2024-01-01T00:00:15Z",
        "containerID": first["containerID"],
    }
    assert events(lab, "Killing") == ["Container c failed liveness probe, will be restarted"]
    assert pod.ip == address
    assert client.connect(pod, 80).ok


def test_connections_of_the_old_process_end_with_it(lab):
    pod = web(lab, livenessProbe={"tcpSocket": {"port": 81}, "periodSeconds": 1, "failureThreshold": 1})
    client = lab.run("client")
    process = lab.operations.start("default/client", ["nc", str(pod.ip), "80"])
    lab.sleep(0.5)
    assert "ESTAB" in client.exec("ss -tn").stdout
    lab.sleep(1)
    assert container(lab)["restartCount"] == 1
    assert "ESTAB" not in client.exec("ss -tn").stdout
    assert "LISTEN" in pod.exec("ss -ltn").stdout
    process.close()


def test_a_startup_probe_holds_the_others_back(lab):
    probe = {"httpGet": {"port": 80, "path": "/nothing"}, "periodSeconds": 2}
    web(
        lab,
        startupProbe={"exec": {"command": ["sh", "-c", "sleep 1; exit 0"]}, "timeoutSeconds": 5, "periodSeconds": 20},
        livenessProbe={**probe, "failureThreshold": 1},
        readinessProbe={"tcpSocket": {"port": 80}},
    )
    lab.sleep(20)
    assert container(lab)["started"] is False
    assert ready(lab) == "False"
    assert events(lab, "Unhealthy") == []
    lab.sleep(1.5)
    assert container(lab)["started"] is True
    assert ready(lab) == "True", "the readiness probe asks as soon as the container has started"
    lab.sleep(1)
    assert container(lab)["restartCount"] == 1
    assert container(lab)["started"] is False


def test_a_startup_probe_that_fails_ends_the_container(lab):
    web(lab, startupProbe={"tcpSocket": {"port": 81}, "periodSeconds": 1, "failureThreshold": 4})
    lab.sleep(4.5)
    assert container(lab)["restartCount"] == 1
    assert events(lab, "Killing") == ["Container c failed startup probe, will be restarted"]


def test_the_first_seconds_of_a_container_are_its_own(lab):
    web(lab, readinessProbe={"tcpSocket": {"port": 80}, "initialDelaySeconds": 12, "periodSeconds": 5})
    lab.sleep(14)
    assert ready(lab) == "False"
    lab.sleep(1.5)
    assert ready(lab) == "True"


def test_a_success_threshold(lab):
    web(lab, readinessProbe={"tcpSocket": {"port": 80}, "successThreshold": 3, "periodSeconds": 5})
    lab.sleep(9)
    assert ready(lab) == "False"
    lab.sleep(2)
    assert ready(lab) == "True"


def test_a_host_network_pod_is_asked_at_its_nodes_address(lab):
    lab.apply(SERVICE)
    web(
        lab,
        spec={"hostNetwork": True, "nodeName": "node1"},
        ports=[],
        readinessProbe={"httpGet": {"port": 10256, "path": "/healthz"}},
    )
    lab.sleep(1)
    assert ready(lab) == "True"
    pod = lab.pod("default/web")
    pod.delete()
    lab.sleep(30)
    assert lab.api.store.get("Pod", "web", "default") is None


def test_a_deployment_waits_for_its_pods(lab):
    container_ = {"name": "c", "image": "nginx", "ports": PORTS, "readinessProbe": {"httpGet": {"port": 80}}}
    lab.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container_]}},
            },
        }
    )

    def counts():
        found = lab.api.store.need("Deployment", "web", "default").document["status"]
        return found.get("readyReplicas", 0), found.get("unavailableReplicas", 0)

    assert counts() == (0, 2)
    lab.sleep(1)
    assert counts() == (2, 0)


def test_a_pod_that_is_deleted_is_asked_no_more(lab):
    pod = web(lab, readinessProbe={"tcpSocket": {"port": 80}}, livenessProbe={"tcpSocket": {"port": 80}})
    lab.sleep(1)
    pod.delete()
    node = lab.node("node1")
    with lab.capture("node1:*", filter="tcp") as cap:
        lab.sleep(60)
    assert cap.text() == ""
    assert node.exec("ss -tn state established").stdout.count("\n") <= 1


@pytest.mark.parametrize(
    ("probe", "what"),
    [
        ({"readinessProbe": {"grpc": {"port": 80}}}, r"readinessProbe\.grpc"),
        ({"livenessProbe": {"httpGet": {"port": 80, "scheme": "HTTPS"}}}, r"livenessProbe\.httpGet\.scheme: HTTPS"),
        (
            {"startupProbe": {"tcpSocket": {"port": 80, "host": "web.example"}}},
            r"startupProbe\.tcpSocket\.host: a name",
        ),
        ({"readinessProbe": {"exec": {"command": ["pg_isready"]}}}, r"readinessProbe\.exec: command 'pg_isready'"),
        ({"lifecycle": {"preStop": {"httpGet": {"port": 80}}}}, r"lifecycle\.preStop\.httpGet"),
        (
            {"lifecycle": {"preStop": {"exec": {"command": ["/drain"]}}}},
            r"lifecycle\.preStop\.exec: a command whose end",
        ),
    ],
    ids=str,
)
def test_what_podwire_cannot_ask_is_refused_before_anything(lab, probe, what):
    with pytest.raises(NotModelled, match=what):
        web(lab, **probe)
    assert lab.pods == ()


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        ({"readinessProbe": {}}, r"readinessProbe: Required value: must specify a handler type"),
        ({"readinessProbe": {"tcpSocket": {"port": 0}}}, r"readinessProbe\.tcpSocket\.port: Invalid value: 0"),
        (
            {"livenessProbe": {"tcpSocket": {"port": 80}, "successThreshold": 2}},
            r"livenessProbe\.successThreshold: Invalid value: 2: must be 1",
        ),
        (
            {"readinessProbe": {"tcpSocket": {"port": 80}, "exec": {"command": ["true"]}}},
            r"readinessProbe\.tcpSocket: Forbidden: may not specify more than 1 handler type",
        ),
        (
            {"readinessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": -1}},
            r"readinessProbe\.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
        ),
    ],
    ids=str,
)
def test_what_the_api_server_refuses_of_a_probe(lab, probe, said):
    with pytest.raises(ManifestError, match=said):
        web(lab, **probe)
    assert lab.pods == ()


def test_the_request_is_that_of_gos_client():
    headers = [{"name": "x-b", "value": "2"}, {"name": "Host", "value": "web.example"}, {"name": "accept", "value": ""}]
    assert request_bytes("10.0.0.1:80", "/x", headers) == (
        b"GET /x HTTP/1.1\r\nHost: web.example\r\nUser-Agent: kube-probe/1.30\r\nX-B: 2\r\nConnection: close\r\n\r\n"
    )
    assert request_bytes("10.0.0.1:80", "/", []) == (
        b"GET / HTTP/1.1\r\nHost: 10.0.0.1:80\r\nUser-Agent: kube-probe/1.30\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    )


def test_an_answer_about_the_container_before_does_not_count(lab):
    """The command is under way when the liveness probe ends the container."""
    web(
        lab,
        livenessProbe={"tcpSocket": {"port": 81}, "periodSeconds": 10, "failureThreshold": 1},
        readinessProbe={"exec": {"command": ["sleep", "4"]}, "timeoutSeconds": 5, "periodSeconds": 7},
    )
    lab.sleep(5)
    assert ready(lab) == "True"
    lab.sleep(6)  # asked at 7 s, restarted at 10 s
    assert container(lab)["restartCount"] == 1
    lab.sleep(0.9)
    assert ready(lab) == "False"
    lab.sleep(3)
    assert ready(lab) == "True"


def test_while_a_pod_terminates_only_its_readiness_is_asked(lab):
    pod = web(
        lab,
        lifecycle={"preStop": {"sleep": {"seconds": 20}}},
        livenessProbe={"httpGet": {"port": 80, "path": "/alive"}, "periodSeconds": 2, "failureThreshold": 30},
        readinessProbe={"httpGet": {"port": 80}, "periodSeconds": 2},
    )
    lab.sleep(3)
    before = [line for line in pod.log if "/alive" in line]
    lab.delete(POD)
    lab.sleep(7)
    assert [line for line in pod.log if "/alive" in line] == before
    assert len([line for line in pod.log if '"GET / ' in line]) > 4


def test_a_page_that_podwire_does_not_know_is_said_when_it_is_asked_for(lab):
    web(lab, image="traefik/whoami", readinessProbe={"httpGet": {"port": 80, "path": "/health"}})
    with pytest.raises(NotModelled, match="what whoami says to 'GET /health"):
        lab.sleep(1)
