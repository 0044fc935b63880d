"""The same commands for podwire's kubectl and for a real one, each over a lab of its own that was made in the same way."""

import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import msgspec

from tests.tools.kubectl.real.server import Server

_KNOWN = ("kubectl.1.30", "/usr/lib/google-cloud-sdk/bin/kubectl.1.30", "/usr/lib/google-cloud-sdk/bin/kubectl.1.30.0")
_AGE = re.compile(r"(?<![\w.:-])(\d+[dhms]){1,2}(?![\w.:-])")


def real_kubectl():
    """A kubectl 1.30, or None."""
    return next((path for path in map(shutil.which, _KNOWN) if path), None)


class Said(msgspec.Struct, frozen=True):
    """What a command printed."""

    out: str
    err: str
    code: int


class Judge:
    """``run(command)`` gives what the real kubectl says and what podwire's says; files stand in ``place``."""

    def __init__(self, make, place: Path):
        self.ours, self.theirs = make(), make()
        self.place = place
        self.home = place / ".home"
        self.home.mkdir()
        self.server = Server(self.theirs)
        self.binary = real_kubectl()

    def file(self, name, text):
        (self.place / name).write_text(text, encoding="utf-8")
        self.ours.workstation.place.files[name] = text

    def now(self):
        """Virtual clocks follow the wall's, by which kubectl tells ages."""
        wall = time.time_ns()
        for lab in (self.ours, self.theirs):
            lab.network.now = max(lab.network.now, wall)

    def run(self, command, stdin=""):
        self.now()
        real = self.real(command, stdin)
        return real, self.podwire(command, stdin)

    def podwire(self, command, stdin=""):
        found = self.ours.kubectl(command, stdin=stdin)
        return Said(found.stdout, found.stderr, found.exit_code)

    def real(self, command, stdin=""):
        found = subprocess.run(
            [self.binary, "-s", f"http://127.0.0.1:{self.server.port}", *shlex.split(command)],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.place,
            env={"HOME": str(self.home), "KUBECONFIG": str(self.home / "none"), "TZ": "UTC", "PATH": "/usr/bin:/bin"},
            timeout=60,
        )
        return Said(found.stdout, found.stderr, found.returncode)


def plain(said):
    """Without what the wall clock says."""
    return Said(_ages(said.out), _ages(said.err), said.code)


def _ages(text):
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text)
    text = re.sub(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", "DATE", text)
    text = re.sub(r"^podwire: see .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"(resourceVersion|Resource Version)(\"?: +)\"?\d+\"?", r"\1\2N", text)
    return re.sub(r"AGE +", "AGE ", _AGE.sub("AGE", text))
