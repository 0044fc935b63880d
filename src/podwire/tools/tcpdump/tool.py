"""tcpdump: what to capture, where to, and the words around it (tcpdump.c of 4.99.3)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.export import pcap
from podwire.linux.netlink import Netlink
from podwire.tools.process import Interrupt, Waiting
from podwire.tools.tcpdump import devices, files
from podwire.tools.tcpdump.capture import Tap
from podwire.tools.tcpdump.dissect import MAXIMUM_SNAPLEN, Dissector
from podwire.tools.tcpdump.filter import Context, Filter, FilterError, Frame
from podwire.tools.tcpdump.link import DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_RAW, dissector
from podwire.tools.tcpdump.names import Names
from podwire.tools.tcpdump.options import USAGE, Answered, Options, Refused, check, parse

if TYPE_CHECKING:
    from podwire.tools.process import Process
    from podwire.wire.addr import Ip, Ip4

_SECOND: Final = 1_000_000_000
_LINKTYPES: Final = MappingProxyType(
    {DLT_EN10MB: pcap.ETHERNET, DLT_RAW: pcap.RAW, DLT_LINUX_SLL: DLT_LINUX_SLL, DLT_LINUX_SLL2: pcap.LINUX_SLL2}
)
"""In a file a link type has another number than in libpcap's interface."""
_DLTS: Final = MappingProxyType({number: dlt for dlt, number in _LINKTYPES.items()})
_DESCRIPTIONS: Final = MappingProxyType(
    {
        DLT_EN10MB: "EN10MB (Ethernet)",
        DLT_RAW: "RAW (Raw IP)",
        DLT_LINUX_SLL: "LINUX_SLL (Linux cooked v1)",
        DLT_LINUX_SLL2: "LINUX_SLL2 (Linux cooked v2)",
    }
)
_BY_NAME: Final = MappingProxyType({text.split()[0]: dlt for dlt, text in _DESCRIPTIONS.items()})
_LISTED: Final = MappingProxyType(
    {text.split()[0]: text for text in _DESCRIPTIONS.values()} | {"DOCSIS": "DOCSIS (DOCSIS) (printing not supported)"}
)


def tcpdump(proc: Process) -> int | Waiting:
    """Run the command; a live capture waits, up to its ``-c`` or an interrupt."""
    name = proc.argv[0].rpartition("/")[2]
    try:
        options = parse(proc.argv)
        if options.list_interfaces:
            for number, (_, line) in enumerate(devices.listing(proc.place), 1):
                proc.write(f"{number}.{line}\n")
            return 0
        check(options)
        if options.read is not None:
            return _read(proc, name, options, options.read)
        return _Live(proc, name, options).run()
    except _Listed as listed:
        proc.error(str(listed))
        return 0
    except Answered as answer:
        proc.write(answer.text)
        return 0
    except Refused as refusal:
        # getopt's own complaints name the command themselves.
        proc.error(f"{refusal.message}\n{USAGE}" if refusal.usage else f"{name}: {refusal.message}\n")
        return 1


def _plural(number: int, what: str) -> str:
    return f"{number} packet{'' if number == 1 else 's'}{what}\n"


class _Output:
    """What becomes of the packets: lines, a file, or both; ``captured`` counts them."""

    def __init__(self, proc: Process, options: Options, link_type: int, local: tuple[int, int] = (0, 0)) -> None:
        self._proc = proc
        self._options = options
        self._dissector: Dissector | None = None
        if options.write is None or options.print_too:
            self._dissector = dissector(options, _names(proc, options, local), link_type)
        self._file: files.File | files.Stdout | None = None
        self._link_type = link_type
        self._snaplen = MAXIMUM_SNAPLEN
        self.captured = 0

    def open(self, snaplen: int) -> None:
        """Begin the file, if one is written; of each packet ``snaplen`` bytes are seen."""
        self._snaplen = snaplen
        path = self._options.write
        if path is not None:
            proc = self._proc
            self._file = (
                files.Stdout(proc) if path == "-" else files.File(proc, path, buffered=not self._options.unbuffered)
            )
            linktype = _LINKTYPES[self._link_type]
            self._writer = pcap.PcapWriter(self._file, linktype, snaplen=snaplen, nano=self._options.nano)

    def packet(self, time: int, data: bytes, length: int) -> None:
        """Take a packet of ``length`` bytes; a file that is read may hold less of it."""
        self.captured += 1
        if self._file is not None:
            self._writer.packet(time, data, length)
        if self._dissector is not None and not self._options.count_only:
            self._proc.write(self._dissector.render(data[: self._snaplen], length, time, self.captured))

    def close(self) -> None:
        """The file is complete."""
        if self._file is not None:
            self._file.close()

    def abandon(self) -> None:
        """The tool was killed."""
        if self._file is not None:
            self._file.abandon()


def _names(proc: Process, options: Options, local: tuple[int, int]) -> Names:
    hosts = proc.place.hosts()

    def resolve(ip: Ip4) -> str | None:
        return hosts.get(ip) or proc.place.reverse_name(ip)

    return Names(
        numeric=options.numeric > 0,
        short=options.short_names,
        local=local,
        services=proc.image.services,
        resolve=resolve,
        device=lambda ifindex: devices.name_of(proc.place, ifindex),
    )


def _filter(proc: Process, options: Options, link_type: int, *, live: bool, netmask: int = 0) -> Filter:
    def resolve(name: str) -> list[Ip]:
        address = proc.place.lookup(name)
        return [] if address is None else [address]

    text = " ".join(options.words)
    if options.filter_file is not None:
        data = files.read(proc, options.filter_file, "can't open ")
        # A comment goes up to the end of its line.
        lines = files.as_text(data).split("\n")
        text = "\n".join(line.partition("#")[0] for line in lines)
    context = Context(link_type, live=live, netmask=netmask, services=proc.image.services, resolve=resolve)
    try:
        return Filter(text, context, optimize=not options.unoptimized)
    except FilterError as error:
        raise Refused(str(error)) from None


# --------------------------------------------------------------------------------------------------------------- a file


def _read(proc: Process, name: str, options: Options, path: str) -> int:
    data = files.as_bytes(proc.stdin) if path == "-" else files.read(proc, path)
    try:
        reader = pcap.PcapReader(io.BytesIO(data))
    except pcap.CaptureError as error:
        raise Refused(str(error)) from None
    link_type = _DLTS.get(reader.linktype)
    if link_type is None:
        raise NotModelled(f"link type {reader.linktype}", "tcpdump")
    proc.error(f"reading from file {path}, link-type {_DESCRIPTIONS[link_type]}, snapshot length {reader.snaplen}\n")
    if link_type == DLT_LINUX_SLL2:
        proc.error("Warning: interface names might be incorrect\n")
    wanted = _filter(proc, options, link_type, live=False)
    output = _Output(proc, options, link_type)
    output.open(reader.snaplen)
    status = 0
    try:
        for packet in _first(reader, wanted, options.count):
            output.packet(packet.time, packet.data, packet.length)
    except pcap.CaptureError as error:
        proc.error(f"{name}: pcap_loop: {error}\n")
        status = 1
    output.close()
    if options.count_only:
        proc.write(_plural(output.captured, ""))
    return status


def _first(reader: pcap.PcapReader, wanted: Filter, count: int) -> Iterator[pcap.Captured]:
    """The packets of a file that pass, ``count`` of them at most unless that is negative."""
    for packet in reader:
        if wanted(Frame(packet.data, packet.length)):
            yield packet
            count -= 1
            if count == 0:
                return


# ------------------------------------------------------------------------------------------------------------- a device


class _Listed(Exception):
    """``-L``: the link types of a device."""

    def __init__(self, device: str, names: tuple[str, ...]) -> None:
        lines = "".join(f"  {_LISTED[name]}\n" for name in names)
        super().__init__(f"Data link types for {device} (use option -y to set):\n{lines}")


class _Live:
    """One live capture; making it opens the device."""

    def __init__(self, proc: Process, name: str, options: Options) -> None:
        self._proc = proc
        self._name = name
        self._options = options
        self._listening_on, self._device = self._open()
        if options.list_link_types:
            raise _Listed(self._listening_on, devices.link_types(self._device))
        snaplen = options.snaplen or MAXIMUM_SNAPLEN
        link_type = self._link_type()
        local = self._local()
        wanted = _filter(proc, options, link_type, live=True, netmask=local[1])
        self._output = _Output(proc, options, link_type, local)
        self._output.open(snaplen)
        self._tap = Tap(proc, self._device, link_type, wanted, direction=options.direction, limit=options.count)
        quiet = not options.verbose and options.write is None
        hint = "verbose output suppressed, use -v[v]... for full protocol decode\n" if quiet else ""
        proc.error(
            f"{name}: {hint}listening on {self._listening_on}, link-type {_DESCRIPTIONS[link_type]},"
            f" snapshot length {snaplen} bytes\n"
        )

    def _open(self) -> tuple[str, devices.Device | None]:
        """The device's name, and the device; None for ``any``."""
        place, wanted = self._proc.place, self._options.interface
        names = [name for name, _ in devices.listing(place)]
        if wanted is None:
            wanted = names[0]
        device = devices.find(place, wanted)
        if device is None and wanted.isascii() and wanted.isdecimal():
            if not 1 <= int(wanted) <= len(names):
                raise Refused("Invalid adapter index")
            wanted = names[int(wanted) - 1]
            device = devices.find(place, wanted)
        if wanted == devices.ANY:
            return wanted, None
        if device is None:
            if wanted in names:
                raise NotModelled(f"capturing on {wanted}", "tcpdump")
            raise Refused(f"{wanted}: No such device exists\n(No such device exists)")
        if not device.up:
            raise Refused(f"{wanted}: That device is not up")
        return wanted, device

    def _link_type(self) -> int:
        """That of ``-y``, or the device's own; of ``any`` the newer cooked header if it was asked for by its name."""
        allowed = devices.link_types(self._device)
        chosen = self._options.link_type
        if chosen is None and self._options.interface == devices.ANY:
            chosen = "LINUX_SLL2"
        if chosen is None:
            return _BY_NAME[allowed[0]]
        if chosen not in allowed:
            raise Refused(f"{chosen} is not one of the DLTs supported by this device")
        self._proc.error(f"{self._name}: data link type {chosen}\n")
        if chosen not in _BY_NAME:
            raise NotModelled(f"link type {chosen}", "tcpdump")
        return _BY_NAME[chosen]

    def _local(self) -> tuple[int, int]:
        """Network and mask for ``-f``; zeros let every address be local."""
        if not self._options.foreign or self._device is None:
            return 0, 0
        if self._device.network is None:
            why = f"{self._device.name}: no IPv4 address assigned"
            self._proc.error(f"{self._name}: WARNING: foreign (-f) flag used but: {why}\n")
            return 0, 0
        address, mask = self._device.network
        return address & mask, mask

    def run(self) -> Waiting:
        """Print what comes until there is enough or somebody interrupts; then say how much it was."""
        log = self._proc.world.log
        netns = self._proc.place.netns
        link = netns.link(self._device.name) if self._device is not None and not self._options.own_only else None
        if link is not None:
            Netlink(netns).link_promiscuity(link, 1)
        log.attach(self._tap)
        self._proc.endless = self._options.count < 0
        interrupted = False
        try:
            yield from self._wait()
        except Interrupt:
            interrupted = True
        except GeneratorExit:
            self._output.abandon()
            raise
        finally:
            log.detach(self._tap)
            if link is not None:
                Netlink(link.netns).link_promiscuity(link, -1)
        self._print()
        self._output.close()
        if interrupted and self._options.write is None:
            self._proc.write("\n")
        self._proc.error(_plural(self._output.captured, " captured"))
        self._proc.error(_plural(self._tap.received, " received by filter"))
        self._proc.error(_plural(0, " dropped by kernel"))
        return 0

    def _wait(self) -> Waiting:
        """Up to the last packet that was asked for. With ``-w`` and ``-v`` their number is shown each second."""
        options = self._options
        counting = options.verbose > 0 and options.write is not None and not options.print_too
        shown = -1
        deadline = self._proc.now + _SECOND if counting else None
        while self._output.captured != options.count:
            yield deadline
            self._print()
            if deadline is not None and self._proc.now >= deadline:
                if self._output.captured != shown:
                    shown = self._output.captured
                    self._proc.error(f"Got {shown}\r")
                deadline += _SECOND
        return 0

    def _print(self) -> None:
        for taken in self._tap.drain():
            data = taken.frame.data
            self._output.packet(taken.time, data, len(data))
