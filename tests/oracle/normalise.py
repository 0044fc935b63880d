#!/usr/bin/env python3
"""Replace what differs from run to run in the output of an oracle script.

    normalise.py [--keep SCRIPT] < output

Times, round-trip times and ages become words; random MAC addresses, ICMP
ids, IP ids, ephemeral ports, TCP numbers and netns ids become names in the
order of their appearance, so that equal stays equal and different stays
different.  MAC addresses written in the script are kept.
"""

import argparse
import functools
import pathlib
import re
import sys

MAC = re.compile(r"(?<![0-9a-fA-F:])(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}(?![0-9a-fA-F:])")

# Plain replacements, in this order.
RULES = [
    # ping
    (r"\btime=[0-9.]+ ms", "time=<t> ms"),
    (r"(?<=packet loss, time )\d+ms", "<t>ms"),
    (
        r"rtt min/avg/max/mdev = [0-9./]+ ms",
        "rtt min/avg/max/mdev = <t> ms",
    ),
    (r"ipg/ewma [0-9./]+ ms", "ipg/ewma <t> ms"),
    (r"min/avg/ewma/max = [0-9./]+ ms", "min/avg/ewma/max = <t> ms"),
    (r"^\[\d{9,}\.\d{6}\]", "[<time>]"),
    (r"\b\d+ absolute\b", "<time> absolute"),
    (r"^ 4  5  [0-9a-f ]+(?=\d+\.)", " 4  5  <header> "),
    # tracepath
    (r"(?<=\S) +\d+\.\d{3}ms (?=$|reached|asymm|pmtu|!|\()", " <t>ms "),
    # arping
    (r"(?<=\])  [0-9.]+ms", "  <t>ms"),
    # tcpdump time stamps: -tttt, -tt, default, -ttt and -ttttt
    (r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+", "<date> <time>"),
    (r"^\d{9,}\.\d{6,9}(?= )", "<time>"),
    (r"^( ?)\d\d:\d\d:\d\d\.\d{6,9}(?= )", r"\1<time>"),
    (r"cksum 0x[0-9a-f]{4} \(correct\)", "cksum <sum> (correct)"),
    (r"TS val \d+", "TS val <ts>"),
    (r"(?<=TSONLY )[1-9]\d*(?=@)|(?<=@ )[1-9]\d*(?=@)", "<ms>"),  # the option of ping -T: milliseconds since midnight
    (r"ecr (?!0[,\]])\d+", "ecr <ts>"),
    # ip
    (r"\bused \d+/\d+/\d+", "used <age>"),
    (r'"(used|confirmed|updated)":\d+', r'"\1":<age>'),
    (r"\bexpires (29\d|300|59\d|600)sec", "expires <age>sec"),
    (r"(_lft )\d+sec", r"\1<age>sec"),
    (r'(life_time":) ?(?!4294967295)\d+', r"\1<age>"),
    (r"(?<=reachable )\d+(?= base)", "<t>"),
]

# Values that get a name: (pattern with one group, word).
NAMED = [
    (r"ICMP echo (?:request|reply), id (\d+)", "icmp"),
    (r"\bident=(\d+)", "icmp"),
    (r"ttl \d+, id (?!0,)(\d+)", "ip"),
    (r"link-netnsid (\d+)", "netns"),
    (r'"link_netnsid": ?(\d+)', "netns"),
    (r"\d\.((?:3[2-9]|4\d|5\d|60)\d{3})(?=[ :])", "port"),
    (r"\bseq (\d{6,}(?::\d{6,})?)", "tcp"),
    (r"\back (\d{6,})", "tcp"),
]

HEX = re.compile(r"^\t0x([0-9a-f]{4}):  ((?:[0-9a-f]{2,4} ?)+)(.*)$")


def macs(text):
    """The MAC addresses in a text, in lower case."""
    return {m.lower() for m in MAC.findall(text)}


def fixed(mac):
    """True for addresses that are not random: broadcast, zero, multicast."""
    first = int(mac[:2], 16)
    return mac == "00:00:00:00:00:00" or bool(first & 1)


class Names:
    """Names for values, numbered in the order of appearance."""

    def __init__(self):
        self.names = {}
        self.counts = {}

    def get(self, word, value):
        """The name of a value of a kind."""
        key = word, value
        if key not in self.names:
            self.counts[word] = self.counts.get(word, 0) + 1
            self.names[key] = f"<{word}{self.counts[word]}>"
        return self.names[key]


def replace_group(match, names, word):
    """The whole match with group 1 replaced by its name."""
    start, end = match.span(1)
    start -= match.start()
    end -= match.start()
    whole = match.group(0)
    return whole[:start] + names.get(word, match.group(1)) + whole[end:]


def mask_dump(lines):
    """Mask id and checksums of IPv4 and ICMP in tcpdump -x, -X, -xx, -A."""
    result = []
    shift = None
    for line in lines:
        match = HEX.match(line)
        if not match:
            shift = None
            result.append(line)
            continue
        offset = int(match.group(1), 16)
        words = match.group(2).split()
        if offset == 0:
            shift = None
            if words[0] == "4500":
                shift = 0
            elif len(words) > 7 and words[6] == "0800":
                shift = 14
        if shift is not None:
            # byte offsets: IP id, IP checksum, ICMP checksum, ICMP id
            for place in (4, 10, 22, 24):
                index = (place + shift - offset) // 2
                if 0 <= index < len(words):
                    words[index] = "...."
            ascii_part = "  <ascii>" if match.group(3).strip() else ""
            line = f"\t0x{match.group(1)}:  {' '.join(words)}{ascii_part}"
        result.append(line)
    return result


def normalise(text, keep=()):
    """The text with everything that differs between runs replaced."""
    keep = {m.lower() for m in keep}
    names = Names()

    def name_mac(match):
        mac = match.group(0).lower()
        if mac in keep or fixed(mac):
            return match.group(0)
        return names.get("mac", mac)

    result = []
    for line in mask_dump(text.splitlines()):
        for pattern, replacement in RULES:
            line = re.sub(pattern, replacement, line)
        for pattern, word in NAMED:
            line = re.sub(pattern, functools.partial(replace_group, names=names, word=word), line)
        result.append(MAC.sub(name_mac, line))
    return "".join(line + "\n" for line in result)


def main():
    """Filter standard input."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", help="script whose MAC addresses stay")
    options = parser.parse_args()
    keep = ()
    if options.keep:
        keep = macs(pathlib.Path(options.keep).read_text(encoding="utf-8"))
    sys.stdout.write(normalise(sys.stdin.read(), keep))


if __name__ == "__main__":
    main()
