"""The fast way through iptables-restore gives what the whole parser gives, and leaves to it what is not plain."""

from __future__ import annotations

import pytest

from podwire.fabric.network import Network
from podwire.linux.netfilter.address import dotted_quad
from podwire.linux.netfilter.fast import FastLines
from podwire.linux.netfilter.save import save_text
from podwire.linux.netlink import Netlink

PLAIN = (
    "-A PREROUTING -d 10.0.0.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.2.0.3:8080",
    "-A PREROUTING -s 10.0.0.1 -p udp -m udp -j DNAT --to-destination 10.2.0.3:1",
    "-A PREROUTING ! -s 10.0.0.1/32 -p tcp -j DNAT --to-destination 10.2.0.3:65535",
    "-A PREROUTING -s 10.0.0.0/8 -p tcp -j DNAT --to-destination 10.2.0.3-10.2.0.9:80-90",
    "-A PREROUTING -p tcp -j DNAT --to-destination 10.2.0.3:80 --random",
    "-A PREROUTING -p icmp -j DNAT --to-destination 10.2.0.3",
    "-A PREROUTING -p tcp -j DNAT --to-destination :80",
    "-A PREROUTING -p tcp -j DNAT --to-destination 10.2.0.3:010",
    "-A PREROUTING -d 10.1/16 -p tcp -j DNAT --to-destination 10.2.0.3:http",
)


def restored(text: str) -> str:
    netns = Network().add_machine("node").root.netns
    Netlink(netns).iptables_restore(f"*nat\n{text}\nCOMMIT\n")
    return save_text(netns.xtables, "nft", counters=False)


@pytest.mark.parametrize("line", PLAIN)
def test_the_fast_way_and_the_whole_parser_agree(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = restored(line)
    monkeypatch.setattr(FastLines, "append", lambda *_arguments, **_options: False)
    assert restored(line) == fast
    assert "DNAT" in fast


@pytest.mark.parametrize("port", ["0", "65536", "8o", "", "080", "80:90", "99999"])
def test_a_port_that_is_not_plain_is_left_to_the_whole_parser(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    line = f"-A PREROUTING -p tcp -j DNAT --to-destination 10.2.0.3:{port}"

    def outcome() -> str:
        try:
            return restored(line)
        except Exception as error:  # noqa: BLE001 - whatever it says, both ways must say it
            return str(error)

    fast = outcome()
    monkeypatch.setattr(FastLines, "append", lambda *_arguments, **_options: False)
    assert outcome() == fast


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10.0.0.1", 0x0A000001),
        ("0.0.0.0", 0),
        ("255.255.255.255", 0xFFFFFFFF),
        ("256.0.0.1", None),
        ("10.0.1", None),
        ("10.0.0.01", None),
        ("10.0.0.", None),
        ("10.0.0.1/8", None),
        ("10.0.0.0001", None),
        ("١.0.0.1", None),
        ("-1.0.0.1", None),
    ],
)
def test_an_address_is_read_only_as_everybody_writes_it(text: str, value: int | None) -> None:
    assert dotted_quad(text) == value
