"""The kernel's answers: ``driver.py`` inside fresh namespaces."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from tests.oracle.generated import kernel as generated
from tests.oracle.rules.case import Case, Seen

HERE = Path(__file__).parent
NEEDED = ("iptables-nft", "iptables-legacy", "ipset", "conntrack", "xtables-monitor")
JOBS = 3


class _Reply(msgspec.Struct):
    id: int
    seen: Seen


def reason() -> str:
    """Why there is no kernel to ask; "" if there is."""
    for tool in NEEDED:
        if shutil.which(tool, path=generated.PATH) is None:
            return f"needs {tool}"
    return generated.reason()


def answers(cases: Sequence[Case], jobs: int = JOBS) -> Iterator[tuple[int, Seen]]:
    """(index of a case, what was seen), as they come."""
    command = ["unshare", *generated._flags(), sys.executable, "-I", str(HERE / "driver.py"), "-j", str(jobs)]
    environment = {"PATH": generated.PATH, "LC_ALL": "C"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
    ) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        text = b"".join(msgspec.json.encode(case) + b"\n" for case in cases)
        feeder = threading.Thread(target=_feed, args=(driver.stdin, text), daemon=True)
        feeder.start()
        try:
            for line in driver.stdout:
                reply = msgspec.json.decode(line, type=_Reply)
                yield reply.id, reply.seen
        finally:
            driver.kill()
    feeder.join()


def _feed(stream, text):
    try:
        stream.write(text)
        stream.close()
    except BrokenPipeError:
        pass
