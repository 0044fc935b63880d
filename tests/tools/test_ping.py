"""ping beyond the records: signals, names, odd replies, redirects, timing, and the result for Python."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwire.errors import NotModelled
from podwire.fabric.network import Network
from podwire.fabric.segment import Segment
from podwire.linux.netlink import Netlink
from podwire.linux.socket import Arrived
from podwire.tools.ping import PingResult, ping
from podwire.tools.ping.statistics import llsqrt
from podwire.tools.ping.text import icmp_message, trip_time
from podwire.tools.process import Process
from podwire.tools.route import route
from podwire.tools.sysctl import sysctl
from podwire.wire.addr import Ip4, Mac, Net
from podwire.wire.headers import Icmp

SECOND = 1_000_000_000


def test_statistics_line_of_three_seconds(lab):
    # SO_RCVTIMEO of 1000 ms is 250 jiffies, and the wheel rounds 250 up to the next multiple of 8 behind: 256 jiffies, 1024 ms.
    out, _, status = lab.said("ping -c 3 10.0.0.2")
    assert "3 packets transmitted, 3 received, 0% packet loss, time 2048ms\n" in out
    assert status == 0


def test_round_trips_are_those_of_the_virtual_clock(lab):
    out, _, _ = lab.said("ping -c 2 -i 0.1 10.0.0.2")
    # Cold: request, reply, echo request, echo reply; then two frames; 1 µs each.
    assert "icmp_seq=1 ttl=64 time=0.004 ms\n" in out
    assert "icmp_seq=2 ttl=64 time=0.002 ms\n" in out
    assert "rtt min/avg/max/mdev = 0.002/0.003/0.004/0.001 ms\n" in out


def test_result(lab):
    process = lab.begin("ping -c 2 -i 0.1 10.0.0.2")
    assert lab.network.run_until(lambda: process.done)
    result = process.result
    assert isinstance(result, PingResult)
    assert (result.sent, result.received, result.lost, result.errors, result.duplicates) == (2, 2, 0, 0, 0)
    assert (result.rtts, result.ttl) == ([0.004, 0.002], 64)
    assert result.text == process.stdout


def test_result_of_errors(lab):
    process = lab.begin("ping -c 2 -i 0.2 -W 4 10.0.0.9")
    assert lab.network.run_until(lambda: process.done)
    result = process.result
    assert (result.sent, result.received, result.lost, result.errors, result.ttl, result.rtts) == (2, 0, 2, 2, None, [])


def test_result_of_bad_arguments(lab):
    process = lab.begin("ping -c x 10.0.0.2")
    assert process.status == 1
    assert process.result == PingResult()


def test_a_trace_hears_each_request_before_it_starts(lab):
    process = Process(lab.network, lab.a, ["ping", "-c", "2", "-i", "0.1", "10.0.0.2"])
    adopted: list[int] = []
    process.on_send = adopted.append
    process.start(ping)
    assert lab.network.run_until(lambda: process.done)
    assert len(adopted) == len(set(adopted)) == 2


def test_interrupt_prints_the_statistics(lab):
    process = lab.begin("ping 10.0.0.2")
    lab.network.sleep(SECOND // 2)
    process.interrupt()
    assert process.status == 0
    assert process.stdout.endswith(
        "\n\n--- 10.0.0.2 ping statistics ---\n1 packets transmitted, 1 received, 0% packet loss, time 0ms\n"
        "rtt min/avg/max/mdev = 0.004/0.004/0.004/0.000 ms\n"
    )
    assert not lab.a.netns.sockets.raw


def test_interrupt_without_replies(lab):
    process = lab.begin("ping 10.0.0.9")
    lab.network.sleep(SECOND // 2)
    process.interrupt()
    assert process.status == 1
    assert process.stdout.endswith("1 packets transmitted, 0 received, 100% packet loss, time 0ms\n\n")


def test_terminated_without_a_word(lab):
    process = lab.begin("ping 10.0.0.2")
    lab.network.sleep(SECOND // 2)
    process.interrupt(15)
    assert process.status == 143
    assert "statistics" not in process.stdout
    assert not lab.a.netns.sockets.raw


def test_quit_prints_a_line_and_goes_on(lab):
    process = lab.begin("ping 10.0.0.2")
    lab.network.sleep(SECOND * 3 // 2)
    process.interrupt(3)
    assert process.stderr == "\r2/2 packets, 0% loss, min/avg/ewma/max = 0.002/0.003/0.003/0.004 ms\n"
    lab.network.sleep(SECOND)
    assert "icmp_seq=3" in process.stdout
    assert not process.done


def test_a_flood_without_end_can_be_interrupted(lab):
    process = lab.begin("ping -f 10.0.0.2")
    lab.network.run_until(lambda: process.result.sent >= 50)
    process.interrupt()
    assert process.status == 0
    assert process.result.sent >= 50


def test_w_zero_waits_for_ever(lab):
    process = lab.begin("ping -c 1 -W 0 10.0.0.9")
    lab.network.run_until(lambda: process.done, lab.network.now + 2 * SECOND)
    assert not process.done


def test_deadline_beats_count(lab):
    out, _, status = lab.said("ping -c 5 -w 2 10.0.0.2")
    assert "2 packets transmitted, 2 received" in out
    assert status == 1


def test_names(lab):
    lab.root.files["/etc/hosts"] = "10.0.0.2 b.example b\n"
    out, _, _ = lab.said("ping -c 1 b")
    assert out.startswith(
        "PING b.example (10.0.0.2) 56(84) bytes of data.\n64 bytes from b.example (10.0.0.2): icmp_seq=1 ttl=64 time="
    )
    assert "--- b.example ping statistics ---\n" in out
    out, _, _ = lab.said("ping -n -c 1 b")
    assert "64 bytes from 10.0.0.2: icmp_seq=1" in out


def test_an_address_without_name_stands_for_itself(lab):
    # getnameinfo without NI_NAMEREQD gives the number for the name; only a numeric target is never looked up.
    lab.root.files.update({"/etc/hosts": "10.0.0.9 nobody\n", "/etc/resolv.conf": "nameserver 10.0.0.10\n"})
    out, _, _ = lab.said("ping -c 1 -W 4 nobody")
    assert "From 10.0.0.1 (10.0.0.1) icmp_seq=1 Destination Host Unreachable\n" in out


def test_names_that_no_name_server_can_be_asked_for(lab):
    lab.root.files["/etc/resolv.conf"] = "nameserver 10.0.0.10\n"
    assert lab.said("ping -c 1 nobody") == ("", "ping: nobody: Temporary failure in name resolution\n", 2)


@pytest.mark.parametrize("option", ["-R", "-T tsonly", "-C", "-F 1", "-N name", "-6 -c 1"])
def test_not_modelled(lab, option):
    with pytest.raises(NotModelled):
        lab.said(f"ping {option} host")


# -- replies that no machine here sends -------------------------------------------------------------------------------


class Odd:
    """A ping that waits for the answer to its first request, and a hand that puts one into its socket."""

    def __init__(self, lab, options=""):
        lab.setup("ip -n b addr del 10.0.0.2/24 dev v1")
        lab.setup("ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:99 dev v0")
        self.lab = lab
        sent = []
        real = lab.network.log

        def sink(record):
            sent.append(record)

        real.attach(sink)
        self.process = lab.begin(f"ping -W 1 -c 2 {options} 10.0.0.2")
        real.detach(sink)
        self.socket = lab.a.netns.sockets.raw[0]
        frame = next(r.event.frame for r in sent if type(r.event).__name__ == "Transmitted")
        request = frame.pull()
        header, icmp = request.layers
        back = msgspec.structs.replace(header, src=header.dst, dst=header.src)
        self.reply = msgspec.structs.replace(request, layers=(back, msgspec.structs.replace(icmp, type=0)))

    def put(self, packet):
        before = len(self.process.stdout)
        assert self.socket.accept(packet)
        self.socket.inbox.append(Arrived(self.lab.network.now, packet, "v0", 0))
        self.socket.wake()
        self.lab.network.sleep(1_000_000)
        return self.process.stdout[before:]


def test_duplicates(lab):
    odd = Odd(lab)
    assert odd.put(odd.reply).startswith("64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=0.00")
    assert odd.put(odd.reply).endswith(" ms (DUP!)\n")
    assert lab.network.run_until(lambda: odd.process.done)
    assert "2 packets transmitted, 1 received, +1 duplicates, 50% packet loss" in odd.process.stdout
    assert odd.process.result.duplicates == 1


def test_duplicates_of_a_broadcast_are_no_news(lab):
    odd = Odd(lab, "-b")
    odd.put(odd.reply)
    assert "DUP" not in odd.put(odd.reply)


def test_truncated(lab):
    odd = Odd(lab)
    short = msgspec.structs.replace(odd.reply, payload=odd.reply.payload[:40])
    assert odd.put(short) == "48 bytes from 10.0.0.2: icmp_seq=1 ttl=64 (truncated)\n"


def test_wrong_data(lab):
    odd = Odd(lab, "-s 20")
    wrong = msgspec.structs.replace(odd.reply, payload=odd.reply.payload[:18] + b"\xff\x13")
    text = odd.put(wrong)
    assert text.endswith(" ms\nwrong data byte #18 should be 0x12 but was 0xff\n#16\t10 11 ff 13 \n")


def test_another_address_answers(lab):
    odd = Odd(lab)
    other = odd.reply.replace(0, msgspec.structs.replace(odd.reply.layers[0], src=Ip4.parse("10.0.0.7")))
    text = odd.put(other)
    assert text.startswith("64 bytes from 10.0.0.7: icmp_seq=1")
    assert text.endswith(" ms (DIFFERENT ADDRESS!)\n")


def test_others_replies_are_not_heard(lab):
    odd = Odd(lab)
    icmp = odd.reply.layers[1]
    assert not odd.socket.accept(odd.reply.replace(1, msgspec.structs.replace(icmp, rest=icmp.rest ^ 0x10000)))
    assert not odd.socket.accept(odd.reply.replace(1, msgspec.structs.replace(icmp, type=8)))


def test_audible(lab):
    odd = Odd(lab, "-a")
    assert odd.put(odd.reply).endswith(" ms\a\n")


def test_redirect():
    network = Network()
    segment = Segment(network, "lan", Net.parse("10.0.0.0/24"))
    places = {}
    for number, name in ((1, "a"), (254, "r"), (253, "s")):
        machine = network.add_machine(name)
        door = Netlink(machine.root.netns)
        door.link_up(machine.root.netns.loopback)
        port = segment.new_port()
        port.link = link = door.ethernet_add("eth0", Mac(0x020000000000 | number), port)
        door.link_up(link)
        door.addr_add(link, Ip4.parse(f"10.0.0.{number}"), 24)
        places[name] = machine.root

    def run(name, line):
        process = Process(network, places[name], line.split())
        process.start({"ping": ping, "route": route, "sysctl": sysctl}[process.argv[0]])
        assert network.run_until(lambda: process.done)
        return process

    for line in ("route add default gw 10.0.0.254",):
        assert run("a", line).status == 0
    for name in ("r", "s"):
        assert run(name, "sysctl -qw net.ipv4.ip_forward=1").status == 0
    assert run("r", "route add -net 10.5.0.0/16 gw 10.0.0.253").status == 0
    door = Netlink(places["s"].netns)
    door.addr_add(places["s"].netns.loopback, Ip4.parse("10.5.0.1"), 32)
    lines = run("a", "ping -v -c 1 10.5.0.1").stdout.splitlines()
    assert lines[2] == "From 10.0.0.254: icmp_seq=1 Redirect Host(New nexthop: 10.0.0.253)"
    assert lines[3] == "Vr HL TOS  Len   ID Flg  off TTL Pro  cks      Src      Dst Data"
    # In the order of the host's bytes: length 84 is 5400, the flag of "do not fragment" shows in the offset.
    assert lines[4].startswith(" 4  5  00 5400 ")
    assert "   0 0040  3f  01 " in lines[4]
    assert lines[4].endswith(" 10.0.0.1  10.5.0.1 ")
    assert lines[5].startswith("64 bytes from 10.5.0.1: icmp_seq=1 ident=")


# -- texts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("icmp", "text"),
    [
        (Icmp(3, 0), "Destination Net Unreachable"),
        (Icmp(3, 2), "Destination Protocol Unreachable"),
        (Icmp(3, 3), "Destination Port Unreachable"),
        (Icmp(3, 4, 1450), "Frag needed and DF set (mtu = 1450)"),
        (Icmp(3, 9), "Destination Net Prohibited"),
        (Icmp(3, 10), "Destination Host Prohibited"),
        (Icmp(3, 13), "Packet filtered"),
        (Icmp(3, 99), "Dest Unreachable, Bad Code: 99"),
        (Icmp(4), "Source Quench"),
        (Icmp(5, 0, 0x0A0000FD), "Redirect Network(New nexthop: <10.0.0.253>)"),
        (Icmp(5, 9, 0x0A0000FD), "Redirect, Bad Code: 9(New nexthop: <10.0.0.253>)"),
        (Icmp(11, 0), "Time to live exceeded"),
        (Icmp(11, 1), "Frag reassembly time exceeded"),
        (Icmp(11, 5), "Time exceeded, Bad Code: 5"),
        (Icmp(12, 0, 20 << 24), "Parameter problem: pointer = 20"),
        (Icmp(42), "Bad ICMP type: 42"),
    ],
)
def test_icmp_messages(icmp, text):
    assert icmp_message(icmp, lambda ip: f"<{ip}>", icmp.mtu) == text


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "0.000 ms"),
        (45, "0.045 ms"),
        (999, "0.999 ms"),
        (1000, "1.00 ms"),
        (1234, "1.23 ms"),
        (9994, "9.99 ms"),
        (9995, "10.0 ms"),
        (99949, "99.9 ms"),
        (99950, "100 ms"),
        (1024499, "1024 ms"),
        (1024500, "1025 ms"),
    ],
)
def test_trip_time(microseconds, text):
    assert trip_time(microseconds) == text


@given(st.integers(0, 1 << 60))
def test_square_root_is_the_floor_or_one_more(value):
    root = llsqrt(value)
    assert (root - 1) ** 2 <= value if root else value == 0
    assert (root + 1) ** 2 > value


def test_square_root_of_three_is_two():
    assert [llsqrt(value) for value in (0, 1, 2, 3, 4, 8, 9, 15)] == [0, 1, 1, 2, 2, 3, 3, 4]
