"""``ip`` where no oracle is needed: lifetimes, counters, NICs, namespaces, containers, and what is not modelled."""

import json
import re

import pytest

from podwire.errors import NotModelled
from podwire.linux.image import image
from podwire.linux.machine import Place
from podwire.linux.netlink import Netlink, Peer
from podwire.tools.ip import ip
from podwire.tools.ip.grammar import Fail, Words, integer, matches, number, octets, prefix
from podwire.tools.process import Process
from podwire.trace.events import Owner
from podwire.wire.addr import Ip4, Ip6, Mac
from tests.tools.ip.bench import Bench


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def pair(bench):
    for line in (
        "ip link set lo up",
        "ip link add v0 address 02:00:00:00:00:0a type veth peer name v1 address 02:00:00:00:00:0b",
        "ip link set v0 up",
        "ip link set v1 up",
    ):
        bench.ok(line)
    return bench


class Cable:
    def transmit(self, frame, packet_id, size):
        """Nobody is at the other end."""


# -- addresses ----------------------------------------------------------------------------------------------------


def test_lifetimes_count_down_in_virtual_time_and_end(pair):
    pair.ok("ip addr add 10.0.0.24/32 metric 1024 dev v0 valid_lft 3600 preferred_lft 1800")
    pair.world.sleep(1049)
    text = pair.ok("ip -c add show v0")
    assert "inet \033[35m10.0.0.24\033[0m/32 metric 1024 scope global dynamic v0\n" in text
    assert "valid_lft 2551sec preferred_lft 751sec" in text
    pair.world.sleep(800)
    assert "scope global deprecated dynamic v0\n       valid_lft 1751sec preferred_lft 0sec" in pair.ok(
        "ip addr show v0"
    )
    pair.ok("ip addr change 10.0.0.24/32 dev v0 valid_lft 100 preferred_lft 100")
    pair.world.sleep(99)
    assert "valid_lft 1sec" in pair.ok("ip addr show v0")
    pair.world.sleep(2)
    assert "10.0.0.24" not in pair.ok("ip addr show v0")


def test_a_failed_command_changes_nothing(pair):
    pair.ok("ip addr add 10.0.0.1/24 dev v0")
    before = pair.machine.root.netns.generation, pair.ok("ip addr"), pair.ok("ip route show table all")
    for line in (
        "ip addr add 10.0.0.1/24 dev v0",
        "ip addr add 10.0.0.5/24 dev v0 frob",
        "ip addr add 10.0.0.5/24 dev nope",
        "ip route add 10.9.0.0/16 via 10.0.0.9 mtu x",
        "ip route add 10.9.0.0/16 via 10.0.0.9 nexthop via 10.0.0.8",
        "ip link add v0 type veth peer name v7",
        "ip link add v7 type veth peer name v1",
        "ip link set v0 mtu 9 frob",
        "ip rule add fwmark 1 table 5 goto",
    ):
        assert pair.run(line)[1] != 0, line
    assert before[1:] == (pair.ok("ip addr"), pair.ok("ip route show table all"))


def test_what_a_person_writes_bears_the_name_ip(pair):
    pair.ok("ip addr add 10.0.0.1/24 dev v0")
    pair.ok("ip route add 10.9.0.0/16 via 10.0.0.9")
    netns = pair.machine.root.netns
    assert netns.link("v0").addresses[0].owner == Owner("ip")
    assert [route.owner for route in netns.tables[254] if route.dst.addr == Ip4.parse("10.9.0.0")] == [Owner("ip")]


# -- devices ------------------------------------------------------------------------------------------------------


def test_a_nic_shows_its_queues_and_counters(bench):
    netns = bench.machine.root.netns
    nic = Netlink(netns).ethernet_add("eth0", Mac.parse("42:01:0a:00:00:18"), Cable(), mtu=1460, qdisc="mq", queues=2)
    bench.ok("ip link set eth0 up")
    nic.stats.rx_bytes, nic.stats.rx_packets = 1_234_567_890_123, 42
    assert bench.ok("ip -c link show eth0") == (
        "2: \033[36meth0: \033[0m<BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1460 qdisc mq state \033[32mUP \033[0mmode DEFAULT group default qlen 1000\n"
        "    link/ether \033[33m42:01:0a:00:00:18\033[0m brd \033[33mff:ff:ff:ff:ff:ff\033[0m\n"
    )
    assert "minmtu 68 maxmtu 9216 addrgenmode eui64 numtxqueues 2 numrxqueues 2" in bench.ok("ip -d link show eth0")
    rows = bench.ok("ip -s link show eth0").splitlines()
    assert rows[2:4] == [
        "    RX:     bytes packets errors dropped  missed   mcast           ",
        "    1234567890123      42      0       0       0       0 ",
    ]
    assert "1.23T" in bench.ok("ip -s -h link show eth0")
    assert "1.12Ti" in bench.ok("ip -s -h -iec link show eth0")
    assert json.loads(bench.ok("ip -s -j link show eth0"))[0]["stats64"]["rx"]["bytes"] == 1_234_567_890_123
    nic.plugged = False
    assert "<NO-CARRIER,BROADCAST,MULTICAST,UP>" in bench.ok("ip link show eth0")
    assert "state DOWN" in bench.ok("ip link show eth0")


def test_dummy_devices_speak_no_arp(bench):
    bench.ok("ip link add d0 address 02:00:00:00:00:0c type dummy")
    bench.ok("ip link set d0 up")
    assert bench.ok("ip -o link show d0").startswith(
        "2: d0: <BROADCAST,NOARP,UP,LOWER_UP> mtu 1500 qdisc noqueue state UNKNOWN "
    )


def test_a_bridge_counts_down_to_its_next_clean_up(bench):
    bench.ok("ip link add br0 type bridge")
    bench.ok("ip link set br0 up")
    assert "state UNKNOWN" in bench.ok("ip link show br0")  # it has not looked for ports yet
    bench.world.sleep(100.1)
    assert "gc_timer  200.00 " in bench.ok("ip -d link show br0")
    bench.ok("ip link set br0 address 02:00:00:00:00:09")
    text = bench.ok("ip -d link show br0")
    assert "<NO-CARRIER,BROADCAST,MULTICAST,UP>" in text
    assert "bridge_id 8000.2:0:0:0:0:9 " in text


def test_promiscuity_is_not_the_flag(pair):
    pair.machine.root.netns.link("v0").promisc += 1  # a capture
    assert "PROMISC" not in pair.ok("ip link show v0")
    assert "promiscuity 1 " in pair.ok("ip -d link show v0")
    pair.ok("ip link set v0 promisc on")
    assert "PROMISC" in pair.ok("ip link show v0")
    assert "promiscuity 2 " in pair.ok("ip -d link show v0")


# -- namespaces ---------------------------------------------------------------------------------------------------


def test_a_calico_veth_names_the_namespace_of_its_pod(bench):
    machine = bench.machine
    pod = machine.new_netns("default/pod1")
    machine.netns_names["cni-5601c1dc-4e20-669f-5707-d3f742d1b173"] = pod
    host = Netlink(machine.root.netns)
    ee = Mac.parse("ee:ee:ee:ee:ee:ee")
    link = host.link_add("cali2aa1a9aa779", "veth", mac=ee, mtu=1460, peer=Peer("eth0", pod, mtu=1460))
    host.link_up(link)
    Netlink(pod).link_up(pod.link("eth0"))
    assert bench.ok("ip -c add show cali2aa1a9aa779") == (
        "2: \033[36mcali2aa1a9aa779@if2: \033[0m<BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1460 qdisc noqueue state \033[32mUP \033[0mgroup default qlen 1000\n"
        "    link/ether \033[33mee:ee:ee:ee:ee:ee\033[0m brd \033[33mff:ff:ff:ff:ff:ff\033[0m link-netns cni-5601c1dc-4e20-669f-5707-d3f742d1b173\n"
    )
    inside = Place(pod, image("netshoot"), "pod1", container=True)
    text, status = bench.run("ip link show eth0", inside)
    assert status == 0
    assert re.search(r"^2: eth0@if2: .*\n .* link-netnsid 0$", text, re.MULTILINE)
    assert bench.run("ip netns", inside) == ("", 0)
    assert bench.run("ip -n x addr", inside)[1] == 255


def test_netns_exec_becomes_the_other_command(bench):
    bench.ok("ip netns add blue")
    assert (
        bench.ok("ip netns exec blue ip -br link") == "lo               DOWN           00:00:00:00:00:00 <LOOPBACK> \n"
    )
    assert bench.ok("ip netns exec blue sysctl -n net.ipv4.ip_forward") == "0\n"
    with pytest.raises(NotModelled, match="command frobnicate"):
        bench.run("ip netns exec blue frobnicate")
    assert bench.run("ip -netns red addr") == ('Cannot open network namespace "red": No such file or directory\n', 255)


def test_netns_exec_asks_who_runs_it(bench):
    bench.ok("ip netns add blue")
    asked = []

    def execute(proc, place, argv):
        asked.append((place.netns.label, argv))
        return 7

    process = Process(bench.world, bench.machine.root, ["ip", "netns", "exec", "blue", "sh", "-c", "exit 7"])
    assert ip(process, execute) == 7
    assert asked == [("blue", ["sh", "-c", "exit 7"])]


def test_a_pod_outlives_its_name(bench):
    pod = bench.machine.new_netns("default/pod1")
    bench.machine.netns_names["cni-1"] = pod
    bench.ok("ip netns add other")
    bench.ok("ip netns del cni-1")
    bench.ok("ip netns del other")
    assert set(bench.machine.netns) == {"host", "default/pod1"}


def test_list_id_tells_who_is_called_how(bench):
    bench.ok("ip netns add blue")
    bench.ok("ip link add v0 type veth peer name v1 netns blue")
    assert bench.ok("ip netns list-id") == "nsid 0 (iproute2 netns name: blue)\n"
    assert bench.ok("ip -j netns") == '[{"name":"blue","id":0}]\n'
    bench.ok("ip netns add red")
    bench.ok("ip netns set red 7")
    assert bench.run("ip netns set red 8") == ("Error: Peer netns already has a nsid assigned.\n", 2)
    bench.ok("ip netns add green")
    assert bench.run("ip netns set green 7") == ("Error: The specified nsid is already used.\n", 2)
    assert "(id: 7)" in bench.ok("ip netns")


# -- routes -------------------------------------------------------------------------------------------------------


def test_the_routes_of_the_seed_print_as_they_did(pair):
    for line in (
        "ip addr add 10.0.0.24/32 dev v0 metric 1024",
        "ip route add 10.0.0.1 dev v0 proto dhcp scope link src 10.0.0.24 metric 1024",
        "ip route add default via 10.0.0.1 dev v0 proto dhcp src 10.0.0.24 metric 1024",
        "ip link add cali2aa1a9aa779 type veth peer name x0",
        "ip link set cali2aa1a9aa779 up",
        "ip link set x0 up",
        "ip route add 192.168.1.2 dev cali2aa1a9aa779 scope link",
    ):
        pair.ok(line)
    assert pair.ok("ip route") == (
        "default via 10.0.0.1 dev v0 proto dhcp src 10.0.0.24 metric 1024 \n"
        "10.0.0.1 dev v0 proto dhcp scope link src 10.0.0.24 metric 1024 \n"
        "192.168.1.2 dev cali2aa1a9aa779 scope link \n"
    )
    colours = pair.ok("ip -c route").splitlines()
    assert colours[2] == "\033[35m192.168.1.2 \033[0mdev \033[36mcali2aa1a9aa779 \033[0mscope link "


def test_a_learned_path_mtu_expires(pair):
    from podwire.linux.path.exception import next_hop_key, update_or_create_fnhe
    from podwire.linux.path.route import ip_route_output

    pair.ok("ip addr add 10.0.0.1/24 dev v0")
    pair.ok("ip route add default via 10.0.0.9")
    netns = pair.machine.root.netns
    to = Ip4.parse("8.8.8.8")
    leg = ip_route_output(netns, to).leg
    assert leg is not None
    update_or_create_fnhe(netns, next_hop_key(*leg), to, 600, mtu=1400)
    pair.world.sleep(2.5)
    assert pair.ok("ip route get 8.8.8.8") == (
        "8.8.8.8 via 10.0.0.9 dev v0 src 10.0.0.1 uid 0 \n    cache expires 597sec mtu 1400 \n"
    )
    pair.ok("ip route flush cache")
    assert "mtu" not in pair.ok("ip route get 8.8.8.8")


# -- what is not there --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "ip netns monitor",
        "ip tunnel prl dev lo",
        "ip xfrm state",
        "ip vrf",
        "ip nexthop",
        "ip route help",
        "ip link help",
        "ip addr help",
        "ip rule help",
        "ip neigh help",
        "ip netns help",
        "ip route save",
        "ip rule save",
        "ip addr save",
        "ip link add x type vxlan id 5 dstport 4789 gbp",
        "ip link add x type gre",
        "ip link set v0 vf 0 mac 02:00:00:00:00:01",
        "ip link set br0 type bridge stp_state 1",
        "ip link property add dev v0 altname x",
        "ip route add 10.9.0.0/16 encap mpls 10 dev v0",
        "ip route add 10.9.0.0/16 via inet6 fe80::1 dev v0",
        "ip route add 10.9.0.0/16 nhid 5",
        "ip rule add l3mdev",
        "ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:01 dev v0 router",
    ],
)
def test_what_is_real_and_missing_says_so(pair, line):
    pair.ok("ip link add br0 type bridge")
    with pytest.raises(NotModelled) as missing:
        pair.run(line)
    assert str(missing.value).startswith(("ip", "podwire"))


def test_help_is_its_first_line(bench):
    usage = "Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n"
    for line in ("ip", "ip help", "ip -h", "ip -help", "ip -family help"):
        assert bench.run(line) == (usage, 255)


def test_ipv6_routes_are_empty_only_where_there_is_no_ipv6():
    bench = Bench(ipv6=True)
    bench.ok("ip link set lo up")
    assert "inet6 ::1/128 scope host \n" in bench.ok("ip addr")
    for line in ("ip -6 route", "ip route show table all", "ip -6 route get ::1"):
        with pytest.raises(NotModelled):
            bench.run(line)
    assert Bench().ok("ip -6 route") == ""


# -- grammar ------------------------------------------------------------------------------------------------------


def test_words_are_abbreviated_from_the_left():
    assert matches("a", "address")
    assert matches("address", "address")
    assert not matches("", "address")
    assert not matches("addresses", "address")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10", 10),
        ("0x10", 16),
        ("010", 8),
        (" 7", 7),
        ("-1", None),
        ("4294967296", None),
        ("x", None),
        ("", None),
        ("7x", None),
        ("08", None),
    ],
)
def test_numbers_are_those_of_c(text, value):
    assert number(text) == value


def test_integers_have_a_sign():
    assert integer("-5") == -5
    assert integer("2147483648") is None


@pytest.mark.parametrize(
    ("text", "address", "plen"),
    [
        ("10.1", Ip4.parse("10.1.0.0"), 32),
        ("10/8", Ip4.parse("10.0.0.0"), 8),
        ("0x0a.1.2.010", Ip4.parse("10.1.2.8"), 32),
        ("10.0.0.0/255.255.0.0", Ip4.parse("10.0.0.0"), 16),
        ("fe80::/10", Ip6.parse("fe80::"), 10),
        ("default", None, 0),
    ],
)
def test_prefixes_are_read_as_iproute2_does(text, address, plen):
    found = prefix(text, 0)
    assert (found.addr, found.plen) == (address, plen)


@pytest.mark.parametrize(
    "text",
    ["10.256", "10.0.0.0.0", "10.0.0.0/33", "10.0.0.0/255.0.255.0", "hello", "default/8", "fe80::1/129", "1.", "/8"],
)
def test_what_is_no_prefix_ends_the_command(text):
    with pytest.raises(Fail) as fail:
        prefix(text, 0)
    assert fail.value.status == 1
    assert fail.value.message == f'Error: any valid prefix is expected rather than "{text}".\n'


def test_link_layer_addresses_may_be_short():
    assert octets("2:0:0a") == [2, 0, 10]
    assert octets("10.0.0.1") == [10, 0, 0, 1]
    with pytest.raises(Fail, match="invalid lladdr"):
        octets("100:0")


def test_a_missing_word_is_told():
    words = Words(["dev"])
    assert words.take() == "dev"
    assert not words
    with pytest.raises(Fail) as fail:
        words.value()
    assert (fail.value.status, fail.value.message) == (255, 'Command line is not complete. Try option "help"\n')
