"""cat and the virtual files, where the records do not reach."""

import shlex

import pytest

from podwire.errors import NotModelled
from podwire.linux.machine import Place
from podwire.linux.netlink import Netlink
from podwire.tools.cat import cat
from podwire.tools.files import FileError, read
from podwire.tools.process import Process
from podwire.tools.sysctl import sysctl


class Unplugged:
    """A cable that leads nowhere."""

    def transmit(self, frame, packet_id, size):
        pass


def test_files_of_the_place(lab):
    lab.root.files["/etc/motd"] = "hello\n"
    assert lab.said("cat /etc/motd /etc//motd") == ("hello\nhello\n", "", 0)
    assert lab.said("cat /etc") == ("", "cat: /etc: Is a directory\n", 1)
    assert lab.said("cat /etc/nope") == ("", "cat: /etc/nope: No such file or directory\n", 1)


def test_standard_input(lab):
    process = Process(lab.network, lab.a, ["cat", "-", "/proc/sys/net/ipv4/ip_forward"], stdin="typed\n")
    process.start(cat)
    assert process.stdout == "typed\n0\n"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/proc/sys/net/ipv4/ip_forward/", "Not a directory"),
        ("/proc/sys/net/ipv4/nope", "No such file or directory"),
        ("/proc/sys", "Is a directory"),
        ("/proc/net/nope", "No such file or directory"),
        ("/proc/net/arp/x", "Not a directory"),
        ("/sys/class/net/v0/statistics/nope", "No such file or directory"),
        ("/sys/class/net/v0/statistics/rx_bytes/x", "Not a directory"),
        ("/proc", "Is a directory"),
        ("relative", "No such file or directory"),
    ],
)
def test_errors(lab, path, why):
    assert lab.said(f"cat {path}") == ("", f"cat: {path}: {why}\n", 1)


@pytest.mark.parametrize(
    "path",
    [
        "/proc/net/tcp",
        "/proc/net/netstat",
        "/proc/cpuinfo",
        "/proc/sys/kernel/hostname",
        "/proc/sys/net/core/optmem_max",
        "/proc/sys/net/ipv4/tcp_mem",
        "/sys/class/net/v0/queues",
        "/sys/block",
    ],
)
def test_what_exists_and_is_not_modelled(lab, path):
    with pytest.raises(NotModelled):
        lab.said(f"cat {path}")


@pytest.mark.parametrize("option", ["-n", "-A", "--number", "--help"])
def test_options_of_cat_that_are_not_modelled(lab, option):
    with pytest.raises(NotModelled):
        lab.said(f"cat {option} /etc/hosts")


def test_counters(lab):
    lab.said("ping -c 1 10.0.0.2")
    assert read(lab.a, "/sys/class/net/v0/statistics/rx_bytes") == "140\n"
    assert read(lab.b, "/sys/devices/virtual/net/v1/statistics/tx_packets") == "2\n"
    assert read(lab.a, "/sys/class/net/v0/statistics/rx_crc_errors") == "0\n"
    lab.said("ping -c 1 127.0.0.1")
    assert read(lab.a, "/sys/class/net/lo/statistics/tx_bytes") == "168\n"


def test_no_routing_table_before_the_first_route(lab):
    lab.setup("ip netns add fresh")
    assert read(lab.place("fresh"), "/proc/net/route") == ""


def test_ipv6_addresses(lab):
    lab.setup("ip netns add six")
    lab.setup("ip -n six link set lo up")
    line = "00000000000000000000000000000001 01 80 10 80       lo\n"
    assert read(lab.place("six"), "/proc/net/if_inet6") == line


def test_flags(lab):
    netns = lab.a.netns
    link = netns.link("v0")
    assert read(lab.a, "/sys/class/net/v0/flags") == "0x1003\n"
    Netlink(netns).link_set_arp(link, on=False)
    assert read(lab.a, "/sys/class/net/v0/flags") == "0x1083\n"
    link.promisc, link.allmulticast = 1, True
    assert read(lab.a, "/sys/class/net/v0/flags") == "0x1383\n"


def test_a_nic_of_a_cloud_does_not_know_its_speed(lab):
    machine = lab.network.add_machine("vm")
    netns = machine.root.netns
    door = Netlink(netns)
    link = door.ethernet_add("eth0", netns.draw_mac("eth0"), Unplugged())
    with pytest.raises(FileError):
        read(machine.root, "/sys/class/net/eth0/speed")
    door.link_up(link)
    assert read(machine.root, "/sys/class/net/eth0/speed") == "-1\n"
    assert read(machine.root, "/sys/class/net/eth0/duplex") == "unknown\n"
    with pytest.raises(NotModelled):
        read(machine.root, "/sys/class/net/eth0/name_assign_type")


# -- sysctl -----------------------------------------------------------------------------------------------------------


def test_sysctl_writes_bear_its_name(lab):
    lab.said("sysctl -w net.ipv4.conf.v0.proxy_arp=1")
    assert lab.a.netns.link("v0").conf.writers["proxy_arp"].component == "sysctl"


def test_dry_run_writes_nothing(lab):
    assert lab.said("sysctl --dry-run -w net.ipv4.ip_forward=1") == ("net.ipv4.ip_forward = 1\n", "", 0)
    assert lab.a.netns.conf_all.forwarding == 0


def test_order_of_a_listing_is_that_of_directories(lab):
    lab.setup("ip -n a link add v0.5 type veth peer name x0")
    out, _, _ = lab.said("sysctl -a -N -r conf.v0.*proxy_arp$")
    assert out == "net.ipv4.conf.v0.proxy_arp\nnet.ipv4.conf.v0/5.proxy_arp\n"


def test_settings_from_files(lab, tmp_path):
    """The place's own files come first, then the caller's; a host's /etc/sysctl.conf holds comments, a container may have none."""
    (tmp_path / "mine").write_text("net.ipv4.ip_default_ttl = 33\n")
    lab.a.files["/etc/mine"] = "net.ipv4.ip_default_ttl = 44\n"
    process = Process(lab.network, lab.a, shlex.split("sysctl -p mine /etc/mine"), directory=str(tmp_path))
    process.start(sysctl)
    assert process.stdout == "net.ipv4.ip_default_ttl = 33\nnet.ipv4.ip_default_ttl = 44\n"
    assert lab.said("sysctl -p") == ("", "", 0)
    pod = Place(lab.a.netns, lab.a.image, "pod", container=True)
    assert lab.said("sysctl -p", pod)[2] == 1
    pod.files["/etc/sysctl.conf"] = "net.ipv4.ip_default_ttl=55"
    assert lab.said("sysctl -p", pod) == ("net.ipv4.ip_default_ttl = 55\n", "", 0)
    pod.files["/etc/many"] = "net.ipv4.conf.*.nosuch = 1\n"
    with pytest.raises(NotModelled, match="wildcards"):
        lab.said("sysctl -p /etc/many", pod)


def test_settings_from_standard_input(lab):
    text = "net.ipv4.ip_forward = 1 and nobody reads this\n-what\nwhat\n"
    process = Process(lab.network, lab.a, ["sysctl", "-p", "-"], stdin=text)
    process.start(sysctl)
    assert process.stderr == "sysctl: -(3): invalid syntax, continuing...\n"
    assert process.stdout == "net.ipv4.ip_forward = 1 and nobody reads this\n"
    assert process.status == 0
    assert lab.a.netns.conf_all.forwarding == 1


@pytest.mark.parametrize(
    "line",
    [
        "sysctl kernel.hostname",
        "sysctl -w vm.swappiness=1",
        "sysctl net.core.optmem_max",
        "sysctl net.mptcp.enabled",
        "sysctl --system",
        "sysctl net..ipv4",
        "sysctl -w net.ipv4.conf.v0.medium_id=5",
    ],
)
def test_sysctls_that_are_not_modelled(lab, line):
    with pytest.raises(NotModelled):
        lab.said(line)
