"""Runs scripts of tests/tools/real in the simulator: namespaces, veths, waiting, and the commands of ``podwire.tools``.

The scripts are shell, this is none: it knows the forms that they use. ``podwire sh`` plays those of tests/oracle; it has no BusyBox.
"""

import re
import shlex
from pathlib import Path

from podwire.errors import NotModelled
from podwire.fabric.network import Network
from podwire.linux.image import Image
from podwire.linux.machine import Place
from podwire.tools.process import Process
from podwire.tools.registry import find
from tests.oracle import normalise

ORACLE = Path(__file__).parents[1] / "oracle"
MORE = Path(__file__).parent / "real"
HERE = frozenset({"arp", "arping", "cat", "ping", "route", "sysctl"})
"""The tools whose text is compared."""
HOSTS = "127.0.0.1\tlocalhost\n"
NETWORKS = "default\t\t0.0.0.0\nloopback\t127.0.0.0\nlink-local\t169.254.0.0\n"
BUSYBOX = Image("busybox", tools={"arp": "busybox", "route": "busybox"})


def nanoseconds(seconds):
    return int(float(seconds) * 1_000_000_000)


class Unknown(Exception):
    """A line that this is not shell enough for."""


class Lab:
    """One Debian 12; namespaces by name, each with a place for commands."""

    def __init__(self):
        self.network = Network()
        self.machine = self.network.add_machine("host")
        self.root = self.machine.root
        self.root.files.update({"/etc/hosts": HOSTS, "/etc/networks": NETWORKS})
        self.last: Process = None  # type: ignore[assignment]
        """The command in the background."""

    def printed(self):
        """What the command in the background has printed."""
        return "".join(text for _, text in self.last.output)

    def place(self, name, image=None):
        netns = self.machine.netns_names[name]
        place = Place(netns, image or self.machine.image, "host")
        place.files = self.root.files
        return place

    def start(self, argv, place):
        process = Process(self.network, place, argv)
        tool = find(place.image, argv[0])
        assert tool is not None, f"there is no {argv[0]}"
        process.start(tool)
        return process

    def run(self, argv, place=None):
        process = self.start(argv, place or self.root)
        assert self.network.run_until(lambda: process.done), f"{argv} does not end: {process.stdout}"
        return process

    def setup(self, line):
        process = self.run(shlex.split(line))
        assert process.status == 0, f"{line}: {process.stdout}{process.stderr}"

    def namespace(self, name):
        self.setup(f"ip netns add {name}")
        for key in ("net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.default.disable_ipv6"):
            self.run(["sysctl", "-qw", f"{key}=1"], self.place(name))
        self.setup(f"ip -n {name} link set lo up")

    def pair(self, a, dev_a, mac_a, b, dev_b, mac_b):
        self.setup(
            f"ip link add {dev_a} netns {a} address {mac_a} type veth peer name {dev_b} netns {b} address {mac_b}"
        )
        self.setup(f"ip -n {a} link set {dev_a} up")
        self.setup(f"ip -n {b} link set {dev_b} up")


def command(lab, line):
    """(argv, place) of a line, or None for a command that is not ours."""
    words = shlex.split(line)
    name, image = None, None
    if words[:3] == ["ip", "netns", "exec"]:
        name, words = words[3], words[4:]
    if words[:1] == ["busybox"]:
        image, words = BUSYBOX, words[1:]
    if not words or words[0] not in HERE | {"ip"}:
        return None
    return words, lab.place(name, image) if name else lab.root


def filtered(pipe, text):
    """What a filter behind ``|`` makes of the text."""
    words = shlex.split(pipe)
    lines = text.splitlines(keepends=True)
    match words:
        case ["sort"]:
            return "".join(sorted(lines, key=str.encode))
        case ["head", "-n", count] | ["head", count]:
            return "".join(lines[: int(count.lstrip("-"))])
        case ["grep", *options, pattern]:
            chosen = pattern if "-E" in options else pattern.replace("(", r"\(").replace(")", r"\)")
            return "".join(line for line in lines if re.search(chosen, line))
    raise Unknown(pipe)


class Script:
    """Runs a script; ``blocks`` holds (command, text with ``[exit N]``) of every command of ours that it shows."""

    def __init__(self):
        self.lab = Lab()
        self.blocks: list[tuple[str, str]] = []
        self.not_modelled: list[str] = []
        self.status: int | None = 0
        self.forms = (
            (r"(ip netns exec \S+ .*) >out 2>&1 &", self.begin),
            (r"printf '(.*)' > hosts", self.hosts),
            (r"wait .*", self.wait),
            (r"kill -(INT|TERM|QUIT) .*", self.kill),
            (r"mount --bind hosts .*", lambda *_: None),
        )

    def run(self, text):
        for line in text.splitlines():
            line = line.strip()
            if line and not line.startswith("#"):
                self.line(line)
        return self

    def line(self, line):
        for pattern, action in self.forms:
            if match := re.fullmatch(pattern, line):
                action(*match.groups())
                return
        lab = self.lab
        plain = line.removesuffix(" >/dev/null")
        words = shlex.split(line.replace("$?", str(self.status)))
        match words:
            case ["ns", *names]:
                for name in names:
                    lab.namespace(name)
            case ["pair", *rest]:
                lab.pair(*rest)
            case ["sleep", seconds]:
                lab.network.sleep(nanoseconds(seconds))
            case ["say", *said]:
                self.blocks.append((f"# {' '.join(said)}", ""))
            case ["sys", name, *settings]:
                lab.run(["sysctl", "-qw", *settings], lab.place(name))
            case ["t", *_]:
                self.told(" ".join(words[1:]))
            case ["ip", *_] if not re.search(r"[|&;<>$]", plain):
                lab.run(*command(lab, plain))
            case _:
                raise Unknown(line)

    def begin(self, line):
        self.lab.last = self.lab.start(*command(self.lab, line))

    def hosts(self, text):
        self.lab.root.files["/etc/hosts"] = text.replace("\\n", "\n")

    def wait(self):
        process = self.lab.last
        assert self.lab.network.run_until(lambda: process.done), "the command in the background does not end"
        self.status = process.status

    def kill(self, signal):
        self.lab.last.interrupt({"INT": 2, "TERM": 15, "QUIT": 3}[signal])

    def told(self, shown):
        """``t COMMAND``."""
        if shown == "cat out":
            self.blocks.append((f"$ {shown}", self.lab.printed()))
            return
        parts = shown.split(" | ")
        line, mute = re.subn(r" 2>/dev/null", "", parts[0])
        line, deaf = re.subn(r" >/dev/null", "", line)
        line = line.removesuffix(" 2>&1")
        found = command(self.lab, line)
        if found is None:
            return
        argv, place = found
        try:
            process = self.lab.run(argv, place)
            text = "".join(
                text for stream, text in process.output if (stream == 1 and not deaf) or (stream == 2 and not mute)
            )
            status = process.status or 0
        except NotModelled as missing:
            text, status = f"NotModelled: {missing}\n", 0
            self.not_modelled.append(" ".join(argv))
        for pipe in parts[1:]:
            text = filtered(pipe, text)
            status = int(not text) if pipe.startswith("grep") else 0
        if status:
            # The prompt of a shell: where a text does not end its line, the next one goes on there.
            text += f"[exit {status}]\n"
        if argv[0] in HERE:
            self.blocks.append((f"$ {shown}", text))


def recorded(text):
    """(command, what it printed) of a record, in order."""
    result: list[tuple[str, list[str]]] = []
    for line in text.splitlines(keepends=True):
        if line.startswith(("$ ", "# ")) or re.fullmatch(r"--- \w+\n", line):
            # A command, a remark, or what a tcpdump in the background has printed.
            result.append((line.rstrip("\n"), []))
        elif "$ ip netns exec" in line and result:
            # The text before did not end its line.
            before, _, shown = line.partition("$ ip netns")
            result[-1][1].append(before)
            result.append((f"$ ip netns{shown}".rstrip("\n"), []))
        elif result:
            result[-1][1].append(line)
    return [(shown, "".join(lines)) for shown, lines in result]


def normalised(text, keep):
    """As the oracle does it; and the time of an arping's answer behind an address that it was meant for."""
    return re.sub(r"(?<=\]) \d+\.\d{3}ms", " <t>ms", normalise.normalise(text, keep))


def pairs(script, record):
    """(command, real, ours) of every block that ours has, in order, normalised; and the commands that are not modelled."""
    text = script.read_text()
    ours = Script().run(text)
    keep = normalise.macs(text)
    real = iter(recorded(record.read_text()))
    result = []
    for shown, printed in ours.blocks:
        expected = next((lines for candidate, lines in real if candidate == shown), None)
        assert expected is not None, f"{shown!r} is not in the record behind what came before"
        result.append((shown, normalised(expected, keep), normalised(printed, keep)))
    return result, ours.not_modelled
