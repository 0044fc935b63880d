"""``ip tunnel``, and ``ip link`` of IP-in-IP and GENEVE devices.

The kernel that judges elsewhere has neither. Texts about wrong words are those of the real tool; what it prints of devices is held
against the Calico sheet (1.5) and what iproute2 6.1.0 prints in its source.
"""

import pytest

from podwire.errors import NotModelled
from podwire.linux.netlink import Netlink
from tests.tools.ip.bench import Bench

QUEUES = "numtxqueues 1 numrxqueues 1 gso_max_size 65536 gso_max_segs 65535 tso_max_size 65536 tso_max_segs 65535 gro_max_size 65536 \n"


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def wired() -> Bench:
    """``x0`` with 10.0.0.1/24, up with carrier."""
    bench = Bench()
    for line in (
        "ip link add x0 type veth peer name x1",
        "ip link set x0 up",
        "ip link set x1 up",
        "ip addr add 10.0.0.1/24 dev x0",
    ):
        assert bench.run(line) == ("", 0)
    return bench


def said(bench: Bench, line: str) -> str:
    text, status = bench.run(line)
    assert status == 0, text
    return str(text)


# ------------------------------------------------------------------------------------------------------ the fallback


def test_tunl0_as_felix_makes_it_prints_as_on_the_calico_sheet(bench):
    """Felix runs ``ip tunnel add tunl0 mode ipip``: the ioctl loads the module, which makes the device; the answer is EEXIST."""
    assert bench.run("ip tunnel add tunl0 mode ipip") == ('add tunnel "tunl0" failed: File exists\n', 1)
    said(bench, "ip link set tunl0 mtu 1440")
    said(bench, "ip link set tunl0 up")
    said(bench, "ip addr add 192.168.1.1/32 dev tunl0")
    assert said(bench, "ip addr show tunl0") == (
        "2: tunl0@NONE: <NOARP,UP,LOWER_UP> mtu 1440 qdisc noqueue state UNKNOWN group default qlen 1000\n"
        "    link/ipip 0.0.0.0 brd 0.0.0.0\n"
        "    inet 192.168.1.1/32 scope global tunl0\n"
        "       valid_lft forever preferred_lft forever\n"
    )
    assert said(bench, "ip tunnel show") == "tunl0: any/ip remote any local any ttl inherit nopmtudisc\n"


def test_tunl0_in_detail(bench):
    Netlink(bench.machine.root.netns).modprobe("ipip")
    assert said(bench, "ip -d link show tunl0") == (
        "2: tunl0@NONE: <NOARP> mtu 1480 qdisc noop state DOWN mode DEFAULT group default qlen 1000\n"
        "    link/ipip 0.0.0.0 brd 0.0.0.0 promiscuity 0  allmulti 0 minmtu 0 maxmtu 0 \n"
        "    ipip any remote any local any ttl inherit nopmtudisc addrgenmode eui64 " + QUEUES
    )
    assert said(bench, "ip -br link show tunl0") == "tunl0@NONE       DOWN           0.0.0.0 <NOARP> \n"
    assert '"ifindex":2,"link":null,"ifname":"tunl0"' in said(bench, "ip -j link show tunl0")


def test_a_loaded_module_brings_tunl0_to_every_namespace_as_its_second_device(bench):
    said(bench, "ip netns add before")
    Netlink(bench.machine.root.netns).modprobe("ipip")
    said(bench, "ip netns add after")
    for name in ("before", "after"):
        lines = said(bench, f"ip -n {name} link").splitlines()
        assert [line for line in lines if line[0] != " "][1].startswith(
            "2: tunl0@NONE: <NOARP> mtu 1480 qdisc noop state DOWN"
        )


@pytest.mark.parametrize(("mode", "names"), [(0, ["a", "host"]), (1, ["host"]), (2, [])])
def test_fb_tunnels_only_for_init_net(bench, mode, names):
    said(bench, "ip netns add a")
    netns = bench.machine.root.netns
    Netlink(netns).sysctl_write("net/core/fb_tunnels_only_for_init_net", str(mode))
    Netlink(netns).modprobe("ipip")
    found = [label for label, each in bench.machine.netns.items() if each.link("tunl0") is not None]
    assert len(found) == len(names)
    assert ("host" in found) is ("host" in names)
    if mode == 2:
        assert bench.run("ip tunnel add tun mode ipip") == ('add tunnel "tunl0" failed: No such device\n', 1)
        # Without the fallback nobody has these ends.
        said(bench, "ip link add tun type ipip")


def test_tunl0_stays(bench):
    Netlink(bench.machine.root.netns).modprobe("ipip")
    assert bench.run("ip link del tunl0") == ("", 0)
    assert bench.run("ip tunnel del tunl0") == ('delete tunnel "tunl0" failed: Operation not permitted\n', 1)
    said(bench, "ip netns add a")
    assert bench.run("ip link set tunl0 netns a") == ("Error: The interface netns is immutable.\n", 2)
    assert bench.run("ip link set tunl0 address 02:00:00:00:00:01") == (
        "RTNETLINK answers: Operation not supported\n",
        2,
    )
    assert bench.run("ip link set tunl0 type ipip tos 4") == ("RTNETLINK answers: Invalid argument\n", 2)
    assert said(bench, "ip tunnel show").startswith("tunl0: ")


def test_a_device_that_has_the_name_already_keeps_the_module_out(bench):
    said(bench, "ip link add tunl0 type dummy")
    assert bench.run("ip link add t1 type ipip remote 10.0.0.2") == ("Error: Unknown device type.\n", 2)
    assert bench.machine.modules == []


def test_devices_of_other_kinds_know_nothing_of_it(wired):
    for line, what in (("change x0 mode ipip", "get"), ("del x0", "delete"), ("show lo mode ipip", "get")):
        name = line.split()[1]
        answer = (f'{what} tunnel "{name}" failed: Operation not supported\n', 1)
        assert wired.run(f"ip tunnel {line}") == answer


def test_tunl0_changes_by_its_ends(bench):
    Netlink(bench.machine.root.netns).modprobe("ipip")
    said(bench, "ip tunnel change mode ipip ttl 64 tos 0x10")
    assert said(bench, "ip tunnel show") == "tunl0: any/ip remote any local any ttl 64 tos 0x10\n"
    assert bench.run("ip tunnel change mode ipip remote 10.0.0.9") == (
        'add tunnel "tunl0" failed: No such file or directory\n',
        1,
    )


# ----------------------------------------------------------------------------------------------------- point to point


def test_a_device_with_ends(wired):
    said(wired, "ip tunnel add t1 mode ipip remote 10.0.0.2 local 10.0.0.1 dev x0 ttl 64")
    said(wired, "ip link set t1 up")
    assert said(wired, "ip -d link show t1") == (
        "5: t1@x0: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1480 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\n"
        "    link/ipip 10.0.0.1 peer 10.0.0.2 promiscuity 0  allmulti 0 minmtu 68 maxmtu 65515 \n"
        "    ipip ipip remote 10.0.0.2 local 10.0.0.1 dev x0 ttl 64 pmtudisc addrgenmode eui64 " + QUEUES
    )
    assert said(wired, "ip tunnel show t1") == "t1: ip/ip remote 10.0.0.2 local 10.0.0.1 dev x0 ttl 64\n"
    assert '"address":"10.0.0.1","link_pointtopoint":true,"broadcast":"10.0.0.2"' in said(wired, "ip -j link show t1")
    assert wired.run("ip link set t1 mtu 60") == ("Error: mtu less than device minimum.\n", 2)


def test_ip_link_makes_it_with_other_defaults(wired):
    said(wired, "ip link add t1 type ipip remote 10.0.0.2")
    # The module came first, and tunl0 with it.
    assert said(wired, "ip -d link show t1") == (
        "5: t1@NONE: <POINTOPOINT,NOARP> mtu 1480 qdisc noop state DOWN mode DEFAULT group default qlen 1000\n"
        "    link/ipip 0.0.0.0 peer 10.0.0.2 promiscuity 0  allmulti 0 minmtu 0 maxmtu 0 \n"
        "    ipip any remote 10.0.0.2 local any ttl inherit pmtudisc addrgenmode eui64 " + QUEUES
    )
    said(wired, "ip link set t1 type ipip mode ipip ttl 9 tos 0x20")
    assert said(wired, "ip tunnel show t1") == "t1: any/ip remote 10.0.0.2 local any ttl 9 tos CS1\n"
    assert wired.run("ip link set t1 mtu 60") == ("RTNETLINK answers: Invalid argument\n", 2)
    assert wired.run("ip link set t1 type ipip remote any") == ("RTNETLINK answers: Invalid argument\n", 2)


def test_an_external_device(bench):
    said(bench, "ip link add md type ipip external")
    assert "    ipip external any remote any local any ttl inherit pmtudisc " in said(bench, "ip -d link show md")
    assert bench.run("ip link add md2 type ipip external") == ("RTNETLINK answers: File exists\n", 2)


def test_the_mtu_leaves_room_on_the_way_to_the_remote(wired):
    said(wired, "ip link set x0 mtu 1400")
    said(wired, "ip tunnel add t1 mode ipip remote 10.0.0.2")
    said(wired, "ip tunnel add t2 mode ipip remote 172.16.0.1")
    said(wired, "ip tunnel add t3 mode ipip remote 172.16.0.2 dev x0")
    said(wired, "ip link add t4 mtu 20 type ipip remote 172.16.0.3")
    said(wired, "ip tunnel add t5 mode ipip dev x0")
    said(wired, "ip tunnel add t6 mode ipip remote 172.16.0.6")
    said(wired, "ip tunnel change t6 dev x0")
    sizes = {line.split()[1]: line.split("mtu ")[1].split()[0] for line in said(wired, "ip -o link").splitlines()}
    assert {name: sizes[name] for name in ("t1@NONE:", "t2@NONE:", "t3@x0:", "t4@NONE:", "t5@x0:", "t6@x0:")} == {
        "t1@NONE:": "1380",
        "t2@NONE:": "1480",
        "t3@x0:": "1380",
        "t4@NONE:": "68",
        "t5@x0:": "1380",
        "t6@x0:": "1380",
    }


def test_two_devices_with_the_same_ends(wired):
    said(wired, "ip tunnel add t1 mode ipip remote 10.0.0.2")
    assert wired.run("ip tunnel add t2 mode ipip remote 10.0.0.2") == ('add tunnel "tunl0" failed: File exists\n', 1)
    assert wired.run("ip link add t2 type ipip remote 10.0.0.2") == ("RTNETLINK answers: File exists\n", 2)
    said(wired, "ip tunnel add t2 mode ipip remote 10.0.0.2 dev x0")
    assert wired.run("ip tunnel change t2 mode ipip remote 10.0.0.2 local 10.0.0.1")[1] == 0
    assert wired.run("ip tunnel change t2 remote 10.0.0.2 local any dev x0") == ("", 0)
    said(wired, "ip tunnel add t3 mode ipip remote 10.0.0.3")
    assert wired.run("ip tunnel change t3 remote 10.0.0.2") == ('add tunnel "t3" failed: File exists\n', 1)
    said(wired, "ip tunnel del t1")
    assert "t1" not in said(wired, "ip tunnel")


def test_change_keeps_what_is_not_said(wired):
    said(wired, "ip tunnel add t1 mode ipip remote 10.0.0.2 ttl 5")
    said(wired, "ip tunnel change t1 tos inherit")
    assert said(wired, "ip tunnel show t1") == "t1: ip/ip remote 10.0.0.2 local any ttl 5 tos inherit\n"
    said(wired, "ip tunnel change t1 tos inherit/0x10")
    assert said(wired, "ip tunnel show t1").endswith(" tos inherit/0x10\n")
    assert wired.run("ip tunnel change t1 remote any local 10.0.0.1") == (
        'add tunnel "t1" failed: Invalid argument\n',
        1,
    )


def test_a_local_address_makes_an_ipv6_one():
    bench = Bench(ipv6=True)
    for line in (
        "ip link add x0 type veth peer name x1",
        "ip tunnel add t1 mode ipip remote 8.8.8.8 local 9.9.9.9",
        "ip link set t1 up",
    ):
        said(bench, line)
    assert "    inet6 fe80::200:5efe:909:909/64 scope link \n" in said(bench, "ip addr show t1")


def test_the_table_of_counters_and_the_text_for_machines(wired):
    said(wired, "ip tunnel add t1 mode ipip remote 10.0.0.2 ttl 64")
    assert said(wired, "ip -s tunnel show remote 10.0.0.2") == (
        "t1: ip/ip remote 10.0.0.2 local any ttl 64\n"
        "RX: Packets    Bytes        Errors CsumErrs OutOfSeq Mcasts\n"
        "    0          0            0      0        0        0       \n"
        "TX: Packets    Bytes        Errors DeadLoop NoRoute  NoBufs\n"
        "    0          0            0      0        0        0     \n"
    )
    assert said(wired, "ip -j tunnel") == (
        '[{"ifname":"tunl0","mode":"any/ip","remote":"0.0.0.0","local":"0.0.0.0","nopmtudisc":null}\n'
        ',{"ifname":"t1","mode":"ip/ip","remote":"10.0.0.2","local":"0.0.0.0","ttl":64}\n]\n'
    )


def test_show_selects(wired):
    said(wired, "ip tunnel add t1 mode ipip remote 10.0.0.2 local 10.0.0.1")
    said(wired, "ip tunnel add t2 mode ipip remote 10.0.0.3 dev x0")
    names = {
        words: [line.partition(":")[0] for line in said(wired, f"ip tunnel show {words}").splitlines()]
        for words in ("", "remote 10.0.0.2", "local 10.0.0.1", "local 10.0.0.9", "dev x0", "t2")
    }
    assert names == {
        "": ["tunl0", "t1", "t2"],
        "remote 10.0.0.2": ["t1"],
        "local 10.0.0.1": ["t1"],
        "local 10.0.0.9": [],
        "dev x0": ["t2"],
        "t2": ["t2"],
    }


def test_the_neighbour_of_a_device_with_ends_is_one_for_all(wired):
    said(wired, "ip tunnel add t1 mode ipip remote 10.0.0.2 local 10.0.0.1")
    said(wired, "ip link set t1 up")
    said(wired, "ip route add 10.9.0.0/24 dev t1")
    wired.run("ping -c1 -W1 10.9.0.9")
    assert said(wired, "ip neigh show nud all dev t1") == "0.0.0.0 lladdr 10.0.0.1 NOARP \n"


# --------------------------------------------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("add foo", ("cannot determine tunnel mode (ipip, gre, vti or sit)\n", 1)),
        ("add foo mode ipip remote x", ('Error: an IP address is expected rather than "x"\n', 1)),
        ("add foo mode ipip remote 10.0.0.1 ttl 300", ('Error: argument "300" is wrong: invalid TTL\n\n', 255)),
        ("add foo mode ipip remote 10.0.0.1 ttl 5 nopmtudisc", ("ttl != 0 and nopmtudisc are incompatible\n", 1)),
        ("add foo mode ipip remote 10.0.0.1 dev nope", ('Cannot find device "nope"\n', 1)),
        ("add foo mode xx", ('Unknown tunnel mode "xx"\n', 255)),
        ("add foo bar mode ipip", ('Error: either "name" is duplicate, or "bar" is a garbage.\n', 255)),
        ("add foo mode ipip mode gre", ("You managed to ask for more than one tunnel mode.\n", 255)),
        ("add foo mode ipip key 5", ("Keys are not allowed with ipip and sit tunnels\n", 1)),
        ("add foo mode ipip remote 224.0.0.1", ("A broadcast tunnel requires a source address\n", 1)),
        ("add foo mode ipip tos zz", ('Error: argument "zz" is wrong: bad TOS value\n', 255)),
        ("add a/b mode ipip", ('Error: argument "a/b" is wrong: "name" not a valid ifname\n', 255)),
        ("add foo mode", ('Command line is not complete. Try option "help"\n', 255)),
        ("change foo mode ipip", ('get tunnel "foo" failed: No such device\n', 1)),
        ("del foo", ('delete tunnel "foo" failed: No such device\n', 1)),
        ("show foo", ("", 0)),
        ("blah", ('Command "blah" is unknown, try "ip tunnel help"\n', 255)),
    ],
)
def test_the_real_tools_complaints(bench, words, answer):
    assert bench.run(f"ip tunnel {words}") == answer


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("geneve", ("Error: Not enough attributes provided to perform the operation.\n", 2)),
        ("geneve id 5", ("geneve: remote link partner not specified\n", 1)),
        ("geneve udpcsum", ("geneve: missing virtual network identifier\n", 1)),
        ("geneve id 99999999", ('Error: argument "99999999" is wrong: invalid id\n', 255)),
        ("geneve id 5 remote 224.0.0.1", ('Error: argument "224.0.0.1" is wrong: invalid remote address\n', 255)),
        ("geneve external id 5", ("geneve: both 'external' and vni cannot be specified\n", 1)),
        ("geneve id 5 id 6", ('Error: either "id" is duplicate, or "6" is a garbage.\n', 255)),
        ("geneve id 5 remote 10.0.0.1 ttl 300", ('Error: argument "300" is wrong: TTL must be <= 255\n', 255)),
        (
            "geneve id 5 remote 10.0.0.1 df zz",
            ("Error: argument \"zz\" is wrong: DF must be 'unset', 'set' or 'inherit'\n", 255),
        ),
        ("geneve id 5 remote 10.0.0.1 dstport 70000", ('Error: argument "70000" is wrong: dstport\n', 255)),
        (
            "geneve id 5 remote 10.0.0.1 external noexternal",
            ('Error: either "noexternal" is duplicate, or "noexternal" is a garbage.\n', 255),
        ),
        ("ipip remote x", ('Error: inet address is expected rather than "x".\n', 1)),
        ("ipip mode x", ('Error: argument "x" is wrong: Cannot guess tunnel mode.\n', 255)),
        ("ipip dev nope", ('Cannot find device "nope"\n', 255)),
        ("ipip ttl 300", ('Error: argument "300" is wrong: invalid TTL\n\n', 255)),
        ("ipip ttl 4 nopmtudisc", ("ttl != 0 and nopmtudisc are incompatible\n", 255)),
        ("ipip encap zz", ('Error: argument "zz" is wrong: Invalid encap type.\n', 255)),
        ("ipip fwmark x", ('Error: argument "x" is wrong: invalid fwmark\n\n', 255)),
    ],
)
def test_the_real_tools_complaints_about_options(bench, words, answer):
    assert bench.run(f"ip link add g type {words}") == answer
    assert bench.machine.root.netns.link("g") is None


@pytest.mark.parametrize(
    "line",
    [
        "ip tunnel add tun mode gre remote 10.0.0.1",
        "ip tunnel add tun mode ipip remote 224.0.0.1 local 10.0.0.1",
        "ip -6 tunnel show",
        "ip link add tun type ipip remote 10.0.0.1 encap fou",
        "ip link add tun type ipip mode mplsip",
        "ip link add tun type geneve id 5 remote 10.0.0.1 innerprotoinherit",
        "ip link add tun type geneve id 5 remote fd00::1",
    ],
)
def test_what_is_not_modelled_says_so(bench, line):
    with pytest.raises(NotModelled):
        bench.run(line)
    assert bench.machine.root.netns.link("tun") is None


# ---------------------------------------------------------------------------------------------------------------- GENEVE


def test_geneve_devices_in_detail(wired):
    said(wired, "ip link add g0 address 02:00:00:00:00:07 type geneve id 3258 remote 10.0.0.2")
    assert said(wired, "ip -d link show g0") == (
        "4: g0: <BROADCAST,MULTICAST> mtu 1450 qdisc noop state DOWN mode DEFAULT group default qlen 1000\n"
        "    link/ether 02:00:00:00:00:07 brd ff:ff:ff:ff:ff:ff promiscuity 0  allmulti 0 minmtu 68 maxmtu 65485 \n"
        "    geneve id 3258 remote 10.0.0.2 ttl auto dstport 6081 noudpcsum udp6zerocsumrx addrgenmode eui64 " + QUEUES
    )
    said(wired, "ip link add cilium_geneve address 02:00:00:00:00:08 type geneve external dstport 6082")
    assert "    geneve external id 0 ttl auto dstport 6082 udp6zerocsumrx addrgenmode eui64 " in said(
        wired, "ip -d link show cilium_geneve"
    )
    said(wired, "ip link add g1 type geneve id 7 remote 10.0.0.2 ttl inherit tos 0x10 df inherit udpcsum")
    detail = said(wired, "ip -d link show g1")
    assert (
        "    geneve id 7 remote 10.0.0.2 ttl inherit tos 0x10 df inherit dstport 6081 udpcsum udp6zerocsumrx " in detail
    )


def test_a_zero_checksum_for_ipv6_takes_away_that_of_ipv4_which_is_the_same_bit(wired):
    said(wired, "ip link add g0 type geneve id 7 remote 10.0.0.2 udpcsum udp6zerocsumtx")
    assert " dstport 6081 noudpcsum udp6zerocsumrx " in said(wired, "ip -d link show g0")


def test_geneve_devices_change(wired):
    said(wired, "ip link add g0 type geneve id 7 remote 10.0.0.2 ttl inherit")
    said(wired, "ip link set g0 type geneve id 7 ttl 9 df set")
    assert "    geneve id 7 remote 10.0.0.2 ttl 9 df set dstport 6081 " in said(wired, "ip -d link show g0")
    refused = "Error: Changing VNI, Port, endpoint IP address family, external, inner_proto_inherit, and UDP checksum attributes are not supported.\n"
    for words in ("id 8", "id 7 dstport 7000", "id 7 udpcsum"):
        assert wired.run(f"ip link set g0 type geneve {words}") == (refused, 2)


# ------------------------------------------------------------------------------------------------------ collect metadata


@pytest.fixture
def external() -> Bench:
    """Namespaces ``a`` and ``b``: 10.8.0.1 and 10.8.0.2 behind GENEVE, 10.9.0.1 and 10.9.0.2 behind IP in IP, both ``external``."""
    bench = Bench()
    bench.ok("ip netns add a")
    bench.ok("ip netns add b")
    bench.ok("ip link add e0 netns a type veth peer name e0 netns b")
    for name, own, other in (("a", 1, 2), ("b", 2, 1)):
        for line in (
            "link set e0 up",
            f"addr add 10.0.0.{own}/24 dev e0",
            f"link add g address 02:00:00:00:00:0{own} type geneve external",
            "link set g mtu 1400 up",
            f"addr add 10.8.0.{own}/32 dev g",
            f"neigh add 10.8.0.{other} lladdr 02:00:00:00:00:0{other} dev g",
            f"route add 10.8.0.{other} encap ip id 5 dst 10.0.0.{other} ttl 64 dev g",
            "link add md type ipip external",
            "link set md up",
            f"addr add 10.9.0.{own}/32 dev md",
            f"route add 10.9.0.{other} encap ip dst 10.0.0.{other} ttl 9 dev md",
        ):
            bench.ok(f"ip -n {name} {line}")
    return bench


@pytest.mark.parametrize("remote", ["10.8.0.2", "10.9.0.2"])
@pytest.mark.parametrize("size", ["56", "2000"])
def test_a_route_brings_what_an_external_device_needs_and_fragments_keep_it(external, remote, size):
    inside = external.machine.root.in_netns(external.machine.netns_names["a"])
    text, status = external.run(f"ping -c1 -W1 -M dont -s {size} {remote}", inside)
    assert status == 0, text
    assert "1 received" in text


def test_what_needs_a_mac_address_is_refused(wired):
    said(wired, "ip tunnel add t1 mode ipip remote 10.0.0.2 local 10.0.0.1")
    said(wired, "ip link set t1 up")
    said(wired, "ip link add br0 type bridge")
    assert wired.run("ip link set t1 master br0") == ("RTNETLINK answers: Invalid argument\n", 2)
    assert wired.run("bridge fdb add 02:00:00:00:00:09 dev t1 self") == (
        "Error: FDB add only supported for Ethernet devices.\n",
        255,
    )
    for line in (
        "ip neigh add 10.9.0.9 lladdr 02:00:00:00:00:01 dev t1",
        "ip link set t1 arp on",
        "ip link set t1 broadcast ff:ff:ff:ff:ff:ff",
    ):
        with pytest.raises(NotModelled):
            wired.run(line)


def test_sysfs_tells_its_ends(wired):
    said(wired, "ip tunnel add t1 mode ipip remote 10.0.0.2 local 10.0.0.1 dev x0")
    values = {
        name: said(wired, f"cat /sys/class/net/t1/{name}").strip()
        for name in ("address", "broadcast", "addr_len", "flags", "iflink", "type")
    }
    assert values == {
        "address": "0a:00:00:01",
        "broadcast": "0a:00:00:02",
        "addr_len": "4",
        "flags": "0x90",
        "iflink": said(wired, "cat /sys/class/net/x0/ifindex").strip(),
        "type": "768",
    }
