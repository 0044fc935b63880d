"""The kernel of this machine, in a network namespace of its own per sequence of commands."""

import functools
import os
import shutil
import subprocess

import pytest

from tests.conftest import CI

MARK = "@@@ "
SETTLED = "[ $(ip -br link | grep -c ' UP ') = 2 ]"
"""Two devices have their carrier."""
SETTLED6 = SETTLED + " && [ $(ip -6 -o addr | grep -v tentative | grep -c fe80) = 2 ]"
"""And their link-local addresses."""

NO_IPV6 = "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1\n"
NO_DAD = "sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0\n"
SETUP = """
sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \\
    net.ipv4.conf.all.promote_secondaries=0 net.ipv4.conf.default.promote_secondaries=0
"""
RUN = """
run() { "$@" 2>&1; echo "@@@ $?"; }
"""
PATIENT = """
run() { "$@" 2>&1; r=$?; [ "$2" = link ] && sleep 1.3; echo "@@@ $r"; }
"""


@functools.cache
def command():
    """How to get a namespace here, or None."""
    if shutil.which("ip") is None or shutil.which("sysctl") is None or shutil.which("unshare") is None:
        return None
    words = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
    try:
        done = subprocess.run([*words, "ip", "-V"], capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return None
    return words if done.returncode == 0 and "iproute2-6.1.0" in done.stdout else None


def need():
    """Skip, or fail in CI, where there is no namespace to compare with."""
    if command() is None:
        message = "needs namespaces and iproute2 6.1.0"
        if CI:
            pytest.fail(message, pytrace=False)
        pytest.skip(message)


def run(lines, setup=0, settled="true", *, ipv6=False, patient=False):
    """Output and exit status of each line, in one fresh namespace.

    After the first ``setup`` lines it waits until ``settled`` succeeds: a change of carrier is told up to a second later.
    ``patient`` waits so long after every ``ip link`` command.
    """
    wait = f"for i in {{1..150}}; do {settled} && break; sleep 0.02; done >/dev/null\n"
    first, rest = ("".join(f"run {line}\n" for line in part) for part in (lines[:setup], lines[setup:]))
    script = (NO_DAD if ipv6 else NO_IPV6) + SETUP + (PATIENT if patient else RUN) + first + wait + rest
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    done = subprocess.run(
        [*command(), "bash", "--norc", "--noprofile"],
        input=script,
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=True,
    )
    results, output = [], []
    for line in done.stdout.splitlines(keepends=True):
        head, mark, status = line.rpartition(MARK)
        if mark and status.strip().isdecimal():
            output.append(head)
            results.append(("".join(output), int(status)))
            output = []
        else:
            output.append(line)
    assert len(results) == len(lines), done.stdout + done.stderr
    return results
