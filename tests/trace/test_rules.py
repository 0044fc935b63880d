"""Rules in the words of ``xtables-monitor --trace``, and which of them a story tells."""

from __future__ import annotations

import pytest

from podwire.trace.events import (
    AnyEvent,
    ByRule,
    Conntrack,
    Created,
    Dropped,
    Forwarded,
    Logged,
    Owner,
    RuleMatched,
    Translated,
)
from podwire.trace.fate import sentence
from podwire.trace.reasons import DropReason
from podwire.trace.rules import decision, telling, trace_line
from podwire.wire.addr import Ip
from tests.trace.story import Story, echo

RULE = ByRule("filter", "FORWARD", 2, "-i eth0 -j ACCEPT")
NAT = ByRule("nat", "POSTROUTING", 1, "-j MASQUERADE", Owner("kube-proxy", "Service default/web"))
ADDRESSES = Ip.parse("10.0.0.1"), Ip.parse("10.0.0.2")


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            RuleMatched(RULE, "ACCEPT", "ACCEPT"),
            "filter:FORWARD:rule:2:ACCEPT  -4 -t filter -A FORWARD -i eth0 -j ACCEPT",
        ),
        (
            RuleMatched(ByRule("filter", "FORWARD", 1, "-j MY"), "MY", "jump"),
            "filter:FORWARD:rule:1:JUMP:MY  -4 -t filter -A FORWARD -j MY",
        ),
        (
            RuleMatched(ByRule("filter", "FORWARD", 1, "-g MY"), "MY", "goto"),
            "filter:FORWARD:rule:1:GOTO:MY  -4 -t filter -A FORWARD -g MY",
        ),
        (
            RuleMatched(ByRule("mangle", "MY", 3, "-j MARK --set-xmark 0x1/0xffffffff"), "MARK"),
            "mangle:MY:rule:3:CONTINUE  -4 -t mangle -A MY -j MARK --set-xmark 0x1/0xffffffff",
        ),
        (RuleMatched(ByRule("filter", "MY", 4), "", ""), "filter:MY:rule:4:CONTINUE  -4 -t filter -A MY"),
        (
            RuleMatched(ByRule("filter", "MY", 5, "-j RETURN"), "RETURN", "RETURN"),
            "filter:MY:rule:5:RETURN  -4 -t filter -A MY -j RETURN",
        ),
        (
            RuleMatched(NAT, "MASQUERADE", "ACCEPT"),
            "nat:POSTROUTING:rule:1:ACCEPT  -4 -t nat -A POSTROUTING -j MASQUERADE  [kube-proxy for Service default/web]",
        ),
        (
            RuleMatched(ByRule("raw", "PREROUTING", 0, "ACCEPT"), "ACCEPT", "ACCEPT", "policy"),
            "raw:PREROUTING:policy:ACCEPT",
        ),
        (RuleMatched(ByRule("filter", "MY", 0), "", "RETURN", "return"), "filter:MY:return:RETURN"),
    ],
)
def test_as_xtables_monitor_prints_it_with_the_number_of_the_rule(event: RuleMatched, line: str) -> None:
    assert trace_line(event) == line


@pytest.mark.parametrize(
    ("target", "verdict", "words"),
    [
        ("ACCEPT", "ACCEPT", "ACCEPT"),
        ("REJECT", "DROP", "REJECT"),
        ("MARK", "", "MARK"),
        ("MY", "jump", "jump to MY"),
        ("MY", "goto", "goto to MY"),
        ("", "", "no verdict"),
    ],
)
def test_what_a_rule_decided(target: str, verdict: str, words: str) -> None:
    assert decision(RuleMatched(RULE, target, verdict)) == words


ACCEPTED = RuleMatched(RULE, "ACCEPT", "ACCEPT")
DENIED = RuleMatched(RULE, "DROP", "DROP")
DEAD = Dropped("nf_hook_slow", DropReason.NETFILTER_DROP, RULE)
MASQUERADED = RuleMatched(NAT, "MASQUERADE", "ACCEPT")
TRANSLATED = Translated("SNAT", "POSTROUTING", *ADDRESSES, by=NAT)


@pytest.mark.parametrize(
    ("event", "others", "told"),
    [
        (ACCEPTED, (), True),
        (DENIED, (), True),
        (DENIED, (DENIED, DEAD), False),
        (MASQUERADED, (MASQUERADED, TRANSLATED), False),
        (MASQUERADED, (MASQUERADED,), True),
        (RuleMatched(RULE, "MARK"), (), False),
        (RuleMatched(RULE, "MY", "jump"), (), False),
        (RuleMatched(RULE, "RETURN", "RETURN"), (), False),
        (RuleMatched(RULE, "ACCEPT", "ACCEPT", "policy"), (), False),
        (Conntrack("NEW"), (), True),
        (Conntrack("NEW", "clash"), (), True),
        (Conntrack("NEW", "confirmed"), (), False),
        (Logged("x: ", "x: IN=eth0"), (), True),
        (Forwarded("a", "b", 1), (), True),
    ],
)
def test_a_story_tells_what_decided_once(event: AnyEvent, others: tuple[AnyEvent, ...], told: bool) -> None:
    assert telling(event, others) is told


@pytest.mark.parametrize(
    ("state", "text", "told"),
    [
        ("INVALID", "-m conntrack --ctstate INVALID -j DROP", True),
        ("INVALID", "-m conntrack --ctstate NEW,INVALID -j DROP", True),
        ("INVALID", "-m state --state INVALID -j DROP", True),
        ("INVALID", "-m conntrack ! --ctstate ESTABLISHED -j DROP", False),
        ("INVALID", "-m conntrack ! --ctstate INVALID -j DROP", False),
        ("NEW", "-m conntrack --ctstate INVALID,NEW -j DROP", False),
    ],
)
def test_a_rule_about_invalid_packets_is_told_as_such_where_the_packet_was_one(
    state: str, text: str, told: bool
) -> None:
    story = Story().add(1, "node1", Created(0, "", echo()), Conntrack(state))
    story.die(1, "node1", "nf_hook_slow", DropReason.NETFILTER_DROP, ByRule("filter", "FORWARD", 1, text), "")
    assert ("(INVALID)" in sentence(story.trace().recorder, 1)) is told
