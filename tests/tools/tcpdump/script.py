"""Runs the oracle's scripts of tcpdump in the simulator: as much shell as these use.

What they send with a shell (``/dev/udp``, ``/dev/tcp``) goes out by sockets; the one TCP exchange of them is replayed,
as podwire's kernel has no connections.
"""

import re
import shlex
from pathlib import Path
from typing import Any

from podwire.linux.machine import Place
from podwire.linux.netns import Netns
from podwire.linux.socket import RawSocket, UdpSocket
from podwire.tools.process import Process
from podwire.tools.registry import find
from podwire.tools.tcpdump.files import as_bytes, as_text
from podwire.trace.events import Received, Transmitted
from podwire.wire.addr import Ip4, Mac
from podwire.wire.headers import TCP_ACK, TCP_FIN, TCP_PSH, TCP_SYN, Ethernet, IPv4, Tcp
from podwire.wire.packet import Packet
from tests.tools.realscripts import Lab, nanoseconds

SYN_OPTIONS = "020405b4 0402 080a {} 00000000 01 03030a"
SYN_ACK_OPTIONS = "020405b4 0402 080a {} {} 01 03030a"
OPTIONS = "0101 080a {} {}"
SIGNALS = {"INT": 2, "TERM": 15}


class Files:
    """The files of the directory in which the script runs, as text."""

    def __getitem__(self, name):
        return as_text(Path(name).read_bytes())

    def __setitem__(self, name, text):
        Path(name).write_bytes(as_bytes(text))


class Unknown(Exception):
    """A line that this is not shell enough for."""


def options(form, *stamps):
    return bytes.fromhex(form.format(*(f"{stamp:08x}" for stamp in stamps)))


def exchange():
    """The record's ``GET /`` and its answer: (segment, payload) of the client's and the server's."""
    client, server = (38448, 80), (80, 38448)
    a, b, ta, tb = 2189954600, 1461043889, 2254205092, 4235394833
    both = TCP_ACK | TCP_PSH
    yield Tcp(*client, a - 1, 0, TCP_SYN, 64240, options=options(SYN_OPTIONS, ta)), b""
    yield Tcp(*server, b - 1, a, TCP_SYN | TCP_ACK, 65160, options=options(SYN_ACK_OPTIONS, tb, ta)), b""
    yield Tcp(*client, a, b, TCP_ACK, 63, options=options(OPTIONS, ta, tb)), b""
    yield Tcp(*client, a, b, both, 63, options=options(OPTIONS, ta + 1, tb)), b"GET /\n"
    yield Tcp(*server, b, a + 6, TCP_ACK, 64, options=options(OPTIONS, tb + 1, ta + 1)), b""
    answer = b"HTTP/1.0 200 OK\r\n\r\nhello\n"
    yield Tcp(*server, b, a + 6, both, 64, options=options(OPTIONS, tb + 1, ta + 1)), answer
    yield Tcp(*client, a + 6, b + 25, TCP_ACK, 63, options=options(OPTIONS, ta + 1, tb + 1)), b""
    yield Tcp(*server, b + 25, a + 6, TCP_FIN | TCP_ACK, 64, options=options(OPTIONS, tb + 1, ta + 1)), b""
    yield Tcp(*client, a + 6, b + 26, TCP_FIN | TCP_ACK, 63, options=options(OPTIONS, ta + 7, tb + 1)), b""
    yield Tcp(*server, b + 26, a + 7, TCP_ACK, 64, options=options(OPTIONS, tb + 7, ta + 7)), b""


def replay(netns: Netns):
    """The exchange, as the taps of the client's v0 see it."""
    ends = (Ip4.parse("10.0.0.1"), Ip4.parse("10.0.0.2"))
    macs = (Mac.parse("02:00:00:00:00:0a"), Mac.parse("02:00:00:00:00:0b"))
    for number, (segment, payload) in enumerate(exchange()):
        turn = 1 if segment.dport == 80 else -1
        (src, dst), (smac, dmac) = ends[::turn], macs[::turn]
        # The first answer of a server has no id; the others count on.
        header = IPv4(src, dst, 6, 64, id=0 if segment.flags & TCP_SYN and turn < 0 else 63618 + number, df=True)
        frame = Packet((Ethernet(dmac, smac, 0x0800), header, segment), payload)
        netns.emit(number + 1, Transmitted("v0", frame) if turn > 0 else Received("v0", frame))


def logical(text):
    """The lines of a script, the quoted text of a Python server as one."""
    lines = re.sub(r"python3 -c '[^']*' &", "python3 &", text).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


class Script:
    """``blocks`` holds (shown, text with ``[exit N]``) of every tcpdump and remark, in the order of the record."""

    def __init__(self):
        self.lab = Lab()
        self.blocks: list[tuple[str, str]] = []
        self.places: dict[str, Place] = {}
        self.dumps: list[tuple[str, Process]] = []
        self.functions: dict[str, list[str]] = {}
        self.running: Any = None
        self.status: int | None = 0

    def run(self, text):
        self.lines(logical(text), {}, [])
        return self

    # ------------------------------------------------------------------------------------------------ the shell

    def lines(self, lines, variables, arguments):
        at = 0
        while at < len(lines):
            line = lines[at]
            if match := re.fullmatch(r"for (\w+) in (.*); do(.*; done)?", line):
                body, at = self.body(lines, at, "done") if match[3] is None else ([match[3][:-6].strip()], at)
                for value in shlex.split(match[2]):
                    self.lines(body, {**variables, match[1]: value}, arguments)
            elif match := re.fullmatch(r"(\w+)\(\) \{", line):
                self.functions[match[1]], at = self.body(lines, at, "}")
            else:
                self.line(line, variables, arguments)
            at += 1

    @staticmethod
    def body(lines, at, end):
        stop = lines.index(end, at)
        return lines[at + 1 : stop], stop

    @staticmethod
    def words(line, variables, arguments):
        for word in shlex.split(line):
            if word == "$@":
                yield from arguments
            elif (name := word.removeprefix("$")) != word and name in variables:
                yield from variables[name].split() or [""] * (f'"{word}"' in line)
            else:
                for name, value in variables.items():
                    word = word.replace(f"${name}", value)
                yield word

    def line(self, line, variables, arguments):
        words = list(self.words(line, variables, arguments))
        if not (self.in_the_lab(words) or self.of_the_prelude(words) or self.with_files(words)):
            raise Unknown(line)

    def in_the_lab(self, words):
        match words:
            case ["ns", *names]:
                for name in names:
                    self.lab.namespace(name)
            case ["pair", *rest]:
                self.lab.pair(*rest)
            case ["sys", name, setting]:
                self.lab.run(["sysctl", "-qw", setting], self.place(name))
            case ["sleep", seconds]:
                self.lab.network.sleep(nanoseconds(seconds))
            case ["ip", "-n", *_]:
                self.lab.setup(shlex.join(words))
            case ["ip", "netns", "exec", name, "tcpdump", *rest, ">out", "2>err", "&"]:
                self.running = self.lab.start(["tcpdump", *rest], self.place(name))
            case ["ip", "netns", "exec", *_]:
                self.pipeline(shlex.join(word for word in words if not re.match(r"2?>", word)))
            case _:
                return False
        return True

    def of_the_prelude(self, words):
        match words:
            case ["say", *said]:
                self.blocks.append((f"# {' '.join(said)}".replace("$?", str(self.status)), ""))
            case ["dump", label, name, *rest]:
                self.dump(label, name, rest)
            case ["enddump", *rest]:
                self.enddump(*rest)
            case ["t", *rest]:
                self.told(" ".join(rest))
            case ["kill", *_]:
                self.running.interrupt()
            case ["wait", *_]:
                self.status = self.running.status if self.running else 0
            case [name, *rest] if name in self.functions:
                self.lines(self.functions[name], {}, rest)
            case _:
                return False
        return True

    def with_files(self, words):
        match words:
            case ["cat", "out" | "err" as name]:
                self.blocks[-1] = self.blocks[-1][0], self.running.stdout if name == "out" else self.running.stderr
            case ["head", "-c", count, source, target]:
                self.files[target.removeprefix(">")] = as_text(self.bytes(source)[: int(count)])
            case ["echo", said, target]:
                self.files[target.removeprefix(">")] = said + "\n"
            case [":", target]:
                self.files[target.removeprefix(">")] = ""
            case _:
                return False
        return True

    @property
    def files(self):
        return Files()

    def bytes(self, name):
        return as_bytes(self.files[name])

    def place(self, name):
        """One for all commands there: it counts the processes, and ping's ids with them."""
        if name not in self.places:
            place = self.places[name] = self.lab.place(name)
            place.next_pid += 1000 * len(self.places)
        return self.places[name]

    # ------------------------------------------------------------------------------------------------- tcpdump

    def dump(self, label, name, rest):
        shown = " ".join(rest)
        self.blocks.append((f"$ ip netns exec {name} tcpdump -l {shown} &   # {label}", ""))
        argv = ["tcpdump", "--immediate-mode", "-B", "16384", "-l", *shlex.split(shown)]
        self.dumps.append((label, self.lab.start(argv, self.place(name))))

    def enddump(self, seconds="0.15"):
        self.lab.network.sleep(nanoseconds(seconds))
        for _, process in self.dumps:
            process.interrupt()
        for label, process in self.dumps:
            assert process.done
            self.blocks.append((f"--- {label}", "".join(text for _, text in process.output)))
        self.dumps = []

    def told(self, shown):
        """``t COMMAND``: a block where there is a tcpdump in it."""
        command = shown
        if match := re.fullmatch(r"\(sleep (\S+); (.*)\) & (.*)", shown):
            command = match[3]
            start = self.lab.network.now + nanoseconds(match[1])
            self.lab.network.at(start, lambda: self.pipeline(match[2].replace(">/dev/null", ""), wait=False))
        text, status = self.pipeline(command)
        if "tcpdump" in shown or shown.startswith("od"):
            self.blocks.append((f"$ {shown}", text + (f"[exit {status}]\n" if status else "")))

    def pipeline(self, command, *, wait=True):
        """What it prints on the terminal, and its status."""
        shown, piped, status = "", "", 0
        stages = command.split(" | ")
        for number, stage in enumerate(stages):
            output, status = self.stage(stage, piped, wait=wait)
            piped = "".join(text for stream, text in output if stream == 1)
            last = number == len(stages) - 1
            shown += "".join(text for stream, text in output if stream == 2 or last)
        return shown, status

    def stage(self, command, piped, *, wait):
        place, deadline, signal = self.lab.root, None, "TERM"
        words = shlex.split(command)
        while words[0] in {"ip", "timeout"}:
            if words[0] == "ip":
                place, words = self.place(words[3]), words[4:]
            elif words[1] == "-s":
                signal, deadline, words = words[2], words[3], words[4:]
            else:
                deadline, words = words[1], words[2:]
        match words:
            case ["ping", *rest] if "-R" in rest:
                return [], 0
            case ["tcpdump" | "ping" | "arping", *_]:
                return self.tool(words, place, piped, deadline, SIGNALS[signal], wait=wait)
            case ["bash", "-c", script]:
                self.bash(place, script)
                return [], 0
            case ["python3", "&"]:
                return [], 0
            case ["cat", name]:
                return [(1, self.files[name])], 0
            case ["wc", "-l"]:
                return [(1, f"{piped.count(chr(10))}\n")], 0
            case ["grep", "-v", pattern]:
                left = [line for line in piped.splitlines(keepends=True) if pattern not in line]
                return [(1, "".join(left))], int(not left)
            case ["od", "-A", "d", "-t", "x1", "-N", "24", name]:
                data = self.bytes(name)[:24]
                rows = [f"{at:07} {data[at : at + 16].hex(' ')}\n" for at in (0, 16)]
                return [(1, "".join([*rows, "0000024\n"]))], 0
        raise Unknown(command)

    def tool(self, words, place, piped, deadline, signal, *, wait):
        merged, quiet, mute = "2>&1" in words, "2>/dev/null" in words, ">/dev/null" in words
        argv = [word for word in words if word not in {"2>&1", "2>/dev/null", ">/dev/null"}]
        network = self.lab.network
        process = Process(network, place, argv, stdin=piped)
        found = find(place.image, argv[0])
        assert found is not None
        process.start(found)
        if not wait:
            return [], 0
        status = None
        if not network.run_until(lambda: process.done, network.now + nanoseconds(deadline or 60)):
            assert deadline, f"{words} does not end"
            process.interrupt(signal)
            status = 124
        output = [(1 if merged and not mute else stream, text) for stream, text in process.output]
        return [
            (s, text) for s, text in output if not (s == 2 and quiet) and not (s == 1 and mute)
        ], status or process.status

    # ------------------------------------------------------------------------------------------------- traffic

    def bash(self, place, script):
        match = re.fullmatch(r"(?:echo (\w+)|head -c (\d+) /dev/zero) >/dev/(tcp|udp)/([\d.]+)/(\d+)", script)
        if match is None:
            replay(place.netns)
            return
        data = bytes(int(match[2])) if match[2] else match[1].encode() + b"\n"
        ip, port = Ip4.parse(match[4]), int(match[5])
        if match[3] == "udp":
            socket = UdpSocket(place.netns, 0, lambda: None)
            socket.send_to(ip, port, data)
        else:
            raw = RawSocket(place.netns, 6, lambda: None)
            source = place.netns.sockets.ephemeral_port()
            raw.send(ip, Tcp(source, port, 432542540, 0, TCP_SYN, 64240, options=options(SYN_OPTIONS, 1485986629)), b"")
        self.lab.network.sleep(nanoseconds("0.01"))
