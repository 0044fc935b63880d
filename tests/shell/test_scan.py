"""What is found in a script before it starts, at which line, and what it says to write instead."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwire.errors import PodwireError
from podwire.shell import scan
from podwire.shell.run import _check

FORWARD = "/proc/sys/net/ipv4/ip_forward"
WRITE = "write `sysctl -w net.ipv4.ip_forward=…`"


def found(script):
    return [(problem.line, problem.instead) for problem in scan.problems(script) if not problem.harmless]


@pytest.mark.parametrize(
    "redirection",
    [
        f"> {FORWARD}",
        f">{FORWARD}",
        f">> {FORWARD}",
        f">| {FORWARD}",
        f"&> {FORWARD}",
        f"&>> {FORWARD}",
        f">& {FORWARD}",
        f"2> {FORWARD}",
        f"1>{FORWARD}",
        f"{{fd}}> {FORWARD}",
        f"<> {FORWARD}",
        f'> "{FORWARD}"',
        f"> '{FORWARD}'",
        "> /proc/sys/net/ipv4/'ip_forward'",
        r"> /proc/sys/net/ipv4/ip\_forward",
        "> //proc//sys/net///ipv4/ip_forward",
        f"\\\n> {FORWARD}".replace("\\\n", ""),
        f">\t{FORWARD}",
    ],
)
def test_writes(redirection):
    assert found(f"echo 1 {redirection}") == [(1, WRITE)]
    assert found(f"# a comment\n\necho 1 {redirection}; echo\n") == [(3, WRITE)]


@pytest.mark.parametrize(
    "script",
    [
        f"bash -c 'echo 1 > {FORWARD}'",
        f'bash -c "echo 1 > {FORWARD}"',
        f"ip netns exec a bash -ec 'echo 1 > {FORWARD}'",
        f"timeout 3 sh -xc 'echo 1 > {FORWARD}'",
        f"/bin/sh -c 'true; (echo 1 > {FORWARD})'",
        f"eval 'echo 1 > {FORWARD}'",
        f"trap 'echo 0 > {FORWARD}' EXIT",
        f"ssh node1 'echo 1 > {FORWARD}'",
        f'ssh -t node1 "echo 1 > {FORWARD}"',
        f"kubectl exec a -- sh -c 'echo 1 > {FORWARD}'",
        f"su -c 'echo 1 > {FORWARD}'",
        f"x=$(echo 1 > {FORWARD})",
        f'x="$(echo 1 > {FORWARD})"',
        f'x="a $(date) b $(echo 1 > {FORWARD}) c"',
        f'x="$(echo $(echo 1 > {FORWARD}))"',
        f'x="`echo 1 > {FORWARD}`"',
        f"x=`echo 1 > {FORWARD}`",
        f"f() {{ echo 1 > {FORWARD}; }}",
        f"(( x = 1 << 2 )); echo 1 > {FORWARD}",
        f"x=$((1<<2)); echo 1 > {FORWARD}",
        f"cat <<< 'text' > {FORWARD}",
        f"if true; then echo 1 > {FORWARD}; fi",
        f"echo a#b > {FORWARD} # comment",
        f"echo \\# > {FORWARD}",
    ],
)
def test_writes_wherever_a_shell_reads_them(script):
    assert found(script) == [(1, WRITE)]


@pytest.mark.parametrize(
    ("path", "instead"),
    [
        ("/proc/sys/net/ipv4/conf/eth0.100/rp_filter", "write `sysctl -w net.ipv4.conf.eth0/100.rp_filter=…`"),
        ("/sys/class/net/eth0/mtu", "write `ip link set eth0 mtu …`"),
        ("/sys/class/net/br0/bridge/stp_state", "podwire has no such file"),
        ("/proc/sysrq-trigger", "podwire has no such file"),
    ],
)
def test_what_to_write_instead(path, instead):
    assert [text.partition(" (")[0] for _, text in found(f"echo 1 > {path}")] == [instead]


@pytest.mark.parametrize(
    ("script", "what", "instead"),
    [
        (f"read x < {FORWARD}", f"< {FORWARD} would read this machine's kernel", f"write `cat {FORWARD}`, which reads"),
        (f"x=$(< {FORWARD})", f"< {FORWARD} would read this machine's kernel", f"write `cat {FORWARD}`, which reads"),
        (f'x="$(<{FORWARD})"', f"< {FORWARD} would read this machine's kernel", f"write `cat {FORWARD}`, which reads"),
        (
            "while read l; do :; done 3</proc/net/route",
            "3< /proc/net/route would read this machine's kernel",
            "write `cat /proc/net/route`",
        ),
        (
            "exec 3<>/dev/tcp/127.0.0.1/80",
            "3<> /dev/tcp/127.0.0.1/80 would open a socket of this machine",
            "bash's own sockets are not simulated",
        ),
        (
            "echo > /dev/udp/10.0.0.1/53",
            "> /dev/udp/10.0.0.1/53 would open a socket of this machine",
            "bash's own sockets",
        ),
        (
            "[ -e /sys/class/net/x ] && echo",
            "-e /sys/class/net/x would look at this machine's kernel",
            "write `cat /sys/class/net/x >/dev/null 2>&1` or `ip link show DEV`",
        ),
        (
            "if [[ ! -d /sys/class/net/x ]]; then",
            "-d /sys/class/net/x would look at this machine's kernel",
            "write `cat /sys/class/net/x",
        ),
        (
            "test -f /proc/sys/net/ipv4/ip_forward",
            f"-f {FORWARD} would look at this machine's kernel",
            f"write `cat {FORWARD}",
        ),
    ],
)
def test_reads(script, what, instead):
    (problem,) = scan.problems(script)
    assert (problem.line, problem.what) == (1, what)
    assert problem.instead.startswith(instead)


@pytest.mark.parametrize(
    "script",
    [
        f"# echo 1 > {FORWARD}",
        f"echo hi # > {FORWARD}",
        f"echo 'echo 1 > {FORWARD}'",
        f'echo "1 > {FORWARD}"',
        f'echo "1" ">" {FORWARD}',
        f"echo \\> {FORWARD}",
        f"cat {FORWARD}",
        f"grep -c '> {FORWARD}' file",
        f"wc -c '> {FORWARD}'",
        f"echo '$(echo 1 > {FORWARD})'",
        f'echo "it\'s (1 > {FORWARD})"',
        "echo hi > /proc/self/fd/1; cat < /proc/self/fd/0",
        "read -r up _ < /proc/uptime; cat < /proc/meminfo",
        "echo > /dev/null; echo > /dev/stderr; echo > /tmp/proc/sys/x",
        f"cat <<EOF\necho 1 > {FORWARD}\nEOF",
        f"cat > x.txt <<-'EOF'\n\techo 1 > {FORWARD}\n\tEOF\necho",
        f"cat <<A <<B\n1 > {FORWARD}\nA\n2 > {FORWARD}\nB\n",
        f"cat <<EOF\n\tEOF\necho 1 > {FORWARD}\nEOF\n",  # without a dash, tabs are the text's
        f"cat <<EOF\n1 > {FORWARD}",  # without an end
        "rm -f /etc/hosts; ls -d /sys/class/net; sort -f /etc/hosts",
        f"sysctl -w net.ipv4.ip_forward=1 # not: echo 1 > {FORWARD}",
        "diff <(ip a) <(ip r) > >(cat)",
        "echo ${#array[@]} $# ${x#y} 2>&1 >&2",
    ],
)
def test_nothing_is_found_where_nothing_is(script):
    assert found(script) == []


@pytest.mark.parametrize(
    "command",
    [
        "bash",
        "sh -s",
        "ip netns exec a bash",
        "sudo ip netns exec a /bin/sh -x",
        "ssh node1",
        "kubectl exec -i a -- sh",
        "nsenter -t 1 -n",
        "unshare -n",
        "dash",
    ],
)
def test_here_documents_that_a_shell_reads(command):
    body = f"ip a\n\necho 1 > {FORWARD}\n"
    assert found(f"echo\n{command} <<EOF\n{body}EOF\necho 1 > /sys/x\n")[0] == (5, WRITE)
    assert found(f"cat <<'EOF' | {command}\n{body}EOF\n") == [(4, WRITE)]
    assert found(f"{command} <<-EOF\n\techo 1 > {FORWARD}\n\tEOF\n{command} <<EOF\n{body}EOF") == [
        (2, WRITE),
        (7, WRITE),
    ]


def test_a_line_after_a_shell_s_is_not_the_shell_s():
    assert found(f"bash <<EOF\nip a\nEOF\ncat <<EOF\necho 1 > {FORWARD}\nEOF\n") == []


def test_lines_are_counted_through_everything():
    script = "a \\\n b\n'x\ny'\n\"$(\n)\"\ncat <<E\n1\n2\nE\n# c\necho > /sys/a\n"
    assert [line for line, _ in found(script)] == [12]
    assert found(f"bash -c '\n\necho > {FORWARD}'") == [(3, WRITE)]


def test_check_raises_for_the_first():
    with pytest.raises(
        PodwireError, match=r"^x\.sh:2: > /sys/a would write to this machine's kernel: podwire has no such file"
    ):
        scan.check("echo\necho > /sys/a\necho > /sys/b\n", "x.sh", lambda: True)
    scan.check("echo", "x.sh", lambda: False)


# What bash takes for its script.
BAD = f"echo 1 > {FORWARD}"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["-c", BAD], "-c"),
        (["-ec", BAD], "-c"),
        (["-e", "-c", BAD, "name"], "-c"),
        (["-o", "pipefail", "-c", BAD], "-c"),
        (["-eo", "pipefail", "-c", BAD], "-c"),
        (["+O", "extglob", "-c", BAD], "-c"),
        (["bad.sh", "-c", "x"], r"bad\.sh"),
        (["-x", "bad.sh"], r"bad\.sh"),
        (["-o", "nounset", "bad.sh"], r"bad\.sh"),
        (["--norc", "--", "bad.sh"], r"bad\.sh"),
        (["--rcfile", "good.sh", "bad.sh"], r"bad\.sh"),
    ],
)
def test_the_script_among_the_arguments(arguments, name, tmp_path):
    (tmp_path / "bad.sh").write_text(BAD, encoding="utf-8")
    (tmp_path / "good.sh").write_text("echo", encoding="utf-8")
    with pytest.raises(PodwireError, match=f"^{name}:1: > {FORWARD} would write"):
        _check(arguments, tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-"],
        ["-s", "bad.sh"],
        ["good.sh", "bad.sh"],
        ["-c", "echo", BAD],
        ["nowhere.sh"],
        ["-c"],
        ["--", "good.sh"],
    ],
)
def test_what_is_no_script(arguments, tmp_path):
    (tmp_path / "bad.sh").write_text(BAD, encoding="utf-8")
    (tmp_path / "good.sh").write_text("echo", encoding="utf-8")
    _check(arguments, tmp_path)


# ----------------------------------------------------------------------------------------------- whatever is written

PIECES = st.sampled_from(
    "echo|a|'|\"|`|$(|)|(|((|))|$((|<<|<<-|<<<|EOF|\n|\n\n|\t| |\\|\\\n|#|>|<|&>|;|;;|bash|-c|eval|ssh|[|-e|/proc/sys/x|{|}|$'|é|\x00".split(
        "|"
    )
)


@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=60))
def test_any_text_can_be_read(script):
    tokens = list(scan.tokens(script))
    lines = script.split("\n")
    for token in tokens:
        assert 1 <= token.line <= len(lines)
        # The token begins in the line that it names.
        assert token.kind == "body" or token.text.split("\n")[0] in lines[token.line - 1]
    assert [token.line for token in tokens] == sorted(token.line for token in tokens)
    for problem in scan.problems(script):
        assert problem.line >= 1


@given(
    st.lists(
        st.sampled_from(["echo 'a\nb'", "cat <<E\n1\n2\nE", "# x", "", "ls \\\n -l", "x=$((1<<2))", "f() { :; }"]),
        max_size=8,
    )
)
def test_a_line_is_found_behind_any_lines(before):
    script = "\n".join([*before, "echo > /sys/x"])
    assert [line for line, _ in found(script)] == [script.count("\n") + 1]


# ----------------------------------------------------------------------------------------- where there is no sandbox


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo\n/sbin/ip link", "^s:2: /sbin/ip is this machine's: write `ip`, which is the simulated one$"),
        ("A=1 /usr/sbin/iptables -F", "^s:1: /usr/sbin/iptables is this machine's: write `iptables`"),
        ("x | /bin/ping a", "^s:1: /bin/ping is"),
        ("bash -c '/usr/bin/nsenter -t 1 -n'", "^s:1: /usr/bin/nsenter is"),
        (
            "export PATH=/usr/sbin:/sbin:$PATH",
            r"^s:1: PATH=\S+ puts this machine's tools before the simulated ones: write `PATH=",
        ),
        ('PATH="/sbin:$PATH"', "^s:1: PATH="),
        ("PATH=/bin", "^s:1: PATH="),
    ],
)
def test_past_the_shims(script, message):
    with pytest.raises(PodwireError, match=message):
        scan.check(script, "s", lambda: False)
    scan.check(script, "s", lambda: True)


@pytest.mark.parametrize(
    "script",
    [
        "PATH=$PATH:/usr/sbin",
        "PATH=.:$PATH",
        "/bin/ls",
        "/usr/bin/env bash",
        "which /sbin/ip",
        "echo /sbin/ip",
        "/opt/ip a",
        "MYPATH=/sbin",
    ],
)
def test_what_a_shim_still_stands_before(script):
    scan.check(script, "s", lambda: False)


@pytest.mark.parametrize(
    ("script", "word"),
    [
        ("ls\n/usr/bin/python3 -c 1", "/usr/bin/python3"),
        ("if ! /usr/bin/perl -e 1; then :; fi", "/usr/bin/perl"),
        ("A=1 exec /usr/sbin/sshd", "/usr/sbin/sshd"),
        ("for i in 1; do /usr/bin/gcc; done", "/usr/bin/gcc"),
        ("ip netns exec a /usr/bin/python3 x.py", "/usr/bin/python3"),
        ("x | sudo /usr/bin/apt-get update", "/usr/bin/apt-get"),
    ],
)
@pytest.mark.parametrize("sandboxed", [True, False])
def test_no_other_program_by_its_path(script, word, sandboxed):
    with pytest.raises(PodwireError, match=f": {re.escape(word)} is neither simulated nor one of the real programs"):
        scan.check(script, "s", lambda: sandboxed)


@pytest.mark.parametrize(
    "script", ["cp /usr/bin/python3 .", "echo /usr/bin/perl", "x=/usr/bin/perl", "[ -x /usr/bin/perl ]"]
)
def test_a_path_that_is_no_command(script):
    scan.check(script, "s", lambda: False)
