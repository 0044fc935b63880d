"""The kernel's answers: a driver inside fresh namespaces that runs many cases at a time."""

import functools
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

import msgspec
import pytest

from tests.conftest import CI
from tests.oracle.generated.case import Answer, Case

HERE = Path(__file__).parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TOOLS = ("bash", "bridge", "ethtool", "ip", "mount", "nsenter", "ping", "sysctl", "unshare")
JOBS = 12
"""Cases at a time. They mostly wait."""


class _Reply(msgspec.Struct):
    id: int
    text: str
    frames: list[tuple[str, str, int, str]]
    seconds: float


def _flags() -> list[str]:
    flags = ["-n", "-m", "-p", "-f", "--kill-child", "--mount-proc"]
    return flags if os.geteuid() == 0 else ["-Ur", *flags]


@functools.cache
def reason() -> str:
    """Why there is no kernel to ask; "" if there is."""
    for tool in TOOLS:
        if shutil.which(tool, path=PATH) is None:
            return f"needs {tool}"
    try:
        done = subprocess.run(
            ["unshare", *_flags(), "ip", "-V"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            env={"PATH": PATH},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unshare: {error}"
    if done.returncode:
        return f"needs namespaces: {done.stderr.strip()}"
    if "iproute2-6.1.0" not in done.stdout:
        return f"needs iproute2 6.1.0, this is {done.stdout.strip()}"
    return ""


def need() -> None:
    """Skip where there is no kernel to ask; fail in CI."""
    if why := reason():
        if CI:
            pytest.fail(why, pytrace=False)
        pytest.skip(why)


def versions() -> dict[str, str]:
    """What has answered."""
    iproute2 = subprocess.run(["ip", "-V"], capture_output=True, text=True, check=True, env={"PATH": PATH}).stdout
    ping = subprocess.run(["ping", "-V"], capture_output=True, text=True, check=True, env={"PATH": PATH}).stdout
    return {
        "kernel": os.uname().release,
        "iproute2": iproute2.split("iproute2-")[-1].split(",")[0].strip(),
        "iputils": ping.split("\n")[0].split()[-1],
    }


def answers(cases: Sequence[Case], jobs: int = JOBS) -> Iterator[tuple[int, Answer]]:
    """(index of a case, answer), as they come."""
    command = ["unshare", *_flags(), sys.executable, "-I", str(HERE / "driver.py"), "-j", str(jobs)]
    environment = {"PATH": PATH, "LC_ALL": "C"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
    ) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        feeder = threading.Thread(target=_feed, args=(driver.stdin, cases), daemon=True)
        feeder.start()
        try:
            for line in driver.stdout:
                reply = msgspec.json.decode(line, type=_Reply)
                yield reply.id, Answer(reply.text, reply.frames, reply.seconds)
        finally:
            driver.kill()
    feeder.join()


def _feed(stream: IO[bytes], cases: Iterable[Case]) -> None:
    try:
        for number, case in enumerate(cases):
            message = {"id": number, "namespaces": case.namespaces, "script": case.script()}
            stream.write(msgspec.json.encode(message) + b"\n")
        stream.close()
    except BrokenPipeError:
        pass


def ask(cases: Sequence[Case], jobs: int = JOBS) -> list[Answer]:
    """All answers, in the order of the cases."""
    found = dict(answers(cases, jobs))
    return [found[number] for number in range(len(cases))]
