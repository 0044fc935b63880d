"""Runs cases on the kernel of this machine, many at a time. Started inside fresh namespaces; knows nothing of podwire.

Standard input: one JSON object a line, ``{"id": …, "namespaces": […], "script": …}``. Standard output: one a line,
``{"id": …, "text": …, "frames": [[namespace, device, direction, hex], …], "seconds": …}``.

Each script gets a mount namespace with its own /run, so that the names of its network namespaces are its own; they are
gone when its bash is. The script calls ``ready`` once its devices are there: then a packet socket is opened in each
namespace, which sees what a tcpdump on ``any`` would.
"""

import argparse
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
BUFFER = 8 << 20
PAUSE = 0.03
LIBC = ctypes.CDLL(None, use_errno=True)
SHELL = ["unshare", "-m", "bash", "--norc", "--noprofile", "-c"]
SETUP = """
mount -t tmpfs tmpfs /run && mkdir /run/netns
SAY=$2 HEAR=$3
t() { printf '$ %s\\n' "$*"; eval "$*"; local r=$?; [ $r -eq 0 ] || printf '[exit %d]\\n' $r; }
ready() { echo ready >&"$SAY"; read -r _ <&"$HEAR"; }
batch() { printf '$ batch %s\\n' "$1"; ip ${1:+-n} $1 -force -batch -; }
sys() { local n=/run/netns/$1; shift; nsenter --net="$n" sysctl -qw "$@"; }
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


class Taps:
    """A packet socket for each namespace of a case."""

    def __init__(self, pid, names, home):
        self.sockets = []
        self.frames = []
        self.names = {}
        try:
            for name in names:
                enter(f"/proc/{pid}/root/run/netns/{name}")
                tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
                try:
                    tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
                except PermissionError:  # not root of the machine: as much as there may be
                    tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
                tap.setblocking(False)
                self.sockets.append((name, tap))
        finally:
            enter(home)

    def read(self):
        """Take what has passed since the last time."""
        for name, tap in self.sockets:
            while True:
                try:
                    data, address = tap.recvfrom(65536)
                except BlockingIOError:
                    break
                self.frames.append([name, address[0], address[2], data.hex()])

    def close(self):
        """All frames. No socket is closed before all are read: with its namespace a device goes, and the other end of its veth."""
        self.read()
        for _, tap in self.sockets:
            tap.close()
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
