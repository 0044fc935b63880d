#!/usr/bin/env python3
"""Run oracle scripts on the real kernel.

    real.py [--record | --check] [--timeout S] [-j N] SCRIPT... | --all

Each script runs in bash in fresh network, mount and PID namespaces, with its
own /run (so its own /run/netns), its own /sys and an empty current directory.
Output and errors are merged.  --record writes recorded/NAME.out, --check
compares a new run with the record after normalisation.
"""

import argparse
import concurrent.futures
import difflib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))  # it is run as a script, too

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LIMIT = 300_000  # bytes of output kept

SETUP = """
mount --make-rprivate / 2>/dev/null
mount -t tmpfs tmpfs /run && mkdir -p /run/netns
mount -t sysfs sysfs /sys 2>/dev/null
ip link set lo up
. "$1"
. "$2"
"""


def command(script):
    """The command line that runs one script in its own namespaces."""
    flags = ["-n", "-m", "-p", "-f", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        text = script.read_text()
        # root without its groups cannot run tcpdump
        user = ["-U", "--map-user=1", "--map-group=1", "--keep-caps"] if "dump" in text else ["-Ur"]
        flags = user + flags
    inner = ["bash", "--norc", "--noprofile", "-c", SETUP, "oracle"]
    return ["unshare", *flags, *inner, str(HERE / "prelude.sh"), str(script)]


def environment():
    """A small, fixed environment."""
    return {"PATH": PATH, "HOME": "/", "LC_ALL": "C", "TZ": "UTC"}


def run(script, timeout=60.0):
    """Run one script; return (output text, exit status or None)."""
    script = pathlib.Path(script).resolve()
    work = tempfile.mkdtemp(prefix="oracle-")
    pathlib.Path(work).chmod(0o777)  # tcpdump -w writes as another user
    try:
        process = subprocess.Popen(
            command(script),
            cwd=work,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=timeout)
            status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            output += b"[timeout]\n"
            status = None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if len(output) > LIMIT:
        output = output[:LIMIT] + b"\n[truncated]\n"
    text = output.decode("utf-8", "backslashreplace")
    return text.replace(str(script), script.name), status


def record_path(script):
    """Where the record of a script is kept."""
    return HERE / "recorded" / (pathlib.Path(script).stem + ".out")


def difference(script, text):
    """Unified diff between record and text, both normalised."""
    from tests.oracle import normalise

    keep = normalise.macs(pathlib.Path(script).read_text())
    path = record_path(script)
    old = path.read_text() if path.exists() else ""
    old, new = (normalise.normalise(x, keep) for x in (old, text))
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "recorded", "now", lineterm="", n=2)
    return "\n".join(lines)


def handle(script, options):
    """Run one script as the options say; return (message, success)."""
    text, status = run(script, options.timeout)
    name = pathlib.Path(script).stem
    if options.record:
        record_path(script).write_text(text)
        return f"{name}: {len(text.splitlines())} lines, exit {status}", (status == 0)
    if options.check:
        diff = difference(script, text)
        return f"{name}: " + ("different\n" + diff if diff else "same"), not diff
    return text.rstrip("\n"), status == 0


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
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
    good = True
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for message, success in pool.map(lambda s: handle(s, options), scripts):
            print(message, flush=True)
            good = good and success
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
