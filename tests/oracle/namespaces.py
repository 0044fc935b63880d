"""Fresh user, network, mount and PID namespaces with 65 536 ids, and whether this machine has them.

One mapped id, as of ``unshare -Ur``, is not enough: the real tcpdump becomes the user tcpdump before it writes.
"""

import functools
import os
import pathlib
import pwd
import shutil
import subprocess
import sys

IDS = 65536
IPROUTE2 = "6.1.0"
"""What the records were made with; the texts of other versions differ."""

PACKAGES = {
    "arp": "net-tools",
    "arping": "iputils-arping",
    "bash": "bash",
    "conntrack": "conntrack",
    "ethtool": "ethtool",
    "ip": "iproute2",
    "ipset": "ipset",
    "iptables": "iptables",
    "ping": "iputils-ping",
    "sysctl": "procps",
    "tcpdump": "tcpdump",
    "tracepath": "iputils-tracepath",
    "unshare": "util-linux",
}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "HOME": "/", "LC_ALL": "C", "TZ": "UTC"}
"""Of every script, in both worlds."""

# Says that its user namespace is there, waits until its ids are mapped, and becomes the command: exec gives root its rights.
WAIT = 'r=$1 g=$2; echo >&"$r"; read -r _ <&"$g"; shift 2; exec {r}>&- {g}<&- "$@"'
OTHERS = ["unshare", "-n", "-m", "-p", "-f", "--kill-child", "--mount-proc"]
SETUP = """
mount --make-rprivate / && mount -t tmpfs tmpfs /run && mkdir -p /run/netns && mount -t sysfs sysfs /sys || exit 125
"""
NO_IPV6 = "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 2>/dev/null\n"


class Unavailable(Exception):
    """This machine has no such namespaces; the text says why."""


def subordinate(kind):
    """The first of the user's own range of ``uid`` or ``gid`` numbers that is long enough."""
    user = pwd.getpwuid(os.getuid()).pw_name
    file = pathlib.Path(f"/etc/sub{kind}")
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        fields = line.split(":")
        if len(fields) == 3 and fields[0] in {user, str(os.getuid())} and int(fields[2]) >= IDS - 1:
            return int(fields[1])
    raise Unavailable(f"{file} gives {user} no {IDS - 1} ids")


def map_ids(pid):
    """Ids 0 to 65 535 of the user namespace of a process: the same as here for root, else the user's and its own range."""
    for kind, own in (("gid", os.getgid()), ("uid", os.getuid())):
        if os.geteuid() == 0:
            pathlib.Path(f"/proc/{pid}/{kind}_map").write_text(f"0 0 {IDS}\n", encoding="ascii")
            continue
        tool = shutil.which(f"new{kind}map")
        if tool is None:
            raise Unavailable(f"needs root, or new{kind}map (apt install uidmap)")
        words = [tool, str(pid), "0", str(own), "1", "1", str(subordinate(kind)), str(IDS - 1)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"{tool}: {done.stderr.strip()}")


def start(text, *arguments, **options):
    """A bash in new namespaces that runs ``text``; ``options`` are those of Popen. Its own /run, /sys and /proc are new."""
    ready, say_ready = os.pipe()
    go, say_go = os.pipe()
    bash = [*OTHERS, "bash", "--norc", "--noprofile", "-c", SETUP + NO_IPV6 + text, "oracle", *arguments]
    words = ["unshare", "-U", "bash", "--norc", "--noprofile", "-c", WAIT, "wait", str(say_ready), str(go), *bash]
    process = None
    try:
        process = subprocess.Popen(
            words, env=ENVIRONMENT | options.pop("env", {}), pass_fds=(say_ready, go), start_new_session=True, **options
        )
        os.close(say_ready)
        say_ready = -1
        if os.read(ready, 1):  # else it has ended, and tells why
            map_ids(process.pid)
            os.write(say_go, b"\n")
    except BaseException:
        if process is not None:
            process.kill()
            process.communicate()
        raise
    finally:
        for descriptor in (ready, say_ready, go, say_go):
            if descriptor >= 0:
                os.close(descriptor)
    return process


@functools.cache
def why_not():
    """Why this machine cannot be an oracle, or None if it can."""
    if sys.platform != "linux":
        return "needs Linux: its kernel is the judge"
    for tool, package in PACKAGES.items():
        if shutil.which(tool, path=PATH) is None:
            return f"needs {tool} (apt install {package})"
    try:
        process = start(
            "ip -V && ip netns add a", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        output = process.communicate(timeout=30)[0].decode(errors="replace")
    except (Unavailable, OSError) as error:
        return f"no namespaces with {IDS} ids: {error}"
    if process.returncode:
        return f"no user, network, mount and PID namespaces: {' / '.join(output.split(chr(10))).strip(' /')}"
    if f"iproute2-{IPROUTE2}" not in output:
        return f"needs iproute2 {IPROUTE2}, whose texts the simulator has; here is {output.strip()}"
    return None
