"""Targets that decide about the packet or its connection: CT, NOTRACK, NFQUEUE, TPROXY, LOG, NFLOG, TRACE (measured on kernel 6.18)."""

from __future__ import annotations

from errno import EINVAL

import pytest

from podwire.linux.netfilter.ipset.adt import Create
from podwire.linux.netfilter.ipset.errors import IpsetError
from podwire.linux.netfilter.logtext import nf_log_ip_packet
from podwire.linux.netfilter.tables import LEGACY, NFT
from podwire.linux.netfilter.xt.base import XtCheckError
from podwire.linux.skb import Skb
from podwire.trace.events import Dropped, Logged, RuleMatched
from podwire.wire.addr import Ip4
from podwire.wire.headers import IPPROTO_ICMP, IPPROTO_TCP, TCP_SYN, Icmp, Tcp
from podwire.wire.packet import Packet, Quoted
from tests.linux.lab import Lab
from tests.linux.netfilter.nat.natlab import connections, iptables
from tests.linux.netfilter.xt.targetlab import A, B, ipv4, refused, routed, seen, tcp, udp


def zones(lab: Lab) -> list[tuple[int, int, bool]]:
    """Zone, its directions, and whether a reply was seen, of each connection of the router."""
    return [(ct.zone, ct.zone_dir, bool(ct.status & 2)) for ct in connections(lab, "r")]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("--zone 5", [(5, 3, False)]),
        ("--zone-orig 5", [(5, 1, True)]),
        ("--zone-reply 5", [(5, 2, False)]),
    ],
)
def test_a_zone_holds_for_its_directions(rule: str, expected: list[tuple[int, int, bool]]) -> None:
    lab = routed()
    iptables(lab, "r", f"-t raw -A PREROUTING -i r0 -j CT {rule}")
    iptables(lab, "r", "-A FORWARD -m conntrack --ctstate NEW")
    ping = lab.ping("a", B)
    lab.run(1)
    assert ping.replies == [(1, 63)]
    assert [each for each in zones(lab) if each[0]] == expected


def test_a_zone_can_be_the_mark() -> None:
    lab = routed()
    iptables(
        lab, "r", "-t raw -A PREROUTING -i r0 -j MARK --set-mark 9", "-t raw -A PREROUTING -i r0 -j CT --zone mark"
    )
    udp(lab)
    assert zones(lab) == [(9, 3, False)]


@pytest.mark.parametrize("rule", ["CT --notrack", "NOTRACK"])
def test_f174_an_untracked_packet_has_no_connection_even_if_a_zone_is_asked_for_later(rule: str) -> None:
    lab = routed()
    iptables(lab, "r", f"-t raw -A PREROUTING -j {rule}", "-t raw -A PREROUTING -j CT --zone 4")
    udp(lab)
    assert len(seen(lab, "r:r1")) == 1
    assert zones(lab) == []


def test_nobody_listens_to_a_queue() -> None:
    lab = routed()
    iptables(lab, "r", "-A FORWARD -j NFQUEUE --queue-num 3")
    udp(lab)
    assert seen(lab, "r:r1") == []
    assert lab.drops("r") == [("nf_queue", "NOT_SPECIFIED")]


def test_a_bypassed_queue_skips_the_rest_of_the_table_alone() -> None:
    lab = routed()
    iptables(lab, "r", "-A FORWARD -j NFQUEUE --queue-bypass", "-A FORWARD -j DROP")
    udp(lab)
    assert len(seen(lab, "r:r1")) == 1
    iptables(lab, "r", "-t mangle -A POSTROUTING -j DROP")
    udp(lab)
    assert lab.drops("r") == [("nf_hook_slow", "NETFILTER_DROP")]


def test_the_sender_hears_nothing_of_a_queue_and_eperm_of_a_drop() -> None:
    lab = routed()
    iptables(lab, "a", "-A OUTPUT -j NFQUEUE")
    assert lab.ping("a", B).refused == []
    iptables(lab, "a", "-t mangle -A POSTROUTING -j DROP")
    iptables(lab, "a", "-t mangle -A OUTPUT -j DROP")
    assert lab.ping("a", B).refused == [1]


def test_without_a_transparent_socket_tproxy_drops() -> None:
    lab = routed()
    iptables(lab, "r", "-t mangle -A PREROUTING -p udp -j TPROXY --on-port 3128")
    lab.udp("r", 3128)
    udp(lab)
    (drop,) = lab.events(Dropped, "r")
    assert (drop.event.where, str(drop.event.reason)) == ("nf_hook_slow", "NETFILTER_DROP")


@pytest.mark.parametrize(
    ("rule", "variant", "text"),
    [
        ("-t mangle -A PREROUTING -j TPROXY --on-port 1", NFT, "xt_TPROXY: Can be used only with -p tcp or -p udp"),
        (
            "-t mangle -A OUTPUT -p tcp -j TPROXY --on-port 1",
            LEGACY,
            "x_tables: ip_tables: TPROXY target: used from hooks OUTPUT, but only usable from PREROUTING",
        ),
        (
            "-t mangle -A PREROUTING -j CLASSIFY --set-class 1:1",
            NFT,
            "x_tables: ip_tables: CLASSIFY target: used from hooks PREROUTING, but only usable from FORWARD/OUTPUT/POSTROUTING",
        ),
        ("-A INPUT -j CT --notrack", NFT, "x_tables: ip_tables: CT target: only valid in raw table, not filter"),
        ("-A INPUT -j TRACE", LEGACY, "x_tables: ip_tables: TRACE target: only valid in raw table, not filter"),
        ("-A INPUT -j TTL --ttl-set 1", NFT, "x_tables: ip_tables: TTL target: only valid in mangle table, not filter"),
    ],
)
def test_where_they_cannot_stand(rule: str, variant: str, text: str) -> None:
    lab = routed()
    with pytest.raises(XtCheckError) as caught:
        iptables(lab, "r", rule, variant=variant)
    assert refused(caught.value) == (EINVAL, text)


def test_trace_tells_the_policies_and_the_ends_of_chains() -> None:
    lab = routed()
    iptables(lab, "r", "-N MY", "-t raw -A PREROUTING -j TRACE", "-A FORWARD -j MY", "-A MY -p tcp")
    udp(lab)
    told = [(each.event.by.table, each.event.by.chain, each.event.by.number) for each in lab.events(RuleMatched, "r")]
    assert told[:2] == [("raw", "PREROUTING", 1), ("raw", "PREROUTING", 0)]
    assert ("filter", "FORWARD", 1) in told
    assert told[-1] == ("filter", "FORWARD", 0)


LINE = (
    "IN=r0 OUT=r1 MAC=02:00:00:00:00:1a:02:00:00:00:00:0a:08:00 SRC=10.0.0.1 DST=10.1.0.2 LEN={} TOS=0x00 PREC=0x00 "
    "TTL=63 ID={} {}"
)


def test_log_writes_the_kernel_s_line() -> None:
    lab = routed()
    iptables(
        lab,
        "r",
        '-A FORWARD -p udp -j LOG --log-prefix "drop: "',
        "-A FORWARD -i r0 -j NFLOG --nflog-group 5 --nflog-prefix x",
    )
    udp(lab)
    first, second = (each.event for each in lab.events(Logged, "r"))
    assert first == Logged("drop: ", "drop: " + LINE.format(36, 0, "PROTO=UDP SPT=5000 DPT=53 LEN=16 "))
    assert second == Logged("x", group=5)


def test_log_of_tcp_with_all_flags() -> None:
    lab = routed()
    flags = "--log-tcp-sequence --log-tcp-options --log-ip-options --log-uid --log-macdecode"
    iptables(lab, "r", "-A FORWARD -j MARK --set-mark 0x1f", f"-A FORWARD -i r0 -j LOG {flags}")
    tcp(lab, TCP_SYN, seq=9, options=bytes.fromhex("020405b4"))
    (told,) = lab.events(Logged, "r")
    assert told.event.text == (
        "IN=r0 OUT=r1 MACSRC=02:00:00:00:00:0a MACDST=02:00:00:00:00:1a MACPROTO=0800 SRC=10.0.0.1 DST=10.1.0.2 LEN=44 "
        "TOS=0x00 PREC=0x00 TTL=63 ID=7 PROTO=TCP SPT=1234 DPT=80 SEQ=9 ACK=0 WINDOW=1000 RES=0x00 SYN URGP=0 "
        "OPT (020405B4) MARK=0x1f "
    )


def test_log_of_an_icmp_error_quotes_once() -> None:
    lab = routed()
    iptables(lab, "r", "-A OUTPUT -j LOG")
    udp(lab, dst="10.0.0.254")
    (told,) = lab.events(Logged, "r")
    assert told.event.text.startswith("IN= OUT=r0 SRC=10.0.0.254 DST=10.0.0.1 LEN=64 TOS=0x00 PREC=0xC0 TTL=64 ID=")
    assert told.event.text.endswith(
        "PROTO=ICMP TYPE=3 CODE=3 [SRC=10.0.0.1 DST=10.0.0.254 LEN=36 TOS=0x00 PREC=0x00 TTL=64 ID=0 "
        "PROTO=UDP SPT=5000 DPT=53 LEN=16 ] "
    )


def test_log_quotes_no_quotation_and_shows_reserved_bits() -> None:
    inner = Packet((ipv4(IPPROTO_ICMP), Icmp(3, 1)), Quoted(Packet((ipv4(IPPROTO_TCP), Tcp(1, 2)), b""), 28))
    text = nf_log_ip_packet(
        Skb(Packet((ipv4(IPPROTO_ICMP), Icmp(3, 4, 1400)), Quoted(inner, 56)), 1), None, None, "", 0
    )
    assert text.count("[") == 1
    assert text.endswith("PROTO=ICMP TYPE=3 CODE=1 ] MTU=1400 ")
    segment = Packet((ipv4(IPPROTO_TCP), Tcp(1, 2, reserved=5)))
    assert " RES=0x14 SYN " in nf_log_ip_packet(Skb(segment, 1), None, None, "", 0)


def members(lab: Lab, name: str) -> list[tuple[str, int]]:
    """What a set of the router holds: the address, and the seconds that it stays."""
    found = lab["r"].ipsets[name]
    return [(str(Ip4(element[0])), found.seconds_left(entry)) for element, entry in found.entries()]


def restore(lab: Lab, *rules: str) -> None:
    """Put rules behind those of FORWARD."""
    text = "".join(f"-A FORWARD -i r0 {rule}\n" for rule in rules)
    lab.door("r").iptables_restore(f"*filter\n{text}COMMIT\n", noflush=True)


def test_set_adds_and_deletes_and_exist_renews() -> None:
    lab = routed()
    lab.door("r").ipset_create("s", "hash:ip", Create(timeout=100))
    restore(lab, "-j SET --add-set s src")
    udp(lab)
    assert members(lab, "s") == [(A, 99)]
    lab.run(10)
    udp(lab)
    assert members(lab, "s") == [(A, 89)]
    restore(lab, "-j SET --add-set s src --exist --timeout 50")
    udp(lab)
    assert members(lab, "s") == [(A, 49)]
    restore(lab, "-j SET --del-set s src")
    udp(lab)
    assert members(lab, "s") == []


def test_a_set_that_a_rule_writes_to_stays() -> None:
    lab = routed()
    lab.door("r").ipset_create("s", "hash:ip")
    restore(lab, "-j SET --add-set s src")
    with pytest.raises(IpsetError):
        lab.door("r").ipset_destroy("s")
    lab.door("r").iptables_restore("*filter\nCOMMIT\n")
    lab.door("r").ipset_destroy("s")


def test_other_namespaces_have_no_kernel_log() -> None:
    lab = routed()
    iptables(lab, "b", "-A INPUT -j LOG")
    udp(lab)
    assert lab.events(Logged) == []
