"""The terminals of the seed notes, typed again: each `.console` is replayed, and compared with what the note shows.

`notes/` holds the note's own lines for each row: commands and what was printed, without the author's prose; `...` where
the note leaves lines out. Between a note and its transcript only what the seed ledger lists as free may differ.
"""

import re
from pathlib import Path

import pytest

from podwire.cni.cilium.backend import CiliumBackend
from podwire.lab import load
from podwire.testing import assert_path
from podwire.transcript import replay
from podwire.transcript.compare import align, unified
from podwire.transcript.script import Line, Script, parse

HERE = Path(__file__).parent
LABS = HERE.parents[1] / "examples" / "gke-calico"
TRANSCRIPTS = sorted(HERE.glob("*.console"))
OTHERWISE = {"B02", "B05", "D04"}
"""Notes that another test reads: ages, a shell's line, a path."""
NOTES = sorted(path for path in (HERE / "notes").glob("*.txt") if path.stem not in OTHERWISE)

FREE = [
    (r"^\d\d:\d\d:\d\d\.\d{6} ", "TIME "),
    (r"\btime=[\d.]+ ms", "time=N ms"),
    (r"\btime \d+ms", "time Nms"),
    (r"(rtt min/avg/max/mdev =) [\d.]+(/[\d.]+){3} ms", r"\1 N ms"),
    (r"valid_lft \d+sec preferred_lft \d+sec", "valid_lft Nsec preferred_lft Nsec"),
    (r"\b(?!ee:ee|42:01:|00:00:|ff:ff)[0-9a-f]{2}(:[0-9a-f]{2}){5}\b", "MAC"),
    (r"\bcni-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "cni-UUID"),
    (r"ICMP echo (request|reply), id \d+,", r"ICMP echo \1, id N,"),
    (r"\bveth[0-9a-f]{8}\b", "VETH"),
    (r"^I\d{4} \d\d:\d\d:\d\d\.\d{6} ", "TIME "),
    (r'\belapsed="[^"]+"', 'elapsed="N"'),
    (r"\bTS val \d+", "TS val N"),
    (r"\becr [1-9]\d*", "ecr N"),
    (r"\b(seq|ack) \d{7,}", r"\1 N"),
    (r"\.(?!30007\b)\d{4,5}(?= >|: Flags)", ".PORT"),
    # A22's interfaces of pods whose names the note does not say.
    (r"\bcali(e989573d8f9|daa2afa5d01|d36dd6ef613|a1bddb29d2e)\b", "caliNAME"),
    (r"\binitval 0x[0-9a-f]{8}\b", "initval N"),
    (r"\bfe80::(?!ecee:eeff|4001:)[0-9a-f:]+/64", "fe80::EUI/64"),
]


SHOWN_BY_PICTURES = {"A16", "A17"}
"""Rows whose commands the note tells of, or shows in a picture."""


def masked(text: str) -> str:
    for pattern, replacement in FREE:
        text = re.sub(pattern, replacement, text)
    return text


def name_of(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=name_of)
def test_the_lab_prints_what_the_transcript_says(path):
    report = replay(path)
    assert report.ok, str(report)


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=name_of)
def test_a_transcript_is_the_same_after_an_update(path):
    assert replay(path).updated() == path.read_text(encoding="utf-8")


# -------------------------------------------------------------------------------------------------------------- drift


def commands(script: Script) -> list[tuple[str, list[str]]]:
    """Each prompt and command with all that it prints in the transcript; blocks @name belong to the command they come from."""
    found: list[tuple[str, list[str]]] = []
    terminals: dict[str, list[str]] = {}
    for entry in script.entries:
        printed = [masked(item.text) for item in entry.body if not (isinstance(item, Line) and item.comment)]
        if entry.prompt is None:
            terminals[str(entry.terminal)] += printed
            continue
        found.append((f"{entry.prompt}{entry.command}", printed))
        if entry.terminal is not None:
            terminals[entry.terminal] = printed
    return found


def note_of(row: str, script: Script) -> Script:
    header = "\n".join(script.lines[: script.lines.index("---") + 1])
    return parse(f"{header}\n{(HERE / 'notes' / f'{row}.txt').read_text(encoding='utf-8')}", f"notes/{row}.txt")


def lines(texts: list[str]) -> list[Line]:
    return [Line(number, text) for number, text in enumerate(texts, 1)]


def differences(wanted: list[str], printed: list[str]) -> str:
    steps = align(lines(wanted), printed, len(wanted) + 1)
    return "\n".join(unified(steps, "", 0))


@pytest.mark.parametrize("path", [path for path in NOTES if path.stem != "A14"], ids=name_of)
def test_the_transcript_says_what_the_note_shows(path):
    script = parse((HERE / f"{path.stem}.console").read_text(encoding="utf-8"), f"{path.stem}.console")
    rest = commands(script)
    for command, shown in commands(note_of(path.stem, script)):
        place = next((i for i, (typed, _) in enumerate(rest) if typed == command), None)
        assert place is not None, f"the transcript does not type {command!r}, or not in that order"
        assert differences(shown, rest[place][1]) == "", command
        rest = rest[place + 1 :]


def captured() -> list[str]:
    """The two captures of A14 as the note merges them: in order of time, each line with its pod in front."""
    text = (HERE / "A14.console").read_text(encoding="utf-8")
    frames: list[tuple[str, str]] = []
    for entry in parse(text, "A14.console").entries:
        if entry.prompt is None:
            frames += [(item.text, f"({entry.terminal}) ") for item in entry.body if re.match(r"\d\d:", item.text)]
    return [pod + masked(line) for line, pod in sorted(frames)]


def test_the_captures_of_both_pods_show_in_order_what_the_note_shows():
    shown = (HERE / "notes" / "A14.txt").read_text(encoding="utf-8").splitlines()
    wanted = [text[:7] + masked(text[7:]) for text in shown]
    assert differences([*wanted, "..."], captured()) == ""


def test_between_the_reply_and_the_probe_nobody_asks_for_pod1():
    frames = captured()
    answered = frames.index("(pod1) TIME IP 192.168.1.12 > pod1: ICMP echo reply, id N, seq 1, length 64")
    assert not any("who-has pod1" in line for line in frames[:answered])
    assert sum(line.startswith("(pod1)") and "who-has pod1" in line for line in frames) == 1


def test_every_row_that_the_note_shows_has_its_transcript():
    written = {path.stem for path in TRANSCRIPTS if path.stem[0] in "AC"} - SHOWN_BY_PICTURES
    assert {path.stem for path in NOTES if path.stem[0] in "AC"} == written


# --------------------------------------------------------------------------------------------------- what no text shows


def test_a14_explains_the_probe_that_the_author_could_not():
    cluster = load(LABS / "recreated.yaml")
    node = cluster.nodes[0]
    ping = cluster.pod("pod1").ping("192.168.1.12")
    cluster.sleep(6)
    reply = ping.trace.reply
    assert reply is not None
    (probe,) = [
        caused for caused in reply.caused if caused.relation == "probe" and caused.path[0].startswith(node.name)
    ]
    assert probe.path == (f"{node.name}:calice0906292e2", "default/pod1:eth0")
    why = reply.explain()
    assert "192.168.1.11" in why
    assert "STALE" in why, why
    assert re.search(r"\b5(\.\d+)? s\b", why), why


def test_d04_one_node():
    shown = (HERE / "notes" / "D04.txt").read_text(encoding="utf-8")
    assert re.findall(r"eth0|cali[AB]", shown) == ["eth0", "caliA", "caliB", "eth0"]
    cluster = load(LABS / "lab.yaml")
    a, b = cluster.pod("pod1"), cluster.pod("pod2")
    trace = a.ping(b).trace
    node = a.node.name
    assert trace.path == ("default/pod1:eth0", f"{node}:{a.interface}", f"{node}:{b.interface}", "default/pod2:eth0")
    assert trace.reply is not None
    assert trace.reply.path == trace.path[::-1]


def test_other_node_no_tunnel():
    cluster = load(LABS / "lab.yaml")
    a, b = cluster.pod("pod1"), cluster.pod("pod3")
    ping = a.ping(b)
    assert ping.ttl == 62
    assert_path(
        ping.trace,
        [
            "default/pod1:eth0",
            f"{a.node.name}:{a.interface}",
            f"{a.node.name}:eth0",
            f"{b.node.name}:eth0",
            f"{b.node.name}:{b.interface}",
            "default/pod3:eth0",
        ],
    )


# ------------------------------------------------------------------------------------------- Cilium, whose note is pictures

CILIUM = HERE.parents[1] / "examples"
FAR = "webpod-697b545f57-xq7zn"


def test_e01_each_node_has_a_range_of_its_own():
    cluster = load(CILIUM / "cilium-native" / "lab.yaml")
    assert isinstance(cluster.backend, CiliumBackend)
    ranges = {node.name: str(cluster.backend.state(node.name).cidr) for node in cluster.nodes}
    assert ranges == {"k8s-ctr": "172.20.0.0/24", "k8s-w1": "172.20.1.0/24", "k8s-w0": "172.20.2.0/24"}


def test_e07_the_trace_ends_behind_the_routers_uplink_and_names_the_way_out():
    cluster = load(CILIUM / "cilium-native" / "lab.yaml")
    trace = cluster.pod("curl-pod").ping(cluster.pod(FAR)).trace
    assert trace.path[-2:] == ("router:eth1", "router:eth0")
    why = " ".join(trace.explain().split())
    assert "uplink nat" in why
    assert f"router knows the way: `ip route add {cluster.pod(FAR).ip} via GATEWAY`" in why
    assert "contains gateway 192.168.10.200" in cluster.agent("k8s-ctr", "cilium-agent").log[0]


@pytest.mark.parametrize("protocol", ["vxlan", "geneve"])
def test_e12_and_e15_all_three_nodes_answer_after_the_upgrade(protocol):
    cluster = load(CILIUM / "cilium-native" / "lab.yaml")
    cluster.upgrade(routing_mode="tunnel", tunnel_protocol=protocol, auto_direct_node_routes=False)
    curl = cluster.pod("curl-pod")
    ttls = [curl.ping(pod).ttl for pod in cluster.pods if pod.name.startswith("default/webpod")]
    assert ttls == [63, 63, 63]
