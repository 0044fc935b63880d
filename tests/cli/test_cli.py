"""The command line: what it prints, where, and its exit status."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import podwire
from podwire.cli import main

LAB = """\
apiVersion: podwire.dev/v1alpha1
kind: Lab
spec:
  cni: {gke: {dataplane: calico}}
  nodes: {node1: {}, node2: {}}
  setup:
    - run: {name: a, node: node1}
    - run: {name: b, node: node2}
"""


@pytest.fixture
def lab(tmp_path):
    path = tmp_path / "lab.yaml"
    path.write_text(LAB, encoding="utf-8")
    return str(path)


@pytest.fixture
def run(capsys):
    def run(*arguments):
        status = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return status, out, err

    return run


def test_version(run):
    assert run("--version") == (0, f"podwire {podwire.__version__}\n", "")


def test_help_lists_the_commands_that_there_are(run):
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    assert [line.split()[0] for line in out.partition("Commands:\n")[2].splitlines()] == [
        "exec",
        "matrix",
        "replay",
        "sh",
        "shell",
        "trace",
    ]
    assert "Exit status: 0" in out


def test_help_does_not_load_the_simulator():
    code = "import sys; from podwire.cli import main; main(['--help']); sys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stderr.split()
    assert "podwire.cli.commands" in loaded
    assert not {
        "podwire.cluster",
        "podwire.linux",
        "podwire.lab",
        "podwire.transcript",
        "yaml",
        "msgspec",
        "scapy",
    } & set(loaded)


def test_as_a_module(lab):
    done = subprocess.run(
        [sys.executable, "-m", "podwire", "exec", "-f", lab, "a", "--", "ip", "route"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.split()[:3], done.stderr) == (0, ["default", "via", "169.254.1.1"], "")


def test_without_click_one_line_says_what_to_install():
    code = "import sys; sys.modules['click'] = None; from podwire.cli import main; sys.exit(main(['--help']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "podwire: the command line needs click: pip install 'podwire[cli]'\n",
    )


# ---------------------------------------------------------------------------------------------------------------- trace


def test_trace_shows_request_and_reply(run, lab):
    status, out, err = run("trace", "-f", lab, "a", "b", "--minimal")
    assert (status, err) == (0, "")
    request, reply = out.split("\n\n")
    assert request.startswith("DELIVERED  10.32.0.2 > 10.32.1.2: ICMP echo request")
    assert "default/a:eth0 -> node1:cali" in request
    assert reply.startswith("DELIVERED  reply: 10.32.1.2 > 10.32.0.2: ICMP echo reply")


def test_trace_in_three_depths(run, lab):
    texts = [run("trace", "-f", lab, "a", "b", depth)[1] for depth in ("--minimal", "--summary", "--detailed")]
    assert len(texts[0]) < len(texts[1]) < len(texts[2])
    assert run("trace", "-f", lab, "a", "b")[1] == texts[1]


def test_trace_to_a_place_that_nobody_has(run, lab):
    status, out, _ = run("trace", "-f", lab, "a", "10.32.1.99", "--minimal")
    assert status == 1
    assert out.startswith("DROPPED")


def test_trace_of_a_syn_and_of_a_datagram(run, lab):
    status, out, _ = run("trace", "-f", lab, "a", "b:80", "--minimal")
    assert status == 1
    assert "> 10.32.1.2.80: Flags [S]" in out or "10.32.1.2:80" in out
    status, out, _ = run("trace", "-f", lab, "a", "b:53", "--proto", "udp", "--minimal")
    assert status == 1
    assert "UDP" in out


def test_trace_as_json(run, lab):
    status, out, _ = run("trace", "-f", lab, "a", "b", "-o", "json")
    document = json.loads(out)
    assert status == 0
    assert document["verdict"] == "DELIVERED"
    assert document["reply"] is not None


@pytest.mark.parametrize("suffix", [".pcapng", ".json"])
def test_trace_is_saved(suffix, run, lab, tmp_path):
    path = tmp_path / f"t{suffix}"
    status, out, err = run("trace", "-f", lab, "a", "b", "-w", path)
    assert (status, err) == (0, f"wrote {path}\n")
    assert path.stat().st_size > 500
    assert "wrote" not in out


def test_a_trace_is_always_the_same(run, lab):
    first, second = (run("trace", "-f", lab, "a", "b", "-o", "json")[1] for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a", "b:0"], "podwire: b:0: expected DST or DST:PORT with a port from 1 to 65535\n"),
        (["a", "b:http"], "podwire: b:http: expected DST or DST:PORT with a port from 1 to 65535\n"),
        (["a", "b:80", "--proto", "icmp"], "podwire: b:80: ICMP has no ports\n"),
        (["a", "b", "--proto", "tcp"], "podwire: b: --proto tcp needs DST:PORT\n"),
        (["c", "b"], "podwire: machine 'c': is not there; machines are node1, node2, default/a, default/b\n"),
        (["a", "c:80"], "podwire: machine 'c': is not there; machines are node1, node2, default/a, default/b\n"),
        (["a", "b", "-w", "x.doc"], None),
    ],
)
def test_wrong_use_of_trace(arguments, message, run, lab):
    status, _, err = run("trace", "-f", lab, *arguments)
    assert status == 2
    assert err.count("\n") == 1
    assert message is None or err == message


@pytest.mark.parametrize(
    "arguments",
    [[], ["trace"], ["nonsense"], ["trace", "-f", "x", "a", "b", "--proto", "sctp"], ["exec", "-f", "x", "a"]],
)
def test_wrong_use_has_status_2(arguments, run):
    status, out, err = run(*arguments)
    assert status == 2
    assert "Traceback" not in out + err
    assert err or not arguments


def test_a_lab_that_is_wrong(run, tmp_path):
    path = tmp_path / "lab.yaml"
    path.write_text(LAB.replace("dataplane", "datapane"), encoding="utf-8")
    status, out, err = run("exec", "-f", path, "a", "--", "ip", "route")
    assert (status, out) == (2, "")
    assert err.startswith(f'podwire: {path}:4: spec.cni.gke.datapane: got "calico", expected one of the fields ')
    assert (
        run("exec", "-f", tmp_path / "nowhere.yaml", "a", "--", "ls")[2]
        == f"podwire: {tmp_path / 'nowhere.yaml'}: No such file or directory\n"
    )


# ----------------------------------------------------------------------------------------------------------------- exec


def test_exec_prints_and_exits_as_the_command_does(run, lab):
    status, out, err = run("exec", "-f", lab, "a", "--", "ping", "-c", "1", "10.32.1.2")
    assert (status, err) == (0, "")
    assert "1 received" in out
    status, out, err = run("exec", "-f", lab, "node1", "--", "ip", "link", "show", "nodev")
    assert (status, out) == (1, "")
    assert err == 'Device "nodev" does not exist.\n'


def test_exec_takes_options_of_the_command_with_and_without_dashes(run, lab):
    for options in (["ip", "-br", "addr"], ["ip", "-h"], ["ip", "-f", "inet", "addr"]):
        assert run("exec", "-f", lab, "a", *options) == run("exec", "-f", lab, "a", "--", *options)
    assert run("exec", "-f", lab, "a", "--")[0] == 2


def test_exec_of_a_command_that_podwire_lacks(run, lab):
    status, _, err = run("exec", "-f", lab, "a", "--", "frobnicate")
    assert status == 2
    assert "not modelled: command 'frobnicate'" in err


# --------------------------------------------------------------------------------------------------------------- replay


@pytest.fixture
def console(tmp_path, lab):
    def console(text, name="t.console"):
        path = tmp_path / name
        path.write_text('lab: lab.yaml\nmachines: {"# ": a}\n---\n' + text, encoding="utf-8")
        return path

    return console


def test_replay_of_what_agrees_and_what_does_not(run, console):
    good = console("# cat /etc/hostname\na\n", "good.console")
    bad = console("# cat /etc/hostname\nb\n", "bad.console")
    assert run("replay", good) == (0, f"{good}: 1 command, no differences\n", "")
    status, out, _ = run("replay", bad, good)
    assert status == 1
    assert out == (
        f"--- {bad}\n+++ printed\n@@ -5 +5 @@ # cat /etc/hostname\n-b\n+a\n"
        f"{bad}: 1 of 1 command printed something else\n{good}: 1 command, no differences\n"
    )


def test_every_transcript_gets_a_fresh_lab(run, console):
    path = console("# ip link add d0 type dummy\n# ip link del d0\n# ip link add d0 type dummy\n")
    assert run("replay", path, path)[0] == 0


def test_update_writes_what_was_printed(run, console):
    path = console("# cat /etc/hostname\nb\n")
    assert run("replay", "--update", path) == (0, f"{path}: updated\n", "")
    assert path.read_text(encoding="utf-8").endswith("# cat /etc/hostname\na\n")
    assert run("replay", "--update", path) == (0, f"{path}: 1 command, no differences\n", "")


def test_replay_in_another_lab(run, console, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(LAB.replace("name: a", "name: x"), encoding="utf-8")
    status, _, err = run("replay", "-f", other, console("# cat /etc/hostname\na\n"))
    assert status == 2
    assert "machine 'a'" in err


def test_replay_of_a_file_that_is_not_there(run):
    assert run("replay", "nowhere.console") == (2, "", "podwire: nowhere.console: No such file or directory\n")


EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_trace_is_saved_where_it_is_shown(run, tmp_path):
    status, out, _ = run(
        "trace", "-f", EXAMPLES / "gke-calico" / "lab.yaml", "pod1", "pod3", "-w", tmp_path / "demo.pcapng"
    )
    assert status == 0
    assert out.count("DELIVERED") == 2
