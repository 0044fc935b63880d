"""The words of the five targets, as iptables 1.8.9 reads and prints them."""

from __future__ import annotations

import shlex

import pytest

from podwire.linux.netfilter.parser import Parser
from podwire.linux.netfilter.tables import NFT
from podwire.linux.netfilter.xt.base import XtCheckError
from podwire.linux.netfilter.xt.options import Names, OptionError
from tests.linux.netfilter.nat.natlab import iptables, router


def _target(words: str) -> tuple[str, str]:
    command = Parser(shlex.split(f"-t nat -A X {words}"), names=Names(), variant=NFT).parse()
    assert command.target is not None
    return command.target.save(), command.target.listing(None)


@pytest.mark.parametrize(
    ("words", "save", "listing"),
    [
        ("-j DNAT --to-destination 1.2.3.4", "--to-destination 1.2.3.4", "to:1.2.3.4"),
        ("-p tcp -j DNAT --to-destination 1.2.3.4:80", "--to-destination 1.2.3.4:80", "to:1.2.3.4:80"),
        (
            "-p tcp -j DNAT --to-destination 1.2.3.4-1.2.3.9:80-90 --random",
            "--to-destination 1.2.3.4-1.2.3.9:80-90 --random",
            "to:1.2.3.4-1.2.3.9:80-90 random",
        ),
        (
            "-p udp -j DNAT --persistent --to-destination 1.2.3.4:80-90/1000",
            "--to-destination 1.2.3.4:80-90/1000 --persistent",
            "to:1.2.3.4:80-90/1000 persistent",
        ),
        ("-p udp -j DNAT --to-destination :80-90", "--to-destination :80-90", "to::80-90"),
        ("-p udp -j DNAT --to-destination 1.2.3.4:http", "--to-destination 1.2.3.4:80", "to:1.2.3.4:80"),
        ("-p tcp -j DNAT --to-destination 1.2.3.4:8-8/5x", "--to-destination 1.2.3.4:8/5", "to:1.2.3.4:8/5"),
        ("-p tcp -j DNAT --to-destination 10.0.0.1-10.0.0.1:80-80", "--to-destination 10.0.0.1:80", "to:10.0.0.1:80"),
        ("-j DNAT --to-destination 1.2.3.9-1.2.3.4", "--to-destination 1.2.3.9-1.2.3.4", "to:1.2.3.9-1.2.3.4"),
        (
            "-p udp -j SNAT --to-source 1.2.3.4-1.2.3.9:1000-2000 --random --random-fully --persistent",
            "--to-source 1.2.3.4-1.2.3.9:1000-2000 --random --random-fully --persistent",
            "to:1.2.3.4-1.2.3.9:1000-2000 random random-fully persistent",
        ),
        ("-p tcp -j SNAT --to-source 1.2.3.4:8-9/5", "--to-source 1.2.3.4:8-9/0", "to:1.2.3.4:8-9/0"),
        ("-p icmp -j SNAT --to-source 1.2.3.4:80", "--to-source 1.2.3.4:80", "to:1.2.3.4:80"),
        ("-j SNAT --to 1.2.3.4", "--to-source 1.2.3.4", "to:1.2.3.4"),
        ("-j MASQUERADE", "", ""),
        ("-j MASQUERADE --random-fully --random", "--random --random-fully", "random random-fully"),
        (
            "-p tcp -j MASQUERADE --to-ports 1000-2000 --random",
            "--to-ports 1000-2000 --random",
            "masq ports: 1000-2000 random",
        ),
        ("-p tcp -j MASQUERADE --to-ports 80-90/5", "--to-ports 80-90/0", "masq ports: 80-90/0"),
        ("-j REDIRECT", "", ""),
        ("! -p tcp -j REDIRECT --to-ports 0x50", "--to-ports 80", "redir ports 80"),
        ("-p sctp -j REDIRECT --to-ports 80-80 --random", "--to-ports 80 --random", "redir ports 80 random"),
        ("-j NETMAP --to 11.1.2.3/8", "--to 11.0.0.0/8", "to:11.0.0.0/8"),
        ("-j NETMAP --to 11.1.2.3/255.255.0.0", "--to 11.1.0.0/16", "to:11.1.0.0/16"),
        ("-j NETMAP --to 11.0.0.0/255.0.255.0", "--to 11.0.0.0/32", "to:11.0.0.0/32"),
        ("-j NETMAP --to 11.1.2.3", "--to 11.1.2.3/32", "to:11.1.2.3/32"),
        ("-j NETMAP --to 11.1.2.3/33", "--to 11.1.2.3/32", "to:11.1.2.3/32"),
        ("-j NETMAP --to 11.1.2.3/0", "--to 0.0.0.0/0", "to:0.0.0.0/0"),
    ],
)
def test_words_and_texts(words: str, save: str, listing: str) -> None:
    assert _target(words) == (save, listing)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("-j DNAT", 'DNAT: option "--to-destination" must be specified\n'),
        ("-j DNAT --to-destination 1.2.3.4:80", "Need TCP, UDP, SCTP or DCCP with port specification"),
        ("-j DNAT --to-destination :80", "Need TCP, UDP, SCTP or DCCP with port specification"),
        ("-p tcp -j DNAT --to-destination 1.2.3.4:90-80", "Port range `80' funky"),
        ("-p tcp -j DNAT --to-destination 1.2.3.4:70000", "Port `70000' not valid"),
        ("-p tcp -j DNAT --to-destination 1.2.3.400", 'Bad IP address "1.2.3.400"'),
        ("-p tcp -j DNAT --to-destination 1.2.3.4-1.2.3", 'Bad IP address "1.2.3"'),
        ("-p tcp -j DNAT --to-destination 1.2.3.4:80/10", "Garbage after port value: `/10'"),
        ("-p tcp -j DNAT --to-destination 1.2.3.4:80-90/x", "Port `x' not valid"),
        ("-p tcp -j DNAT --to-destination 1.2.3.4:8-9/70000", "Port `70000' not valid"),
        ("-p tcp -j DNAT --to-destination 1.2.3.4:8-9x", "Garbage after port range: `x'"),
        ("-p tcp -j DNAT --to-destination 1.2.3.4:8x", "Garbage after port value: `x'"),
        ("-p tcp -j DNAT --to-destination 1.2.3.4:8:9", 'Bad IP address "1.2.3.4:8:9"'),
        ("-p tcp -j DNAT --to-destination :", "Port `' not valid"),
        ("-p tcp -j DNAT --to-destination 1.2.3.4-:9", 'Bad IP address ""'),
        ("-p tcp -j DNAT --to-destination ''", 'Bad IP address ""'),
        ("-p tcp -j DNAT --to-destination 1.2", 'Bad IP address "1.2"'),
        ("-p tcp -j DNAT --to-destination fd00::1", 'Bad IP address "fd00::1"'),
        ("-p tcp -j DNAT --to-destination 1.2.3.4:http-https", "Port `http-https' not valid"),
        ("-j DNAT --to-destination 1.2.3.4 --random --random", 'DNAT: option "--random" can only be used once.\n'),
        ("-j DNAT ! --to-destination 1.2.3.4", 'DNAT: option "--to-destination" cannot be inverted.\n'),
        ("-p tcp -j MASQUERADE --to-ports x", "Port `x' not valid"),
        ("-p tcp -j MASQUERADE --to-ports 80/5", "Garbage after port value: `/5'"),
        ("-p tcp -j REDIRECT --to-ports 80:90", "Invalid port:port syntax - use dash"),
        ("-p tcp -j REDIRECT --to-ports 80-90/10", "Shifted portmap ranges not supported with this kernel"),
        ("-p tcp -j REDIRECT --to-ports 080", "Garbage after port value: `80'"),
        ("-p udplite -j REDIRECT --to-ports 80", "Need TCP, UDP, SCTP or DCCP with port specification"),
        ("-j NETMAP", 'NETMAP: option "--to" must be specified\n'),
    ],
)
def test_what_is_wrong_is_said_as_iptables_says_it(words: str, error: str) -> None:
    with pytest.raises(OptionError) as caught:
        _target(words)
    assert caught.value.text == error


@pytest.mark.parametrize(
    ("rule", "dmesg"),
    [
        ("nat -A OUTPUT -j MASQUERADE", "MASQUERADE target: used from hooks OUTPUT, but only usable from POSTROUTING"),
        (
            "nat -A PREROUTING -j SNAT --to-source 1.2.3.4",
            "SNAT target: used from hooks PREROUTING, but only usable from INPUT/POSTROUTING",
        ),
        ("filter -A INPUT -j SNAT --to-source 1.2.3.4", "SNAT target: only valid in nat table, not filter"),
        ("mangle -A OUTPUT -j REDIRECT", "REDIRECT target: only valid in nat table, not mangle"),
        (
            "nat -A POSTROUTING -j DNAT --to-destination 1.2.3.4",
            "DNAT target: used from hooks POSTROUTING, but only usable from PREROUTING/OUTPUT",
        ),
    ],
)
def test_where_they_may_stand(rule: str, dmesg: str) -> None:
    lab = router()
    with pytest.raises(XtCheckError) as caught:
        iptables(lab, "node", f"-t {rule}")
    assert caught.value.dmesg == f"x_tables: ip_tables: {dmesg}"
    assert lab["node"].nat.users == 0


def test_a_chain_of_users_may_be_reached_only_from_where_its_targets_may_stand() -> None:
    lab = router()
    chain = ("-t nat -N FOO", "-t nat -A FOO -j DNAT --to-destination 1.2.3.4")
    iptables(lab, "node", *chain, "-t nat -A PREROUTING -j FOO")
    with pytest.raises(XtCheckError):
        iptables(lab, "node", "-t nat -A POSTROUTING -j FOO")
