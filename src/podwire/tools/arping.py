"""``arping`` of iputils 20221126: ARP by hand, from a packet socket."""

from __future__ import annotations

from collections import deque
from errno import EACCES, EADDRNOTAVAIL
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.fib import BROADCAST
from podwire.linux.machine import NSEC
from podwire.linux.path.output import raw_frame
from podwire.linux.path.route import ip_route_output
from podwire.tools.args import INT_MAX, BadOption, Exit, Getopt, fail, number
from podwire.tools.process import Interrupt
from podwire.tools.resolving.asking import begin_with_names, known, why_not
from podwire.trace.events import PACKET_HOST, PACKET_OTHERHOST, Received
from podwire.wire import dns
from podwire.wire.addr import Ip, Ip4, Mac, inet_aton
from podwire.wire.headers import ARPOP_REPLY, ARPOP_REQUEST, ETH_P_ARP, Arp, Ethernet
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.tools.process import Process, Waiting
    from podwire.trace.log import Record

_USAGE: Final = """
Usage:
  arping [options] <destination>

Options:
  -f            quit on first reply
  -q            be quiet
  -b            keep on broadcasting, do not unicast
  -D            duplicate address detection mode
  -U            unsolicited ARP mode, update your neighbours
  -A            ARP answer mode, update your neighbours
  -V            print version and exit
  -c <count>    how many packets to send
  -w <timeout>  how long to wait for a reply
  -i <interval> set interval between packets (default: 1 second)
  -I <device>   which ethernet device to use
  -s <source>   source ip address
  <destination> dns name or ip address

For more details see arping(8).
"""
_VERSION: Final = """\
arping from iputils 20221126
libcap: yes, IDN: yes, NLS: no, error.h: yes, getrandom(): yes, __fpending(): yes
"""


class _Options(msgspec.Struct):
    count: int = -1
    timeout: int = 0
    interval: int = 1
    device: str = ""
    source: str | None = None
    broadcast_only: bool = False
    dad: bool = False
    unsolicited: bool = False
    advert: bool = False
    quiet: bool = False
    quit_on_reply: bool = False


def arping(proc: Process) -> int | Waiting:
    """``arping [-fqbDUA] [-c N] [-w S] [-I DEV] [-s SOURCE] DESTINATION``."""
    return begin_with_names(proc, _begin)


def _begin(proc: Process) -> int | Waiting:
    try:
        options, operands = _parse(proc)
        target = _target(proc, operands[0])
        link = _device(proc, options, target)
        source = _source(proc, options, target, link)
    except Exit as exit_:
        return exit_.status
    return _Session(proc, options, target, source, link).run()


def _parse(proc: Process) -> tuple[_Options, list[str]]:
    options = _Options()
    reader = Getopt(proc, "h?bfDUAqc:w:i:s:I:V")
    try:
        for letter, argument in reader:
            _option(proc, options, letter, argument)
        usable = len(reader.operands) == 1
    except BadOption:
        usable = False
    if not usable:
        proc.error(_USAGE)
        raise Exit(2)
    return options, reader.operands


def _option(proc: Process, options: _Options, letter: str, argument: str) -> None:
    match letter:
        case "b":
            options.broadcast_only = True
        case "f":
            options.quit_on_reply = True
        case "D":
            options.dad = options.quit_on_reply = True
        case "U":
            options.unsolicited = True
        case "A":
            options.advert = options.unsolicited = True
        case "q":
            options.quiet = True
        case "c":
            options.count = number(proc, argument, 1, INT_MAX)
        case "w":
            options.timeout = number(proc, argument, 0, INT_MAX)
        case "i":
            options.interval = number(proc, argument, 0, INT_MAX)
        case "I":
            options.device = argument
        case "s":
            options.source = argument
        case "V":
            proc.write(_VERSION)
            raise Exit(0)
        case _:
            raise BadOption


def _target(proc: Process, word: str) -> Ip4:
    address = inet_aton(word)
    if address is None:
        found = next(iter(known(proc, word, (dns.A,)).addresses), None)
        if found is None:
            fail(proc, 2, f"{word}: {why_not(proc, word)}")
        if not isinstance(found, Ip4):
            raise NotModelled("a name with an IPv6 address only", "arping")
        address = found
    return address


def _device(proc: Process, options: _Options, target: Ip4) -> Link:
    """The device of ``-I``, or the one of the route to the target."""
    netns = proc.place.netns
    name = options.device
    if not name:
        route = ip_route_output(netns, target)
        if route.kind == "error" or route.link is None:
            fail(proc, 1, "NETLINK_ROUTE unexpected iov element")
        name = options.device = route.link.name
    link = netns.link(name)
    if link is None:
        fail(proc, 2, f"Device {name} not available.")
    problem = "down" if not link.is_up else "not ARPable" if link.is_loopback or not link.arp else ""
    if problem:
        if not options.quiet:
            proc.write(f'Interface "{name}" is {problem}\n')
        raise Exit(0 if options.dad and problem == "not ARPable" else 2)
    return link


def _source(proc: Process, options: _Options, target: Ip4, link: Link) -> Ip:
    """Who asks: the address of ``-s``, the target itself when it is announced, nobody for a probe, else what the kernel would choose."""
    netns = proc.place.netns
    source: Ip = Ip4(0)
    if options.source is not None:
        address = inet_aton(options.source)
        if address is None:
            fail(proc, 2, f"invalid source {options.source}")
        source = address
    elif not options.dad and options.unsolicited:
        source = target
    if options.source is not None or source:
        if source and not netns.is_local(source) and not netns.setting("ip_nonlocal_bind"):
            fail(proc, 2, "bind", EADDRNOTAVAIL)
    elif not options.dad:
        route = ip_route_output(netns, target, oif=link, onlink_scope=True)
        if route.kind == "error":
            fail(proc, 2, "connect", route.error)
        if route.type == BROADCAST:
            fail(proc, 2, "connect", EACCES)
        source = route.src
    if not options.quiet:
        proc.write(f"ARPING {target} from {source} {options.device}\n")
    if options.source is None and not source and not options.dad:
        fail(proc, 2, "no source address in not-DAD mode")
    return source


class _Session:
    """The event loop: an interval timer, a deadline and the packet socket, which here is a tap on the log."""

    def __init__(self, proc: Process, options: _Options, target: Ip4, source: Ip, link: Link) -> None:
        self.proc = proc
        self.options = options
        self.target = target
        self.source = source
        self.link = link
        self.peer: Mac = link.broadcast
        self.unicasting = False
        self.queue: deque[Record] = deque()
        self.last_send = 0
        self.sent = self.broadcasts = self.received = self.heard_broadcasts = self.heard_requests = 0

    def run(self) -> Waiting:
        log = self.proc.world.log
        log.attach(self._tap)
        try:
            yield from self._loop()
        except Interrupt:
            pass  # SIGINT, SIGQUIT and SIGTERM alike end the loop
        finally:
            log.detach(self._tap)
        return self._finish()

    def _tap(self, record: Record) -> None:
        event = record.event
        netns = self.link.netns
        if (
            type(event) is Received
            and event.dev == self.link.name
            and record.netns == netns.label
            and record.machine == netns.machine.name
            and len(event.frame.layers) > 1
            and type(event.frame.layers[1]) is Arp
        ):
            self.queue.append(record)
            self.proc.wake()

    def _loop(self) -> Waiting:
        options, start = self.options, self.proc.now
        tick = start + options.interval * NSEC if options.interval else None
        deadline = start + options.timeout * NSEC if options.timeout else None
        expired = 1
        # Even -f may have no answer to end by; but then it is a choice of the network, not of the command line.
        self.proc.endless = options.count < 0 and not options.timeout and not options.quit_on_reply
        self._send()
        done = False
        while not done:
            due = [time for time in (tick, deadline) if time is not None]
            while not self.queue and not any(self.proc.now >= time for time in due):
                yield min(due, default=None)
            now, readable = self.proc.now, bool(self.queue)
            if tick is not None and now >= tick:
                tick += options.interval * NSEC
                expired += 1
                if 0 < options.count < expired:
                    done = True
                else:
                    self._send()
            done = done or (deadline is not None and now >= deadline)
            if readable and self._receive(self.queue.popleft()):
                done = True
        return 0

    def _send(self) -> None:
        """``send_pack``: a request, or with ``-A`` an answer that nobody asked for; the target's address is where the frame goes."""
        link, proc = self.link, self.proc
        if not link.is_up:
            return
        op, target = (ARPOP_REPLY, link.mac) if self.options.advert else (ARPOP_REQUEST, self.peer)
        frame = Packet((Ethernet(self.peer, link.mac, ETH_P_ARP), Arp(op, link.mac, self.source, target, self.target)))
        self.last_send = proc.now
        self.sent += 1
        self.broadcasts += not self.unicasting
        packet_id = link.netns.machine.world.new_packet_id()
        if proc.on_send is not None:
            proc.on_send(packet_id)
        raw_frame(link.netns, link, frame, packet_id)

    def _receive(self, record: Record) -> bool:
        """``recv_pack``: True where it was the last that was wanted."""
        event = record.event
        assert isinstance(event, Received)  # noqa: S101 - the tap saw to it
        message = event.frame.layers[1]
        assert isinstance(message, Arp)  # noqa: S101
        options = self.options
        if (
            event.pkt_type >= PACKET_OTHERHOST
            or message.op not in {ARPOP_REQUEST, ARPOP_REPLY}
            or not self._wanted(message)
        ):
            return False
        to_us = event.pkt_type == PACKET_HOST
        if not options.quiet:
            self.proc.write(self._line(message, record.time, to_us=to_us))
        self.received += 1
        if options.timeout and self.received == options.count:
            return True
        self.heard_broadcasts += not to_us
        self.heard_requests += message.op == ARPOP_REQUEST
        if options.quit_on_reply or (options.count == 0 and self.received == self.sent):
            return True
        if not options.broadcast_only:
            self.peer = message.sha
            self.unicasting = True
        return False

    def _wanted(self, message: Arp) -> bool:
        if message.spa != self.target:
            return False
        if self.options.dad:
            return message.sha != self.link.mac and (not self.source or self.source == message.tpa)
        return message.tpa == self.source and message.tha == self.link.mac

    def _line(self, message: Arp, time: int, *, to_us: bool) -> str:
        kind = "reply" if message.op == ARPOP_REPLY else "request"
        text = f"{'Unicast' if to_us else 'Broadcast'} {kind} from {message.spa} [{str(message.sha).upper()}] "
        if message.tpa != self.source:
            text += f"for {message.tpa} "
        if message.tha != self.link.mac:
            text += ("" if message.tpa != self.source else "for ") + f"[{str(message.tha).upper()}]"
        microseconds = (time - self.last_send + 500) // 1000
        # Rounded up to ms, the rest plus 500 µs: a slip of the real one, which shows 0.521ms for 21 µs.
        milliseconds = (microseconds + 500) // 1000
        return f"{text} {milliseconds}.{microseconds - milliseconds * 1000 + 500:03}ms\n"

    def _finish(self) -> int:
        options = self.options
        if not options.quiet:
            heard = [f"{self.heard_requests} request(s)"] if self.heard_requests else []
            heard += [f"{self.heard_broadcasts} broadcast(s)"] if self.heard_broadcasts else []
            extra = f" ({', '.join(heard)})" if heard else ""
            self.proc.write(
                f"Sent {self.sent} probes ({self.broadcasts} broadcast(s))\nReceived {self.received} response(s){extra}\n"
            )
        if options.dad:
            return int(self.received > 0 or self.broadcasts == self.received)
        if options.unsolicited:
            return 0
        if options.timeout and options.count <= 0:
            return int(self.received == 0)
        return int(self.received == 0 or self.sent != self.received)
