"""arp, route and arping where the records do not reach: names, owners, packets, signals."""

import pytest

from podwire.errors import NotModelled
from podwire.linux.image import image
from podwire.linux.machine import Place
from podwire.tools.arp import parse_ether
from podwire.tools.arping import arping
from podwire.tools.process import Process
from podwire.trace.events import Transmitted
from podwire.wire.addr import Ip4, Mac
from podwire.wire.headers import Arp

SECOND = 1_000_000_000


@pytest.fixture
def netshoot(lab):
    """A container of netshoot in namespace ``a``: its arp and route are BusyBox's."""
    place = Place(lab.a.netns, image("netshoot"), "pod1", container=True)
    place.files = lab.root.files
    return place


def test_arp_of_netshoot(lab, netshoot):
    # Seed 000, word for word but for the addresses.
    assert lab.said("arp -n", netshoot) == ("", "", 0)
    lab.said("ping -c 1 10.0.0.2")
    assert lab.said("arp -n", netshoot) == ("? (10.0.0.2) at 02:00:00:00:00:0b [ether]  on v0\n", "", 0)


def test_arp_prints_names(lab, netshoot):
    lab.root.files["/etc/hosts"] = "10.0.0.2 a-name-of-more-than-23-letters\n"
    lab.said("ping -c 1 10.0.0.2")
    assert (
        lab.said("arp")[0].splitlines()[1]
        == "a-name-of-more-than-23-  ether   02:00:00:00:00:0b   C                     v0"
    )
    assert lab.said("arp -a")[0] == "a-name-of-more-than-23-letters (10.0.0.2) at 02:00:00:00:00:0b [ether] on v0\n"
    assert (
        lab.said("arp", netshoot)[0]
        == "a-name-of-more-than-23-letters (10.0.0.2) at 02:00:00:00:00:0b [ether]  on v0\n"
    )
    assert lab.said("arp -a a-name-of-more-than-23-letters")[2] == 0


def test_arp_entries_bear_its_name(lab):
    lab.said("arp -s 10.0.0.7 02:00:00:00:00:07")
    entry = lab.a.netns.neighbours.get(Ip4.parse("10.0.0.7"), lab.a.netns.link("v0"))
    assert (entry.mac, entry.owner.component) == (Mac.parse("02:00:00:00:00:07"), "arp")


@pytest.mark.parametrize(
    ("text", "mac"),
    [
        ("02:00:00:00:00:07", "02:00:00:00:00:07"),
        ("2:0:0:0:0:7", "02:00:00:00:00:07"),
        ("2:0:0:0:0", "02:00:00:00:00:00"),
        ("020000000007", "02:00:00:00:00:07"),
        ("2:0:0:0:0:100", "02:00:00:00:00:10"),
        ("AB:cd:0:0:0:1:", "ab:cd:00:00:00:01"),
        ("2-0-0-0-0-7", None),
        ("zz", None),
        (":2", None),
    ],
)
def test_hardware_addresses_are_read_loosely(text, mac):
    found = parse_ether(text)
    assert (str(found) if found is not None else None) == mac


@pytest.mark.parametrize("line", ["arp -f", "arp -H fddi", "route -C", "route -6", "route -A inet6", "route -A x25"])
def test_not_modelled(lab, line):
    with pytest.raises(NotModelled):
        lab.said(line)


def test_routes_of_seed_001(lab):
    # A blackhole shows as an own route on no device: the block of Calico.
    lab.setup("ip -n a route add blackhole 172.16.116.0/24 proto bird")
    lab.setup("ip -n a route add 172.16.116.1 dev v0 scope link")
    lab.setup("ip -n a route add 172.16.34.0/24 via 192.168.20.100 dev v0 proto bird onlink")
    assert lab.said("route -n")[0].splitlines()[1:] == [
        "Destination     Gateway         Genmask         Flags Metric Ref    Use Iface",
        "10.0.0.0        0.0.0.0         255.255.255.0   U     0      0        0 v0",
        "172.16.34.0     192.168.20.100  255.255.255.0   UG    0      0        0 v0",
        "172.16.116.0    0.0.0.0         255.255.255.0   U     0      0        0 *",
        "172.16.116.1    0.0.0.0         255.255.255.255 UH    0      0        0 v0",
    ]


def test_routes_with_names(lab, netshoot):
    lab.root.files["/etc/hosts"] = "10.0.0.254 gateway-with-a-long-name\n10.1.2.3 peer\n"
    for line in ("route add default gw gateway-with-a-long-name", "route add -host peer v0"):
        assert lab.said(line) == ("", "", 0)
    wanted = [
        "default         gateway-with-a- 0.0.0.0         UG    0      0        0 v0",
        "10.0.0.0        0.0.0.0         255.255.255.0   U     0      0        0 v0",
        "peer            0.0.0.0         255.255.255.255 UH    0      0        0 v0",
    ]
    assert lab.said("route")[0].splitlines()[2:] == wanted
    # BusyBox prints stars, and takes for a host only what has bits outside the mask, of which /32 has none.
    assert lab.said("route", netshoot)[0].splitlines()[2:] == [
        "default         gateway-with-a- 0.0.0.0         UG    0      0        0 v0",
        "10.0.0.0        *               255.255.255.0   U     0      0        0 v0",
        "10.1.2.3        *               255.255.255.255 UH    0      0        0 v0",
    ]


def test_routes_bear_the_name_of_the_tool(lab):
    lab.said("route add -net 10.7.0.0/16 gw 10.0.0.9")
    route = next(route for route in lab.a.netns.tables[254] if str(route.dst) == "10.7.0.0/16")
    assert route.owner.component == "route"


def test_unknown_names(lab, netshoot):
    lab.root.files["/etc/resolv.conf"] = "nameserver 10.0.0.10\n"
    assert lab.said("arp nobody") == ("", "nobody: Unknown host\n", 255)
    assert lab.said("arp nobody", netshoot) == ("", "arp: nobody: Unknown host\n", 1)
    assert lab.said("route add -host nobody v0") == ("", "nobody: Unknown host\n", 6)


# -- arping -----------------------------------------------------------------------------------------------------------


def frames(lab, line, device="v0"):
    """The ARP messages that ``a`` sends by that device while a command runs."""
    seen = []

    def sink(record):
        event = record.event
        if isinstance(event, Transmitted) and event.dev == device and isinstance(event.frame.layers[1], Arp):
            seen.append(event.frame)

    lab.network.log.attach(sink)
    try:
        lab.said(line)
    finally:
        lab.network.log.detach(sink)
    return seen


def test_arping_asks_everybody_then_the_one_who_answered(lab):
    first, second = frames(lab, "arping -c 2 -I v0 10.0.0.2")
    everybody, one = Mac.parse("ff:ff:ff:ff:ff:ff"), Mac.parse("02:00:00:00:00:0b")
    # The real one fills in as target hardware address whatever it sends the frame to.
    assert (first.layers[0].dst, first.layers[1].tha, first.layers[1].op) == (everybody, everybody, 1)
    assert (second.layers[0].dst, second.layers[1].tha) == (one, one)


def test_arping_announces_by_request_or_reply(lab):
    (request,) = frames(lab, "arping -U -c 1 -I v0 10.0.0.1")
    (reply,) = frames(lab, "arping -A -c 1 -I v0 10.0.0.1")
    assert (request.layers[1].op, request.layers[1].spa, request.layers[1].tpa) == (1, *[Ip4.parse("10.0.0.1")] * 2)
    assert (reply.layers[1].op, reply.layers[1].tha) == (2, Mac.parse("02:00:00:00:00:0a"))


def test_arping_shows_half_a_millisecond_too_much(lab):
    # 2 µs from request to reply, and the 500 µs that the real one adds.
    assert "[02:00:00:00:00:0B]  0.502ms\n" in lab.said("arping -f -I v0 10.0.0.2")[0]


def test_arping_ends_by_any_signal_with_its_counts(lab):
    for signal in (2, 15, 3):
        process = lab.begin("arping -I v0 10.0.0.9")
        lab.network.sleep(SECOND * 5 // 2)
        process.interrupt(signal)
        assert process.stdout.endswith("Sent 3 probes (3 broadcast(s))\nReceived 0 response(s)\n")
        assert process.status == 1
    assert not lab.network.log.on


def test_arping_hears_requests_and_broadcasts_when_it_probes(lab):
    process = lab.begin("arping -D -I v0 -w 3 10.0.0.2")
    assert lab.network.run_until(lambda: process.done)
    assert (process.status, "Received 1 response(s)\n" in process.stdout) == (1, True)
    # Somebody else probes for the same address: a broadcast request with that sender.
    lab.setup("ip -n b addr del 10.0.0.2/24 dev v1")
    process = lab.begin("arping -D -I v0 -w 3 10.0.0.9")
    lab.network.sleep(SECOND // 2)
    lab.setup("ip -n b addr add 10.0.0.9/24 dev v1")
    lab.run("arping -U -c 1 -w 1 -I v1 10.0.0.9".split(), lab.b)
    assert lab.network.run_until(lambda: process.done)
    assert "Broadcast request from 10.0.0.9 [02:00:00:00:00:0B] for 10.0.0.9 [FF:FF:FF:FF:FF:FF] " in process.stdout
    assert process.stdout.endswith("Received 1 response(s) (1 request(s), 1 broadcast(s))\n")


def test_a_trace_hears_each_probe(lab):
    process = Process(lab.network, lab.a, "arping -c 2 -w 3 -I v0 10.0.0.2".split())
    adopted: list[int] = []
    process.on_send = adopted.append
    process.start(arping)
    assert lab.network.run_until(lambda: process.done)
    assert len(adopted) == len(set(adopted)) == 2


def test_arping_resolves_names(lab):
    lab.root.files["/etc/hosts"] = "10.0.0.2 b\n"
    assert lab.said("arping -c 1 -I v0 b")[0].startswith("ARPING 10.0.0.2 from 10.0.0.1 v0\n")
