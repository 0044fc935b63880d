"""Which programs a script may call, and what it is told of the others."""

import re

import pytest

from podwire.shell.programs import READERS, REAL, REFUSED, WRAPPERS, is_virtual
from podwire.tools import registry


def test_the_lists_do_not_contradict_each_other():
    assert not REAL & REFUSED
    assert not REAL & WRAPPERS
    assert not REFUSED & WRAPPERS
    assert not READERS & (REFUSED | WRAPPERS)


@pytest.mark.parametrize("name", ["nmap", "docker", "mount", "wget", "systemctl"])
def test_refused_by_name_and_by_absolute_path(name, both):
    ran = both(f"{name} -x; echo $?; command {name}; echo $?; env {name}; echo $?; sh -c '{name}; echo $?'")
    assert ran.lines == ["127"] * 4
    assert set(ran.err.splitlines()) == {
        f"podwire: {name} is not simulated, and podwire passes nothing to this machine's network (simulated: {_simulated()})"
    }


def _simulated():
    return " ".join(sorted({*registry.names(), *WRAPPERS} - READERS))


def test_what_nobody_has_heard_of(both):
    ran = both(
        "frobnicate; echo $?; ip netns add a; ip netns exec a frobnicate; sh -c frobnicate; echo $?; /opt/frobnicate; echo $?"
    )
    assert [line for line in ran.lines if line != "1"] == ["127"] * 3
    first, second, third, fourth = ran.err.splitlines()
    assert (
        first
        == f"podwire: frobnicate is neither simulated nor one of the real programs that a script may call (simulated: {_simulated()})"
    )
    assert second == 'exec of "frobnicate" failed: No such file or directory'
    assert re.search(r"frobnicate: (command )?not found$", third)
    assert fourth.endswith("/opt/frobnicate: No such file or directory")


def test_a_real_program_that_is_on_no_list(both):
    ran = both("python3 -c 'print(1)'; echo $?; ip netns add a; ip netns exec a python3; true")
    assert ran.out == "127\n"
    assert (
        ran.err.count("podwire: python3 is neither simulated nor one of the real programs that a script may call") == 2
    )


@pytest.mark.parametrize("name", ["ip", "ping", "sysctl", "tcpdump", "sleep"])
def test_absolute_paths_lead_to_the_simulator(name, sh):
    """Wherever this machine has the tool."""
    ran = sh(f"for d in /bin /sbin /usr/bin /usr/sbin; do [ -x $d/{name} ] && head -c 2 $d/{name} && echo; done; true")
    assert set(ran.lines) <= {"#!"}


def test_absolute_paths_of_what_is_refused(sh):
    ran = sh(
        "for c in nft mount tc bpftool; do for d in /bin /sbin /usr/bin /usr/sbin; do [ ! -e $d/$c ] || $d/$c x; done; done; true"
    )
    assert ran.out == ""
    assert all(
        "is not simulated, and podwire passes nothing to this machine's network" in line
        for line in ran.err.splitlines()
    )


def test_virtual_paths():
    assert is_virtual("/proc/sys/net/ipv4/ip_forward")
    assert is_virtual("/sys/class/net")
    assert is_virtual("/etc/hosts")
    assert not is_virtual("/proc/cpuinfo")
    assert not is_virtual("hosts")


def test_real_programs_work(both, tmp_path):
    ran = both(
        "printf 'b\\na\\n' | sort | sed s/a/A/ | awk '{print NR, $1}' > x; cat x; seq 3 | xargs -n1 echo; mkdir d; mv x d; find . -name x; expr 2 + 3"
    )
    assert (ran.lines, ran.err) == (["1 A", "2 b", "1", "2", "3", "./d/x", "5"], "")
