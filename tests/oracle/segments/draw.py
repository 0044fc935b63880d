"""Drawing connections: a plausible beginning, then segments in and out of the window, resets, SYNs that come anew."""

import random

FLAGS = {"S": 2, "SA": 18, "A": 16, "PA": 24, "FA": 17, "R": 4, "RA": 20, "F": 1, "0": 0, "SF": 3, "SE": 0x42, "U": 48}
CIRCLE = 1 << 32
MSS = b"\x02\x04\x05\xb4"


class Drawing:
    """One connection while it is drawn. A segment is [direction, flags, seq, ack, window, data, options as hex]."""

    def __init__(self, rng):
        self.rng = rng
        self.next = [rng.randrange(CIRCLE), rng.randrange(CIRCLE)]
        if rng.random() < 0.2:
            self.next[0] = CIRCLE - 1 - rng.randrange(300)
        self.scale = [rng.choice([None, 0, 2, 7, 15]) for _ in (0, 1)]
        self.sack = [rng.random() < 0.7 for _ in (0, 1)]
        self.segments = []

    def options(self, direction, syn, sack):
        if not syn:
            return b"" if sack is None else b"\x01\x01\x05\x0a" + b"".join((n % CIRCLE).to_bytes(4) for n in sack)
        scale = self.scale[direction]
        permitted = b"\x01\x01\x04\x02" if self.sack[direction] else b""
        return MSS + permitted + (b"" if scale is None else bytes((1, 3, 3, scale)))

    def add(self, direction, flags, *, seq=None, ack=None, window=None, data=0, sack=None):
        bits = FLAGS[flags]
        number = self.next[direction] if seq is None else seq % CIRCLE
        acked = (self.next[1 - direction] if ack is None else ack) % CIRCLE if bits & 16 else 0
        if window is None:
            window = self.rng.choice([64240, 64240, 502, 0, 1, 8192])
        options = self.options(direction, bits & 2, sack).hex()
        self.segments.append([direction, bits, number, acked, window, data, options])
        if seq is None:
            self.next[direction] = (number + data + (bits >> 1 & 1) + (bits & 1)) % CIRCLE

    def begin(self):
        start = self.rng.random()
        if start < 0.75:
            self.add(0, "S")
            if self.rng.random() < 0.3:
                self.segments.append(self.segments[-1])
            if self.rng.random() < 0.9:
                self.add(1, "SA")
                if self.rng.random() < 0.9:
                    self.add(0, "A")
        elif start < 0.85:
            self.add(0, "S")
            self.add(1, "S")

    def go_on(self):
        rng, here = self.rng, self.rng.randrange(2)
        mine, theirs = self.next[here], self.next[1 - here]
        kind = rng.choices(range(13), (35, 15, 8, 5, 7, 5, 3, 4, 4, 3, 3, 3, 2))[0]
        if kind == 0:
            self.add(here, "PA", data=rng.choice([1, 10, 536, 1400]))
        elif kind == 1:
            self.add(here, "A")
        elif kind == 2:
            self.add(here, "FA")
        elif kind == 3:
            self.add(here, rng.choice(["R", "RA"]))
        elif kind == 4:
            off = rng.choice([-70000, -2000, -1, 0, 1, 5, 100, 30000, 70000, 1 << 24])
            ack = theirs + rng.choice([-70000, -100, -1, 0, 1, 10, 70000])
            self.add(here, rng.choice(sorted(FLAGS)), seq=mine + off, ack=ack, data=rng.choice([0, 0, 5]))
        elif kind == 5:
            self.add(here, "S", seq=rng.randrange(CIRCLE))
        elif kind == 6:
            self.add(here, "SA", ack=theirs + rng.choice([0, 1, -1]))
        elif kind == 7 and self.segments:
            self.segments.append(rng.choice(self.segments))
        elif kind == 8:
            self.add(here, "R", seq=0)
        elif kind == 9:
            self.add(here, "R", seq=mine + rng.choice([0, -1, 1, 10, 1000]))
        elif kind == 10:
            self.add(here, "RA", seq=mine, ack=0)
        elif kind == 11:
            self.add(here, "A", sack=(theirs + 10, theirs + rng.choice([20, 1000])))
        else:
            self.next[here] = rng.randrange(CIRCLE)
            self.add(here, "S")


def draw(seed, count):
    """That many connections."""
    rng = random.Random(seed)
    connections = []
    for _ in range(count):
        drawing = Drawing(rng)
        drawing.begin()
        for _ in range(rng.randrange(3, 14)):
            drawing.go_on()
        connections.append(drawing.segments)
    return connections
