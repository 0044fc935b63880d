"""``python -m tests.oracle.rules --cases N --seed S [-j J]``: a campaign, whose numbers go to results.json."""

import argparse
import os
import subprocess
import sys
import time

from tests.oracle.rules import campaign, kernel

SLICE = 100


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.rules", description=__doc__)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--about", choices=campaign.DRAWN, default="rules", help="rule sets of all kinds, or kube-proxy's of Services"
    )
    parser.add_argument("-j", type=int, default=kernel.JOBS, dest="jobs", help="cases at a time")
    parser.add_argument("--fresh", action="store_true", help="forget what results.json says")
    parser.add_argument("--record", action="store_true", help="keep the kernel's answers in recorded/")
    parser.add_argument("--dry", action="store_true", help="do not write results.json")
    parser.add_argument("--show", type=int, default=5, help="print that many differences")
    parser.add_argument("--small", action="store_true", help="and make them small first")
    parser.add_argument("--seconds", type=float, default=240, help="begin nothing after that time")
    options = parser.parse_args()
    if why := kernel.reason():
        print(why, file=sys.stderr)
        return 2
    begin = time.monotonic()
    if options.record:
        path = campaign.record(options.seed, options.cases, options.about)
        print(
            f"{len(campaign.recorded(options.seed, options.about))} of {options.cases} cases kept, {path.stat().st_size} bytes"
        )
        return 0
    tally = campaign.Tally() if options.fresh else campaign.results()
    tally.kernel = os.uname().release
    tally.iptables = subprocess.run(["iptables", "-V"], capture_output=True, text=True, check=True).stdout.strip()
    cases = campaign.DRAWN[options.about](options.seed, options.cases)
    done, before, found = 0, tally.cases, []
    for start in range(0, len(cases), SLICE):
        if time.monotonic() - begin > options.seconds:
            break
        part = cases[start : start + SLICE]
        found += campaign.disagreements(part, tally, options.jobs)
        done += len(part)
        print(f"{done} cases, {done / (time.monotonic() - begin):.1f}/s, {len(found)} differ", flush=True)
    key = str(options.seed) if options.about == "rules" else f"{options.about}/{options.seed}"
    tally.seeds[key] = tally.seeds.get(key, 0) + tally.cases - before
    if not options.dry:
        campaign.write_results(tally)
    for each in found[: options.show]:
        print(campaign.told(each, small=options.small), flush=True)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
