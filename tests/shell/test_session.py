"""One run: exit statuses, signals, streams, its end, and what is left of it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

import podwire.shell
from podwire.errors import PodwireError
from podwire.shell import directory
from tests.conftest import require_tool
from tests.shell.conftest import COMMAND, PAIR, environment, podwire_sh, run_here

# ------------------------------------------------------------------------------------------------------ exit statuses


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (":", 0),
        ("exit 7", 7),
        ("false", 1),
        ("ip link show nodev", 1),
        ("ip nonsense", 1),
        ("set -e; ip link show nodev; exit 9", 1),
        ("set -eo pipefail; ip link show nodev | cat; exit 9", 1),
        ("ip link show nodev || exit 9", 9),
        ("kill -TERM $$", 143),
        ("kill -KILL $$", 137),
        ("trap 'exit 5' TERM; kill -TERM $$; sleep 1", 5),
        ("trap 'ip link show nodev; exit $?' EXIT; exit 3", 1),
        ("syntax (", 2),
        ("x() { ip link show nodev; }; if x; then exit 5; fi; ! x", 0),
    ],
)
def test_the_status_is_bash_s(script, status, sh):
    assert sh(script).status == status


def test_without_a_sandbox_the_status_is_the_same(open_sh):
    assert [open_sh(text).status for text in ("exit 7", "kill -TERM $$", "kill -9 $$", "ip link show nodev")] == [
        7,
        143,
        137,
        1,
    ]


def test_what_podwire_does_not_model_has_status_125(both):
    ran = both(
        "ip link add x type macvlan; echo $?; ip -br link; date -s 1; echo $?; timeout 5 ip link add x type macvlan; echo $?"
    )
    assert [ran.lines[0], *ran.lines[2:]] == ["125", "125", "125"]
    assert [line.split(":")[:2] for line in ran.err.splitlines()] == [
        ["podwire", " ip"],
        ["podwire", " date"],
        ["podwire", " ip"],
    ]
    assert ran.err.count("not modelled: ") == 3


# ------------------------------------------------------------------------------------------------------------- signals


@pytest.mark.parametrize(
    ("name", "status", "summary"),
    [("INT", 0, True), ("TERM", 143, False), ("HUP", 129, False), ("KILL", 137, False), ("USR1", 138, False)],
)
def test_a_signal_to_a_command_in_the_background(name, status, summary, both):
    ran = both(
        PAIR
        + f"ip netns exec a ping 10.0.0.2 >out & sleep 2.5; kill -{name} $!; wait $!; echo $?; cat out; sleep 1; wc -l <out"
    )
    assert ran.lines[0] == str(status)
    assert ("3 packets transmitted, 3 received" in ran.out) is summary
    assert sum("icmp_seq" in line for line in ran.lines) == 3


def test_quit_prints_and_goes_on(sh):
    ran = sh(
        PAIR + "ip netns exec a ping -c 3 10.0.0.2 >out 2>&1 & sleep 1.5; kill -QUIT $!; wait $!; echo $?; cat out"
    )
    assert ran.lines[0] == "0"
    assert "2/2 packets, 0% loss" in ran.out
    assert "3 packets transmitted" in ran.out


def test_in_the_background_an_interrupt_is_ignored_by_what_does_not_catch_it(sh):
    ran = sh(
        "sleep 5 & sleep 1; kill -INT $!; wait $!; echo $?; date +%S; set -m; sleep 5 & sleep 1; kill -INT $!; wait $!; echo $?; date +%S"
    )
    assert ran.lines == ["0", "05", "130", "06"]


def test_a_signal_that_comes_before_its_turn_is_not_lost(sh):
    """The command has asked, and waits: nothing catches the signal yet."""
    ran = sh("for i in {1..8}; do sleep 100 & kill -TERM $!; wait $!; echo $?; done; date +%s")
    assert ran.lines == ["143"] * 8 + ["1704067200"]


def test_a_signal_while_standard_input_is_read(both):
    ran = both(
        "mkfifo f; sleep 1000 >f & cat - /etc/hosts <f & p=$!; sleep 1; kill -TERM $p; wait $p; echo $?; kill %1; date +%S",
        seconds=20,
    )
    assert ran.lines == ["143", "01"]


def test_a_signal_while_nobody_reads_the_output(sh):
    ran = sh(
        PAIR
        + "ip netns exec a ping -c 2000 -i 0.01 10.0.0.2 > >(sleep 1000; wc -c) & p=$!; sleep 100; kill $p; wait $p; echo $?; sleep 1000; date +%s",
        seconds=30,
    )
    assert ran.lines[0] == "143"
    assert 50_000 < int(ran.lines[1]) <= 65536
    assert ran.lines[2] == str(1704067200 + 1100)


def test_pipes_whose_reader_has_enough(both):
    ran = both(
        PAIR
        + "ip netns exec a ping -i 0.2 10.0.0.2 | head -3 | wc -l; echo ${PIPESTATUS[@]}; ip netns exec a ping 10.0.0.2 | head -1 >/dev/null; echo ${PIPESTATUS[0]}; date +%S"
    )
    assert ran.lines[:3] == ["3", "141 0 0", "141"]


def test_stop_and_continue(sh):
    ran = sh(
        PAIR
        + "ip netns exec a ping 10.0.0.2 >out & sleep 2.5; kill -STOP $!; sleep 100; kill -CONT $!; sleep 1.2; kill -INT $!; wait $!; grep -c icmp_seq out; date +%s"
    )
    assert 4 <= int(ran.lines[0]) <= 5
    assert ran.lines[1] == str(1704067200 + 103)


# ------------------------------------------------------------------------------------------------------------- streams


def test_binary_output(sh, tmp_path):
    require_tool("tshark")
    ran = sh(
        PAIR
        + """
        timeout 3 ip netns exec b tcpdump -ni e0 -U -w - 2>/dev/null >x.pcap & sleep 1
        ip netns exec a ping -c 1 10.0.0.2 >/dev/null; wait
        od -An -tx1 -N4 x.pcap; tcpdump -nr x.pcap 2>/dev/null | grep -c ICMP; cat x.pcap | tcpdump -nr - 2>/dev/null | grep -c ICMP
        """
    )
    assert ran.lines == [" d4 c3 b2 a1", "2", "2"]
    done = subprocess.run(
        ["tshark", "-r", tmp_path / "x.pcap", "-Y", "icmp"], capture_output=True, text=True, timeout=60, check=False
    )
    assert len(done.stdout.splitlines()) == 2


def test_files_lie_where_the_script_stands(sh, tmp_path):
    sh(
        PAIR
        + "mkdir d; cd d; timeout 2 ip netns exec b tcpdump -ni e0 -w x.pcap 2>/dev/null & sleep 1; ip netns exec a ping -c1 10.0.0.2; wait"
    )
    assert (tmp_path / "d" / "x.pcap").stat().st_size > 200
    assert not (tmp_path / "x.pcap").exists()


def test_descriptors_that_are_closed_or_full(sh):
    ran = sh(
        "ip link >&-; ip link 2>&- | wc -l; ip link <&- | wc -l; ip link >/dev/full; ip link show nodev 2>/dev/full; echo $?; exec 1>&-; ip link"
    )
    assert ran.lines == ["2", "2", "1"]


def test_large_output_into_a_slow_reader(both):
    ran = both(
        "for i in {1..40}; do echo link add d$i type dummy; done >b; ip -batch b; (for i in {1..20}; do ip link; done) | (sleep 5; wc -c); date +%S",
        seconds=50,
    )
    assert int(ran.lines[0]) > 70_000
    assert ran.lines[1] == "05"


def test_one_large_output_into_a_slow_reader(sh):
    ran = sh(
        "ip link add d0 type dummy; for i in {1..1500}; do echo link show; done >b; ip -batch b | (sleep 5; md5sum) >x; ip -batch b | md5sum | cmp - x && date +%S"
    )
    assert ran.lines == ["05"], ran


def test_large_standard_input(both, tmp_path):
    (tmp_path / "in").write_bytes(b"x" * 999 + b"\n" + b"y\n" * 200_000)
    ran = both(
        "cat - /etc/hosts <in | wc -l; cat in | cat - /etc/hosts | wc -c; sha1sum <in >s; cat in | sha1sum | cmp s - && echo same"
    )
    assert ran.lines == ["200002", str(401_000 + len("127.0.0.1\tlocalhost\n")), "same"]


def test_the_script_may_come_from_standard_input_with_arguments(tmp_path, namespaces):
    ran = run_here(
        ["-s", "a b", "c"],
        tmp_path,
        stdin=b'echo "$1|$2|$#"; ip -br link | cut -c1-2; read x; echo rest\nline\necho $x\nexit 4\n',
    )
    assert (ran.status, ran.lines) == (4, ["a b|c|2", "lo", "rest", "line"]) or ran.lines[:2] == ["a b|c|2", "lo"]
    file = tmp_path / "my script.sh"
    file.write_text('echo "$0 $1 $#"; exit 3', encoding="utf-8")
    ran = run_here([str(file), "-x", "--", "y"], tmp_path)
    assert (ran.status, ran.out) == (3, f"{file} -x 3\n")


# ----------------------------------------------------------------------------------------------------------- the clock


def test_max_time(sh):
    ran = sh(PAIR + "ip netns exec a ping -q 10.0.0.2; echo $?; date +%s; sleep 1000; date +%s", max_time=10)
    assert "11 packets transmitted" in ran.out or "10 packets transmitted" in ran.out
    assert ran.lines[-2:] == [str(1704067210), str(1704068210)]
    assert ran.err == "podwire: ping is interrupted: it has run for 10 s of virtual time (--max-time)\n"


def test_max_time_of_what_nobody_reads(sh):
    """Interrupted, it has output left: that must not stop the clock."""
    ran = sh(PAIR + "ip netns exec a ping -i 0.01 10.0.0.2 | (sleep 7200; wc -l); date +%s", max_time=100, seconds=45)
    assert int(ran.lines[0]) > 500
    assert ran.lines[1] == str(1704067200 + 7200)


def test_endless_commands_end(sh):
    ran = sh(
        "ip link set lo up; tcpdump -ni lo 2>&1; sleep infinity & p=$!; timeout 100 tcpdump -ni lo 2>/dev/null; kill $p; date +%s",
        max_time=60,
    )
    assert ran.lines[-1] == str(1704067200 + 120)


def test_a_real_program_that_sleeps_is_waited_for(sh, monkeypatch):
    ran = sh("read -t 0.3 <> <(:); echo $?; sleep 1; date +%S")
    assert ran.lines[1] == "01"
    assert ran.err == ""


def test_a_real_program_that_sleeps_for_long_is_not(sh, monkeypatch):
    monkeypatch.setattr("podwire.shell.session._PATIENCE", 0.3)
    ran = sh("mkfifo f; (read -t 3 <>f; echo late) & sleep 100; date +%s; wait", seconds=20)
    assert ran.lines == [str(1704067300), "late"]
    assert re.fullmatch(
        r"podwire: process \d+ has slept for 0 s by the real clock: virtual time goes on without it\n", ran.err
    )


# ------------------------------------------------------------------------------------------------------------- the end


def test_what_is_left_running_says_its_last_words(both):
    """They come within the present instant, as on a real machine; time does not move for them."""
    ran = both(
        "exec > >(sed s/^/log:/); ip -br link | cut -c1-2; (sleep 1; echo >&2) >/dev/null & ip -br link show lo | cut -c1-3 & echo end; exit 6"
    )
    assert ran.status == 6
    assert (sorted(ran.lines), ran.err) == (["log:end", "log:lo", "log:lo "], "")


@pytest.mark.parametrize(
    "left",
    [
        "while :; do :; done",
        "trap '' TERM HUP; while :; do sleep 5; done",
        "setsid sleep 99999",
        "nohup tcpdump -ni lo",
        "read <> f",
    ],
)
def test_nothing_outlives_a_run(left, both, tmp_path):
    begin = time.monotonic()
    both(f"mkfifo f; echo $$ >pid; ({left}) & exec -a podwire-test-left bash -c 'exit 0'")
    assert time.monotonic() - begin < 15
    for _ in range(100):
        if not _left_in(tmp_path):
            break
        time.sleep(0.02)
    assert _left_in(tmp_path) == []


def _ended(process):
    try:
        process.wait(10)
    finally:
        process.kill()


def _left_in(where):
    """Processes whose directory is the run's."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                if (entry / "cwd").readlink() == where:
                    found.append((entry / "cmdline").read_bytes())
            except OSError:
                continue
    return found


def test_state_ends_with_the_run(both):
    assert both("ip link add d0 type dummy; ip netns add x; sysctl -qw net.ipv4.ip_forward=1").status == 0
    assert both("ip -br link | wc -l; ip netns; cat /proc/sys/net/ipv4/ip_forward; date +%s").lines == [
        "1",
        "0",
        "1704067200",
    ]


@pytest.fixture
def short():
    """A directory with a path short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="pw", dir="/tmp") as name:
        yield Path(name)


def test_the_private_directory_is_private_and_goes(short, open_sh, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(short))
    monkeypatch.setattr("tempfile.tempdir", None)
    ran = open_sh("dirname $PATH; stat -c %a $(dirname $PATH)")
    path, mode = ran.lines
    assert Path(path).parent == short
    assert mode == "700"
    assert list(short.iterdir()) == []


def test_in_the_sandbox_no_output_tells_runs_apart(sh):
    first, second = (
        # In a pipe with ps there might be a process that is on its way to become sort.
        sh(
            'echo $PATH $$ $!; type ip; cat nosuch; x=$(ps ax -o args); sort <<< "$x"; env | grep -v ^PWD | sort'
        ).out.replace("/dev/shm/", "")
        for _ in range(2)
    )
    assert re.sub(r"podwire-\w+", "podwire-", first) == re.sub(r"podwire-\w+", "podwire-", second)
    assert "PATH=/run/podwire/bin\n" in first


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_to_podwire_ends_everything(number, namespaces, tmp_path, short):
    """Also by SIGKILL; but then nobody is left to remove the directory."""
    work = tmp_path / "work"
    work.mkdir()
    process = subprocess.Popen(
        [*COMMAND, "sh", "-c", "echo ready; (trap '' TERM HUP; while :; do :; done) & tcpdump -ni lo & cat <> <(:)"],
        cwd=work,
        env=environment(TMPDIR=str(short)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == b"ready\n"
        directories = list(short.iterdir())
        process.send_signal(number)
        _ended(process)
    assert process.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    end = time.monotonic() + 10
    while _left_in(work) and time.monotonic() < end:
        time.sleep(0.02)
    assert _left_in(work) == []
    assert directories != []
    if number != signal.SIGKILL:
        assert list(short.iterdir()) == []


def test_a_signal_to_podwire_without_a_sandbox(tmp_path, short):
    code = "from podwire.shell import run, sandbox; sandbox.available = lambda: (); import sys; sys.exit(run(['-c', sys.argv[1]]))"
    work = tmp_path / "work"
    work.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", code, "echo ready; (while :; do :; done) & setsid sleep 99 & wait"],
        cwd=work,
        env=environment(TMPDIR=str(short)),
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
        _ended(process)
    assert process.returncode == 143
    assert (_left_in(work), list(short.iterdir())) == ([], [])


# -------------------------------------------------------------------------------------------------------- surroundings


@pytest.mark.parametrize("name", ["with spaces and 'quotes' $x", "x" * 120, "x\ty"])
def test_any_directory_for_temporary_files(name, both, tmp_path, monkeypatch):
    """A socket's path has at most 108 bytes, a first line of a script 127."""
    place = tmp_path / name
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", None)
    ran = both(
        "ip -br link | cut -c1-2; cat /proc/sys/net/ipv4/ip_forward; grep -c lo /proc/net/dev; env A=1 sudo ip -br link | wc -l; cat nosuch; wget"
    )
    assert ran.lines == ["lo", "0", "1", "1"]
    assert ran.err.startswith("cat: nosuch: No such file or directory\npodwire: wget is not simulated")
    assert list(place.iterdir()) == []


def test_temporary_files_where_the_sandbox_puts_others(sh, monkeypatch):
    """/run is covered, with whatever lies in it."""
    if not os.access("/run", os.W_OK):
        pytest.skip("cannot write to /run")
    with tempfile.TemporaryDirectory(dir="/run") as place:
        monkeypatch.setenv("TMPDIR", place)
        monkeypatch.setattr("tempfile.tempdir", None)
        ran = sh("ip -br link | cut -c1-2; ls /run")
    assert (ran.lines, ran.err) == (["lo", "lock", "mount", "netns", "podwire"], "") or ran.lines[0] == "lo"


def test_memory_is_where_links_cost_nothing(monkeypatch):
    monkeypatch.delenv("TMPDIR", raising=False)
    memory = Path("/dev/shm")
    usable = (
        memory.is_dir() and os.access(memory, os.W_OK) and not os.statvfs(memory).f_flag & (os.ST_NOEXEC | os.ST_RDONLY)
    )
    assert (directory._base() == "/dev/shm") is usable
    monkeypatch.setenv("TMPDIR", "/tmp")
    monkeypatch.setattr("tempfile.tempdir", None)
    assert directory._base() == "/tmp"


def test_an_interpreter_with_spaces_in_its_path(both, tmp_path, monkeypatch):
    place = tmp_path / "a b"
    place.mkdir()
    (place / "python").symlink_to(directory.PYTHON)
    monkeypatch.setattr(directory, "PYTHON", str(place / "python"))
    assert both("ip -br link | cut -c1-2").out == "lo\n"


def test_a_directory_with_spaces(sh, tmp_path, namespaces):
    place = tmp_path / "a b 'c'"
    place.mkdir()
    ran = run_here(
        ["-c", "pwd; echo x >y; cat y; ip link set lo up; timeout 1 tcpdump -ni lo -w z 2>/dev/null; ls"], place
    )
    assert ran.lines == [str(place), "x", "y", "z"]


def test_a_directory_that_is_gone(sh):
    assert sh("mkdir d; cd d; rmdir ../d; ip -br link | cut -c1-2").out == "lo\n"


def test_the_environment_is_the_caller_s(both, tmp_path):
    before = dict(os.environ)
    ran = both("env", environment={"HOME": "/home/x", "LANG": "C", "A": "b c"})
    assert dict(os.environ) == before
    settings = dict(line.split("=", 1) for line in ran.lines if re.match(r"\w+=", line))
    ours = {"_", "PATH", "BASH_ENV", "ENV", "PODWIRE_PLACE", "PODWIRE_HOST"}
    assert {name: value for name, value in settings.items() if name not in ours} == {
        "HOME": "/home/x", "LANG": "C", "A": "b c", "PWD": str(tmp_path), "SHLVL": settings["SHLVL"],
    }  # fmt: skip
    assert ours - {"_"} <= settings.keys()


def test_limits_of_the_caller_stay(both):
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert both("ulimit -Sn").out == f"{before[0]}\n"
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_signal_handlers_of_the_caller_stay(sh):
    numbers = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    sh(":")
    assert [signal.getsignal(number) for number in numbers] == before


def test_a_hundred_commands_at_once(sh):
    ran = sh(
        "seq 100 | xargs -P 100 -I{} sh -c 'sleep 0.{}; echo {}' | sort -n | tail -1; for i in {1..100}; do sleep 1 & done; wait; date +%S",
        seconds=90,
    )
    assert ran.lines == ["100", "01"]


def test_more_commands_than_descriptors(sh, monkeypatch):
    """Each waiting command holds four of ours."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
    try:
        assert sh("for i in {1..60}; do sleep 1 & done; wait; date +%S").out == "01\n"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_run_inside_a_run_is_refused(both):
    words = " ".join(f"'{word}'" for word in COMMAND)
    ran = both(f"podwire sh -c :; echo $?; PYTHONPATH={environment()['PYTHONPATH']} {words} sh -c :; echo $?")
    assert ran.lines == ["2", "2"]
    assert ran.err.splitlines() == [
        "podwire: podwire inside podwire sh: a script has one simulator (for another shell: bash)",
        "podwire: podwire sh inside podwire sh: a script has one simulator (for another shell: bash)",
    ]


def test_two_runs_at_once_do_not_know_each_other(namespaces, tmp_path):
    script = tmp_path / "s.sh"
    script.write_text(
        PAIR
        + "sysctl -qw net.ipv4.ip_forward=$1; for i in 1 2 3; do ip netns exec a ping -c 2 10.0.0.2 & sleep 1; done; wait; cat /proc/sys/net/ipv4/ip_forward; ip netns | wc -l; date"
    )
    alone = [podwire_sh(script, number).out for number in (0, 1)]
    processes = [
        subprocess.Popen([*COMMAND, "sh", str(script), number], env=environment(), stdout=subprocess.PIPE, text=True)
        for number in "01" * 2
    ]
    assert [process.communicate(timeout=60)[0] for process in processes] == alone * 2


def test_two_runs_in_two_threads(namespaces, tmp_path):
    outs = [tmp_path / "0", tmp_path / "1"]

    def one(path):
        with path.open("wb") as file:
            podwire.shell.run(
                ["-c", PAIR + "ip netns exec a ping -c 3 10.0.0.2; date"], stdin=subprocess.DEVNULL, stdout=file
            )

    threads = [threading.Thread(target=one, args=[path], daemon=True) for path in outs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outs[0].read_text() == outs[1].read_text()
    assert "3 received" in outs[0].read_text()


def test_without_bash(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda *_: None)
    with pytest.raises(PodwireError, match=r"^podwire sh needs bash on the PATH$"):
        podwire.shell.run(["-c", ":"], directory=tmp_path)


def test_a_script_that_is_refused_does_not_start(tmp_path, sh):
    with pytest.raises(
        PodwireError, match=r"^-c:2: > /proc/sys/a would write to this machine's kernel: write `sysctl -w a=…`$"
    ):
        sh("touch started\necho 1 > /proc/sys/a")
    assert not (tmp_path / "started").exists()


# --------------------------------------------------------------------------------------------------------- podwire sh


def test_the_command_line(tmp_path):
    lab = tmp_path / "lab.yaml"
    lab.write_text(
        "apiVersion: podwire.dev/v1alpha1\nkind: Lab\nspec:\n  cni: {gke: {dataplane: calico}}\n  nodes: {node1: {}}\n  setup:\n    - run: {name: a, node: node1}\n"
    )
    (tmp_path / "s.sh").write_text('echo "$0 $1"; ip -br link | wc -l; exit 3')
    assert podwire_sh("-c", "echo $0 $1; date +%s", "x", "y").out == "x y\n1704067200\n"
    assert podwire_sh("s.sh", "-f", cwd=tmp_path).out == "s.sh -f\n1\n"
    assert podwire_sh("s.sh", cwd=tmp_path).status == 3
    assert podwire_sh(stdin="echo hello; ip -br link | cut -c1-2").out == "hello\nlo\n"
    assert (
        podwire_sh("-f", lab, "-m", "a", "-c", "echo $PODWIRE_HOST; ssh node1 printenv PODWIRE_HOST").out
        == "a\nnode1\n"
    )
    ran = podwire_sh("--max-time", "5", "-c", "ip link set lo up; tcpdump -ni lo 2>/dev/null; date +%s")
    assert ran.out.split() == ["1704067205"]
    ran = podwire_sh("-m", "a", "-c", ":")
    assert (ran.status, ran.err) == (2, "podwire: -m a: a machine is one of a lab's: name the lab with -f\n")
    ran = podwire_sh("-c", "\necho 1 >/proc/sys/net/ipv4/ip_forward")
    assert (ran.status, ran.err) == (
        2,
        "podwire: -c:2: > /proc/sys/net/ipv4/ip_forward would write to this machine's kernel: write `sysctl -w net.ipv4.ip_forward=…`\n",
    )
    ran = podwire_sh("-ec", "echo 1 >/proc/sys/a")
    assert ran.status == 2
    ran = podwire_sh("nowhere.sh")
    assert (ran.status, ran.err) == (127, "/usr/bin/bash: nowhere.sh: No such file or directory\n") or ran.status == 127


def test_help_does_not_load_the_simulator():
    code = "import sys; from podwire.cli import main; main(['sh', '--help']); sys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, env=environment()
    )
    loaded = set(done.stderr.split())
    assert "podwire.cli.commands" in loaded
    assert (
        not {"podwire.shell", "podwire.linux", "podwire.fabric", "podwire.cluster", "msgspec", "yaml", "scapy"} & loaded
    )
