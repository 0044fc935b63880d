"""The kernel's side: a namespace that forwards between two veths whose other ends are ours; rules write the state into the TOS.

Run by ``python -m tests.oracle.segments`` inside ``unshare -nm``: reads settings and connections from standard input, as JSON.
"""

import json
import pathlib
import select
import socket
import struct
import subprocess
import sys

SETUP = """
mount -t tmpfs x /run
for i in 1 2; do
    ip link add n$i type veth peer name p$i
    sysctl -qw net.ipv6.conf.n$i.disable_ipv6=1 net.ipv6.conf.p$i.disable_ipv6=1
    ip link set n$i up && ip link set p$i up && ip addr add 10.$i.0.1/24 dev n$i
    sysctl -qw net.ipv4.conf.n$i.rp_filter=0
    ip neigh add 10.$i.0.2 lladdr 02:00:00:00:00:99 dev n$i
done
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0
"""
STATES = {4: "NEW", 8: "ESTABLISHED", 12: "RELATED", 16: "INVALID"}
ADDRESSES = [socket.inet_aton("10.1.0.2"), socket.inet_aton("10.2.0.2")]
OUTGOING = 4


def shell(command):
    subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)


def mac(device):
    shown = subprocess.run(["ip", "-br", "link", "show", device], capture_output=True, text=True, check=True).stdout
    return bytes.fromhex(shown.split()[2].replace(":", ""))


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2 + len(data) % 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(to, port, segment):
    direction, flags, seq, ack, window, length, options = segment
    options = bytes.fromhex(options)
    options += b"\0" * (-len(options) % 4)
    ports = (port, 80) if direction == 0 else (80, port)
    size = (20 + len(options)) // 4 << 4
    tcp = struct.pack("!HHIIBBHHH", *ports, seq, ack, size, flags, window, 0, 0) + options + b"x" * length
    ends = ADDRESSES[direction] + ADDRESSES[1 - direction]
    tcp = tcp[:16] + struct.pack("!H", checksum(ends + struct.pack("!BBH", 0, 6, len(tcp)) + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0) + ends
    return to + b"\x02\0\0\0\0\x77\x08\0" + ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp


def entry(port):
    """State, seconds left, assured, replied."""
    for line in pathlib.Path("/proc/net/nf_conntrack").read_text().splitlines():
        if f"sport={port} " in line:
            words = line.split()
            return [words[5], int(words[4]), "[ASSURED]" in line, "[UNREPLIED]" not in line]
    return None


def main():
    asked = json.load(sys.stdin)
    shell(SETUP)
    for tos, state in STATES.items():
        shell(f"iptables -t mangle -A FORWARD -m conntrack --ctstate {state} -j TOS --set-tos {tos}")
    for key, value in asked["settings"].items():
        shell(f"sysctl -w net.netfilter.nf_conntrack_{key}={value}")
    sockets = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800)) for _ in (0, 1)]
    for number, one in enumerate(sockets, 1):
        one.bind((f"p{number}", 0x800))
    macs = [mac("n1"), mac("n2")]
    result: list[list[list[str | int]]] = []
    for number, connection in enumerate(asked["connections"]):
        result.append([])
        for segment in connection:
            here, there = sockets[segment[0]], sockets[1 - segment[0]]
            here.send(frame(macs[segment[0]], 1024 + number, segment))
            state = "dropped"
            while select.select([there], [], [], 0.05)[0]:
                packet, address = there.recvfrom(4000)
                if address[2] != OUTGOING:
                    state = STATES[packet[15]]
                    break
            result[-1].append([state, entry(1024 + number)])
    json.dump(result, sys.stdout)


main()
