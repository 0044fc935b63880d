"""``xtables-monitor --trace`` 1.8.9 (iptables/xtables-monitor.c): which rules of iptables-nft a packet meets that TRACE has marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.netfilter.save import rule_line
from podwire.linux.netfilter.tables import NFT, Jump
from podwire.linux.netfilter.xt.base import XT_CONTINUE, XT_RETURN
from podwire.wire.codec import to_bytes
from podwire.wire.headers import IPPROTO_TCP, IPPROTO_UDP, Tcp
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.evaluate import CompiledChain
    from podwire.linux.netfilter.tables import Rule
    from podwire.linux.skb import Skb
    from podwire.tools.process import Process, Waiting
    from podwire.wire.headers import IPv4

_USAGE: Final = """\
xtables-monitor 1.8.9 (nf_tables)
Usage: xtables-monitor [ -t | -e ]
        --trace    -t    trace ruleset traversal of packets tagged via -j TRACE rule
        --event    -e    show events that modify the ruleset
Optional arguments:
        --ipv4     -4    only monitor IPv4
        --ipv6     -6    only monitor IPv6
\t--counters -c    show counters in rules
"""
_LONGS: Final = {"counters": "c", "trace": "t", "event": "e", "ipv4": "4", "ipv6": "6", "version": "V", "help": "h"}
_VERDICTS: Final = {0: "DROP", 1: "ACCEPT", 2: "STOLEN", 3: "QUEUE", XT_CONTINUE: "CONTINUE", XT_RETURN: "0xfffffffb"}
_FLAGS: Final = (("SYN", 0x02), ("ACK", 0x10), ("FIN", 0x01), ("RST", 0x04), ("PSH", 0x08), ("URG", 0x20))
_GOLDEN: Final = 2654435761
_PORTED: Final = frozenset({IPPROTO_UDP, 33, 132, 136})


def xtables_monitor(proc: Process) -> int | Waiting:
    """Until somebody ends it."""
    letters, operands = _letters(proc.argv[1:])
    if letters is None:
        proc.error("xtables-monitor 1.8.9: Bad argument.\nTry `xtables-monitor -h' for more information.\n")
        return 2
    if "V" in letters:
        proc.write("xtables-monitor 1.8.9\n")
        return 0
    if "h" in letters or not letters & {"t", "e"}:
        proc.write(_USAGE)
        return 1
    if "e" in letters or operands:
        what = "--event" if "e" in letters else operands[0]
        raise NotModelled(what, "xtables-monitor")
    return _Monitor(proc, counters="c" in letters, ipv4="6" not in letters or "4" in letters).run()


def _letters(words: list[str]) -> tuple[set[str] | None, list[str]]:
    """The options by their letters, None for one that it does not have - of which getopt says nothing here - and what else stands there."""
    letters: set[str] = set()
    operands: list[str] = []
    for word in words:
        if word.startswith("--"):
            found = {letter for name, letter in _LONGS.items() if name.startswith(word[2:])}
            if len(found) != 1:
                return None, operands
            letters |= found
        elif word.startswith("-") and word != "-":
            letters |= set(word[1:])
        else:
            operands.append(word)
    return (letters if letters <= set(_LONGS.values()) else None), operands


class _Monitor:
    def __init__(self, proc: Process, *, counters: bool, ipv4: bool) -> None:
        self.proc = proc
        self.counters = counters
        self.ipv4 = ipv4
        self.text: list[str] = []
        self._shown: set[tuple[int, str, int]] = set()
        """Packet, table and hook where a packet was shown (``packet_dumped``) and is not yet through."""

    def run(self) -> Waiting:
        """Print what is heard."""
        monitors = self.proc.place.netns.xtables.monitors
        self.proc.endless = True
        monitors.append(self.hear)
        try:
            while True:
                yield None
                self._write()
        finally:
            monitors.remove(self.hear)
            self._write()

    def _write(self) -> None:
        if self.text:
            self.proc.write("".join(self.text))
            self.text.clear()

    def hear(
        self, chain: CompiledChain, rule: Rule | None, verdict: int | None, skb: Skb, iif: Link | None, oif: Link | None
    ) -> None:
        """``trace_cb``."""
        if not self.ipv4:
            return
        number = f"{skb.id * _GOLDEN & 0xFFFFFFFF:08x}"
        here = (skb.id, chain.table.name, chain.hook)
        if here not in self._shown:
            self._shown.add(here)
            self.text.append(f"PACKET: 2 {number} {packet_text(skb, iif, oif)}\n")
        head = f" TRACE: 2 {number} {chain.table.name}:{chain.chain.name}"
        if rule is None:
            self.text.append(f"{head}:policy:{chain.chain.policy} \n")
            self._shown.discard(here)
        else:
            target = rule.spec.target
            if isinstance(target, Jump):
                said = f"{'GOTO' if target.goto else 'JUMP'}:{target.chain}"
            else:
                said = _VERDICTS[verdict if verdict is not None else XT_CONTINUE]
            if verdict not in {None, XT_CONTINUE, XT_RETURN}:
                self._shown.discard(here)
            line = rule_line(chain.chain.name, rule, NFT, counters=self.counters)
            self.text.append(f"{head}:rule:0x{rule.handle:x}:{said}  -4 -t {chain.table.name} {line}")
        self.proc.wake()


def packet_text(skb: Skb, iif: Link | None, oif: Link | None) -> str:
    """``trace_print_packet``, with the blank at its end."""
    words = [f"IN={iif.name}"] if iif is not None else []
    if oif is not None:
        words.append(f"OUT={oif.name}")
    words += _link_layer(skb, iif)
    ip = skb.ip
    words += [f"SRC={ip.src}", f"DST={ip.dst}"]
    words.append(f"LEN={skb.len} TOS=0x{ip.tos:x} TTL={ip.ttl} ID={ip.id}")
    words += [name for name, on in (("CE", ip.evil), ("DF", ip.df), ("MF", ip.mf)) if on]
    if ip.frag:
        words.append(f"FRAG:{ip.frag}")
    if ip.options:
        words.append(f"OPT ({ip.options.hex().upper()})")
    words += _transport(skb.packet, ip)
    if skb.mark:
        words.append(f"MARK=0x{skb.mark:x}")
    return "".join(f"{word} " for word in words)


def _link_layer(skb: Skb, iif: Link | None) -> list[str]:
    if iif is None or skb.eth is None:
        return []
    if iif.is_loopback:
        return ["LOOPBACK"]
    eth = skb.eth
    src, dst = (":".join(f"{octet:x}" for octet in mac.to_bytes(6, "big")) for mac in (eth.src, eth.dst))
    return [f"MACSRC={src}", f"MACDST={dst}", f"MACPROTO={eth.type:04x}"]


def _transport(packet: Packet, ip: IPv4) -> list[str]:
    """Ports, and the flags of TCP, of what stands behind the IP header - of a later fragment too, as far as that has as many bytes."""
    if ip.proto not in _PORTED and ip.proto != IPPROTO_TCP:
        return []
    header = packet.layers[1] if len(packet.layers) > 1 else None
    data = b"" if isinstance(header, Tcp) else to_bytes(packet)[ip.size :]
    if isinstance(header, Tcp):
        ports, flags = (header.sport, header.dport), header.flags
    elif len(data) < (20 if ip.proto == IPPROTO_TCP else 4):
        return []
    else:
        ports = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
        flags = data[13] if ip.proto == IPPROTO_TCP else 0
    words = [f"SPORT={ports[0]} DPORT={ports[1]}"]
    if ip.proto == IPPROTO_TCP:
        words += [name for name, bit in _FLAGS if flags & bit]
    return words
