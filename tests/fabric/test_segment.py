"""The switch: it learns, floods copies, and takes its time."""

from podwire.fabric.loss import Loss
from podwire.fabric.port import Port
from podwire.fabric.segment import LATENCY, Segment
from podwire.linux.skb import Skb
from podwire.trace.events import ByFabric, Created, Dropped, Flooded, Owner, Received, Transmitted
from podwire.trace.invariants import check_invariants
from podwire.wire.addr import BROADCAST, Ip4, Mac, Net
from podwire.wire.headers import ETH_P_ARP, Ethernet, IPv4, Udp
from podwire.wire.packet import Packet
from tests.linux.lab import Lab

MACS = [f"02:00:00:00:00:0{n}" for n in range(1, 5)]


def lan(count: int, *, latency: int = LATENCY) -> tuple[Lab, Segment]:
    lab = Lab()
    segment = Segment(lab.network, "lan", Net.parse("10.0.0.0/24"), latency=latency)
    for number in range(1, count + 1):
        lab.machine(f"h{number}")
        lab.nic(f"h{number}:eth0", MACS[number - 1], segment)
        lab.addr(f"h{number}:eth0", f"10.0.0.{number}/24")
    lab.restart()
    return lab, segment


def frame(src: str, dst: str) -> Packet:
    return Packet(
        (
            Ethernet(Mac.parse(dst), Mac.parse(src)),
            IPv4(Ip4.parse("10.0.0.1"), Ip4.parse("10.0.0.2"), 17),
            Udp(1, 2, checksum=0),
        ),
        b"x",
    )


def heard(lab: Lab) -> list[str]:
    return [record.netns for record in lab.events(Received) if record.event.frame.find(Udp)]


def test_an_unknown_address_is_flooded_to_every_other_port_as_copies() -> None:
    lab, _ = lan(4)
    lab.inject("h1:eth0", frame(MACS[0], "02:00:00:00:00:99"))
    lab.run(1)
    assert sorted(heard(lab)) == ["h2", "h3", "h4"]
    flood = lab.events(Flooded)[0]
    assert isinstance(flood.event, Flooded)
    assert len(flood.event.ids) == 3
    births = [r for r in lab.events(Created) if r.event.relation == "copy"]
    assert [(r.packet, r.event.parent) for r in births] == [(each, flood.packet) for each in flood.event.ids]
    assert check_invariants(lab.records, finished=True) == []


def test_a_learned_address_gets_the_frame_alone_and_it_stays_the_same_packet() -> None:
    lab, _ = lan(4)
    lab.inject("h3:eth0", frame(MACS[2], str(BROADCAST)))
    lab.run(1)
    lab.restart()
    lab.inject("h1:eth0", frame(MACS[0], MACS[2]))
    lab.run(1)
    assert heard(lab) == ["h3"]
    assert {record.packet for record in lab.events(Received)} == {record.packet for record in lab.events(Transmitted)}
    assert lab.events(Flooded) == []


def test_an_address_that_moves_is_learned_anew() -> None:
    lab, _ = lan(3)
    for sender in ("h2:eth0", "h3:eth0"):
        lab.inject(sender, frame("02:00:00:00:00:77", str(BROADCAST)))
        lab.run(1)
        lab.restart()
        lab.inject("h1:eth0", frame(MACS[0], "02:00:00:00:00:77"))
        lab.run(1)
        assert heard(lab) == [sender.partition(":")[0]]
        lab.restart()


def test_group_addresses_and_nothing_as_a_source_are_not_learned() -> None:
    lab, segment = lan(2)
    for source in (str(BROADCAST), "01:00:5e:00:00:01", "00:00:00:00:00:00"):
        lab.inject("h1:eth0", frame(source, MACS[1]))
        lab.run(1)
    assert set(segment._learned) <= {Mac.parse(mac) for mac in MACS}


def test_a_frame_for_its_own_port_and_a_lonely_one_end_in_the_switch() -> None:
    lab, _ = lan(2)
    lab.inject("h1:eth0", frame(MACS[0], str(BROADCAST)))
    lab.inject("h1:eth0", frame(MACS[1], MACS[0]))
    lab.run(1)
    drops = [r.event for r in lab.events(Dropped, "lan")]
    assert [str(drop.reason) for drop in drops] == ["FABRIC"]
    lonely, _ = lan(1)
    lonely.inject("h1:eth0", frame(MACS[0], MACS[1]))
    lonely.run(1)
    by = next(r.event.by for r in lonely.events(Dropped))
    assert isinstance(by, ByFabric)
    assert "no other port" in by.why


def test_latency_from_nic_to_nic() -> None:
    lab, _ = lan(2, latency=5_000_000)
    lab.inject("h1:eth0", frame(MACS[0], MACS[1]))
    lab.run(1)
    sent, came = lab.events(Transmitted, "h1")[0], lab.events(Received, "h2")[0]
    assert came.time - sent.time == 5_000_000


def test_ten_frames_keep_their_order() -> None:
    lab, _ = lan(2)
    for _ in range(10):
        lab.inject("h1:eth0", frame(MACS[0], MACS[1]))
    lab.run(1)
    packets = [r.packet for r in lab.events(Received, "h2") if r.event.frame.find(Udp)]
    assert packets == sorted(packets)
    assert len(packets) == 10


# -- the port -------------------------------------------------------------------------------------------------------


def test_a_port_drops_mark_and_confirmation() -> None:
    """F27: only headers cross a real cable."""
    lab, _ = lan(2)
    machine = lab["h2"].machine
    seen: list[Skb] = []
    enqueue = machine.enqueue
    machine.enqueue = lambda skb: (seen.append(skb), enqueue(skb))[1]  # type: ignore[func-returns-value]
    socket = lab.udp("h1", 5000)
    socket.mark, socket.confirm = 7, True
    lab.set_neigh("h1:eth0", "10.0.0.2", MACS[1])
    socket.send_to(Ip4.parse("10.0.0.2"), 5, b"x")
    lab.run(1)
    data = [skb for skb in seen if isinstance(skb.packet.layers[0], IPv4)]
    assert [(skb.mark, skb.confirm) for skb in data] == [(0, False)]


def test_a_veth_keeps_the_confirmation_and_drops_the_mark_between_namespaces() -> None:
    lab = Lab()
    lab.machine("a")
    lab.netns("a", "b")
    lab.veth("a:v0", MACS[0], "b:v1", MACS[1])
    lab.addr("a:v0", "10.0.0.1/24")
    lab.addr("b:v1", "10.0.0.2/24")
    seen: list[Skb] = []
    machine = lab["a"].machine
    enqueue = machine.enqueue
    machine.enqueue = lambda skb: (seen.append(skb), enqueue(skb))[1]  # type: ignore[func-returns-value]
    socket = lab.udp("a", 5000)
    socket.mark, socket.confirm = 7, True
    lab.set_neigh("a:v0", "10.0.0.2", MACS[1])
    socket.send_to(Ip4.parse("10.0.0.2"), 5, b"x")
    data = [skb for skb in seen if skb.packet.find(Udp) is not None]
    assert [(skb.mark, skb.confirm) for skb in data] == [(0, True)]


def test_a_frame_that_arrives_where_nobody_is_plugged_in_is_accounted_for() -> None:
    lab, segment = lan(2)
    lab.inject("h2:eth0", frame(MACS[1], str(BROADCAST)))
    lab.run(1)
    lab.restart()
    lab.inject("h1:eth0", frame(MACS[0], MACS[1]))
    port = next(port for port in segment._ports if port.link is not None and port.link.netns is lab["h2"])
    assert isinstance(port, Port)
    port.link = None
    lab.run(1)
    assert [str(r.event.reason) for r in lab.events(Dropped)] == ["FABRIC"]
    assert check_invariants(lab.records, finished=True) == []


def test_a_nic_that_is_down_hears_nothing() -> None:
    lab, _ = lan(2)
    lab.down("h2:eth0")
    lab.inject("h1:eth0", frame(MACS[0], MACS[1]))
    lab.run(1)
    assert lab.events(Received) == []
    assert lab.drops("h2") == [("enqueue_to_backlog", "DEV_READY")]


def test_arp_goes_through_like_everything_else() -> None:
    lab, _ = lan(3)
    assert lab.ping("h1", "10.0.0.2").sent
    lab.run(1)
    types = {eth.type for r in lab.events(Received) if (eth := r.event.frame.find(Ethernet))}
    assert ETH_P_ARP in types


# -- what a network does not carry ------------------------------------------------------------------------------------


def test_a_frame_longer_than_the_mtu_and_its_header_is_lost_in_the_switch() -> None:
    lab, segment = lan(2)
    segment.mtu = 1000
    for size, arrives in ((972, True), (973, False)):
        lab.restart()
        probe = lab.ping("h1", "10.0.0.2", size=size)
        lab.run(1)
        assert bool(probe.replies) is arrives
    drop = next(r.event for r in lab.events(Dropped, "lan"))
    assert isinstance(drop.by, ByFabric)
    assert (str(drop.reason), drop.by.name, drop.by.kind, drop.by.owner.field) == (
        "FABRIC",
        "lan",
        "network-mtu",
        "mtu 1000",
    )
    assert drop.by.why == "network lan carries packets of at most 1000 bytes, and this one has 1001"
    segment.mtu = 1001
    again = lab.ping("h1", "10.0.0.2", size=973)
    lab.run(1)
    assert again.replies


def test_a_lost_protocol_dies_in_the_switch_before_it_is_flooded_and_arp_passes() -> None:
    lab, segment = lan(3)
    segment.drops = (Loss.parse("udp:4789"), Loss.parse("icmp"))
    probe = lab.ping("h1", "10.0.0.2")
    lab.run(1)
    assert probe.replies == []
    drop = next(r.event for r in lab.events(Dropped, "lan"))
    assert isinstance(drop.by, ByFabric)
    assert (drop.by.name, drop.by.kind, drop.by.why) == ("lan", "loss", "network lan loses icmp")
    assert drop.by.owner == Owner("lab", "network lan", "drops")
    assert lab.entry("h1:eth0", "10.0.0.2").state.name == "REACHABLE"
    assert check_invariants(lab.records, finished=True) == []
    segment.drops = ()
    again = lab.ping("h1", "10.0.0.2")
    lab.run(1)
    assert again.replies
