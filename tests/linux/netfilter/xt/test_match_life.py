"""What a rule holds while it stands, where it may stand, and which names there are."""

from __future__ import annotations

from errno import EINVAL, ELOOP, EMLINK, ENOENT

import pytest

from podwire.errors import NotModelled
from podwire.linux.netfilter.hooks import HOOK_NAMES
from podwire.linux.netfilter.ipset.adt import Create
from podwire.linux.netfilter.tables import LEGACY, NFT, TABLE_HOOKS, Chain, Jump, Rule, RuleSpec, Standard
from podwire.linux.netfilter.xt.base import XtCheckError
from podwire.linux.netfilter.xt.options import OptionError
from podwire.linux.netfilter.xt.registry import MATCHES, find_match, load_match
from podwire.wire.addr import AF_INET
from tests.linux.lab import Lab
from tests.linux.netfilter.xt.matchlab import clear, match, routed, rules

BOTH = pytest.mark.parametrize("variant", [NFT, LEGACY])
TRACKING = ("conntrack --ctstate NEW", "state --state NEW", "connmark --mark 1", "connlimit --connlimit-above 1")
COUNTING = "connbytes --connbytes 1 --connbytes-dir both --connbytes-mode packets"


@BOTH
@pytest.mark.parametrize("text", [*TRACKING, COUNTING])
def test_a_rule_that_asks_for_connections_has_them_tracked_as_long_as_it_stands(text: str, variant: str) -> None:
    lab = routed()
    tracking = lab["r"].conntrack
    rules(lab, f"-A FORWARD -m {text}", f"-A INPUT -m {text}", variant=variant)
    assert tracking.users == 2
    rules(lab, "-A FORWARD -p tcp", variant=variant)
    assert tracking.users == 2
    clear(lab, "FORWARD", variant=variant)
    assert tracking.users == 1
    clear(lab, "INPUT", variant=variant)
    assert tracking.users == 0
    assert not any(lab["r"].hooks[hook] for hook in (0, 4))


def test_a_chain_that_many_hooks_reach_holds_once() -> None:
    lab = routed()
    rules(
        lab,
        ":x - [0:0]",
        "-A x -m conntrack --ctstate NEW",
        *(f"-A {chain} -j x" for chain in ("INPUT", "FORWARD", "OUTPUT")),
    )
    assert lab["r"].conntrack.users == 1


def test_what_cannot_stand_leaves_nothing_behind() -> None:
    lab = routed()
    tracked, wrong = match(lab, "-m conntrack --ctstate NEW"), match(lab, "-m owner --uid-owner 0")
    recent, limited = match(lab, "-m recent --set"), match(lab, "-m hashlimit --hashlimit-upto 1/s --hashlimit-name h")
    chains = [Chain("FORWARD", "ACCEPT", [Rule(RuleSpec(matches=(tracked, recent, limited)))])]
    chains += [Chain("INPUT", "ACCEPT", [Rule(RuleSpec(matches=(wrong,)))]), Chain("OUTPUT", "ACCEPT")]
    with pytest.raises(XtCheckError) as caught:
        lab.door("r").xt_commit(NFT, {"filter": chains})
    assert caught.value.errno == EINVAL
    assert lab["r"].conntrack.users == 0
    assert not lab["r"].xtables.recent
    assert not lab["r"].xtables.hashlimit
    assert lab["r"].xtables.table(NFT, "filter") is None


def test_the_second_table_that_is_refused_takes_the_first_with_it() -> None:
    lab = routed()
    tracked, gone = match(lab, "-m conntrack --ctstate NEW"), RuleSpec(target=Jump("a"))
    good = [Chain(name, "ACCEPT") for name in ("INPUT", "FORWARD", "OUTPUT")]
    good[0].rules.append(Rule(RuleSpec(matches=(tracked,))))
    circle = [Chain("PREROUTING", "ACCEPT", [Rule(gone)]), Chain("OUTPUT", "ACCEPT"), Chain("a", None, [Rule(gone)])]
    with pytest.raises(XtCheckError):
        lab.door("r").xt_commit(NFT, {"filter": good, "raw": circle})
    assert lab["r"].conntrack.users == 0
    assert lab["r"].xtables.table(NFT, "filter") is None


def test_a_set_that_a_rule_names_is_referenced_and_follows_a_swap() -> None:
    lab = routed()
    netns = lab["r"]
    for name in ("one", "two"):
        netns.ipsets.create(name, "hash:ip", Create(family=AF_INET))
    rules(lab, "-A FORWARD -m set --match-set one src")
    assert netns.ipsets["one"].references == 1
    netns.ipsets.swap("one", "two")
    assert (netns.ipsets["one"].references, netns.ipsets["two"].references) == (1, 0)
    clear(lab, "FORWARD")
    assert netns.ipsets["one"].references == 0


def test_a_set_that_is_gone_by_then_is_the_kernels_error() -> None:
    lab = routed()
    lab["r"].ipsets.create("one", "hash:ip", Create(family=AF_INET))
    tracked, named = match(lab, "-m conntrack --ctstate NEW"), match(lab, "-m set --match-set one src")
    lab["r"].ipsets.destroy("one")
    chains = [Chain(name, "ACCEPT") for name in ("INPUT", "FORWARD", "OUTPUT")]
    chains[0].rules.append(Rule(RuleSpec(matches=(tracked, named))))
    with pytest.raises(XtCheckError) as caught:
        lab.door("r").xt_commit(NFT, {"filter": chains})
    assert caught.value.errno == ENOENT
    assert lab["r"].conntrack.users == 0


def test_a_rule_about_ports_of_a_bridge_brings_the_module_that_knows_them() -> None:
    lab = routed()
    assert lab["r"].machine.modules == []
    rules(lab, "-A FORWARD -m physdev --physdev-is-bridged")
    assert lab["r"].machine.modules == ["br_netfilter"]


def test_connbytes_turns_accounting_on_for_good() -> None:
    lab = routed()
    assert lab["r"].conntrack.setting("nf_conntrack_acct") == 0
    rules(lab, f"-A FORWARD -m {COUNTING}")
    clear(lab, "FORWARD")
    assert lab["r"].conntrack.setting("nf_conntrack_acct") == 1


# -- where ----------------------------------------------------------------------------------------------------------


def stands(lab: Lab, text: str, table: str, chain: str, variant: str, *, by_jump: bool) -> bool:
    """May the match stand in that chain, or in one that it jumps to?"""
    spec = RuleSpec(matches=(match(lab, text, variant),))
    chains = [Chain(HOOK_NAMES[hook], "ACCEPT") for hook in TABLE_HOOKS[table]]
    here = next(each for each in chains if each.name == chain)
    if by_jump:
        chains.append(Chain("x", None, [Rule(spec)]))
        spec = RuleSpec(target=Jump("x"))
    here.rules.append(Rule(spec))
    try:
        lab.door("r").xt_commit(variant, {table: chains})
    except XtCheckError as error:
        return error.errno != EINVAL
    return True


@BOTH
@pytest.mark.parametrize("by_jump", [False, True])
@pytest.mark.parametrize(
    ("text", "table", "chain", "good"),
    [
        ("-m rpfilter", "raw", "PREROUTING", True),
        ("-m rpfilter", "raw", "OUTPUT", False),
        ("-m rpfilter", "mangle", "PREROUTING", True),
        ("-m rpfilter", "nat", "PREROUTING", False),
        ("-m owner --uid-owner 0", "filter", "OUTPUT", True),
        ("-m owner --uid-owner 0", "filter", "INPUT", False),
        ("-m owner --uid-owner 0", "nat", "POSTROUTING", True),
        ("-m socket", "mangle", "PREROUTING", True),
        ("-m socket", "filter", "FORWARD", False),
        ("-m mac --mac-source 02:00:00:00:00:01", "filter", "FORWARD", True),
        ("-m mac --mac-source 02:00:00:00:00:01", "filter", "OUTPUT", False),
    ],
)
def test_some_matches_are_only_for_some_hooks(
    text: str, table: str, chain: str, variant: str, *, good: bool, by_jump: bool
) -> None:
    assert stands(routed(), text, table, chain, variant, by_jump=by_jump) is good


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        ("-m addrtype --dst-type LOCAL --limit-iface-in", "OUTPUT"),
        ("-m addrtype --dst-type LOCAL --limit-iface-out", "INPUT"),
        ("-m physdev --physdev-out eth0", "OUTPUT"),
    ],
)
def test_what_checkentry_looks_at_nft_does_not_see_behind_a_jump(text: str, chain: str) -> None:
    found = [
        stands(routed(), text, "filter", chain, variant, by_jump=by_jump)
        for variant in (NFT, LEGACY)
        for by_jump in (False, True)
    ]
    assert found == [False, True, False, False]


@pytest.mark.parametrize(("variant", "depth", "errno"), [(NFT, 15, 0), (NFT, 16, EMLINK), (LEGACY, 40, 0)])
def test_how_deep_chains_may_lead(variant: str, depth: int, errno: int) -> None:
    lab = routed()
    chains = [Chain(name, "ACCEPT") for name in ("INPUT", "FORWARD", "OUTPUT")]
    chains[1].rules.append(Rule(RuleSpec(target=Jump("c1"))))
    for number in range(1, depth + 1):
        target = Jump(f"c{number + 1}") if number < depth else Standard("RETURN")
        chains.append(Chain(f"c{number}", None, [Rule(RuleSpec(target=target))]))
    if not errno:
        lab.door("r").xt_commit(variant, {"filter": chains})
        return
    with pytest.raises(XtCheckError) as caught:
        lab.door("r").xt_commit(variant, {"filter": chains})
    assert caught.value.errno == errno


@pytest.mark.parametrize(("variant", "errno"), [(NFT, EMLINK), (LEGACY, ELOOP)])
@pytest.mark.parametrize("reached", [True, False])
def test_a_circle_is_refused_where_a_packet_could_get_into_it(variant: str, errno: int, *, reached: bool) -> None:
    lab = routed()
    chains = [Chain(name, "ACCEPT") for name in ("INPUT", "FORWARD", "OUTPUT")]
    chains += [
        Chain("a", None, [Rule(RuleSpec(target=Jump("b")))]),
        Chain("b", None, [Rule(RuleSpec(target=Jump("a", goto=True)))]),
    ]
    if not reached:
        lab.door("r").xt_commit(variant, {"filter": chains})
        return
    chains[0].rules.append(Rule(RuleSpec(target=Jump("a"))))
    with pytest.raises(XtCheckError) as caught:
        lab.door("r").xt_commit(variant, {"filter": chains})
    assert caught.value.errno == errno


# -- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MATCHES)
def test_every_match_is_found_under_the_name_that_it_is_saved_by(name: str) -> None:
    found = find_match(name)
    assert found is not None
    assert name == found.NAME
    assert found.OPTIONS
    assert list(MATCHES) == sorted(MATCHES)


@pytest.mark.parametrize("name", ["ah", "bpf", "esp", "helper", "policy", "quota", "realm", "string", "time", "u32"])
def test_a_real_match_that_is_not_modelled_says_its_name(name: str) -> None:
    with pytest.raises(NotModelled, match=f"iptables -m {name}"):
        find_match(name)


@pytest.mark.parametrize("text", ["-p sctp --chunk-types any DATA", "-m owner --gid-owner 0 --suppl-groups"])
def test_an_option_that_is_not_modelled_says_its_name(text: str) -> None:
    with pytest.raises(NotModelled, match=text.rsplit("--", maxsplit=1)[-1].split(maxsplit=1)[0]):
        match(routed(), text)


def test_a_name_that_nobody_has_is_the_tools_error() -> None:
    assert find_match("nosuch") is None
    with pytest.raises(OptionError, match="Couldn't load match `nosuch':No such file or directory"):
        load_match("nosuch")
