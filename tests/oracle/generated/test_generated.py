"""Cases that hypothesis draws: the kernel and podwire make the same of them.

Some are judged by the kernel's recorded answers, which takes no kernel; others by the kernel of this machine. A fresh seed is
printed: ``PODWIRE_ORACLE_SEED=… pytest -m slow tests/oracle/generated`` does it again.
"""

import os
import re
import secrets
import time
from collections import Counter
from pathlib import Path

import pytest

from podwire.linux.neigh import Nud
from podwire.linux.path import arp, forward, lookup, neighbour, route, routein
from podwire.linux.skb import Skb
from podwire.wire.headers import IPv4
from tests.oracle.generated import campaign, compare, draw, find_disagreement, kernel, ours, shrink, wiring
from tests.oracle.generated.case import Answer, Batch, Case, Command
from tests.oracle.generated.tunnels import SHAPES

FIXED = campaign.FIXED
TUNNELS = 41
"""Of cases about tunnels the seed that the kernel is asked about: for a fresh one see "open" in README.md."""
FEW = 40
SECONDS = 60
"""The slow tests begin nothing after that time, all together."""


every_kind = pytest.mark.parametrize("kind", draw.KINDS)


@pytest.fixture(scope="module")
def answers():
    return campaign.recorded(FIXED, campaign.EVERY)


@pytest.fixture(scope="module")
def tunnels():
    return campaign.recorded(FIXED, campaign.EVERY, "tunnels")


@every_kind
def test_podwire_does_what_the_kernel_was_seen_to_do(kind):
    assert find_disagreement(kind=kind) is None


def judge(cases, found):
    print(f"{len(cases)} cases")
    assert not found, "\n\n".join(campaign.told(each) for each in found[:2])


@pytest.mark.oracle
@pytest.mark.parametrize(("kind", "seed"), [("plain", FIXED + 1), ("tunnels", TUNNELS)])
def test_the_kernel_of_this_machine_agrees(kind, seed):
    kernel.need()
    cases = draw.generate(seed, FEW, kind)
    judge(cases, campaign.disagreements(cases))


@pytest.mark.oracle
@pytest.mark.slow
@pytest.mark.parametrize(("kind", "seed"), [("plain", FIXED + 2), ("plain", "fresh"), ("tunnels", TUNNELS)])
def test_the_kernel_of_this_machine_agrees_on_many(kind, seed):
    kernel.need()
    if seed == "fresh":
        seed = int(os.environ.get("PODWIRE_ORACLE_SEED") or secrets.randbelow(1 << 31))
    print(f"PODWIRE_ORACLE_SEED={seed}")
    begin, cases = time.monotonic(), draw.generate(seed, 600, kind)
    found: list[campaign.Disagreement] = []
    for start in range(0, len(cases), FEW):
        if found or time.monotonic() - begin > SECONDS / 3:
            break
        found = campaign.disagreements(cases[start : start + FEW])
    judge(cases[: start + FEW], found)


# -- what the cases are about -------------------------------------------------------------------------------------

SEEN = {
    "broadcast": 1,
    "delivered": 80,
    "delivered at the second try": 20,
    "fragmentation needed": 2,
    "fragments": 10,
    "host unreachable": 30,
    "lost without a word": 30,
    "martian": 5,
    "neighbour asked by unicast": 30,
    "neighbour failed": 30,
    "net unreachable": 10,
    "no carrier": 3,
    "no route": 10,
    "not forwarding": 3,
    "own address as source": 2,
    "policy rule": 30,
    "proxy ARP": 5,
    "queries": 50,
    "redirect": 3,
    "refused before it was sent": 10,
    "reverse path filter": 2,
    "time to live exceeded": 3,
    "too long for the first device": 2,
    "wrong MAC address": 1,
}
"""In so many of the recorded cases it happened at least."""


def test_the_cases_reach_what_they_are_meant_to(answers):
    counts = Counter(area for each in answers for area in campaign.classes(each.real, each.reasons, each.case.shape))
    assert {name: counts[name] for name, least in SEEN.items() if counts[name] < least} == {}


TUNNELS_SEEN = {
    "delivered": 50,
    "fragments": 20,
    "fragments in a tunnel": 5,
    "host unreachable": 10,
    "no entry, no port": 1,
    "station behind a port learnt": 20,
    "station behind a tunnel learnt": 8,
    "too big": 5,
    "tunnelled": 40,
    "tunnelled in fragments": 3,
    "tunnelled with DF": 1,
    "tunnelled with a TOS": 1,
    "unknown VNI": 1,
}
"""As ``SEEN``, of those about bridges and VXLAN."""


def test_the_cases_about_tunnels_reach_what_they_are_meant_to(tunnels):
    counts = Counter(area for each in tunnels for area in campaign.classes(each.real, each.reasons, each.case.shape))
    assert {name: counts[name] for name, least in TUNNELS_SEEN.items() if counts[name] < least} == {}


@pytest.mark.parametrize(("kind", "shapes"), [("plain", wiring.SHAPES), ("tunnels", SHAPES)])
def test_every_shape_is_drawn(kind, shapes):
    assert {case.shape for case in draw.generate(5, 60, kind)} == set(shapes)


@every_kind
def test_a_seed_gives_the_same_cases_each_time(kind):
    first, second, other = (draw.generate(seed, 30, kind) for seed in (3, 3, 4))
    assert first == second
    assert len({case.script() for case in first}) == 30
    assert first != other


def test_a_kept_script_holds_nothing_but_simple_commands(answers, tunnels):
    simple = re.compile(r"(t |t '.* \| sort'$|sys |ns |ip link add |sleep [\d.]+$|#)")
    for each in (*answers, *tunnels):
        lines = each.case.kept("x").splitlines()
        assert [line for line in lines if not simple.match(line)] == []
        assert not re.search(r"[;&<>$`]", "".join(lines))


def test_nothing_that_is_drawn_is_refused_as_not_modelled(answers, tunnels):
    assert [each.case for each in (*answers, *tunnels) if "NotModelled" in each.real] == []


# -- a wrong model is found out -----------------------------------------------------------------------------------


def keeps_ttl(monkeypatch):
    def lie(src, dst, proto, ttl, *rest):
        return IPv4(src, dst, proto, ttl + 1, *rest)

    monkeypatch.setattr(forward, "IPv4", lie)


def proxies_without_a_route(monkeypatch):
    monkeypatch.setattr(arp, "_proxy", lambda *_: None)


def ignores_rp_filter(monkeypatch):
    monkeypatch.setattr(routein, "fib_validate_source", lambda *_: False)


def skips_the_local_table(monkeypatch):
    def lie(netns, *arguments, **options):
        found = lookup.fib_lookup(netns, *arguments, **options)
        if found.route is not None and found.route.type == "local" and options.get("iif") is not None:
            return lookup.FibResult(None, None, None, None, 101)
        return found

    monkeypatch.setattr(routein, "fib_lookup", lie)


def sends_no_redirect(monkeypatch):
    monkeypatch.setattr(forward, "ip_rt_send_redirect", lambda *_: None)


def never_probes(monkeypatch):
    def lie(entry):
        if entry.state is not Nud.DELAY:
            honest(entry)

    honest = neighbour.neigh_timer_handler
    monkeypatch.setattr(neighbour, "neigh_timer_handler", lie)


def forgets_rules(monkeypatch):
    def lie(netns, *arguments, **options):
        rules, netns.rules = netns.rules, [rule for rule in netns.rules if rule.priority in {0, 32766, 32767}]
        try:
            return honest(netns, *arguments, **options)
        finally:
            netns.rules = rules

    honest = lookup.fib_lookup
    for module in (route, routein):
        monkeypatch.setattr(module, "fib_lookup", lie)


def takes_everything_to_be_for_itself(monkeypatch):
    monkeypatch.setattr(Skb, "pkt_type", property(lambda _: 0, lambda *_: None), raising=False)


@pytest.mark.parametrize(
    "lie",
    [
        keeps_ttl,
        proxies_without_a_route,
        ignores_rp_filter,
        skips_the_local_table,
        sends_no_redirect,
        never_probes,
        forgets_rules,
        takes_everything_to_be_for_itself,
    ],
)
def test_a_wrong_model_is_found_out(monkeypatch, lie):
    lie(monkeypatch)
    assert find_disagreement()


# -- comparing ----------------------------------------------------------------------------------------------------


def ping_frame(ident, stamp):
    """An echo request; checksums that are right are found by trying."""
    head = bytes.fromhex("02 00 00 00 00 02 02 00 00 00 00 01 08 00")
    ip = bytearray.fromhex("45 00 00 54 00 00 40 00 40 01 00 00 0a 00 00 01 0a 00 00 02")
    icmp = bytearray.fromhex("08 00 00 00 00 07 00 01") + stamp.to_bytes(16, "big") + bytes(range(40))
    ip[4:6] = ident.to_bytes(2, "big")
    for data, at in ((ip, 10), (icmp, 2)):
        data[at : at + 2] = (0xFFFF - compare._sum(bytes(data))).to_bytes(2, "big")
    return (head + ip + icmp).hex()


def test_ids_and_time_stamps_do_not_count():
    one = [("a", "ab0", 4, ping_frame(77, 1)), ("a", "ab0", 4, ping_frame(78, 2))]
    other = [("a", "ab0", 4, ping_frame(5, 3)), ("a", "ab0", 4, ping_frame(9, 4))]
    text = compare.frames(one)
    assert text == compare.frames(other)
    assert "bad checksum" not in text
    assert "id1" in text
    assert "id2" in text


def test_equal_ids_are_not_the_same_as_different_ones():
    one = [("a", "ab0", 4, ping_frame(77, 1)), ("a", "ab0", 4, ping_frame(78, 2))]
    other = [("a", "ab0", 4, ping_frame(5, 3)), ("a", "ab0", 4, ping_frame(5, 4))]
    assert compare.frames(one) != compare.frames(other)


def test_id_zero_stays():
    assert compare.frames([("a", "ab0", 4, ping_frame(0, 1))]) != compare.frames([("a", "ab0", 4, ping_frame(9, 1))])


@pytest.mark.parametrize("at", [0, 6, 15, 22, 23, 26, 33, 34, 38, 41, 60])
def test_every_other_byte_counts(at):
    data = bytearray.fromhex(ping_frame(7, 1))
    data[at] ^= 1
    assert compare.frames([("a", "ab0", 4, data.hex())]) != compare.frames([("a", "ab0", 4, ping_frame(7, 1))])


def tunnelled(port, inner, checksum=7):
    """A frame in VXLAN; the checksum of the outer IP header is found by trying."""
    data = bytes.fromhex(inner)
    head = bytes.fromhex("02 00 00 00 00 04 02 00 00 00 00 03 08 00")
    ip = bytearray.fromhex("45 00 00 00 00 07 00 00 40 11 00 00 0a 00 00 01 0a 00 00 02")
    ip[2:4] = (len(data) + 36).to_bytes(2, "big")
    ip[10:12] = (0xFFFF - compare._sum(bytes(ip))).to_bytes(2, "big")
    udp = b"".join(value.to_bytes(2, "big") for value in (port, 4789, len(data) + 16, checksum))
    return (head + ip + udp + bytes.fromhex("0800000000000700") + data).hex()


def test_of_a_tunnel_the_hash_and_what_varies_inside_do_not_count():
    one, other = tunnelled(40000, ping_frame(77, 1)), tunnelled(50000, ping_frame(78, 2), checksum=9)
    assert compare.frames([("a", "e0", 4, one)]) == compare.frames([("a", "e0", 4, other)])
    assert "vxlan port0 > 4789" in compare.frames([("a", "e0", 4, one)])


@pytest.mark.parametrize("other", [tunnelled(5000, ping_frame(7, 1)), tunnelled(40000, ping_frame(7, 1), checksum=0), tunnelled(40000, ping_frame(7, 1)[:-2] + "00")])  # fmt: skip
def test_everything_else_of_a_tunnel_counts(other):
    one = tunnelled(40000, ping_frame(7, 1))
    assert compare.frames([("a", "e0", 4, one)]) != compare.frames([("a", "e0", 4, other)])


def test_two_flows_of_a_tunnel_are_told_apart():
    one, other, same = (("a", "e0", 4, tunnelled(port, ping_frame(7, 1))) for port in (40000, 41000, 40000))
    assert compare.frames([one, other]) != compare.frames([one, same])


def test_frames_are_compared_device_by_device():
    first, second = ping_frame(7, 1), ping_frame(8, 1)[:-2] + "00"
    one = [("a", "ab0", 4, first), ("b", "ba0", 0, first), ("a", "ab0", 4, second)]
    other = [("b", "ba0", 0, first), ("a", "ab0", 4, first), ("a", "ab0", 4, second)]
    assert compare.frames(one) == compare.frames(other)
    assert compare.frames(one) != compare.frames([one[2], one[1], one[0]])
    assert compare.frames(one) != compare.frames([("a", "ab0", 0, first), *one[1:]])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.05 ms\n", "64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=11 ms\n"),
        ("rtt min/avg/max/mdev = 1/2/3/0 ms, pipe 2\n", "rtt min/avg/max/mdev = 2/2/3/0 ms\n"),
        ("1.1.1.1 dev a FAILED \n1.1.1.2 dev a lladdr 02:00:00:00:00:01 STALE \n", "1.1.1.2 dev a lladdr 02:00:00:00:00:01 STALE \n1.1.1.1 dev a FAILED \n"),
        ("cache expires 600sec mtu 1000", "cache expires 599sec mtu 1000"),
        ("66:00:00:00:00:01 dev vx dst 1.1.1.1 self\n33:33:00:00:00:01 dev vx self permanent\n02:00:00:00:00:01 dev p master br0\n", "02:00:00:00:00:01 dev p master br0\n66:00:00:00:00:01 dev vx dst 1.1.1.1 self\n"),
        ("RTNETLINK answers: File exists\nCommand failed -:3\n", "RTNETLINK answers: File exists\n"),
    ],
)  # fmt: skip
def test_what_differs_from_run_to_run_does_not_count(one, other):
    assert compare.printed(one) == compare.printed(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=1 ms\n", "64 bytes from 10.0.0.1: icmp_seq=1 ttl=63 time=1 ms\n"),
        ("1.1.1.1 dev a FAILED \n", "1.1.1.1 dev a INCOMPLETE \n"),
        ("1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n", "1 packets transmitted, 0 received, 100% packet loss, time 0ms\n"),
        ("cache expires 600sec mtu 1000", "cache expires 100sec mtu 1000"),
    ],
)  # fmt: skip
def test_everything_else_counts(one, other):
    assert compare.printed(one) != compare.printed(other)


# -- making small -------------------------------------------------------------------------------------------------


def test_a_case_is_made_as_small_as_what_fails_in_it():
    case = next(
        each for each in draw.generate(6, 40) if len(each.namespaces) > 3 and any(step.is_ping for step in each.steps)
    )
    wanted = next(step for step in case.steps if step.is_ping)

    def fails(cases):
        return [any(step.netns == wanted.netns and step.is_ping for step in each.steps) for each in cases]

    small = shrink.shrink(case, fails)
    assert small.namespaces == (wanted.netns,)
    assert small.veths == ()
    assert small.setup == ()
    assert len(small.steps) == 1


def test_the_runners_are_given_what_the_script_says():
    case = Case(
        ("a",),
        (),
        (Command("a", "sysctl net.ipv4.ip_forward=1"), Command("a", "ip addr add 10.0.0.1/8 dev lo")),
        (Command("a", "ping -n -c 1 -W 0.3 10.0.0.1"),),
    )
    plan = case.plan()
    assert Batch("a", ("link set lo up", "addr add 10.0.0.1/8 dev lo")) in plan
    assert "t ip netns exec a ping -n -c 1 -W 0.3 10.0.0.1" in plan
    answer = ours.run(case)
    assert isinstance(answer, Answer)
    assert "1 received" in answer.text
    assert {frame[1] for frame in answer.frames} == {"lo"}


def test_the_results_speak_of_enough_cases_and_no_mismatch():
    tally = campaign.results()
    assert tally.cases >= 2000
    assert tally.mismatches == 0
    assert sum(tally.seeds.values()) == tally.cases
    assert Path(campaign.RESULTS).read_text(encoding="utf-8").endswith("}\n")


@pytest.mark.parametrize(
    ("answer", "storm"),
    [
        (Answer("[failed: 514 frames lost]\n", []), True),
        (Answer("[failed: no such file]\n", []), False),
        (Answer("", [("a", "e0", 4, "")] * (campaign.STORM + 1)), True),
        (Answer("", [("a", "e0", 4, "")] * campaign.STORM), False),
    ],
)
def test_more_frames_than_can_be_compared_are_a_storm(answer, storm):
    assert campaign.is_storm(answer) is storm
