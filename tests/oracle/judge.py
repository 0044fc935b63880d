"""What the oracle says of the model as it is, without asking the kernel again.

    python -m tests.oracle.judge scripts [NAME…]      scripts against their records
    python -m tests.oracle.judge generated            generated cases against the answers that are kept
    python -m tests.oracle.judge rules                generated rule sets against the answers that are kept

Exit status 0: all agree, 1: they differ (the first difference is printed).
"""

import sys

from tests.oracle import compare, ours, real
from tests.oracle.script import scripts


def of_scripts(names):
    """The first difference between a record and the model; empty if there is none."""
    for script in scripts():
        if script.name in names or not names:
            text, _ = ours.run(script.path)
            record = real.record_path(script.path).read_text(encoding="utf-8")
            if difference := compare.difference(script, record, text):
                return f"{script.name}\n{difference}"
    return ""


def of_generated():
    """The first generated case of the kept ones whose answer differs."""
    from tests.oracle.generated import draw, find_disagreement

    return next(filter(None, (find_disagreement(kind=kind) for kind in draw.KINDS)), "")


def of_rules():
    """The first generated rule set of the kept ones whose answer differs."""
    from tests.oracle.rules import campaign

    return campaign.find_disagreement() or ""


def main(words):
    """Command line."""
    difference = {"scripts": lambda: of_scripts(words[1:]), "generated": of_generated, "rules": of_rules}[words[0]]()
    print(difference)
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
