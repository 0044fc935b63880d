"""Is there anything that could still act? Against processes of this machine."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from podwire.shell.family import List
from podwire.shell.quiet import Tree
from tests.conftest import require_tool
from tests.shell.conftest import PAIR

SHIM = (b"podwire-test-shim", b"-x")


@pytest.fixture
def start():
    """Processes of bash; their ends are the test's."""
    processes = []

    def start(script, **options):
        process = subprocess.Popen(["bash", "--norc", "-c", script], start_new_session=True, **options)
        processes.append(process)
        return process

    yield start
    for process in processes:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def settled(tree, connected=(), *, busy=False):
    """The look at which the tree is (or is not) quiet, within 5 s."""
    end = time.monotonic() + 5
    while (look := tree.look(connected)).busy is not busy and time.monotonic() < end:
        time.sleep(0.005)
    assert look.busy is busy
    return look


def test_a_process_that_waits_for_a_pipe_is_quiet(start):
    process = start("read x; while :; do :; done", stdin=subprocess.PIPE)
    look = settled(Tree(process.pid, SHIM))
    assert look.chains == {process.pid: (process.pid,)}
    assert (look.sleepers, look.human, look.stopped) == ((), False, frozenset())
    process.stdin.write(b"\n")
    process.stdin.flush()
    settled(Tree(process.pid, SHIM), busy=True)


def test_one_that_runs_far_below_is_not(start):
    process = start("(read x <&7 & (while :; do :; done) & wait) & wait", pass_fds=())
    for _ in range(20):
        settled(Tree(process.pid, SHIM), busy=True)


def test_one_that_stopped_is_quiet(start):
    process = start("while :; do :; done")
    tree = Tree(process.pid, SHIM)
    settled(tree, busy=True)
    os.kill(process.pid, signal.SIGSTOP)
    assert settled(tree).stopped == {process.pid}
    os.kill(process.pid, signal.SIGCONT)
    assert settled(tree, busy=True).stopped == frozenset()


def test_a_sleeper_is_named_where_the_system_tells(start):
    process = start("exec sleep 60")
    look = settled(Tree(process.pid, SHIM))
    try:
        Path(f"/proc/{process.pid}/syscall").read_text(encoding="ascii")
    except OSError:
        assert look.sleepers == ()
    else:
        assert look.sleepers == (process.pid,)
        process = start("read -t 60 x", stdin=subprocess.PIPE)
        assert settled(Tree(process.pid, SHIM)).sleepers == (process.pid,)


def test_a_reader_of_a_terminal_is_human(start):
    master, slave = pty.openpty()
    try:
        process = start("read x", stdin=slave)
        try:
            Path(f"/proc/{process.pid}/syscall").read_text(encoding="ascii")
        except OSError:
            pytest.skip("this system does not say in which call a process waits")
        assert settled(Tree(process.pid, SHIM)).human
        process = start("cat", stdin=slave)
        assert settled(Tree(process.pid, SHIM)).human
    finally:
        os.close(master)
        os.close(slave)


def test_a_zombie_counts_for_a_moment(start):
    code = "import os, sys, time\nif os.fork() == 0: os._exit(0)\nsys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    try:
        tree = Tree(process.pid, SHIM)
        end = time.monotonic() + 5
        while len(tree.look(()).chains) < 2 and time.monotonic() < end:
            time.sleep(0.001)
        assert len(settled(tree).chains) == 2
        # Another observer sees it for the first time.
        assert Tree(process.pid, SHIM).look(()).busy
    finally:
        process.communicate(timeout=5)


def test_a_shim_is_awaited_until_it_has_connected(start):
    process = start("exec -a podwire-test-shim cat -x; :", stdin=subprocess.PIPE)
    process = start(f"exec -a {SHIM[0].decode()} bash -x", stdin=subprocess.PIPE)
    tree = Tree(process.pid, SHIM)
    time.sleep(0.3)
    for _ in range(20):
        assert tree.look(()).busy
    assert not settled(tree, {process.pid}).busy


def test_one_that_has_run_meanwhile_is_not_quiet(start, monkeypatch):
    """It slept at both looks."""
    process = start("while read -r x; do echo $x; done", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    tree = Tree(process.pid, SHIM)
    settled(tree)
    scan = Tree._scan

    def wake(self, connected):
        result = scan(self, connected)
        process.stdin.write(b"x\n")
        process.stdin.flush()
        process.stdout.readline()
        time.sleep(0.02)
        return result

    monkeypatch.setattr(Tree, "_scan", wake)
    assert tree.look(()).busy


def test_threads_count():
    code = "import threading, sys\ndef run():\n while True: pass\nthreading.Thread(target=run, daemon=True).start()\nsys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    try:
        time.sleep(0.3)
        tree = Tree(process.pid, SHIM)
        for _ in range(10):
            assert tree.look(()).busy
    finally:
        process.kill()
        process.communicate(timeout=5)


def test_a_root_that_is_gone():
    process = subprocess.Popen(["true"])
    process.wait(5)
    tree = Tree(process.pid, SHIM)
    assert tree.pids() == set()
    assert tree.look(()).busy


def test_others_of_the_launcher_are_not_of_the_run(start):
    busy = start("while :; do :; done")
    own = os.getpid()
    others = Tree(own, SHIM, below=True).pids()
    assert busy.pid in others
    quiet_one = start("read x", stdin=subprocess.PIPE)
    tree = Tree(own, SHIM, below=True, others=others)
    assert tree.pids() == {quiet_one.pid}
    assert settled(tree).chains.keys() == {own, quiet_one.pid}


def test_the_order_is_that_of_the_tree(start):
    process = start("(read x <&0; :) & (read x; :) & wait", stdin=subprocess.PIPE)
    look = settled(Tree(process.pid, SHIM))
    assert all(chain[0] == process.pid and chain[-1] == pid for pid, chain in look.chains.items())


def test_where_numbers_of_calls_are_unknown(start, monkeypatch):
    monkeypatch.setattr("podwire.shell.quiet.platform.machine", lambda: "pdp11")
    process = start("exec sleep 60")
    look = settled(Tree(process.pid, SHIM))
    assert (look.sleepers, look.human) == ((), False)


# ------------------------------------------------------------------------------------------------- by ps, elsewhere


def test_the_list_of_ps(start):
    require_tool("ps")
    process = start("read x & while read -r x; do sleep 0.01; done", stdin=subprocess.PIPE)
    tree = List(process.pid)
    look = settled(tree)
    assert process.pid in look.chains
    assert process.pid not in tree.pids() or tree.pids()
    busy = start("bash -c 'while :; do :; done' & wait")
    tree = List(busy.pid)
    time.sleep(0.2)
    for _ in range(8):
        assert tree.look(()).busy
    stopped = start("sleep 60 & wait")
    time.sleep(0.2)
    tree = List(stopped.pid)
    (child,) = tree.pids()
    os.kill(child, signal.SIGSTOP)
    assert settled(tree).stopped == {child}


def test_orphans_of_the_last_look(start):
    process = start("(sleep 60; :) & read x", stdin=subprocess.PIPE)
    tree = List(process.pid)
    settled(tree)
    (sub,) = (pid for pid, chain in tree.look(()).chains.items() if len(chain) == 2)
    process.kill()
    process.wait(5)
    assert sub in tree.pids() or os.getppid() == 1  # a subreaper may have taken it


@pytest.fixture
def no_children_in_proc(monkeypatch):
    nothing = SimpleNamespace(exists=lambda: False)
    monkeypatch.setattr(
        "podwire.shell.family.Path", lambda path: nothing if str(path).endswith("/children") else Path(path)
    )


def test_a_run_by_ps(no_children_in_proc, open_sh, tmp_path):
    require_tool("ps")
    ran = open_sh(
        PAIR
        + "ip netns exec a ping -c 2 10.0.0.2 & sleep 5; wait; date +%S; ip -br link | cut -c1-2; (exec /bin/cat <> <(:)) & sleep 1; exit 3"
    )
    assert ran.status == 3
    assert "2 received" in ran.out
    assert ran.lines[-2:] == ["05", "lo"]
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            assert not entry.name.isdecimal() or entry.joinpath("cwd").readlink() != tmp_path
