"""Writes AGREEMENT.md: how far podwire and the kernel were compared, and what was not.

    python -m tests.oracle.agreement [-j N]       runs every script on both kernels first
    python -m tests.oracle.agreement NAME...      runs these again
    python -m tests.oracle.agreement --render     writes the page from what was measured before

What was measured is kept in agreement.json; what the generated cases came to is read from generated/results.json.
"""

import argparse
import concurrent.futures
import json
import pathlib
import re
import sys

from tests.oracle import live, namespaces, real
from tests.oracle.rules import campaign as rules_campaign
from tests.oracle.rules import table as table_of_rules
from tests.oracle.script import AREAS, EVERYTHING, scripts

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE / "AGREEMENT.md"
MEASURED = HERE / "agreement.json"
GENERATED = HERE / "generated" / "results.json"

HEAD = """\
# Agreement

Written by `python -m tests.oracle.agreement`; the [README](README.md) says how the comparison works.

"""

OPEN = (
    "The source port of a tunnel, a hash of the flow, for what was masqueraded before it (nf_errors): the kernel's differ by direction.",
    "Three kinds of rule sets that are therefore not drawn: [rules/README.md](rules/README.md) says which.",
    "Seed 42 of the generated tunnel cases, which is not counted above: 3 of its 240 cases. [generated/README.md](generated/README.md#open) says in what.",
)
NOT_JUDGED = (
    "Devices that this kernel is built without: ipip, gre, sit, geneve, dummy, wireguard, vlan, bond, ipvlan, vrf, xfrm.",
    (
        "IPIP and GENEVE, which podwire has all the same: bytes made by hand from RFC 2003 and RFC 8926, tshark, and texts of public"
        " dumps judge them, and `ip` itself where it complains before it asks a kernel."
    ),
    "What a namespace does not show: `net.ipv4.neigh.default`, which only the first one of a machine has.",
    (
        "What the kernel draws or hashes with a random key: the leg of a multipath route, the order of `ip neigh`, the delay of a"
        " proxied answer (within its bounds), `reachable_time` (within its bounds). Scripts sort, or set times that leave no choice."
    ),
    "When a list of links shows a change of carrier: up to 1 s later (finding 10). `show DEV` is judged.",
    "`ip neigh add proxy A` without `dev`, whose entry outlives its namespace (finding 25).",
    (
        "What netfilter decides by chance: `statistic --mode random` but for the probabilities 0 and 1; which port NAT draws, and which"
        " address of a range (a hash without a secret, which scripts compare). Ports that were drawn are compared by name."
    ),
    (
        "Sets that this kernel is built without: hash:net,net, hash:net,port,net, hash:ip,mark, hash:ip,mac, hash:mac. It says `set type not"
        " supported`; podwire has them by the kernel's source."
    ),
    "TRACE of iptables-legacy, which goes to the log of the first namespace: rule sets of iptables-nft alone are traced.",
    (
        "Data of TCP connections in scripts: none of the tools that they may call here listens. Segments of connections through rules and"
        " NAT are written by the generated rule sets, handshakes and refusals come from `curl`, and `tests/linux/tcp` has exchanges of programs."
    ),
    "A capture on a device while it comes up: the kernel announces addresses (`arp_notify`) before the capture is back.",
    "Older kernels and tools: some of their texts differ (finding 30).",
)
NOT_MODELLED = (
    "IPv6 beyond addresses: routes, neighbours, ICMPv6.",
    "Sockets of programs that are not podwire's: bash, Python.",
    "VLANs, STP and VLAN filtering of bridges, tunnels other than VXLAN, GENEVE and IPIP, traffic control.",
    (
        "Of netfilter: IPv6, the `nft` command, ebtables, conntrack's helpers and expectations, programs behind NFQUEUE and TPROXY, and the"
        " extensions of iptables that an error names."
    ),
    "Of TCP: fast open, SYN cookies, ECN, urgent data, `tcp_mtu_probing`, MPTCP, MD5 and AO.",
    "The counters of `nstat`, `netstat -s` and `/proc/net/snmp`.",
    "Multicast beyond one link, queriers of IGMP, its versions 1 and 2, multicast routing, IPsec.",
)
"""Beside what the scripts meet."""


def measure(jobs, names, before):
    """Run every script, or those of these names, on both kernels; what was measured ``before`` stands for the others."""
    found = [script for script in scripts() if script.name in names or not names]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = dict(zip((script.name for script in found), pool.map(live.judge, found), strict=True))
    for name, result in results.items():
        if result.difference:
            print(f"{name}:\n{result.difference}", file=sys.stderr)
    kernel, iproute2, *_ = real.versions()
    return {
        "kernel": kernel.partition("-")[0],  # without the name of the build
        "iproute2": next(word for word in re.split("[ ,]+", iproute2) if word.startswith("iproute2-")),
        "scripts": {script.name: before[script.name] for script in scripts() if script.name in before}
        | {
            name: {
                "frames": result.frames,
                "mismatches": int(bool(result.difference)),
                "refused": sorted(set(result.refused)),
            }
            for name, result in sorted(results.items())
        },
    }


def total(rows, key):
    return sum(row.get(key, 0) for row in rows)


def table(measured, generated):
    """A line per area, and their sum."""
    areas = generated.get("areas", {})
    yield "| area | scripts | of these not played | frames | generated cases | mismatches |"
    yield "|---|---:|---:|---:|---:|---:|"
    everything = scripts()
    sums = [0] * 5
    for area in [*AREAS, *sorted(areas.keys() - set(AREAS))]:
        here = [script for script in everything if script.area == area]
        rows = [measured["scripts"].get(script.name, {}) for script in here]
        cases = areas.get(area, 0)
        cases, wrong = (cases.get("cases", 0), cases.get("mismatches", 0)) if isinstance(cases, dict) else (cases, 0)
        away = sum(script.out_of_reach is not None for script in here)
        line = [len(here), away, total(rows, "frames"), cases, total(rows, "mismatches") + wrong]
        if here or cases:
            yield f"| {area} | " + " | ".join(map(str, line)) + " |"
        sums = [a + b for a, b in zip(sums, line, strict=True)]
    sums[3] = generated.get("cases", sums[3])  # one counts in each area that it is about
    yield "| **all** | " + " | ".join(f"**{value}**" for value in sums) + " |"


def render(measured, generated, rules=None):
    """The page."""
    lines = [*table(measured, generated), ""]
    lines += [
        f"Judged by Linux {measured['kernel']} with {measured['iproute2']}. Frames are those that the kernel sent on all"
    ]
    lines += ["devices of the scripts; podwire's were equal layer by layer, in order per device."]
    if generated:
        lines += [
            "",
            (
                f"Generated cases: {generated.get('cases', 0)}, with {generated.get('frames', 0)} frames and"
                f" {generated.get('mismatches', 0)} mismatches. A case counts in each area that it is about."
            ),
        ]
    if rule_sets := list(table_of_rules.lines(rules_campaign.results() if rules is None else rules)):
        lines += ["", *rule_sets[:-1]]
    lines += ["", "## What still differs", "", *(f"- {text}" for text in OPEN)]
    lines += ["", "## What this kernel cannot judge", "", *(f"- {text}" for text in NOT_JUDGED)]
    lines += ["", "## What is compared otherwise", "", *otherwise()]
    lines += ["", "## What podwire does not model", "", *(f"- {text}" for text in NOT_MODELLED)]
    lines += ["", "The scripts meet, and podwire refuses by name:", "", *refusals(measured)]
    return HEAD + "\n".join(lines) + "\n"


def otherwise():
    """What the scripts say about how they are compared."""
    for script in scripts():
        ways = [(f"`{item.pattern}` in any order", item.why) for item in script.sets]
        ways += [(f"`{item.pattern}`: podwire prints a part", item.why) for item in script.parts]
        ways += [(f"`{item.pattern}` is not compared", item.why) for item in script.ignored]
        if script.frames != "order":
            ways.append(("frames in any order" if script.frames == "set" else "no frames", script.why))
        yield from (f"- {script.name}: {way} - {why}." for way, why in ways)


def refusals(measured):
    """What podwire refused, by what the headers of the scripts call it."""
    found: dict[str, list[str]] = {}
    for script in scripts():
        for item in script.beyond:
            whole = " (the whole script)" if item.pattern == EVERYTHING else ""
            found.setdefault(item.why, []).append(script.name + whole)
    yield from (f"- {why}: {', '.join(names)}" for why, names in sorted(found.items()))


def read(path):
    """A file of results; nothing where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--render", action="store_true")
    parser.add_argument("-j", type=int, default=4, dest="jobs")
    options = parser.parse_args()
    if not options.render:
        if why := namespaces.why_not():
            parser.error(why)
        measured = measure(options.jobs, options.names, read(MEASURED).get("scripts", {}))
        MEASURED.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    measured = read(MEASURED)
    PAGE.write_text(render(measured, read(GENERATED)), encoding="utf-8")
    return 1 if total(measured["scripts"].values(), "mismatches") else 0


if __name__ == "__main__":
    sys.exit(main())
