"""What an oracle script says about itself, in the comments above its first command.

    # TITLE
    # area: ping
    # compare: set PATTERN — why        lines of these commands in any order
    # compare: part PATTERN — why       podwire prints some of the kernel's lines, in their order
    # compare: no PATTERN — why         these commands are only run
    # frames: set — why                 frames of a device in any order
    # frames: no — why
    # not modelled: PATTERN — what      podwire refuses these commands
    # not modelled: all — what          podwire cannot play this script yet

PATTERN is a regular expression that is looked for in the command, as ``t`` prints it, or in the label of a ``dump``.
"""

import dataclasses
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
AREAS = (
    "address",
    "link",
    "route",
    "rule",
    "arp",
    "neighbour",
    "forward",
    "icmp",
    "ping",
    "wiring",
    "sysctl",
    "tcpdump",
    "tools",
    "sockets",
    "bridge",
    "tunnel",
    "netfilter",
)
HEAD = re.compile(r"# (area|compare|frames|not modelled): (.*)")
EVERYTHING = "all"


@dataclasses.dataclass(frozen=True)
class Unlike:
    """Commands that are treated differently, and why."""

    pattern: str
    why: str

    def covers(self, command):
        """True for a command (or ``--- label``) that it is about."""
        return re.search(self.pattern, command) is not None


class HeaderError(ValueError):
    """A header that says nothing that is known."""


class Script:
    """A script and its header."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.name = self.path.stem
        self.text = self.path.read_text(encoding="utf-8")
        self.title = ""
        self.area = ""
        self.sets = []
        self.parts = []
        self.ignored = []
        self.beyond = []
        self.frames = "order"
        self.why = ""
        """Why frames are not compared, or not in order."""
        for line in self.text.splitlines():
            if not line.startswith("#"):
                break
            if match := HEAD.fullmatch(line):
                self.read(*match.groups())
            else:
                self.title = self.title or line.removeprefix("# ")
        if self.area not in AREAS:
            raise HeaderError(f"{self.name}: no `# area:` of {', '.join(AREAS)}")

    def read(self, key, value):
        """One line of the header."""
        if key == "area":
            self.area = value
            return
        what, dash, why = value.partition(" — ")
        if not dash or not why:
            raise HeaderError(f"{self.name}: `{key}: {value}` gives no reason behind an em dash")
        mode, _, pattern = what.partition(" ")
        if key == "not modelled":
            self.beyond.append(Unlike(what, why))
        elif key == "frames" and what in {"set", "no"}:
            self.frames, self.why = what, why
        elif key == "compare" and mode == "set":
            self.sets.append(Unlike(pattern, why))
        elif key == "compare" and mode == "part" and pattern:
            self.parts.append(Unlike(pattern, why))
        elif key == "compare" and mode == "no" and pattern:
            self.ignored.append(Unlike(pattern, why))
        else:
            raise HeaderError(f"{self.name}: `{key}: {what}` is none of {__doc__}")

    @property
    def out_of_reach(self):
        """What podwire lacks to play the script at all, or None."""
        return next((exception.why for exception in self.beyond if exception.pattern == EVERYTHING), None)


def scripts():
    """All of them, by name."""
    return [Script(path) for path in sorted((HERE / "scripts").glob("*.sh"))]
