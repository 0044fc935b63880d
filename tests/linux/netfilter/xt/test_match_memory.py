"""Matches that remember: ``limit``, ``hashlimit``, ``recent``, ``statistic``, and for how long (measured on kernel 6.18)."""

from __future__ import annotations

import pytest

from podwire.linux.netfilter.conntrack.entry import IPS_SEEN_REPLY
from podwire.linux.netfilter.conntrack.tcp import CLOSE
from podwire.linux.netfilter.conntrack.tcpwindow import TcpTrack
from podwire.linux.netfilter.tables import LEGACY, NFT
from podwire.wire.headers import TCP_ACK, TCP_RST
from tests.linux.netfilter.nat.natlab import iptables
from tests.linux.netfilter.xt import targetlab
from tests.linux.netfilter.xt.matchlab import burst, clear, counted, routed, rules

BOTH = pytest.mark.parametrize("variant", [NFT, LEGACY])


@BOTH
@pytest.mark.parametrize(("pause", "more"), [(0.0, 0), (0.9, 0), (1.1, 1), (2.1, 2), (60.0, 3)])
def test_a_limit_is_a_burst_and_then_its_rate(variant: str, pause: float, more: int) -> None:
    lab = routed()
    rules(lab, "-A FORWARD -m limit --limit 1/s --limit-burst 3", variant=variant)
    burst(lab, 9)
    assert counted(lab, variant=variant) == [3]
    lab.run(pause)
    burst(lab, 9)
    assert counted(lab, variant=variant) == [3 + more]


@pytest.mark.parametrize(("variant", "after"), [(NFT, 3), (LEGACY, 6)])
def test_an_edit_of_another_rule_refills_a_limit_of_legacy_and_not_of_nft(variant: str, after: int) -> None:
    lab = routed()
    rules(lab, "-A FORWARD -m limit --limit 1/hour --limit-burst 3", variant=variant)
    burst(lab, 5)
    rules(lab, "-A FORWARD -p tcp", variant=variant)
    burst(lab, 5)
    assert counted(lab, variant=variant) == [after, 0]


@BOTH
def test_a_rule_that_two_hooks_reach_has_one_memory(variant: str) -> None:
    lab = routed()
    lines = (
        ":both - [0:0]",
        "-A FORWARD -j both",
        "-A INPUT -j both",
        "-A both -m limit --limit 1/hour --limit-burst 3",
    )
    rules(lab, *lines, variant=variant)
    burst(lab, 2)
    burst(lab, 2, dst="10.0.0.254")
    assert counted(lab, "both", variant=variant) == [3]


def test_nft_takes_a_burst_of_none_for_five() -> None:
    lab = routed()
    rules(lab, "-A FORWARD -m limit --limit 1/hour --limit-burst 0")
    burst(lab, 9)
    assert counted(lab) == [5]
    assert "-A FORWARD -m limit --limit 1/hour\n" in lab.door("r").iptables_save()


@BOTH
def test_hashlimit_has_a_bucket_for_each_source(variant: str) -> None:
    lab = routed()
    options = "--hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-htable-expire 60000 --hashlimit-name h"
    rules(lab, f"-A FORWARD -m hashlimit --hashlimit-upto 1/s {options}", variant=variant)
    burst(lab, 5)
    burst(lab, 5, src="10.0.0.7")
    assert counted(lab, variant=variant) == [4]
    lab.run(1.1)
    burst(lab, 5)
    assert counted(lab, variant=variant) == [5]


def test_rules_share_a_table_by_its_name_with_the_settings_of_the_first() -> None:
    lab = routed()
    first = "-A FORWARD -m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 3 --hashlimit-name h"
    rules(lab, first, "-A FORWARD -m hashlimit --hashlimit-above 9/s --hashlimit-burst 9 --hashlimit-name h")
    burst(lab, 4)
    # The first three packets take a credit twice: 3 in all, 1 of them by the second rule.
    assert counted(lab) == [2, 3]
    clear(lab, "FORWARD")
    assert lab["r"].xtables.hashlimit == {}


def test_an_idle_bucket_is_forgotten_when_the_collector_comes_by() -> None:
    lab = routed()
    options = "--hashlimit-burst 2 --hashlimit-htable-expire 1000 --hashlimit-name h"
    rules(lab, f"-A FORWARD -m hashlimit --hashlimit-upto 1/hour {options}")
    burst(lab, 3)
    assert counted(lab) == [2]
    lab.run(0.9)
    burst(lab, 1)
    assert counted(lab) == [2]
    lab.run(3)
    burst(lab, 3)
    assert counted(lab) == [4]


def test_a_full_table_of_hashlimit_drops() -> None:
    lab = routed()
    options = "--hashlimit-mode srcip --hashlimit-htable-size 1 --hashlimit-htable-max 2 --hashlimit-name h"
    rules(lab, f"-A FORWARD -m hashlimit --hashlimit-upto 9/s {options}", "-A FORWARD")
    for number in range(3, 7):
        burst(lab, src=f"10.0.0.{number}")
    assert counted(lab) == [2, 2]
    assert [where for where, _ in lab.drops("r")] == ["nf_hook_slow"] * 2


def differences(totals: list[int]) -> list[int]:
    """What each step has added."""
    return [after - before for before, after in zip([0, *totals], totals, strict=False)]


def test_a_list_remembers_who_was_there_and_when() -> None:
    lab = routed()
    rules(lab, "-A FORWARD -m recent --rcheck --seconds 2 --hitcount 2", "-A FORWARD -m recent --set")
    found = []
    for pause in (0, 0, 0, 2.5, 0, 1):
        lab.run(pause)
        burst(lab)
        found.append(counted(lab)[0])
    assert differences(found) == [0, 0, 1, 0, 0, 1]
    burst(lab, src="10.0.0.9")
    assert counted(lab)[0] == found[-1]


def test_update_notes_the_time_only_if_it_matches() -> None:
    lab = routed()
    rules(lab, "-A FORWARD -m recent --update --seconds 2")
    rules(lab, "-A FORWARD -p tcp -m recent --set")
    lab["r"].xtables.recent["DEFAULT"].add(int.from_bytes(bytes((10, 0, 0, 1))), 64)
    found = []
    for pause in (1, 1.5, 1.5, 2.5, 0):
        lab.run(pause)
        burst(lab)
        found.append(counted(lab)[0])
    assert differences(found) == [1, 1, 1, 0, 0]


def test_the_hundred_and_first_address_throws_out_the_one_not_seen_for_longest() -> None:
    lab = routed()
    rules(lab, "-A FORWARD -m recent --set --rsource")
    for number in range(101):
        burst(lab, src=f"10.0.1.{number}")
    there = [addr & 0xFF for addr, _ in lab["r"].xtables.recent["DEFAULT"].entries]
    assert there == list(range(1, 101))


def test_a_rule_that_counts_further_than_a_list_remembers_empties_it() -> None:
    lab = routed()
    rules(lab, "-A FORWARD -m recent --set")
    burst(lab)
    rules(lab, "-A FORWARD -m recent --rcheck --hitcount 32")
    assert len(lab["r"].xtables.recent["DEFAULT"].entries) == 1
    rules(lab, "-A FORWARD -m recent --rcheck --hitcount 33")
    assert lab["r"].xtables.recent["DEFAULT"].entries == {}
    assert lab["r"].xtables.recent["DEFAULT"].ring == 64
    clear(lab, "FORWARD")
    assert lab["r"].xtables.recent == {}


@BOTH
def test_every_third_packet(variant: str) -> None:
    lab = routed()
    rules(
        lab,
        "-A FORWARD -m statistic --mode nth --every 3 --packet 0",
        "-A FORWARD -m statistic --mode nth --every 3 --packet 2",
        "-A FORWARD -m statistic --mode nth ! --every 3 --packet 0",
        variant=variant,
    )
    found = []
    for _ in range(7):
        burst(lab)
        found.append(counted(lab, variant=variant))
    assert [each[0] for each in found] == [1, 1, 1, 2, 2, 2, 3]
    assert [each[1] for each in found] == [0, 0, 1, 1, 1, 2, 2]
    assert [each[2] for each in found] == [0, 1, 2, 2, 3, 4, 4]


@pytest.mark.parametrize(
    ("text", "low", "high"), [("0", 0, 0), ("1", 400, 400), ("0.25", 70, 130), ("! 0.25", 270, 330)]
)
def test_chance_comes_from_the_seed(text: str, low: int, high: int) -> None:
    def played() -> int:
        lab = routed()
        no, _, number = text.rpartition(" ")
        rules(lab, f"-A FORWARD -m statistic --mode random {no} --probability {number}")
        burst(lab, 400)
        return counted(lab)[0]

    assert low <= played() == played() <= high


def test_connlimit_counts_connections_and_forgets_those_that_are_over() -> None:
    lab = routed()
    rules(lab, "-A FORWARD -m connlimit --connlimit-above 2 --connlimit-mask 24")
    for port in (1, 2, 2, 3, 4):
        burst(lab, src=f"10.0.0.{port}")
    assert counted(lab) == [2]
    lab.run(31)
    burst(lab, src="10.0.0.5")
    burst(lab, src="10.0.1.5")
    assert counted(lab) == [2]


def test_connlimit_drops_what_the_last_connection_sends_once_it_is_closed() -> None:
    """Seen of iptables of both variants on Linux 6.18: the closed one is forgotten, none is left, and none is taken for an error."""
    lab = targetlab.routed()
    rules(lab, "-A FORWARD -i r0 -m connlimit --connlimit-above 5", "-A FORWARD -i r0")
    iptables(lab, "b", "-A INPUT -j DROP")
    targetlab.tcp(lab, TCP_ACK)
    assert counted(lab) == [0, 1]
    (ct,) = lab["r"].conntrack
    ct.status |= IPS_SEEN_REPLY
    targetlab.tcp(lab, TCP_RST)
    assert isinstance(ct.proto, TcpTrack)
    assert ct.proto.state == CLOSE
    assert counted(lab) == [0, 1]
    assert lab.drops("r")[-1] == ("nf_hook_slow", "NETFILTER_DROP")
