"""Scripts that do several things at once print the same every time, whatever else the machine does."""

import subprocess
import sys

import pytest

from tests.shell.conftest import PAIR, run_here

SCRIPTS = {
    "tcpdump in the background": """
        ip netns exec b tcpdump -lnni e0 -c 6 icmp &
        ip netns exec a ping -c 3 10.0.0.2 > /dev/null
        wait; echo done
        """,
    "pings side by side": """
        for i in 1 2 3 4 5; do ip netns exec a ping -c 2 -i 0.$i 10.0.0.2 & done; wait
        """,
    "a pipeline that reads while another writes": """
        ip netns exec b timeout 3 tcpdump -lnni e0 2>/dev/null | while read -r l; do echo "saw: $l"; done &
        ip netns exec a ping -c 2 10.0.0.2 | grep -c ttl
        ip netns exec a ping -c 1 -W 1 10.0.0.9 | tail -2
        wait
        """,
    "timers": """
        (sleep 1; echo one) & (sleep 2; ip -n a link set e0 down; echo two) & (sleep 3; echo three) &
        ip netns exec b ping -c 4 10.0.0.1; wait; date
        """,
    "xargs": """
        seq 1 6 | xargs -P 3 -I{} sh -c 'ip netns exec a ping -c 1 -W 1 10.0.0.{} | head -2 | tail -1; echo {}'
        """,
    "signals": """
        ip netns exec a ping 10.0.0.2 > out & p=$!
        sleep 5; kill -INT $p; wait $p; echo "exit $?"; cat out
        ip netns exec a ping 10.0.0.2 > out & p=$!
        sleep 2.5; kill -QUIT $p; sleep 1; kill -TERM $p; wait $p; echo "exit $?"; cat out
        ip netns exec a ping 10.0.0.2 > out & p=$!
        sleep 2.5; kill -STOP $p; sleep 10; kill -CONT $p; sleep 1; kill -KILL $p; wait $p; echo "exit $?"; cat out
        """,
    "a named pipe, and substitution": """
        rm -f f; mkfifo f; ip netns exec b tcpdump -lnni e0 -c 4 > f 2>err &
        ip netns exec a ping -c 2 10.0.0.2 > /dev/null &
        cat f; wait; cat err
        diff <(ip netns exec a ping -c 1 10.0.0.2) <(ip netns exec b ping -c 1 10.0.0.1)
        timeout 2 bash -c 'while :; do sleep 0.5; echo tick; done'; echo $?
        """,
    "a coprocess": """
        coproc ip netns exec b tcpdump -lnni e0 icmp 2>&1
        read -r l <&${COPROC[0]}; echo "$l"; read -r l <&${COPROC[0]}; echo "$l"
        ip netns exec a ping -c 1 10.0.0.2 | sed -n 2p
        read -r l <&${COPROC[0]}; echo "$l"
        kill $COPROC_PID; wait
        ip netns exec a ping -i 0.2 10.0.0.2 | head -3; echo ${PIPESTATUS[@]}
        """,
    "loops that sleep": """
        for i in 1 2 3; do (for j in 1 2 3; do sleep 0.$i; echo $i $j; done) & done; wait
        """,
    "job control": """
        set -m
        ip netns exec a ping -c 3 10.0.0.2 | cat & jobs; wait %1; jobs
        sleep 5 & sleep 1; kill -STOP %%; sleep 10; kill -CONT %%; wait; date +%S
        """,
    "waiting for a line": """
        dump() { : >d; ip netns exec b tcpdump -lni e0 >d 2>&1 & for i in {1..100}; do grep -q listening d && break; sleep 0.02; done; }
        dump; ip netns exec a ping -c1 10.0.0.2; kill -INT $!; wait $!; cat d
        x=$(ip netns exec a ping -c1 10.0.0.2 & ip netns exec b ping -c1 10.0.0.1 & wait); echo "$x"
        """,
    "commands that end at one instant": """
        for i in {1..12}; do (sleep 1; echo $i; ip netns exec a ping -c 1 10.0.0.2 | sed -n 2p) & done; wait; date +%s.%N
        """,
    "neighbours that several ask for": """
        ip netns exec b tcpdump -lnni e0 -c 8 > d 2>/dev/null &
        ip netns exec a ping -c 2 10.0.0.2 >/dev/null & ip netns exec b ping -c 2 10.0.0.1 >/dev/null &
        ip netns exec a ping -c 1 -W 1 10.0.0.9; wait; cat d; ip -n a neigh; ip -n b neigh
        """,
    "what is written to one pipe": """
        { for i in 1 2 3 4; do ip -n a -br addr & ip -n b -br addr & done; wait; } | cat -n
        """,
    "a script left to itself": """
        ip netns exec b ping -i 0.5 10.0.0.1 & sleep 1.7
        exec > >(sed s/^/log:/); ip -n a -br link; echo end
        """,
}


def play(text, directory):
    ran = run_here(["-c", f"exec 2>&1\n{PAIR}{text}", "script"], directory)
    return ran.status, ran.out


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_same_three_times(name, namespaces, tmp_path):
    first = play(SCRIPTS[name], tmp_path)
    assert first[1]
    for _ in range(2):
        assert play(SCRIPTS[name], tmp_path) == first


def test_what_some_of_them_print(namespaces, tmp_path):
    """Equal is not yet right."""
    _, out = play(SCRIPTS["tcpdump in the background"], tmp_path)
    assert sum("ICMP echo" in line for line in out.splitlines()) == 6
    assert out.endswith("done\n")
    _, out = play(SCRIPTS["loops that sleep"], tmp_path)
    ends = {round(0.1 * i * j, 1): 1 for i in (1, 2, 3) for j in (1, 2, 3)}
    times = [round(0.1 * int(i) * int(j), 1) for i, j in (line.split() for line in out.splitlines())]
    assert times == sorted(times)
    assert set(times) == set(ends)
    _, out = play(SCRIPTS["commands that end at one instant"], tmp_path)
    assert [line for line in out.splitlines() if line.isdecimal()] == [str(number) for number in range(1, 13)]
    _, out = play(SCRIPTS["timers"], tmp_path)
    assert [word for word in out.split() if word in {"one", "two", "three"}] == ["one", "two", "three"]
    _, out = play(SCRIPTS["job control"], tmp_path)
    assert out.endswith("\n13\n")


@pytest.fixture
def load():
    """Busy processes beside the runs, which are other runs' load too; not so greedy that nothing else gets on."""
    code = "import posix; posix.nice(5)\nwhile True: sum(range(10000))"
    processes = [subprocess.Popen([sys.executable, "-IS", "-c", code]) for _ in range(2)]
    yield
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_same_fifty_times_under_load(name, namespaces, tmp_path, load):
    first = play(SCRIPTS[name], tmp_path)
    for number in range(2, 51):
        assert play(SCRIPTS[name], tmp_path) == first, f"run {number}"
