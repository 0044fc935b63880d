"""Reading and writing /proc/sys/net (net/ipv4/devinet.c devinet_conf_proc and devinet_sysctl_forward; net/core/neighbour.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from errno import EACCES, EINVAL, ENOENT
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.netfilter.bridge import BRIDGE_KEYS, BRIDGE_NOT_MODELLED
from podwire.linux.netfilter.conntrack import sysctl as conntrack
from podwire.linux.netfilter.conntrack.settings import CT_KEYS
from podwire.linux.rtnl.link import LinkVerbs
from podwire.linux.rtnl.notify import NETCONF, conf_changed
from podwire.linux.sysctl import (
    CONF_KEYS,
    CONF_NOT_MODELLED,
    CORE_KEYS,
    IPV6_CONF_KEYS,
    NEIGH_GC_KEYS,
    NEIGH_KEYS,
    NEIGH_NOT_MODELLED,
    NET_KEYS,
    NET_LIMITS,
    NET_NOT_MODELLED,
    Ipv4Conf,
    NeighParms,
)
from podwire.linux.sysctltcp import TCP_CORE_KEYS, TCP_CORE_WRITABLE, TCP_TEXTS
from podwire.wire.addr import AF_INET, AF_INET6

if TYPE_CHECKING:
    from podwire.linux.link import Link

_CONF: Final = "net/ipv4/conf/"
_NEIGH: Final = "net/ipv4/neigh/"
_CONF6: Final = "net/ipv6/conf/"
_CORE: Final = "net/core/"
_BRIDGE: Final = "net/bridge/"
_NETFILTER: Final = "net/netfilter/"
_CONNTRACK_MAX: Final = "net/nf_conntrack_max"
"""Its old place, of the first namespace alone."""
_FB_TUNNELS_MAX: Final = 2
_SOMAXCONN_MAX: Final = (1 << 31) - 1
_USER_HZ: Final = 100
_INT_MAX: Final = (1 << 31) - 1
_OCTAL: Final = re.compile(r"[+-]?0[0-7]+")


class SysctlVerbs(LinkVerbs):
    """The virtual files of net.ipv4 and net.ipv6. Paths use slashes: ``net/ipv4/conf/eth0.100/proxy_arp``."""

    def sysctl_paths(self) -> Iterator[str]:
        """Every path, sorted as ``sysctl -a`` walks the directories."""
        scopes = sorted(["all", "default", *(link.name for link in self.netns.links())])
        paths = [f"{_CONF}{scope}/{key}" for scope in scopes for key in CONF_KEYS]
        without = {"all"} if self._is_first else {"all", "default"}
        paths += [f"{_NEIGH}{scope}/{key}" for scope in scopes if scope not in without for key in NEIGH_KEYS]
        if self._is_first:
            paths += [f"{_NEIGH}default/{key}" for key in NEIGH_GC_KEYS]
            paths += [f"{_CORE}{key}" for key in CORE_KEYS]
            paths.append(_CONNTRACK_MAX)
        paths += [f"{_CORE}{key}" for key in TCP_CORE_KEYS]
        paths += [f"net/ipv4/{key}" for key in TCP_TEXTS]
        paths += [f"{_NETFILTER}{key}" for key in CT_KEYS]
        paths += [f"net/ipv4/{key}" for key in NET_KEYS]
        paths += [f"{_BRIDGE}{key}" for key in BRIDGE_KEYS if key in self.netns.settings]
        paths += [f"{_CONF6}{scope}/{key}" for scope in scopes for key in IPV6_CONF_KEYS]
        yield from sorted(paths)

    def sysctl_read(self, path: str) -> str:  # noqa: C901 - one case a directory
        """The file's text without its newline; raises ``NetlinkError`` ENOENT."""
        netns = self.netns
        if path == "net/ipv4/ip_forward":
            return str(netns.conf_all.forwarding)
        if path.startswith(_CONF):
            scope, _, key = path.removeprefix(_CONF).rpartition("/")
            if key in CONF_KEYS:
                return str(getattr(self._conf(scope), key))
        elif path.startswith(_NEIGH):
            scope, _, key = path.removeprefix(_NEIGH).rpartition("/")
            if key in NEIGH_GC_KEYS and scope == "default" and self._is_first:
                return str(netns.settings[key])
            if key in NEIGH_KEYS:
                return str(_neigh_value(self._neigh(scope), key))
        elif path.startswith(_CONF6):
            scope, _, key = path.removeprefix(_CONF6).rpartition("/")
            if key in IPV6_CONF_KEYS:
                return str(self._conf6(scope)[key])
        elif path.startswith(_CORE):
            key = path.removeprefix(_CORE)
            if key in TCP_CORE_KEYS or (key in CORE_KEYS and self._is_first):
                return str(netns.settings[key])
        elif path.startswith(_NETFILTER) or (path == _CONNTRACK_MAX and self._is_first):
            if (key := path.rpartition("/")[2]) in CT_KEYS:
                return str(netns.conntrack.setting(key))
        elif path.startswith(_BRIDGE) and (key := path.removeprefix(_BRIDGE)) in BRIDGE_KEYS and key in netns.settings:
            return str(netns.settings[key])
        elif path.removeprefix("net/ipv4/") in TCP_TEXTS:
            return TCP_TEXTS[path.removeprefix("net/ipv4/")]
        elif path.removeprefix("net/ipv4/") in NET_KEYS:
            value = netns.settings[path.removeprefix("net/ipv4/")]
            return str(value) if isinstance(value, int) else "\t".join(map(str, value))
        raise NetlinkError(ENOENT)

    def sysctl_writable(self, path: str) -> bool:
        """Whether the file's mode lets root write; raises ``NetlinkError`` ENOENT."""
        self.sysctl_read(path)
        if path.startswith(_CORE) and path.removeprefix(_CORE) in TCP_CORE_KEYS:
            return path.removeprefix(_CORE) in TCP_CORE_WRITABLE
        return not path.startswith(_NETFILTER) or conntrack.is_writable(self.netns, path.removeprefix(_NETFILTER))

    def sysctl_write(self, path: str, text: str) -> None:
        """Write a value; raises ``NetlinkError`` ENOENT, EACCES, EINVAL (no number, out of range); ``NotModelled`` for an inert switch."""
        current = self.sysctl_read(path)
        if path.removeprefix("net/ipv4/") in TCP_TEXTS:
            if text.split() != current.split():
                raise NotModelled(f"sysctl {path.replace('/', '.')} = {text}")
            return
        # proc_dointvec: where the file holds one number, nobody reads what follows it.
        numbers = _numbers(text.split() if "\t" in current else text.split()[:1])
        key = path.rpartition("/")[2]
        netns = self.netns
        if path in {"net/ipv4/ip_forward", f"{_CONF}all/forwarding"}:
            self._forward_change(numbers[0])
        elif path.startswith(_CONF):
            _check_modelled(path, key, CONF_NOT_MODELLED, current, numbers)
            self._write_conf(path.removeprefix(_CONF).rpartition("/")[0], key, numbers[0])
        elif path.startswith(_NEIGH) and key in NEIGH_GC_KEYS:
            netns.settings[key] = numbers[0]
        elif path.startswith(_NEIGH):
            _check_modelled(path, key, NEIGH_NOT_MODELLED, current, numbers)
            self._write_neigh(path.removeprefix(_NEIGH).rpartition("/")[0], key, numbers[0])
        elif path.startswith(_CORE):
            if not self.sysctl_writable(path):
                raise NetlinkError(EACCES)
            if not 0 <= numbers[0] <= (_SOMAXCONN_MAX if key in TCP_CORE_KEYS else _FB_TUNNELS_MAX):
                raise NetlinkError(EINVAL)
            netns.settings[key] = numbers[0]
        elif path.startswith(_NETFILTER) or path == _CONNTRACK_MAX:
            conntrack.write(netns, key, numbers[0])
        elif path.startswith(_BRIDGE):
            # brnf_sysctl_call_tables: any number but 0 is 1.
            numbers = [int(bool(numbers[0]))]
            _check_modelled(path, key, BRIDGE_NOT_MODELLED, current, numbers)
            netns.settings[key] = numbers[0]
        elif path.startswith(_CONF6):
            self._write_conf6(path.removeprefix(_CONF6).rpartition("/")[0], key, numbers[0])
        else:
            name = path.removeprefix("net/ipv4/")
            _check_modelled(path, name, NET_NOT_MODELLED, current, numbers)
            self._write_net(name, numbers)
        netns.changed()

    # -- net.ipv4.conf ------------------------------------------------------------------------------------------

    def _link(self, scope: str) -> Link:
        link = self.netns.link(scope)
        if link is None:
            raise NetlinkError(ENOENT)
        return link

    def _conf(self, scope: str) -> Ipv4Conf:
        if scope == "all":
            return self.netns.conf_all
        return self.netns.conf_default if scope == "default" else self._link(scope).conf

    def _write_conf(self, scope: str, key: str, value: int) -> None:
        conf = self._conf(scope)
        changes = getattr(conf, key) != value
        setattr(conf, key, value)
        conf.writers[key] = self.writer
        if key in NETCONF and changes:
            conf_changed(self.netns, AF_INET, self.netns.link(scope) or scope, key, value)
        if scope == "default":
            # devinet_copy_dflt_conf: devices whose value was never written, and that have no address yet, follow.
            for link in self.netns.links():
                if key not in link.conf.explicit:
                    setattr(link.conf, key, value)
                    link.conf.writers[key] = self.writer
        elif scope != "all":
            conf.explicit.add(key)

    def _forward_change(self, on: int) -> None:
        """``inet_forward_change``: all, default and every device; accept_redirects of ``all`` becomes the opposite (F74).

        A value that ``all`` has already changes nothing, not even a device that has another.
        """
        netns = self.netns
        if netns.conf_all.forwarding == on:
            return
        netns.conf_all.accept_redirects = int(not on)
        scopes: list[tuple[Link | str, Ipv4Conf]] = [("all", netns.conf_all), ("default", netns.conf_default)]
        scopes += [(link, link.conf) for link in netns.links()]
        for scope, conf in scopes:
            conf.forwarding = on
            conf.writers["forwarding"] = self.writer
            conf_changed(netns, AF_INET, scope, "forwarding", on)

    # -- net.ipv4.neigh -----------------------------------------------------------------------------------------

    @property
    def _is_first(self) -> bool:
        """``init_net``, the one namespace that shows the defaults of all (neigh_sysctl_register)."""
        return self.netns is self.netns.machine.root.netns

    def _neigh(self, scope: str) -> NeighParms:
        return self.netns.neigh_default if scope == "default" and self._is_first else self._link(scope).neigh

    def _write_neigh(self, scope: str, key: str, value: int) -> None:
        targets = [(self._neigh(scope), self.netns.link(scope))]
        if scope == "default":
            targets += [(link.neigh, link) for link in self.netns.links() if key not in link.neigh.explicit]
        else:
            targets[0][0].explicit.add(key)
        for parms, link in targets:
            _set_neigh_value(parms, key, value)
            parms.writers[key] = self.writer
            if link is not None and key in {"base_reachable_time", "base_reachable_time_ms"}:
                # neigh_proc_base_reachable_time draws anew at once.
                base = parms.base_reachable_time_ms * 1_000_000
                stream = self.netns.machine.random("reachable", self.netns.label, link.name)
                parms.reachable_time = base // 2 + stream.randrange(base) if base else 0

    # -- net.ipv6.conf and net.ipv4 -----------------------------------------------------------------------------

    def _conf6(self, scope: str) -> dict[str, int]:
        if scope == "all":
            return self.netns.conf6_all
        return self.netns.conf6_default if scope == "default" else self._link(scope).conf6

    def _write_conf6(self, scope: str, key: str, value: int) -> None:
        conf = self._conf6(scope)
        old, conf[key] = conf[key], value
        if key == "forwarding":
            self._forward_change6(scope, old, value)
        if key == "proxy_ndp" and old != value:
            conf_changed(self.netns, AF_INET6, self.netns.link(scope) or scope, "proxy_neigh", value)
        if key != "disable_ipv6":
            return
        if scope == "all":
            # addrconf_disable_change: all carries over to default and every device.
            self.netns.conf6_default[key] = value
            for link in self.netns.links():
                link.conf6[key] = value
        affected = self.netns.links() if scope == "all" else [self._link(scope)] if scope != "default" else []
        for link in affected:
            if value:
                link.addresses6.clear()
            else:
                self._carrier_changed(link)

    def _forward_change6(self, scope: str, old: int, new: int) -> None:
        """``addrconf_fixup_forwarding``: ``all`` is carried over to ``default`` and to every device."""
        netns = self.netns
        if scope == "all":
            old_default, netns.conf6_default["forwarding"] = netns.conf6_default["forwarding"], new
            self._tell_forward6("default", old_default, new)
            for link in netns.links():
                old_of_link, link.conf6["forwarding"] = link.conf6["forwarding"], new
                self._tell_forward6(link, old_of_link, new)
        self._tell_forward6(netns.link(scope) or scope, old, new)

    def _tell_forward6(self, scope: Link | str, old: int, new: int) -> None:
        if bool(old) is not bool(new):
            conf_changed(self.netns, AF_INET6, scope, "forwarding", new)

    def _write_net(self, name: str, numbers: list[int]) -> None:
        have = self.netns.settings[name]
        if isinstance(have, tuple):
            if len(numbers) != len(have):
                raise NetlinkError(EINVAL)
            if name == "ip_local_port_range" and not 0 < numbers[0] <= numbers[1] <= 65535:
                raise NetlinkError(EINVAL)
            low, high = NET_LIMITS.get(name, (-_INT_MAX - 1, _INT_MAX))
            if any(not low <= number <= high for number in numbers):
                raise NetlinkError(EINVAL)
            self.netns.settings[name] = tuple(numbers)
            return
        low, high = NET_LIMITS.get(name, (-_INT_MAX - 1, _INT_MAX))
        if not low <= numbers[0] <= high:
            raise NetlinkError(EINVAL)
        self.netns.settings[name] = numbers[0]


def _numbers(words: list[str]) -> list[int]:
    try:
        # strtoul with base 0: 010 is octal.
        numbers = [int(word, 8 if _OCTAL.fullmatch(word) else 0) for word in words]
    except ValueError:
        raise NetlinkError(EINVAL) from None
    if not numbers or any(abs(number) > _INT_MAX for number in numbers):
        raise NetlinkError(EINVAL)
    return numbers


def _check_modelled(path: str, key: str, inert: frozenset[str], current: str, numbers: list[int]) -> None:
    if key in inert and current.split() != [str(number) for number in numbers]:
        raise NotModelled(f"sysctl {path.replace('/', '.')} = {' '.join(map(str, numbers))}")


def _neigh_value(parms: NeighParms, key: str) -> int:
    if key == "base_reachable_time":
        return parms.base_reachable_time_ms // 1000
    if key == "retrans_time":
        return parms.retrans_time_ms * _USER_HZ // 1000
    if key == "unres_qlen":
        # In packets of the truesize that a full frame has (SKB_TRUESIZE(ETH_FRAME_LEN)).
        return parms.unres_qlen_bytes // 2090
    return int(getattr(parms, key))


def _set_neigh_value(parms: NeighParms, key: str, value: int) -> None:
    if value < 0:
        raise NetlinkError(EINVAL)
    if key == "base_reachable_time":
        parms.base_reachable_time_ms = value * 1000
    elif key == "retrans_time":
        parms.retrans_time_ms = value * 1000 // _USER_HZ
    elif key == "unres_qlen":
        parms.unres_qlen_bytes = value * 2090
    else:
        setattr(parms, key, value)
