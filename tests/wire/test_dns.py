"""DNS messages: bytes, values, and bytes again; what scapy and tcpdump make of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dns import DNS

from podwire.wire import dns
from podwire.wire.addr import Ip, Ip4, Ip6

WEB = "web.default.svc.cluster.local."
SOA = dns.Record(
    "cluster.local.",
    dns.SOA,
    30,
    dns.Start("ns.dns.cluster.local.", "hostmaster.cluster.local.", 1704067200, 7200, 1800, 86400, 30),
)
RECORDS = (
    dns.Record(WEB, dns.A, 30, dns.Address(Ip4.parse("10.96.1.1"))),
    dns.Record(WEB, dns.AAAA, 30, dns.Address(Ip6.parse("fd00::1"))),
    dns.Record("ext.default.svc.cluster.local.", dns.CNAME, 30, dns.Target(WEB)),
    dns.Record("1.1.96.10.in-addr.arpa.", dns.PTR, 30, dns.Target(WEB)),
    dns.Record(f"_http._tcp.{WEB}", dns.SRV, 30, dns.Service(0, 100, 80, WEB)),
    dns.Record("dns-version.cluster.local.", dns.TXT, 28800, dns.Text((b"1.1.0", b""))),
    dns.Record("example.com.", dns.MX, 5, dns.Service(10, 0, 0, "mail.example.com.")),
    dns.Record("example.com.", 257, 5, dns.Opaque(b"\0\5issueca")),
    SOA,
)


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("record", RECORDS, ids=lambda record: dns.type_name(record.type))
def test_a_record_comes_back_as_it_was(record: dns.Record, compress: bool) -> None:
    message = dns.Message(7, (dns.Question(record.name, record.type),), (record,), (SOA,), response=True, aa=True)
    assert dns.from_bytes(dns.to_bytes(message, compress=compress)) == message


def test_the_query_of_a_resolver_octet_by_octet() -> None:
    """RFC 1035 section 4.1."""
    query = dns.Message(0x1234, (dns.Question("a.bc."),))
    assert dns.to_bytes(query) == bytes.fromhex("1234 0100 0001 0000 0000 0000 01 61 02 6263 00 0001 0001")


def test_an_answer_that_is_not_shortened_has_the_size_that_is_seen_in_clusters() -> None:
    """CoreDNS shortens names only where a message would not fit: 106 octets for kubernetes.default."""
    name = "kubernetes.default.svc.cluster.local."
    answer = dns.Record(name, dns.A, 30, dns.Address(Ip4.parse("10.96.0.1")))
    message = dns.Message(1, (dns.Question(name),), (answer,), response=True, aa=True)
    assert len(dns.to_bytes(message, compress=False)) == 106
    assert len(dns.to_bytes(message)) == 106 - len(name) - 1 + 2


def test_the_target_of_srv_is_never_a_pointer() -> None:
    """RFC 2782."""
    record = dns.Record(WEB, dns.SRV, 30, dns.Service(0, 100, 80, WEB))
    data = dns.to_bytes(dns.Message(1, (dns.Question(WEB, dns.SRV),), (record,), response=True))
    assert data.endswith(b"\0\x50\3web\7default\3svc\7cluster\5local\0")


def test_edns_carries_size_flags_options_and_the_upper_bits_of_the_code() -> None:
    """RFC 6891 section 6.1.3."""
    edns = dns.Edns(1232, 0, do=True, options=((dns.COOKIE, b"abcdefgh"), (3, b"")))
    message = dns.Message(1, (dns.Question(WEB),), response=True, rcode=16, edns=edns)
    assert dns.from_bytes(dns.to_bytes(message)) == message


def test_scapy_dissects_what_is_built() -> None:
    message = dns.Message(
        7,
        (dns.Question(WEB),),
        RECORDS[:5],
        (SOA,),
        response=True,
        aa=True,
        rcode=dns.NXDOMAIN,
        edns=dns.Edns(options=((dns.COOKIE, b"abcdefgh"),)),
    )
    for compress in (True, False):
        seen = DNS(dns.to_bytes(message, compress=compress))
        assert (seen.id, seen.qr, seen.aa, seen.rcode, seen.ancount, seen.nscount, seen.arcount) == (
            7,
            1,
            1,
            3,
            5,
            1,
            1,
        )
        assert seen.qd[0].qname == WEB.encode()
        assert [record.rrname for record in seen.an] == [record.name.encode() for record in RECORDS[:5]]
        assert seen.an[0].rdata == "10.96.1.1"
        assert seen.an[4].target == WEB.encode()
        assert seen.lastlayer().name != "Raw"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("1234", "too early"),
        ("1234 0100 0001 0000 0000 0000 01 61", "too early"),
        ("1234 0100 0001 0000 0000 0000 c00c 0001 0001", "pointer"),
        ("1234 0100 0001 0000 0000 0000 c0ff 0001 0001", "pointer"),
        ("1234 0100 0001 0000 0000 0000 41 00 0001 0001", "unknown kind"),
        ("1234 0100 0000 0000 0000 0000 00", "behind"),
        ("1234 8100 0000 0001 0000 0000 00 0001 0001 00000000 0003 0a0000", "wrong length"),
        ("1234 8100 0000 0001 0000 0000 00 0029 0200 00000000 0000", "OPT"),
        ("1234 8100 0000 0001 0000 0000 00 0005 0001 00000000 0003 016100", ""),
        ("1234 8100 0000 0001 0000 0000 00 0005 0001 00000000 0004 01610000", "wrong length"),
    ],
)
def test_what_is_no_message_is_refused(data: str, said: str) -> None:
    if not said:
        dns.from_bytes(bytes.fromhex(data))
        return
    with pytest.raises(dns.DnsError, match=said):
        dns.from_bytes(bytes.fromhex(data))


@given(st.binary(max_size=80))
def test_any_octets_are_a_message_or_refused(data: bytes) -> None:
    try:
        message = dns.from_bytes(data)
    except dns.DnsError:
        return
    assert dns.from_bytes(dns.to_bytes(message, compress=False)) == message


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=6))
def test_a_name_of_any_octets_comes_back(labels: list[bytes]) -> None:
    name = dns.name_of(tuple(labels))
    assert dns.labels_of(name) == tuple(labels)


@pytest.mark.parametrize("name", ["a..b", ".a", "a" * 64, ".".join(["a" * 60] * 5), "a\\"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(dns.DnsError):
        dns.labels_of(name)


@pytest.mark.parametrize("text", ["10.96.0.1", "fd00::1"])
def test_an_address_and_the_name_under_which_its_name_is_found(text: str) -> None:
    assert dns.reversed_address(dns.reverse(Ip.parse(text))) == Ip.parse(text)


@pytest.mark.parametrize("name", ["96.10.in-addr.arpa.", "1.1.1.300.in-addr.arpa.", "example.com.", "a.ip6.arpa."])
def test_a_name_of_no_address(name: str) -> None:
    assert dns.reversed_address(name) is None
