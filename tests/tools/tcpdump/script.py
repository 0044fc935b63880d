"""Runs those of the oracle's scripts of tcpdump in the simulator in which programs send: as much shell as they use.

What they send with a shell (``/dev/udp``, ``/dev/tcp``) goes out by sockets; the one TCP exchange of them is replayed,
as podwire's kernel has no connections.
"""

import re
import shlex

from podwire.linux.machine import Place
from podwire.linux.netns import Netns
from podwire.linux.socket import RawSocket, UdpSocket
from podwire.tools.process import Process
from podwire.tools.registry import find
from podwire.trace.events import Received, Transmitted
from podwire.wire.addr import Ip4, Mac
from podwire.wire.headers import TCP_ACK, TCP_FIN, TCP_PSH, TCP_SYN, Ethernet, IPv4, Tcp
from podwire.wire.packet import Packet
from tests.tools.realscripts import Lab, nanoseconds

SYN_OPTIONS = "020405b4 0402 080a {} 00000000 01 03030a"
SYN_ACK_OPTIONS = "020405b4 0402 080a {} {} 01 03030a"
OPTIONS = "0101 080a {} {}"


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

    def run(self, text):
        for line in logical(text):
            words = shlex.split(line)
            if not (self.in_the_lab(words) or self.of_the_prelude(words)):
                raise Unknown(line)
        return self

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
            case ["ip", "netns", "exec", *_]:
                self.stage(shlex.join(word for word in words if not re.match(r"2?>", word)))
            case _:
                return False
        return True

    def of_the_prelude(self, words):
        match words:
            case ["say", *said]:
                self.blocks.append((f"# {' '.join(said)}", ""))
            case ["dump", label, name, *rest]:
                self.dump(label, name, rest)
            case ["enddump", *rest]:
                self.enddump(*rest)
            case ["t", *rest]:
                self.told(" ".join(rest))
            case ["wait", *_]:
                pass
            case _:
                return False
        return True

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
        """``t COMMAND``: none of them prints."""
        self.stage(shown)

    def stage(self, command):
        place, words = self.lab.root, shlex.split(command)
        if words[0] == "ip":
            place, words = self.place(words[3]), words[4:]
        match words:
            case ["tcpdump" | "ping" | "arping", *_]:
                self.tool(words, place)
            case ["bash", "-c", script]:
                self.bash(place, script)
            case ["python3", "&"]:
                pass
            case _:
                raise Unknown(command)

    def tool(self, argv, place):
        process = Process(self.lab.network, place, argv)
        found = find(place.image, argv[0])
        assert found is not None
        process.start(found)
        assert self.lab.network.run_until(lambda: process.done), f"{argv} does not end"

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
