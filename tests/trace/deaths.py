"""One story for each row of the table of causes: a packet of pod1 that dies, or an ARP request that finds no answer."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

from podwire.trace.causes import ANY, ARP
from podwire.trace.events import (
    By,
    ByFabric,
    ByFdb,
    ByLink,
    ByNeighbour,
    ByNotModelled,
    ByPolicyRule,
    ByProgram,
    ByReversePath,
    ByRoute,
    ByRule,
    BySysctl,
    Conntrack,
    Created,
    Delivered,
    Encapsulated,
    Forwarded,
    Owner,
    Refused,
    Translated,
)
from podwire.trace.reasons import DropReason
from podwire.trace.reasons import DropReason as D
from podwire.wire.addr import ANY4, Ip, Mac
from podwire.wire.headers import IPv4
from podwire.wire.packet import Packet
from tests.trace.story import CNI1, GATEWAY, POD1, POD2, TO_POD1, Story, echo, frame, proxy_arp, tcp, udp, who_has

ALIEN = Ip.parse("1.2.3.4")
FELIX = Owner("felix", "Node node1")
GW = Ip.parse("10.0.0.1")


class Hook(TypedDict):
    """Where netfilter discards a packet."""

    where: str
    dev: str


class Death(NamedTuple):
    """The row of the table it must find, and the end that it tells of."""

    row: tuple[str, type | None, str]
    by: By | None = None
    packet: Packet = echo()
    where: str = "ip_rcv_finish"
    dev: str = "cali111"
    note: str = ""
    here: str = "node1"

    @property
    def name(self) -> str:
        reason, kind, note = self.row
        return " ".join(filter(None, (reason, kind.__name__ if kind else "", note)))

    def story(self) -> Story:
        if self.row[0] == ARP:
            return _unanswered(self)
        if self.row[2] == "loop":
            return _circle()
        if self.row[0] == D.NO_SOCKET and self.row[2] in {"vxlan", "geneve"}:
            return _tunnelled(self)
        story = Story().add(1, "default/pod1", Created(0, "", self.packet))
        story.cross(1, "default/pod1", "eth0", "node1", "cali111", frame(self.packet))
        if self.here != "node1":
            story.send(1, "node1", "eth0", frame(self.packet))
        if self.row[2] in {"service", "hairpin"}:
            story.add(1, "node1", Translated("DNAT", "PREROUTING", CLUSTER_IP, POD2, 53, 53, by=TO_ENDPOINT))
        if self.row[2] == "policies" and isinstance(self.by, ByRule):
            story.add(1, "node1", refused(self.by))
        if self.row[2] == "invalid":
            story.add(1, "node1", Conntrack("INVALID"))
        reason = DropReason(self.row[0]) if self.row[0] != ANY else D.NOT_SPECIFIED
        return story.die(1, self.here, self.where, reason, self.by, self.dev)


def _unanswered(death: Death) -> Story:
    story = Story().add(1, "default/pod1", Created())
    story.cross(1, "default/pod1", "eth0", "node1", "cali111", who_has(GATEWAY, POD1), 1)
    return story.add(1, "node1", Delivered("arp", death.note or death.row[2], death.by))


def _circle() -> Story:
    """node1 sends it to the gateway, which sends it back (F45)."""
    story = Story().add(1, "default/pod1", Created(0, "", echo(ttl=4)))
    story.cross(1, "default/pod1", "eth0", "node1", "cali111", frame(echo(ttl=4)))
    for ttl, here, there in ((3, "node1", "gw"), (2, "gw", "node1"), (1, "node1", "gw")):
        story.add(1, here, Forwarded("eth0", "eth0", ttl)).cross(1, here, "eth0", there, "eth0", frame(echo(ttl=ttl)))
    story.add(1, "gw", Forwarded("eth0", "eth0", 1))
    return story.die(1, "gw", "ip_forward", D.IP_INHDR, ByLink("eth0", "ttl", "1"), "eth0")


def _tunnelled(death: Death) -> Story:
    """It leaves node1 in a tunnel that ends at node2."""
    here, there = Ip.parse("10.0.0.23"), Ip.parse("10.0.0.24")
    outer = Packet(
        (IPv4(here, there, 17), *udp(dport=4789).layers[1:], *frame(death.packet).layers), death.packet.payload
    )
    story = Story().add(1, "default/pod1", Created(0, "", death.packet))
    story.cross(1, "default/pod1", "eth0", "node1", "cali111", frame(death.packet))
    story.add(1, "node1", Encapsulated("tunnel0", death.row[2], here, there, 7))
    story.cross(1, "node1", "eth0", death.here, "eth0", frame(outer))
    return story.die(1, death.here, death.where, DropReason(death.row[0]), death.by, death.dev)


def switch(key: str, value: int, dev: str = "cali111", owner: Owner = FELIX) -> BySysctl:
    return BySysctl(f"net.ipv4.conf.{dev}.{key}", value, owner)


def back(value: int, route: ByRoute = TO_POD1, *, has_address: bool = False) -> ByReversePath:
    return ByReversePath("net.ipv4.conf.cali111.rp_filter", value, "cali111", has_address, route, FELIX)


def dead_end(kind: str, prefix: str = "192.168.1.0/26", table: str = "main") -> ByRoute:
    return ByRoute(kind, prefix, table, proto="bird", owner=Owner("bird", "IPAMBlock 192-168-1-0-26"))


BACK_DEFAULT = ByRoute("unicast", "default", dev="eth0", via=GW, owner=Owner("dhcp"))
NO_ROUTE = ByRoute("none", "192.168.1.12", table="")
NO_ROUTE_DOWN = ByRoute("none", "192.168.1.12", table="", flags=("eth0 is down",))
SPOOFED = echo(ALIEN)
SCTP = Packet((IPv4(POD1, POD2, 132),), b"x" * 8)
DROP_RULE = ByRule(
    "filter", "FORWARD", 3, "-i cali+ -j DROP", Owner("felix", "NetworkPolicy default/deny", "spec.egress[0]")
)


def refused(by: ByRule) -> Refused:
    """What Felix says of the policies that it asked."""
    return Refused(
        by,
        pod="default/pod2",
        direction="ingress",
        policies=("NetworkPolicy default/deny", "NetworkPolicy default/web"),
        policy="NetworkPolicy default/web",
        nearest="spec.ingress[0]",
        fits=("port 80/TCP fits",),
        fails=("192.168.1.11 (pod default/pod1) is not among from[0].podSelector role=ok",),
        change="kubectl label pod pod1 -n default role=ok",
    )


def felix(words: str) -> ByRule:
    """A rule that Felix comments so."""
    text = f'-m comment --comment "cali:XzLwqIUXgBSg20K1" -m comment --comment "{words}" -j DROP'
    return ByRule("filter", "cali-tw-cali222", 7, text, Owner("felix", "Pod default/pod2"))


CLUSTER_IP = Ip.parse("10.96.0.10")
TO_ENDPOINT = ByRule(
    "nat",
    "KUBE-SEP-XPGD46QRK7WJZT7O",
    2,
    "-p udp -j DNAT --to-destination 192.168.1.13:53",
    Owner("kube-proxy", "Service default/dns", "spec.ports[0], endpoint 192.168.1.13:53"),
)


def refusal(chain: str, words: str, target: str, field: str = "") -> ByRule:
    """A rule by which kube-proxy refuses what is meant for a Service."""
    text = f'-p tcp -m comment --comment "default/web:http {words}" -j {target}'
    return ByRule("filter", chain, 2, text, Owner("kube-proxy", "Service default/web", f"spec.ports[0]{field}"))


NF_HOOK: Hook = {"where": "nf_hook_slow", "dev": ""}

PROGRAMS = ("cil_from_container", "cil_from_host")


def said(reason: DropReason, detail: str, name: str = PROGRAMS[0]) -> ByProgram:
    """What a program gave as its reason."""
    return ByProgram(name, "cali111", "ingress", reason.code, reason.text, detail, Owner("cilium-agent"))


DEATHS = (
    # Source validation.
    Death((D.IP_RPFILTER, None, ""), packet=SPOOFED),
    Death((D.IP_RPFILTER, ByReversePath, "1"), back(1, BACK_DEFAULT), SPOOFED),
    Death((D.IP_RPFILTER, ByReversePath, "1 no-route"), back(1, NO_ROUTE), SPOOFED),
    Death((D.IP_RPFILTER, ByReversePath, "2 no-address"), back(2, BACK_DEFAULT), SPOOFED),
    Death((D.IP_RPFILTER, ByReversePath, "2 no-route"), back(2, NO_ROUTE, has_address=True), SPOOFED),
    Death((D.IP_LOCAL_SOURCE, None, ""), ByLink("cali111", "source address", "10.0.0.23"), echo(Ip.parse("10.0.0.23"))),
    Death((D.IP_LOCAL_SOURCE, BySysctl, ""), switch("accept_local", 0), echo(Ip.parse("10.0.0.23"))),
    Death(
        (D.IP_INVALID_SOURCE, None, ""), ByLink("cali111", "source address", "224.0.0.5"), echo(Ip.parse("224.0.0.5"))
    ),
    Death(
        (D.IP_INVALID_DEST, None, ""),
        ByLink("cali111", "destination address", "0.0.0.0"),
        echo(dst=Ip.parse("0.0.0.0")),
    ),
    Death((D.IP_LOCALNET, None, ""), None, echo(dst=Ip.parse("127.0.0.1"))),
    Death((D.IP_LOCALNET, BySysctl, ""), switch("route_localnet", 0), echo(dst=Ip.parse("127.0.0.1"))),
    # Forwarding.
    Death((D.IP_INADDRERRORS, None, "")),
    Death((D.IP_INADDRERRORS, BySysctl, ""), switch("forwarding", 0), where="ip_error"),
    Death((D.IP_INNOROUTES, BySysctl, ""), switch("forwarding", 0), where="ip_error"),
    Death((D.IP_INHDR, None, ""), where="ip_rcv"),
    Death((D.IP_INHDR, None, "ttl"), ByLink("cali111", "ttl", "1"), echo(ttl=1), "ip_forward"),
    Death((D.IP_INHDR, None, "loop")),
    Death((D.IP_INNOROUTES, None, ""), where="ip_error"),
    Death((D.IP_OUTNOROUTES, None, "")),
    Death((ANY, ByRoute, "none"), NO_ROUTE, where="ip_error"),
    Death((ANY, ByRoute, "none down"), NO_ROUTE_DOWN, where="ip_error"),
    Death((ANY, ByRoute, "throw"), dead_end("throw"), where="ip_error"),
    Death((ANY, ByRoute, "blackhole"), dead_end("blackhole"), where="ip_error"),
    Death((ANY, ByRoute, "unreachable"), dead_end("unreachable", table="100"), where="ip_error"),
    Death((ANY, ByRoute, "prohibit"), dead_end("prohibit"), where="ip_error"),
    Death((ANY, ByPolicyRule, ""), ByPolicyRule(100, "prohibit", Owner("ip")), where="ip_error"),
    Death((D.PKT_TOO_BIG, None, ""), packet=echo(size=1472), where="ip_forward"),
    Death((D.PKT_TOO_BIG, ByLink, "mtu"), ByLink("vxlan.calico", "mtu", "1450"), echo(size=1472), "ip_forward"),
    Death(
        (D.PKT_TOO_BIG, ByLink, "peer mtu"),
        ByLink("cali222", "peer mtu", "default/pod2:eth0 1000"),
        echo(size=1472),
        "veth_xmit",
        "cali222",
    ),
    Death(
        (D.PKT_TOO_BIG, ByLink, "port mtu"),
        ByLink("veth2", "port mtu", "1000"),
        echo(size=1472),
        "br_dev_queue_push_xmit",
        "veth2",
    ),
    Death((D.PKT_TOO_BIG, ByRoute, ""), TO_POD1, echo(size=1472), "ip_forward"),
    Death((D.PKT_TOO_SMALL, None, ""), ByLink("cali111", "total length", "84"), where="ip_rcv"),
    # Links and neighbours.
    Death((D.NEIGH_FAILED, None, ""), ByNeighbour(POD2, "cali222", "FAILED"), where="arp_error_report", dev="cali222"),
    Death(
        (D.NEIGH_QUEUEFULL, None, ""),
        ByNeighbour(POD2, "cali222", "INCOMPLETE"),
        where="neigh_event_send",
        dev="cali222",
    ),
    Death(
        (D.NEIGH_QUEUEFULL, BySysctl, ""), BySysctl("net.ipv4.neigh.cali222.unres_qlen_bytes", 212992), dev="cali222"
    ),
    Death((D.NEIGH_CREATEFAIL, None, "")),
    Death((D.NEIGH_CREATEFAIL, BySysctl, ""), BySysctl("net.ipv4.neigh.default.gc_thresh3", 1024)),
    Death((D.NEIGH_DEAD, None, "")),
    Death((D.OTHERHOST, None, ""), where="ip_rcv"),
    Death((D.OTHERHOST, ByLink, "lladdr"), ByLink("cali111", "lladdr", "02:00:00:00:00:99"), where="ip_rcv"),
    Death((D.OTHERHOST, None, "noarp"), packet=who_has(POD2, GW), where="arp_rcv"),
    Death(
        (D.NOT_SPECIFIED, ByLink, "broadcast frame"),
        ByLink("cali111", "broadcast frame", "ff:ff:ff:ff:ff:ff"),
        tcp(),
        "tcp_v4_rcv",
    ),
    Death(
        (D.UNICAST_IN_L2_MULTICAST, None, ""),
        ByLink("cali111", "broadcast frame", "ff:ff:ff:ff:ff:ff"),
        where="ip_forward",
    ),
    Death((D.UNICAST_IN_L2_MULTICAST, BySysctl, ""), switch("drop_unicast_in_l2_multicast", 1)),
    Death((D.DEV_READY, None, ""), where="enqueue_to_backlog"),
    Death((D.QDISC_DROP, None, ""), where="noop_enqueue"),
    Death((ANY, ByLink, "down"), ByLink("cali222", "down", owner=Owner("ip")), where="__dev_queue_xmit", dev="cali222"),
    Death(
        (ANY, ByLink, "no-carrier"),
        ByLink("cali222", "no-carrier", "default/pod2:eth0"),
        where="noop_enqueue",
        dev="cali222",
    ),
    Death((ANY, ByLink, "no bridge port"), ByLink("br0", "no bridge port"), where="br_dev_xmit", dev="br0"),
    Death((D.BRIDGE_INGRESS_STP_STATE, None, ""), where="br_handle_frame", dev="veth1"),
    Death((ANY, ByLink, "port state"), ByLink("veth1", "port state", "disabled"), where="br_handle_frame", dev="veth1"),
    Death((ANY, ByLink, "no forwarding port"), ByLink("br0", "no forwarding port"), where="noop_enqueue", dev="br0"),
    Death((D.NO_TX_TARGET, None, ""), where="br_flood", dev="br0"),
    Death(
        (ANY, ByLink, "no port for it"),
        ByLink("br0", "no port for it", "02:00:00:00:00:02"),
        where="br_flood",
        dev="br0",
    ),
    Death((D.MAC_IEEE_MAC_CONTROL, None, ""), where="br_handle_frame", dev="veth1"),
    Death((D.MAC_INVALID_SOURCE, None, ""), where="br_handle_frame", dev="veth1"),
    Death((ANY, ByLink, "dummy device"), ByLink("dummy0", "dummy device"), where="dummy_xmit", dev="dummy0"),
    # Tunnels.
    Death(
        (ANY, ByLink, "no fdb entry"),
        ByLink("vxlan.calico", "no fdb entry", "66:22:22:22:22:22", Owner("felix")),
        where="vxlan_xmit",
        dev="vxlan.calico",
    ),
    Death((D.TUNNEL_TXINFO, None, ""), where="vxlan_xmit", dev="cilium_vxlan"),
    Death(
        (ANY, ByFdb, ""),
        ByFdb("vx0", Mac.parse("66:22:22:22:22:22"), ANY4, Owner("bridge")),
        where="vxlan_xmit_one",
        dev="vx0",
    ),
    Death(
        (ANY, ByLink, "circular route"),
        ByLink("vx0", "circular route", "10.0.0.24"),
        where="vxlan_xmit_one",
        dev="vx0",
    ),
    Death(
        (ANY, ByLink, "no tunnel device"),
        ByLink("eth0", "no tunnel device", "10.0.0.23"),
        where="tunnel4_rcv",
        dev="eth0",
    ),
    Death(
        (ANY, ByLink, "no tunnel metadata"), ByLink("md0", "no tunnel metadata"), where="ip_md_tunnel_xmit", dev="md0"
    ),
    Death((D.NOT_SPECIFIED, ByLink, "vni"), ByLink("eth0", "vni", "3258"), where="geneve_udp_encap_recv", dev="eth0"),
    Death((ANY, ByLink, "critical option"), ByLink("gnv0", "critical option"), where="geneve_rx", dev="gnv0"),
    Death((ANY, ByLink, "a loop of tunnels"), ByLink("vx0", "a loop of tunnels"), where="__dev_queue_xmit", dev="vx0"),
    Death((D.VXLAN_VNI_NOT_FOUND, None, ""), where="vxlan_rcv", dev="eth0"),
    Death((D.VXLAN_VNI_NOT_FOUND, ByLink, "vni"), ByLink("eth0", "vni", "4097"), where="vxlan_rcv", dev="eth0"),
    Death((D.VXLAN_INVALID_HDR, None, ""), ByLink("eth0", "VXLAN flags", "0x00"), where="vxlan_rcv", dev="eth0"),
    Death((D.VXLAN_ENTRY_EXISTS, None, ""), where="vxlan_rcv", dev="vx0"),
    Death((D.LOCAL_MAC, None, ""), where="vxlan_rcv", dev="vx0"),
    Death((D.IP_TUNNEL_ECN, None, ""), ByLink("vx0", "outer tos", "0x03"), where="vxlan_rcv", dev="vx0"),
    Death((D.FULL_RING, None, "")),
    Death((D.TC_EGRESS, None, "")),
    # The upper layers.
    Death((D.NO_SOCKET, None, ""), ByLink("cali111", "udp port", "53"), udp(), "udp_rcv"),
    Death((D.NO_SOCKET, None, "vxlan"), ByLink("eth0", "udp port", "4789"), where="udp_rcv", dev="eth0", here="node2"),
    Death((D.NO_SOCKET, None, "geneve"), ByLink("eth0", "udp port", "4789"), where="udp_rcv", dev="eth0", here="node2"),
    Death((D.NO_SOCKET, None, "icmp"), ByLink("cali111", "echo id", "16"), echo(reply=True), "ping_rcv"),
    Death((D.NO_SOCKET, None, "reset"), ByLink("cali111", "tcp port", "80"), tcp(flags=0x14), "tcp_v4_rcv"),
    Death((D.IP_NOPROTO, None, ""), ByLink("cali111", "protocol", "132"), SCTP, where="ip_protocol_deliver_rcu"),
    Death((D.UNHANDLED_PROTO, None, ""), ByNotModelled("EtherType 0x86dd"), where="__netif_receive_skb_core"),
    Death((D.INVALID_PROTO, None, "")),
    Death(
        (D.INVALID_PROTO, BySysctl, ""),
        BySysctl("net.ipv4.icmp_echo_ignore_broadcasts", 1),
        echo(dst=Ip.parse("10.0.0.255")),
        "icmp_rcv",
    ),
    Death((D.IP_CSUM, None, ""), ByLink("cali111", "header checksum", "0x1234"), where="ip_rcv"),
    Death((D.ICMP_CSUM, None, ""), where="icmp_rcv"),
    Death((D.UDP_CSUM, None, ""), packet=udp(), where="udp_rcv"),
    Death((D.TCP_CSUM, None, ""), packet=tcp(), where="tcp_v4_rcv"),
    *(
        Death((reason, None, ""), packet=tcp(), where="tcp_rcv_state_process")
        for reason in (
            D.TCP_ACK_UNSENT_DATA,
            D.TCP_INVALID_ACK_SEQUENCE,
            D.TCP_INVALID_END_SEQUENCE,
            D.TCP_INVALID_SEQUENCE,
            D.TCP_OLD_SEQUENCE,
            D.TCP_OVERWINDOW,
            D.TCP_TOO_OLD_ACK,
            D.TCP_OFOMERGE,
            D.TCP_OLD_DATA,
            D.TCP_RFC7323_PAWS,
            D.TCP_RFC7323_PAWS_ACK,
            D.PROTO_MEM,
            D.TCP_ZEROWINDOW,
            D.TCP_CLOSE,
            D.TCP_FLAGS,
            D.TCP_INVALID_SYN,
            D.TCP_LISTEN_OVERFLOW,
            D.TCP_RESET,
        )
    ),
    Death((D.FRAG_REASM_TIMEOUT, None, ""), where="ip_expire"),
    *(
        Death((ANY, ByLink, f"{what} fragment"), ByLink("cali111", f"{what} fragment", "id 7"), where="ip_frag_queue")
        for what in ("duplicate", "overlapping", "damaged")
    ),
    Death((D.FRAG_TOO_FAR, None, ""), where="ip_defrag"),
    # Netfilter.
    Death((D.NETFILTER_DROP, None, ""), where="nf_hook_slow"),
    Death(
        (D.NETFILTER_DROP, ByRule, ""), ByRule("raw", "PREROUTING", 2, "-i cali+ -j DROP", Owner("iptables")), **NF_HOOK
    ),
    Death((D.NETFILTER_DROP, ByRule, "owned"), DROP_RULE, **NF_HOOK),
    Death(
        (D.NETFILTER_DROP, ByRule, "no endpoints"), refusal("KUBE-SERVICES", "has no endpoints", "REJECT"), **NF_HOOK
    ),
    Death(
        (D.NETFILTER_DROP, ByRule, "no local endpoints"),
        refusal("KUBE-EXTERNAL-SERVICES", "has no local endpoints", "DROP", ".nodePort"),
        **NF_HOOK,
    ),
    Death(
        (D.NETFILTER_DROP, ByRule, "source ranges"),
        refusal("KUBE-PROXY-FIREWALL", "traffic not accepted by KUBE-FW-XPGD46QRK7WJZT7O", "DROP"),
        **NF_HOOK,
    ),
    Death(
        (D.NETFILTER_DROP, ByRule, "localnet"),
        ByRule(
            "filter",
            "KUBE-FIREWALL",
            1,
            '-m comment --comment "block incoming localnet connections" -j DROP',
            Owner("kubelet"),
        ),
        echo(dst=Ip.parse("127.0.0.1")),
        **NF_HOOK,
    ),
    Death(
        (ANY, ByRoute, "blackhole block"),
        ByRoute(
            "blackhole",
            "192.168.1.0/26",
            "main",
            proto="bird",
            owner=Owner("bird", "IPPool default-ipv4-ippool", "block 192.168.1.0/26 of node node1"),
        ),
        where="ip_error",
    ),
    Death((D.IP_LOCAL_SOURCE, None, "hairpin"), packet=udp(), where="ip_rcv_finish", dev="eth0", here="default/pod2"),
    Death((D.NO_SOCKET, None, "service"), packet=udp(), where="udp_queue_rcv_skb", dev="eth0", here="default/pod2"),
    Death(
        (D.NETFILTER_DROP, ByRule, "policy"),
        ByRule("filter", "FORWARD", 0, "DROP", Owner("docker"), "legacy"),
        **NF_HOOK,
    ),
    Death(
        (D.NETFILTER_DROP, ByRule, "invalid"),
        ByRule("filter", "FORWARD", 1, "-m conntrack --ctstate INVALID -j DROP", Owner("kube-proxy")),
        tcp(flags=0x12),
        **NF_HOOK,
    ),
    Death(
        (D.NETFILTER_DROP, ByRule, "tproxy"),
        ByRule("mangle", "PREROUTING", 1, "-p udp -j TPROXY --on-port 3128 --on-ip 0.0.0.0 --tproxy-mark 0x0/0x0"),
        udp(),
        **NF_HOOK,
    ),
    Death((D.NETFILTER_DROP, ByRule, "hotdrop"), ByRule("filter", "FORWARD", 0, "hotdrop"), **NF_HOOK),
    Death(
        (D.NOT_SPECIFIED, ByRule, ""),
        ByRule("filter", "FORWARD", 2, "-j NFQUEUE --queue-num 0", Owner("iptables")),
        where="nf_queue",
        dev="",
    ),
    Death((D.NETFILTER_DROP, ByRoute, ""), ByRoute("unreachable", "default", "7"), where="ip_route_me_harder", dev=""),
    Death((D.NETFILTER_DROP, BySysctl, ""), BySysctl("net.netfilter.nf_conntrack_max", 262144), **NF_HOOK),
    Death((D.NETFILTER_DROP, ByLink, "no address"), ByLink("eth0", "no address"), where="nf_nat_masquerade_ipv4"),
    Death((D.NETFILTER_DROP, ByLink, "masqueraded by"), ByLink("eth1", "masqueraded by", "eth0"), **NF_HOOK),
    Death((D.NETFILTER_DROP, None, "redirect"), where="nf_nat_icmp_reply_translation", dev=""),
    Death(
        (D.NETFILTER_DROP, ByRule, "redirect"),
        ByRule("nat", "KUBE-SEP-A", 2, "-j DNAT --to-destination 192.168.1.12:80", Owner("kube-proxy")),
        where="nf_nat_icmp_reply_translation",
        dev="",
    ),
    Death(
        (D.NETFILTER_DROP, BySysctl, "0"),
        BySysctl("net.ipv4.conf.cali111.route_localnet", 0),
        where="ip_route_me_harder",
        dev="",
    ),
    Death(
        (D.NETFILTER_DROP, ByLink, "conntrack: the connection was deleted"),
        ByLink("eth0", "conntrack: the connection was deleted"),
        **NF_HOOK,
    ),
    Death(
        (D.NETFILTER_DROP, ByLink, "conntrack insert_failed: replies belong to another connection"),
        ByLink(
            "eth0",
            "conntrack insert_failed: replies belong to another connection",
            "192.168.1.12:53 > 10.0.0.23:40000",
        ),
        **NF_HOOK,
    ),
    # The network between the machines.
    Death((D.FABRIC, None, ""), where="segment", dev="", here="lan10"),
    Death(
        (D.FABRIC, ByFabric, ""),
        ByFabric("lan10", "no other port on segment lan10"),
        where="segment",
        dev="",
        here="lan10",
    ),
    Death(
        (D.FABRIC, ByFabric, "firewall"),
        ByFabric(
            "firewall rule default-deny-ingress", "no rule allows udp:53 from 192.168.1.11", Owner("gcp"), "firewall"
        ),
        udp(),
        "vpc",
        "",
        here="vpc",
    ),
    *(
        Death(
            (D.FABRIC, ByFabric, kind),
            ByFabric(name, f"{name}: the reason that it gives", Owner("gcp", "VPC vpc"), kind),
            udp(),
            "vpc",
            "",
            here="vpc",
        )
        for kind, name in (
            ("firewall-deny", "firewall rule deny-dns"),
            ("firewall-egress", "firewall rule no-dns"),
            ("nat-ports", "Cloud NAT"),
            ("load-balancer", "load balancer a1"),
            ("load-balancer-port", "load balancer a1"),
        )
    ),
    Death(
        (D.FABRIC, ByFabric, "source-check"),
        ByFabric("vpc default", "192.168.1.11 is not an address of the sender", kind="source-check"),
        where="vpc",
        dev="",
        here="vpc",
    ),
    *(
        Death(
            (D.FABRIC, ByFabric, name.replace(" ", "-")),
            ByFabric(name, "the reason that the fabric gives", Owner("gcp", "VPC vpc")),
            where="vpc",
            dev="",
            here="vpc",
        )
        for name in (
            "own range",
            "alias address",
            "no external address",
            "route",
            "internet",
            "gateway",
            "mtu",
            "cable",
        )
    ),
    Death(
        (D.FABRIC, ByFabric, "private-address"),
        ByFabric("internet", "the Internet has no way to 192.168.1.12, a private address", kind="private-address"),
        where="internet",
        dev="",
        here="internet",
    ),
    *(
        Death(
            (D.FABRIC, ByFabric, kind),
            ByFabric("lan10", "the reason that network lan10 gives", Owner("lab", "network lan10", "mtu 1400"), kind),
            where="segment",
            dev="",
            here="lan10",
        )
        for kind in ("loss", "network-mtu", "no-port", "ipv4-only")
    ),
    *(
        Death(
            (D.FABRIC, ByFabric, kind),
            ByFabric("node1", "the reason that the cloud gives about node1", Owner("aws", "the NIC of node1"), kind),
            where="vpc",
            dev="",
            here="cloud",
        )
        for kind in (
            "never-carried",
            "no-broadcast",
            "aws-check",
            "azure-check",
            "can-ip-forward",
            "cloud-route",
            "nat",
        )
    ),
    *(
        Death(
            (D.FABRIC, ByFabric, f"uplink-{kind}"),
            ByFabric("nat", "the reason that uplink nat gives", Owner("lab", "uplink nat"), f"uplink-{kind}"),
            where="uplink",
            dev="",
            here="nat",
        )
        for kind in ("source", "isolated", "protocol", "unknown", "inbound")
    ),
    # What nobody knows.
    Death((D.NOT_SPECIFIED, None, ""), where="icmp_rcv"),
    Death(
        (D.NOT_SPECIFIED, BySysctl, ""),
        BySysctl("net.ipv4.icmp_echo_ignore_all", 1, Owner("sysctl")),
        where="icmp_echo",
    ),
    Death((D.NOT_MODELLED, None, ""), where="ip_rcv"),
    Death((D.NOT_MODELLED, ByNotModelled, ""), ByNotModelled("IP option 0x44"), where="ip_rcv"),
    # ARP without an answer.
    Death((D.ARP_PVLAN_DISABLE, None, "")),
    Death((ARP, None, ""), note="ignored"),
    Death((ARP, None, "proxy-off")),
    Death((ARP, BySysctl, "proxy-off"), proxy_arp(0, CNI1)),
    Death((ARP, None, "no-route")),
    Death((ARP, ByRoute, "none no-route"), ByRoute("none", "169.254.1.1", table=""), note="no-route"),
    Death(
        (ARP, ByRoute, "none down no-route"),
        ByRoute("none", "169.254.1.1", table="", flags=("eth0 is down",)),
        note="no-route",
    ),
    Death((ARP, ByRoute, "no-route"), dead_end("blackhole", "default")),
    Death((ARP, None, "same-device")),
    Death(
        (ARP, ByRoute, "same-device"), ByRoute("unicast", "169.254.1.1", dev="cali111", scope="link", owner=Owner("ip"))
    ),
    Death((ARP, None, "forwarding-off")),
    Death((ARP, BySysctl, "forwarding-off"), switch("forwarding", 0)),
    Death((ARP, None, "source-check"), ByLink("cali111", "source address", "192.168.1.11")),
    Death((ARP, ByReversePath, "source-check"), back(1, BACK_DEFAULT)),
    Death((ARP, None, "not-ours"), BACK_DEFAULT),
    Death((ARP, BySysctl, "ignored"), BySysctl("net.ipv4.conf.all.arp_ignore", 8, Owner("sysctl"))),
    # Programs.
    Death((D.TC_INGRESS, None, ""), where="prog"),
    Death((ANY, ByProgram, ""), said(D.UNSUPPORTED_L3_PROTOCOL, "EtherType 0x88cc"), where=PROGRAMS[0]),
    Death(
        (D.INVALID_SOURCE_IP, ByProgram, ""), said(D.INVALID_SOURCE_IP, "its source is 10.0.0.9"), SPOOFED, PROGRAMS[0]
    ),
    Death(
        (D.POLICY_DENIED, ByProgram, ""),
        said(D.POLICY_DENIED, "cilium_policy_v2_00007 lets no egress to identity 2"),
    ),
    Death(
        (D.STALE_OR_UNROUTABLE_IP, ByProgram, ""),
        said(D.STALE_OR_UNROUTABLE_IP, "192.168.1.12 is in 0.0.0.0/0 of cilium_ipcache_v2: identity=2", PROGRAMS[1]),
    ),
    Death((D.FIB_LOOKUP_FAILED, ByProgram, ""), said(D.FIB_LOOKUP_FAILED, "not forwarded (4)"), where=PROGRAMS[0]),
    Death((D.DROP_EP_NOT_READY, ByProgram, ""), said(D.DROP_EP_NOT_READY, "cilium_call_policy[7] is empty")),
    Death((D.INVALID_IDENTITY, ByProgram, ""), said(D.INVALID_IDENTITY, "VNI 1 from 10.0.0.24 is that of a host")),
    Death((D.TTL_EXCEEDED, ByProgram, ""), said(D.TTL_EXCEEDED, "ttl 1"), echo(ttl=1), PROGRAMS[0]),
    # Felix.
    Death((D.NETFILTER_DROP, ByRule, "policies"), felix("Drop if no policies passed packet"), where="nf_hook_slow"),
    Death((D.NETFILTER_DROP, ByRule, "no profiles"), felix("Drop if no profiles matched"), where="nf_hook_slow"),
    Death(
        (D.NETFILTER_DROP, ByRule, "source of a pod"),
        ByRule("raw", "cali-PREROUTING", 4, "-m rpfilter --validmark --invert -j DROP", Owner("felix")),
        SPOOFED,
        "nf_hook_slow",
    ),
    Death((D.NETFILTER_DROP, ByRule, "unknown interface"), felix("Unknown interface"), where="nf_hook_slow"),
    *(
        Death(
            (D.NETFILTER_DROP, ByRule, row),
            felix(words),
            udp(dport=4789) if row.startswith("vxlan") else echo(),
            "nf_hook_slow",
        )
        for row, words in (
            ("vxlan from pods", "Drop VXLAN encapped packets originating in workloads"),
            ("ipip from pods", "Drop IPinIP encapped packets originating in workloads"),
            ("ipip from strangers", "Drop IPIP packets from non-Calico hosts"),
            ("vxlan from strangers", "Drop IPv4 VXLAN packets from non-Calico hosts"),
        )
    ),
)
