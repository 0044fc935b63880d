"""Rule sets that are drawn from a seed: the kernel and podwire make the same of them.

``PODWIRE_ORACLE_SEED=… pytest -m slow tests/oracle/rules`` asks about the cases of another seed.
"""

import os
import re
import time
from collections import Counter

import pytest

from podwire.linux.netfilter import evaluate
from tests.conftest import CI
from tests.oracle.rules import campaign, compare, draw, kernel, packets, policies, services, table
from tests.oracle.rules.case import Case, Seen, Send

RECORDED = 1
FEW = 24
SLICE = 60
SECONDS = 90


def need() -> None:
    if why := kernel.reason():
        if CI:
            pytest.fail(why, pytrace=False)
        pytest.skip(why)


def judge(found: list[campaign.Disagreement]) -> None:
    assert not found, "\n\n".join(campaign.told(each) for each in found[:2])


def test_podwire_does_what_the_kernel_was_seen_to_do():
    assert campaign.find_disagreement(RECORDED) is None


def test_podwire_does_what_the_kernel_was_seen_to_do_with_the_rules_of_services():
    assert campaign.find_disagreement(RECORDED, about="services") is None


def test_podwire_does_what_the_kernel_was_seen_to_do_with_the_rules_of_policies():
    assert campaign.find_disagreement(3, about="policies") is None


def test_the_recorded_policies_drop_and_accept_and_go_through_tunnels():
    kept = campaign.recorded(3, "policies")
    subjects = Counter(subject for each in kept for subject in campaign.met(each.real)[0])
    wanted = ("-m set", "-m multiport", "-m conntrack", "-m rpfilter", "-m mark", "-j MARK", "-j DROP", "jump", "goto")
    assert {name for name in wanted if not subjects[name]} == set()
    assert sum(" vxlan 08" in each.real for each in kept) > 2
    assert {each.case.variant for each in kept} == {"nft", "legacy"}


def test_the_recorded_services_are_reached_by_every_way():
    kept = campaign.recorded(RECORDED, "services")
    subjects = Counter(subject for each in kept for subject in campaign.met(each.real)[0])
    wanted = {f"-j {each}" for each in ("DNAT", "MASQUERADE", "REJECT", "DROP", "MARK")}
    wanted |= {f"-m {each}" for each in ("addrtype", "recent", "statistic", "mark", "tcp", "udp", "sctp")}
    assert {name for name in wanted if not subjects[name]} == set()
    assert sum(len(each.case.syncs) > 2 for each in kept) > len(kept) // 4, "partial syncs"
    assert {each.case.variant for each in kept} == {"nft", "legacy"}


@pytest.mark.oracle
def test_the_kernel_of_this_machine_agrees_about_services():
    need()
    judge(campaign.disagreements(services.generate(2, FEW)))


@pytest.mark.oracle
def test_the_kernel_of_this_machine_agrees_about_policies():
    need()
    judge(campaign.disagreements(policies.generate(2, FEW)))


@pytest.mark.oracle
def test_the_kernel_of_this_machine_agrees():
    need()
    judge(campaign.disagreements(draw.generate(2, FEW)))


@pytest.mark.oracle
@pytest.mark.slow
@pytest.mark.parametrize("seed", [781, "782, or another"])
def test_the_kernel_of_this_machine_agrees_on_many(seed):
    need()
    if isinstance(seed, str):
        # A fresh one finds a difference about once in a thousand cases: README.md.
        seed = int(os.environ.get("PODWIRE_ORACLE_SEED") or seed.partition(",")[0])
    print(f"PODWIRE_ORACLE_SEED={seed}")
    begin, cases = time.monotonic(), draw.generate(seed, 400)
    found: list[campaign.Disagreement] = []
    for start in range(0, len(cases), SLICE):
        if found or time.monotonic() - begin > SECONDS:
            break
        found = campaign.disagreements(cases[start : start + SLICE])
    judge(found)


def test_the_recorded_cases_reach_what_they_are_meant_to():
    kept = campaign.recorded(RECORDED)
    themes = Counter(each.case.theme for each in kept)
    assert set(draw.THEMES) == set(themes)
    subjects = Counter(subject for each in kept for subject in campaign.met(each.real)[0])
    wanted = {
        "-m conntrack",
        "-m set",
        "-m mark",
        "-m statistic",
        "-m addrtype",
        "-m recent",
        "-m multiport",
        "-m limit",
    }
    wanted |= {
        "-j DNAT",
        "-j SNAT",
        "-j MASQUERADE",
        "-j REJECT",
        "-j MARK",
        "-j CONNMARK",
        "-j CT",
        "-j REDIRECT",
        "jump",
        "goto",
    }
    assert {name for name in wanted if subjects[name] < 2} == set()
    assert sum(each.case.trace for each in kept) > len(kept) // 10


def test_a_wrong_model_is_found_out(monkeypatch):
    """RETURN that goes to the base chain, as one peer has it."""
    assert campaign.find_disagreement(RECORDED, 40) is None
    verdicts = dict(evaluate._VERDICTS)
    monkeypatch.setattr(evaluate, "_VERDICTS", verdicts | {"RETURN": verdicts["ACCEPT"]})
    assert campaign.find_disagreement(RECORDED, 40) is not None


# -- the comparison itself ----------------------------------------------------------------------------------------


CASE = Case(
    "nft", "filter", "", (Send("a", packets.frame("a", packets.ipv4(b"\n\1\0\2", b"\n\2\0\2", 17, bytes(8))).hex()),)
)


def test_an_answer_swaps_what_it_answers():
    src, dst = packets.address("10.1.0.2"), packets.address("10.2.0.2")
    syn = packets.transport(packets.TCP, src, dst, packets.tcp(1000, 80, 7, 0, packets.SYN))
    got = packets.answer("b", packets.frame("a", packets.ipv4(src, dst, packets.TCP, syn)), "reply")
    assert got is not None
    back, to, proto, body = packets.parts(got)
    assert (back, to, proto) == (dst, src, packets.TCP)
    assert packets.transport(packets.TCP, back, to, body) == body
    assert (body[:4], body[8:12], body[13]) == (b"\0\x50\x03\xe8", b"\0\0\0\x08", packets.SYN | packets.ACK)


def test_ports_that_nat_drew_are_named():
    names = compare.Names(CASE)
    text = "tcp 6 119 SYN_SENT src=10.1.0.2 dst=10.2.0.2 sport=1000 dport=80 [UNREPLIED] src=10.2.0.2 dst=10.2.0.1 sport=80 dport=61234 mark=0 use=1\n"
    assert compare.connections(text, names) == (
        "tcp 6 SYN_SENT src=10.1.0.2 dst=10.2.0.2 sport=1000 dport=80 [UNREPLIED] src=10.2.0.2 dst=10.2.0.1 sport=80 dport=port0 mark=0\n"
    )


def test_a_counter_that_differs_is_seen():
    one, other = (
        Seen(saved="*filter\n[1:84] -A FORWARD -j ACCEPT\n"),
        Seen(saved="*filter\n[2:84] -A FORWARD -j ACCEPT\n"),
    )
    assert compare.difference(CASE, one, one) == ""
    assert "[2:84]" in compare.difference(CASE, one, other)


def test_a_trace_is_told_packet_by_packet():
    text = (
        "PACKET: 2 e63dd716 IN=ra \n"
        " TRACE: 2 e63dd716 filter:FORWARD:rule:0x3:JUMP:U  -4 -t filter -A FORWARD -j U\n"
        " TRACE: 2 e63dd716 filter:FORWARD:policy:ACCEPT \n"
    )
    assert (
        compare.traced(text)
        == "#0 filter:FORWARD:rule:JUMP:U -4 -t filter -A FORWARD -j U\n#0 filter:FORWARD:policy:ACCEPT\n"
    )


def test_the_tables_count_what_packets_met():
    saved = "*filter\n:FORWARD ACCEPT [0:0]\n[1:84] -A FORWARD -s 10.1.0.2/32 -m mark --mark 0x1 -j REJECT\n[0:0] -A FORWARD -m limit -j DROP\n"
    assert campaign.met(saved) == ({"-s", "-m mark", "-j REJECT"}, {"filter FORWARD"})
    tally = campaign.Tally(
        cases=1, subjects={"-m mark": 1, "-j REJECT": 1}, hooks={"filter FORWARD": 1}, variants={"nft": 1}
    )
    page = "\n".join(table.lines(tally))
    assert "| mark | 1 | 0 |" in page
    assert re.search(r"\| REJECT \| 1 \| 0 \|", page)
    assert list(table.lines(campaign.Tally())) == []


def test_hosts_answer_only_what_can_be_answered():
    data = bytes.fromhex(CASE.packets[0].data)  # type: ignore[union-attr]
    assert packets.answer("b", data, "reset-it") is None
    assert packets.answer("b", data, "reply") is not None
