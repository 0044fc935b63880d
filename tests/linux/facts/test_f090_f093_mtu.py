"""F90 to F93 without VXLAN: MTUs of pods, nodes and the way between (kernel sheet, section 3; recorded/mtu.out)."""

from errno import EMSGSIZE

import msgspec
import pytest

from podwire.linux.fib import RT_TABLE_MAIN
from podwire.linux.netlink import Netlink
from podwire.linux.path.route import Dst, ip_route_output
from podwire.linux.socket import PMTUDISC_DO, PMTUDISC_DONT, PMTUDISC_WANT, SocketError
from podwire.trace.events import Dropped, Fragmented, IcmpSent, Reassembled, Transmitted
from podwire.wire.addr import Ip4
from podwire.wire.headers import Ethernet, Icmp, IPv4
from podwire.wire.packet import Packet, Quoted
from tests.linux.lab import GATEWAY_MAC, NODE1_MAC, Lab, Ping, calico_same_node, two_nodes

POD1 = "192.168.1.11"
POD2 = "192.168.2.12"
NODE1 = "10.0.0.23"


def set_mtu(lab: Lab, *places: str, mtu: int) -> None:
    for where in places:
        link = lab.link(where)
        Netlink(link.netns).link_set_mtu(link, mtu)


def ping(lab: Lab, name: str, dst: str, size: int, discover: int) -> Ping:
    """``ping -s SIZE -M do|dont|want``; refused sends are noted in ``refused``."""
    probe = lab.ping(name, dst, count=0, size=size)
    probe.socket.pmtudisc = discover
    probe.send(1)
    lab.run(1)
    return probe


def sent(lab: Lab, where: str) -> list[tuple[int, int, int, bool, bool]]:
    """IP length, TTL, offset in bytes, MF and DF of every IPv4 packet that left by a device."""
    name, _, dev = where.partition(":")
    found = []
    for record in lab.events(Transmitted, name):
        ip = record.event.frame.find(IPv4)
        if record.event.dev == dev and ip is not None:
            found.append((record.event.frame.size - 14, ip.ttl, ip.frag * 8, ip.mf, ip.df))
    return found


def route(lab: Lab, name: str, dst: str) -> Dst:
    return ip_route_output(lab[name], Ip4.parse(dst))


def narrow(mtu: int = 1000) -> Lab:
    """pod1 (1500) - node - gw, the last link with a smaller MTU."""
    lab = calico_same_node()
    set_mtu(lab, "node:eth0", "gw:eth0", mtu=mtu)
    lab.route("gw", f"{POD1} via 10.0.0.23 dev eth0")
    lab.ping("pod1", "10.0.0.1")
    lab.run(1)
    lab.restart()
    return lab


def test_f090_a_packet_of_exactly_the_mtu_passes_one_byte_more_is_a_local_error() -> None:
    lab = two_nodes()
    set_mtu(lab, "pod1:eth0", "node1:cali111", "pod2:eth0", "node2:cali222", mtu=1450)
    assert ping(lab, "pod1", POD2, 1450 - 28, PMTUDISC_DO).replies == [(1, 62)]
    lab.restart()
    refused = ping(lab, "pod1", POD2, 1451 - 28, PMTUDISC_DO)
    assert refused.refused == [EMSGSIZE]
    assert sent(lab, "pod1:eth0") == []
    with pytest.raises(SocketError) as caught:
        refused.socket.send(Ip4.parse(POD2), Icmp(8), bytes(1451 - 28))
    assert (caught.value.errno, caught.value.mtu) == (EMSGSIZE, 1450)


def test_f090_without_df_the_pod_cuts_2028_bytes_into_1444_and_604() -> None:
    lab = two_nodes()
    set_mtu(lab, "pod1:eth0", "node1:cali111", "pod2:eth0", "node2:cali222", mtu=1450)
    assert ping(lab, "pod1", POD2, 2000, PMTUDISC_DONT).replies == [(1, 62)]
    assert sent(lab, "pod1:eth0") == [(1444, 64, 0, True, False), (604, 64, 1424, False, False)]
    assert sent(lab, "pod2:eth0")[-2:] == [(1444, 64, 0, True, False), (604, 64, 1424, False, False)]


@pytest.mark.parametrize(
    ("payload", "lengths"),
    [
        # Measured (Linux 6.18): only a piece that is not the last has to be a multiple of 8.
        (1422, [1450]),
        (1424, [1444, 28]),
        (2844, [1444, 1448]),
        (2846, [1444, 1450]),
        (2848, [1444, 1444, 28]),
    ],
)
def test_f090_the_last_piece_may_fill_the_mtu(payload: int, lengths: list[int]) -> None:
    lab = two_nodes()
    set_mtu(lab, "pod1:eth0", "node1:cali111", "pod2:eth0", "node2:cali222", mtu=1450)
    assert ping(lab, "pod1", POD2, payload, PMTUDISC_DONT).replies == [(1, 62)]
    assert [piece[0] for piece in sent(lab, "pod1:eth0")] == lengths


def test_f091_the_node_answers_frag_needed_and_the_pod_remembers() -> None:
    lab = narrow()
    first = ping(lab, "pod1", "10.0.0.1", 1400, PMTUDISC_DO)
    assert first.errors == [("3/4", NODE1, 1)]
    error = next(r.event.frame for r in lab.events(Transmitted, "node") if r.event.frame.find(Icmp) is not None)
    ip, icmp = error.find(IPv4), error.find(Icmp)
    assert ip is not None
    assert icmp is not None
    assert (icmp.type, icmp.code, icmp.mtu) == (3, 4, 1000)
    assert (str(ip.src), ip.ttl, ip.tos, ip.df, error.size - 14) == (NODE1, 64, 0xC0, False, 576)
    assert isinstance(error.payload, Quoted)
    quote = error.payload.packet.layers[0]
    assert isinstance(quote, IPv4)
    assert (error.payload.length, quote.ttl, quote.df) == (548, 64, True)
    # cache expires 599sec mtu 1000
    exception = lab.learned("pod1")[Ip4.parse("10.0.0.1")]
    assert exception.mtu == 1000
    assert exception.expires == pytest.approx(lab.network.now + 599e9, abs=1e9)
    assert route(lab, "pod1", "10.0.0.1").effective_mtu == 1000
    assert route(lab, "pod1", POD2).effective_mtu == 1500
    second = ping(lab, "pod1", "10.0.0.1", 1400, PMTUDISC_DO)
    assert second.refused == [EMSGSIZE]
    assert ping(lab, "pod1", "10.0.0.1", 973, PMTUDISC_DO).refused == [EMSGSIZE]
    assert ping(lab, "pod1", "10.0.0.1", 972, PMTUDISC_DO).replies == [(1, 63)]


def test_f091_the_path_mtu_is_forgotten_after_600_seconds() -> None:
    lab = narrow()
    ping(lab, "pod1", "10.0.0.1", 1400, PMTUDISC_DO)
    lab.run(598)
    assert ping(lab, "pod1", "10.0.0.1", 1400, PMTUDISC_DO).refused == [EMSGSIZE]
    lab.run(1)
    assert ping(lab, "pod1", "10.0.0.1", 1400, PMTUDISC_DO).errors == [("3/4", NODE1, 1)]


def test_f091_with_want_the_pod_cuts_to_the_path_mtu_once_it_knows_it() -> None:
    lab = narrow()
    assert ping(lab, "pod1", "10.0.0.1", 1400, PMTUDISC_WANT).errors == [("3/4", NODE1, 1)]
    lab.restart()
    assert ping(lab, "pod1", "10.0.0.1", 1400, PMTUDISC_WANT).replies == [(1, 63)]
    assert sent(lab, "pod1:eth0") == [(996, 64, 0, True, False), (452, 64, 976, False, False)]


@pytest.mark.parametrize("change", ["add", "replace", "address", "mtu"])
def test_f091_what_was_learned_survives_changes_of_other_routes_and_devices(change: str) -> None:
    # Measured (Linux 6.18, oracle script pmtu_routes).
    lab = narrow()
    ping(lab, "pod1", "10.0.0.1", 1400, PMTUDISC_DO)
    if change == "add":
        lab.route("pod1", "10.77.0.0/16 via 169.254.1.1 dev eth0")
    elif change == "replace":
        default = next(r for r in lab["pod1"].tables[RT_TABLE_MAIN] if r.dst.plen == 0)
        lab.door("pod1").route_add(default, exclusive=False, replace=True)
    elif change == "address":
        lab.addr("pod1:eth0", "10.55.0.1/24")
    else:
        set_mtu(lab, "pod1:eth0", mtu=1400)
    assert route(lab, "pod1", "10.0.0.1").effective_mtu == 1000


def test_f091_what_was_learned_goes_with_the_last_route_of_its_next_hop() -> None:
    # Measured (Linux 6.18, oracle script pmtu_routes): the same route, deleted and added, knows nothing.
    lab = narrow()
    ping(lab, "pod1", "10.0.0.1", 1400, PMTUDISC_DO)
    lab.route_del("pod1", "default")
    lab.route("pod1", "default via 169.254.1.1 dev eth0")
    assert route(lab, "pod1", "10.0.0.1").effective_mtu == 1500
    assert lab["pod1"].exceptions == {}


@pytest.mark.parametrize(("kind", "is_learned"), [(8, False), (0, True)])
def test_f091_a_frag_needed_about_a_packet_that_no_socket_sent_is_believed_only_for_echo_replies(
    kind: int, is_learned: bool
) -> None:
    # Measured (Linux 6.18): icmp_err hands everything but echo replies to the sockets.
    lab = narrow()
    pod = lab["pod1"]
    frame = Packet(
        (IPv4(Ip4.parse(POD1), Ip4.parse("10.0.0.1"), 1, df=True, id=9), Icmp(kind, 0, 0x50001)), bytes(1400)
    )
    mac = lab.entry("pod1:eth0", "169.254.1.1").mac
    lab.inject("pod1:eth0", frame.push(Ethernet(mac, lab.link("pod1:eth0").mac)))
    assert [r.event.code for r in lab.events(IcmpSent)] == [4]
    assert bool(pod.exceptions) is is_learned


def test_f091_an_mtu_below_552_is_not_believed_but_locks_552() -> None:
    lab = narrow(300)
    ping(lab, "pod1", "10.0.0.1", 1400, PMTUDISC_DO)
    exception = lab.learned("pod1")[Ip4.parse("10.0.0.1")]
    assert (exception.mtu, exception.locked) == (552, True)
    # ip_dont_fragment: a locked MTU leaves DF out, so the node may cut further.
    lab.restart()
    assert ping(lab, "pod1", "10.0.0.1", 400, PMTUDISC_WANT).replies == [(1, 63)]
    assert sent(lab, "pod1:eth0") == [(428, 64, 0, False, False)]
    assert [piece[0] for piece in sent(lab, "node:eth0")] == [300, 148]


def test_f091_frag_needed_is_never_rate_limited() -> None:
    # Measured (Linux 6.18): 20 of 20 at once (icmpv4_mask_allow: path MTU discovery).
    lab = narrow()
    for seq in range(20):
        probe = lab.ping("pod1", f"10.0.1.{seq}", count=0, size=1400)
        probe.socket.pmtudisc = PMTUDISC_DO
        probe.send(1)
    sends = [r.event for r in lab.events(IcmpSent, "node")]
    assert len(sends) == 20
    assert all(event.id for event in sends)


def test_f092_without_df_the_node_cuts_and_the_addressee_joins() -> None:
    lab = narrow(1450)
    assert ping(lab, "pod1", "10.0.0.1", 1500 - 28, PMTUDISC_DONT).replies == [(1, 63)]
    assert sent(lab, "pod1:eth0") == [(1500, 64, 0, False, False)]
    assert sent(lab, "node:eth0")[:2] == [(1444, 63, 0, True, False), (76, 63, 1424, False, False)]
    fragmented, joined = lab.events(Fragmented, "node"), lab.events(Reassembled, "gw")
    assert isinstance(fragmented[0].event, Fragmented)
    assert fragmented[0].event.mtu == 1450
    assert tuple(r.packet for r in joined) == fragmented[0].event.ids


def test_f092_fragments_of_fragments_keep_mf() -> None:
    lab = narrow(1450)
    assert ping(lab, "pod1", "10.0.0.1", 3000, PMTUDISC_DONT).replies == [(1, 63)]
    assert sent(lab, "pod1:eth0") == [
        (1500, 64, 0, True, False),
        (1500, 64, 1480, True, False),
        (68, 64, 2960, False, False),
    ]
    assert sent(lab, "node:eth0")[:5] == [
        (1444, 63, 0, True, False),
        (76, 63, 1424, True, False),
        (1444, 63, 1480, True, False),
        (76, 63, 2904, True, False),
        (68, 63, 2960, False, False),
    ]


def test_f093_a_route_with_its_own_mtu() -> None:
    """recorded/mtu.out: ``mtu lock 900`` on the sender's route."""
    lab = narrow(1500)
    pod = lab["pod1"]
    default = next(r for r in pod.table(RT_TABLE_MAIN).dump() if r.dst.plen == 0)
    lab.route_del("pod1", "default")
    lab.door("pod1").route_add(msgspec.structs.replace(default, metrics=(("mtu", 900),), locked=frozenset({"mtu"})))
    assert ping(lab, "pod1", "10.0.0.1", 1000, PMTUDISC_DO).refused == [EMSGSIZE]
    lab.restart()
    assert ping(lab, "pod1", "10.0.0.1", 872, PMTUDISC_WANT).replies == [(1, 63)]
    assert sent(lab, "pod1:eth0") == [(900, 64, 0, False, False)]


def test_f092_a_missing_piece_ends_in_a_timeout_that_the_sender_hears_of() -> None:
    lab = narrow(1450)
    first = Packet(
        (IPv4(Ip4.parse("10.0.0.23"), Ip4.parse("10.0.0.1"), 1, id=7, mf=True), Icmp(8, 0, 1, checksum=1)), bytes(8)
    )
    lab.inject("node:eth0", first.push(Ethernet(lab.link("gw:eth0").mac, lab.link("node:eth0").mac)))
    lab.run(29)
    assert lab.events(IcmpSent, "gw") == []
    lab.run(2)
    sends = [r.event for r in lab.events(IcmpSent, "gw")]
    assert [(event.type, event.code, str(event.to)) for event in sends] == [(11, 1, "10.0.0.23")]
    assert ("ip_expire", "FRAG_REASM_TIMEOUT") in lab.drops("gw")


def test_finding_20_a_veth_whose_other_end_has_a_smaller_mtu_loses_in_silence() -> None:
    """recorded/mtu.out; 4 bytes more than the MTU still pass (room for a VLAN tag)."""
    lab = Lab()
    lab.machine("a")
    lab.netns("a", "b")
    lab.veth("a:v0", NODE1_MAC, "b:v1", GATEWAY_MAC)
    lab.addr("a:v0", "10.0.0.1/24")
    lab.addr("b:v1", "10.0.0.2/24")
    lab.ping("a", "10.0.0.2")
    lab.run(1)
    set_mtu(lab, "b:v1", mtu=1000)
    lab.restart()
    assert ping(lab, "a", "10.0.0.2", 1004 - 28, PMTUDISC_DO).replies == [(1, 64)]
    lost = ping(lab, "a", "10.0.0.2", 1005 - 28, PMTUDISC_DO)
    assert (lost.replies, lost.errors) == ([], [])
    assert [(where, reason) for where, reason in lab.drops()] == [("veth_xmit", "PKT_TOO_BIG")]
    assert lab.link("a:v0").stats.tx_dropped == 1
    assert lab.link("b:v1").stats.rx_dropped == 1
    drop = next(r.event for r in lab.events(Dropped))
    assert "b:v1" in str(drop.by)
