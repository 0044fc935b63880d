"""The plugin ``portmap``: what comes to a port of the node goes to a port of the pod (section 2.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from podwire.cni.backend import PortMapping
from podwire.cni.plugins.fields import member, refuse
from podwire.cni.plugins.masquerade import chain_name, comment
from podwire.cni.plugins.rules import ensure_chain, insert_unique, remove_chain
from podwire.cni.plugins.values import Address, Call, PluginError, Result
from podwire.errors import NotModelled
from podwire.linux.netlink import Netlink

SET_MARK: Final = "CNI-HOSTPORT-SETMARK"
MASQ: Final = "CNI-HOSTPORT-MASQ"
DNAT: Final = "CNI-HOSTPORT-DNAT"
_ENTRIES: Final = ("PREROUTING", "OUTPUT")
_DEFAULT_BIT: Final = 13
_MAX_BIT: Final = 31
_PORTS_PER_RULE: Final = 15
"""What ``-m multiport`` takes."""
_UDP: Final = 17


class _Conf(msgspec.Struct, frozen=True):
    snat: bool
    masq_all: bool
    bit: int
    external: str
    """A chain of somebody else's that marks what is to be masqueraded."""
    conditions: tuple[str, ...]

    @property
    def set_mark(self) -> str:
        """The chain that marks."""
        return self.external or SET_MARK


def _read(call: Call) -> _Conf:
    """The options, checked as ``parseConfig`` does. Raises ``PluginError``, and ``NotModelled`` for the nftables backend."""
    try:
        return _parse(call)
    except PluginError as error:
        raise PluginError(f"failed to parse config: {error}") from None


def _parse(call: Call) -> _Conf:
    conf = call.conf
    try:
        read = _Conf(
            member(conf, "snat", bool, default=True, struct="PortMapConf"),
            member(conf, "masqAll", bool, default=False, struct="PortMapConf"),
            member(conf, "markMasqBit", int, _DEFAULT_BIT, struct="PortMapConf"),
            member(conf, "externalSetMarkChain", str, "", struct="PortMapConf"),
            tuple(conf.get("conditionsV4") or ()),
        )
        backend = member(conf, "backend", str, "iptables", struct="PortMapConf")
    except PluginError as error:
        raise PluginError(f"failed to parse network configuration: {error}") from None
    if backend != "iptables":
        raise NotModelled(f"backend {backend} of the CNI plugin portmap")
    refuse(conf, "portmap", "conditionsV6")
    if conf.get("markMasqBit") is not None and read.external:
        raise PluginError("Cannot specify externalSetMarkChain and markMasqBit")
    if not 0 <= read.bit <= _MAX_BIT:
        raise PluginError("MasqMarkBit must be between 0 and 31")
    for each in call.mappings:
        if each.container_port <= 0:
            raise PluginError(f"Invalid container port number: {each.container_port}")
        if each.host_port <= 0:
            raise PluginError(f"Invalid host port number: {each.host_port}")
    return read


def add(call: Call) -> Result:
    """ADD: nothing without mappings. Else the chains, the pod's rules, and an end to what UDP said to these ports before."""
    conf = _read(call)
    if call.previous is None:
        raise PluginError("must be called as chained plugin")
    if not call.mappings:
        return call.previous
    pod = _container_address(call)
    if pod is not None:
        _forward(call, conf, pod)
        _forget(call)
    return call.previous


def delete(call: Call) -> None:
    """DEL: the pod's chain, and what leads to it; nothing without mappings."""
    _read(call)
    if not call.mappings:
        return
    remove_chain(call.host(), chain_name(call.network, call.container, "CNI-DN-"), (DNAT,))


def _container_address(call: Call) -> Address | None:
    """The first IPv4 address of the container's device."""
    assert call.previous is not None  # noqa: S101 - add has looked
    names = [each.name for each in call.previous.interfaces]
    for each in call.previous.ips:
        index = each.interface
        if index is not None and 0 <= index < len(names) and names[index] != call.ifname:
            continue
        if each.ip.bits == 32:
            return each
    return None


def _forward(call: Call, conf: _Conf, pod: Address) -> None:
    """``forwardPorts``: in the plugin's order."""
    door = call.host()
    if conf.snat:
        if not conf.external:
            mark = f"{1 << conf.bit:#x}/{1 << conf.bit:#x}"
            ensure_chain(door, SET_MARK)
            insert_unique(
                door, SET_MARK, f'-m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark {mark}'
            )
            ensure_chain(door, MASQ)
            insert_unique(door, MASQ, f"-m mark --mark {mark} -j MASQUERADE")
            entry = f'-m comment --comment "CNI portfwd requiring masquerade" -j {MASQ}'
            insert_unique(door, "POSTROUTING", entry, first=True)
        found = door.route_get(pod.ip)
        if found is not None:
            # So 127.0.0.1 may leave by the device that leads to the pod.
            door.sysctl_write(f"net/ipv4/conf/{found.dev}/route_localnet", "1")
    ensure_chain(door, DNAT)
    for chain in _ENTRIES:
        insert_unique(door, chain, f"-m addrtype --dst-type LOCAL -j {DNAT}")
    _fill(call, conf, pod)


def _fill(call: Call, conf: _Conf, pod: Address) -> None:
    """``fillDnatRules``: the rules of each mapping, then those that lead to them."""
    own = chain_name(call.network, call.container, "CNI-DN-")
    remove_chain(call.host(), own, (DNAT,))
    ensure_chain(call.host(), own)
    for each in call.mappings:
        if each.host_ip and ":" in each.host_ip:
            # An address of IPv6 is for the pod's IPv6 address.
            continue
        door = _door(call, each.host_port)
        for rule in _rules(each, conf, pod):
            insert_unique(door, own, rule)
    for protocol in sorted({each.protocol for each in call.mappings}):
        ports = list(dict.fromkeys(each.host_port for each in call.mappings if each.protocol == protocol))
        for start in range(0, len(ports), _PORTS_PER_RULE):
            some = ports[start : start + _PORTS_PER_RULE]
            entry = (
                f"{''.join(f'{word} ' for word in _conditions(conf))}-p {protocol} -m comment --comment {comment(call, 'dnat ')}"
                f" -m multiport --dports {','.join(map(str, some))} -j {own}"
            )
            insert_unique(_door(call, *some), DNAT, entry)


def _door(call: Call, *ports: int) -> Netlink:
    """So that a trace says for which port of which pod a rule is there."""
    return call.host(f" hostPort {','.join(map(str, ports))}")


def _conditions(conf: _Conf) -> Iterator[str]:
    """Their words; those that hold a blank are quoted for iptables-restore."""
    return (f'"{word}"' if " " in word else word for word in conf.conditions)


def _rules(mapping: PortMapping, conf: _Conf, pod: Address) -> Iterator[str]:
    """What is masqueraded on its way, then where it goes."""
    protocol = mapping.protocol
    to = f"-d {mapping.host_ip}/32 " if mapping.host_ip not in {"", "0.0.0.0"} else ""
    match = f"{to}-p {protocol} -m {protocol} --dport {mapping.host_port}"
    if conf.snat:
        if conf.masq_all:
            yield f"{match} -j {conf.set_mark}"
        else:
            # With the length of the pod's subnet: every pod of it counts.
            yield f"-s {pod.subnet} {match} -j {conf.set_mark}"
            yield f"-s 127.0.0.1/32 {match} -j {conf.set_mark}"
    yield f"{match} -j DNAT --to-destination {pod.ip}:{mapping.container_port}"


def _forget(call: Call) -> None:
    """``deletePortmapStaleConnections``: UDP that was tracked before goes on to whom it went."""
    ports = {each.host_port for each in call.mappings if each.protocol == "udp"}
    door = call.host()
    if ports:
        for ct in [ct for ct in door.conntrack_dump() if ct.orig.proto == _UDP and ct.orig.dport in ports]:
            door.conntrack_delete(ct)
