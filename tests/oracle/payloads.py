"""Topologies whose largest payload is asked of both kernels: by halving with ``ping -M do -s``, and by ``max_payload``.

``python -m tests.oracle.payloads`` asks the real kernel and writes ``payloads.json``.
"""

import concurrent.futures
import dataclasses
import json
import pathlib
import random
import re
import shlex
import subprocess
import sys
import tempfile

from podwire.cluster.payload import max_payload
from tests.oracle import namespaces, real
from tests.oracle.generated.ours import Runner

HERE = pathlib.Path(__file__).resolve().parent
RECORDED = HERE / "payloads.json"
JOBS = 4
DRAWN = 16
SEED = 7
SIZES = (68, 300, 552, 576, 600, 1000, 1280, 1300, 1400, 1450, 1460, 1492, 1499, 1500, 1504, 4000, 8951, 9000)
SWITCHES = " ".join(
    f"net.ipv4.conf.{scope}.{key}=0" for key in ("rp_filter", "promote_secondaries") for scope in ("all", "default")
)

SYS = """
sys() {
    ip netns exec $1 sysctl -qw ${@:2}
    [ ! -e /proc/sys/net/bridge ] || ip netns exec $1 sysctl -qw net.bridge.bridge-nf-call-iptables=0 2>/dev/null
}
"""
"""Bridges do not ask iptables: else they cut what is too long for a port."""

HALVE = """
probe() { ip netns exec a ping -q -M do -c 1 -W 0.4 -s "$1" "$TARGET" >/dev/null 2>&1; }
probe 56; probe 56
low=-1 high=65508
while [ $((high - low)) -gt 1 ]; do
    size=$(((low + high) / 2))
    if probe $size; then low=$size; else high=$size; fi
done
ip -n a route flush cache
told=false
ip netns exec a ping -M do -c 1 -W 0.4 -s $high "$TARGET" 2>&1 | grep -q "+1 errors" && told=true
echo "[$low, $told]"
"""


@dataclasses.dataclass(frozen=True)
class Topology:
    """Commands that build a network, and whom namespace ``a`` asks."""

    name: str
    lines: tuple[str, ...]
    target: str

    def script(self):
        """For a bash on the real kernel."""
        return "\n".join((SYS, *self.lines, f"TARGET={self.target}", HALVE))


class Build:
    """The lines of a topology in the making."""

    def __init__(self, *names):
        self.lines = []
        for name in names:
            self.do(f"ip netns add {name}", f"sys {name} {SWITCHES}", f"ip -n {name} link set lo up")

    def do(self, *lines):
        self.lines += lines

    def cable(self, one, other, *, mtu=1500, far=0):
        """A veth between ``namespace:device`` and another; ``far`` is the other end's MTU where it differs."""
        (ns, dev), (ns2, dev2) = one.split(":"), other.split(":")
        self.do(f"ip link add {dev} netns {ns} type veth peer name {dev2} netns {ns2}")
        for where, name, size in ((ns, dev, mtu), (ns2, dev2, far or mtu)):
            self.do(f"ip -n {where} link set {name} mtu {size}", f"ip -n {where} link set {name} up")

    def chain(self, *links):
        """``a`` to ``b`` by routers ``r1`` …: a pair of MTUs for each cable, as one end has it and as the other."""
        last = len(links)
        names = ["a", *(f"r{n}" for n in range(1, last)), "b"]
        for number, (mtu, far) in enumerate(links, 1):
            left, right = names[number - 1], names[number]
            self.cable(f"{left}:e{number}", f"{right}:w{number}", mtu=mtu, far=far)
            self.do(f"ip -n {left} addr add 10.0.{number}.1/24 dev e{number}")
            self.do(f"ip -n {right} addr add 10.0.{number}.2/24 dev w{number}")
        for number, name in enumerate(names):
            if 0 < number < last:
                self.do(f"sys {name} net.ipv4.ip_forward=1")
            if number < last:
                self.do(
                    *(
                        f"ip -n {name} route add 10.0.{n}.0/24 via 10.0.{number + 1}.2"
                        for n in range(number + 2, last + 1)
                    )
                )
            if number > 0:
                self.do(*(f"ip -n {name} route add 10.0.{n}.0/24 via 10.0.{number}.1" for n in range(1, number)))
        return f"10.0.{last}.2"


def chained(name, *links, more=()):
    """A chain, and what is added to it."""
    routers = [f"r{n}" for n in range(1, len(links))]
    build = Build("a", *routers, "b")
    target = build.chain(*links)
    build.do(*more)
    return Topology(name, tuple(build.lines), target)


def another_way_back(name, mtu):
    """Answers come by a cable of their own, of which the host's end takes ``mtu``."""
    build = Build("a", "r1", "b")
    target = build.chain((1500, 1500), (1500, 1500))
    build.cable("a:f1", "r1:g1", mtu=mtu, far=1500)
    build.do("ip -n a addr add 10.0.9.1/24 dev f1", "ip -n r1 addr add 10.0.9.2/24 dev g1")
    build.do("ip -n r1 route add 10.0.1.1/32 via 10.0.9.1 dev g1")
    return Topology(name, tuple(build.lines), target)


def bridged(name, mtu, port, far):
    """Two hosts at a bridge: the MTU of the first, of the second's port, of the second."""
    build = Build("a", "sw", "b")
    build.do("ip -n sw link add br0 type bridge mcast_snooping 0", "ip -n sw link set br0 up")
    build.cable("a:e1", "sw:p1", mtu=mtu)
    build.cable("b:e1", "sw:p2", mtu=far, far=port)
    build.do(
        "ip -n sw link set p1 master br0", "ip -n sw link set p2 master br0", "ip -n a addr add 10.0.1.1/24 dev e1"
    )
    build.do("ip -n b addr add 10.0.1.2/24 dev e1", "sleep 0.3")
    return Topology(name, tuple(build.lines), "10.0.1.2")


def tunnelled(name, *, pod, tunnel, under, df="", far=0):
    """Two nodes with VXLAN between their pods, as F90 to F93: MTUs of the pods (``far``: of the second), of the tunnel, and of what carries it."""
    build = Build("a", "r1", "r2", "b")
    build.cable("a:e1", "r1:p1", mtu=pod)
    build.cable("r1:u1", "r2:u1", mtu=1500)
    build.cable("r2:p1", "b:e1", mtu=far or pod)
    for node, number in (("r1", 1), ("r2", 2)):
        far = 3 - number
        build.do(
            f"ip -n {node} addr add 192.168.0.{number}/24 dev u1",
            f"ip -n {node} link add vx address 02:00:00:00:00:0{number} type vxlan id 1 dstport 4789 local 192.168.0.{number} dev u1 nolearning{df}",
            f"ip -n {node} link set vx mtu {tunnel} up",
            f"ip -n {node} addr add 10.0.{number}.0/32 dev vx",
            f"ip -n {node} addr add 10.0.{number}.1/24 dev p1",
            f"ip -n {node} neigh add 10.0.{far}.0 lladdr 02:00:00:00:00:0{far} dev vx nud permanent",
            f"bridge -n {node} fdb append 02:00:00:00:00:0{far} dev vx dst 192.168.0.{far}",
            f"ip -n {node} route add 10.0.{far}.0/24 via 10.0.{far}.0 dev vx onlink",
            f"sys {node} net.ipv4.ip_forward=1",
            f"ip -n {node} link set u1 mtu {under}",
        )
    for host, number in (("a", 1), ("b", 2)):
        build.do(
            f"ip -n {host} addr add 10.0.{number}.2/24 dev e1", f"ip -n {host} route add default via 10.0.{number}.1"
        )
    return Topology(name, tuple(build.lines), "10.0.2.2")


def stretched(name, *, tunnel, under):
    """Two hosts on one segment, which VXLAN between two bridges joins: a tunnel in a bridge answers for the path itself."""
    build = Build("a", "r1", "r2", "b")
    build.cable("a:e1", "r1:p1")
    build.cable("r1:u1", "r2:u1")
    build.cable("r2:p1", "b:e1")
    for node, number in (("r1", 1), ("r2", 2)):
        build.do(
            f"ip -n {node} addr add 192.168.0.{number}/24 dev u1",
            f"ip -n {node} link add br0 type bridge mcast_snooping 0",
            f"ip -n {node} link add vx type vxlan id 1 dstport 4789 local 192.168.0.{number} remote 192.168.0.{3 - number}",
            f"ip -n {node} link set vx mtu {tunnel} up",
            f"ip -n {node} link set u1 mtu {under}",
            f"ip -n {node} link set p1 master br0",
            f"ip -n {node} link set vx master br0",
            f"ip -n {node} link set br0 up",
        )
    build.do("ip -n a addr add 10.0.1.1/24 dev e1", "ip -n b addr add 10.0.1.2/24 dev e1", "sleep 0.3")
    return Topology(name, tuple(build.lines), "10.0.1.2")


def ipip(*, pod, under):
    """As ``tunnelled`` with IPIP (R1); the kernel that judges has none, so this is no topology of the list."""
    build = Build("a", "r1", "r2", "b")
    build.cable("a:e1", "r1:p1", mtu=pod)
    build.cable("r1:u1", "r2:u1", mtu=1500)
    build.cable("r2:p1", "b:e1", mtu=pod)
    for node, number in (("r1", 1), ("r2", 2)):
        far = 3 - number
        build.do(
            f"ip -n {node} addr add 192.168.0.{number}/24 dev u1",
            f"ip -n {node} link add tu type ipip local 192.168.0.{number} remote 192.168.0.{far}",
            f"ip -n {node} link set tu up",
            f"ip -n {node} addr add 10.0.{number}.1/24 dev p1",
            f"ip -n {node} route add 10.0.{far}.0/24 dev tu",
            f"sys {node} net.ipv4.ip_forward=1",
            f"ip -n {node} link set u1 mtu {under}",
        )
    for host, number in (("a", 1), ("b", 2)):
        build.do(
            f"ip -n {host} addr add 10.0.{number}.2/24 dev e1", f"ip -n {host} route add default via 10.0.{number}.1"
        )
    return Topology("IPIP", tuple(build.lines), "10.0.2.2")


def drawn(number):
    """A chain with MTUs that differ from cable to cable, sometimes from end to end, and sometimes with a route's own."""
    stream = random.Random(f"{SEED}/{number}")
    links = []
    for _ in range(stream.randint(1, 4)):
        mtu = stream.choice(SIZES)
        links.append((mtu, stream.choice(SIZES) if stream.random() < 0.2 else mtu))
    more = []
    if stream.random() < 0.4:
        lock = stream.choice(("", "lock "))
        via = "via 10.0.1.2" if len(links) > 1 else "dev e1"
        more.append(f"ip -n a route replace 10.0.{len(links)}.2/32 {via} mtu {lock}{stream.choice(SIZES)}")
    if stream.random() < 0.3 and len(links) > 1:
        more.append(f"ip -n r1 route replace 10.0.1.0/24 dev w1 mtu {stream.choice(SIZES)}")
    return chained(f"drawn {number}", *links, more=more)


def topologies():
    """All of them."""
    even = [(1500, 1500), (1400, 1400), (1300, 1300)]
    wide = [(1500, 1500), (1500, 1500)]
    return [
        chained("one cable", (1500, 1500)),
        chained("two smaller links", *even),
        chained("the first is the smallest", *even[::-1]),
        chained("jumbo frames, but for one", (9000, 9000), (1500, 1500), (9000, 9000)),
        chained("less than min_pmtu", (1500, 1500), (400, 400)),
        chained("the other end takes less", (1500, 1500), (1500, 1200)),
        chained("the first router takes less", (1500, 1000), (1500, 1500)),
        chained("answers in pieces", *wide, more=["ip -n b route replace 10.0.1.0/24 via 10.0.2.1 mtu 600"]),
        another_way_back("answers that are lost", 1000),
        another_way_back("another way back that takes more", 9000),
        chained("a route of the host", *wide, more=["ip -n a route replace 10.0.2.0/24 via 10.0.1.2 mtu 1111"]),
        chained("a route that is locked", *wide, more=["ip -n a route replace 10.0.2.0/24 via 10.0.1.2 mtu lock 1111"]),
        chained("a route of the router", *wide, more=["ip -n r1 route replace 10.0.2.2/32 dev e2 mtu 777"]),
        chained("a route of the router, larger than its device", *wide, more=["ip -n r1 route replace 10.0.2.2/32 dev e2 mtu 2000"]),
        chained("errors that are lost", *even, more=["ip -n r2 rule add iif lo to 10.0.1.0/24 blackhole"]),
        chained("errors that nobody believes", *even, more=["sys a net.ipv4.ip_no_pmtu_disc=2"]),
        bridged("a bridge", 1500, 1500, 1500),
        bridged("a bridge with a narrow port", 1500, 1300, 1500),
        bridged("a bridge with a narrow host", 1500, 1500, 1300),
        bridged("a bridge and jumbo frames", 9000, 9000, 9000),
        tunnelled("VXLAN as it should be", pod=1450, tunnel=1450, under=1500),
        tunnelled("VXLAN with wide pods", pod=1500, tunnel=1450, under=1500),
        tunnelled("VXLAN to a narrow pod", pod=1450, tunnel=1450, under=1500, far=1300),
        tunnelled("VXLAN over less, cut outside", pod=1450, tunnel=1450, under=1460),
        tunnelled("VXLAN over less, with DF outside", pod=1450, tunnel=1450, under=1460, df=" df set"),
        tunnelled("VXLAN over less, with DF as inside", pod=1450, tunnel=1450, under=1460, df=" df inherit"),
        stretched("VXLAN in bridges, as a narrow port", tunnel=1450, under=1500),
        stretched("VXLAN in bridges that answer for the path", tunnel=1500, under=1500),
        stretched("VXLAN in bridges over less", tunnel=1450, under=1400),
        *(drawn(number) for number in range(DRAWN)),
    ]  # fmt: skip


# -- the two kernels ----------------------------------------------------------------------------------------------


def ask_kernel(topology, timeout=120.0):
    """The largest payload by the real kernel, and whether an error tells the sender of a byte more."""
    with tempfile.TemporaryDirectory(prefix="payload-") as work:
        script = pathlib.Path(work) / "script.sh"
        script.write_text(f". {shlex.quote(str(HERE / 'prelude.sh'))}\n{topology.script()}", encoding="utf-8")
        process = namespaces.start(
            '. "$1"', str(script), cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        text, status = real.collect(process, script, timeout)
    if status or not re.fullmatch(r"\[\d+, (true|false)\]", text.strip()):
        raise RuntimeError(f"{topology.name}: {text}")
    return json.loads(text)


class Ours:
    """The same network in podwire."""

    def __init__(self, topology):
        self.topology = topology
        self.runner = Runner()
        for line in topology.lines:
            self.do(shlex.split(line))

    def do(self, words):
        runner = self.runner
        if words[0] == "sleep":
            runner.do(" ".join(words))
            return
        if words[0] == "sys":
            text, status = runner.run(["sysctl", "-qw", *words[2:]], runner.place(words[1]))
        else:
            text, status = runner.run(words, runner.machine.root)
        if status or text:
            raise RuntimeError(f"{self.topology.name}: {shlex.join(words)}: {text}")

    def max_payload(self):
        """As ``Handle.max_payload``."""
        return max_payload(self.runner.network, self.runner.place("a"), self.topology.target, "icmp", 1.0)

    def passes(self, size):
        """``ping -M do -s``."""
        words = ["ping", "-q", "-M", "do", "-c", "1", "-W", "0.4", "-s", str(size), self.topology.target]
        return self.runner.run(words, self.runner.place("a"))[1] == 0

    def halve(self):
        """The largest payload by ``ping``, found as the script finds it."""
        low, high = -1, 65508
        while high - low > 1:
            size = (low + high) // 2
            low, high = (size, high) if self.passes(size) else (low, size)
        return low


def recorded():
    """What the real kernel said, by name."""
    return json.loads(RECORDED.read_text(encoding="utf-8"))


def ask_kernel_all():
    """The same of every topology, by name; most of the time is waiting for answers that do not come."""
    asked = topologies()
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return {topology.name: answer for topology, answer in zip(asked, pool.map(ask_kernel, asked), strict=True)}


if __name__ == "__main__":
    if why := namespaces.why_not():
        sys.exit(why)
    found = ask_kernel_all()
    lines = (f" {json.dumps(name)}: {json.dumps(answer)}" for name, answer in found.items())
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(found)} topologies in {RECORDED.name}")
