"""host-local (reference sheet kube-proxy and GKE, section 2.4): which address comes next, what lies on the disk, what it says when none is left."""

import pytest

from podwire.ipam.host_local import HostLocal, IpamError, Range
from podwire.wire.addr import Ip4, Net

SUBNET = Net.parse("10.0.0.0/29")
"""Its addresses for pods are .2 to .6: .1 is the gateway, .7 the broadcast address."""


def ip(text):
    return Ip4.parse(text)


def state(*ranges, last="", taken=()):
    ipam = HostLocal(*ranges)
    for number, address in enumerate(taken):
        ipam.reserved[ip(address)] = (f"held{number}", "eth0")
    ipam.last = ip(last) if last else None
    return ipam


@pytest.mark.parametrize(
    ("last", "taken", "expected"),
    [
        ("", (), "10.0.0.2"),
        ("10.0.0.5", (), "10.0.0.6"),
        ("10.0.0.5", ("10.0.0.5", "10.0.0.6"), "10.0.0.2"),
        ("10.0.0.3", ("10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6"), "10.0.0.3"),
        ("10.0.0.99", ("10.0.0.2",), "10.0.0.3"),
        ("10.0.0.6", (), "10.0.0.2"),
        ("10.0.0.1", (), "10.0.0.2"),
    ],
)
def test_the_examples_of_the_sheet(last, taken, expected):
    assert state(SUBNET, last=last, taken=taken).allocate("new") == ip(expected)


def test_behind_the_end_of_a_range_the_next_of_the_set_goes_on_and_then_the_first_again():
    ranges = (Net.parse("10.0.0.0/30"), Net.parse("10.0.1.0/30"))
    ipam = state(*ranges, last="10.0.0.2", taken=("10.0.0.2",))

    assert ipam.allocate("a") == ip("10.0.1.2")
    with pytest.raises(IpamError) as error:
        ipam.allocate("b")
    assert str(error.value) == (
        "failed to allocate for range 0: no IP addresses available in range set: 10.0.0.1-10.0.0.2,10.0.1.1-10.0.1.2"
    )
    ipam.release("held0")
    assert ipam.allocate("b") == ip("10.0.0.2")


def test_a_slash_24_holds_253_pods_and_then_says_so():
    ipam = HostLocal(Net.parse("10.32.0.0/24"))

    given = [ipam.allocate(f"c{number}") for number in range(253)]

    assert (given[0], given[-1]) == (ip("10.32.0.2"), ip("10.32.0.254"))
    with pytest.raises(IpamError) as error:
        ipam.allocate("one too many")
    assert str(error.value) == (
        "failed to allocate for range 0: no IP addresses available in range set: 10.32.0.1-10.32.0.254"
    )


def test_a_freed_address_waits_until_the_round_comes_by():
    ipam = HostLocal(SUBNET)
    first = ipam.allocate("a")
    ipam.release("a")

    assert [ipam.allocate(f"b{number}") for number in range(5)] == [
        *(ip(f"10.0.0.{last}") for last in (3, 4, 5, 6)),
        first,
    ]


def test_the_files_on_the_node():
    ipam = HostLocal(SUBNET, network="k8s-pod-network")
    ipam.allocate("c1")
    ipam.allocate("c2")
    ipam.release("c2")
    ipam.release("nobody")

    assert ipam.files() == {
        "/var/lib/cni/networks/k8s-pod-network/lock": "",
        "/var/lib/cni/networks/k8s-pod-network/10.0.0.2": "c1\r\neth0",
        "/var/lib/cni/networks/k8s-pod-network/last_reserved_ip.0": "10.0.0.3",
    }


def test_start_end_and_gateway_of_a_range_count():
    ipam = HostLocal(Range.of(SUBNET, start=ip("10.0.0.4"), end=ip("10.0.0.5"), gateway=ip("10.0.0.4")))

    assert ipam.allocate("a") == ip("10.0.0.5")
    assert ipam.range_of(ip("10.0.0.5")).gateway == ip("10.0.0.4")
    with pytest.raises(IpamError, match=r"in range set: 10\.0\.0\.4-10\.0\.0\.5$"):
        ipam.allocate("b")
    with pytest.raises(IpamError, match=r"^10\.0\.0\.6 not in range set 10\.0\.0\.4-10\.0\.0\.5$"):
        ipam.range_of(ip("10.0.0.6"))


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("10.0.0.1", "failed to allocate for range 0: requested ip 10.0.0.1 is subnet's gateway"),
        (
            "10.0.0.2",
            "failed to allocate for range 0: requested IP address 10.0.0.2 is not available in range set 10.0.0.1-10.0.0.6",
        ),
        ("10.0.1.1", "failed to allocate all requested IPs: 10.0.1.1"),
    ],
)
def test_an_address_that_is_asked_for_and_cannot_be_had(wanted, text):
    ipam = state(SUBNET, taken=("10.0.0.2",))

    with pytest.raises(IpamError) as error:
        ipam.allocate("new", wanted=ip(wanted))

    assert str(error.value) == text
    assert list(ipam.reserved) == [ip("10.0.0.2")]


def test_an_address_that_is_asked_for_and_free():
    ipam = HostLocal(SUBNET)

    assert ipam.allocate("a", wanted=ip("10.0.0.4")) == ip("10.0.0.4")
    assert ipam.allocate("b") == ip("10.0.0.5")


def test_a_container_gets_no_second_address():
    ipam = HostLocal(SUBNET)
    ipam.allocate("a")

    with pytest.raises(IpamError) as error:
        ipam.allocate("a")

    assert str(error.value) == (
        "failed to allocate for range 0: 10.0.0.2 has been allocated to a, duplicate allocation is not allowed"
    )
    assert ipam.allocate("a", "eth1") == ip("10.0.0.3")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (HostLocal, "no IP ranges specified"),
        (
            lambda: HostLocal(Net.parse("10.0.0.0/31")),
            "invalid range set 0: Network 10.0.0.0/31 too small to allocate from",
        ),
        (
            lambda: Range.of(SUBNET, start=ip("10.0.1.1")),
            "invalid range set 0: RangeStart 10.0.1.1 not in network 10.0.0.0/29",
        ),
        (
            lambda: Range.of(SUBNET, end=ip("10.0.1.1")),
            "invalid range set 0: RangeEnd 10.0.1.1 not in network 10.0.0.0/29",
        ),
    ],
)
def test_ranges_that_cannot_be(make, text):
    with pytest.raises(IpamError) as error:
        make()
    assert str(error.value) == text
