"""ethtool and hostname: what the oracle's script of ethtool does not reach."""

import pytest

from podwire.errors import NotModelled
from podwire.linux.machine import Place


@pytest.mark.parametrize(
    "line",
    [
        "ethtool -K v0 tx on",
        "ethtool -K v0 tx off gro on",
        "ethtool -K v0 rxvlan off",
        "ethtool -K v0 nosuch off",
        "ethtool -k lo",
        "ethtool -g v0",
        "ethtool --help",
        "ethtool d0",
        "ethtool -i d0",
    ],
)
def test_what_is_real_and_missing_says_so(lab, line):
    lab.setup("ip -n a link add d0 type dummy")
    with pytest.raises(NotModelled, match="ethtool"):
        lab.said(line)


def test_offloads_that_are_off_already_are_turned_off(lab):
    assert lab.said("ethtool -K v0 tx off rx off sg off tso off gso off gro off lro off") == ("", "", 0)
    assert "\ttx-checksum-ip-generic: off\n" in lab.said("ethtool -k v0")[0]


def test_the_link_is_detected_while_there_is_carrier(lab):
    assert lab.said("ethtool v0")[0].endswith("\tMDI-X: Unknown\n\tLink detected: yes\n")
    lab.setup("ip -n b link set v1 down")
    assert lab.said("ethtool v0")[0].endswith("\tLink detected: no\n")


def test_the_other_end_of_a_veth(lab):
    lab.setup("ip -n a link add d0 type dummy")
    lab.setup("ip link add w0 netns a type veth peer name w1 netns b")
    index = lab.b.netns.link("w1").ifindex
    assert lab.said("ethtool -S w0")[0].splitlines()[:2] == ["NIC statistics:", f"     peer_ifindex: {index}"]


def test_no_device(lab):
    out, err, status = lab.said("ethtool nope")
    assert (out, err.count("No such device\n"), status) == ("No data available\n", 5, 75)


# -- hostname -----------------------------------------------------------------------------------------------------


@pytest.fixture
def pod(lab):
    place = Place(lab.a.netns, lab.root.image, "web-0.nginx", container=True)
    place.files["/etc/hosts"] = (
        "127.0.0.1 localhost\n10.0.0.1 web-0.nginx.default.svc.cluster.local web-0.nginx # c\n10.9.9.9 x web-0.nginx\n"
    )
    return place


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("hostname", "web-0.nginx\n"),
        ("hostname -s", "web-0\n"),
        ("hostname --fqdn", "web-0.nginx.default.svc.cluster.local\n"),
        ("hostname -f -s", "web-0\n"),
        ("hostname -d", "nginx.default.svc.cluster.local\n"),
        ("hostname -i", "10.0.0.1 10.9.9.9\n"),
        ("hostname -I", "10.0.0.1 \n"),
        ("hostname -V", "hostname 3.23\n"),
    ],
)
def test_hostname(lab, pod, line, text):
    assert lab.said(line, pod) == (text, "", 0)


def test_addresses_of_devices_that_are_down_and_of_lo_are_left_out(lab):
    lab.setup("ip -n a link set lo up")
    lab.setup("ip -n a link add d0 type dummy")
    lab.setup("ip -n a addr add 10.7.0.1/24 dev d0")
    lab.setup("ip -n a addr add 10.0.0.3/24 dev v0")
    assert lab.said("hostname -I")[0] == "10.0.0.1 10.0.0.3 \n"


def test_a_name_that_nobody_knows(lab):
    place = Place(lab.a.netns, lab.root.image, "nowhere")
    assert lab.said("hostname -f", place) == ("", "hostname: Temporary failure in name resolution\n", 1)
    place.files["/etc/resolv.conf"] = "nameserver 10.96.0.10\n"
    assert lab.said("hostname -i", place) == ("", "hostname: Name or service not known\n", 1)
    assert lab.said("hostname -y", place) == ("", "hostname: Local domain name not set\n", 1)


@pytest.mark.parametrize("line", ["hostname newname", "hostname -A", "hostname --nosuch"])
def test_what_hostname_does_not_do(lab, line):
    with pytest.raises(NotModelled, match="hostname"):
        lab.said(line)
