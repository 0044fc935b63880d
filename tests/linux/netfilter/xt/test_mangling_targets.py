"""Targets that change a packet: TTL, TOS, DSCP, ECN, TCPMSS, MARK, CONNMARK (measured with iptables 1.8.9 on kernel 6.18)."""

from __future__ import annotations

from errno import EINVAL

import pytest

from podwire.linux.netfilter.tables import LEGACY, NFT
from podwire.linux.netfilter.xt.base import XtCheckError
from podwire.wire.headers import IPPROTO_TCP, TCP_ACK, TCP_CWR, TCP_ECE, TCP_FIN, TCP_RST, TCP_SYN, Tcp
from tests.linux.lab import Lab
from tests.linux.netfilter.nat.natlab import connections, iptables
from tests.linux.netfilter.xt.targetlab import B, ipv4, refused, routed, seen, send, tcp, udp

MSS = bytes.fromhex("020405b4")
WSCALE = bytes.fromhex("0103030701030307")


@pytest.mark.parametrize(
    ("rule", "ttls"),
    [
        ("PREROUTING -j TTL --ttl-inc 250", [254]),
        ("FORWARD -j TTL --ttl-dec 63", [0]),
        ("FORWARD -j TTL --ttl-dec 200", [0]),
        ("FORWARD -j TTL --ttl-set 0", [0]),
        ("POSTROUTING -j TTL --ttl-inc 5", [68]),
        ("PREROUTING -j TTL --ttl-set 1", []),
        ("PREROUTING -j TTL --ttl-dec 70", []),
    ],
)
def test_ttl_stops_at_its_ends_and_ip_forward_looks_at_what_prerouting_left(rule: str, ttls: list[int]) -> None:
    lab = routed()
    iptables(lab, "r", f"-t mangle -A {rule}")
    udp(lab)
    assert [ip.ttl for ip in seen(lab, "r:r1")] == ttls


@pytest.mark.parametrize(
    ("rule", "tos", "after"),
    [
        ("DSCP --set-dscp-class AF41", 0x03, 0x8B),
        ("DSCP --set-dscp 0x3f", 0x00, 0xFC),
        ("TOS --set-tos 0x10/0x3f", 0xC1, 0xD0),
        ("TOS --set-tos 0x10", 0xC1, 0x10),
        ("TOS --xor-tos 0x11", 0x01, 0x10),
        ("TOS --and-tos 0x0f", 0x35, 0x05),
        ("TOS --or-tos 0x30", 0x05, 0x35),
        ("ECN --ecn-ip-ect 2", 0x11, 0x12),
    ],
)
def test_the_second_byte_of_the_header(rule: str, tos: int, after: int) -> None:
    lab = routed()
    iptables(lab, "r", f"-t mangle -A POSTROUTING -p udp -j {rule}")
    udp(lab, tos=tos)
    assert [ip.tos for ip in seen(lab, "r:r1")] == [after]


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("--ecn-tcp-remove", TCP_SYN | TCP_ECE | TCP_CWR, TCP_SYN),
        ("--ecn-tcp-ece 1", TCP_SYN, TCP_SYN | TCP_ECE),
        ("--ecn-tcp-cwr 0", TCP_SYN | TCP_ECE | TCP_CWR, TCP_SYN | TCP_ECE),
    ],
)
def test_ecn_changes_bits_of_tcp(rule: str, before: int, after: int) -> None:
    lab = routed()
    iptables(lab, "r", f"-t mangle -A FORWARD -p tcp -j ECN {rule}")
    tcp(lab, before)
    assert [segment.flags for segment in lab.headers("r:r1", Tcp)] == [after]


def passed(lab: Lab) -> list[tuple[bytes, int]]:
    """Options and the IP length of the segments behind the router."""
    return [
        (segment.options, ip.size + segment.size)
        for ip, segment in zip(seen(lab, "r:r1"), lab.headers("r:r1", Tcp), strict=True)
    ]


SYN_RULE = "-t mangle -A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS"


@pytest.mark.parametrize("variant", [NFT, LEGACY])
@pytest.mark.parametrize(
    ("options", "after"),
    [
        (MSS, bytes.fromhex("020404b0")),
        (b"", bytes.fromhex("02040218")),
        (WSCALE, bytes.fromhex("02040218") + WSCALE),
        (bytes.fromhex("02040100"), bytes.fromhex("02040100")),
        (bytes.fromhex("01010101") + MSS, bytes.fromhex("01010101020404b0")),
    ],
)
def test_set_mss_makes_it_smaller_or_adds_it(options: bytes, after: bytes, variant: str) -> None:
    lab = routed()
    iptables(lab, "r", f"{SYN_RULE} --set-mss 1200", variant=variant)
    tcp(lab, TCP_SYN, options=options)
    assert passed(lab) == [(after, 40 + len(after))]


def test_whoever_counts_behind_it_counts_the_longer_packet() -> None:
    lab = routed()
    iptables(lab, "r", f"{SYN_RULE} --set-mss 1200", "-t mangle -A POSTROUTING -o r1")
    tcp(lab, TCP_SYN)
    table = lab["r"].xtables.table(NFT, "mangle")
    assert table is not None
    assert [rule.bytes for name in ("FORWARD", "POSTROUTING") for rule in table.chains[name].rules] == [40, 44]


def test_an_mss_is_not_added_to_data() -> None:
    lab = routed()
    iptables(lab, "r", f"{SYN_RULE} --set-mss 1200")
    tcp(lab, TCP_SYN, payload=b"data")
    assert [segment.options for segment in lab.headers("r:r1", Tcp)] == [b""]


@pytest.mark.parametrize(("rule", "sizes"), [("", [52, 108]), ("--set-mss 1200", [108, 52])])
def test_what_came_in_pieces_is_cut_anew_once_its_options_were_looked_at(rule: str, sizes: list[int]) -> None:
    """Pieces of 52 and 108 bytes, as ``skb_ensure_writable`` leaves them."""
    lab = routed()
    iptables(lab, "r", "-A FORWARD -m conntrack --ctstate NEW")
    if rule:
        iptables(lab, "r", f"{SYN_RULE} {rule}")
    send(lab, ipv4(IPPROTO_TCP, id=7, mf=True), Tcp(1234, 80, 100, 0, TCP_SYN, 1000, checksum=0x1234), bytes(12))
    send(lab, ipv4(IPPROTO_TCP, id=7, frag=4), None, bytes(88))
    assert [frame.size - 14 for frame in lab.frames("r:r1")] == sizes


def test_under_nft_segments_without_syn_are_changed_too() -> None:
    lab = routed()
    iptables(lab, "r", "-t mangle -A FORWARD -p tcp -j TCPMSS --set-mss 1000")
    for flags in (TCP_ACK, TCP_RST, TCP_FIN):
        tcp(lab, flags)
    assert [segment.options for segment in lab.headers("r:r1", Tcp)] == [bytes.fromhex("02040218")] * 3


@pytest.mark.parametrize(
    ("change", "mss"),
    [
        ("", 1460),
        ("r1 1400", 1360),
        ("r0 1300", 1260),
        ("r1 576", 536),
    ],
)
def test_f92_clamping_takes_the_smaller_mtu_of_both_ways(change: str, mss: int) -> None:
    lab = routed()
    if change:
        dev, mtu = change.split()
        lab.door("r").link_set_mtu(lab.link(f"r:{dev}"), int(mtu))
    iptables(lab, "r", f"{SYN_RULE} --clamp-mss-to-pmtu")
    tcp(lab, TCP_SYN, options=MSS)
    assert passed(lab) == [(b"\x02\x04" + mss.to_bytes(2), 44)]


@pytest.mark.parametrize(
    ("rule", "variant", "text"),
    [
        (
            "-t mangle -A PREROUTING -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu",
            NFT,
            "xt_TCPMSS: path-MTU clamping only supported in FORWARD, OUTPUT and POSTROUTING hooks",
        ),
        ("-t mangle -A FORWARD -p tcp -j TCPMSS --set-mss 1", LEGACY, "xt_TCPMSS: Only works on TCP SYN packets"),
        (
            "-t mangle -A FORWARD -p tcp ! --syn -j TCPMSS --set-mss 1",
            LEGACY,
            "xt_TCPMSS: Only works on TCP SYN packets",
        ),
        (
            "-t mangle -A FORWARD -p udp -j TCPMSS --set-mss 1",
            NFT,
            "x_tables: ip_tables: TCPMSS target: only valid for protocol 6",
        ),
    ],
)
def test_where_tcpmss_cannot_stand(rule: str, variant: str, text: str) -> None:
    lab = routed()
    with pytest.raises(XtCheckError) as caught:
        iptables(lab, "r", rule, variant=variant)
    assert refused(caught.value) == (EINVAL, text)


@pytest.mark.parametrize(
    ("rule", "mark"),
    [
        ("--set-mark 0x10/0x0f", 0xE0 & ~0x1F ^ 0x10),
        ("--set-xmark 0x10/0x0f", 0xE0 ^ 0x10),
        ("--and-mark 0x60", 0x60),
        ("--or-mark 0x01", 0xE1),
        ("--xor-mark 0xff", 0x1F),
    ],
)
def test_mark_in_every_form(rule: str, mark: int) -> None:
    lab = routed()
    iptables(
        lab,
        "r",
        "-t mangle -A PREROUTING -j MARK --set-mark 0xe0",
        f"-t mangle -A PREROUTING -j MARK {rule}",
        "-t mangle -A PREROUTING -j CONNMARK --save-mark",
    )
    udp(lab)
    assert [ct.mark for ct in connections(lab, "r")] == [mark]


def test_connmark_saves_and_restores_under_masks() -> None:
    """``(ct & ~ctmask) ^ (mark & nfmask)`` one way, ``(mark & ~nfmask) ^ (ct & ctmask)`` the other (tests/oracle: target_conntrack)."""
    lab = routed()
    iptables(
        lab,
        "r",
        "-t mangle -A PREROUTING -i r0 -j CONNMARK --set-mark 0xa00bb",
        "-t mangle -A PREROUTING -i r0 -j MARK --set-mark 0x1234",
        "-t mangle -A PREROUTING -i r0 -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff",
        "-t mangle -A PREROUTING -i r0 -j CONNMARK --xor-mark 0xf00",
        "-t mangle -A PREROUTING -i r1 -j MARK --set-mark 0xffff",
        "-t mangle -A PREROUTING -i r1 -j CONNMARK --restore-mark --ctmask 0xf00 --nfmask 0xff00",
        "-t mangle -A PREROUTING -i r1 -m mark --mark 0xfff -j TTL --ttl-set 40",
    )
    ping = lab.ping("a", B)
    lab.run(1)
    assert [ct.mark for ct in connections(lab, "r")] == [0xA0F34]
    assert ping.replies == [(1, 39)]


@pytest.mark.parametrize(("option", "mark"), [("left", 0x30), ("right", 0x0)])
def test_connmark_shifts_what_it_saves(option: str, mark: int) -> None:
    lab = routed()
    iptables(
        lab,
        "r",
        "-t mangle -A PREROUTING -j MARK --set-mark 3",
        f"-t mangle -A PREROUTING -j CONNMARK --save-mark --{option}-shift-mark 4",
    )
    udp(lab)
    assert [ct.mark for ct in connections(lab, "r")] == [mark]
