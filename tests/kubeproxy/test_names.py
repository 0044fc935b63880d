"""Names by hash, against names that were seen on real clusters (kube-proxy sheet, 1.1)."""

import pytest

from podwire.kubeproxy.names import ServicePortName, endpoint_chain, join_host_port, mark, port_hash, probability
from podwire.wire.addr import Ip


@pytest.mark.parametrize(
    ("namespace", "name", "port", "protocol", "known"),
    [
        ("default", "kubernetes", "https", "TCP", "NPX46M4PTMTKRN6Y"),
        ("kube-system", "kube-dns", "dns", "UDP", "TCOU7JCQXEZGVUNU"),
        ("kube-system", "kube-dns", "dns-tcp", "TCP", "ERIFXISQEP7F7OF4"),
        ("default", "nginx-service", "", "TCP", "V2OKYYMBY3REGZOG"),
        ("ns1", "svc1", "p80", "TCP", "XPGD46QRK7WJZT7O"),
        ("ns5", "svc5", "p80", "TCP", "NUKIZ6OKUXPJNT4C"),
    ],
)
def test_chains_of_a_service_port_bear_the_hash_of_its_id_and_protocol(namespace, name, port, protocol, known):
    assert port_hash(ServicePortName(namespace, name, port, protocol).id, protocol.lower()) == known


@pytest.mark.parametrize(
    ("id_", "protocol", "address", "known"),
    [
        ("ns1/svc1:p80", "tcp", "10.180.0.1:80", "KUBE-SEP-SXIVWICOYRO3J4NJ"),
        ("default/kubernetes:https", "tcp", "172.16.0.11:6443", "KUBE-SEP-23Y66C2VAJ3WDEMI"),
        ("kube-system/kube-dns:dns", "udp", "172.17.2.12:53", "KUBE-SEP-5FL5ISI2YRT6Y7BH"),
    ],
)
def test_chains_of_endpoints(id_, protocol, address, known):
    assert endpoint_chain(id_, protocol, address) == known


def test_numbers_as_text():
    assert [probability(left) for left in (2, 3, 6)] == ["0.5000000000", "0.3333333333", "0.1666666667"]
    assert mark(14) == "0x00004000"
    assert join_host_port(Ip.parse("fd00::1"), 80) == "[fd00::1]:80"
