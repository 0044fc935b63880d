"""The ip-masq-agent: a loop on every node that reads its ConfigMap and writes the chain IP-MASQ anew (kube-proxy and GKE sheet, 3.4 b)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import yaml

from podwire.cni.backend import Desired, NodeSpec, View
from podwire.errors import PodwireError
from podwire.linux.netfilter.restore import RestoreError
from podwire.linux.netfilter.save import rule_text
from podwire.linux.netfilter.tables import NFT
from podwire.linux.netlink import Netlink
from podwire.platform.gke.duration import DurationError, duration
from podwire.platform.gke.masquerade import CHAIN, RESERVED, RFC1918, Ports, agent_chain, jump
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Ip6, Net

NAME: Final = "ip-masq-agent"
NAMESPACE: Final = "kube-system"
KEY: Final = "config"
"""Of the ConfigMap, mounted as ``/etc/config/ip-masq-agent``."""
OWNER: Final = Owner(NAME, f"ConfigMap {NAMESPACE}/{NAME}")
_SECOND: Final = 1_000_000_000
_LIMIT: Final = 64


class MasqError(PodwireError):
    """What the agent says of a config that it does not take."""


class MasqConfig(msgspec.Struct, frozen=True):
    """One config, whole: what the file leaves out has its default. ``interval`` in ns."""

    cidrs: tuple[str, ...] = (*RFC1918, *RESERVED)
    limit: int = _LIMIT
    link_local: bool = False
    interval: int = 60 * _SECOND


def read_config(text: str) -> MasqConfig:
    """The file's YAML or JSON. Unknown members do not count. Raises ``MasqError`` with the agent's words.

    A list of CIDRs takes the place of the whole default list, also an empty one.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise MasqError(f"yaml: {' '.join(str(error).split())}") from None
    if document is None:
        return MasqConfig()
    if not isinstance(document, Mapping):
        raise MasqError(f"json: cannot unmarshal {_go_kind(document)} into Go value of type main.MasqConfig")
    # encoding/json takes the name of a member in any case.
    given = {str(name).lower(): value for name, value in document.items() if value is not None}
    default = MasqConfig()
    _value(given, "masqLinkLocalIPv6", bool, "bool")
    cidrs = given.get("nonmasqueradecidrs", list(default.cidrs))
    if not isinstance(cidrs, list):
        raise _mismatch("nonMasqueradeCIDRs", cidrs, "[]string")
    for each in cidrs:
        if not isinstance(each, str):
            raise _mismatch("nonMasqueradeCIDRs", each, "string")
    try:
        interval = duration(_value(given, "resyncInterval", str, "string", "60s"))
    except DurationError as error:
        raise MasqError(str(error)) from None
    config = MasqConfig(
        tuple(cidrs),
        _value(given, "cidrLimit", int, "int", default.limit),
        _value(given, "masqLinkLocal", bool, "bool", default.link_local),
        interval,
    )
    _validate(config)
    return config


def _value(given: Mapping[str, Any], name: str, kind: type, word: str, default: Any = None) -> Any:
    value = given.get(name.lower(), default)
    if name.lower() in given and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        raise _mismatch(name, value, word)
    return value


def _mismatch(name: str, value: object, word: str) -> MasqError:
    return MasqError(f"json: cannot unmarshal {_go_kind(value)} into Go struct field MasqConfig.{name} of type {word}")


def _go_kind(value: object) -> str:
    kinds = ((bool, "bool"), (int | float, "number"), (str, "string"), (list, "array"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "object")


def _validate(config: MasqConfig) -> None:
    if len(config.cidrs) > config.limit:
        raise MasqError(
            f"the daemon can only accept up to {config.limit} CIDRs (excluding link-local), "
            f"but got {len(config.cidrs)} CIDRs (excluding link local)"
        )
    for text in config.cidrs:
        try:
            net = Net.parse(text, strict=False)
        except ValueError:
            net = None
        if net is None or "/" not in text:
            raise MasqError(f'CIDR "{text}" could not be parsed, invalid CIDR address: {text}')
        ip = Ip.parse(text.partition("/")[0])
        if ip != net.addr:
            raise MasqError(f'CIDR "{text}" is not aligned to a CIDR block, ip: "{ip}" network: "{net}"')
        if isinstance(net.addr, Ip6):
            raise MasqError(
                f"ipv6 is not enabled, but ipv6 cidr {text} provided. Enable ipv6 using --enable-ipv6 agent flag"
            )


class IpMasqAgent:
    """The agent on all nodes. ``read`` gives the text of its config file, None while there is no ConfigMap.

    It watches nothing: each round reads the file, so that a change counts after ``resyncInterval`` at the latest. A ConfigMap
    that changed is in the pod at once (a real kubelet takes up to a minute more).
    """

    name = NAME

    def __init__(
        self,
        read: Callable[[], str | None],
        *,
        to_ports: tuple[Ports, ...] = (),
        random_fully: bool = True,
        variant: str = NFT,
    ) -> None:
        self._read = read
        self._to_ports = to_ports
        self._random_fully = random_fully
        self._variant = variant
        self._configs: dict[str, MasqConfig] = {}
        """By node: the last one that it took."""
        self._log: dict[str, list[str]] = {}

    def log(self, node: str) -> list[str]:
        """What it has logged on a node: errors, in klog's form."""
        return self._log.get(node, [])

    def desired(self, node: NodeSpec, view: View) -> Desired:
        """Nothing that is compared: its rules are written in rounds."""
        del node, view
        return Desired()

    def program(self, node: NodeSpec, door: Netlink, view: View) -> None:
        """Nothing beside the rounds."""

    def round(self, node: NodeSpec, door: Netlink) -> int:
        """Read the config and write the chain; returns how long it sleeps then, in ns. After an error the old rules stay."""
        config = self._configs.get(node.name, MasqConfig())
        try:
            text = self._read()
            config = self._configs[node.name] = read_config(text) if text is not None else MasqConfig()
            self._write(Netlink(door.netns, OWNER), config)
        except MasqError as error:
            self._say(node, 165, f"Error syncing configuration: {error}")
        except RestoreError as error:
            self._say(node, 170, f"Error syncing masquerade rules: {error}")
        # A loop that does not sleep at all would stop virtual time.
        return max(config.interval, _SECOND)

    def _write(self, door: Netlink, config: MasqConfig) -> None:
        self._ensure_jump(door)
        text = agent_chain(
            config.cidrs, link_local=config.link_local, to_ports=self._to_ports, random_fully=self._random_fully
        )
        door.iptables_restore(text, variant=self._variant, noflush=True)

    def _ensure_jump(self, door: Netlink) -> None:
        """The chain and, at the end of POSTROUTING, the jump: each only where it is missing."""
        table = door.netns.xtables.table(self._variant, "nat")
        chains = table.chains if table is not None else {}
        wanted = jump(NAME)
        there = chains["POSTROUTING"].rules if "POSTROUTING" in chains else ()
        lines = [] if CHAIN in chains else [f":{CHAIN} - [0:0]"]
        if all(f"POSTROUTING {rule_text(rule.spec, self._variant)}" != wanted for rule in there):
            lines.append(f"-A {wanted}")
        if lines:
            door.iptables_restore("\n".join(("*nat", *lines, "COMMIT\n")), variant=self._variant, noflush=True)

    def _say(self, node: NodeSpec, line: int, text: str) -> None:
        moment = datetime.fromtimestamp(node.machine.world.now / 1e9, UTC)
        self._log.setdefault(node.name, []).append(f"E{moment:%m%d %H:%M:%S.%f}       1 {NAME}.go:{line}] {text}")
