"""Runs cases on the kernel of this machine, many at a time. Started inside fresh namespaces; knows nothing of podwire.

Standard input: one JSON object a line, ``{"id": …, "namespaces": […], "script": …}``. Standard output: one a line,
``{"id": …, "text": …, "frames": [[namespace, device, direction, hex], …], "seconds": …}``.

Each script gets a mount namespace with its own /run, so that the names of its network namespaces are its own; they are
gone when its bash is. The script calls ``ready`` once its devices are there: then a packet socket is opened in each
namespace, which sees what a tcpdump on ``any`` would.
"""

import argparse
import ctypes
import fcntl
import json
import mmap
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SOL_PACKET, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, TPACKET_V2 = 263, 5, 6, 10, 1
SIOCGIFNAME = 0x8910
FRAME, PER_BLOCK, BLOCKS = 20480, 2, 256
"""Bytes of a frame with its header; frames of a block; blocks."""
HEADER = struct.Struct("=III HH II HH 4x HHiHBB")
"""struct tpacket2_hdr and struct sockaddr_ll."""
PAUSE = 0.01
LIBC = ctypes.CDLL(None, use_errno=True)
SHELL = ["unshare", "-m", "bash", "--norc", "--noprofile", "-c"]
SETUP = """
mount -t tmpfs tmpfs /run && mkdir /run/netns
SAY=$2 HEAR=$3
t() { printf '$ %s\\n' "$*"; eval "$*"; local r=$?; [ $r -eq 0 ] || printf '[exit %d]\\n' $r; }
ready() { echo ready >&"$SAY"; read -r _ <&"$HEAR"; }
batch() { printf '$ batch %s\\n' "$1"; $2 ${1:+-n} $1 -force -batch -; }
# As in the oracle's prelude: what a tunnel receives is not gathered.
gro_off() { nsenter --net="/run/netns/$1" ethtool -K "$2" gro off; }
# A bridge is not to ask iptables: with that the kernel cuts packets anew that are too long for a port.
NF=net.bridge.bridge-nf-call-iptables=0
[ -e /proc/sys/net/bridge ] || NF=
sys() { local n=/run/netns/$1; shift; nsenter --net="$n" sysctl -qw $NF "$@"; }
. "$1"
"""


def enter(path):
    """This thread's network namespace."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if LIBC.setns(descriptor, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), path)
    finally:
        os.close(descriptor)


class Tap:
    """A packet socket with a ring. Without one each frame would be cloned, and clones take another way through a tunnel."""

    def __init__(self, name):
        self.name = name
        self.frames = []
        self.devices = {}
        self.next = 0
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        ring = struct.pack("=IIII", FRAME * PER_BLOCK, BLOCKS, FRAME, PER_BLOCK * BLOCKS)
        self.socket.setsockopt(SOL_PACKET, PACKET_RX_RING, ring)
        self.ring = mmap.mmap(self.socket.fileno(), FRAME * PER_BLOCK * BLOCKS)

    def device(self, index):
        """The name of a device."""
        if index not in self.devices:
            answer = fcntl.ioctl(self.socket, SIOCGIFNAME, struct.pack("16si20x", b"", index))
            self.devices[index] = answer[:16].rstrip(b"\0").decode()
        return self.devices[index]

    def read(self, frames):
        """Take what has passed since the last time."""
        while True:
            at = self.next * FRAME
            status, _, length, mac, _, _, _, _, _, _, _, index, _, kind, _ = HEADER.unpack_from(self.ring, at)
            if not status & 1:  # TP_STATUS_USER
                return
            frames.append([self.name, self.device(index), kind, self.ring[at + mac : at + mac + length].hex()])
            struct.pack_into("=I", self.ring, at, 0)
            self.next = (self.next + 1) % (PER_BLOCK * BLOCKS)

    def close(self):
        """The number of frames that were lost."""
        _, drops = struct.unpack("=II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        self.ring.close()
        self.socket.close()
        return drops


class Taps:
    """A packet socket for each namespace of a case."""

    def __init__(self, pid, names, home):
        self.taps = []
        self.frames = []
        try:
            for name in names:
                enter(f"/proc/{pid}/root/run/netns/{name}")
                self.taps.append(Tap(name))
        finally:
            enter(home)

    def read(self):
        """Take what has passed since the last time."""
        for tap in self.taps:
            tap.read(self.frames)

    def close(self):
        """All frames. No socket is closed before all are read: with its namespace a device goes, and the other end of its veth."""
        self.read()
        if lost := sum([tap.close() for tap in self.taps]):
            raise OSError(f"{lost} frames lost")
        return self.frames


def run(case, home, limit):
    """One case: what its script printed and the frames."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="podwire-generated-") as directory:
        script = Path(directory, "case.sh")
        script.write_text(case["script"])
        said, say = os.pipe()
        hear, told = os.pipe()
        with Path(directory, "out").open("w+b") as out:
            process = subprocess.Popen(
                [*SHELL, SETUP, "case", str(script), str(say), str(hear)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": os.environ["PATH"], "HOME": "/", "LC_ALL": "C", "TZ": "UTC", "COLUMNS": "200"},
                pass_fds=(say, hear),
            )
            os.close(say)
            os.close(hear)
            timer = threading.Timer(limit, process.kill)
            timer.start()
            frames = []
            try:
                taps = None
                if os.read(said, 1):
                    taps = Taps(process.pid, case["namespaces"], home)
                    os.write(told, b"go\n")
                while process.poll() is None:
                    time.sleep(PAUSE)
                    if taps is not None:
                        taps.read()
                if taps is not None:
                    frames = taps.close()
            finally:
                timer.cancel()
                os.close(said)
                os.close(told)
            out.seek(0)
            text = out.read().decode("utf-8", "backslashreplace")
    if process.returncode == -signal.SIGKILL:
        text += "[timeout]\n"
    return {"id": case["id"], "text": text, "frames": frames, "seconds": round(time.monotonic() - begin, 3)}


def main():
    """Read cases until there are no more."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=12, dest="jobs")
    parser.add_argument("--limit", type=float, default=60.0)
    options = parser.parse_args()
    subprocess.run("mount --make-rprivate /; mount -t sysfs sysfs /sys; ip link set lo up", shell=True, check=False)
    home = f"/proc/{os.getpid()}/ns/net"
    lock = threading.Lock()

    def one(line):
        case = json.loads(line)
        try:
            answer = run(case, home, options.limit)
        except OSError as error:
            answer = {"id": case["id"], "text": f"[failed: {error}]\n", "frames": [], "seconds": 0}
        with lock:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()

    with ThreadPoolExecutor(options.jobs) as pool:
        for line in sys.stdin:
            pool.submit(one, line)


if __name__ == "__main__":
    main()
