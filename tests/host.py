"""What this machine's network and kernel are, for tests that must not change them."""

import contextlib
import re
import shutil
import subprocess
from pathlib import Path


def snapshot():
    """What the kernel has, in the namespaces of this process."""
    found = {}
    for command in (
        "ip -o link", "ip -o -4 addr", "ip -o -6 addr", "ip route show table all", "ip -6 route show table all", "ip rule", "ip neigh show nud permanent",
        "ip netns list", "nft list ruleset", "iptables-save", "tc qdisc", "hostname",
    ):  # fmt: skip
        words = command.split()
        if program := shutil.which(words[0]):
            text = subprocess.run([program, *words[1:]], capture_output=True, text=True, timeout=30, check=False).stdout
            found[command] = re.sub(r"\b\d+sec\b|\[\d+:\d+\]|^#.*", "", text, flags=re.MULTILINE)
    for path in [*Path("/proc/sys/net").rglob("*"), Path("/proc/sys/vm/swappiness"), Path("/proc/sys/kernel/hostname")]:
        if path.is_file() and not path.name.endswith(("_count", "flush", "secret")):
            with contextlib.suppress(OSError):
                found[str(path)] = path.read_text(encoding="utf-8", errors="replace")
    found["/run/netns"] = str(sorted(Path("/run/netns").glob("*")))
    found["mounts"] = Path("/proc/self/mounts").read_text(encoding="utf-8")
    return found


@contextlib.contextmanager
def unchanged():
    """What was there before is there afterwards, and is the same. Modules that were loaded meanwhile may have added switches."""
    before = snapshot()
    before.pop("mounts")  # others mount, too, in the course of a long session
    assert len(before) > 100
    yield
    after = snapshot()
    assert {name: after.get(name) for name in before} == before
