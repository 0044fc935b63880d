"""The table of deaths: from (reason, type of what decided, note) to why it happened and what would let the packet pass.

``why`` is a clause, ``remedy`` another; ``trace.fate`` fills in the names (``trace.fields``) and makes one sentence of them. Facts:
the kernel sheet, sections 1.5 (neighbours), 1.6 (proxy ARP), 1.8 (missing routes), 5.1 (source validation), 5.4 (rate limits);
include/net/dropreason-core.h.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from podwire.trace.events import (
    By,
    ByFabric,
    ByFdb,
    ByLink,
    ByNotModelled,
    ByPolicyRule,
    ByProgram,
    ByReversePath,
    ByRoute,
    ByRule,
    BySysctl,
)
from podwire.trace.reasons import DropReason as D

ANY: Final = "*"
ARP: Final = "arp"
"""Stands for the reason where an ARP message was taken and not answered; the note is that of ``Delivered``."""


class Cause(NamedTuple):
    """Why, and what would let the packet pass: two clauses with fields in braces."""

    why: str
    remedy: str


_ROUTE_ADD = "it passes after `ip route add {dst} via GATEWAY` on {here}, GATEWAY being a neighbour that knows the way"
_NO_ROUTE = Cause("{here} has no route to {dst}", _ROUTE_ADD)
_DEAD_END = (
    "it passes after `ip route del {type} {prefix}{table_arg}` on {here}, or with a more specific route to {dst}"
)
_SET_0 = "it passes after `sysctl -w {key}=0` on {here}"
_SET_1 = "it passes after `sysctl -w {key}=1` on {here}"
_FLUSH = "it passes after `ip neigh flush dev {prev_dev}` on {prev}, which then asks for the right MAC"
_RP_OFF = _SET_0 + " (the larger of conf.all and conf.{dev} counts)"
_LINK_UP = "it passes after `ip link set dev {link} up` on {here}"
_PUT_BACK = (
    "it passes after `ip link set dev {down} up` on {here}, and a route where the kernel does not put it back: "
    "`ip route add {wanted} via GATEWAY`"
)
_CHECKSUM = "it passes when the sender computes it, as after `ethtool -K {prev_dev} tx off` on {prev}"
_OWN_OR = (
    "it passes when {here} has the address: `ip addr add {tpa}/32 dev {dev}`; or, if it is to answer for others, after "
)
_NO_PROXY_ROUTE = Cause(
    "{here} answers for others only where it has a route, and it has none to {tpa}, not even a default route",
    "it passes after `ip route add default via GATEWAY` on {here}",
)

CAUSES: Final[Mapping[tuple[str, type | None, str], Cause]] = MappingProxyType(
    {
        # ------------------------------------------------------------------ source validation (section 5.1)
        (D.IP_RPFILTER, None, ""): Cause(
            "the route back to the source {src} does not leave by {dev}",
            "it passes after `sysctl -w net.ipv4.conf.{dev_key}.rp_filter=0` on {here}",
        ),
        (D.IP_RPFILTER, ByReversePath, "1"): Cause(
            "{switch} is strict: the way back to the source {src} would have to leave by {dev}, and it is the {back}",
            _RP_OFF,
        ),
        (D.IP_RPFILTER, ByReversePath, "1 no-route"): Cause(
            "{switch} is strict: a way back to the source {src} would have to leave by {dev}, and there is no route to it",
            _RP_OFF,
        ),
        (D.IP_RPFILTER, ByReversePath, "2 no-address"): Cause(
            "{switch} is loose, but {dev} has no IPv4 address and there loose means strict: "
            "the way back to the source {src} would have to leave by {dev}, and it is the {back}",
            _RP_OFF + ", or with any address on the device: `ip addr add 169.254.99.1/32 dev {dev}`",
        ),
        (D.IP_RPFILTER, ByReversePath, "2 no-route"): Cause(
            "{switch} is loose and wants some way back to the source {src}, and there is no route to it", _RP_OFF
        ),
        (D.IP_LOCAL_SOURCE, None, ""): Cause(
            "the source {src} is one of {here}'s own addresses, and it came from outside",
            "it passes after `sysctl -w net.ipv4.conf.{dev_key}.accept_local=1` on {here}",
        ),
        (D.IP_LOCAL_SOURCE, BySysctl, ""): Cause(
            "the source {src} is one of {here}'s own addresses, and it came from outside while {by}", _SET_1
        ),
        (D.IP_INVALID_SOURCE, None, ""): Cause(
            "the source {src} is no address of one machine (multicast, broadcast or 0.0.0.0)",
            "it passes with the sender's own address as source",
        ),
        (D.IP_INVALID_DEST, None, ""): Cause(
            "{here} neither takes nor forwards what goes to {dst}",
            "it passes with the address of a machine as destination",
        ),
        (D.IP_LOCALNET, None, ""): Cause(
            "{src} > {dst} carries a loopback address outside lo",
            "it passes after `sysctl -w net.ipv4.conf.{dev_key}.route_localnet=1` on {here}",
        ),
        (D.IP_LOCALNET, BySysctl, ""): Cause("{src} > {dst} carries a loopback address outside lo while {by}", _SET_1),
        # ---------------------------------------------------------------------------------------- forwarding
        (D.IP_INADDRERRORS, None, ""): Cause(
            "{dst} is not an address of {here}, which forwards nothing that comes in by {dev}",
            "it passes after `sysctl -w net.ipv4.conf.{dev_key}.forwarding=1` on {here}",
        ),
        (D.IP_INADDRERRORS, BySysctl, ""): Cause(
            "{dst} is not an address of {here}, which forwards nothing that comes in by {dev} while {by}", _SET_1
        ),
        (D.IP_INNOROUTES, BySysctl, ""): Cause(
            "{dst} is not an address of {here}, which forwards nothing that comes in by {dev} while {by}", _SET_1
        ),
        (D.IP_INHDR, None, ""): Cause("its IP header is damaged", "it passes with a well-formed header"),
        (D.IP_INHDR, None, "ttl"): Cause(
            "it came with ttl {ttl}, and {here} would have to forward it to {dst}",
            "it passes with a larger ttl, as `ping -t 64` sends it",
        ),
        (D.IP_INHDR, None, "loop"): Cause(
            "its ttl ran out in a circle: {circle} passed it round",
            "it passes when one of them routes {dst} out of the circle, so compare `ip route get {dst}` on each",
        ),
        (D.IP_INNOROUTES, None, ""): _NO_ROUTE,
        (D.IP_OUTNOROUTES, None, ""): _NO_ROUTE,
        (ANY, ByRoute, "none"): _NO_ROUTE,
        (ANY, ByRoute, "none down"): Cause(
            "{here} has no route to {dst}, and {down}, which is down, took its routes along", _PUT_BACK
        ),
        (ANY, ByRoute, "throw"): _NO_ROUTE,
        (ANY, ByRoute, "blackhole"): Cause("the best match for {dst} is the {by}, which discards silently", _DEAD_END),
        (ANY, ByRoute, "unreachable"): Cause(
            "the best match for {dst} is the {by}, which says host unreachable", _DEAD_END
        ),
        (ANY, ByRoute, "prohibit"): Cause("the best match for {dst} is the {by}, which says prohibited", _DEAD_END),
        (ANY, ByPolicyRule, ""): Cause(
            "{by} refuses it", "it passes after `ip rule del priority {priority}` on {here}"
        ),
        (D.PKT_TOO_BIG, None, ""): Cause(
            "its {size} bytes do not fit the next link and DF forbids to cut it",
            "it passes without DF, or when it is smaller",
        ),
        (D.PKT_TOO_BIG, ByLink, "mtu"): Cause(
            "its {size} bytes do not fit {link} (mtu {value}) and DF forbids to cut it",
            "it passes with at most {room} bytes of payload, without DF, or after `ip link set dev {link} mtu {size}` on {here}",
        ),
        (D.PKT_TOO_BIG, ByLink, "peer mtu"): Cause(
            "its {size} bytes do not fit {far_dev} of {far} (mtu {far_rest}), the other end of {link}, and nobody is told",
            "it passes when both ends have one MTU, as after `ip link set dev {far_dev} mtu {size}` on {far}",
        ),
        (D.PKT_TOO_BIG, ByLink, "port mtu"): Cause(
            "its {size} bytes do not fit {link}, a port of a bridge (mtu {value}), and nobody is told",
            "it passes after `ip link set dev {link} mtu {size}` on {here}",
        ),
        (D.PKT_TOO_BIG, ByRoute, ""): Cause(
            "its {size} bytes do not fit the mtu of the {by} and DF forbids to cut it",
            "it passes without DF, or when it is smaller",
        ),
        (D.PKT_TOO_SMALL, None, ""): Cause("it is shorter than its headers say", "it passes when it is sent whole"),
        # --------------------------------------------------------------------------- links and neighbours (1.5)
        (D.NEIGH_FAILED, None, ""): Cause(
            "nobody answered for {ip} on {dev}",
            "it passes when {ip} answers ARP, or after `ip neigh replace {ip} lladdr MAC dev {dev}` on {here}",
        ),
        (D.NEIGH_QUEUEFULL, None, ""): Cause(
            "more packets waited for the MAC of {ip} than the entry holds, and the oldest goes first",
            "it passes after `sysctl -w net.ipv4.neigh.{dev_key}.unres_qlen_bytes=425984` on {here}",
        ),
        (D.NEIGH_QUEUEFULL, BySysctl, ""): Cause(
            "more packets waited for the MAC of {ip} than {by} allows, and the oldest goes first",
            "it passes after `sysctl -w {key}={double}` on {here}",
        ),
        (D.NEIGH_CREATEFAIL, None, ""): Cause(
            "the neighbour table is full",
            "it passes after `sysctl -w net.ipv4.neigh.default.gc_thresh3=4096` on {machine}",
        ),
        (D.NEIGH_CREATEFAIL, BySysctl, ""): Cause(
            "the neighbour table is full: {by}", "it passes after `sysctl -w {key}={double}` on {machine}"
        ),
        (D.NEIGH_DEAD, None, ""): Cause(
            "the neighbour entry that it waited for was deleted meanwhile", "it passes when it is sent again"
        ),
        (D.OTHERHOST, None, ""): Cause("its frame was addressed to {mac}, which is not the MAC of {dev}", _FLUSH),
        (D.OTHERHOST, ByLink, "lladdr"): Cause(
            "its frame was addressed to {value}, which is not the MAC of {link}", _FLUSH
        ),
        (D.OTHERHOST, None, "noarp"): Cause(
            "{dev} does not speak ARP", "it passes after `ip link set dev {dev} arp on` on {here}"
        ),
        (D.NOT_SPECIFIED, ByLink, "broadcast frame"): Cause(
            "it came in a broadcast frame, and TCP takes only what is addressed to the MAC of {dev}",
            "it passes in a frame to that MAC, as after `ip neigh flush dev {prev_dev}` on {prev}",
        ),
        (D.UNICAST_IN_L2_MULTICAST, None, ""): Cause(
            "it came in a broadcast frame, and a router forwards only what is addressed to its own MAC",
            "it passes in a frame to the MAC of {dev}, as after `ip neigh flush dev {prev_dev}` on {prev}",
        ),
        (D.UNICAST_IN_L2_MULTICAST, BySysctl, ""): Cause(
            "it came in a broadcast frame around the address of one machine, and {by}", _SET_0
        ),
        (D.DEV_READY, None, ""): Cause("{dev} is not up", "it passes after `ip link set dev {dev} up` on {here}"),
        (D.QDISC_DROP, None, ""): Cause(
            "{dev} takes no frames for sending", "it passes after `ip link set dev {dev} up` on {here}"
        ),
        (ANY, ByLink, "down"): Cause("{link} is down", _LINK_UP),
        (ANY, ByLink, "no-carrier"): Cause(
            "{link} has no carrier, for its other end, {far_dev} of {far}, is down",
            "it passes after `ip link set dev {far_dev} up` on {far}",
        ),
        (ANY, ByLink, "no bridge port"): Cause(
            "no device is a port of the bridge {link}", "it passes after `ip link set dev DEV master {link}` on {here}"
        ),
        (D.BRIDGE_INGRESS_STP_STATE, None, ""): Cause(
            "{dev} is a port of a bridge that does not forward",
            "it passes after `bridge link set dev {dev} state forwarding` on {here}",
        ),
        (ANY, ByLink, "port state"): Cause(
            "{link}, a port of a bridge, is {value}",
            "it passes after `bridge link set dev {link} state forwarding` on {here}",
        ),
        (ANY, ByLink, "no forwarding port"): Cause(
            "none of the ports of the bridge {link} forwards",
            "it passes when a port is up and has carrier, see `bridge link` on {here}",
        ),
        (D.NO_TX_TARGET, None, ""): Cause(
            "no port of the bridge {dev} may send it on",
            "it passes by another port that is up, and neither isolated nor kept from flooding",
        ),
        (ANY, ByLink, "no port for it"): Cause(
            "the bridge {link} has no port by which frames from there may leave to {value}",
            "it passes by another port that is up, and neither isolated nor kept from flooding, see `bridge -d link` on {here}",
        ),
        # -------------------------------------------------------------------------------- tunnels (sections 3 and 4)
        (ANY, ByLink, "no fdb entry"): Cause(
            "the VXLAN device {link} has no entry for {value}, and no default destination",
            "it passes after `bridge fdb append {value} dev {link} dst REMOTE` on {here}",
        ),
        (D.TUNNEL_TXINFO, None, ""): Cause(
            "{dev} takes remote and VNI from each packet, and nothing told this one",
            "it passes by a route that does: `ip route replace {dst} encap ip id VNI dst REMOTE dev {dev}` on {here}",
        ),
        (ANY, ByFdb, ""): Cause(
            "the {by} names no remote", "it passes after `bridge fdb replace {mac} dev {dev} dst REMOTE` on {here}"
        ),
        (ANY, ByLink, "circular route"): Cause(
            "{here} would send the outer packet to {value} by {link} itself",
            "it passes when {here} reaches {value} by another device, see `ip route get {value}`",
        ),
        (ANY, ByLink, "no tunnel device"): Cause(
            "no IP-in-IP device that is up on {here} takes what {value} sends",
            "it passes after `ip link set dev tunl0 up` on {here}",
        ),
        (ANY, ByLink, "no tunnel metadata"): Cause(
            "{link} takes the remote from each packet, and nothing told this one",
            "it passes by a route that does: `ip route replace {dst} encap ip dst REMOTE dev {link}` on {here}",
        ),
        (D.NOT_SPECIFIED, ByLink, "vni"): Cause(
            "no GENEVE device that is up on {here} has VNI {value} and the sender as its remote",
            "it passes when both ends name each other, see `ip -d link show type geneve` on both",
        ),
        (ANY, ByLink, "critical option"): Cause(
            "{link} understands no GENEVE option, and its header says that one has to be",
            "it passes when the sender adds no such option, or to a device that is `external`",
        ),
        (ANY, ByLink, "a loop of tunnels"): Cause(
            "the outer packets of {link} lead from tunnel to tunnel and back into it",
            "it passes when {here} reaches their remotes without a tunnel",
        ),
        (D.VXLAN_VNI_NOT_FOUND, None, ""): Cause(
            "no VXLAN device that is up on {here} has its VNI",
            "it passes when sender and receiver use one VNI and port, see `ip -d link show type vxlan` on both",
        ),
        (D.VXLAN_VNI_NOT_FOUND, ByLink, "vni"): Cause(
            "no VXLAN device that is up on {here} has VNI {value}",
            "it passes when sender and receiver use one VNI and port, see `ip -d link show type vxlan` on both",
        ),
        (D.VXLAN_INVALID_HDR, None, ""): Cause(
            "its VXLAN header says more, or less, than that a VNI is there",
            "it passes when the sender uses no extension of VXLAN",
        ),
        (D.VXLAN_ENTRY_EXISTS, None, ""): Cause(
            "a static entry of {dev} says that its sender is behind another remote",
            "it passes after `bridge fdb del MAC dev {dev}` on {here}, MAC being the sender's",
        ),
        (D.LOCAL_MAC, None, ""): Cause(
            "its sender has the MAC address of {dev} itself", "it passes when both ends have an address of their own"
        ),
        (D.IP_TUNNEL_ECN, None, ""): Cause(
            "it met congestion on the way (ECN), and the packet inside cannot be marked with that",
            "it passes when the sender uses ECN, as after `sysctl -w net.ipv4.tcp_ecn=1` for TCP",
        ),
        (D.MAC_IEEE_MAC_CONTROL, None, ""): Cause(
            "it is a pause frame, which no bridge forwards", "it passes when it is sent to another MAC address"
        ),
        (D.MAC_INVALID_SOURCE, None, ""): Cause(
            "its source MAC address is that of no machine", "it passes when its sender uses an address of its own"
        ),
        (ANY, ByLink, "dummy device"): Cause(
            "{link} is a dummy and leads nowhere", "it passes after `ip route replace {dst} via GATEWAY` on {here}"
        ),
        (D.FULL_RING, None, ""): Cause("the receive queue of {dev} was full", "it passes when less is sent at once"),
        (D.TC_EGRESS, None, ""): Cause(
            "a tc program discards it on its way out", "it passes after `tc filter del dev {dev} egress` on {here}"
        ),
        # ------------------------------------------------------------------------------------------- the upper layers
        (D.NO_SOCKET, None, ""): Cause(
            "nothing in {here} listens on {proto} port {dport}",
            "it passes when a program listens there, as `{listen}` does",
        ),
        (D.NO_SOCKET, None, "vxlan"): Cause(
            "no VXLAN device that is up on {here} takes {proto} port {dport}",
            "it passes when there is one, see `ip -d link show type vxlan` on {here}",
        ),
        (D.NO_SOCKET, None, "geneve"): Cause(
            "no GENEVE device that is up on {here} takes {proto} port {dport}",
            "it passes when there is one, see `ip -d link show type geneve` on {here}",
        ),
        (D.NO_SOCKET, None, "icmp"): Cause(
            "no socket of {here} waits for this message", "it passes while the program that asked for it still runs"
        ),
        (D.NO_SOCKET, None, "reset"): Cause(
            "no connection of {here} belongs to this reset", "it passes while the connection that it ends is open"
        ),
        (D.IP_NOPROTO, None, ""): Cause(
            "{here} has no handler for IP protocol {proto}",
            "it passes when the kernel loads one, as `modprobe ipip` for ipip",
        ),
        (D.UNHANDLED_PROTO, None, ""): Cause(
            "nothing in {here} takes frames of this EtherType",
            "it passes when a protocol is loaded or a device is made for it",
        ),
        (D.INVALID_PROTO, None, ""): Cause(
            "its protocol is not valid where it arrived", "it passes with a protocol that {dev} carries"
        ),
        (D.INVALID_PROTO, BySysctl, ""): Cause("{here} does not answer what everybody is asked while {by}", _SET_0),
        (D.IP_CSUM, None, ""): Cause("its IP header checksum is wrong", _CHECKSUM),
        (D.ICMP_CSUM, None, ""): Cause("its ICMP checksum is wrong", _CHECKSUM),
        (D.UDP_CSUM, None, ""): Cause("its UDP checksum is wrong", _CHECKSUM),
        (D.TCP_CSUM, None, ""): Cause("its TCP checksum is wrong", _CHECKSUM),
        (D.FRAG_REASM_TIMEOUT, None, ""): Cause(
            "not all of its fragments came within net.ipv4.ipfrag_time",
            "it passes when every fragment arrives, or when it is small enough not to be cut",
        ),
        (ANY, ByLink, "duplicate fragment"): Cause(
            "what it carries of the datagram ({value}) is there already", "it passes when it is sent once"
        ),
        (ANY, ByLink, "overlapping fragment"): Cause(
            "fragments of its datagram ({value}) overlap, and all of them are discarded",
            "it passes when they are cut as RFC 791 says",
        ),
        (ANY, ByLink, "damaged fragment"): Cause(
            "the fragments of its datagram ({value}) contradict one another, and all of them are discarded",
            "it passes when they are cut as RFC 791 says",
        ),
        (D.FRAG_TOO_FAR, None, ""): Cause(
            "too many other fragments came between its own",
            "it passes after `sysctl -w net.ipv4.ipfrag_max_dist=0` on {here}",
        ),
        (D.NETFILTER_DROP, None, ""): Cause(
            "a netfilter rule discards it",
            "it passes when that rule is gone, so look at the counters of `iptables -vnL`",
        ),
        (D.NETFILTER_DROP, ByRule, ""): Cause(
            "it matches {by}", "it passes after `iptables -t {table} -D {chain} {number}` on {here}"
        ),
        (D.NETFILTER_DROP, ByRule, "policy"): Cause(
            "no rule accepts it and {by} is to drop",
            "it passes after `iptables -t {table} -P {chain} ACCEPT` on {here}",
        ),
        # ------------------------------------------------------------------------------------------------ the fabric
        (D.FABRIC, None, ""): Cause(
            "the network between the machines discards it", "it passes when that network carries it"
        ),
        (D.FABRIC, ByFabric, ""): Cause("{by}", "it passes when the network carries {src} > {dst}"),
        (D.FABRIC, ByFabric, "firewall"): Cause(
            "{by}",
            "it passes after a firewall rule that lets it in, on GCP "
            "`gcloud compute firewall-rules create NAME --allow={service} --source-ranges={src}`",
        ),
        (D.FABRIC, ByFabric, "source-check"): Cause(
            "{by}",
            "it passes when the cloud knows {src} as an address of {prev}, on GCP "
            "`gcloud compute instances network-interfaces update {prev} --aliases={src}/32`, or does not check: `--can-ip-forward`",
        ),
        (D.FABRIC, ByFabric, "own-range"): Cause(
            "{by}",
            "it passes when {prev} has a pod with that address and a route to it: `ip route add {dst} dev DEV scope link`",
        ),
        (D.FABRIC, ByFabric, "alias-address"): Cause(
            "{by}",
            "it passes when {prev} has an external address and masquerades: "
            "`iptables -t nat -A POSTROUTING -s {src} -o {prev_dev} -j MASQUERADE`",
        ),
        (D.FABRIC, ByFabric, "no-external-address"): Cause(
            "{by}",
            "it passes when {prev} gets one, on GCP `gcloud compute instances add-access-config {prev}`, "
            "on AWS an Elastic IP, on Azure a public IP",
        ),
        (D.FABRIC, ByFabric, "route"): Cause(
            "{by}",
            "it passes when a VM has {dst}, or an alias range that holds it, "
            'or after `lab.add_cloud_route("{here}", "{dst}/32 via VM")`',
        ),
        (D.FABRIC, ByFabric, "internet"): Cause("{by}", "it passes when a host with the address {dst} joins the lab"),
        (D.FABRIC, ByFabric, "no-port"): Cause("{by}", "it passes when another machine is plugged into network {here}"),
        (D.FABRIC, ByFabric, "cable"): Cause("{by}", "it passes when a machine is plugged in there"),
        (D.FABRIC, ByFabric, "ipv4-only"): Cause("{by}", "it passes as IPv4, or inside of it"),
        (D.FABRIC, ByFabric, "private-address"): Cause(
            "{by}",
            "it passes to the public address that stands for {dst}, or by a network that leads there: "
            "`ip route add {dst} via GATEWAY` on {prev}",
        ),
        (D.FABRIC, ByFabric, "loss"): Cause(
            "{by}",
            "it passes when `drops` of network {here} does not name it, as after "
            '`lab.set_network("{here}", drops=())`, or in another encapsulation',
        ),
        (D.FABRIC, ByFabric, "network-mtu"): Cause(
            "{by}",
            'it passes after `lab.set_network("{here}", mtu={size})`, or when {prev} cuts it, as after '
            "`ip link set dev {prev_dev} {setting}` on {prev}",
        ),
        (D.FABRIC, ByFabric, "never-carried"): Cause(
            "{by}", "it passes in VXLAN, as with `vxlanMode: Always` and `ipipMode: Never` in Calico's IPPool"
        ),
        (D.FABRIC, ByFabric, "no-broadcast"): Cause("{by}", "it passes to the address of one machine"),
        (D.FABRIC, ByFabric, "aws-check"): Cause(
            "{by}",
            'it passes after `lab.set_nic("{object}", source_dest_check=False)`, on AWS '
            "`aws ec2 modify-instance-attribute --instance-id {object} --no-source-dest-check`, or in an encapsulation",
        ),
        (D.FABRIC, ByFabric, "azure-check"): Cause(
            "{by}",
            'it passes after `lab.set_nic("{object}", source_dest_check=False)`, on Azure '
            "`az network nic update --name {object} --ip-forwarding true`, or in VXLAN",
        ),
        (D.FABRIC, ByFabric, "can-ip-forward"): Cause(
            "{by}",
            'it passes after `lab.set_nic("{object}", source_dest_check=False)`, on GCP when the VM is made with '
            "`--can-ip-forward`",
        ),
        (D.FABRIC, ByFabric, "cloud-route"): Cause(
            "{by}",
            'it passes after `lab.add_cloud_route("{here}", "{dst}/32 via MACHINE")`, on AWS an entry of the route table, '
            "on Azure a user-defined route",
        ),
        (D.FABRIC, ByFabric, "nat"): Cause(
            "{by}", "it passes to an external address of the VM itself: `gcloud compute instances add-access-config VM`"
        ),
        (D.FABRIC, ByFabric, "uplink-source"): Cause(
            "{by}",
            "it passes when {prev} masquerades, `iptables -t nat -A POSTROUTING -o {prev_dev} -j MASQUERADE`, or when {dst} is "
            "not behind the uplink at all and {prev} knows the way: `ip route add {dst} via GATEWAY`",
        ),
        (D.FABRIC, ByFabric, "uplink-isolated"): Cause(
            "{by}", "it passes by a network that both stand in, or when uplink {here} has `isolated: false` in the lab"
        ),
        (D.FABRIC, ByFabric, "uplink-protocol"): Cause("{by}", "it passes inside UDP, as VXLAN and Geneve carry it"),
        (D.FABRIC, ByFabric, "uplink-unknown"): Cause("{by}", "it passes behind the packet that it belongs to"),
        (D.FABRIC, ByFabric, "uplink-inbound"): Cause(
            "{by}", "it passes as the answer to what a machine behind uplink {here} sends to {src} first"
        ),
        (D.FABRIC, ByFabric, "gateway"): Cause("{by}", "it passes to the address of a VM"),
        (D.FABRIC, ByFabric, "mtu"): Cause(
            "{by}", "it passes when {prev} cuts it, as it does where {prev_dev} has the MTU of the network"
        ),
        # ------------------------------------------------------------------------------------ podwire and the unknown
        (D.NOT_SPECIFIED, None, ""): Cause(
            "the kernel gives no reason in {where}", "no change is known that lets it pass"
        ),
        (D.NOT_SPECIFIED, BySysctl, ""): Cause("{here} does not answer it while {by}", _SET_0),
        (D.NOT_MODELLED, None, ""): Cause(
            "podwire does not model what it met in {where}", "what a real kernel does with it is not known here"
        ),
        (D.NOT_MODELLED, ByNotModelled, ""): Cause(
            "podwire does not model {what}", "what a real kernel does with it is not known here"
        ),
        # ------------------------------------------------------------------------- programs (reference sheet Cilium, 7.5)
        (D.TC_INGRESS, None, ""): Cause(
            "a tc program discards it on its way in", "it passes after `tc filter del dev {dev} ingress` on {here}"
        ),
        (ANY, ByProgram, ""): Cause(
            "{by}", "it passes when {program} lets it through, see `cilium-dbg monitor --type drop` on {machine}"
        ),
        (D.INVALID_SOURCE_IP, ByProgram, ""): Cause(
            "behind {link} is a pod, and {program} lets it send from its own address alone: {detail}",
            "it passes with the address of the pod as its source",
        ),
        (D.POLICY_DENIED, ByProgram, ""): Cause(
            "no entry of the policy map allows it: {detail}",
            "it passes when a rule of a NetworkPolicy or CiliumNetworkPolicy allows it",
        ),
        (D.STALE_OR_UNROUTABLE_IP, ByProgram, ""): Cause(
            "{here} routes {dst} to {link}, and {program} knows no pod and no node behind that address: {detail}",
            "it passes when a pod has the address, see `cilium-dbg bpf ipcache list` on {machine}",
        ),
        (D.FIB_LOOKUP_FAILED, ByProgram, ""): Cause("{program} looked for a way to {dst}: {detail}", _ROUTE_ADD),
        (D.DROP_EP_NOT_READY, ByProgram, ""): Cause(
            "the pod is known, and its policy program is not loaded: {detail}",
            "it passes when cilium-agent on {machine} has regenerated the endpoint",
        ),
        (D.INVALID_IDENTITY, ByProgram, ""): Cause(
            "nobody else may speak as this host: {detail}", "it passes with the identity of a pod or of a remote node"
        ),
        (D.TTL_EXCEEDED, ByProgram, ""): Cause(
            "it came with ttl {ttl}, and {program} counts down as a router does, but tells nobody when it ran out",
            "it passes with a larger ttl, as `ping -t 64` sends it",
        ),
        # --------------------------------------------------------------------------- ARP that is not answered (1.6)
        (D.ARP_PVLAN_DISABLE, None, ""): Cause(
            "{here} would have to answer by the device that asked",
            "it passes after `sysctl -w net.ipv4.conf.{dev_key}.proxy_arp_pvlan=1` on {here}",
        ),
        (ARP, None, ""): Cause("{here} heard it and did not answer", "it passes when somebody answers for {tpa}"),
        (ARP, None, "proxy-off"): Cause(
            "{tpa} is not an address of {here}, which does not answer for others on {dev}",
            "it passes after `sysctl -w net.ipv4.conf.{dev_key}.proxy_arp=1` on {here}",
        ),
        (ARP, BySysctl, "proxy-off"): Cause(
            "{tpa} is not an address of {here}, which does not answer for others on {dev} while {by}", _SET_1
        ),
        (ARP, None, "no-route"): _NO_PROXY_ROUTE,
        (ARP, ByRoute, "none no-route"): _NO_PROXY_ROUTE,
        (ARP, ByRoute, "none down no-route"): Cause(
            "{here} answers for others only where it has a route, and it has none to {tpa}, not even a default route: "
            "{down}, which is down, took its routes along",
            _PUT_BACK,
        ),
        (ARP, ByRoute, "no-route"): Cause(
            "{here} answers for others only where it has a route, and to {tpa} it has the {by}",
            "it passes after `ip route replace {prefix}{table_arg} via GATEWAY` on {here}",
        ),
        (ARP, None, "same-device"): Cause(
            "{here} would send to {tpa} by {dev} itself, so whoever asks there needs no proxy",
            "it passes after `sysctl -w net.ipv4.conf.{dev_key}.proxy_arp_pvlan=1` on {here}",
        ),
        (ARP, ByRoute, "same-device"): Cause(
            "{here} has {tpa} behind {dev} itself by the {by}, so whoever asks there needs no proxy",
            "it passes after `sysctl -w net.ipv4.conf.{dev_key}.proxy_arp_pvlan=1` on {here}",
        ),
        (ARP, None, "forwarding-off"): Cause(
            "{tpa} is not an address of {here}, which forwards nothing that comes in by {dev}",
            _OWN_OR + "`sysctl -w net.ipv4.conf.{dev_key}.forwarding=1`",
        ),
        (ARP, BySysctl, "forwarding-off"): Cause(
            "{tpa} is not an address of {here}, which forwards nothing that comes in by {dev} while {by}",
            _OWN_OR + "`sysctl -w {key}=1`",
        ),
        (ARP, None, "source-check"): Cause(
            "{here} accepts nobody who asks as {spa} on {dev}: its own address, or none of one machine",
            "it passes when the asker uses an address of its own",
        ),
        (ARP, ByReversePath, "source-check"): Cause(
            "{here} does not believe that the asker {spa} is behind {dev}: {by}", _RP_OFF
        ),
        (ARP, None, "not-ours"): Cause(
            "{here} heard it and {tpa} is not its address",
            "it passes when a machine there has it: `ip addr add {tpa}/32 dev DEV`",
        ),
        (ARP, BySysctl, "ignored"): Cause("{here} does not answer for {tpa} on {dev} while {by}", _SET_0),
    }
)


def find(reason: str, by: By | None, note: str) -> Cause:
    """The row that fits best: first by what decided and its variant, then by the note alone, at last by the reason alone."""
    variants = dict.fromkeys((f"{_variant(by)} {note}".strip(), note, _variant(by), ""))
    anyhow = [(ANY, type(by))] if reason != ARP else []
    for row, kind in [(reason, type(by)), *anyhow, (reason, None)]:
        for variant in variants:
            cause = CAUSES.get((row, kind, variant))
            if cause is not None:
                return cause
    return CAUSES[(D.NOT_SPECIFIED, None, "")]


def _variant(by: By | None) -> str:
    match by:
        case BySysctl():
            return str(by.value)
        case ByReversePath():
            lacks = (
                "no-route" if by.back.type == "none" else "no-address" if by.value > 1 and not by.has_address else ""
            )
            return f"{by.value} {lacks}".strip()
        case ByRoute():
            return "none down" if by.type == "none" and by.flags else by.type
        case ByLink():
            return by.what
        case ByFabric():
            return by.kind or by.name.replace(" ", "-")
        case ByRule(number=0):
            return "policy"
        case _:
            return ""
