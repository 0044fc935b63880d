"""The assertions of podwire.testing, and what they say when they fail."""

from pathlib import Path
from types import MappingProxyType

import pytest

from podwire.errors import PodwireError
from podwire.testing import assert_delivered, assert_dropped, assert_path
from podwire.trace.events import Created, Delivered, Owner, Waiting
from podwire.trace.reasons import DropReason
from podwire.trace.renderers import Renderers
from podwire.trace.trace import Trace
from tests.trace.story import GATEWAY, Story, echo, frame, proxy_arp, same_node_ping, unanswered

PATH = ["default/pod1:eth0", "node1:cali111", "node1:cali222", "default/pod2:eth0"]


@pytest.fixture(autouse=True)
def _no_renderers(monkeypatch):
    monkeypatch.setattr(Trace, "renderers", Renderers())


@pytest.fixture
def ping() -> Trace:
    return same_node_ping().trace()


@pytest.fixture
def dropped() -> Trace:
    story = Story().add(1, "default/pod1", Created(0, "", echo()))
    story.cross(1, "default/pod1", "eth0", "node1", "cali111", frame(echo()))
    return story.die(1, "node1", "ip_error", DropReason.IP_INADDRERRORS, proxy_arp(0), "cali111").trace()


@pytest.mark.parametrize(
    "expected",
    [
        PATH,
        tuple(PATH),
        ["default/pod1:eth0", "node1:cali*", "...", "default/pod2:eth0"],
        ["...", "default/pod2:eth0"],
        ["default/pod1:eth0", "..."],
        ["...", *PATH, "..."],
        ["...", "node1:cali222", "..."],
        ["..."],
        ["...", "..."],
        ["*/pod?:eth0", "node[12]:cali111", "node1:*", "*"],
    ],
)
def test_paths_that_match(ping, expected):
    assert_path(ping, expected)


@pytest.mark.parametrize(
    "expected",
    [
        [],
        PATH[:-1],
        PATH[1:],
        [*PATH, "*"],
        PATH[::-1],
        ["default/pod1:eth0", "...", "node1:eth0", "...", "default/pod2:eth0"],
        ["...", "node1:cali111"],
        ["node1:cali111", "..."],
        [*PATH[:2], "*", *PATH[2:]],
        ["DEFAULT/POD1:ETH0", "..."],
    ],
)
def test_paths_that_do_not(ping, expected):
    with pytest.raises(AssertionError, match="the packet took another path"):
        assert_path(ping, expected)


def test_a_packet_that_no_device_saw_has_the_empty_path():
    trace = Story().add(1, "default/pod1", Created(), Waiting("eth0", GATEWAY)).trace()
    assert_path(trace, [])
    assert_path(trace, ["..."])
    with pytest.raises(AssertionError, match="taken:      no device saw it"):
        assert_path(trace, ["*"])


def test_a_path_is_a_list(ping):
    with pytest.raises(PodwireError, match="got the text 'node1:eth0', expected a list of devices"):
        assert_path(ping, "node1:eth0")


def test_a_failure_says_what_was_expected_and_what_happened(dropped):
    with pytest.raises(AssertionError) as failure:
        assert_path(dropped, PATH)
    assert str(failure.value).splitlines() == [
        "the packet took another path",
        "  expected:   default/pod1:eth0 -> node1:cali111 -> node1:cali222 -> default/pod2:eth0",
        "  taken:      default/pod1:eth0 -> node1:cali111",
        "  verdict:    DROPPED",
        "  decided by: net.ipv4.conf.cali111.proxy_arp = 0 (written by calico-cni for Pod default/pod1)",
        (
            "  because:    node1 dropped it at cali111 (IP_INADDRERRORS in ip_error): 192.168.1.12 is not an address of node1, which forwards "
            "nothing that comes in by cali111 while net.ipv4.conf.cali111.proxy_arp = 0 (written by calico-cni for Pod default/pod1); it passes "
            "after `sysctl -w net.ipv4.conf.cali111.proxy_arp=1` on node1."
        ),
    ]
    with pytest.raises(AssertionError, match="expected:   no device"):
        assert_path(dropped, [])


def test_a_failure_writes_a_pcapng_where_a_renderer_can(ping, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    save = MappingProxyType({".pcapng": lambda trace, path: path.write_text(str(trace.packet))})
    monkeypatch.setattr(Trace, "renderers", Renderers(save=save))
    with pytest.raises(AssertionError) as failure:
        assert_dropped(ping)
    last = str(failure.value).splitlines()[-1]
    assert last.startswith(f"  pcapng:     {tmp_path}")
    assert Path(last.split()[-1]).read_text(encoding="utf-8") == "1"


def test_what_nothing_decided():
    trace = Story().add(1, "node1", Created(), Delivered("socket")).trace()
    with pytest.raises(AssertionError, match="decided by: nothing that says so"):
        assert_dropped(trace)


def test_delivered(ping, dropped):
    assert_delivered(ping)
    with pytest.raises(AssertionError, match="the packet was not delivered"):
        assert_delivered(dropped)


@pytest.mark.parametrize(
    ("reason", "at"),
    [
        (None, None),
        (DropReason.IP_INADDRERRORS, None),
        ("IP_INADDRERRORS", None),
        (None, "node1:cali111"),
        (None, "node1"),
        (None, "node1:cali*"),
        (None, "*:cali111"),
        ("IP_INADDRERRORS", "node?"),
    ],
)
def test_dropped(dropped, reason, at):
    assert_dropped(dropped, reason, at)


@pytest.mark.parametrize(
    ("reason", "at", "problem"),
    [
        ("OTHERHOST", None, "the packet was dropped for IP_INADDRERRORS, expected OTHERHOST"),
        (None, "node1:eth0", "the packet was dropped at node1:cali111, expected node1:eth0"),
        (None, "cali111", "the packet was dropped at node1:cali111, expected cali111"),
        ("IP_INADDRERRORS", "node2", "the packet was dropped at node1:cali111, expected node2"),
    ],
)
def test_dropped_otherwise(dropped, reason, at, problem):
    with pytest.raises(AssertionError, match=problem):
        assert_dropped(dropped, reason, at)


def test_a_rejected_packet_was_dropped_too():
    assert_dropped(unanswered(proxy_arp(0, Owner("ip")), "proxy-off").trace(), "NEIGH_FAILED", "default/pod1:eth0")


def test_arp_without_an_answer_has_no_reason():
    story = Story().ask(1, 0).add(1, "node1", Delivered("arp", "ignored"))
    assert_dropped(story.trace(), at="node1")
    with pytest.raises(AssertionError, match="dropped for no reason of the kernel, expected OTHERHOST"):
        assert_dropped(story.trace(), "OTHERHOST")


def test_neither_delivered_nor_under_way_is_dropped(ping):
    with pytest.raises(AssertionError, match="the packet was not dropped"):
        assert_dropped(ping)
    with pytest.raises(AssertionError, match="the packet was not dropped"):
        assert_dropped(Story().add(1, "node1", Created()).trace())
    unknown = Story().add(1, "node1", Created()).die(1, "node1", "f", DropReason.NOT_MODELLED).trace()
    with pytest.raises(AssertionError, match="the packet was not dropped"):
        assert_dropped(unknown)
    with pytest.raises(AssertionError, match="the packet was not delivered"):
        assert_delivered(unknown)


def test_a_reason_that_there_is_not(dropped):
    with pytest.raises(PodwireError, match="there is no drop reason 'NETFILTER'"):
        assert_dropped(dropped, "NETFILTER")
