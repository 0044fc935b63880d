"""``bridge`` and what ``ip link`` says of bridges. Texts are those of iproute2 6.1.0; the oracle's scripts have more of them."""

import json

import pytest

from podwire.errors import NotModelled
from tests.tools.ip.bench import Bench

PORT = "4: p0@p1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 state forwarding priority 32 cost 2 \n"
HELD = (
    "    hairpin off guard off root_block off fastleave off learning on flood on mcast_flood on bcast_flood on mcast_router 1"
    " mcast_to_unicast off neigh_suppress off vlan_tunnel off isolated off locked off \n"
)
LOCAL = "02:00:00:00:01:00 dev p0 master br0 permanent\n"


@pytest.fixture
def bench():
    """br0 with the port p0, whose other end is p1."""
    bench = Bench()
    bench.ok("ip link add br0 address 02:00:00:00:00:b0 type bridge mcast_snooping 0")
    bench.ok("ip link add p0 address 02:00:00:00:01:00 type veth peer name p1 address 02:00:00:00:01:01")
    for name in ("br0", "p0", "p1"):
        bench.ok(f"ip link set {name} up")
    bench.ok("ip link set p0 master br0")
    return bench


def entries(bench, words=""):
    """``bridge fdb show br br0``, without what devices listen to."""
    text = bench.ok(f"bridge fdb show br br0 {words}")
    return [line for line in text.splitlines() if "self" not in line]


# -- link --------------------------------------------------------------------------------------------------------------


def test_ports_are_listed(bench):
    assert bench.ok("bridge link") == PORT
    assert bench.ok("bridge -d link show dev p0") == PORT + HELD
    assert bench.ok("bridge -o -d link") == PORT.replace("\n", "\\") + HELD
    assert bench.ok("bridge link show dev br0") == ""


def test_ports_in_json(bench):
    (port,) = json.loads(bench.ok("bridge -j -d link"))
    assert list(port)[:9] == ["ifindex", "link", "ifname", "flags", "mtu", "master", "state", "priority", "cost"]
    assert (port["ifname"], port["link"], port["hairpin"], port["learning"]) == ("p0", "p1", False, True)


def test_a_bridge_that_is_down_leaves_ports_disabled(bench):
    bench.ok("ip link set br0 down")
    assert "state disabled" in bench.ok("bridge link")
    bench.ok("ip link set p1 down")
    assert "<NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN>" in bench.ok("bridge link")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("hairpin on", "hairpin on guard"),
        ("learning off", "learning off flood on"),
        ("flood off", "flood off mcast_flood on"),
        ("mcast_flood off", "mcast_flood off bcast_flood on"),
        ("bcast_flood off", "bcast_flood off mcast_router"),
        ("isolated on", "isolated on locked"),
        ("cost 7 priority 9", "priority 9 cost 7"),
        ("state 1", "state listening"),
        ("state learning", "state learning"),
        ("guard off locked off mcast_router 1 master", "locked off"),
    ],
)
def test_options_of_a_port(bench, words, shown):
    bench.ok(f"bridge link set dev p0 {words}")
    assert shown in bench.ok("bridge -d link")
    assert shown.split(" mcast_router")[0].removesuffix(" mcast_flood on") in bench.ok("ip -d link show p0")


def test_ip_link_takes_abbreviations_and_looks_at_the_carrier_again(bench):
    bench.ok("ip link set p0 type bridge_slave hair on iso on stat 0")
    assert "hairpin on" in bench.ok("bridge -d link")
    assert "state forwarding" in bench.ok("bridge link")  # the notification made the bridge look
    bench.ok("bridge link set dev p0 state 0")
    assert "state disabled" in bench.ok("bridge link")


@pytest.mark.parametrize(
    ("line", "said", "status"),
    [
        ("bridge nosuch", 'Object "nosuch" is unknown, try "bridge help".\n', 255),
        ("bridge -x link", 'Option "-x" is unknown, try "bridge help".\n', 255),
        ("bridge link nosuch", 'Command "nosuch" is unknown, try "bridge link help".\n', 255),
        ("bridge link show dev no", 'Cannot find device "no"\n', 255),
        ("bridge link set hairpin on", "Device is a required argument.\n", 255),
        ("bridge link set dev no hairpin on", 'Cannot find bridge device "no"\n', 255),
        ("bridge link set dev p0 hairpin x", 'Error: argument of "hairpin" must be one of "off", "on", not "x"\n', 234),
        ("bridge link set dev p0 state no", "Error: invalid STP port state\n", 255),
        ("bridge link set dev p1 hairpin on", "RTNETLINK answers: Operation not supported\n", 255),
        ("bridge link set dev p0 hairpin on self", "RTNETLINK answers: Operation not supported\n", 255),
        ("bridge link set dev p0 cost 70000", "RTNETLINK answers: Numerical result out of range\n", 255),
        ("bridge vlan nosuch", 'Command "nosuch" is unknown, try "bridge vlan help".\n', 255),
        ("ip link set p1 type bridge_slave hairpin on", "RTNETLINK answers: Operation not supported\n", 2),
        ("ip link set p1 type bridge ageing_time 1", "RTNETLINK answers: Operation not supported\n", 2),
        ("ip link set p0 type bridge_slave cost x", 'Error: argument "x" is wrong: cost is invalid\n', 255),
        (
            "ip link set p0 type bridge_slave hairpin x",
            'Error: argument of "hairpin" must be one of "off", "on", not "x"\n',
            1,
        ),
        ("ip link set br0 type bridge priority 65536", 'Error: argument "65536" is wrong: invalid priority\n', 255),
        ("ip link set br0 type bridge max_age 1", "RTNETLINK answers: Numerical result out of range\n", 2),
        ("ip link set lo master br0", "RTNETLINK answers: Invalid argument\n", 2),
        ("ip link set br0 master br0", "Error: Can not enslave a bridge to a bridge.\n", 2),
        ("ip link add x0 master p1 type veth", "RTNETLINK answers: Operation not supported\n", 2),
    ],
)
def test_refusals(bench, line, said, status):
    assert bench.run(line) == (said, status)


def test_a_device_that_cannot_join_is_not_made(bench):
    bench.run("ip link add x0 master p1 type veth")
    assert bench.run("ip link show x0") == ('Device "x0" does not exist.\n', 1)
    bench.ok("ip link add x1 master br0 type veth peer name x2 master br0")
    assert "master br0" in bench.ok("ip link show x1")
    assert "master" not in bench.ok("ip link show x2")


@pytest.mark.parametrize(
    "line",
    [
        "bridge mdb",
        "bridge monitor",
        "bridge vlan add vid 5 dev p0",
        "bridge fdb add 02:00:00:00:00:21 dev p0 nhid 5",
        "bridge fdb add 02:00:00:00:00:21 dev p0 vlan 5",
        "bridge link set dev p0 neigh_suppress on",
        "bridge link set dev p0 mcast_router 2",
        "ip link set p0 type bridge_slave locked on",
        "ip link set p0 type bridge_slave backup_port p1",
        "ip link set br0 type bridge stp_state 1",
        "ip link set br0 type bridge vlan_filtering 1",
        "ip link add br1 type bridge mcast_querier 1",
        "ip link add br1 type bridge group_address 01:80:c2:00:00:05",
    ],
)
def test_what_is_not_modelled_says_so(bench, line):
    with pytest.raises(NotModelled):
        bench.run(line)


def test_what_changes_nothing_is_taken(bench):
    bench.ok(
        "ip link set br0 type bridge stp_state 0 vlan_filtering 0 mcast_router 1 no_linklocal_learn 0 nf_call_iptables 0"
    )
    bench.ok("ip link set p0 type bridge_slave neigh_suppress off locked off mcast_fast_leave off nobackup_port")


# -- what ip -d link shows ---------------------------------------------------------------------------------------------


def test_options_of_a_bridge(bench):
    bench.ok(
        "ip link set br0 type bridge age 1000 forward_delay 0 hello_time 300 max_age 1000 prio 4096 group_fwd_mask 0x4000"
    )
    text = bench.ok("ip -d link show br0")
    assert (
        "bridge forward_delay 0 hello_time 300 max_age 1000 ageing_time 1000 stp_state 0 priority 4096 vlan_filtering 0"
        " bridge_id 1000.2:0:0:0:0:b0 designated_root 1000.2:0:0:0:0:b0 root_port 0 " in text
    )
    assert " group_fwd_mask 0x4000 group_address 01:80:c2:00:00:00 mcast_snooping 0 no_linklocal_learn 0 " in text
    assert "tso_max_size 524280" in text


def test_a_port_in_detail(bench):
    bench.ok("ip link set p0 type bridge_slave group_fwd_mask 0x4008")
    text = bench.ok("ip -d link show p0")
    assert "promiscuity 1  allmulti 1 " in text
    assert (
        "    bridge_slave state forwarding priority 32 cost 2 hairpin off guard off root_block off fastleave off learning on flood on"
        " port_id 0x8001 port_no 0x1 designated_port 32769 designated_cost 0 designated_bridge 8000.2:0:0:0:0:b0"
        " designated_root 8000.2:0:0:0:0:b0 hold_timer    0.00 message_age_timer    0.00 forward_delay_timer   1"
        in text
    )
    assert "group_fwd_mask 0x4008 group_fwd_mask_str 0x8,lldp vlan_tunnel off" in text
    (link,) = json.loads(bench.ok("ip -j -d link show p0"))
    info = link["linkinfo"]
    assert (info["info_kind"], info["info_slave_kind"]) == ("veth", "bridge")
    assert info["info_slave_data"]["group_fwd_mask"] == "0x4008"


def test_the_gc_timer_runs_with_ports_and_without(bench):
    bench.world.sleep(100.1)
    assert "gc_timer  200.0" in bench.ok("ip -d link show br0")
    bench.ok("ip link set p0 nomaster")
    assert "gc_timer  200.0" in bench.ok("ip -d link show br0")


def test_ports_are_found_by_master_and_kind(bench):
    assert bench.ok("ip link show master br0").startswith("4: p0@p1")
    assert bench.ok("ip link show type bridge_slave").startswith("4: p0@p1")


def test_a_bridge_stays_in_its_namespace(bench):
    bench.ok("ip netns add other")
    assert bench.run("ip link set br0 netns other") == ("Error: The interface netns is immutable.\n", 2)


# -- fdb ---------------------------------------------------------------------------------------------------------------


def test_the_whole_list(bench):
    groups = "33:33:00:00:00:01 dev {0} self permanent\n01:00:5e:00:00:01 dev {0} self permanent\n"
    bridge = "02:00:00:00:00:b0 dev br0 master br0 permanent\n"
    # By index; p1 came before p0, for it is the peer.
    assert bench.ok("bridge fdb") == groups.format("br0") + bridge + groups.format("p1") + LOCAL + groups.format("p0")
    assert bench.ok("bridge fdb show br br0") == groups.format("br0") + bridge + LOCAL + groups.format("p0")
    assert bench.ok("bridge fdb show brport p0") == (LOCAL + groups.format("p0")).replace("dev p0 ", "")
    assert bench.ok("bridge fdb show br p0") == ""
    bench.ok("ip link set br0 type bridge mcast_snooping 1")
    assert "01:00:5e:00:00:6a dev br0 self permanent\n33:33:00:00:00:6a dev br0" in bench.ok("bridge fdb show br br0")


def test_entries_by_hand(bench):
    bench.ok("bridge fdb add 02:00:00:00:00:21 dev p0 master")
    bench.ok("bridge fdb add 02:00:00:00:00:22 dev p0 master static")
    bench.ok("bridge fdb add 02:00:00:00:00:23 dev p0 master dynamic")
    bench.ok("bridge fdb add 02:00:00:00:00:24 dev p0 master temp sticky")
    bench.ok("bridge fdb add 02:00:00:00:00:25 dev p0 master extern_learn")
    bench.ok("bridge fdb add 02:00:00:00:00:26 dev p0 master dynamic use")
    assert entries(bench, "brport p0") == [
        "02:00:00:00:00:26 master br0 ",
        "02:00:00:00:00:25 extern_learn master br0 ",
        "02:00:00:00:00:24 sticky master br0 static",
        "02:00:00:00:00:23 master br0 ",
        "02:00:00:00:00:22 master br0 static",
        "02:00:00:00:00:21 master br0 permanent",
        "02:00:00:00:01:00 master br0 permanent",
    ]
    assert len(entries(bench, "dynamic")) == 5
    assert len(entries(bench, "state static")) == 2
    assert len(entries(bench, "state static state reachable")) == 5
    assert bench.run("bridge fdb add 02:00:00:00:00:23 dev p0 master") == ("RTNETLINK answers: File exists\n", 255)
    bench.ok("bridge fdb replace 02:00:00:00:00:23 dev p0 master static")
    assert bench.ok("bridge fdb get 02:00:00:00:00:23 br br0") == "02:00:00:00:00:23 dev p0 master br0 static\n"
    bench.ok("bridge fdb del 02:00:00:00:00:23 dev p0 master")
    assert bench.run("bridge fdb get 02:00:00:00:00:23 br br0") == ("Error: Fdb entry not found.\n", 254)


def test_addresses_that_a_device_listens_to(bench):
    bench.ok("bridge fdb add 02:00:00:00:00:27 dev p0")
    bench.ok("bridge fdb add 01:00:5e:01:02:03 dev p0 self")
    assert [line.split()[0] for line in bench.ok("bridge fdb show dev p0").splitlines()] == [
        "02:00:00:00:01:00",
        "02:00:00:00:00:27",
        "33:33:00:00:00:01",
        "01:00:5e:00:00:01",
        "01:00:5e:01:02:03",
    ]
    assert bench.run("bridge fdb add 02:00:00:00:00:27 dev p0") == ("RTNETLINK answers: File exists\n", 255)
    bench.ok("bridge fdb del 02:00:00:00:00:27 dev p0")
    assert bench.run("bridge fdb del 02:00:00:00:00:27 dev p0")[0] == "RTNETLINK answers: No such file or directory\n"


def test_ages_and_colours(bench):
    bench.ok("bridge fdb add 02:00:00:00:00:23 dev p0 master dynamic")
    bench.world.sleep(2.5)
    assert entries(bench, "dynamic") == ["02:00:00:00:00:23 dev p0 master br0 "]
    assert "dev p0 used 2/2 master br0 \n" in bench.ok("bridge -s fdb show br br0 dynamic")
    assert bench.ok("bridge -c fdb show br br0 dynamic") == (
        "\033[33m02:00:00:00:00:23 \033[0mdev \033[36mp0 \033[0mmaster br0 \n"
    )
    assert json.loads(bench.ok("bridge -s -j fdb show br br0 dynamic")) == [
        {"mac": "02:00:00:00:00:23", "ifname": "p0", "used": 2, "updated": 2, "flags": [], "master": "br0", "state": ""}
    ]


def test_what_a_program_learnt_never_grows_old(bench):
    bench.ok("ip link set br0 down")
    bench.ok("bridge fdb add 02:00:00:00:00:25 dev p0 master extern_learn")
    bench.world.sleep(400)
    assert entries(bench, "brport p0") == [
        "02:00:00:00:00:25 extern_learn master br0 ",
        "02:00:00:00:01:00 master br0 permanent",
    ]


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("", 0),
        ("permanent", 3),
        ("nopermanent", 3),
        ("static", 5),
        ("dynamic", 4),
        ("nostatic", 4),
        ("sticky", 5),
        ("extern_learn", 5),
        ("brport p0 nopermanent", 3),
        ("brport p0", 1),
    ],
)
def test_flush(bench, words, left):
    bench.ok("bridge fdb add 02:00:00:00:00:21 dev p0 master")
    bench.ok("bridge fdb add 02:00:00:00:00:22 dev p0 master static sticky")
    bench.ok("bridge fdb add 02:00:00:00:00:23 dev p0 master dynamic")
    bench.ok("bridge fdb add 02:00:00:00:00:24 dev p0 master extern_learn")
    assert len(entries(bench)) == 6
    bench.ok(f"bridge fdb flush dev br0 {words}")
    assert len(entries(bench)) == left


@pytest.mark.parametrize(
    ("line", "said", "status"),
    [
        ("bridge fdb nosuch", 'Command "nosuch" is unknown, try "bridge fdb help".\n', 255),
        ("bridge fdb add 02:00:00:00:00:21", "Device and address are required arguments.\n", 255),
        ("bridge fdb add 02:00:00:00:00 dev p0", "Invalid mac address 02:00:00:00:00\n", 255),
        ("bridge fdb add 02:00:00:00:00:21 dev no", 'Cannot find device "no"\n', 255),
        ("bridge fdb add 02:00:00:00:00:21 dev lo", "Error: FDB add only supported for Ethernet devices.\n", 255),
        ("bridge fdb del 02:00:00:00:00:21 dev lo", "Error: FDB delete only supported for Ethernet devices.\n", 255),
        ("bridge fdb add 02:00:00:00:00:21 dev p1 master", "RTNETLINK answers: Operation not supported\n", 255),
        ("bridge fdb add 02:00:00:00:00:21 dev p1 dynamic", "RTNETLINK answers: Invalid argument\n", 255),
        ("bridge fdb add 02:00:00:00:00:21 dev br0 static", "RTNETLINK answers: Invalid argument\n", 255),
        (
            "bridge fdb add 02:00:00:00:00:21 dev p0 master permanent sticky",
            "RTNETLINK answers: Invalid argument\n",
            255,
        ),
        ("bridge fdb del 02:00:00:00:00:21 dev br0", "RTNETLINK answers: No such file or directory\n", 255),
        ("bridge fdb del 02:00:00:00:01:00 dev br0", "RTNETLINK answers: No such file or directory\n", 255),
        ("bridge fdb get 02:00:00:00:00:21", "Device or master and address are required arguments.\n", 255),
        ("bridge fdb get 02:00:00:00:00:21 br no", 'Cannot find bridge device "no"\n', 255),
        ("bridge fdb get 02:00:00:00:00:21 dev p1", "Error: Device is not a bridge port.\n", 254),
        ("bridge fdb get 02:00:00:00:00:21 br p0", "Error: Fdb get operation not supported by device.\n", 254),
        ("bridge fdb get 02:00:00:00:00:21 dev p0 br br0", "Error: Master and device are mutually exclusive.\n", 254),
        ("bridge fdb show state no", 'Error: argument "no" is wrong: invalid state\n', 255),
        ("bridge fdb flush", "Device is a required argument.\n", 255),
        ("bridge fdb flush dev p0", "RTNETLINK answers: Operation not supported\n", 255),
        ("bridge fdb flush dev p1 master", "RTNETLINK answers: Operation not supported\n", 255),
        ("bridge fdb flush dev br0 brport p1", "Error: bridge: Flush device is not a bridge or bridge port.\n", 255),
        ("bridge fdb flush dev br0 brport no", 'Cannot find bridge port device "no"\n', 255),
    ],
)
def test_refusals_of_the_database(bench, line, said, status):
    assert bench.run(line) == (said, status)


def test_vlans_without_filtering(bench):
    assert bench.ok("bridge vlan") == "port              vlan-id  \n"
    assert bench.ok("bridge -j vlan show") == "[]\n"


def test_version_and_usage(bench):
    assert bench.ok("bridge -V") == "bridge utility, 6.1.0\n"
    assert bench.run("bridge")[0].startswith("Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }\n")


@pytest.mark.parametrize("line", ["ip -4 monitor link", "ip monitor neigh", "ip -4 monitor"])
def test_a_monitor_does_not_pretend_to_hear_a_bridge(bench, line):
    with pytest.raises(NotModelled, match="what a bridge tells"):
        bench.run(line)


def test_files_of_a_port_and_of_a_bridge(bench):
    assert bench.ok("cat /sys/class/net/p0/flags") == "0x1303\n"
    assert bench.ok("cat /sys/class/net/br0/operstate") == "up\n"
    for path in ("br0/bridge/ageing_time", "p0/brport/state"):
        with pytest.raises(NotModelled):
            bench.run(f"cat /sys/class/net/{path}")


@pytest.mark.parametrize(("words", "promiscuity"), [("-i v0", 1), ("-i v0 -p", 0), ("-i any", 0)])
def test_a_capture_makes_a_device_take_everything(lab, words, promiscuity):
    link = lab.a.netns.link("v0")
    capture = lab.begin(f"tcpdump {words} -n")
    assert link.promisc == promiscuity
    assert f"promiscuity {promiscuity} " in lab.said("ip -d link show v0")[0]
    capture.interrupt()
    lab.network.run_until(lambda: capture.done)
    assert link.promisc == 0
