"""``ip -batch``: what ends a batch, what does not, and how lines are read. Texts are those of the real tool."""

import shlex

import msgspec
import pytest

from podwire.errors import NotModelled
from podwire.tools.ip import ip
from podwire.tools.process import Process
from tests.tools.ip import real
from tests.tools.ip.bench import Bench
from tests.tools.ip.test_forms import COMMANDS, SETUP

LO = "1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN mode DEFAULT group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n"
NOPE = 'Device "nope" does not exist.\n'
FROB = 'Object "frob" is unknown, try "ip help".\n'


def entered(name):
    return f'Cannot open network namespace "{name}": No such file or directory\n'


@pytest.fixture
def bench():
    return Bench()


def start(bench, line, text="", *, directory=""):
    process = Process(bench.world, bench.machine.root, shlex.split(line), stdin=text, directory=directory)
    process.start(ip)
    while not process.done:
        bench.world.step()
    return "".join(text for _, text in process.output), process.status


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("link show lo", (LO, 0)),
        ("", ("", 0)),
        ("link show nope", (NOPE + "Command failed -:1\n", 1)),
        # Blank lines, comments, quotes; the number of a command is that of its last line.
        ('# c\n  \n\t link  show "lo"\n\n\n link show nope\nlink', (LO + NOPE + "Command failed -:6\n", 1)),
        ("link show lo # nope\r\n", (LO, 0)),
        ("link show 'lo'\n", (LO, 0)),
        ("link show \\\nlo # x \\\nlink show nope", (LO + NOPE + "Command failed -:3\n", 1)),
        ("link \\\nshow \\\nlo", (LO, 0)),
        ("link sh\\\now lo", (LO, 0)),
        ("link show \\", ('Device "\\" does not exist.\nCommand failed -:1\n', 1)),
        ("link show lo\nlink show \\\n", (LO + "Missing continuation line\n", 0)),
        ("link show lo \0 link\n", (LO, 0)),
        ("link show lo\n-o link", (LO + 'Object "-o" is unknown, try "ip help".\nCommand failed -:2\n', 1)),
        # What the real tool ends at, it ends at here.
        ('link show lo\nlink show "lo', (LO + "Unterminated quoted string\n", 1)),
        ("lo " * 512, ("Too many arguments to command\n", 1)),
        ("netns exec a nosuch", ('exec of "nosuch" failed: No such file or directory\nCommand failed -:1\n', 1)),
    ],
)
def test_lines(bench, text, said):
    bench.ok("ip netns add a")
    image = bench.machine.root.image
    bench.machine.root.image = msgspec.structs.replace(image, absent=frozenset({"nosuch"}))
    assert start(bench, "ip -batch -", text) == said


def test_511_words_are_not_too_many(bench):
    assert start(bench, "ip -b -", "link " + "lo " * 510)[1] == 255


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("addr add 10.0.0.300/24 dev lo", ('Error: any valid prefix is expected rather than "10.0.0.300/24".\n', 1)),
        ("addr add 10.0.0.3 peer x dev lo", ('Error: inet prefix is expected rather than "x".\n', 1)),
        ("-force", ('Object "-force" is unknown, try "ip help".\nCommand failed -:1\n' + LO, 1)),
        ("link frob", ('Command "frob" is unknown, try "ip link help".\n', 255)),
        ("route get", ("need at least a destination address\nCommand failed -:1\n" + LO, 1)),
        ("route get x", ('Error: any valid prefix is expected rather than "x".\n', 1)),
        ("neigh add 10.0.0.1 lladdr zz dev lo", ('"zz" is invalid lladdr.\nCommand failed -:1\n' + LO, 1)),
        ("neigh del 10.0.0.1 dev lo", ("RTNETLINK answers: No such file or directory\n", 2)),
        ("link del lo", ("RTNETLINK answers: Operation not supported\nCommand failed -:1\n" + LO, 1)),
        # A batch asks for no strict dumps.
        ("route show table 77", (LO, 0)),
        ("route flush table 77", (LO, 0)),
    ],
)
def test_force_goes_on_where_the_command_returned(bench, line, said):
    assert start(bench, "ip -force -b -", f"{line}\nlink show lo\n") == said


def test_a_file_of_the_caller(bench, tmp_path):
    (tmp_path / "bad").write_text("link show lo\nfrob\n")
    assert start(bench, "ip -b bad", directory=str(tmp_path)) == (LO + FROB + "Command failed bad:2\n", 1)
    missing = 'Cannot open file "none" for reading: No such file or directory\n', 1
    assert start(bench, "ip -b none", directory=str(tmp_path)) == missing
    assert start(bench, f"ip -b {tmp_path}") == ("", 0), "a directory can be opened, and there is nothing in it"


def test_options_hold_for_every_line_and_the_rest_is_not_read(bench):
    bench.ok("ip netns add a")
    bench.ok("ip -n a link set lo up")
    one, status = start(bench, "ip -n a -o -force -b - link nonsense", "link\nfrob\nlink\n")
    lines = one.splitlines()
    assert [line[:20] for line in lines[::3]] == ["1: lo: <LOOPBACK,UP,"] * 2
    assert [line.count("\\") for line in lines[::3]] == [1, 1]
    assert status == 1
    assert start(bench, "ip -V -b none")[0].startswith("ip utility, ")
    assert start(bench, "ip -b - -n none") == (entered("none"), 255)
    assert start(bench, "ip -b - -b none")[1] == 1
    assert start(bench, "ip -4 -b -", "-6") == ('Object "-6" is unknown, try "ip help".\nCommand failed -:1\n', 1)


def test_netns_exec_is_a_process_of_its_own(bench):
    bench.ok("ip netns add a")
    bench.ok("ip -n a link set lo up")
    text = "netns exec a ping -c 1 127.0.0.1\nnetns exec a ip link show nope\nnetns exec a ip -b x\nlink show lo\n"
    said, status = start(bench, "ip -force -b -", text)
    assert "1 packets transmitted, 1 received" in said
    assert said.endswith(
        f"{NOPE}Command failed -:2\n"
        'Cannot open file "x" for reading: No such file or directory\nCommand failed -:3\n' + LO
    )
    assert status == 1


def test_who_does_not_get_into_a_namespace_goes_on_with_the_batch(bench):
    """The child that was to become the command is a second ``ip``: so it is with the real tool."""
    assert start(bench, "ip -b -", "netns exec n true\nlink show lo\n") == (
        entered("n") + "Command failed -:1\n" * 2,
        1,
    )
    said = entered("n") + "Command failed -:1\n" + LO + "Command failed -:1\n" + LO, 1
    assert start(bench, "ip -force -b -", "netns exec n true\nlink show lo\n") == said


@pytest.mark.oracle
def test_every_complaint_ends_a_batch_or_does_not():
    """The list of command lines as batches of one, each with a line behind it that fails."""
    real.need()
    bench = Bench()
    for line in SETUP:
        bench.ok(line)
    lines, ours = [], []
    for line in COMMANDS:
        words = line.split()
        # Neighbours come in a random order, and helps are not copied.
        if words[1][0] in "-n" or {"help", "add"} == {*words[2:], "add"} or set(line) & set("'\\$") or "help" in line:
            continue
        text = f"{line.removeprefix('ip ')}\nfrob\n"
        try:
            result = start(bench, "ip -force -b -", text)
        except NotModelled:
            continue
        lines.append(f"bash -c {shlex.quote(f'printf %s {shlex.quote(text)} | ip -force -b -')}")
        ours.append(result)
    theirs = real.run([*SETUP, *lines], len(SETUP), real.SETTLED)[len(SETUP) :]
    wrong = [(line, our, their) for line, our, their in zip(lines, ours, theirs, strict=True) if our != their]
    assert not [each for each in wrong if not each[1][0].startswith("Usage: ")]
    assert len(lines) > 200
