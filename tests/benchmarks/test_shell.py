"""What ``podwire sh`` costs. Figures, not verdicts: a shim's start is meant to take about 10 ms. Run with ``-m benchmark -n 0 -s``."""

import statistics
import subprocess
import sys
import time

import pytest

from podwire.shell import run, sandbox
from podwire.shell.directory import FLAGS, PYTHON

pytestmark = pytest.mark.benchmark


def _median(action, rounds=15):
    """In ms."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000


def test_shims(monkeypatch):
    def calls(number):
        return _median(lambda: run(["-c", f"for i in {{1..{number}}}; do sleep 0; done"], stdin=subprocess.DEVNULL), 5)

    def interpreter():
        subprocess.run([PYTHON, FLAGS, "-c", ""], check=True)

    nothing = _median(lambda: run(["-c", ":"], stdin=subprocess.DEVNULL))
    one = (calls(101) - calls(1)) / 100
    bare = _median(interpreter)
    monkeypatch.setattr(sandbox, "available", lambda: ())
    exposed = _median(lambda: run(["-c", ":"], stdin=subprocess.DEVNULL))
    print(
        f"\nan empty script {nothing:.0f} ms (without a sandbox {exposed:.0f} ms), each command {one:.1f} ms, of which Python's start {bare:.1f} ms"
    )
    assert one > 0


def test_the_command():
    def command(*arguments):
        return _median(
            lambda: subprocess.run(
                [sys.executable, "-m", "podwire", *arguments], check=True, stdin=subprocess.DEVNULL, capture_output=True
            ),
            7,
        )

    print(f"\npodwire sh -c : {command('sh', '-c', ':'):.0f} ms, podwire sh --help {command('sh', '--help'):.0f} ms")
