"""A command as its caller sees it: where it stands, signals, and the processes that the caller has."""

import shlex
from pathlib import Path

import pytest

from podwire.errors import NotModelled
from podwire.export.pcap import PcapReader
from podwire.tools.files import caller_path
from podwire.tools.ping import ping
from podwire.tools.process import Interrupt, Process
from podwire.tools.registry import find
from podwire.tools.sleep import sleep
from podwire.tools.tcpdump import tcpdump

SECOND = 1_000_000_000


def process(lab, line, **options):
    return Process(lab.network, lab.a, shlex.split(line), **options)


def started(lab, line, **options):
    running = process(lab, line, **options)
    running.start(find(lab.a.image, running.argv[0]))
    return running


def waits(lab, *, catch=False):
    """A tool that waits for ever and says when it is resumed, and by what."""
    said: list[int | str] = []

    def tool(proc):
        while True:
            try:
                yield None
            except Interrupt as interrupt:
                said.append(interrupt.signal)
                if not catch:
                    raise
            else:
                said.append("resumed")

    running = process(lab, "tool")
    running.start(tool)
    return running, said


# -- where the caller stands --------------------------------------------------------------------------------------


def test_files_are_seen_from_the_directory_of_the_caller(lab, tmp_path):
    assert caller_path(process(lab, "x", directory=str(tmp_path)), "a.pcap") == tmp_path / "a.pcap"
    assert caller_path(process(lab, "x", directory=str(tmp_path)), "/a.pcap") == Path("/a.pcap")
    assert caller_path(process(lab, "x"), "a.pcap") == Path("a.pcap")


def test_captures_are_written_and_read_there(lab, tmp_path):
    (tmp_path / "only").write_text("icmp\n")
    dump = started(lab, "tcpdump -w one.pcap -c 2 -F only -i v0", directory=str(tmp_path))
    lab.run(["ping", "-c", "1", "10.0.0.2"], lab.a)
    lab.network.sleep(0)
    assert dump.status == 0
    read = started(lab, "tcpdump -nr one.pcap", directory=str(tmp_path))
    assert [line.split()[1:4] for line in read.stdout.splitlines()] == [
        ["IP", "10.0.0.1", ">"],
        ["IP", "10.0.0.2", ">"],
    ]
    missing = started(lab, "tcpdump -r two.pcap", directory=str(tmp_path))
    assert (missing.stderr, missing.status) == ("tcpdump: two.pcap: No such file or directory\n", 1)


# -- terminals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "terminals", "coloured"),
    [
        ("-c=auto", {1}, True),
        ("-c=auto", {0, 2}, False),
        ("-c=never", {1}, False),
        ("-c=always", (), True),
        ("-c", (), True),
        ("", {0, 1, 2}, False),
    ],
)
def test_colour_on_a_terminal(lab, option, terminals, coloured):
    text = started(lab, f"ip {option} link show v0", terminals=frozenset(terminals)).stdout
    assert ("\033[36mv0" in text) == coloured


# -- endless commands ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "endless"),
    [
        ("ping 10.0.0.2", True),
        ("ping -W 1 10.0.0.2", True),
        ("ping -c 9 10.0.0.2", False),
        ("ping -w 9 10.0.0.2", False),
        ("tcpdump -i v0", True),
        ("tcpdump -c 9 -i v0", False),
        ("arping -I v0 10.0.0.9", True),
        ("arping -f -I v0 10.0.0.9", False),
        ("arping -c 9 -I v0 10.0.0.9", False),
        ("arping -w 9 -I v0 10.0.0.9", False),
        ("sleep infinity", True),
        ("sleep 1 inf", True),
        ("sleep 9", False),
    ],
)
def test_endless(lab, line, endless):
    running = started(lab, line)
    assert not running.done
    assert running.endless == endless
    running.close()


# -- SIGKILL ------------------------------------------------------------------------------------------------------


def test_killed_ping_says_nothing_and_leaves_no_socket(lab):
    running = started(lab, "ping 10.0.0.2")
    ended = []
    running.on_exit = lambda: ended.append(running.status)
    before = running.stdout
    running.close()
    running.close()
    assert (running.stdout, running.status, running.done, ended) == (before, 137, True, [137])
    assert not lab.a.netns.sockets.raw
    lab.network.sleep(2 * SECOND)
    assert running.stdout == before


def test_killed_tcpdump_loses_what_it_has_not_written(lab, tmp_path):
    sinks = len(lab.network.log._sinks)
    dumps = {name: started(lab, f"tcpdump {name} -w {tmp_path / name} -i v0") for name in ("-n", "-U")}
    lab.run(["ping", "-c", "1", "10.0.0.2"], lab.a)
    lab.network.sleep(0)
    for dump in dumps.values():
        dump.close()
    assert len(lab.network.log._sinks) == sinks
    assert (tmp_path / "-n").read_bytes() == b""
    with (tmp_path / "-U").open("rb") as stream:
        assert len(list(PcapReader(stream))) == 4
    assert "captured" not in dumps["-n"].stderr


def test_a_file_grows_by_4096_bytes(lab, tmp_path):
    dump = started(lab, f"tcpdump -w {tmp_path / 'big'} -i v0")
    lab.run(["ping", "-c", "3", "-i", "0.01", "-s", "1000", "10.0.0.2"], lab.a)
    lab.network.sleep(0)
    assert (tmp_path / "big").stat().st_size == 4096
    dump.interrupt()
    assert (tmp_path / "big").stat().st_size == 24 + 2 * (16 + 42) + 6 * (16 + 1042)


def test_killed_before_it_starts(lab):
    running = process(lab, "ping -c 1 10.0.0.2")
    running.close()
    running.start(ping)
    assert (running.status, running.stdout) == (137, "")


@pytest.mark.parametrize("line", ["ping -c 3 10.0.0.2", "ip link"])
def test_killed_by_the_one_who_reads(lab, line):
    running = process(lab, line)
    ended = []
    running.on_exit = lambda: ended.append(running.status)
    running.on_output = lambda *_: running.close()
    running.start(find(lab.a.image, running.argv[0]))
    assert running.status == 137
    assert ended == [137]
    assert len(running.output) == 1
    assert not lab.a.netns.sockets.raw


def test_interrupted_by_the_one_who_reads(lab):
    running = process(lab, "ping 10.0.0.2")
    running.on_output = lambda *_: running.interrupt()
    running.start(ping)
    assert running.status == 0, "the reply is there before the first wait"
    assert "1 packets transmitted, 1 received" in running.stdout


# -- SIGSTOP ------------------------------------------------------------------------------------------------------


def test_stopped_ping_sends_nothing_and_reads_later(lab):
    running = started(lab, "ping -c 2 10.0.0.2")
    running.stop()
    assert running.stopped
    before = running.stdout
    lab.network.sleep(5 * SECOND)
    assert running.stdout == before
    running.resume()
    assert not running.stopped
    assert lab.network.run_until(lambda: running.done)
    # The reply waited on the socket with the time at which it came.
    assert "icmp_seq=1 ttl=64 time=0.004 ms\n" in running.stdout
    assert "2 packets transmitted, 2 received, 0% packet loss, time 5000ms\n" in running.stdout


def test_stopped_sleep_is_over_at_once_when_its_time_came_meanwhile(lab):
    running = process(lab, "sleep 3")
    running.start(sleep)
    running.stop()
    lab.network.sleep(10 * SECOND)
    assert not running.done
    running.resume()
    lab.network.sleep(0)
    assert running.done


def test_stopped_sleep_goes_on_when_its_time_has_not_come(lab):
    running = process(lab, "sleep 3")
    running.start(sleep)
    running.stop()
    lab.network.sleep(SECOND)
    running.resume()
    lab.network.sleep(SECOND)
    assert not running.done
    lab.network.sleep(SECOND)
    assert running.done


def test_stopped_tcpdump_shows_later_what_came(lab):
    dump = process(lab, "tcpdump -n -i v0 -c 4")
    dump.start(tcpdump)
    dump.stop()
    lab.run(["ping", "-c", "1", "10.0.0.2"], lab.a)
    lab.network.sleep(0)
    assert dump.stdout == ""
    dump.resume()
    lab.network.sleep(0)
    assert dump.status == 0
    assert len(dump.stdout.splitlines()) == 4


def test_wake_does_not_resume_what_is_stopped(lab):
    running, said = waits(lab)
    running.stop()
    running.wake()
    lab.network.sleep(0)
    assert said == []
    running.resume()
    lab.network.sleep(0)
    assert said == ["resumed"]
    running.resume()
    lab.network.sleep(0)
    assert said == ["resumed"], "it was not stopped"


def test_resume_alone_does_not_wake(lab):
    running, said = waits(lab)
    running.stop()
    running.resume()
    lab.network.sleep(0)
    assert said == []


def test_signals_wait_for_what_is_stopped(lab):
    running, said = waits(lab, catch=True)
    running.stop()
    for signal in (15, 2, 15):
        running.interrupt(signal)
    assert said == []
    running.resume()
    assert said == [15, 2]


def test_the_first_signal_may_end_it(lab):
    running, said = waits(lab)
    running.stop()
    running.interrupt(15)
    running.interrupt(2)
    running.resume()
    assert (running.status, said) == (143, [15])


def test_sigkill_does_not_wait(lab):
    running, _ = waits(lab)
    running.stop()
    running.close()
    assert (running.status, running.stopped) == (137, False)


def test_what_is_done_is_not_stopped(lab):
    running = started(lab, "ip link")
    running.stop()
    assert not running.stopped


# -- the processes of the caller ----------------------------------------------------------------------------------


def with_processes(lab, line):
    running = process(lab, line)
    table = {7: lab.a.netns, 1000: lab.b.netns, 1001: lab.a.netns}
    running.pids = table.get
    running.processes = lambda: sorted(table)
    running.place = lab.root
    running.start(find(lab.root.image, "ip"))
    return running.stdout, running.stderr, running.status


def test_identify(lab):
    assert with_processes(lab, "ip netns identify 1000") == ("b\n", "", 0)
    assert with_processes(lab, "ip netns identify 1") == ("\n", "", 0)
    gone = ("", "Cannot open network namespace: No such file or directory\n", 1)
    assert with_processes(lab, "ip netns identify 99") == gone


def test_pids(lab):
    assert with_processes(lab, "ip netns pids a") == ("7\n1001\n", "", 0)
    assert with_processes(lab, "ip netns pids b") == ("1000\n", "", 0)


def test_attach(lab):
    bind = "Bind /proc/99/ns/net -> /run/netns/new failed: No such file or directory\n"
    assert with_processes(lab, "ip netns attach new 99") == ("", bind, 1)
    assert "new" not in lab.machine.netns_names
    assert with_processes(lab, "ip netns attach new 1001") == ("", "", 0)
    assert lab.machine.netns_names["new"] is lab.a.netns
    exists = 'Cannot create namespace file "/run/netns/new": File exists\n'
    assert with_processes(lab, "ip netns attach new 99") == ("", exists, 1)


def test_link_to_the_namespace_of_a_process(lab):
    assert with_processes(lab, "ip link add w0 netns 7 type veth peer name w1 netns 1000") == ("", "", 0)
    assert lab.a.netns.link("w0").peer is lab.b.netns.link("w1")
    assert with_processes(lab, "ip -n a link set w0 netns 1") == ("", "", 0)
    assert lab.root.netns.link("w0") is not None
    assert with_processes(lab, "ip link set w0 netns 1000") == ("", "", 0)
    assert lab.b.netns.link("w0") is not None
    assert with_processes(lab, "ip -n b link set w0 netns 99")[1:] == ("RTNETLINK answers: No such process\n", 2)


def test_a_namespace_stays_while_a_process_is_in_it(lab):
    assert with_processes(lab, "ip netns delete b") == ("", "", 0)
    assert "b" not in lab.machine.netns_names
    assert lab.a.netns.link("v0").peer is lab.b.netns.link("v1")


def test_without_processes(lab):
    for line in ("ip netns identify 7", "ip netns attach new 7"):
        with pytest.raises(NotModelled):
            started(lab, line)
    lab.run(shlex.split("ip netns attach one 1"))
    assert lab.machine.netns_names["one"] is lab.root.netns
    with pytest.raises(NotModelled, match="processes"):
        lab.run(shlex.split("ip netns pids one"))
    assert lab.run(shlex.split("ip netns pids a")).stdout == ""
