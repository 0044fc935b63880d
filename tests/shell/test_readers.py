"""Real programs that read files: the simulated machine's come from it, all others are the caller's."""

import pytest

from podwire.shell import readers
from tests.shell.conftest import PAIR

FORWARD = "/proc/sys/net/ipv4/ip_forward"


def test_each_program_reads_the_simulated_file(both):
    ran = both(
        PAIR
        + f"""
        sysctl -qw net.ipv4.ip_forward=1
        cat {FORWARD}; cat {FORWARD} | cat -n; cat < /dev/null {FORWARD} {FORWARD}
        head -n 1 /proc/net/dev; head -c 6 /proc/net/dev; echo
        tail -n 1 /proc/net/dev | cut -c1-7; tail -1 {FORWARD}
        grep -c : /proc/net/dev; grep -n lo /proc/net/dev | cut -c1-7; grep -q nosuch /proc/net/dev; echo $?
        wc -l /proc/net/dev; wc -c {FORWARD}
        ls /sys/class/net; ip netns exec a ls /sys/class/net/
        ip netns exec a cat /sys/class/net/e0/address; ip netns exec a sh -c 'head -1 /sys/class/net/e0/mtu'
        """
    )
    assert ran.err == ""
    assert ran.lines == [
        "1", "     1\t1", "1", "1", "Inter-|   Receive                                                |  Transmit", "Inter-",
        "    lo:", "1", "1", "3:    l", "1", "3 /proc/net/dev", f"2 {FORWARD}", "lo", "e0", "lo", "02:00:00:00:00:0a", "1500",
    ] or ran.lines[-5:-2] == ["lo", "lo", "e0"]  # fmt: skip


def test_missing_files_are_missed_in_the_program_s_words(open_sh):
    path = "/proc/sys/net/ipv4/nosuch"
    ran = open_sh(f"for c in cat head tail wc 'grep x'; do $c {path}; echo $?; done; ls /sys/class/net/nosuch; echo $?")
    assert ran.lines == ["1", "1", "1", "1", "2", "125"]
    assert ran.err.splitlines()[:5] == [
        f"cat: {path}: No such file or directory",
        f"head: cannot open '{path}' for reading: No such file or directory",
        f"tail: cannot open '{path}' for reading: No such file or directory",
        f"wc: {path}: No such file or directory",
        f"grep: {path}: No such file or directory",
    ]


def test_all_other_files_are_the_caller_s(both, tmp_path):
    (tmp_path / "text").write_text("one\ntwo\nlo\n", encoding="utf-8")
    ran = both(
        "cat text | head -1; grep -n two text; wc -l < text; tail -n1 text; ls; echo x | tee y; cat y; cat - text <<< z | wc -l; cat nosuch; echo $?"
    )
    assert ran.lines == ["one", "2:two", "3", "lo", "text", "x", "x", "4", "1"]
    assert ran.err == "cat: nosuch: No such file or directory\n"


def test_tee_says_what_to_write_instead(both):
    ran = both(f"echo 1 | sudo tee {FORWARD}; echo $?; cat {FORWARD}")
    assert ran.lines == ["125", "0"]
    assert ran.err == f"podwire: tee {FORWARD}: write `sysctl -w net.ipv4.ip_forward=…`\n"


def test_files_of_both_at_once_are_refused(open_sh, tmp_path):
    (tmp_path / "mine").write_text("lo\n", encoding="utf-8")
    (tmp_path / "lo").write_text("lo\n", encoding="utf-8")
    (tmp_path / "1").write_text("lo\n", encoding="utf-8")
    ran = open_sh(
        "grep lo mine /proc/net/dev; echo $?; head -1 /proc/net/dev /proc/net/route; echo $?; grep -c lo /proc/net/dev; head -n 1 /proc/net/dev | wc -l"
    )
    assert ran.lines == ["125", "125", "1", "1"]
    assert "podwire: grep: give it one file of the simulated machine at a time: cat /proc/net/dev | grep …\n" in ran.err


@pytest.mark.parametrize(
    ("command", "operands"),
    [
        ("grep lo f", ["f"]),
        ("grep -e lo f", ["f"]),
        ("grep -ie lo f g", ["f", "g"]),
        ("grep -A 3 lo f", ["f"]),
        ("grep --regexp=lo f", ["f"]),
        ("grep -m1 lo -", ["-"]),
        ("head -n 5 f", ["f"]),
        ("head -n5 f", ["f"]),
        ("tail -c 5 -q f", ["f"]),
        ("wc -l f g", ["f", "g"]),
        ("cat f", ["f"]),
    ],
)
def test_operands(command, operands):
    assert readers._operands(command.split()) == operands


@pytest.mark.parametrize(
    ("command", "wants"),
    [
        ("cat", True),
        ("cat -n", True),
        ("cat f", False),
        ("cat - f", True),
        ("ip -batch -", True),
        ("ip a", False),
        ("tcpdump -r /dev/stdin", True),
        ("iptables-restore -w 5 -W 100000 --noflush --counters", True),
        ("iptables-restore --wait 5 -nT filter", True),
        ("iptables-restore -w -n", True),
        ("iptables-restore -w 5 f", False),
    ],
)
def test_who_reads_standard_input(command, wants):
    assert readers.wants_stdin(command.split()) is wants


def test_files_of_a_node_s_own_tree_are_read_and_written(open_sh):
    path = "/etc/cni/net.d/10-net.conflist"
    ran = open_sh(
        f"""
        ls /etc/cni/net.d; echo '{{}}' | tee {path}; ls /etc/cni/net.d; cat {path}; wc -c {path}
        echo more | tee -a {path} | cat -n; grep -c . {path}; ls {path}
        tee /proc/net/arp </dev/null; echo $?
        """
    )
    assert ran.lines == [
        "{}", "10-net.conflist", "{}", f"3 {path}", "     1\tmore", "2", path, "125"
    ]  # fmt: skip
    assert "tee /proc/net/arp" in ran.err
