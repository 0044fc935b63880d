"""Ask the kernel, and keep its answers."""

import json
import pathlib
import subprocess
import sys

from tests.oracle.segments.draw import draw

HERE = pathlib.Path(__file__).parent
SETTINGS: tuple[dict[str, int], ...] = (
    {},
    {"tcp_be_liberal": 1},
    {"tcp_loose": 0},
    {"tcp_ignore_invalid_rst": 1, "tcp_max_retrans": 1},
)


def ask(settings, connections):
    """What the kernel says of each segment."""
    text = json.dumps({"settings": settings, "connections": connections})
    command = ["unshare", "-nm", sys.executable, str(HERE / "kernel.py")]
    return json.loads(subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout)


def main():
    record = []
    for seed, settings in enumerate(SETTINGS):
        connections = draw(seed, 60 if not settings else 25)
        record.append({"settings": settings, "connections": connections, "answers": ask(settings, connections)})
    (HERE / "recorded.json").write_text(json.dumps(record, separators=(",", ":")) + "\n", encoding="utf-8")


main()
