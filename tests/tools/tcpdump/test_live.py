"""Live captures: what is seen, under which names, and how they end. What real captures printed is in test_recorded.py."""

import re
import shlex
from pathlib import Path

import pytest

from podwire.errors import NotModelled
from podwire.export.pcap import PcapReader
from podwire.linux.image import Image
from podwire.linux.socket import UdpSocket
from podwire.tools.process import Process
from podwire.tools.tcpdump import tcpdump
from podwire.tools.tcpdump.files import as_bytes
from podwire.wire.addr import Ip4
from tests.tools.realscripts import Lab

QUIET = "tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n"
HEAD = "listening on v0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n"
SECOND = 1_000_000_000
WITHOUT_SERVICES = Image("busybox", services=False)


def tail(captured, received=None):
    plural = "" if captured == 1 else "s"
    received = captured if received is None else received
    others = "" if received == 1 else "s"
    return f"{captured} packet{plural} captured\n{received} packet{others} received by filter\n0 packets dropped by kernel\n"


class Pair(Lab):
    """10.0.0.1 and 10.0.0.2, joined by a veth."""

    def __init__(self):
        super().__init__()
        for name in "ab":
            self.namespace(name)
        self.pair("a", "v0", "02:00:00:00:00:0a", "b", "v1", "02:00:00:00:00:0b")
        self.setup("ip -n a addr add 10.0.0.1/24 brd + dev v0")
        self.setup("ip -n b addr add 10.0.0.2/24 brd + dev v1")
        self.a, self.b = self.place("a"), self.place("b")

    def dump(self, line, place=None):
        return self.start(["tcpdump", *shlex.split(line)], place or self.a)

    def ping(self, target="10.0.0.2", *options):
        self.run(["ping", "-c", "1", *options, target], self.a)
        # tcpdump is woken at the same instant, behind what ended ping.
        self.network.sleep(0)

    def sinks(self):
        return self.network.log._sinks

    def reads(self, line, stdin=""):
        process = Process(self.network, self.a, ["tcpdump", *shlex.split(line)], stdin=stdin)
        process.start(tcpdump)
        return process.stdout


@pytest.fixture
def lab():
    return Pair()


def lines(process):
    """Without their times."""
    return [re.sub(r"^\d\d:\d\d:\d\d\.\d{6} ", "", line) for line in process.stdout.splitlines() if line]


# ------------------------------------------------------------------------------------------------------------------ ends


def test_an_interrupt_ends_it(lab):
    dump = lab.dump("-ni v0")
    assert (dump.stderr, dump.done, len(lab.sinks())) == (QUIET + HEAD, False, 1)
    lab.ping()
    dump.interrupt()
    assert (dump.status, lab.sinks()) == (0, ())
    assert len(lines(dump)) == 4
    assert dump.stdout.endswith("length 64\n\n")
    assert dump.stderr == QUIET + HEAD + tail(4)


def test_enough_packets_end_it(lab):
    dump = lab.dump("-ni v0 -c 1")
    lab.ping()
    assert (dump.status, lab.sinks()) == (0, ())
    assert dump.stdout.count("\n") == 1
    # All of it was there before the first packet was printed: so it is with the real one (test_recorded.py).
    assert dump.stderr == QUIET + HEAD + tail(1, 4)


def test_a_frame_is_printed_with_the_time_it_had(lab):
    dump = lab.dump("-ni v0 -tt arp")
    before = lab.network.now
    lab.ping()
    dump.interrupt()
    seconds = float(dump.stdout.split()[0])
    assert before / SECOND <= seconds + 1e-6
    assert seconds <= lab.network.now / SECOND


def test_an_error_while_it_waits_leaves_no_sink(lab, monkeypatch):
    lab.dump("-ni v0")

    def broken(*_):
        raise NotModelled("this")

    monkeypatch.setattr("podwire.tools.tcpdump.dissect.Dissector.render", broken)
    with pytest.raises(NotModelled):
        lab.ping()
    assert lab.sinks() == ()


def test_a_refusal_leaves_no_sink(lab):
    for line, said in (
        ("-i nope", "tcpdump: nope: No such device exists\n(No such device exists)\n"),
        ("-i v0 tcp and udp", "tcpdump: expression rejects all packets\n"),
        ("-i v0 -w no/dir.pcap", "tcpdump: no/dir.pcap: No such file or directory\n"),
        ("-i v0 -y RAW", "tcpdump: RAW is not one of the DLTs supported by this device\n"),
    ):
        dump = lab.dump(line)
        assert (dump.stdout, dump.stderr, dump.status) == ("", said, 1)
    assert lab.sinks() == ()


def test_several_at_once(lab):
    first, second, other = lab.dump("-ni v0 icmp"), lab.dump("-ni v0 arp -c 2"), lab.dump("-ni v1", lab.b)
    lab.ping()
    assert (second.done, len(lab.sinks())) == (True, 2)
    first.interrupt()
    other.interrupt(15)
    assert [len(lines(dump)) for dump in (first, second, other)] == [2, 2, 4]
    assert lab.sinks() == ()


# ------------------------------------------------------------------------------------------------------------ what it sees


def test_only_its_own_namespace(lab):
    dump = lab.dump("-ni any", lab.root)
    lab.ping()
    dump.interrupt()
    assert lines(dump) == []


def test_loopback_shows_each_frame_once(lab):
    dump = lab.dump("-ni lo -q")
    lab.ping("10.0.0.1")
    dump.interrupt()
    assert [line.rsplit(", id", 1)[0] for line in lines(dump)] == [
        "IP 10.0.0.1 > 10.0.0.1: ICMP echo request",
        "IP 10.0.0.1 > 10.0.0.1: ICMP echo reply",
    ]
    assert dump.stderr.endswith(tail(2, 4))


def test_directions(lab):
    ways = {way: lab.dump(f"-tni v0 icmp -Q {way}") for way in ("in", "out", "inout")}
    words = {word: lab.dump(f"-tni v0 icmp and {word}") for word in ("inbound", "outbound")}
    lab.ping()
    for dump in (*ways.values(), *words.values()):
        dump.interrupt()
    assert ["request" in line for line in lines(ways["in"])] == [False]
    assert ["request" in line for line in lines(ways["out"])] == [True]
    assert len(lines(ways["inout"])) == 2
    assert lines(words["inbound"]) == lines(ways["in"])
    assert lines(words["outbound"]) == lines(ways["out"])


def test_a_snapshot_length(lab):
    dump = lab.dump("-tni v0 -s 30 -w x.pcap --print icmp")
    lab.ping()
    dump.interrupt()
    assert lines(dump) == ["IP  [|ip]"] * 2
    with Path("x.pcap").open("rb") as stream:
        reader = PcapReader(stream)
        assert reader.snaplen == 30
        assert [(len(packet.data), packet.length) for packet in reader] == [(30, 98)] * 2


def test_what_a_file_holds_in_part_is_written_as_it_is(lab):
    # As the real one does: the file that is read and the one that is written are equal.
    dump = lab.dump("-ni v0 -s 30 -w x.pcap icmp")
    lab.ping()
    dump.interrupt()
    lab.reads("-r x.pcap -w y.pcap")
    assert Path("y.pcap").read_bytes() == Path("x.pcap").read_bytes()
    with Path("y.pcap").open("rb") as stream:
        assert [packet.length for packet in PcapReader(stream)] == [98, 98]


def test_standard_output_streams(lab):
    dump = lab.dump("-ni v0 -w - -c 9")
    sizes = [len(as_bytes(dump.stdout))]
    for _ in range(2):
        lab.ping()
        sizes.append(len(as_bytes(dump.stdout)))
    # The header at once; then a request and a reply, behind those of ARP.
    assert sizes == [24, 24 + 2 * (16 + 42) + 2 * (16 + 98), 24 + 2 * (16 + 42) + 4 * (16 + 98)]
    dump.close()
    assert len(as_bytes(dump.stdout)) == sizes[-1]
    assert len(lab.reads("-nr -", dump.stdout).splitlines()) == 6


def test_devices(lab):
    lab.setup("ip -n a link add d0 type dummy")
    listed = lab.run(["tcpdump", "-D"], lab.a).stdout.splitlines()
    assert listed[:4] == [
        "1.v0 [Up, Running, Connected]",
        "2.any (Pseudo-device that captures on all interfaces) [Up, Running]",
        "3.lo [Up, Running, Loopback]",
        "4.d0 [none]",
    ]
    for line, name in (("-n", "v0"), ("-ni 1", "v0"), ("-ni 3", "lo"), ("-n -i 2", "any")):
        dump = lab.dump(line)
        assert f"listening on {name}, " in dump.stderr
        dump.interrupt()
    assert lab.dump("-i d0").stderr == "tcpdump: d0: That device is not up\n"
    assert lab.dump("-i 10").stderr == "tcpdump: Invalid adapter index\n"
    for name in ("nflog", "bluetooth-monitor"):
        with pytest.raises(NotModelled):
            lab.dump(f"-i {name}")


def test_link_types(lab):
    dump = lab.dump("-i v0 -L")
    assert dump.stderr.startswith("Data link types for v0 (use option -y to set):\n  EN10MB (Ethernet)\n")
    with pytest.raises(NotModelled):
        lab.dump("-i v0 -y DOCSIS")


# ------------------------------------------------------------------------------------------------------------------- names


NAMED = """\
ARP, Request who-has 10.0.0.2 tell alpha.example, length 28
ARP, Reply 10.0.0.2 is-at 02:00:00:00:00:0b (oui Unknown), length 28
IP alpha.example > 10.0.0.2: ICMP echo request, id 1001, seq 1, length 64
IP 10.0.0.2 > alpha.example: ICMP echo reply, id 1001, seq 1, length 64
"""


def named(lab, line):
    dump = lab.dump(line)
    lab.ping()
    dump.interrupt()
    return "".join(line + "\n" for line in lines(dump))


def test_names_of_the_hosts_file(lab):
    lab.a.files["/etc/hosts"] = "10.0.0.1\talpha.example alpha\n"
    assert named(lab, "-ti v0") == NAMED
    lab.setup("ip -n a neigh flush all")
    lab.setup("ip -n b neigh flush all")
    assert named(lab, "-Nti v0") == NAMED.replace("alpha.example", "alpha").replace("1001", "1002")
    lab.setup("ip -n a neigh flush all")
    lab.setup("ip -n b neigh flush all")
    numbers = NAMED.replace("alpha.example", "10.0.0.1").replace("1001", "1003").replace(" (oui Unknown)", "")
    assert named(lab, "-nti v0") == numbers


def test_names_of_the_fabric(lab, monkeypatch):
    """The seed's node: an internal DNS name; /etc/hosts goes first."""
    known = {Ip4.parse("10.0.0.1"): "node-205w.internal", Ip4.parse("10.0.0.2"): "not this one"}
    monkeypatch.setattr(type(lab.network), "reverse_name", lambda _, ip: known.get(ip), raising=False)
    lab.a.files["/etc/hosts"] = "10.0.0.2\tpod1\n"
    text = named(lab, "-ti v0 arp")
    assert text == (
        "ARP, Request who-has pod1 tell node-205w.internal, length 28\n"
        "ARP, Reply pod1 is-at 02:00:00:00:00:0b (oui Unknown), length 28\n"
    )


def test_foreign_addresses_keep_their_numbers(lab):
    lab.a.files["/etc/hosts"] = "10.0.0.1 alpha\n99.0.0.1 far\n"
    lab.setup("ip -n a route add default via 10.0.0.2")
    dump = lab.dump("-tfi v0 icmp")
    lab.ping("99.0.0.1", "-W", "1")
    lab.ping("10.0.0.2")
    dump.interrupt()
    assert [line.split(":")[0] for line in lines(dump)][-2:] == ["IP alpha > 10.0.0.2", "IP 10.0.0.2 > alpha"]
    assert "far" not in dump.stdout


def test_services(lab):
    lab.ping()
    dumps = [lab.dump("-ti v0 udp"), lab.dump("-tni v0 udp")]
    bare = lab.place("a", WITHOUT_SERVICES)
    dumps.append(lab.dump("-ti v0 udp", bare))
    UdpSocket(lab.a.netns, 5000, lambda: None).send_to(Ip4.parse("10.0.0.2"), 37, b"")
    lab.network.sleep(SECOND)
    for dump in dumps:
        dump.interrupt()
    assert ["10.0.0.2.time: UDP" in dump.stdout for dump in dumps] == [True, False, False]
    refused = lab.dump("-ni v0 port http", bare)
    assert refused.stderr == "tcpdump: unknown port 'http'\n"


# ------------------------------------------------------------------------------------------------------------------- files


def test_to_a_file_and_back(lab):
    dump = lab.dump("-i v0 -w x.pcap")
    lab.ping()
    dump.interrupt()
    assert (dump.stdout, dump.stderr) == ("", f"tcpdump: {HEAD}{tail(4)}")
    back = lab.run(["tcpdump", "-ntr", "x.pcap", "-q", "icmp"], lab.a)
    assert back.stderr == "reading from file x.pcap, link-type EN10MB (Ethernet), snapshot length 262144\n"
    assert len(lines(back)) == 2
    copied = lab.run(["tcpdump", "-r", "x.pcap", "-w", "-", "arp"], lab.a).stdout
    assert len(lab.reads("-nr -", stdin=copied).splitlines()) == 2
    assert lab.reads("-nr x.pcap --count icmp") == "2 packets\n"
    assert lab.reads("-nr x.pcap --count -c 1") == "1 packet\n"
    assert lab.reads("-ntr x.pcap -c 1 -#").startswith("    1  ARP, Request")


def test_the_counter_of_a_verbose_file(lab):
    dump = lab.dump("-i v0 -w x.pcap -v icmp")
    lab.network.sleep(SECOND)
    lab.ping()
    lab.network.sleep(SECOND)
    lab.network.sleep(SECOND)
    dump.interrupt()
    assert dump.stderr == f"tcpdump: {HEAD}Got 0\rGot 2\r{tail(2)}"


def test_a_filter_from_a_file(lab):
    Path("filter").write_text("icmp # not arp\nand src 10.0.0.2\n", encoding="utf-8")
    dump = lab.dump("-tni v0 -F filter tcp")
    lab.ping()
    dump.interrupt()
    assert [line.split(",")[0] for line in lines(dump)] == ["IP 10.0.0.2 > 10.0.0.1: ICMP echo reply"]
    missing = lab.dump("-tni v0 -F missing")
    assert (missing.stderr, missing.status) == ("tcpdump: can't open missing: No such file or directory\n", 1)


def test_nothing_is_kept_of_the_null_device(lab):
    dump = lab.dump("-i v0 -w /dev/null")
    lab.ping()
    dump.interrupt()
    assert dump.stderr.endswith(tail(4))
    assert not list(Path().iterdir())


def test_what_a_file_cannot_be(lab):
    Path("pcapng").write_bytes(b"\n\r\r\n" + b"x" * 40)
    with pytest.raises(NotModelled):
        lab.dump("-r pcapng")
    Path("text").write_text("not a capture file, this", encoding="utf-8")
    assert lab.dump("-r text").stderr == "tcpdump: unknown file format\n"
