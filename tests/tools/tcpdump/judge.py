"""Asks the real tcpdump, and ours, about the same file."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from podwire.errors import NotModelled
from podwire.export.pcap import PcapReader, PcapWriter
from podwire.linux.image import image
from podwire.tools.tcpdump import filter as filters
from podwire.tools.tcpdump.link import dissector
from podwire.tools.tcpdump.names import Names
from podwire.tools.tcpdump.options import parse
from podwire.wire.addr import Ip4

MARK = "[podwire does not print "
ETHERNET, RAW, SLL, SLL2 = 1, 101, 113, 276
DLT = {ETHERNET: 1, RAW: 12, SLL: 113, SLL2: 276}
START = 1_700_000_000_123_456_000
STEP = 1_500_001_000
ENVIRONMENT = {"TZ": "UTC", "LC_ALL": "C", "PATH": os.environ.get("PATH", "")}
DEBIAN = image("debian-12")
HOSTS = {"127.0.0.1": "localhost"}


def write(path, frames, linktype=ETHERNET, snaplen=262144):
    with Path(path).open("wb") as stream:
        writer = PcapWriter(stream, linktype, snaplen=snaplen)
        for number, data in enumerate(frames):
            writer.packet(START + number * STEP, data)
    return path


def isolated():
    """A command prefix that keeps names from being asked for outside: without it each costs a time-out."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return []
    prefix = [unshare, "-n"] if os.geteuid() == 0 else [unshare, "-rn"]
    return prefix if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode == 0 else []


class Judge:
    def __init__(self, program):
        self.command = [*isolated(), program]

    def run(self, *arguments):
        """Standard output, standard error, status."""
        done = subprocess.run([*self.command, *arguments], capture_output=True, check=False, env=ENVIRONMENT)
        return done.stdout.decode("latin-1"), done.stderr.decode("latin-1"), done.returncode

    def prints(self, path, options):
        return self.run("-r", str(path), *options)[0]

    def filters(self, path, expression):
        """The error message, or the time stamps of the packets that pass."""
        out, err, status = self.run("-r", str(path), "-nn", "-tt", "-#", "--", expression)
        if status:
            return next(line for line in err.splitlines() if line.startswith("tcpdump: "))
        return re.findall(r"^ *\d+  (\d+\.\d+) ", out, re.MULTILINE)


def captured(path):
    with Path(path).open("rb") as stream:
        reader = PcapReader(stream)
        return DLT[reader.linktype], list(reader)


def ours(path, options):
    """The text of each packet."""
    chosen = parse(["tcpdump", *options])
    names = Names(
        numeric=chosen.numeric > 0,
        short=chosen.short_names,
        resolve=lambda ip: HOSTS.get(str(ip)),
        device=lambda index: "lo" if index == 1 else None,
    )
    link_type, packets = captured(path)
    d = dissector(chosen, names, link_type)
    return [d.render(packet.data, packet.length, packet.time, n) for n, packet in enumerate(packets, 1)]


def differences(real, texts):
    """(number, real, ours) of each packet whose text is not the real one, and how many were only compared up to a mark.

    Where podwire says that it does not print something, what it printed before that has to be the beginning.
    """
    wrong, marked, at = [], 0, 0
    for number, text in enumerate(texts):
        whole = MARK not in text
        marked += not whole
        wanted = text if whole else text[: text.index(MARK)].rstrip(" ")
        right = real.startswith(wanted, at)
        if right and whole:
            at += len(text)
            continue
        end = len(real)
        if number + 1 < len(texts):
            # The time stamp of the next packet says where it begins.
            following = texts[number + 1]
            end = real.find("\n" + following[: following.index(" ", 6) + 1], at) + 1
        if not right:
            wrong.append((number, real[at:end], text))
        at = end
    return wrong, marked


def resolve(name):
    return [Ip4.parse(address) for address, known in HOSTS.items() if known == name]


def our_filter(link_type, expression):
    """The filter, or its error message."""
    try:
        return filters.Filter(expression, filters.Context(link_type, resolve=resolve))
    except filters.FilterError as error:
        return f"tcpdump: {error}"
    except NotModelled:
        return None


def stamp(packet):
    return f"{packet.time // 10**9}.{packet.time % 10**9 // 1000:06}"
