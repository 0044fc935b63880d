"""Rules in the words of ``iptables`` for labs of this directory, and the flows that connection tracking has."""

from __future__ import annotations

import shlex

from podwire.linux.netfilter.conntrack.entry import Connection
from podwire.linux.netfilter.hooks import HOOK_NAMES
from podwire.linux.netfilter.parser import Parser
from podwire.linux.netfilter.tables import NFT, TABLE_HOOKS, Chain, Jump, Rule, RuleSpec, Standard
from podwire.linux.netfilter.xt.options import Names
from podwire.linux.socket import UdpSocket
from podwire.trace.events import Flow, Translated
from podwire.wire.addr import Ip4
from podwire.wire.headers import Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet
from tests.linux.lab import Lab


def iptables(lab: Lab, name: str, *lines: str, variant: str = NFT) -> None:
    """Run lines ``-t TABLE -N CHAIN`` and ``-t TABLE -A CHAIN …`` on what is there, all at once."""
    netns = lab[name]
    tables: dict[str, dict[str, Chain]] = {}
    for line in lines:
        words = shlex.split(line)
        command = Parser(words, names=Names(), variant=variant).parse()
        table = command.table
        if table not in tables:
            old = netns.xtables.table(variant, table)
            tables[table] = dict(old.chains) if old is not None else _base_chains(table)
        chains = tables[table]
        assert command.chain is not None
        if command.actions == ["N"]:
            chains[command.chain] = Chain(command.chain)
            continue
        assert command.actions == ["A"], line
        rule = Rule(_spec(command, chains))
        before = chains[command.chain]
        after = chains[command.chain] = Chain(before.name, before.policy, [*before.rules, rule])
        after.packets, after.bytes = before.packets, before.bytes
    lab.door(name).xt_commit(variant, {table: chains.values() for table, chains in tables.items()})


def _base_chains(table: str) -> dict[str, Chain]:
    return {HOOK_NAMES[hook]: Chain(HOOK_NAMES[hook], "ACCEPT") for hook in TABLE_HOOKS[table]}


def _spec(command: object, chains: dict[str, Chain]) -> RuleSpec:
    draft = command.draft  # type: ignore[attr-defined]
    target = command.target  # type: ignore[attr-defined]
    jumpto = command.jumpto  # type: ignore[attr-defined]
    if jumpto in {"ACCEPT", "DROP", "RETURN"}:
        target = Standard(jumpto)
    elif jumpto in chains:
        target = Jump(jumpto, command.goto)  # type: ignore[attr-defined]
    (src,), (dst,) = command.srcs or [None], command.dsts or [None]  # type: ignore[attr-defined]
    return RuleSpec(
        src=src,
        dst=dst,
        iif=draft.iif,
        oif=draft.oif,
        proto=draft.proto,
        fragment=draft.fragment,
        matches=tuple(command.matches),  # type: ignore[attr-defined]
        target=target,
    )


def connections(lab: Lab, name: str) -> list[Connection]:
    """The connections of a namespace."""
    return list(lab[name].conntrack)


def flow_text(flow: Flow) -> str:
    """``10.0.0.1:80 > 10.0.0.2:90``; of ICMP the id alone."""
    if flow.proto == 1:
        return f"{flow.src} > {flow.dst} id {flow.sport}"
    return f"{flow.src}:{flow.sport} > {flow.dst}:{flow.dport}"


def ends(packet: Packet) -> str:
    """``10.0.0.1:80 > 10.0.0.2:90`` of a packet or frame; without ports the addresses."""
    ip = packet.find(IPv4)
    assert ip is not None
    upper = packet.find(Tcp) or packet.find(Udp)
    if upper is None:
        echo = packet.find(Icmp)
        return f"{ip.src} > {ip.dst}" + (f" id {echo.id}" if echo is not None and not echo.is_error else "")
    return f"{ip.src}:{upper.sport} > {ip.dst}:{upper.dport}"


def seen(lab: Lab, where: str) -> list[str]:
    """``ends`` of every IPv4 packet that a device transmitted."""
    return [ends(frame) for frame in lab.frames(where) if frame.find(IPv4) is not None]


def translations(lab: Lab, name: str = "") -> list[str]:
    """``DNAT PREROUTING 10.0.0.1:80 -> 10.1.0.1:8080``, with ``reply`` and the chain of the rule that asked."""
    return [translation_text(found.event) for found in lab.events(Translated, name)]


def translation_text(event: Translated) -> str:
    """One of them."""
    text = f"{event.what} {event.hook} {event.old}:{event.old_port} -> {event.new}:{event.new_port}"
    by = f" by {event.by.chain} {event.by.number}" if event.by is not None else ""
    return text + (" reply" if event.reply else by)


def router(seed: int = 0) -> Lab:
    """A node between ``pod`` (10.1.0.2), ``pod2`` (10.2.0.2) and ``out`` (10.0.0.11), which knows no way to the pods."""
    lab = Lab(seed)
    lab.machine("node")
    lab.sysctl("node", "ip_forward", 1)
    for name, dev, number in (("out", "eth0", 0), ("pod", "veth1", 1), ("pod2", "veth2", 2)):
        lab.netns("node", name)
        lab.veth(f"node:{dev}", f"02:00:00:00:0{number}:10", f"{name}:eth0", f"02:00:00:00:0{number}:11")
    lab.addr("node:eth0", "10.0.0.10/24")
    lab.addr("out:eth0", "10.0.0.11/24")
    for number, name in ((1, "pod"), (2, "pod2")):
        lab.addr(f"node:veth{number}", f"10.{number}.0.1/24")
        lab.addr(f"{name}:eth0", f"10.{number}.0.2/24")
        lab.route(name, f"default via 10.{number}.0.1")
    lab.restart()
    return lab


def send(lab: Lab, name: str, sport: int, dst: str, dport: int, data: bytes = b"x") -> UdpSocket:
    """A datagram from a new socket, which stays open."""
    socket = lab.udp(name, sport)
    socket.send_to(Ip4.parse(dst), dport, data)
    lab.run(0.1)
    return socket


def answer(lab: Lab, socket: UdpSocket, data: bytes = b"y") -> str:
    """Answer the datagram that arrived first: whom it came from, as the socket saw it."""
    arrived = socket.inbox.popleft()
    ip, udp = arrived.packet.layers[:2]
    assert isinstance(ip, IPv4)
    assert isinstance(udp, Udp)
    socket.send_to(ip.src, udp.sport, data)
    lab.run(0.1)
    return f"{ip.src}:{udp.sport}"


def senders(socket: UdpSocket) -> list[str]:
    """Whom the datagrams came from that wait in a socket."""
    return [ends(arrived.packet).partition(" > ")[0] for arrived in socket.inbox]
