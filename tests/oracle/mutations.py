"""Breaks the model on purpose, one place at a time, and asks whether the oracle notices.

    python -m tests.oracle.mutations [-k WORD] [--scripts | --generated]

Every mutation is made in a copy of the sources. It has to make a script differ from what the kernel printed, and the generated cases,
by themselves, differ from what the kernel answered; one of netfilter does so with the generated rule sets. Exit status 1 if one stays
unnoticed.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "podwire"
LIMIT = 280
"""Seconds for one mutation."""


@dataclass(frozen=True)
class Mutation:
    """``old`` stands once in ``file``; ``scripts`` are those that are about it; ``why`` where generated cases cannot see it."""

    name: str
    file: str
    old: str
    new: str
    scripts: tuple[str, ...]
    why: str = ""
    rules: bool = False
    """It is one of netfilter: the generated cases are those of ``rules/``."""


MUTATIONS = (
    Mutation(
        "proxy ARP answers without the route check",
        "linux/path/arp.py",
        'if route.kind == "forward" and conf.forwarding:',
        'if route.kind != "local" and conf.forwarding:',
        ("arp_proxy", "arp_calico_failures"),
    ),
    Mutation(
        "proxy ARP answers for what lies behind the same device",
        "linux/path/arp.py",
        "    if route.link is link:\n",
        "    if False:\n",
        ("arp_proxy",),
    ),
    Mutation(
        "proxy ARP answers with the switch off",
        "linux/path/arp.py",
        "if all_.proxy_arp or conf.proxy_arp or netns.neighbours.is_proxied(target, link):",
        "if True:",
        ("arp_proxy", "arp_calico_failures"),
    ),
    Mutation(
        "NUD never probes",
        "linux/path/neighbour.py",
        "if now <= entry.confirmed + delay:",
        "if True:",
        ("nud_time",),
    ),
    Mutation(
        "a reachable neighbour never grows stale",
        "linux/path/neighbour.py",
        "if now <= entry.confirmed + reachable:",
        "if True:",
        ("nud_time", "nud_cycle"),
    ),
    Mutation(
        "a neighbour that has an address is asked by broadcast",
        "linux/path/arp.py",
        "if entry.state in VALID and entry.probes < link.neigh.ucast_solicit:",
        "if False:",
        ("nud_time", "arp_requests"),
    ),
    Mutation(
        "one ARP request less before giving up",
        "linux/path/neighbour.py",
        "if entry.probes >= parms.ucast_solicit + parms.app_solicit + resolicit:",
        "if entry.probes >= parms.ucast_solicit + parms.app_solicit + resolicit - 1:",
        ("arp_failure",),
    ),
    Mutation(
        "nobody hears of an ARP failure",
        "linux/path/arp.py",
        "    ipv4_link_failure(netns, skb)\n",
        "    _ = ipv4_link_failure\n",
        ("arp_failure", "fwd_arpfail"),
    ),
    Mutation(
        "a request teaches nothing",
        "linux/path/arp.py",
        "elif neighbour.learn(link, sender, message.sha, skb.id):",
        "elif neighbour.learn:",
        ("arp_cold", "nud_learn"),
    ),
    Mutation(
        "a gratuitous ARP waits for the lock time",
        "linux/path/arp.py",
        "override = garp or ",
        "override = False or ",
        ("arp_gratuitous",),
        "an announcement comes from arping or arp_notify; no case has one within the lock time",
    ),
    Mutation(
        "arp_ignore is ignored",
        "linux/path/arp.py",
        "    if level == 0:\n        return False",
        "    if level < 99:\n        return False",
        ("arp_ignore",),
    ),
    Mutation(
        "arp_announce is ignored",
        "linux/path/arp.py",
        "known = announce == 0 or",
        "known = announce < 99 or",
        ("arp_announce",),
    ),
    Mutation(
        "TTL is not decremented",
        "linux/path/forward.py",
        "ip.ttl - 1",
        "ip.ttl",
        ("fwd_basic",),
    ),
    Mutation(
        "a packet with TTL 1 is forwarded",
        "linux/path/forward.py",
        "if ip.ttl <= 1:",
        "if ip.ttl <= 0:",
        ("fwd_basic",),
    ),
    Mutation(
        "a packet that is too big and must not be fragmented goes on",
        "linux/path/forward.py",
        "skb.len > (mtu := out.mtu if dst.device_mtu else dst.forward_mtu(netns))",
        "(mtu := 0)",
        ("ping_router", "tcpdump_icmp", "route_cache"),
    ),
    Mutation(
        "a router forwards by whatever path MTU it has learned",
        "linux/path/route.py",
        'if self.pmtu and (self.locked or netns.setting("ip_forward_use_pmtu")):',
        "if self.pmtu:",
        ("pmtu_minimum",),
        why="a router would have to learn for itself what it is then asked to forward",
    ),
    Mutation(
        "a path MTU is never forgotten",
        "linux/path/exception.py",
        "if found is not None and found.expires and netns.machine.world.now >= found.expires:",
        "if False:",
        ("pmtu_expiry",),
        why="no case lasts ten minutes",
    ),
    Mutation(
        "a path MTU survives the route that learned it",
        "linux/path/exception.py",
        "key.info not in alive",
        "False",
        ("pmtu_routes",),
        why="the route would have to be deleted, and added again",
    ),
    Mutation(
        "a path MTU is learned by every route to there",
        "linux/path/exception.py",
        "return NextHopKey(fib_info_of(route), next(i for i, leg in enumerate(route.nexthops) if leg is nexthop))",
        "return NextHopKey(fib_info_of(route.__class__(route.dst)), 0)",
        ("pmtu_routes",),
        why="two routes to one destination with one to be taken later",
    ),
    Mutation(
        "a path MTU below the minimum is believed",
        "linux/path/rtupdate.py",
        "locked = mtu < minimum",
        "locked = False",
        ("pmtu_minimum",),
    ),
    Mutation(
        "a locked path MTU leaves DF as it is",
        "linux/socket.py",
        "size <= mtu and not route.locked)",
        "size <= mtu)",
        ("pmtu_minimum", "pmtu_route_metric"),
    ),
    Mutation(
        "errors are believed whatever ip_no_pmtu_disc says",
        "linux/path/icmp.py",
        'mode = netns.setting("ip_no_pmtu_disc")',
        "mode = 0",
        ("pmtu_disc_off",),
        why="the switch is drawn seldom, and then for a namespace that is to send something too long",
    ),
    Mutation(
        "the last piece is as long as it likes",
        "linux/path/fragment.py",
        "len(rest) if len(rest) <= room else room & ~7",
        "room & ~7",
        ("frag_sizes",),
    ),
    Mutation(
        "no redirects",
        "linux/path/forward.py",
        "if skb.redirect:",
        "if False:",
        ("fwd_redirect",),
    ),
    Mutation(
        "rp_filter is ignored",
        "linux/path/routein.py",
        "rp_filter = max(all_.rp_filter, conf.rp_filter)",
        "rp_filter = 0",
        ("fwd_rpfilter",),
    ),
    Mutation(
        "loose rp_filter is strict",
        "linux/path/routein.py",
        "            if rp_filter == 1:\n",
        "            if rp_filter:\n",
        ("fwd_rpfilter",),
    ),
    Mutation(
        "our own address may come in as a source",
        "linux/path/routein.py",
        "            if saddr in netns.local:\n",
        "            if False:\n",
        ("martian_source",),
    ),
    Mutation(
        "local delivery skips the local table",
        "linux/path/lookup.py",
        "local, main = tables[RT_TABLE_LOCAL].candidates(dst), tables[RT_TABLE_MAIN].candidates(dst)",
        "local, main = iter(()), tables[RT_TABLE_MAIN].candidates(dst)",
        ("ping_basic", "route_get_local"),
    ),
    Mutation(
        "rules are read from the last to the first",
        "linux/path/lookup.py",
        "    for rule in netns.rules:\n        if rule.priority < jump:",
        "    for rule in sorted(netns.rules, key=lambda rule: -rule.priority):\n        if rule.priority < jump:",
        ("rule_lookup",),
    ),
    Mutation(
        "suppress_prefixlength is ignored",
        "linux/path/lookup.py",
        "if rule.suppress_prefixlength >= route.dst.plen:",
        "if False:",
        ("rule_lookup",),
    ),
    Mutation(
        "prohibit says host unreachable",
        "linux/path/lookup.py",
        "PROHIBIT: EACCES}",
        "PROHIBIT: EHOSTUNREACH}",
        ("route_get", "ping_unreachable"),
    ),
    Mutation(
        "blackhole says host unreachable",
        "linux/path/lookup.py",
        "BLACKHOLE: EINVAL,",
        "BLACKHOLE: EHOSTUNREACH,",
        ("route_get", "ping_unreachable"),
    ),
    Mutation(
        "the highest metric wins",
        "linux/fib.py",
        "return -route.tos, route.metric",
        "return -route.tos, -route.metric",
        ("route_show", "route_get"),
    ),
    Mutation(
        "the source is the first address, whatever the destination",
        "linux/path/lookup.py",
        "if not dst or ifa_match(dst, address):",
        "if True:",
        ("route_source",),
    ),
    Mutation(
        "the answer to an echo request has the request's TTL",
        "linux/path/icmp.py",
        "IPPROTO_ICMP, ip_select_ttl(netns, dst), ip.tos, netns.new_ip_id())",
        "IPPROTO_ICMP, ip.ttl, ip.tos, netns.new_ip_id())",
        ("fwd_basic", "ping_basic"),
    ),
    Mutation(
        "icmp_echo_ignore_all is ignored",
        "linux/path/icmp.py",
        'if netns.setting("icmp_echo_ignore_all"):',
        "if False:",
        ("ping_unreachable", "sysctl"),
    ),
    Mutation(
        "the TTL outside a tunnel is the one inside",
        "linux/path/vxlan.py",
        "    if config.ttl_inherit:\n",
        "    if True:\n",
        ("vxlan_header", "vxlan_calico"),
    ),
    Mutation(
        "DF outside a tunnel is the one inside",
        "linux/path/vxlan.py",
        '(config.df == "inherit" and inner',
        '(config.df != "set" and inner',
        ("vxlan_header", "vxlan_underlay"),
    ),
    Mutation(
        "congestion inside a tunnel is told outside",
        "linux/path/tunnel.py",
        "    if ecn == INET_ECN_CE:\n",
        "    if False:\n",
        ("vxlan_header",),
        why="no case sends packets that are marked with congestion",
    ),
    Mutation(
        "a tunnel takes what is for another VNI",
        "linux/path/vxlan.py",
        "link = encap.devices.get(0 if external else vxlan.vni)",
        "link = next(iter(encap.devices.values()), None)",
        ("vxlan_drops",),
    ),
    Mutation(
        "a tunnel learns nothing of what it receives",
        "linux/path/vxlan.py",
        "    if config.learning and not vxlan_snoop(link, config, outer.src, eth.src, vni):",
        "    if False:",
        ("vxlan_learning", "vxlan_bridge"),
    ),
    Mutation(
        "a tunnel sends what it has no entry for to somebody that it knows",
        "linux/path/vxlan.py",
        "    if entry is None or not entry.remotes:\n",
        "    entry = entry or next(iter(fdb), None)\n    if entry is None or not entry.remotes:\n",
        ("vxlan_drops",),
    ),
    Mutation(
        "the answer to an ARP request from a tunnel has never a checksum",
        "linux/path/vxlan.py",
        "tos=outer.tos, csum=csum, tx=False)",
        "tos=outer.tos, csum=False, tx=False)",
        ("gen_vxlan_answer_checksum",),
    ),
    Mutation(
        "a bridge takes a frame that is a byte longer than its port's MTU for too long",
        "linux/path/bridge.py",
        "if skb.len > link.mtu + _VLAN_HLEN:",
        "if skb.len > link.mtu:",
        ("bridge_mtu",),
        why="a frame would have to be one to four bytes too long",
    ),
    Mutation(
        "a bridge forgets the route of what its host sends",
        "linux/path/output.py",
        '    elif kind == "bridge":\n',
        '    elif kind == "bridge":\n        skb.dst = None\n',
        ("gen_bridge_pmtu",),
        why="a host would have to send something too long by a tunnel of its own bridge",
    ),
    Mutation(
        "MARK ends the table",
        "linux/netfilter/xt/mark_target.py",
        "            skb.mark = (skb.mark & keep) ^ flip\n            return XT_CONTINUE\n",
        "            skb.mark = (skb.mark & keep) ^ flip\n            return 1\n",
        ("nf_tunnel",),
        rules=True,
    ),
    Mutation(
        "ctstate always matches",
        "linux/netfilter/xt/conntrack.py",
        "            ct, ctinfo = skb.ct, skb.ctinfo\n            if ct is None:\n                return untracked",
        "            return True\n            ct, ctinfo = skb.ct, skb.ctinfo\n            if ct is None:\n                return untracked",
        ("nf_blackhole",),
        rules=True,
    ),
    Mutation(
        "RETURN goes to the base chain",
        "linux/netfilter/evaluate.py",
        "                    chain, rules = back.pop()\n                    break\n",
        "                    chain, rules = back[0]\n                    back.clear()\n                    break\n",
        ("nf_chains",),
        rules=True,
    ),
    Mutation(
        "a nested REJECT is ignored",
        "linux/netfilter/evaluate.py",
        "    elif target is not None:\n        one.target = target.compile",
        '    elif target is not None and not (target.NAME == "REJECT" and chain.chain.policy is None):\n        one.target = target.compile',
        ("nf_chains",),
        rules=True,
    ),
    Mutation(
        "SNAT rewrites nothing",
        "linux/netfilter/nat/hooks.py",
        "        if ct.status & (bit if ctinfo < IP_CT_IS_REPLY else bit_of_reply):\n",
        "        if ct.status & (bit if ctinfo < IP_CT_IS_REPLY else bit_of_reply) and not leaves:\n",
        ("nat_masquerade",),
        rules=True,
    ),
    Mutation(
        "the reply is not translated",
        "linux/netfilter/nat/hooks.py",
        "            if ct.status & bit_of_reply:\n",
        "            if False:\n",
        ("nat_service",),
        rules=True,
    ),
    Mutation(
        "an unknown match drops the rule set",
        "linux/netfilter/restore.py",
        '        """``xtables_error``."""\n',
        '        """``xtables_error``."""\n        if self.edit is not None:\n            self._commit(self.edit)\n',
        ("nf_unknown",),
        why="no case is refused",
    ),
)


def apply(mutation, target):
    """A copy of the sources with the mutation in it."""
    shutil.copytree(SOURCE, target / "podwire", ignore=shutil.ignore_patterns("__pycache__"))
    path = target / "podwire" / mutation.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutation.old) != 1:
        raise SystemExit(
            f"{mutation.name}: {mutation.old!r} stands {text.count(mutation.old)} times in {mutation.file}"
        )
    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")


def judge(mutation, words):
    """True where the oracle noticed. It may also have been brought down: a model that raises is noticed."""
    with tempfile.TemporaryDirectory(prefix="podwire-mutation-") as name:
        apply(mutation, pathlib.Path(name))
        environment = os.environ | {"PYTHONPATH": f"{name}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "tests.oracle.judge", *words]
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
            )
        except subprocess.TimeoutExpired:
            return True  # a model that does not come to an end
        if done.returncode not in {0, 1}:
            raise SystemExit(f"{mutation.name}: the judge failed:\n{done.stdout}{done.stderr}")
        return done.returncode == 1


def verdicts(mutation, *, scripts=True, generated=True):
    """(which part of the oracle, whether it noticed)."""
    if scripts:
        yield "scripts", judge(mutation, ["scripts", *mutation.scripts])
    if generated and not mutation.why:
        part = "rules" if mutation.rules else "generated"
        yield part, judge(mutation, [part])


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-k", default="", dest="word", help="only mutations whose name holds this")
    parser.add_argument("--scripts", action="store_true", help="the scripts alone")
    parser.add_argument("--generated", action="store_true", help="the generated cases alone")
    options = parser.parse_args()
    both = options.scripts == options.generated
    unnoticed = 0
    for mutation in MUTATIONS:
        if options.word not in mutation.name:
            continue
        found = dict(verdicts(mutation, scripts=both or options.scripts, generated=both or options.generated))
        unnoticed += list(found.values()).count(False)
        words = ", ".join(f"{part}: {'noticed' if noticed else 'NOT NOTICED'}" for part, noticed in found.items())
        print(f"{mutation.name}: {words}" + (f" ({mutation.why})" if mutation.why else ""), flush=True)
    print(f"{unnoticed} unnoticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
