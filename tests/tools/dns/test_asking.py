"""dig, nslookup, host and getent beside those of Debian 12 (bind9-dnsutils 9.18.49, glibc 2.36).

``asked.txt`` is what the real tools printed on a real kernel, asking this CoreDNS on 10.96.0.10; ids, cookies and times are cut out.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from podwire import Calico, Cluster
from podwire.errors import NotModelled

REAL = Path(__file__).with_name("asked.txt").read_text(encoding="utf-8")
BLOCKS = [block for block in re.split(r"(?m)^(?=\$ )", REAL) if block]


def service(name: str, **spec: object) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def lab() -> Cluster:
    lab = Cluster(Calico(), nodes=2, dns=True)
    lab.run("a")
    lab.run("web", image="nginx", labels={"app": "web"}, node="node1")
    lab.run("deb", image="debian", node="node1")
    ports = [{"port": 80, "name": "http"}]
    lab.apply(service("web", selector={"app": "web"}, clusterIP="10.96.1.1", ports=ports))
    lab.apply(service("ext", type="ExternalName", externalName="web.default.svc.cluster.local"))
    lab.apply(service("headless", selector={"app": "web"}, clusterIP="None", ports=ports))
    return lab


def cut(text: str) -> str:
    """Without what differs from run to run."""
    for pattern, instead in (
        (r"id: \d+", "id: N"),
        (r"COOKIE: \w+", "COOKIE: X"),
        (r"Query time: \d+", "Query time: T"),
        (r"WHEN: .*", "WHEN: W"),
        (r"\b1704067\d\d\d\b", "SERIAL"),
        (r"\b172\.16\.\d+\.\d+\b", "POD"),
    ):
        text = re.sub(pattern, instead, text)
    return text


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.partition("\n")[0][2:])
def test_a_tool_prints_what_the_real_one_printed(lab: Cluster, block: str) -> None:
    command, _, wanted = block.partition("\n")
    done = lab.pod("deb").exec(command[2:])
    assert cut(f"{done.output}[{done.exit_code}]\n") == cut(wanted)


def test_the_time_of_an_answer_is_that_of_the_clock(lab: Cluster) -> None:
    text = lab.pod("deb").exec("dig web.default.svc.cluster.local").stdout
    assert re.search(r"^;; WHEN: Mon Jan 01 00:\d\d:\d\d UTC 2024$", text, re.MULTILINE)


# What the real tools said of servers that refuse (their own address, nobody listens) and of none that answers.
REFUSED = ";; communications error to 10.244.0.5#53: connection refused\n"


@pytest.mark.parametrize(
    ("command", "said", "status"),
    [
        (
            "dig +time=1 +tries=1 @10.244.0.5 web",
            (
                f"{REFUSED}\n; <<>> DiG 9.18.49-1~deb12u3-Debian <<>> +time=1 +tries=1 @10.244.0.5 web\n"
                "; (1 server found)\n;; global options: +cmd\n;; no servers could be reached\n"
            ),
            9,
        ),
        ("dig +short +time=1 +tries=1 @10.244.0.5 web", f"{REFUSED};; no servers could be reached\n", 9),
        ("nslookup -timeout=1 -retry=1 web 10.244.0.5", f"{REFUSED};; no servers could be reached\n\n", 1),
        ("host -W 1 -R 1 web 10.244.0.5", f"{REFUSED * 2};; no servers could be reached\n", 1),
        ("dig +short +tries=1 @127.0.0.1 web", "", 9),
    ],
)
def test_a_server_that_refuses(command: str, said: str, status: int) -> None:
    lab = Cluster(Calico(), nodes=1)
    node = lab.node("node1")
    node.exec("ip addr add 10.244.0.5/32 dev lo")
    done = node.exec(command)
    wanted = said or ";; communications error to 127.0.0.1#53: connection refused\n;; no servers could be reached\n"
    assert (done.output, done.exit_code) == (wanted, status)


def test_a_server_that_keeps_silent_is_waited_for() -> None:
    lab = Cluster(Calico(), nodes=1)
    node = lab.node("node1")
    node.exec("ip addr add 10.244.0.5/32 dev lo")
    node.exec("iptables -A INPUT -p udp --dport 53 -j DROP")
    before = lab.network.now
    done = node.exec("dig +short +time=2 +tries=2 @10.244.0.5 web")
    line = ";; communications error to 10.244.0.5#53: timed out\n"
    assert done.stdout == f"{line}{line};; no servers could be reached\n"
    assert (lab.network.now - before) // 1_000_000_000 == 4


@pytest.mark.parametrize(
    "command", ["dig +trace web", "dig -f file", "nslookup -debug web", "host -a web", "getent passwd", "nslookup"]
)
def test_what_is_not_modelled_says_so(lab: Cluster, command: str) -> None:
    with pytest.raises(NotModelled):
        lab.pod("deb").exec(command)
