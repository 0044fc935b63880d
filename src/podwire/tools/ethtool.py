"""``ethtool`` 6.1: what a device is, and its offloads.

podwire computes every checksum and cuts every segment where the protocol says: no device has an offload, as after
``ethtool -K DEV rx off tx off sg off tso off gso off gro off`` on a real one. What of ``-k`` is on there is on here.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.tools.process import Process

_BAD: Final = "ethtool: bad command line argument(s)\nFor more information run ethtool -h\n"
_NO_DEVICE: Final = "netlink error: no device matches name (offset 24)\nnetlink error: No such device\n"
_SETTINGS: Final = """\
Settings for {name}:
	Supported ports: [  ]
	Supported link modes:   Not reported
	Supported pause frame use: No
	Supports auto-negotiation: No
	Supported FEC modes: Not reported
	Advertised link modes:  Not reported
	Advertised pause frame use: No
	Advertised auto-negotiation: No
	Advertised FEC modes: Not reported
	Speed: {speed}
	Duplex: {duplex}
	Auto-negotiation: off
	Port: {port}
	PHYAD: 0
	Transceiver: internal
"""
_VETH: Final = {"speed": "10000Mb/s", "duplex": "Full", "port": "Twisted Pair"}
_BRIDGE: Final = {"speed": "Unknown!", "duplex": "Unknown! (255)", "port": "Other"}
_DRIVER: Final = """\
driver: {driver}
version: {version}
firmware-version: {firmware}
expansion-rom-version: 
bus-info: {firmware}
supports-statistics: {statistics}
supports-test: no
supports-eeprom-access: no
supports-register-dump: no
supports-priv-flags: no
"""  # noqa: W291 - the blanks are printed
_FEATURES: Final = """\
rx-checksumming: off
tx-checksumming: off
	tx-checksum-ipv4: off [fixed]
	tx-checksum-ip-generic: off
	tx-checksum-ipv6: off [fixed]
	tx-checksum-fcoe-crc: off [fixed]
	tx-checksum-sctp: off
scatter-gather: off
	tx-scatter-gather: off
	tx-scatter-gather-fraglist: off
tcp-segmentation-offload: off
	tx-tcp-segmentation: off
	tx-tcp-ecn-segmentation: off
	tx-tcp-mangleid-segmentation: off
	tx-tcp6-segmentation: off
	tx-tcp-accecn-segmentation: off
generic-segmentation-offload: off
generic-receive-offload: off
large-receive-offload: off [fixed]
rx-vlan-offload: on
tx-vlan-offload: on
ntuple-filters: off [fixed]
receive-hashing: off [fixed]
highdma: on
rx-vlan-filter: off [fixed]
vlan-challenged: off [fixed]
tx-gso-robust: off [fixed]
tx-fcoe-segmentation: off [fixed]
tx-gre-segmentation: on
tx-gre-csum-segmentation: on
tx-ipxip4-segmentation: on
tx-ipxip6-segmentation: on
tx-udp_tnl-segmentation: on
tx-udp_tnl-csum-segmentation: on
tx-gso-partial: off [fixed]
tx-tunnel-remcsum-segmentation: off [fixed]
tx-sctp-segmentation: on
tx-esp-segmentation: off [fixed]
tx-udp-segmentation: off [requested on]
tx-gso-list: on
tx-nocache-copy: off
loopback: off [fixed]
rx-fcs: off [fixed]
rx-all: off [fixed]
tx-vlan-stag-hw-insert: on
rx-vlan-stag-hw-parse: on
rx-vlan-stag-filter: off [fixed]
l2-fwd-offload: off [fixed]
hw-tc-offload: off [fixed]
esp-hw-offload: off [fixed]
esp-tx-csum-hw-offload: off [fixed]
rx-udp_tunnel-port-offload: off [fixed]
tls-hw-tx-offload: off [fixed]
tls-hw-rx-offload: off [fixed]
rx-gro-hw: off [fixed]
tls-hw-record: off [fixed]
rx-gro-list: off
macsec-hw-offload: off [fixed]
rx-udp-gro-forwarding: off
hsr-tag-ins-offload: off [fixed]
hsr-tag-rm-offload: off [fixed]
hsr-fwd-offload: off [fixed]
hsr-dup-offload: off [fixed]
"""
"""Of a veth, by kernel 6.18."""
_STATE: Final = {
    name.strip(): state.partition(" ")[0]
    for name, _, state in (line.partition(": ") for line in _FEATURES.splitlines())
}
_SHORT: Final = MappingProxyType(
    {
        "rx": "rx-checksumming",
        "tx": "tx-checksumming",
        "sg": "scatter-gather",
        "tso": "tcp-segmentation-offload",
        "gso": "generic-segmentation-offload",
        "gro": "generic-receive-offload",
        "lro": "large-receive-offload",
        "rxvlan": "rx-vlan-offload",
        "txvlan": "tx-vlan-offload",
        "ntuple": "ntuple-filters",
        "rxhash": "receive-hashing",
    }
)
_QUEUE: Final = (
    *(f"rx_queue_0_{what}" for what in ("xdp_packets", "xdp_bytes", "drops", "xdp_redirect", "xdp_drops", "xdp_tx")),
    *("rx_queue_0_xdp_tx_errors", "tx_queue_0_xdp_xmit", "tx_queue_0_xdp_xmit_errors"),
)
"""What a veth counts of XDP, which nobody uses here."""


def ethtool(proc: Process) -> int:
    """``ethtool DEV``, ``-i``, ``-k``, ``-K``, ``-P`` and ``-S``; other options are not modelled."""
    words = proc.argv[1:]
    if words[:1] == ["--version"]:
        proc.write("ethtool version 6.1\n")
        return 0
    if not words:
        proc.error(_BAD)
        return 1
    option, *rest = words
    if not option.startswith("-"):
        return _settings(proc, option)
    verb = _VERBS.get(option)
    if verb is None and option in _OTHERS:
        raise NotModelled(f"option {option}", "ethtool")
    if verb is None or not rest:
        proc.error(_BAD)
        return 1
    return verb(proc, rest[0], rest[1:])


def _refuse(proc: Process, message: str, status: int) -> int:
    proc.error(message)
    return status


def _known(link: Link, what: str) -> None:
    """A NIC is as its driver says, and a dummy has not been looked at."""
    if link.kind not in {"loopback", "veth", "bridge"}:
        raise NotModelled(f"{what} of a {link.kind} device", "ethtool")


def _settings(proc: Process, name: str) -> int:
    link = proc.place.netns.link(name)
    if link is None:
        # It asks five times.
        proc.error(_NO_DEVICE * 5)
        proc.write("No data available\n")
        return 75
    _known(link, "settings")
    if link.is_loopback:
        proc.write(f"Settings for {name}:\n")
    else:
        values = _VETH if link.kind == "veth" else _BRIDGE
        proc.write(_SETTINGS.format(name=name, **values) + ("\tMDI-X: Unknown\n" if link.kind == "veth" else ""))
    proc.write(f"\tLink detected: {'yes' if link.carrier else 'no'}\n")
    return 0


def _driver(proc: Process, name: str, rest: list[str]) -> int:
    if rest:
        return _refuse(proc, _BAD, 1)
    link = proc.place.netns.link(name)
    if link is None:
        return _refuse(proc, "Cannot get driver information: No such device\n", 71)
    _known(link, "the driver")
    if link.is_loopback:
        return _refuse(proc, "Cannot get driver information: Operation not supported\n", 71)
    if link.kind == "veth":
        proc.write(_DRIVER.format(driver="veth", version="1.0", firmware="", statistics="yes"))
    else:
        proc.write(_DRIVER.format(driver="bridge", version="2.3", firmware="N/A", statistics="no"))
    return 0


def _features(proc: Process, name: str, rest: list[str]) -> int:
    if rest:
        return _refuse(proc, f"ethtool: unexpected parameter '{rest[0]}'\n", 1)
    link = proc.place.netns.link(name)
    if link is None:
        return _refuse(proc, _NO_DEVICE, 1)
    if link.kind != "veth":
        raise NotModelled(f"features of a {link.kind} device", "ethtool")
    proc.write(f"Features for {name}:\n{_FEATURES}")
    return 0


def _change(proc: Process, name: str, rest: list[str]) -> int:
    """``-K``: what is off may be turned off, and what is on may be turned on."""
    wanted: dict[str, str] = {}
    for index in range(0, len(rest), 2):
        value = rest[index + 1] if index + 1 < len(rest) else "(null)"
        if value not in {"on", "off"}:
            message = f"ethtool (-K): flag '{value}' for parameter '(null)' is not followed by 'on' or 'off'\n"
            return _refuse(proc, message, 1)
        wanted[_SHORT.get(rest[index], rest[index])] = value
    link = proc.place.netns.link(name)
    if link is None and wanted:
        return _refuse(proc, _NO_DEVICE, 92)
    if not wanted:
        return _refuse(proc, "Could not change any device features\n", 1)
    for feature, value in wanted.items():
        if _STATE.get(feature) != value:
            raise NotModelled(f"-K {feature} {value}", "ethtool")
    return 0


def _permanent(proc: Process, name: str, rest: list[str]) -> int:
    del rest  # nobody looks at it
    link = proc.place.netns.link(name)
    if link is None:
        return _refuse(proc, "netlink error: No such device\n", 1)
    _known(link, "the permanent address")
    proc.write("Permanent address: not set\n")
    return 0


def _statistics(proc: Process, name: str, rest: list[str]) -> int:
    if rest:
        return _refuse(proc, f"ethtool (-S): unknown parameter '{rest[0]}'\n", 1)
    link = proc.place.netns.link(name)
    if link is None:
        return _refuse(proc, "Cannot get stats strings information: No such device\n", 96)
    _known(link, "statistics")
    if link.kind != "veth":
        return _refuse(proc, "no stats available\n", 94)
    peer = link.peer.ifindex if link.peer is not None else 0
    lines = "".join(f"     {counter}: 0\n" for counter in _QUEUE)
    proc.write(f"NIC statistics:\n     peer_ifindex: {peer}\n{lines}")
    return 0


_Verb = Callable[["Process", str, list[str]], int]
_VERBS: Final[MappingProxyType[str, _Verb]] = MappingProxyType(
    {
        **dict.fromkeys(("-i", "--driver"), _driver),
        **dict.fromkeys(("-k", "--show-features", "--show-offload"), _features),
        **dict.fromkeys(("-K", "--features", "--offload"), _change),
        **dict.fromkeys(("-P", "--show-permaddr"), _permanent),
        **dict.fromkeys(("-S", "--statistics"), _statistics),
    }
)
_OTHERS: Final = frozenset(
    """-h --help -I --include-statistics --debug --json --monitor -s --change -a --show-pause -A --pause -c --show-coalesce -C
    --coalesce -g --show-ring -G --set-ring -d --register-dump -e --eeprom-dump -E --change-eeprom -r --negotiate -p --identify -t
    --test --phy-statistics -n -u --show-nfc --show-ntuple -N -U --config-nfc --config-ntuple -T --show-time-stamping -x
    --show-rxfh-indir --show-rxfh -X --set-rxfh-indir --rxfh -f --flash -w --get-dump -W --set-dump -l --show-channels -L
    --set-channels --show-priv-flags --set-priv-flags -m --module-info --dump-module-eeprom --show-eee --set-eee --set-phy-tunable
    --get-phy-tunable --reset --show-fec --set-fec -Q --per-queue --cable-test --cable-test-tdr --show-tunnels --show-module
    --set-module --get-plca-cfg --set-plca-cfg --get-plca-status""".split()
)
