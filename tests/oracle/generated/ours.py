"""Runs a case on podwire, in this process."""

import shlex

from podwire.errors import NotModelled
from podwire.fabric.network import Network
from podwire.linux.machine import Place
from podwire.tools.process import Process
from podwire.tools.registry import find
from podwire.trace.events import PACKET_OUTGOING, Dropped, Received, Transmitted
from podwire.wire.codec import to_bytes
from tests.oracle.generated.case import Answer, Batch, Case

NSEC = 1_000_000_000
HOSTS = "127.0.0.1\tlocalhost\n"


class Runner:
    """The few words of the oracle's shell that a case is written in."""

    def __init__(self):
        self.network = Network()
        self.machine = self.network.add_machine("host")
        self.machine.root.files["/etc/hosts"] = HOSTS
        self.places = {}
        self.text = []
        self.records = []

    def place(self, name):
        place = self.places.get(name)
        if place is None:
            place = self.places[name] = Place(self.machine.netns_names[name], self.machine.image, "host")
            place.files = self.machine.root.files
        return place

    def run(self, argv, place):
        """The text and the status of a command."""
        tool = find(place.image, argv[0])
        assert tool is not None, argv
        process = Process(self.network, place, argv)
        try:
            process.start(tool)
            ended = self.network.run_until(lambda: process.done)
        except NotModelled as missing:
            return f"NotModelled: {missing}\n", 1
        text = "".join(text for _, text in process.output)
        return (text, process.status) if ended else (f"{text}[never ends]\n", None)

    def do(self, item):
        if isinstance(item, Batch):
            self.text.append(f"$ batch {item.netns}\n")
            for line in item.lines:
                words = shlex.split(line)
                place = self.place(item.netns) if item.netns else self.machine.root
                self.text.append(self.run([item.tool, *words], place)[0])
            return
        words = shlex.split(item)
        match words:
            case ["sys", name, *settings]:
                self.text.append(self.run(["sysctl", "-qw", *settings], self.place(name))[0])
            case ["sleep", seconds]:
                self.network.sleep(round(float(seconds) * NSEC))
            case ["gro_off", *_]:
                pass
            case ["ready"]:
                self.network.log.attach(self.records.append)
            case ["t", "ip", "netns", "exec", name, *rest]:
                self.told(words[1:], rest, name)
            case ["t", "ip", "-n", name, *rest]:
                self.told(words[1:], ["ip", *rest], name)
            case _:
                raise ValueError(item)

    def told(self, shown, argv, name):
        text, status = self.run(argv, self.place(name))
        self.text.append(f"$ {' '.join(shown)}\n{text}")
        if status:
            self.text.append(f"[exit {status}]\n")

    def frames(self):
        result = []
        for record in self.records:
            event = record.event
            if isinstance(event, Transmitted):
                result.append((record.netns, event.dev, PACKET_OUTGOING, to_bytes(event.frame).hex()))
            elif isinstance(event, Received):
                result.append((record.netns, event.dev, event.pkt_type, to_bytes(event.frame).hex()))
        return result

    def reasons(self):
        events = (record.event for record in self.records)
        return sorted({str(event.reason) for event in events if isinstance(event, Dropped)})


def run(case: Case) -> Answer:
    """Podwire's answer."""
    runner = Runner()
    for item in case.plan():
        runner.do(item)
    return Answer("".join(runner.text), runner.frames(), reasons=runner.reasons())
