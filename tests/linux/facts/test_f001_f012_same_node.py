"""Sections 1.1 and 1.2: a cold ping between two Calico pods of one node, and the neighbour tables it leaves behind."""

from podwire.trace.events import Created, NeighbourChanged, Received, Transmitted
from podwire.wire.addr import BROADCAST, NO_MAC, Mac
from podwire.wire.headers import Arp, Ethernet, IPv4
from tests.linux.lab import CALI, POD1_MAC, POD2_MAC, Lab, calico_same_node

COLD = """\
TX pod1:eth0 B who-has 169.254.1.1 tell 192.168.1.11
TX node:cali111 reply 169.254.1.1 is-at ee:ee:ee:ee:ee:ee
TX pod1:eth0 echo request seq 1 ttl 64 DF
TX node:cali222 B who-has 192.168.1.12 tell 10.0.0.23
TX pod2:eth0 reply 192.168.1.12 is-at e6:0e:ad:ba:c4:77
TX node:cali222 echo request seq 1 ttl 63 DF
TX pod2:eth0 B who-has 169.254.1.1 tell 192.168.1.12
TX node:cali222 reply 169.254.1.1 is-at ee:ee:ee:ee:ee:ee
TX pod2:eth0 echo reply seq 1 ttl 64
TX node:cali111 echo reply seq 1 ttl 63
""".splitlines()

WARM = """\
TX pod1:eth0 echo request seq {0} ttl 64 DF
TX node:cali222 echo request seq {0} ttl 63 DF
TX pod2:eth0 echo reply seq {0} ttl 64
TX node:cali111 echo reply seq {0} ttl 63
"""

LATE = """\
TX node:cali111 U who-has 192.168.1.11 tell 10.0.0.23
TX pod1:eth0 reply 192.168.1.11 is-at 32:ae:50:1c:7c:42
""".splitlines()


def arps(lab: Lab, place: str) -> list[tuple[Ethernet, Arp]]:
    """The ARP frames that a device transmitted."""
    found = []
    for frame in lab.frames(place):
        arp, eth = frame.find(Arp), frame.find(Ethernet)
        if arp is not None and eth is not None:
            found.append((eth, arp))
    return found


def test_golden_sequence_of_three_pings_and_the_late_probe() -> None:
    lab = calico_same_node()
    ping = lab.ping("pod1", "192.168.1.12", count=3)
    lab.run(30)
    warm = [line for seq in (2, 3) for line in WARM.format(seq).splitlines()]
    assert lab.sequence()[:20] == [*COLD, *warm, *LATE]
    assert ping.replies == [(1, 63), (2, 63), (3, 63)]


def test_every_transmission_on_a_veth_is_received_by_its_peer_at_once() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12")
    peer = {"pod1:eth0": "node:cali111", "pod2:eth0": "node:cali222"}
    peer |= {value: key for key, value in peer.items()}
    pending: list[tuple[str, int]] = []
    for record in lab.records:
        if isinstance(record.event, Transmitted):
            pending.append((peer[f"{record.netns}:{record.event.dev}"], record.packet))
        elif isinstance(record.event, Received):
            assert pending.pop(0) == (f"{record.netns}:{record.event.dev}", record.packet)
    assert pending == []


def test_f01_forty_cold_runs_give_one_order() -> None:
    orders = set()
    for seed in range(40):
        lab = calico_same_node(seed)
        lab.run(seed / 7)
        lab.restart()
        lab.ping("pod1", "192.168.1.12")
        orders.add(tuple(lab.sequence()))
    assert orders == {tuple(COLD)}


def test_f01_the_whole_exchange_runs_inside_the_sendto_of_ping() -> None:
    lab = calico_same_node()
    ping = lab.ping("pod1", "192.168.1.12")
    assert ping.replies == [(1, 63)], "without the clock having been asked to run"
    assert lab.now < 100e-6


def test_f01_simultaneous_pings_share_one_backlog() -> None:
    lab = calico_same_node()
    one = lab.ping("pod1", "192.168.1.12")
    two = lab.ping("pod2", "192.168.1.11")
    assert (one.replies, two.replies) == ([(1, 63)], [(1, 63)])


def test_f02_the_pod_asks_once_by_broadcast_in_the_name_of_the_packets_source() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12")
    requests = [(eth, arp) for eth, arp in arps(lab, "pod1:eth0") if arp.op == 1]
    assert len(requests) == 1
    eth, arp = requests[0]
    assert (eth.dst, eth.src) == (BROADCAST, Mac.parse(POD1_MAC))
    assert (arp.sha, arp.tha) == (Mac.parse(POD1_MAC), NO_MAC)
    assert (str(arp.spa), str(arp.tpa)) == ("192.168.1.11", "169.254.1.1")


def test_f02_the_arp_is_the_packets_own_consequence() -> None:
    lab = calico_same_node()
    ping = lab.ping("pod1", "192.168.1.12")
    arp = lab.events(Transmitted, "pod1")[0].packet
    births = [seen.event for seen in lab.events(Created) if seen.packet == arp]
    assert births == [Created(ping.sent[0], "arp")]


def test_f03_the_node_answers_for_the_gateway_with_its_cali_mac() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12")
    eth, arp = arps(lab, "node:cali111")[0]
    assert arp.op == 2
    assert (eth.dst, eth.src) == (Mac.parse(POD1_MAC), Mac.parse(CALI))
    assert (str(arp.spa), arp.sha) == ("169.254.1.1", Mac.parse(CALI))
    assert (str(arp.tpa), arp.tha) == ("192.168.1.11", Mac.parse(POD1_MAC))


def test_f04_the_node_asks_for_the_pod_in_the_name_of_its_eth0() -> None:
    lab = calico_same_node()
    assert lab.link("node:cali222").addresses == []
    lab.ping("pod1", "192.168.1.12")
    eth, arp = arps(lab, "node:cali222")[0]
    assert arp.op == 1
    assert eth.dst == BROADCAST
    assert (str(arp.spa), arp.sha, str(arp.tpa)) == ("10.0.0.23", Mac.parse(CALI), "192.168.1.12")


def test_f05_every_forwarding_hop_takes_one_from_the_ttl() -> None:
    lab = calico_same_node()
    ping = lab.ping("pod1", "192.168.1.12")
    ttl = {}
    for record in lab.records:
        event = record.event
        if record.packet == ping.sent[0] and isinstance(event, Transmitted | Received):
            ip = event.frame.find(IPv4)
            assert ip is not None
            ttl[f"{record.netns}:{event.dev}"] = ip.ttl
    assert ttl == {"pod1:eth0": 64, "node:cali111": 64, "node:cali222": 63, "pod2:eth0": 63}
    assert ping.replies == [(1, 63)]


def test_f06_request_with_df_and_id_reply_without_df_and_the_requests_tos() -> None:
    lab = calico_same_node()
    lab.sysctl("pod2", "ip_default_ttl", 99)
    lab.ping("pod1", "192.168.1.12", tos=0x48)
    request, reply = lab.headers("pod1:eth0", IPv4)[0], lab.headers("pod2:eth0", IPv4)[0]
    assert request.df
    assert request.id != 0
    assert not reply.df
    assert (request.tos, reply.tos) == (0x48, 0x48)
    assert reply.ttl == 99, "the replier's own default"


def test_f07_a_unicast_probe_also_carries_no_target_hardware_address() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12")
    lab.run(6)
    eth, arp = arps(lab, "node:cali111")[-1]
    assert arp.op == 1
    assert eth.dst == Mac.parse(POD1_MAC)
    assert arp.tha == NO_MAC


def test_neighbour_tables_before_after_the_first_reply_and_after_the_probe() -> None:
    lab = calico_same_node()
    assert [lab.neigh(name) for name in ("pod1", "node", "pod2")] == [{}, {}, {}]
    lab.ping("pod1", "192.168.1.12")
    pod2 = {"10.0.0.23 dev eth0": "STALE", "169.254.1.1 dev eth0": "REACHABLE"}
    assert lab.neigh("pod1") == {"169.254.1.1 dev eth0": "REACHABLE"}
    assert lab.neigh("node") == {"192.168.1.11 dev cali111": "DELAY", "192.168.1.12 dev cali222": "REACHABLE"}
    assert lab.neigh("pod2") == pod2
    lab.run_to(5.3)
    assert lab.neigh("pod1") == {"169.254.1.1 dev eth0": "REACHABLE", "10.0.0.23 dev eth0": "STALE"}
    assert lab.neigh("node") == {"192.168.1.11 dev cali111": "REACHABLE", "192.168.1.12 dev cali222": "REACHABLE"}
    assert lab.neigh("pod2") == pod2


def test_f08_an_answered_request_teaches_the_sender() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12")
    change = lab.events(NeighbourChanged, "node")[0].event
    assert (change.dev, str(change.ip), change.old, change.new) == ("cali111", "192.168.1.11", "NONE", "STALE")
    assert (change.lladdr, change.cause) == (Mac.parse(POD1_MAC), "request")
    for pod, mac in (("pod1", CALI), ("pod2", CALI)):
        lab.run(6)
        assert str(lab.entry(f"{pod}:eth0", "10.0.0.23").mac) == mac


def test_f08_the_node_learned_before_it_answered() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12")
    assert lab.events(NeighbourChanged, "node")[0].order < lab.events(Transmitted, "node")[0].order


def test_f09_the_first_packet_through_a_stale_entry_leaves_at_once_and_starts_the_delay() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12")
    assert lab.changes("node:cali111", "192.168.1.11") == [("NONE", "request", "STALE"), ("STALE", "used", "DELAY")]
    assert not any("who-has 192.168.1.11" in line for line in lab.sequence())
    lab.run_to(5.0)
    assert lab.state("node:cali111", "192.168.1.11") == "DELAY"


def test_f10_delay_without_confirmation_becomes_probe() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12", count=5)
    lab.run(6)
    assert lab.changes("node:cali111", "192.168.1.11")[2:] == [
        ("DELAY", "unconfirmed", "PROBE"),
        ("PROBE", "reply", "REACHABLE"),
    ]
    probes = [line for line in lab.sequence("node:cali111", arp=True, times=True) if " U " in line]
    assert len(probes) == 1
    assert 5.0 <= float(probes[0].split()[0]) <= 5.256


def test_f10_delay_with_confirmation_becomes_reachable_silently() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12")
    socket = lab.udp("node", 5000)
    socket.confirm = True
    lab.at(2, lambda: socket.send_to(lab.link("pod1:eth0").addresses[0].local, 9, b""))
    lab.run(6)
    assert lab.changes("node:cali111", "192.168.1.11")[2:] == [("DELAY", "confirmed", "REACHABLE")]
    assert not any(" U " in line for line in lab.sequence("node:cali111", arp=True))


def test_f10_a_confirmation_more_than_five_seconds_old_does_not_count() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12")
    entry = lab.entry("node:cali111", "192.168.1.11")
    fires = 1280  # 5.12 s at 250 Hz: the edge of the wheel's bucket
    entry.confirmed = lab["node"].machine.jiffies + fires - 1250 - 1
    lab.run(6)
    assert ("DELAY", "unconfirmed", "PROBE") in lab.changes("node:cali111", "192.168.1.11")


def test_f11_a_reply_to_incomplete_and_to_probe_makes_reachable() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12")
    lab.run(6)
    assert ("INCOMPLETE", "reply", "REACHABLE") in lab.changes("node:cali222", "192.168.1.12")
    assert ("PROBE", "reply", "REACHABLE") in lab.changes("node:cali111", "192.168.1.11")


def test_f11_a_request_from_a_known_neighbour_changes_nothing() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12")
    assert lab.state("node:cali222", "192.168.1.12") == "REACHABLE", "pod2 asked for its gateway after it had answered"
    assert lab.state("node:cali111", "192.168.1.11") == "DELAY"
    lab.run(2)
    before = lab.entry("node:cali111", "192.168.1.11").updated
    assert lab.ask("pod1:eth0", "169.254.1.1", "192.168.1.11")
    assert lab.ask("pod2:eth0", "169.254.1.1", "192.168.1.12")
    assert lab.state("node:cali111", "192.168.1.11") == "DELAY"
    assert lab.state("node:cali222", "192.168.1.12") == "REACHABLE"
    assert lab.entry("node:cali111", "192.168.1.11").updated == before, (
        "a request that says nothing new moves no lock time"
    )


def test_f12_the_pods_entry_for_the_node_stays_stale_for_good() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12", count=200)
    lab.run(200)
    assert lab.state("pod2:eth0", "10.0.0.23") == "STALE"
    assert lab.changes("pod2:eth0", "10.0.0.23") == [("NONE", "request", "STALE")]


def test_both_pods_show_the_node_at_the_cali_mac_as_in_the_blog() -> None:
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12")
    lab.run(6)
    for pod in ("pod1", "pod2"):
        macs = {str(entry.ip): str(entry.mac) for entry in lab[pod].neighbours}
        assert macs == {"169.254.1.1": CALI, "10.0.0.23": CALI}
    assert str(lab.entry("node:cali222", "192.168.1.12").mac) == POD2_MAC
