#!/usr/bin/env python3
"""Run oracle scripts on the real kernel.

    real.py [--record | --check] [--timeout S] [-j N] SCRIPT... | --all

Each script runs in bash in fresh user, network, mount and PID namespaces, with
its own /run (so its own /run/netns), its own /sys and an empty current
directory.  Output and errors are merged.  --record writes recorded/NAME.out,
--check compares a new run with the record after normalisation.
"""

import argparse
import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))  # it is run as a script, too

from tests.oracle import namespaces  # noqa: E402 - found by the line above

LIMIT = 300_000  # bytes of output kept
RUN = HERE / "run.sh"


@contextlib.contextmanager
def workplace():
    """An empty directory, which tcpdump -w can write to as another user."""
    work = tempfile.mkdtemp(prefix="oracle-")
    pathlib.Path(work).chmod(0o777)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def settings(frames):
    """The variables that make the prelude record frames."""
    if frames is None:
        return {}
    pathlib.Path(frames).chmod(0o777)
    return {"FRAMES": str(frames)}


def collect(process, script, timeout):
    """What a process that runs a script prints, and its exit status or None."""
    try:
        output, _ = process.communicate(timeout=timeout)
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        output += b"[timeout]\n"
        status = None
    if len(output) > LIMIT:
        output = output[:LIMIT] + b"\n[truncated]\n"
    text = output.decode("utf-8", "backslashreplace")
    return text.replace(str(script), script.name), status


def run(script, timeout=60.0, frames=None):
    """Run one script; (output, exit status or None). ``frames``: a directory for captures of every device."""
    script = pathlib.Path(script).resolve()
    with workplace() as work:
        process = namespaces.start(
            '. "$1" "$2"',
            str(RUN),
            str(script),
            cwd=work,
            env=settings(frames),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return collect(process, script, timeout)


def versions():
    """The kernel and the tools that judge."""
    process = namespaces.start(
        "uname -r; ip -V; ping -V; tcpdump --version",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return process.communicate(timeout=30)[0].decode().splitlines()


def record_path(script):
    """Where the record of a script is kept."""
    return HERE / "recorded" / (pathlib.Path(script).stem + ".out")


def record(script):
    """The record of a script; empty as long as there is none."""
    path = record_path(script)
    return path.read_text(encoding="utf-8") if path.exists() else ""


def handle(script, options):
    """Run one script as the options say; return (message, success)."""
    from tests.oracle import compare
    from tests.oracle.script import Script

    text, status = run(script, options.timeout)
    name = pathlib.Path(script).stem
    if options.record:
        record_path(script).write_text(text, encoding="utf-8")
        return f"{name}: {len(text.splitlines())} lines, exit {status}", status == 0
    if options.check:
        difference = compare.real_difference(Script(script), record(script), text)
        return f"{name}: " + ("different\n" + difference if difference else "same"), not difference
    return text.rstrip("\n"), status == 0


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("scripts", nargs="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--timeout", type=float, default=60.0)
    parser.add_argument("-j", type=int, default=1, dest="jobs")
    options = parser.parse_args()
    scripts = options.scripts
    if options.all:
        scripts = sorted(str(p) for p in (HERE / "scripts").glob("*.sh"))
    if not scripts:
        parser.error("no scripts")
    if why := namespaces.why_not():
        parser.error(why)
    good = True
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for message, success in pool.map(lambda s: handle(s, options), scripts):
            print(message, flush=True)
            good = good and success
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
