"""What lies in examples/: scripts run and hold what they assert, transcripts are what the labs print, labs can be built."""

import subprocess
import sys
from pathlib import Path

import pytest

from podwire.lab import load
from podwire.transcript import replay

EXAMPLES = Path(__file__).parents[1] / "examples"


def name_of(path):
    return str(path.relative_to(EXAMPLES))


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*/run.py")), ids=name_of)
def test_a_script_runs_anywhere_and_prints_the_same_each_time(script, tmp_path):
    first, second = (
        subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
        for _ in range(2)
    )
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout
    assert second.stdout == first.stdout


@pytest.mark.parametrize("transcript", sorted(EXAMPLES.glob("*/*.console")), ids=name_of)
def test_a_transcript_is_what_its_lab_prints(transcript):
    report = replay(transcript)
    assert report.ok, str(report)


@pytest.mark.parametrize("lab", sorted(EXAMPLES.glob("*/lab.yaml")), ids=name_of)
def test_a_lab_can_be_built_and_its_pods_have_addresses(lab):
    cluster = load(lab)
    assert cluster.nodes
    assert all(pod.ip is not None for pod in cluster.pods)


def test_the_demo_prints_what_its_page_shows_and_writes_a_file_without_malformed_frames(tmp_path, need_tool):
    done = subprocess.run(
        [sys.executable, EXAMPLES / "three-modes" / "run.py", "demo.pcapng"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    page = (EXAMPLES / "three-modes" / "README.md").read_text(encoding="utf-8")
    shown = page.partition("$ python examples/three-modes/run.py\n")[2].partition("\n```")[0]
    printed = [line.rstrip() for line in done.stdout.splitlines()]
    assert printed == [*shown.splitlines(), "", "wrote demo.pcapng"]

    fields = ["-T", "fields", "-e", "frame.interface_name", "-e", "frame.protocols", "-e", "_ws.malformed"]
    read = subprocess.run(
        [need_tool("tshark"), "-r", tmp_path / "demo.pcapng", *fields], capture_output=True, text=True, check=True
    )
    frames = [line.split("\t") for line in read.stdout.splitlines()]
    assert {frame[2] for frame in frames} == {""}
    on_the_wire = {frame[0]: frame[1] for frame in frames if frame[0].endswith(": w1:eth0") and "icmp" in frame[1]}
    assert on_the_wire == {
        "no encapsulation: w1:eth0": "eth:ethertype:ip:icmp:data",
        "IPIP: w1:eth0": "eth:ethertype:ip:ip:icmp:data",
        "VXLAN: w1:eth0": "eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:icmp:data",
    }
