"""Commands on files: what the real ones of this machine print, and what they leave, on the same tree."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from podwire.errors import NotModelled
from podwire.fabric.network import Network
from podwire.linux.image import image
from podwire.linux.machine import Machine, Place
from podwire.tools.process import Process
from podwire.tools.registry import find

TREE = {
    "a": "one\ntwo\nthree\nfour\nfive\n",
    "b": "alpha beta\n  gamma\n\nTwo words",
    "d/x.conf": '{\n  "mtu": 1460,\n  "name": "net"\n}\n',
    "d/e/y": "deep\n",
    "empty": "",
    "dollar": "a$b\nab\na^b\n",
    "long": "".join(f"line {number}\n" for number in range(1, 31)),
}
COMMANDS = """
head a
head -n 2 a
head -2 a
head -n -2 a
head -c 5 a
head a b
head -q a b
head none
head -n x a
tail -n 2 a
tail -2 a
tail -n +3 a
tail a b
tail -c 4 a
tail none a
tail long
wc a
wc -l a b
wc b empty
wc -w -c b
wc none
grep two a
grep -i two a b
grep -v two a
grep -n o a
grep -c o a
grep -c o a b
grep -E (one|two)$ a
grep \\(one\\|two\\)$ a
grep -o [a-z]*e a
grep -q two a
grep -r deep d
grep -rn deep d
cp -r d/e n
grep nothing a
grep x none
grep -w wo a
grep -x two a
grep -F . a
grep -l two a b
grep -h two a b
grep -H two a
grep -e one -e two a
grep ^\\*x a
grep a\\{2\\} a b
grep -E a{1,2} a b
grep [[:space:]] b
grep [[:upper:]] b
grep \\( a
grep -E ( a
grep [ a
grep
sed s/o/0/ a
sed s/o/0/g a
sed -n s/o/0/p a
sed s/o/0/2 long a
sed -n 2p a
sed -n 2,3p a
sed 2d a
sed $d a
sed /two/d a
sed /two/,/four/d a
sed -n /two/,$p a
sed /two/!d a
sed 2,+1d a
sed -n 1~2p a
sed -E s/(o)(n)/\\2\\1/ a
sed s/\\(o\\)\\(n\\)/\\2\\1/ a
sed s/o/[&]/g a
sed s/o/[\\&]/g a
sed s|o|/|g a
sed -e s/o/0/ -e s/e/3/ a
sed 1i\\first a
sed 2atext a
sed 2ctext a
sed 2,3ctext a
sed $atail b
sed -n $= a
sed = a
sed 2q a
sed y/abc/xyz/ a
sed -n {/two/p} a
sed -n /TWO/Ip a
sed s/x*/-/g a
sed s/$/!/ b
sed s/^/>/ b
sed p none
sed s/a
sed k a
sed 2
sed s/a/b/k a
sed }
sed {p a
sed s/a/\\1/ a
sed s/\\(a/b/ a
sed -s $d a b
sed d d
sed s/[]/]/x/ a
grep a$b dollar
grep -E a$b dollar
grep b$ dollar
grep a^b dollar
sed s/$b/X/ dollar
rm d/e/y
mv d/e/y t
sed s/[/]/x/ d/x.conf
sed s/[[:space:]]/_/g b
sed /[/d a
sed s/[a/x/ a
sed s/[]o]/x/ a
grep [[:foo:]] a
sed
sed -i s/one/ONE/ a
sed -i.bak /two/d a
sed -i s/mtu/MTU/ d/x.conf
sed -i s/o/0/ none
sed -i s/o/0/ d
sed -n -i 2p a
cp a c
cp a b d
cp a none/c
cp none c
cp a
cp
cp d c
cp -r d c
cp -r d d/f
cp -v a c
cp a a
cp a b c
cp a b none
cp a d
cp a c/
mv a c
mv a d
mv d c
mv none c
mv a a
mv -v a c
mv a none/c
mv d d/e
rm a
rm none
rm -f none
rm d
rm -r d
rm -v a b
rm
rm -rf d none
mkdir n
mkdir a
mkdir n/m
mkdir -p n/m/o
mkdir -v n
mkdir d
mkdir -p d
mkdir
touch t
touch a
touch none/t
touch -c t
touch
tee t
tee -a a
tee d
tee none/t
tee t none/u
ls
ls d
ls -1 d
ls -a d
ls a b
ls a d
ls none
ls -d d
cat a b
""".strip().splitlines()


def place_of(directory: Path) -> tuple[Network, Place]:
    network = Network(0)
    place = Machine(network, "m", image("debian-12")).root
    place.files.update({f"{directory}/{name}": text for name, text in TREE.items()})
    return network, place


def run(network: Network, place: Place, words: list[str], stdin: str = "") -> Process:
    tool = find(place.image, words[0])
    assert tool is not None
    proc = Process(network, place, words, stdin=stdin)
    proc.start(tool)
    return proc


def at(directory: Path, word: str) -> str:
    """Operands that are names of the tree, with the directory before them."""
    known = {*TREE, "c", "d", "d/e", "d/f", "n", "n/m", "n/m/o", "none", "none/c", "none/t", "none/u", "t", "c/"}
    return f"{directory}/{word}" if word in known else word


@pytest.mark.parametrize("command", COMMANDS)
def test_as_the_real_program(command: str, tmp_path: Path) -> None:
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    words = [command.split(maxsplit=1)[0], *(at(tmp_path, word) for word in command.split()[1:])]
    if words == ["ls"]:
        words = ["ls", str(tmp_path)]
    network, place = place_of(tmp_path)
    stdin = "typed\nlines\n"
    real = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        input=stdin,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    )

    ours = run(network, place, words, stdin)

    assert ours.stdout == real.stdout
    if words[0] != "sed" or "Usage" not in real.stderr:  # its usage is a page long
        assert ours.stderr == real.stderr
    assert ours.status == real.returncode
    left = {str(path): path.read_text(encoding="utf-8") for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    assert {path: text for path, text in sorted(place.files.items()) if not path.endswith("/")} == left
    for path in tmp_path.rglob("*"):
        if path.is_dir():
            assert not run(network, place, ["ls", str(path)]).status


def test_tail_f_waits_in_virtual_time(tmp_path: Path) -> None:
    network, place = place_of(tmp_path)
    lines = ["first\n"]
    place.virtual["/var/log/agent.log"] = lambda: "".join(lines)
    proc = run(network, place, ["tail", "-f", "/var/log/agent.log"])
    network.sleep(3_000_000_000)
    lines.append("second\n")
    assert proc.stdout == "first\n"
    network.sleep(2_000_000_000)
    assert proc.stdout == "first\nsecond\n"
    assert not proc.done
    proc.interrupt()
    assert proc.status == 130


def test_tee_writes_a_sysctl_and_nothing_else_of_the_kernel(tmp_path: Path) -> None:
    network, place = place_of(tmp_path)
    assert run(network, place, ["tee", "/proc/sys/net/ipv4/ip_forward"], "1\n").stdout == "1\n"
    assert run(network, place, ["cat", "/proc/sys/net/ipv4/ip_forward"]).stdout == "1\n"
    with pytest.raises(NotModelled, match="writing to /proc/net/arp"):
        run(network, place, ["tee", "/proc/net/arp"], "1\n")


@pytest.mark.parametrize(
    "command", ["sed -z s/a/b/ a", "sed N a", "grep -P a a", "ls -l", "vi a", "nano a", "cp -u a b"]
)
def test_what_is_not_modelled_says_so(command: str, tmp_path: Path) -> None:
    network, place = place_of(tmp_path)
    with pytest.raises(NotModelled):
        run(network, place, command.split())


@pytest.mark.parametrize(
    "words", [["a", "b"], ["-n", "a"], ["-e", r"a\tb\n"], ["-E", r"a\t"], ["-ne", r"x\0101"], ["-e", r"a\cb"], ["-x"]]
)
def test_echo(words: list[str], tmp_path: Path) -> None:
    network, place = place_of(tmp_path)
    real = subprocess.run(["/bin/echo", *words], capture_output=True, text=True, check=True)
    assert run(network, place, ["echo", *words]).stdout == real.stdout
