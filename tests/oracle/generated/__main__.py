"""``python -m tests.oracle.generated --cases N --seed S [-j J]``: a campaign, whose numbers go to results.json."""

import argparse
import sys
import time

from tests.oracle.generated import campaign, draw, kernel

SLICE = 120


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.generated", description=__doc__)
    parser.add_argument("--cases", type=int, default=240)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=draw.KINDS, default="plain")
    parser.add_argument("-j", type=int, default=kernel.JOBS, dest="jobs", help="cases at a time")
    parser.add_argument("--fresh", action="store_true", help="forget what results.json says")
    parser.add_argument("--record", action="store_true", help="keep the kernel's answers in recorded/")
    parser.add_argument("--seconds", type=float, default=240, help="begin nothing after that time")
    options = parser.parse_args()
    if why := kernel.reason():
        print(why, file=sys.stderr)
        return 2
    begin = time.monotonic()
    if options.record:
        campaign.RECORDED.mkdir(exist_ok=True)
        answers = campaign.record(options.seed, options.cases, options.kind)
        path = campaign.RECORDED / campaign.file_name(options.seed, options.kind)
        campaign.keep(path, answers)
        print(f"{len(answers)} of {options.cases} cases kept in {path.name}, {path.stat().st_size} bytes")
        return 0
    tally = campaign.Tally() if options.fresh else campaign.results()
    for name, version in kernel.versions().items():
        setattr(tally, name, version)
    cases = draw.generate(options.seed, options.cases, options.kind)
    seed = campaign.title(options.seed, options.kind)
    done, before, found = 0, tally.cases, []
    for start in range(0, len(cases), SLICE):
        if time.monotonic() - begin > options.seconds:
            break
        part = cases[start : start + SLICE]
        found += campaign.disagreements(part, tally, options.jobs)
        done += len(part)
        print(f"{done} cases, {done / (time.monotonic() - begin):.1f}/s, {len(found)} differ", flush=True)
    tally.seeds[seed] = tally.seeds.get(seed, 0) + tally.cases - before
    campaign.write_results(tally)
    for each in found:
        print(campaign.told(each, small=time.monotonic() - begin < options.seconds), flush=True)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
