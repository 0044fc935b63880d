"""Trace: the view that people hold."""

import json
from types import MappingProxyType

import pytest

from podwire.errors import PodwireError
from podwire.trace.causes import ARP
from podwire.trace.events import ByLink, ByNeighbour, Created, Delivered, Dropped, Owner, Routed
from podwire.trace.reasons import DropReason, Verdict
from podwire.trace.renderers import Renderers
from podwire.trace.trace import Trace
from tests.trace.deaths import DEATHS, dead_end
from tests.trace.story import CNI1, DEFAULT, POD1, POD2, Story, echo, frame, proxy_arp, same_node_ping, unanswered


@pytest.fixture
def ping() -> Trace:
    return same_node_ping(probe=True).trace()


def test_a_ping_that_arrived(ping):
    assert ping.verdict is Verdict.DELIVERED
    assert ping.reason is None
    assert ping.dropped_at is None
    assert ping.path == ("default/pod1:eth0", "node1:cali111", "node1:cali222", "default/pod2:eth0")
    assert [(hop.netns, hop.in_dev, hop.out_dev) for hop in ping.hops] == [
        ("default/pod1", "", "eth0"),
        ("node1", "cali111", "cali222"),
        ("default/pod2", "eth0", ""),
    ]


def test_its_reply_and_what_each_of_them_caused(ping):
    reply = ping.reply
    assert reply is not None
    assert reply.relation == "reply"
    assert reply.path == ("default/pod2:eth0", "node1:cali222", "node1:cali111", "default/pod1:eth0")
    assert reply.reply is None
    assert [(trace.packet, trace.relation) for trace in ping.caused] == [(2, "arp"), (4, "arp")]
    assert [(trace.packet, trace.relation) for trace in reply.caused] == [(7, "arp"), (9, "probe")]


def test_arp_is_a_trace_with_a_reply_of_its_own(ping):
    request = ping.caused[0]
    assert request.path == ("default/pod1:eth0", "node1:cali111")
    assert request.reply is not None
    assert request.reply.path == ("node1:cali111", "default/pod1:eth0")
    assert request.caused == ()


def test_traces_of_one_packet_are_equal(ping):
    assert Trace(ping.recorder, 1) == ping
    assert Trace(ping.recorder, 2) != ping
    assert ping.reply == Trace(ping.recorder, 6)


# -- where, and by what ----------------------------------------------------------------------------------------------


def test_the_place_of_a_drop_is_the_device_that_the_event_names():
    story = Story().add(1, "node1", Created(), Dropped("noop_enqueue", DropReason.QDISC_DROP, None, "cali222"))
    assert story.trace().dropped_at == "node1:cali222"


def test_else_the_device_it_was_last_seen_at_in_that_namespace():
    story = Story().add(1, "default/pod1", Created())
    story.cross(1, "default/pod1", "eth0", "node1", "cali111", frame(echo())).die(
        1, "node1", "ip_rcv", DropReason.IP_INHDR
    )
    assert story.trace().dropped_at == "node1:cali111"


def test_else_the_namespace_alone():
    story = Story().add(1, "default/pod1", Created(), Routed(POD2, POD1, dead_end("blackhole")))
    story.die(1, "default/pod1", "ip_route_output", DropReason.IP_OUTNOROUTES, dead_end("blackhole"))
    trace = story.trace()
    assert trace.dropped_at == "default/pod1"
    assert trace.path == ()
    assert trace.decided_by == (
        "route blackhole 192.168.1.0/26 proto bird (table main, written by bird for IPAMBlock 192-168-1-0-26)"
    )


def test_the_route_decides_where_the_end_names_nothing():
    story = Story().add(
        1, "default/pod1", Created(), Routed(POD2, POD1, DEFAULT), Dropped("f", DropReason.NOT_SPECIFIED)
    )
    assert story.trace().decided_by == (
        "route default via 169.254.1.1 dev eth0 (table main, written by calico-cni for Pod default/pod1)"
    )
    # A route that another namespace looked up has decided nothing here.
    story = (
        Story()
        .add(1, "default/pod1", Created(), Routed(POD2, POD1, DEFAULT))
        .die(1, "node1", "f", DropReason.NOT_SPECIFIED)
    )
    assert story.trace().decided_by == ""


def test_behind_a_neighbour_that_failed_stands_what_decided_about_the_arp_request():
    trace = unanswered(proxy_arp(0, CNI1), "proxy-off").trace()
    assert trace.verdict is Verdict.REJECTED
    assert trace.reason is DropReason.NEIGH_FAILED
    assert trace.dropped_at == "default/pod1:eth0"
    assert trace.decided_by == (
        "neighbour 169.254.1.1 dev eth0 FAILED, because of "
        "net.ipv4.conf.cali111.proxy_arp = 0 (written by calico-cni for Pod default/pod1)"
    )
    assert [(child.relation, child.verdict) for child in trace.caused] == [
        ("arp", Verdict.DROPPED),
        ("arp", Verdict.DROPPED),
        ("arp", Verdict.DROPPED),
        ("icmp-error", Verdict.DELIVERED),
    ]


def test_a_neighbour_that_failed_without_a_known_request_stands_alone():
    by = ByNeighbour(POD2, "cali222", "FAILED", owner=Owner("ip"))
    story = (
        Story().add(1, "node1", Created()).die(1, "node1", "arp_error_report", DropReason.NEIGH_FAILED, by, "cali222")
    )
    assert story.trace().decided_by == "neighbour 192.168.1.12 dev cali222 FAILED (written by ip)"


def test_an_end_that_nothing_decided_says_so():
    story = Story().add(1, "node1", Created(), Delivered("socket"))
    assert story.trace().decided_by == ""


# -- output ----------------------------------------------------------------------------------------------------------


def test_str_is_the_summary(ping):
    assert str(ping) == ping.text() == ping.text("summary")


def test_repr_is_one_line(ping):
    assert repr(ping) == (
        "<Trace of packet 1: DELIVERED, default/pod1:eth0 -> node1:cali111 -> node1:cali222 -> default/pod2:eth0>"
    )
    assert repr(Story().add(1, "node1", Created()).trace()) == "<Trace of packet 1: UNKNOWN, no device saw it>"


def test_without_renderers_there_is_plain_text_only(ping, monkeypatch):
    monkeypatch.setattr(Trace, "renderers", Renderers())
    assert ping._repr_mimebundle_() == {"text/plain": str(ping)}


@pytest.fixture
def renderers(monkeypatch):
    saved = []
    table = Renderers(
        packets=lambda trace: [trace.packet],
        save=MappingProxyType({".pcapng": lambda trace, path: saved.append((trace, path))}),
        mime=MappingProxyType({"text/html": lambda trace: f"<p>{trace.verdict}</p>"}),
    )
    monkeypatch.setattr(Trace, "renderers", table)
    return saved


@pytest.mark.usefixtures("renderers")
@pytest.mark.parametrize(
    ("include", "exclude", "kinds"),
    [
        (None, None, {"text/plain", "text/html"}),
        ({"text/html"}, None, {"text/html"}),
        (None, {"text/html"}, {"text/plain"}),
        ({"text/html"}, {"text/html"}, set()),
    ],
)
def test_the_mime_bundle_goes_through_the_renderers(ping, include, exclude, kinds):
    bundle = ping._repr_mimebundle_(include, exclude)
    assert set(bundle) == kinds
    assert bundle.get("text/html", "<p>DELIVERED</p>") == "<p>DELIVERED</p>"


@pytest.mark.usefixtures("renderers")
def test_packets_come_from_the_renderer(ping):
    assert ping.packets == [1]


def test_without_a_renderer_packets_say_what_is_missing(ping, monkeypatch):
    monkeypatch.setattr(Trace, "renderers", Renderers())
    with pytest.raises(PodwireError, match="no renderer makes scapy packets"):
        ping.packets  # noqa: B018 - the property raises


def test_save_chooses_by_suffix(ping, renderers, tmp_path):
    target = tmp_path / "x.PCAPNG"
    assert ping.save(str(target)) == target
    assert renderers == [(ping, target)]


def test_save_writes_json_by_itself(ping, tmp_path):
    path = ping.save(tmp_path / "x.json")
    assert json.loads(path.read_text())["verdict"] == "DELIVERED"
    assert path.read_text() == ping.to_json()


@pytest.mark.usefixtures("renderers")
def test_save_refuses_a_suffix_that_it_does_not_know(ping, tmp_path):
    with pytest.raises(PodwireError, match=r"no format has the suffix '.gif'; known are .json, .pcapng"):
        ping.save(tmp_path / "x.gif")


def test_a_table_of_renderers_starts_empty():
    assert Renderers().packets is None
    assert not Renderers().save
    assert not Renderers().mime


# -- every death -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: death.name)
def test_every_death_has_a_reason_a_place_and_a_text(death):
    trace = death.story().trace()
    unknown = death.row[0] is DropReason.NOT_MODELLED
    assert trace.verdict is (Verdict.UNKNOWN if unknown else Verdict.DROPPED)
    assert (trace.reason is None) == (death.row[0] == ARP)
    assert trace.dropped_at is not None
    assert trace.dropped_at.startswith(death.here if death.row[2] != "loop" else "gw:eth0")


def test_an_address_of_a_link_is_named():
    story = (
        Story()
        .add(1, "node1", Created())
        .die(1, "node1", "f", DropReason.DEV_READY, ByLink("eth0", "down", owner=Owner("ip")))
    )
    assert story.trace().decided_by == "eth0 down (written by ip)"
