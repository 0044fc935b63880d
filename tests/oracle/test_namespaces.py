"""Which machines can be an oracle, and what a script finds there."""

import subprocess
import sys

import pytest

from tests.oracle import namespaces

needed = pytest.mark.skipif(namespaces.why_not() is not None, reason=f"no oracle here: {namespaces.why_not()}")


@pytest.fixture
def why_not():
    """Asked anew."""
    return namespaces.why_not.__wrapped__


def output(text, *arguments, **options):
    process = namespaces.start(
        text, *arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
    )
    return process.communicate(timeout=30)[0].decode()


def test_a_tool_is_missing(why_not, monkeypatch):
    monkeypatch.setattr("tests.oracle.namespaces.sys.platform", "linux")
    monkeypatch.setattr(
        "tests.oracle.namespaces.shutil.which", lambda name, path=None: None if name == "ping" else f"/bin/{name}"
    )
    assert why_not() == "needs ping (apt install iputils-ping)"


def test_another_system(why_not, monkeypatch):
    monkeypatch.setattr("tests.oracle.namespaces.sys.platform", "darwin")
    assert why_not() == "needs Linux: its kernel is the judge"


@needed
def test_no_ids(why_not, monkeypatch):
    monkeypatch.setattr(namespaces, "map_ids", lambda pid: (_ for _ in ()).throw(namespaces.Unavailable("no range")))
    assert why_not() == "no namespaces with 65536 ids: no range"


@needed
def test_no_namespaces(why_not, monkeypatch):
    monkeypatch.setattr(namespaces, "OTHERS", ["sh", "-c", "echo unshare failed: Operation not permitted; exit 1"])
    assert why_not() == "no user, network, mount and PID namespaces: unshare failed: Operation not permitted"


@needed
def test_another_version(why_not, monkeypatch):
    monkeypatch.setattr(namespaces, "IPROUTE2", "5.0.0")
    assert why_not().startswith("needs iproute2 5.0.0, whose texts the simulator has; here is ip utility, iproute2-")


def test_the_users_own_range(monkeypatch, tmp_path):
    file = tmp_path / "subuid"
    file.write_text("other:1:65536\nme:100000:9\nme:200000:65536\nbroken\n", encoding="utf-8")
    monkeypatch.setattr(
        "tests.oracle.namespaces.pathlib.Path", lambda name: file if name == "/etc/subuid" else tmp_path / "none"
    )
    monkeypatch.setattr("tests.oracle.namespaces.pwd.getpwuid", lambda uid: type("User", (), {"pw_name": "me"}))
    assert namespaces.subordinate("uid") == 200000
    with pytest.raises(namespaces.Unavailable, match="gives me no 65535 ids"):
        namespaces.subordinate("gid")


@needed
def test_what_a_script_finds():
    shown = output(
        "cat /proc/self/uid_map; id -u; ls -A /run/netns; ls /sys/class/net; cat /proc/net/dev | wc -l; ip -6 addr; echo $$ $1",
        "x",
    )
    assert shown.split() == ["0", "0", "65536", "0", "lo", "3", "1", "x"]


@needed
def test_the_descriptors_of_its_start_are_closed():
    assert output("ls /proc/self/fd").split() == ["0", "1", "2", "3"]  # the last is the directory itself


@needed
def test_it_sees_nothing_of_this_process(monkeypatch):
    monkeypatch.setenv("SOME_VARIABLE", "1")
    assert "SOME_VARIABLE" not in output("env")
    assert str(sys.executable) not in output("ps ax -o args || true")
