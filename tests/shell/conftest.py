"""Runs of scripts: in this process, where no interpreter has to start, or as ``podwire sh``."""

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import podwire.shell
from podwire import GKE, Cluster
from podwire.shell import sandbox
from tests import host
from tests.conftest import CI, require_tool

PAIR = """\
ip netns add a; ip netns add b
ip link add e0 netns a address 02:00:00:00:00:0a type veth peer name e0 netns b address 02:00:00:00:00:0b
ip -n a addr add 10.0.0.1/24 dev e0; ip -n b addr add 10.0.0.2/24 dev e0
ip -n a link set e0 up; ip -n b link set e0 up; ip -n a link set lo up
"""
"""Two namespaces and a cable."""

SOURCE = Path(podwire.shell.__file__).parents[2]


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def lines(self):
        return self.out.splitlines()


@contextlib.contextmanager
def within(seconds):
    """A run that hangs fails, and says where."""

    def late(*_):
        raise TimeoutError(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run_here(arguments, directory, *, stdin=b"", seconds=60, **options):
    """``podwire.shell.run`` with its streams in files."""
    files = [directory / f".{name}" for name in ("stdin", "stdout", "stderr")]
    files[0].write_bytes(stdin)
    with files[0].open("rb") as read, files[1].open("wb") as out, files[2].open("wb") as err, within(seconds):
        status = podwire.shell.run(arguments, directory=directory, stdin=read, stdout=out, stderr=err, **options)
    texts = [file.read_text(encoding="utf-8", errors="surrogateescape") for file in files[1:]]
    for file in files:
        file.unlink()
    return Ran(status, *texts)


@pytest.fixture(scope="session", autouse=True)
def _linux():
    """Runs are told apart from those of other systems: there the rule of the clock is a weaker one."""
    if not sys.platform.startswith("linux"):
        pytest.skip("reads Linux' /proc")
    require_tool("bash")


@pytest.fixture(scope="session")
def namespaces():
    """The sandbox, as it is on this machine."""
    if command := sandbox.available():
        return command
    message = "needs user namespaces, or root"
    if CI:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.fixture
def sh(tmp_path, namespaces):
    """``sh(text)`` runs a script in the sandbox."""

    def sh(text, *arguments, **options):
        return run_here(["-c", text, "script", *arguments], tmp_path, **options)

    return sh


@pytest.fixture
def open_sh(tmp_path, monkeypatch):
    """The same without a sandbox, as where there are no namespaces."""
    monkeypatch.setattr(sandbox, "available", lambda: ())

    def sh(text, *arguments, **options):
        return run_here(["-c", text, "script", *arguments], tmp_path, **options)

    return sh


@pytest.fixture(params=["sandbox", "open"])
def both(request):
    """Each test with this fixture runs with and without a sandbox."""
    return request.getfixturevalue("sh" if request.param == "sandbox" else "open_sh")


@pytest.fixture
def lab():
    lab = Cluster(GKE(dataplane="calico"), nodes=2)
    lab.run("pod1", node="node1")
    lab.run("pod2", node="node2")
    return lab


def environment(**settings):
    """For processes of their own."""
    return os.environ | {"PYTHONPATH": str(SOURCE), "TERM": "xterm", "HISTFILE": ""} | settings


COMMAND = [sys.executable, "-m", "podwire"]


def podwire_sh(*arguments, stdin="", cwd=None, time_out=60, **settings):
    """``podwire sh`` as a process."""
    done = subprocess.run(
        [*COMMAND, "sh", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=time_out,
        cwd=cwd,
        env=environment(**settings),
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session", autouse=True)
def the_machine_stays_as_it_is():
    """No script of the suite changes the host."""
    if not sys.platform.startswith("linux"):
        yield
        return
    with host.unchanged():
        yield
