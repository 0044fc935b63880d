"""What a packet carries along beside its headers: its length, and the frame that was sent; and what no packet may carry along.

The length is kept by hand wherever headers come and go, so the counters of all devices are compared with the frames that taps saw.
"""

from collections import Counter
from collections.abc import Callable

import pytest

from podwire.linux.netlink import Netlink
from podwire.trace.events import Dropped, IcmpSent, Received, Transmitted
from podwire.trace.log import Record
from podwire.trace.reasons import DropReason
from podwire.wire.addr import Mac
from podwire.wire.headers import Arp, Ethernet, IPv4
from podwire.wire.packet import Packet
from tests.linux.facts.test_f080_f099_vxlan import POD2, overlay
from tests.linux.lab import Lab, calico_same_node, two_nodes
from tests.linux.path.test_geneve import overlay as geneve
from tests.linux.path.test_iptunnel import calico_ipip

SIZES = (0, 56, 1372, 1472, 3000)
"""The last are fragmented, here or in the tunnel."""
HEADERLESS = {"loopback", "vxlan", "geneve", "ipip"}
"""They count without the MAC header."""
Place = tuple[str, str]


def counted(lab: Lab, direction: str) -> Counter[Place]:
    return Counter(
        {
            (netns.label, link.name): getattr(link.stats, f"{direction}_bytes")
            for machine in lab.network.machines.values()
            for netns in machine.netns.values()
            for link in netns.links()
        }
    )


def seen(lab: Lab, kind: type[Received | Transmitted]) -> Counter[Place]:
    """The bytes that taps saw at each device, as that kind of device counts them."""
    found: Counter[Place] = Counter()
    for record in lab.records:
        event = record.event
        if isinstance(event, kind):
            link = lab.link(f"{record.netns}:{event.dev}")
            with_mac = link.kind in HEADERLESS and isinstance(event.frame.layers[0], Ethernet)
            found[record.netns, event.dev] += event.frame.size - 14 * with_mac
    return found


@pytest.mark.parametrize(
    ("make", "source", "target"),
    [
        (calico_same_node, "pod1", "192.168.1.12"),
        (two_nodes, "pod1", POD2),
        (overlay, "pod1", POD2),
        (lambda: overlay(df="set"), "pod1", POD2),
        (geneve, "node1", "10.9.0.2"),
        (calico_ipip, "pod1", POD2),
        (calico_ipip, "node1", "127.0.0.1"),
    ],
    ids=["same-node", "two-nodes", "vxlan", "vxlan-df", "geneve", "ipip", "lo"],
)
def test_every_device_counts_the_bytes_that_taps_saw(make: Callable[[], Lab], source: str, target: str) -> None:
    lab = make()
    sent, received = counted(lab, "tx"), counted(lab, "rx")
    for size in SIZES:
        lab.ping(source, target, size=size)
        lab.run(3)
    assert counted(lab, "tx") - sent == seen(lab, Transmitted)
    assert counted(lab, "rx") - received == seen(lab, Received)


def frames(records: list[Record], kind: type[Received | Transmitted], *devices: str) -> list[Packet]:
    return [r.event.frame for r in records if isinstance(r.event, kind) and f"{r.netns}:{r.event.dev}" in devices]


@pytest.mark.parametrize(("left", "right"), [("pod1:eth0", "node1:cali111"), ("node1:eth0", "node2:eth0")])
def test_what_a_device_sent_is_what_the_other_end_receives_and_not_another_copy(left: str, right: str) -> None:
    lab = overlay()
    lab.ping("pod1", POD2, count=2)
    lab.run(3)
    for near, far in ((left, right), (right, left)):
        sent, received = frames(lab.records, Transmitted, near), frames(lab.records, Received, far)
        unicast = [frame for frame in sent if frame.find(Arp) is None]
        assert len(unicast) == 2
        assert all(any(frame is other for other in received) for frame in unicast)


def test_who_begins_to_listen_while_a_frame_is_on_its_way_sees_it_as_it_arrives() -> None:
    lab = overlay()
    lab.ping("pod1", POD2)
    lab.run(3)
    lab.network.log.detach(lab._record)
    lab.records.clear()
    lab.ping("pod1", POD2)
    lab.network.log.attach(lab._record)
    lab.run(0.1)
    assert [frame.size for frame in frames(lab.records, Received, "node2:eth0", "pod2:eth0")] == [148, 98]
    (last,) = frames(lab.records, Received, "pod2:eth0")
    assert isinstance(last.layers[0], Ethernet)
    assert last.layers[0].dst == lab.link("pod2:eth0").mac


# -- nothing is remembered too long ------------------------------------------------------------------------------------


def warm() -> Lab:
    """Everything that can be remembered of the way from pod to pod has been."""
    lab = overlay()
    for _ in range(3):
        lab.ping("pod1", POD2, size=1372)
        lab.run(3)
    lab.restart()
    return lab


def drops(lab: Lab) -> list[tuple[str, DropReason]]:
    return [(record.netns, record.event.reason) for record in lab.records if isinstance(record.event, Dropped)]


def test_the_next_packet_finds_a_changed_mtu() -> None:
    lab = warm()
    link = lab.link("node2:cali222")
    Netlink(link.netns).link_set_mtu(link, 1000)
    lab.ping("pod1", POD2, size=1372)
    lab.run(3)
    assert drops(lab) == [("node2", DropReason.PKT_TOO_BIG)]
    assert [record.netns for record in lab.records if isinstance(record.event, IcmpSent)] == ["node2"]


def test_the_next_packet_finds_a_changed_neighbour() -> None:
    lab = warm()
    other = "66:22:22:22:22:99"
    lab.set_neigh("node1:vxlan.calico", "192.168.2.0", other)
    lab.ping("pod1", POD2)
    lab.run(3)
    (frame,) = frames(lab.records, Transmitted, "node1:vxlan.calico")
    assert isinstance(frame.layers[0], Ethernet)
    assert frame.layers[0].dst == Mac.parse(other)


def test_the_next_packet_finds_a_changed_route() -> None:
    lab = warm()
    lab.route_del("node1", "192.168.2.0/26")
    lab.route("node1", "192.168.2.0/26 via 10.0.0.24 dev eth0")
    lab.ping("pod1", POD2)
    lab.run(3)
    first = next(f for f in frames(lab.records, Transmitted, "node1:eth0") if f.find(IPv4) is not None)
    assert first.size == 98


def test_the_next_packet_finds_a_link_that_is_down() -> None:
    lab = warm()
    lab.down("pod2:eth0")
    lab.ping("pod1", POD2)
    lab.run(3)
    assert drops(lab)[0] == ("node2", DropReason.QDISC_DROP)
    assert frames(lab.records, Received, "pod2:eth0") == []
