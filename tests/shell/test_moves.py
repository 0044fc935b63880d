"""Commands that lead elsewhere, or mind the clock."""

import re
import subprocess

import pytest

from tests.conftest import require_tool
from tests.shell.conftest import PAIR, run_here

# ------------------------------------------------------------------------------------------------------------ timeout

# The same lines under the real timeout: statuses, and what is printed, are coreutils'.
TIMEOUTS = [
    "timeout 0.2 sleep 0.1",
    "timeout 0.1 sleep 0.2",
    "timeout .1s sleep 1",
    "timeout 0 sleep 0.1",
    "timeout inf true",
    "timeout 1e400 true",
    "timeout 5 false",
    "timeout 5 sh -c 'exit 7'",
    "timeout 5 sh -c 'kill -TERM $$'",
    "timeout 5 sh -c 'kill -KILL $$'",
    "timeout -s KILL 0.1 sleep 1",
    "timeout -s INT 0.1 sleep 1",
    "timeout -sHUP 0.1 sleep 1",
    "timeout -s 9 0.1 sleep 1",
    "timeout --signal=SIGTERM 0.1 sleep 1",
    "timeout --preserve-status 0.1 sleep 1",
    "timeout --preserve-status -s INT 0.1 sleep 1",
    "timeout --foreground 0.1 sleep 1",
    "timeout -k 0.1 0.1 sh -c 'trap : TERM; while :; do sleep 0.05; done'",
    "timeout --kill-after=0.1 --foreground 0.1 sh -c 'trap : TERM; while :; do sleep 0.05; done'",
    "timeout 0.1 sh -c 'trap \"echo term; exit 3\" TERM; while :; do sleep 0.05; done'",
    "timeout --preserve-status 0.1 sh -c 'trap \"exit 3\" TERM; while :; do sleep 0.05; done'",
    "timeout 0.3 timeout 0.1 sleep 1",
    "timeout 5 /nowhere/x",
    "timeout 5 /etc/passwd",
    "timeout 5 nosuch-command",
    "timeout",
    "timeout 5",
    "timeout x true",
    "timeout -s NOSUCH 5 true",
    "timeout -k x 5 true",
    "timeout -s",
    "timeout --signal",
    "timeout 5 sh -c 'echo out; echo err >&2'",
    "timeout 0.1 sh -c 'sleep 1 | cat'",
    "timeout 0.1 sh -c 'sleep 1' & wait $!",
    "timeout 5 sleep 1 & sleep 0.1; kill $!; wait $!",
    "timeout 5 sleep 1 & sleep 0.1; kill -INT $!; wait $!",
]


def test_timeout_as_coreutils_has_it(tmp_path, sh):
    require_tool("timeout")
    version = subprocess.run(["timeout", "--version"], capture_output=True, text=True, check=False).stdout
    if "coreutils" not in version:
        pytest.skip("another timeout than coreutils'")
    script = "\n".join(f'{{ {line}\n}} 2>&1; echo "{number}: $?"' for number, line in enumerate(TIMEOUTS))
    real = subprocess.run(
        ["bash", "-c", script, "script"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    ours = sh(script)
    assert _comparable(ours.out) == _comparable(real.stdout)
    assert len(re.findall(r"^\d+: ", ours.out, re.MULTILINE)) == len(TIMEOUTS)


def _comparable(text):
    """Without what bash says of jobs that a signal ended: it holds a process id, or comes only where the signal met a child."""
    told = ("core dumped", "Terminated")
    return [
        line
        for line in text.splitlines()
        if not re.search(r"line \d+: +\d+ ", line) and not any(word in line for word in told)
    ]


def test_timeout_takes_no_time_and_ends_in_virtual_time(sh):
    ran = sh("date +%s; timeout 3600 sleep 36000; echo $?; date +%s; timeout 1.5 sleep 9; date +%s.%1N")
    assert ran.lines == ["1704067200", "124", "1704070800", "1704070801.5"]


def test_timeout_sends_its_signal_to_simulated_commands(sh):
    ran = sh(
        PAIR
        + "timeout -s INT 2.5 ip netns exec a ping 10.0.0.2; echo $?; timeout 1 ip netns exec a ping -q 10.0.0.2; echo $?"
    )
    assert "3 packets transmitted, 3 received" in ran.out
    assert [line for line in ran.lines if line.isdecimal()] == ["124", "124"]


def test_timeout_refuses_what_it_does_not_know(sh):
    ran = sh("timeout -v 1 true; echo $?")
    assert (ran.out, ran.err) == ("125\n", "podwire: timeout: not modelled: option -v\n") or ran.out == "125\n"


# ---------------------------------------------------------------------------------------------------------------- time


def test_date_is_virtual(both):
    ran = both(
        "TZ=UTC date; sleep 86400; TZ=UTC date +%F; date -d @5 +%s; date -u -d 2020-01-01 +%Y; date -s 2020-01-01; echo $?"
    )
    assert ran.lines == ["Mon Jan  1 00:00:00 UTC 2024", "2024-01-02", "5", "2020", "125"]


def test_sleep_takes_no_time_by_any_name(sh):
    ran = sh("sleep 1h; /bin/sleep 60; /usr/bin/sleep 1; command sleep 1; env sleep 1; xargs sleep <<< 1; date +%s")
    assert ran.out == f"{1704067200 + 3600 + 64}\n"


# ---------------------------------------------------------------------------------------------------------- namespaces


def test_unshare_and_what_names_its_process(sh):
    ran = sh(
        """
        unshare -n sleep 5 & sleep 1
        ip link add v0 type veth peer name v1
        ip link set v1 netns $!
        nsenter -t $! -n ip -br link show v1 | cut -c1-2
        nsenter --target $! --net ip -br link show v1 | cut -c1-2
        nsenter -n/proc/$!/ns/net ip -br link show v1 | cut -c1-2
        nsenter -t $! -n nsenter -t 1 -n ip -br link | cut -c1-2
        ip -br link | wc -l
        wait
        ip -br link
        nsenter -t $! -n ip link; echo $?
        """
    )
    assert ran.lines[:6] == ["v1", "v1", "v1", "lo", "v0", "2"]
    # With the last process its namespace goes, and with that both ends of the cable.
    assert [line.split()[0] for line in ran.lines[6:]] == ["lo", "1"]
    assert re.fullmatch(r"nsenter: cannot open /proc/\d+/ns/net: No such file or directory\n", ran.err)


def test_a_namespace_lives_as_long_as_any_process_in_it(sh):
    ran = sh(
        """
        unshare -n bash -c 'sleep 10 & ip link add d0 type dummy' &
        wait; ip link add v0 type veth peer name v1
        sleep 1; p=$(pgrep -f 'sleep 10$' | head -1)
        ip link set v1 netns $p; nsenter -t $p -n ip -br link | cut -c1-2; sleep 10; ip -br link | cut -c1-2
        """
    )
    assert ran.lines == ["lo", "d0", "v1", "lo"], ran


def test_a_namespace_of_a_command_that_there_is_not(sh):
    ran = sh("unshare -n nosuch; echo $?; unshare -n ip -br link | cut -c1-2; nsenter -t 1 -n nosuch; echo $?")
    assert ran.lines == ["127", "lo", "127"]
    assert ran.err.splitlines() == [
        "unshare: failed to execute nosuch: No such file or directory",
        "nsenter: failed to execute nosuch: No such file or directory",
    ]


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        ("nsenter -n ip a", 1, "nsenter: no target PID specified for --net\n"),
        ("nsenter -t 99999 -n ip a", 1, "nsenter: cannot open /proc/99999/ns/net: No such file or directory\n"),
        ("nsenter --net=/run/netns/zz ip a", 1, "nsenter: cannot open /run/netns/zz: No such file or directory\n"),
        ("nsenter -t", 1, "nsenter: option requires an argument -- 't'\nTry 'nsenter --help' for more information.\n"),
        ("nsenter -Z ip a", 125, "option -Z"),
        ("nsenter --follow-context ip a", 125, "option --follow-context"),
        ("unshare --net=/tmp/x ip a", 125, "option --net=/tmp/x"),
        ("kubectl exec a -- ls", 1, "podwire: kubectl: there is no cluster here: give podwire sh a lab with -f\n"),
        ("ssh node1", 255, "podwire: ssh: there is no other machine here: give podwire sh a lab with -f\n"),
    ],
)
def test_wrong_use(command, status, message, open_sh):
    ran = open_sh(f"{command}; exit $?")
    assert (ran.status, ran.out) == (status, "")
    assert ran.err == message or (status == 125 and message in ran.err)


def test_a_place_goes_with_whatever_is_started_there(both):
    ran = both(
        PAIR
        + """
        show() { ip -br addr show e0 | tr -s ' ' | cut -d' ' -f3; }
        export -f show
        ip netns exec a bash -c show
        ip netns exec a bash -c 'show | cat; (show) & wait; x=$(show); echo $x'
        ip netns exec a bash -c 'ip netns exec b bash -c show; show'
        ip netns exec b env FOO=1 bash -c show
        ip netns exec b sudo bash -c show
        ip netns exec b env -i bash -c 'ip -br addr show e0' | tr -s ' ' | cut -d' ' -f3
        ip netns exec b sh -c 'echo show e0 | xargs ip -br addr' | tr -s ' ' | cut -d' ' -f3
        ip netns exec b bash <<< 'ip -br addr show e0' | tr -s ' ' | cut -d' ' -f3
        ip netns exec b timeout 5 nsenter -t 1 -n ip -br link | grep -c e0
        ip netns exec b ip netns exec a ip -br addr show e0 | tr -s ' ' | cut -d' ' -f3
        """
    )
    a, b = "10.0.0.1/24", "10.0.0.2/24"
    assert (ran.lines, ran.err) == ([a, a, a, a, b, a, b, b, b, b, b, "0", a], "")


def test_sudo(both):
    ran = both(
        "sudo -n -u root -- ip -br link | cut -c1-2; sudo A=7 sh -c 'echo $A'; sudo -E sh -c 'exit 3'; echo $?; echo 'ip -br link | cut -c1-2; exit 4' | sudo -i; echo $?"
    )
    assert (ran.lines, ran.err) == (["lo", "7", "3", "lo", "4"], "")


# ------------------------------------------------------------------------------------------------------------ machines


def test_kubectl_and_ssh_lead_to_machines(tmp_path, namespaces, lab):
    ran = run_here(
        [
            "-c",
            """
            kubectl exec pod1 -- printenv PODWIRE_HOST
            kubectl exec -it pod2 -- sh -c 'echo $PODWIRE_HOST; ip -br addr show eth0 | wc -l'
            kubectl exec -i -n default pod1 -- sh <<EOF
printenv PODWIRE_HOST
EOF
            ssh node2 printenv PODWIRE_HOST
            ssh -o StrictHostKeyChecking=no root@node1 'echo $PODWIRE_HOST | tr n N; sudo printenv PODWIRE_HOST'
            ssh node1 <<'EOF'
echo $PODWIRE_HOST; kubectl exec pod2 -- printenv PODWIRE_HOST
ssh node2 'kubectl exec pod1 -- sh -c "printenv PODWIRE_HOST"'
exit 5
EOF
            echo $?
            kubectl exec pod1 -- sh -c 'exit 6'; echo $?
            kubectl exec pod1 -- nosuch; echo $?
            kubectl exec pod9 -- ls; echo $?
            ip link; echo $?
            """,
        ],
        tmp_path,
        cluster=lab,
    )
    assert ran.lines == [
        "pod1", "pod2", "1", "pod1", "node2", "Node1", "node1", "node1", "pod2", "pod1", "5", "6", "126", "1", "125",
    ]  # fmt: skip
    assert 'exec: "nosuch": ' in ran.err
    assert ran.err.count("command terminated with exit code 6\n") == 1
    assert 'Error from server (NotFound): pods "pod9" not found\n' in ran.err
    assert (
        "podwire: ip: you stand on no machine here: ssh NODE, kubectl exec POD -- …, or podwire sh -m MACHINE\n"
        in ran.err
    )


def test_kubectl_reads_files_and_standard_input_of_the_script(tmp_path, namespaces, lab):
    (tmp_path / "cm.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: filed}\n", encoding="utf-8")
    ran = run_here(
        [
            "-c",
            """
            kubectl apply -f cm.yaml
            k apply -f - <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: piped}
EOF
            kubectl get cm -o name | sort | grep -v kube-root
            kubectl exec pod1 -- hostname
            echo hello | kubectl exec -i pod1 -- cat
            echo unread | kubectl exec pod1 -- hostname
            ssh node1 k get cm piped -o name
            kubectl get cm nosuch; echo $?
            kubectl exec pod1 -- ping -c 1 -W 1 203.0.113.9 >/dev/null; echo $?
            """,
        ],
        tmp_path,
        cluster=lab,
    )
    assert ran.lines == [
        "configmap/filed created", "configmap/piped created", "configmap/filed", "configmap/piped", "pod1", "hello", "pod1",
        "configmap/piped", "1", "1",
    ]  # fmt: skip
    assert ran.err.splitlines() == [
        'Error from server (NotFound): configmaps "nosuch" not found',
        "command terminated with exit code 1",
    ]


def test_a_script_in_a_pod_has_no_kubectl(tmp_path, namespaces, lab):
    ran = run_here(["-c", "kubectl get po; echo $?"], tmp_path, cluster=lab, machine="pod1")
    assert (ran.lines, ran.err) == (["127"], "bash: kubectl: command not found\n")


def test_where_a_script_begins(tmp_path, namespaces, lab):
    for machine in ("pod1", "node1"):
        assert (
            run_here(["-c", "echo $PODWIRE_HOST; echo $PODWIRE_HOST"], tmp_path, cluster=lab, machine=machine).lines
            == [machine] * 2
        )
