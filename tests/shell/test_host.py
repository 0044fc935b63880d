"""No script changes this machine: its network and its kernel are the same before and after whatever these try."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import podwire
from podwire.errors import PodwireError
from podwire.shell import sandbox
from tests.conftest import CI
from tests.host import snapshot
from tests.shell.conftest import COMMAND, SOURCE, environment


@pytest.fixture
def unchanged():
    """The comparison; at least a network and its switches must have been seen."""
    before = snapshot()
    assert len(before) > 100
    yield
    assert snapshot() == before


@pytest.fixture
def listeners():
    """On the loopback of this machine; whoever connects has got out."""
    with (
        socket.socket() as stream,
        socket.socket(type=socket.SOCK_DGRAM) as datagrams,
        socket.socket(socket.AF_UNIX) as local,
    ):
        stream.bind(("127.0.0.1", 0))
        stream.listen()
        datagrams.bind(("127.0.0.1", stream.getsockname()[1]))
        local.bind(f"\0podwire-test-{os.getpid()}")
        local.listen()
        yield stream.getsockname()[1]
        for each in (stream, datagrams, local):
            each.settimeout(0.05)
            with pytest.raises(TimeoutError):
                each.accept() if each is not datagrams else each.recv(1)


@pytest.fixture
def victim():
    """A process outside, which has to live."""
    process = subprocess.Popen(["sleep", "600"])
    yield process.pid
    assert process.poll() is None
    process.kill()
    process.wait(5)


# A script that ended up outside would do harm: it looks where it is before it tries anything.
GUARD = """\
for n in net pid mnt; do
    h=${n^^}; [ -n "${!h}" ] && [ "$(readlink /proc/self/ns/$n)" != "${!h}" ] || { echo "outside: $n"; exit 99; }
done
"""

PYTHON_TRIES = """
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def tried(what, result):
    print(what, 'DONE' if result == 0 else 'failed', flush=True)
def write(path):
    try:
        with open(path, 'w') as file: file.write('1')
    except OSError: return 1
    return 0
forward = '/proc/sys/net/ipv4/ip_forward'
tried('write', write(forward))
tried('swappiness', write('/proc/sys/vm/swappiness'))
tried('umount', libc.umount2(b'/proc/sys/net', 2))
tried('remount', libc.mount(b'none', b'/proc', None, 32 | 4096, None))
tried('proc', libc.mount(b'proc', b'/tmp', b'proc', 0, None))
tried('sysfs', libc.mount(b'sysfs', b'/tmp', b'sysfs', 0, None))
tried('hostname', libc.sethostname(b'podwire-test', 12))
tried('chroot', os.path.exists('/proc/1/root' + forward) - 1)
for name in ('net', 'mnt', 'user'):
    try: tried('setns ' + name, libc.setns(os.open('/proc/1/ns/' + name, 0), 0))
    except OSError: tried('setns ' + name, 1)
for family, address in ((socket.AF_INET, ('127.0.0.1', int(sys.argv[1]))), (socket.AF_UNIX, chr(0) + 'podwire-test-' + sys.argv[2])):
    try: socket.socket(family).connect(address); tried('connect', 0)
    except OSError: tried('connect', 1)
try: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', int(sys.argv[1]))); tried('send', 0)
except OSError: tried('send', 1)
try: os.kill(int(sys.argv[3]), 9)
except OSError: pass
# In namespaces of one's own everything may work, but it is not this machine's.
pid = os.fork()
if pid == 0:
    if libc.unshare(0x10000000 | 0x00020000 | 0x40000000) == 0:
        libc.umount2(b'/proc/sys/net', 2)
        libc.mount(b'none', b'/proc', None, 32 | 4096, None)
        for path in (forward, '/proc/sys/vm/swappiness'):
            tried('write ' + path, write(path))
    os._exit(0)
os.waitpid(pid, 0)
"""

SCRIPTS = {
    "computed redirections": """
        p=/pro; for f in ${p}c/sys/net/ipv4/ip_forward ${p}c/sys/net/ipv4/conf/*/rp_filter ${p}c/sys/vm/swappiness ${p}c/sys/kernel/hostname; do
            { echo 7 > "$f"; } 2>/dev/null && echo "DONE $f"
            cat "$f" 2>/dev/null | { tee "$f" || true; } >/dev/null 2>&1
        done
        cd ${p}c/sys/net/ipv4 2>/dev/null && echo DONE cd
        s=/sy; { echo 999 > ${s}s/class/net/lo/mtu; } 2>/dev/null && echo DONE mtu
        ls ${s}s/devices/virtual/net | grep -v '^lo$'
        """,
    "absolute paths": """
        for d in /sbin /usr/sbin /bin /usr/bin /usr/local/bin; do
            for c in 'ip link add podwire-test type dummy' 'ip netns add podwire-test' 'iptables -N podwire-test' 'nft add table podwire-test' \\
                'sysctl -qw net.ipv4.ip_forward=1' 'mount -o remount,rw /proc' 'umount /proc/sys/net' 'tc qdisc add dev lo root pfifo' 'nsenter -t 1 -a true' \\
                'unshare -n true' 'ping -c 1 127.0.0.1' 'hostname podwire-test' "curl -s http://127.0.0.1:$PORT" "nc -z 127.0.0.1 $PORT" \\
                'busybox ip link add podwire-test type dummy' 'busybox ifconfig lo mtu 999' 'busybox nc 127.0.0.1 '$PORT
            do
                [ ! -x "$d/${c%% *}" ] || timeout 5 "$d"/$c
            done
        done </dev/null >/dev/null 2>&1
        # The first of them worked, where it does no harm.
        ip -br link show podwire-test | cut -c1-12; ip netns; cat /proc/sys/net/ipv4/ip_forward
        """,
    "sockets of bash": """
        for kind in tcp udp; do
            h=/dev/$kind/127.0.0.1/$PORT
            { exec 3<>$h && echo hello >&3 && [ $kind = tcp ] && echo DONE $kind; } 2>/dev/null
        done
        """,
    "processes outside": """
        kill -9 $VICTIM 2>/dev/null; sudo kill -9 $VICTIM 2>/dev/null; pkill -x sleep; killall sleep 2>/dev/null
        ls /proc | grep -x "$VICTIM" && [ "$(cat /proc/$VICTIM/comm)" = sleep ] && echo DONE
        (trap '' HUP; sleep 1) & kill -9 -1; echo survived
        """,
    "the first process": """
        kill -9 1; kill -TERM 1; kill -INT 1; kill -STOP 1; { echo 'touch DONE' >>/run/podwire/setup; } 2>/dev/null
        for n in net mnt user; do nsenter -t 1 --$n true; done 2>/dev/null
        ls /run/netns | grep . && echo DONE; ls -A /run | grep -vxE 'podwire|netns|lock|mount' && echo DONE
        true
        """,
    "python": """
        "$PYTHON" -ISc "$TRIES" $PORT $OUTER $VICTIM
        """,
}


def closed_directories(paths):
    """The topmost directories above ``paths`` that others may not enter, each with the paths below it."""
    found: dict[Path, list[Path]] = {}
    for path in paths:
        for parent in reversed(path.parents):
            if not parent.stat().st_mode & 1:
                found.setdefault(parent, []).append(path)
                break
    return found


OPEN_UP = """\
set -e
# What is to be found again, before it goes out of sight.
declare -A open
for word in "${@:1:$PAIRS}"; do
    exec {fd}<"$word"
    open[$word]=$fd
done
while [ "$1" != -- ]; do
    [ "$1" = "$last" ] || mount -t tmpfs -o mode=755 none "$1"
    last=$1
    mkdir -p "$2"
    mount --no-canonicalize --bind "/proc/self/fd/${open[$2]}" "$2"
    shift 2
done
shift
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
"""


def as_nobody(command):
    """The command as an ordinary user, who in a mount namespace of his own can enter where Python and podwire lie."""
    prefixes = {Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix, SOURCE)}
    words = [
        str(word)
        for closed, below in closed_directories(sorted(prefixes)).items()
        for path in below
        for word in (closed, path)
    ]
    return [
        "env",
        f"PAIRS={len(words)}",
        "unshare",
        "--mount",
        "bash",
        "-c",
        OPEN_UP,
        "as-nobody",
        *words,
        "--",
        *command,
    ]


@pytest.fixture(params=["root", "user"])
def run_as(request, tmp_path, namespaces, listeners, victim):
    """Runs ``podwire sh -c`` as root or as an ordinary user."""
    is_root = os.geteuid() == 0
    if request.param == "root" and not is_root:
        pytest.skip("needs root")
    if request.param == "user" and is_root and not (shutil.which("setpriv") and shutil.which("unshare")):
        pytest.skip("needs setpriv and unshare")
    for directory in [tmp_path, *list(tmp_path.parents)[:2]]:
        if directory.name.startswith(("test_", "pytest-", "popen-")):
            directory.chmod(0o777)
    links = {name.upper(): str(Path(f"/proc/self/ns/{name}").readlink()) for name in ("net", "pid", "mnt")}

    def run(script):
        command = [*COMMAND, "sh", "-c", GUARD + script]
        settings = {
            "PORT": str(listeners),
            "VICTIM": str(victim),
            "PYTHON": os.path.realpath(sys.executable),
            "TRIES": PYTHON_TRIES,
            "OUTER": str(os.getpid()),
        }
        if request.param == "user" and is_root:
            command = as_nobody(command)
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            cwd=tmp_path,
            env=environment(TMPDIR="/tmp", PYTHONDONTWRITEBYTECODE="1", **links, **settings),
        )
        if request.param == "user" and "outside:" in done.stdout and not CI:
            pytest.skip("an ordinary user has no namespaces here")
        assert "outside:" not in done.stdout
        return done

    return run


@pytest.mark.parametrize("name", SCRIPTS)
def test_this_machine_stays_as_it_is(name, run_as, unchanged, tmp_path):
    done = run_as(SCRIPTS[name])
    assert "Traceback" not in done.stderr
    # What says DONE has done what it should not have been able to; python says of each try what came of it.
    assert "DONE" not in done.stdout, done.stdout + done.stderr
    assert not (tmp_path / "DONE").exists()
    assert done.returncode in {0, 1}, done.stderr
    if name == "absolute paths":
        assert done.stdout.splitlines()[-3:] == ["podwire-test", "podwire-test", "1"], done.stdout + done.stderr
    if name == "python":
        assert done.stdout.count("failed") >= 10


@pytest.mark.parametrize("name", ["processes outside", "the first process"])
def test_podwire_survives(name, run_as):
    """It ends, and says how bash did."""
    begin = time.monotonic()
    assert run_as(SCRIPTS[name]).returncode in {0, 1}
    assert time.monotonic() - begin < 60


# ----------------------------------------------------------------------------------------------- without a sandbox


def test_without_a_sandbox_what_a_script_names_is_simulated(open_sh, unchanged, listeners, victim):
    ran = open_sh(
        f"""
        ip link add podwire-test type dummy; ip addr add 10.99.99.1/24 dev podwire-test; ip link set podwire-test up
        ip route add 10.98.0.0/16 dev podwire-test; ip rule add from 10.97.0.0/16 table 99
        ip neigh add 10.99.99.9 lladdr 02:00:00:00:00:99 dev podwire-test; ip netns add podwire-test
        sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.lo.rp_filter=2; echo 1 | tee /proc/sys/net/ipv4/ip_forward
        sudo ip link add podwire-test2 type dummy; env -i ip link add podwire-test3 type dummy; env -i bash -c 'ip link add podwire-test4 type dummy'
        bash -c 'ip link add podwire-test5 type dummy'; xargs ip link add podwire-test6 type <<< dummy
        unshare -n ip link add podwire-test7 type dummy; nsenter -t 1 -n ip link add podwire-test8 type dummy; timeout 5 ip link add podwire-test9 type dummy
        iptables -N podwire-test; nft add table podwire-test; mount -t tmpfs none /mnt; tc qdisc add dev lo root pfifo
        curl http://127.0.0.1:{listeners}; nc 127.0.0.1 {listeners}; python3 -c 1; hostname podwire-test; date -s 2001-01-01
        ip -br link | wc -l
        """
    )
    assert ran.lines[-1] == "9"
    assert ran.err.count("podwire passes nothing to this machine's network") == 3


@pytest.mark.parametrize(
    "script",
    [
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
        "bash -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'",
        "exec 3<>/dev/tcp/127.0.0.1/$PORT",
        "/sbin/ip link add podwire-test type dummy",
        "PATH=/usr/sbin:/usr/bin; ip link add podwire-test type dummy",
        "x=$(cat < /proc/net/route)",
    ],
)
def test_without_a_sandbox_the_literal_forms_are_refused(script, open_sh, unchanged, tmp_path):
    with pytest.raises(PodwireError, match=r"^-c:2: "):
        open_sh(f"touch started\n{script}")
    assert not (tmp_path / "started").exists()


def test_which_command_line_is_available(monkeypatch):
    monkeypatch.setattr("podwire.shell.sandbox.sys.platform", "darwin")
    assert sandbox.available() == ()
    monkeypatch.undo()
    monkeypatch.setattr("podwire.shell.sandbox.shutil.which", lambda name: None)
    assert sandbox.available() == ()
    monkeypatch.setattr("podwire.shell.sandbox.shutil.which", lambda name: shlex.quote("/bin/false"))
    assert sandbox.available() == ()


def test_where_namespaces_cannot_be_filled_nothing_runs(sh, monkeypatch, tmp_path):
    """Better no run than one without its walls."""
    monkeypatch.setattr(
        sandbox, "_SETUP", sandbox._SETUP.replace('--bind /proc/self/fd/8 "$2"', "--bind /nowhere /nowhere")
    )
    ran = sh("touch started")
    assert ran.status == 125
    assert ran.err == "podwire: the namespaces for the script could not be set up\n"
    assert not (tmp_path / "started").exists()


def test_the_package_is_where_it_is_thought_to_be():
    assert Path(podwire.__file__).is_relative_to(SOURCE)
