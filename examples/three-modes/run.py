"""One ping between two nodes, under three modes of Calico, side by side.

python examples/three-modes/run.py [FILE.pcapng]
"""

import sys
from pathlib import Path

import msgspec

from podwire.export.frames import Frame, write_pcapng
from podwire.lab import load
from podwire.wire.headers import ICMP_ECHO, Icmp, IPv4, Udp, Vxlan

MODES = {"no encapsulation": "none.yaml", "IPIP": "ipip.yaml", "VXLAN": "vxlan.yaml"}
SECOND = 1_000_000_000


class Run:
    """The ping in one of the labs, and what was seen of it."""

    def __init__(self, path: Path) -> None:
        lab = load(path)
        pod1, pod2, w1 = lab.pod("pod1"), lab.pod("pod2"), lab.node("w1")
        with lab.capture() as capture:
            self.ping = pod1.ping(pod2)
        self.frames = capture.frames
        with lab.capture("w1:eth0", filter="dst 192.168.10.102 or dst net 10.244.80.192/26") as wire:
            pod1.ping(pod2)
        self.wire = wire.text().rstrip().partition(" ")[2]
        self.route = next(
            line for line in w1.exec("ip route").stdout.splitlines() if line.startswith("10.244.80.192/26")
        )
        self.mtu = pod1.exec("cat /sys/class/net/eth0/mtu").stdout.strip()
        self.cells = {frame.device: cell(frame) for frame in self.frames if is_request(frame)}
        """What passed each device, in the order of the way."""


def is_request(frame: Frame) -> bool:
    """An echo request, or one inside a tunnel."""
    header = frame.frame.layers[-1]
    return isinstance(header, Icmp) and header.type == ICMP_ECHO


def cell(frame: Frame) -> str:
    """The headers outside in, and the length of the frame."""
    words = []
    for header in frame.frame.layers:
        if isinstance(header, IPv4):
            words.append(f"IP ttl {header.ttl}")
        elif isinstance(header, Udp):
            words.append(f"UDP {header.dport}")
        elif isinstance(header, Vxlan):
            words.append(f"VNI {header.vni}")
    return f"{' | '.join(words)}  ({frame.frame.size} bytes)"


def in_order(ways: list[list[str]]) -> list[str]:
    """Every device of every way; one that is new stands before the next that is known."""
    order: list[str] = []
    for way in ways:
        for number, device in enumerate(way):
            if device not in order:
                behind = next((each for each in way[number:] if each in order), None)
                order.insert(order.index(behind) if behind else len(order), device)
    return order


def table(runs: dict[str, Run]) -> str:
    """A row a device, a column a mode."""
    order = in_order([list(run.cells) for run in runs.values()])
    rows = [("", *runs), *((device, *(run.cells.get(device, "-") for run in runs.values())) for device in order)]
    rows.append(("ttl that ping prints", *(str(run.ping.ttl) for run in runs.values())))
    rows.append(("MTU of the pods", *(run.mtu for run in runs.values())))
    widths = [max(map(len, column)) + 3 for column in zip(*rows, strict=True)]
    return "\n".join(
        "".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def save(path: Path, runs: dict[str, Run]) -> None:
    """One file for all: the devices have the mode in front of their names, the second ping begins a second after the first."""
    frames = [
        msgspec.structs.replace(frame, device=f"{mode}: {frame.device}", time=frame.time + number * SECOND)
        for number, (mode, run) in enumerate(runs.items())
        for frame in run.frames
    ]
    with path.open("wb") as stream:
        write_pcapng(stream, frames, {})


def main() -> None:
    """Print the table, the frames on the wire and the routes; write the frames to a file if one is named."""
    runs = {mode: Run(Path(__file__).with_name(name)) for mode, name in MODES.items()}
    print("pod1 on w1 pings pod2 on w2: the headers at each device on the way, and the length of the frame\n")
    print(table(runs))
    print("\non the wire between the nodes")
    for mode, run in runs.items():
        print(f"  {mode:18}" + run.wire.replace("\n", "\n" + " " * 20))
    print("\nwhere w1 routes it")
    for mode, run in runs.items():
        print(f"  {mode:18}{run.route}")
    if len(sys.argv) > 1:
        save(Path(sys.argv[1]), runs)
        print(f"\nwrote {sys.argv[1]}")


if __name__ == "__main__":
    main()
