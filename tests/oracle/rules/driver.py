"""Asks the kernel of this machine about rule sets. Started inside fresh namespaces; knows nothing of podwire.

Standard input: one case a line (JSON); standard output: one answer a line.
"""

import argparse
import ctypes
import errno
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import packets  # type: ignore[import-not-found]

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
PACKET_OUTGOING = 4
QUIET = 0.006
"""Seconds without a frame: then all that a packet has set off is over."""
LIBC = ctypes.CDLL(None, use_errno=True)


def run(*argv, text=None, check=True):
    """What a command prints."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise OSError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def enter(path):
    """This thread's network namespace."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if LIBC.setns(descriptor, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), path)
    finally:
        os.close(descriptor)


def build(names, devices):
    """The three namespaces and the two cables; addresses where the devices have their usual names."""
    a, r, b = names
    ra, rb = devices or ("ra", "rb")
    for name in names:
        run("ip", "netns", "add", name)
        run("ip", "netns", "exec", name, "sysctl", "-qw", *packets.SWITCHES)
    mac = {key: ":".join(value[at : at + 2] for at in range(0, 12, 2)) for key, value in packets.MACS.items()}
    run(
        "ip",
        "-batch",
        "-",
        text=f"link add eth0 netns {a} address {mac['a']} type veth peer name {ra} netns {r} address {mac['ra']}\n"
        f"link add eth0 netns {b} address {mac['b']} type veth peer name {rb} netns {r} address {mac['rb']}\n",
    )
    for name in (a, b):
        run("ip", "-n", name, "-batch", "-", text="link set lo up\nlink set eth0 arp off up\n")
    lines = ["link set lo up", f"link set {ra} up", f"link set {rb} up"]
    if not devices:
        lines += ["addr add 10.1.0.1/24 dev ra", "addr add 10.2.0.1/24 dev rb"]
    for number in range(2, 10) if not devices else ():
        lines.append(f"neigh add 10.1.0.{number} lladdr {mac['a']} dev ra nud permanent")
        lines.append(f"neigh add 10.2.0.{number} lladdr {mac['b']} dev rb nud permanent")
    if not devices:
        lines.append("route add default via 10.2.0.2")
    run("ip", "-n", r, "-batch", "-", text="\n".join(lines) + "\n")
    run("ip", "netns", "exec", r, "sysctl", "-qw", "net.ipv4.ip_forward=1")


class Host:
    """The device of a host: frames are sent and received by it."""

    def __init__(self, side, netns):
        self.side = side
        enter(f"/run/netns/{netns}")
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind(("eth0", ETH_P_ALL))


def receive(hosts, number, frames):
    """Take frames until there are none for a while."""
    by_socket = {host.socket: host for host in hosts}
    while ready := select.select(list(by_socket), [], [], QUIET)[0]:
        for each in ready:
            data, where = each.recvfrom(65535)
            if where[2] != PACKET_OUTGOING:
                frames.append((number, by_socket[each].side, data.hex()))


def local(case, router):
    """The router's own sockets: one that sends whole datagrams, and those that listen."""
    enter(f"/run/netns/{router}")
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    listening = []
    for port in case["listening"]:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("0.0.0.0", port))
        listening.append(one)
    return raw, listening


def play(case, hosts, raw, seen):
    """Send the packets of a case."""
    frames = seen["frames"]
    by_side = {host.side: host for host in hosts}
    for number, item in enumerate(case["packets"]):
        if item["type"] == "local":
            data = bytes.fromhex(item["data"])
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, item["mark"])
            try:
                raw.sendto(data, (".".join(map(str, data[16:20])), 0))
            except OSError as error:
                seen["refused"].append((number, error.errno))
            receive(hosts, number, frames)
            continue
        if item["type"] == "send":
            side, data = item["side"], bytes.fromhex(item["data"])
        else:
            if not frames:
                continue
            side = frames[-1][1]
            data = packets.answer(side, bytes.fromhex(frames[-1][2]), item["how"])
            if data is None:
                continue
        try:
            by_side[side].socket.send(data)
        except OSError as error:
            # The other end of the cable takes less, and the veth says so.
            if error.errno != errno.ENOBUFS:
                raise
        receive(hosts, number, frames)


def answer(case, number, home):
    """One case."""
    names = [f"{name}{number}" for name in "arb"]
    router = names[1]
    tool = packets.TOOLS[case["variant"]]
    inside = ("ip", "netns", "exec", router)
    hosts = []
    sockets = []
    monitor = None
    seen = {"frames": [], "refused": [], "saved": "", "connections": "", "trace": "", "error": ""}
    try:
        build(names, case["devices"])
        if case["sysctls"]:
            run(*inside, "sysctl", "-qw", *case["sysctls"])
        for command, text in case["setup"]:
            run(*inside, *command.split(), text=text)
        if case["routes"]:
            run("ip", "-n", router, "-batch", "-", text="\n".join(case["routes"]) + "\n")
        if case["sets"]:
            run(*inside, "ipset", "restore", text=case["sets"])
        run(*inside, f"{tool}-restore", text=case["rules"])
        for text in case["syncs"]:
            run(*inside, f"{tool}-restore", "--noflush", "--counters", text=text)
        with tempfile.TemporaryFile("w+") as out:
            if case["trace"]:
                monitor = subprocess.Popen(
                    [*inside, "xtables-monitor", "--trace"], stdout=out, stderr=subprocess.DEVNULL
                )
                time.sleep(0.25)
            hosts = [Host("a", names[0]), Host("b", names[2])]
            raw, listening = local(case, router)
            sockets = [raw, *listening]
            enter(home)
            play(case, hosts, raw, seen)
            if monitor is not None:
                time.sleep(0.05)
                monitor.terminate()
                monitor.wait()
                out.seek(0)
                seen["trace"] = out.read()
        seen["saved"] = run(*inside, f"{tool}-save", "-c")
        seen["connections"] = run(*inside, "conntrack", "-L", "-o", "extended", check=False)
        if case["sets"] or case["setup"]:
            seen["connections"] += run(*inside, "ipset", "save")
    except OSError as error:
        seen["error"] = str(error)
    finally:
        enter(home)
        if monitor is not None and monitor.poll() is None:
            monitor.kill()
        for each in (*(host.socket for host in hosts), *sockets):
            each.close()
        for name in names:
            run("ip", "netns", "del", name, check=False)
    return seen


def main():
    """Read cases until there are no more."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=3, dest="jobs")
    options = parser.parse_args()
    subprocess.run("mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up", shell=True, check=True)
    home = f"/proc/{os.getpid()}/ns/net"
    lock = threading.Lock()

    def one(number, line):
        seen = answer(json.loads(line), number, home)
        with lock:
            sys.stdout.write(json.dumps({"id": number, "seen": seen}) + "\n")
            sys.stdout.flush()

    with ThreadPoolExecutor(options.jobs) as pool:
        for number, line in enumerate(sys.stdin):
            pool.submit(one, number, line)


if __name__ == "__main__":
    main()
