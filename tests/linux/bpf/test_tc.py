"""The tc hooks: where programs run beside taps, bridges and routing, and what their actions and helpers do.

Order of taps: on ingress before the program, on egress behind it (reference sheet Cilium, 4.0).
"""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from podwire.linux.bpf.context import (
    FIB_BLACKHOLE,
    FIB_FWD_DISABLED,
    FIB_NO_NEIGH,
    FIB_NOT_FWDED,
    FIB_PROHIBIT,
    FIB_SUCCESS,
    FIB_UNREACHABLE,
    Context,
    FibLookup,
)
from podwire.linux.bpf.program import TC_ACT_OK, TC_ACT_SHOT, Program
from podwire.linux.neigh import Nud
from podwire.linux.tunnel import VxlanConfig
from podwire.trace.events import BpfTrace, ByNotModelled, ByProgram, Delivered, Dropped, Received, Transmitted
from podwire.trace.invariants import check_invariants
from podwire.trace.reasons import DropReason
from podwire.wire.addr import Ip4, Mac
from podwire.wire.headers import Ethernet, IPv4
from tests.linux.lab import Lab

MACS = {name: f"02:00:00:00:00:{number:02x}" for number, name in enumerate(("a0", "va", "vb", "b0"), 16)}


@pytest.fixture
def lab():
    """Two pods behind a router: a (10.0.1.2) – va, vb – b (10.0.2.2); the host forwards."""
    lab = Lab()
    lab.machine("host")
    for pod, net in (("a", 1), ("b", 2)):
        lab.netns("host", pod)
        lab.veth(f"host:v{pod}", MACS[f"v{pod}"], f"{pod}:eth0", MACS[f"{pod}0"])
        lab.addr(f"host:v{pod}", f"10.0.{net}.1/24")
        lab.addr(f"{pod}:eth0", f"10.0.{net}.2/24")
        lab.route(pod, f"default via 10.0.{net}.1")
    lab.sysctl("host", "ip_forward", 1)
    lab.ping("a", "10.0.2.2")
    lab.run(1)
    lab.restart()
    yield lab
    assert check_invariants(lab.records) == []


def attach(lab: Any, where: str, hook: Any, run: Callable[[Any], Any]) -> None:
    link = lab.link(where)
    lab.door(where.partition(":")[0]).bpf_attach(link, hook, Program("prog", lambda ctx, _: run(ctx)))


def frames(lab: Any) -> list[str]:
    """What taps saw of IPv4: ``host:va in 64``."""
    found = []
    for record in lab.records:
        if isinstance(record.event, Received | Transmitted):
            ip = record.event.frame.find(IPv4)
            if ip is not None:
                way = "in" if isinstance(record.event, Received) else "out"
                found.append(f"{record.netns}:{record.event.dev} {way} {ip.ttl}")
    return found


def drops(lab: Any) -> list[Dropped]:
    return [record.event for record in lab.records if isinstance(record.event, Dropped)]


def only_requests(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Leaves all but the echo request from a to b alone."""

    def wrapped(ctx: Any) -> Any:
        return run(ctx) if ctx.ip is not None and ctx.ip.dst == Ip4.parse("10.0.2.2") else TC_ACT_OK

    return wrapped


def link_index(lab: Any, where: str) -> int:
    index: int = lab.link(where).ifindex
    return index


# -- actions -------------------------------------------------------------------------------------------------------


def test_ok_lets_the_packet_go_on(lab):
    attach(lab, "host:va", "ingress", lambda ctx: TC_ACT_OK)
    attach(lab, "host:vb", "egress", lambda ctx: TC_ACT_OK)
    ping = lab.ping("a", "10.0.2.2")
    assert len(ping.replies) == 1


def test_a_tap_sees_what_a_program_shoots_on_its_way_in(lab):
    attach(lab, "host:va", "ingress", only_requests(lambda ctx: TC_ACT_SHOT))
    lab.ping("a", "10.0.2.2")
    assert frames(lab) == ["a:eth0 out 64", "host:va in 64"]
    (drop,) = drops(lab)
    assert (drop.reason, drop.where, drop.dev) == (DropReason.TC_INGRESS, "prog", "va")


def test_no_tap_sees_what_a_program_shoots_on_its_way_out(lab):
    attach(lab, "host:vb", "egress", only_requests(lambda ctx: TC_ACT_SHOT))
    lab.ping("a", "10.0.2.2")
    assert frames(lab) == ["a:eth0 out 64", "host:va in 64"]
    (drop,) = drops(lab)
    assert (drop.reason, drop.where, drop.dev) == (DropReason.TC_EGRESS, "prog", "vb")


def test_a_tap_on_the_way_out_sees_what_a_program_made_of_the_packet(lab):
    def colour(ctx: Any) -> Any:
        ctx.store_ip(replace(ctx.ip, tos=0x20))
        ctx.store_macs(src=Mac.parse("02:00:00:00:00:99"))
        return TC_ACT_OK

    attach(lab, "host:vb", "egress", only_requests(colour))
    lab.ping("a", "10.0.2.2")
    sent: Any
    (sent,) = [r.event.frame for r in lab.records if isinstance(r.event, Transmitted) and r.event.dev == "vb"]
    assert sent.find(IPv4).tos == 0x20
    assert str(sent.find(Ethernet).src) == "02:00:00:00:00:99"


def test_a_tap_on_the_way_in_sees_the_packet_as_it_came(lab):
    attach(lab, "host:va", "ingress", only_requests(lambda ctx: ctx.store_ip(replace(ctx.ip, ttl=9)) or TC_ACT_OK))
    lab.ping("a", "10.0.2.2")
    assert frames(lab)[:4] == ["a:eth0 out 64", "host:va in 64", "host:vb out 8", "b:eth0 in 8"]


def test_a_program_says_why(lab):
    attach(lab, "host:va", "ingress", only_requests(lambda ctx: ctx.drop(DropReason.POLICY_DENIED, "map[7]")))
    lab.ping("a", "10.0.2.2")
    (drop,) = drops(lab)
    assert drop.reason is DropReason.POLICY_DENIED
    assert drop.by == ByProgram("prog", "va", "ingress", 133, "Policy denied", "map[7]")


def test_what_is_not_modelled_ends_as_unknown(lab):
    attach(lab, "host:va", "ingress", only_requests(lambda ctx: ctx.not_modelled("BPF masquerade")))
    lab.ping("a", "10.0.2.2")
    (drop,) = drops(lab)
    assert (drop.reason, drop.by) == (DropReason.NOT_MODELLED, ByNotModelled("BPF masquerade"))


def test_a_program_on_a_bridge_port_runs_before_the_bridge(lab):
    lab.device("host:br0")
    door = lab.door("host")
    door.link_set_master(lab.link("host:va"), lab.link("host:br0"))
    attach(lab, "host:va", "ingress", lambda ctx: TC_ACT_SHOT)
    lab.ping("a", "10.0.2.2")
    assert not any(r.event.dev == "br0" for r in lab.records if isinstance(r.event, Received))


# -- __sk_buff -------------------------------------------------------------------------------------------------------


def test_the_input_device_is_known_at_both_hooks_and_none_for_what_is_made_here(lab):
    seen: Any = []

    def note(hook: str) -> Callable[[Any], Any]:
        return only_requests(lambda ctx: seen.append((hook, ctx.ifindex, ctx.ingress_ifindex)) or TC_ACT_OK)

    attach(lab, "host:va", "ingress", note("in"))
    attach(lab, "host:vb", "egress", note("out"))
    lab.ping("a", "10.0.2.2")
    va, vb = link_index(lab, "host:va"), link_index(lab, "host:vb")
    assert seen == [("in", va, va), ("out", vb, va)]
    seen.clear()
    lab.ping("host", "10.0.2.2")
    assert seen == [("out", vb, 0)]


def test_a_frame_that_a_program_of_the_host_injects_has_no_input_device(lab):
    from tests.linux.lab import arp_frame

    seen: Any = []
    attach(lab, "host:vb", "egress", lambda ctx: seen.append(ctx.ingress_ifindex) or TC_ACT_OK)
    lab.inject("host:vb", arp_frame(1, Mac.parse(MACS["vb"]), "10.0.2.1", "10.0.2.9"))
    assert seen == [0]


def test_a_mark_stays_inside_a_namespace_and_ends_with_it(lab):
    marks: Any = []

    def mark(ctx: Any) -> int:
        ctx.mark = 0x1_0000_0F00
        return TC_ACT_OK

    attach(lab, "host:va", "ingress", only_requests(mark))
    attach(lab, "host:vb", "egress", only_requests(lambda ctx: marks.append(ctx.mark) or TC_ACT_OK))
    attach(lab, "b:eth0", "ingress", only_requests(lambda ctx: marks.append(ctx.mark) or TC_ACT_OK))
    lab.ping("a", "10.0.2.2")
    assert marks == [0xF00, 0]


def test_tail_calls_go_to_the_program_of_the_map_and_back_where_there_is_none(lab):
    door = lab.door("host")
    said: Any = []

    def judge(ctx: Context, _: object) -> int:
        ctx.trace("TO_ENDPOINT")
        return ctx.drop(DropReason.POLICY_DENY)

    inner = Program("inner", judge)
    door.bpf_map_sync("calls", "prog_array", {7: inner})
    attach(lab, "host:va", "ingress", only_requests(lambda ctx: said.append(ctx.tail_call("calls", 8)) or TC_ACT_OK))
    assert lab.ping("a", "10.0.2.2").replies
    assert said == [None]
    attach(lab, "host:va", "ingress", only_requests(lambda ctx: ctx.tail_call("calls", 7) or TC_ACT_OK))
    lab.restart()
    assert not lab.ping("a", "10.0.2.2").replies
    (drop,) = drops(lab)
    assert isinstance(drop.by, ByProgram)
    assert (drop.by.name, drop.by.dev, drop.by.code) == ("inner", "va", 181)
    assert [r.event.point for r in lab.records if isinstance(r.event, BpfTrace)] == ["TO_ENDPOINT"]


# -- going elsewhere -------------------------------------------------------------------------------------------------


def test_redirect_sends_by_the_other_device_without_routing_and_without_a_hop(lab):
    attach(lab, "host:va", "ingress", only_requests(lambda ctx: ctx.redirect(link_index(lab, "host:vb"))))
    lab.ping("a", "10.0.2.2")
    # Its MAC is still that of va: the pod does not take it.
    assert frames(lab) == ["a:eth0 out 64", "host:va in 64", "host:vb out 64", "b:eth0 in 64"]
    assert [drop.reason for drop in drops(lab)] == [DropReason.OTHERHOST]


def test_redirect_runs_the_egress_program_of_the_other_device(lab):
    seen: Any = []
    attach(lab, "host:va", "ingress", only_requests(lambda ctx: ctx.redirect(link_index(lab, "host:vb"))))
    attach(lab, "host:vb", "egress", only_requests(lambda ctx: seen.append(ctx.ingress_ifindex) or TC_ACT_SHOT))
    lab.ping("a", "10.0.2.2")
    assert seen == [link_index(lab, "host:va")]


def test_redirect_from_an_egress_hook_leaves_no_frame_on_the_first_device(lab):
    attach(lab, "host:vb", "egress", only_requests(lambda ctx: ctx.redirect(link_index(lab, "host:va"))))
    lab.ping("a", "10.0.2.2")
    assert frames(lab)[:4] == ["a:eth0 out 64", "host:va in 64", "host:va out 63", "a:eth0 in 63"]


def test_redirect_peer_is_seen_in_the_pod_alone(lab):
    def deliver(ctx: Context) -> int:
        ctx.trace("TO_ENDPOINT")
        ctx.store_macs(src=Mac.parse(MACS["vb"]), dst=Mac.parse(MACS["b0"]))
        return ctx.redirect_peer(link_index(lab, "host:vb"))

    attach(lab, "host:va", "ingress", only_requests(deliver))
    before = lab.link("b:eth0").stats.rx_packets, lab.link("host:vb").stats.tx_packets
    ping = lab.ping("a", "10.0.2.2")
    assert frames(lab)[:3] == ["a:eth0 out 64", "host:va in 64", "b:eth0 in 64"]
    assert len(ping.replies) == 1
    after = lab.link("b:eth0").stats.rx_packets, lab.link("host:vb").stats.tx_packets
    assert (after[0] - before[0], after[1] - before[1]) == (1, 0)


def test_redirect_peer_keeps_the_packet_type_as_it_was(lab):
    # From a frame for another host it has to be changed first, or the pod's stack discards it.
    def deliver(ctx: Context) -> int:
        ctx.trace("TO_ENDPOINT")
        ctx.change_type(3)
        return ctx.redirect_peer(link_index(lab, "host:vb"))

    attach(lab, "host:va", "ingress", only_requests(deliver))
    lab.ping("a", "10.0.2.2")
    assert [drop.reason for drop in drops(lab)] == [DropReason.OTHERHOST]


@pytest.mark.parametrize("what", ["down", "no veth", "same namespace", "gone"])
def test_redirect_peer_needs_a_peer_that_is_up_in_another_namespace(lab, what):
    index = link_index(lab, "host:vb")
    if what == "down":
        lab.down("b:eth0")
    elif what == "no veth":
        lab.device("host:d0", "dummy")
        index = link_index(lab, "host:d0")
    elif what == "same namespace":
        lab.veth("host:x0", "02:00:00:00:00:30", "host:x1", "02:00:00:00:00:31")
        index = link_index(lab, "host:x0")
    else:
        index = 99
    attach(lab, "host:va", "ingress", only_requests(lambda ctx: ctx.redirect_peer(index)))
    lab.ping("a", "10.0.2.2")
    (drop,) = [drop for drop in drops(lab) if drop.where == "skb_do_redirect"]
    assert isinstance(drop.by, ByProgram)
    assert drop.reason is DropReason.NOT_SPECIFIED
    assert ("device 99 is not there" if what == "gone" else "not up in another namespace") in drop.by.detail


def test_redirect_neigh_resolves_the_next_hop_and_writes_the_macs(lab):
    lab.del_neigh("host:vb", "10.0.2.2")
    attach(
        lab,
        "host:va",
        "ingress",
        only_requests(lambda ctx: ctx.redirect_neigh(link_index(lab, "host:vb"), Ip4.parse("10.0.2.2"))),
    )
    ping = lab.ping("a", "10.0.2.2")
    assert len(ping.replies) == 1
    assert lab.state("host:vb", "10.0.2.2") == "REACHABLE"
    sent: Any
    (sent,) = [
        r.event.frame
        for r in lab.records
        if isinstance(r.event, Transmitted) and r.event.dev == "vb" and r.event.frame.find(IPv4)
    ]
    assert (str(sent.find(Ethernet).src), str(sent.find(Ethernet).dst)) == (MACS["vb"], MACS["b0"])
    assert sent.find(IPv4).ttl == 64


def test_redirect_neigh_without_a_next_hop_asks_the_tables(lab):
    attach(lab, "host:va", "ingress", only_requests(lambda ctx: ctx.redirect_neigh(link_index(lab, "host:vb"))))
    assert lab.ping("a", "10.0.2.2").replies
    attach(lab, "host:va", "ingress", only_requests(lambda ctx: ctx.redirect_neigh(link_index(lab, "host:va"))))
    lab.restart()
    # The tables say nothing of it there: it is taken to be on the link (ip_route_output_key_hash_rcu).
    assert not lab.ping("a", "10.0.2.2").replies
    assert lab.state("host:va", "10.0.2.2") == "INCOMPLETE"


# -- fib_lookup ------------------------------------------------------------------------------------------------------


def fib(lab: Any, dst: str) -> FibLookup:
    """What a program at va is told."""
    found: list[FibLookup] = []

    def ask(ctx: Any) -> int:
        found.append(ctx.fib_lookup(ctx.ip.src, Ip4.parse(dst), ctx.ifindex))
        return TC_ACT_SHOT

    attach(lab, "host:va", "ingress", only_requests(ask))
    lab.ping("a", "10.0.2.2")
    (result,) = found
    return result


def test_fib_lookup_finds_device_next_hop_and_macs(lab):
    assert fib(lab, "10.0.2.2") == FibLookup(
        FIB_SUCCESS,
        link_index(lab, "host:vb"),
        Ip4.parse("10.0.2.2"),
        Mac.parse(MACS["b0"]),
        Mac.parse(MACS["vb"]),
    )


def test_fib_lookup_resolves_nothing(lab):
    lab.route("host", "192.0.2.0/24 via 10.0.2.9")
    assert fib(lab, "192.0.2.1") == FibLookup(FIB_NO_NEIGH, link_index(lab, "host:vb"), Ip4.parse("10.0.2.9"))
    assert lab.state("host:vb", "10.0.2.9") == ""


def test_fib_lookup_takes_no_neighbour_that_has_failed(lab):
    lab.set_neigh("host:vb", "10.0.2.2", "", Nud.FAILED)
    assert fib(lab, "10.0.2.2").code == FIB_NO_NEIGH


@pytest.mark.parametrize(
    ("route", "dst", "code"),
    [
        ("blackhole 192.0.2.0/24", "192.0.2.1", FIB_BLACKHOLE),
        ("unreachable 192.0.2.0/24", "192.0.2.1", FIB_UNREACHABLE),
        ("prohibit 192.0.2.0/24", "192.0.2.1", FIB_PROHIBIT),
        ("", "192.0.2.1", FIB_NOT_FWDED),
        ("", "10.0.1.1", FIB_NOT_FWDED),
    ],
)
def test_fib_lookup_tells_what_is_not_forwarded(lab, route, dst, code):
    if route:
        lab.route("host", route)
    assert fib(lab, dst).code == code


def test_fib_lookup_wants_forwarding_on_the_input_device(lab):
    lab.sysctl("host", "conf/va/forwarding", 0)
    assert fib(lab, "10.0.2.2").code == FIB_FWD_DISABLED


# -- answers and tunnels -----------------------------------------------------------------------------------------------


def test_an_answer_in_place_of_a_request_is_a_packet_of_its_own(lab):
    from podwire.wire.headers import ARPOP_REPLY, ETH_P_ARP, Arp

    def respond(ctx: Any) -> Any:
        if ctx.arp is None:
            return TC_ACT_OK
        mine = Mac.parse("02:00:00:00:00:77")
        answer = Arp(ARPOP_REPLY, mine, ctx.arp.tpa, ctx.arp.sha, ctx.arp.spa)
        ctx.store_answer(Ethernet(ctx.arp.sha, mine, ETH_P_ARP), answer)
        return ctx.redirect(ctx.ifindex)

    attach(lab, "host:va", "ingress", respond)
    assert lab.ask("a:eth0", "10.0.1.77", "10.0.1.2").endswith("10.0.1.77 is-at 02:00:00:00:00:77")
    notes = [r.event.note for r in lab.records if isinstance(r.event, Delivered) and r.event.to == "arp"]
    assert notes[0] == "responder"


def test_a_header_that_a_program_stores_counts_with_its_options(lab):
    def store(ctx: Any) -> Any:
        ip = ctx.ip
        if ip is not None:
            ctx.store_ip(IPv4(ip.src, ip.dst, ip.proto, ip.ttl, ip.tos, ip.id, ip.df, options=bytes([1, 1, 1, 0])))
        return TC_ACT_OK

    attach(lab, "host:vb", "egress", store)
    before = lab.link("host:vb").stats.tx_bytes
    lab.ping("a", "10.0.2.2")
    lab.run(0.1)
    sent = [r.event.frame for r in lab.records if isinstance(r.event, Transmitted) and r.event.dev == "vb"]
    assert any(frame.size == 14 + 24 + 8 + 56 for frame in sent)
    assert lab.link("host:vb").stats.tx_bytes == before + sum(frame.size for frame in sent)


def test_a_tunnel_key_reaches_the_device_that_the_packet_is_sent_to(lab):
    from podwire.linux.tunnel import TunnelInfo

    door = lab.door("host")
    door.link_add("vx", "vxlan", tunnel=VxlanConfig(external=True, dstport=8472))
    lab.up("host:vx")

    def tunnel(ctx: Context) -> int:
        ctx.set_tunnel_key(TunnelInfo(id=3258, dst=Ip4.parse("10.0.2.2"), ttl=64))
        return ctx.redirect(link_index(lab, "host:vx"))

    attach(lab, "host:va", "ingress", only_requests(tunnel))
    lab.ping("a", "10.0.2.2")
    from podwire.trace.events import Encapsulated

    (event,) = [r.event for r in lab.records if isinstance(r.event, Encapsulated)]
    assert (event.dev, event.vni, event.dst) == ("vx", 3258, Ip4.parse("10.0.2.2"))
    assert isinstance(event.by, ByProgram)


def test_a_tunnel_key_does_not_follow_a_packet_into_a_pod(lab):
    from podwire.linux.tunnel import TunnelInfo

    keys: Any = []
    attach(lab, "b:eth0", "ingress", only_requests(lambda ctx: keys.append(ctx.get_tunnel_key()) or TC_ACT_OK))

    def tagged(ctx: Context) -> int:
        ctx.trace("TO_ENDPOINT")
        ctx.set_tunnel_key(TunnelInfo(id=7, dst=Ip4.parse("10.0.2.2")))
        return ctx.redirect_peer(link_index(lab, "host:vb"))

    attach(lab, "host:va", "ingress", only_requests(tagged))
    lab.ping("a", "10.0.2.2")

    def tag(ctx: Context) -> int:
        ctx.set_tunnel_key(TunnelInfo(id=7, dst=Ip4.parse("10.0.2.2")))
        return TC_ACT_OK

    lab.door("host").bpf_detach(lab.link("host:va"), "ingress")
    attach(lab, "host:vb", "egress", only_requests(tag))
    lab.ping("a", "10.0.2.2")
    assert keys == [None, None]


# -- attaching -------------------------------------------------------------------------------------------------------


def test_an_equal_program_is_not_attached_again(lab):
    door, link = lab.door("host"), lab.link("host:va")

    def run(ctx: Context, defines: object) -> int:
        return TC_ACT_OK

    assert door.bpf_attach(link, "ingress", Program("p", run, (1, 2)))
    assert not door.bpf_attach(link, "ingress", Program("p", run, (1, 2)))
    assert door.bpf_attach(link, "ingress", Program("p", run, (1, 3)))
    assert door.bpf_detach(link, "ingress")
    assert not door.bpf_detach(link, "ingress")
    assert not door.bpf_detach(link, "egress")
