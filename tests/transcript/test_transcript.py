"""Transcripts: what is read as what, what agrees, how a difference looks, and what an update writes."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwire import GKE, Cluster, PodwireError
from podwire.tools import registry
from podwire.transcript import replay
from podwire.transcript.compare import align, unified
from podwire.transcript.play import play
from podwire.transcript.script import Interrupt, Line, parse
from podwire.transcript.words import Kubectl, Leave, Run, Shell, ToMachine, ToPod, order

HEADER = """\
machines: {"$ ": null, "~ # ": null, "root@n1:~# ": node1, "root@n2:~# ": node2, "pod2 # ": pod2}
---
"""


@pytest.fixture
def cluster():
    cluster = Cluster(GKE(dataplane="calico"), nodes=2)
    cluster.run("pod1", node="node1")
    cluster.run("pod2", node="node2")
    return cluster


@pytest.fixture
def run(cluster):
    """Replays a text; the lines below its header begin with number 3."""

    def run(text):
        return play(parse(HEADER + text, "t.console"), cluster)

    return run


def ticker(proc):
    """A stand-in for tools that print for ever: a line each second, and a summary on ^C."""
    from podwire.tools.process import Interrupt as Signal

    count = 0
    try:
        while True:
            count += 1
            proc.write(f"tick {count}\n")
            yield proc.now + 1_000_000_000
    except Signal:
        proc.write(f"\n{count} ticks\n")
    return 0


@pytest.fixture
def tick(monkeypatch):
    find = registry.find
    monkeypatch.setattr(registry, "find", lambda image, name: ticker if name == "tick" else find(image, name))


# ---------------------------------------------------------------------------------------------------------------- reading


def test_header_prompts_outputs_and_comments():
    text = """\
lab: lab.yaml
machines:
  "a$ ": a
  "(x|y) b# ":
---

# at the head
a$ one
1

# between
2
  3   \t
a$
(x|y) b# two @cap

# before the next
@cap
...
^C after 1.5s
\\^C
a$ three \\
> four
"""
    script = parse(text, "t.console")
    assert (script.lab, script.machines) == ("lab.yaml", {"a$ ": "a", "(x|y) b# ": None})
    one, empty, two, cap, three = script.entries
    assert (one.number, one.prompt, one.command, one.terminal, one.end) == (8, "a$ ", "one", None, 14)
    assert [(item.text, item.comment) for item in one.body if isinstance(item, Line)] == [
        ("1", False),
        ("", True),
        ("# between", True),
        ("2", False),
        ("  3", False),
    ]
    assert (empty.command, empty.body) == ("", ())
    assert (two.command, two.terminal, two.body, two.end) == ("two", "cap", (), 16)
    assert cap.prompt is None
    assert cap.body == (Line(19, "..."), Interrupt(20, "^C after 1.5s", 1_500_000_000), Line(21, "\\^C"))
    assert cap.body[2].wanted == "^C"
    assert three.command == "three four"


def test_colour_codes_and_blanks_at_line_ends_do_not_count(run):
    assert run("root@n1:~# \x1b[36mcat\x1b[0m /proc/sys/net/ipv4/ip_forward  \n\x1b[1m1\x1b[0m   \n\n").ok


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 't.console:1: got "", expected a YAML header that ends with a line ---'),
        ("a$ ls\n", 't.console:1: got "a$ ls", expected a YAML header that ends with a line ---'),
        ("---\n---\n", "t.console:1: machines: got nothing, expected a mapping"),
        ("machine: {}\n---\n", "t.console:1: machine: got {}, expected one of the fields machines, lab"),
        (
            '---\nmachines: {"$ ": 1}\n---\n',
            "t.console:2: machines.$ : got 1, expected text (YAML reads 1 as a number: put it in quotes)",
        ),
        (
            HEADER + "what is this\n",
            "t.console:3: got 'what is this', expected a prompt ('$ ', '~ # ', 'root@n1:~# ', 'root@n2:~# ', 'pod2 # '), @name or a comment",
        ),
    ],
)
def test_what_is_no_transcript(text, message):
    with pytest.raises(PodwireError) as caught:
        parse(text, "t.console")
    assert str(caught.value) == message


# ---------------------------------------------------------------------------------------------------------------- running


@pytest.mark.parametrize(
    ("command", "meaning"),
    [
        ("ip -c add", Run(("ip", "-c", "add"))),
        ("sudo -E ip a", Run(("ip", "a"))),
        ("k exec -it pod1 -- /bin/sh", ToPod("default/pod1", Shell())),
        ("kubectl exec -n kube-system -ti pod/x -c app -- zsh", ToPod("kube-system/x", Shell())),
        ("kubectl -n a exec x -- bash -c 'ip route'", ToPod("a/x", Run(("ip", "route")))),
        ("kubectl exec x --namespace=b ip a", Kubectl(("kubectl", "exec", "x", "--namespace=b", "ip", "a"))),
        ("k exec pod1 -- ping -c 1 1.1.1.1", Kubectl(("kubectl", "exec", "pod1", "--", "ping", "-c", "1", "1.1.1.1"))),
        ("k get po -o wide", Kubectl(("kubectl", "get", "po", "-o", "wide"))),
        ("sudo kubectl get po", Kubectl(("kubectl", "get", "po"))),
        (
            "KUBE_EDITOR='sed -i s/a/b/' k edit svc web",
            Kubectl(("kubectl", "edit", "svc", "web"), (("KUBE_EDITOR", "sed -i s/a/b/"),)),
        ),
        # What makes no sense is kubectl's to say.
        ("k exec pod1", Kubectl(("kubectl", "exec", "pod1"))),
        ("k exec pod1 -n", Kubectl(("kubectl", "exec", "pod1", "-n"))),
        ("k exec -it deploy/web -- sh", Kubectl(("kubectl", "exec", "-it", "deploy/web", "--", "sh"))),
        ("ssh w1 kubectl get po", ToMachine("w1", Kubectl(("kubectl", "get", "po")))),
        (
            "sshpass -p pw ssh -o StrictHostKeyChecking=no vagrant@k8s-w1 ip -c route",
            ToMachine("k8s-w1", Run(("ip", "-c", "route"))),
        ),
        ("ssh 10.0.0.2", ToMachine("10.0.0.2", Shell())),
        ("ssh root@w1 'ip addr show dev eth0'", ToMachine("w1", Run(("ip", "addr", "show", "dev", "eth0")))),
        ("gcloud compute ssh node1 --zone=z", ToMachine("node1", Shell())),
        ("sudo -i", Shell()),
        ("sudo su -", Shell()),
        ("zsh", Shell()),
        ("bash -l", Shell()),
        ("exit", Leave()),
    ],
)
def test_forms_of_commands(command, meaning):
    assert order(command) == meaning


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("A=1", "not modelled: 'A=1': a variable that outlives its command"),
        ("A=1 ip a", "not modelled: 'A=1' before 'ip': podwire gives variables to kubectl alone"),
        ("sudo", "sudo: expected a command"),
        ("sudo -u root ip a", "not modelled: sudo -u"),
        ("ssh -v", "ssh: expected USER@NODE"),
        ("bash script.sh", "not modelled: 'bash script.sh': a shell runs no script here"),
        ("ip a | wc -l", None),
        ("ssh w1 ssh w2", "not modelled: 'ssh' through another command; type it at a prompt of its own"),
    ],
)
def test_forms_that_are_refused(command, message):
    with pytest.raises(PodwireError) as caught:
        order(command)
    assert message is None or str(caught.value) == message


def test_prompts_remember_where_they_stand(run):
    report = run("""\
$ k exec -it pod1 -- /bin/sh
~ # cat /etc/hostname
pod1
root@n2:~# cat /proc/sys/net/ipv4/ip_forward
1
~ # cat /etc/hostname
pod1
$ kubectl exec -it pod2 -- zsh
~ # cat /etc/hostname
pod2
~ # exit
~ # cat /etc/hostname
pod1
$ k exec pod2 -- cat /etc/hostname
pod2
pod2 # cat /etc/hostname
pod2
root@n1:~# sudo cat /proc/sys/net/ipv4/ip_forward
1
""")
    assert report.ok, str(report)


def test_kubectl_runs_where_no_machine_is_and_on_a_node(run):
    report = run("""\
$ k get po pod1 -o name
pod/pod1
root@n1:~# kubectl get po pod1 -o name
pod/pod1
pod2 # hostname
pod2
$ kubectl get po nosuch
Error from server (NotFound): pods "nosuch" not found
$ k exec pod1 -- ping -c 1 -W 1 203.0.113.9
PING 203.0.113.9 (203.0.113.9) 56(84) bytes of data.

--- 203.0.113.9 ping statistics ---
1 packets transmitted, 0 received, 100% packet loss, time 0ms

command terminated with exit code 1
""")
    assert report.ok, str(report)


def test_a_container_has_no_kubectl(run):
    report = run("""\
$ k exec -it pod1 -- sh
~ # kubectl get po
bash: kubectl: command not found
""")
    assert report.ok, str(report)


def test_commands_with_a_semicolon_between_run_one_after_the_other(run):
    report = run("""\
root@n1:~# sleep 1; hostname ; cat /proc/sys/net/ipv4/ip_forward
node1
1
root@n1:~# ping -c 1 203.0.113.9; hostname
PING 203.0.113.9 (203.0.113.9) 56(84) bytes of data.
^C after 500ms
--- 203.0.113.9 ping statistics ---
1 packets transmitted, 0 received, 100% packet loss, time 0ms
""")
    assert report.ok, str(report)


def test_kubectl_finds_files_beside_the_transcript(cluster, tmp_path):
    (tmp_path / "cm.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: beside}\n", encoding="utf-8")
    path = tmp_path / "t.console"
    path.write_text("machines: {'$ ': null}\n---\n$ k apply -f cm.yaml\nconfigmap/beside created\n", encoding="utf-8")
    report = replay(path, cluster)
    assert report.ok, str(report)


def test_ssh_by_name_and_by_address(run, cluster):
    address = cluster.node("node2").ip
    report = run(f"""\
root@n1:~# sshpass -p x ssh root@{address}
~ # ip -br link show eth0
...
root@n1:~# ssh node2 cat /proc/sys/net/ipv4/ip_forward
1
""")
    assert report.ok, str(report)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "$ ip a\n",
            "t.console:3: prompt '$ ': stands on no machine: only kubectl, calicoctl and ssh work there; name its machine in the header",
        ),
        ("root@n1:~# frobnicate\n", None),
        ("root@n1:~# ip a | cat\n", None),
        (
            "root@n1:~# sleep 9999\n",
            "t.console:3: 'sleep 9999' does not end by itself: add a line ^C after 10s, or @name behind it",
        ),
        ("root@n1:~# sleep 1\n^C\n", "t.console:4: ^C at a prompt needs a time: ^C after 10s"),
        ("@cap\n", "t.console:3: no command was started with @cap at its end"),
        (
            "root@n1:~# sleep 99 @x\nroot@n1:~# sleep 99 @x\n",
            "t.console:4: terminal @x is busy: end its command with ^C in a block @x",
        ),
        ("$ k exec -it pod1 -- sh @x\n", "t.console:3: a shell cannot run in a further terminal: leave out @x"),
        ("$ k exec pod9 -- sh\n", "t.console:3: pod 'default/pod9': is not there; pods are default/pod1, default/pod2"),
    ],
)
def test_what_cannot_be_run_is_said_with_its_line(text, message, run):
    with pytest.raises(PodwireError) as caught:
        run(text)
    assert str(caught.value).startswith("t.console:")
    assert message is None or str(caught.value) == message


def test_a_machine_of_the_header_that_is_not_there(cluster):
    with pytest.raises(PodwireError, match=r"^t\.console:1: machine 'nobody': is not there"):
        play(parse('machines: {"$ ": nobody}\n---\n', "t.console"), cluster)


# ------------------------------------------------------------------------------------------------- time, ^C, terminals


def test_interrupts_after_a_time(run, tick):
    report = run("""\
root@n1:~# tick
tick 1
tick 2
tick 3
^C after 2.5s
3 ticks
root@n1:~# sleep 1000
^C after 10 s
""")
    assert report.ok, str(report)


def test_an_interrupt_that_comes_too_late_is_a_difference(run):
    assert run("root@n1:~# sleep 1\n^C after 5s\n").diff().splitlines()[3:] == ["-^C after 5s"]


def test_further_terminals_go_on_and_each_block_shows_what_came_since(run, tick):
    report = run("""\
root@n1:~# tick @a
root@n2:~# tick @b
tick 1
root@n1:~# sleep 2.5
@a
tick 1
tick 2
tick 3
@b
...
tick 3
root@n1:~# sleep 1
@a
tick 4
^C
4 ticks
@b
tick 4
^C after 1s
5 ticks
root@n1:~# tick @a
tick 1
@a
^C after 100ms
1 ticks
""")
    assert "-^C" not in report.diff()
    # Within the second before its ^C, @b still prints a line.
    assert report.diff().splitlines()[3:] == [" tick 4", "+tick 5", " ^C after 1s", " 5 ticks"]


def test_what_still_runs_at_the_end_is_stopped(run, tick):
    assert run("root@n1:~# tick @a\n").ok


def test_time_passes_only_while_commands_run(run, cluster):
    before = cluster.network.now
    assert run("root@n1:~# sleep 3\nroot@n1:~# cat /proc/sys/net/ipv4/ip_forward\n1\n").ok
    assert cluster.network.now - before == 3_000_000_000


# --------------------------------------------------------------------------------------------------------- differences


def test_a_difference_names_file_line_and_command(run):
    report = run("""\
# a comment
pod2 # cat /etc/hosts
# another
...
fe00::0	ip6-mcastprefix
fe00::9	ip6-allnodes
...

$
pod2 # cat /etc/hostname
""")
    assert not report.ok
    assert (
        str(report)
        == """\
--- t.console
+++ printed
@@ -5,5 +5,4 @@ pod2 # cat /etc/hosts
 # another
 ...
 fe00::0	ip6-mcastprefix
-fe00::9	ip6-allnodes
 ...
@@ -12,0 +12 @@ pod2 # cat /etc/hostname
+pod2
t.console: 2 of 3 commands printed something else"""
    )


def lines(texts):
    return [Line(number, text) for number, text in enumerate(texts, 1)]


words = st.lists(st.sampled_from("abc"), max_size=7)


@given(words, words)
def test_a_diff_is_a_patch(wanted, printed):
    steps = align(lines(wanted), printed, len(wanted) + 1)
    assert [s.text for s in steps if s.kind != "extra"] == wanted
    assert [s.text for s in steps if s.kind != "missing"] == printed
    best = sum(
        size for *_, size in difflib.SequenceMatcher(None, wanted, printed, autojunk=False).get_matching_blocks()
    )
    assert sum(s.kind == "equal" for s in steps) >= best
    for line in unified(steps, "", 0):
        if line.startswith("@@"):
            start, count = (line.split()[1].removeprefix("-") + ",1").split(",")[:2]
            assert int(start) + int(count) <= len(wanted) + 1


@given(words, st.lists(st.sampled_from(["a", "b", "c", "..."]), max_size=7))
def test_dots_stand_for_any_lines(printed, wanted):
    def matches(w, p):
        if not w:
            return not p
        if w[0] == "...":
            return any(matches(w[1:], p[i:]) for i in range(len(p) + 1))
        return bool(p) and w[0] == p[0] and matches(w[1:], p[1:])

    steps = align(lines(wanted), printed, len(wanted) + 1)
    assert all(step.agrees for step in steps) == matches(wanted, printed)


# -------------------------------------------------------------------------------------------------------------- updates


def test_an_update_keeps_what_agrees_comments_and_dots(run):
    text = """\
# head
pod2 # cat /etc/hosts
# what the kubelet writes
\\# Kubernetes-managed hosts file.
...
wrong
# the end

# unrelated
pod2 # cat /etc/hostname

pod2 # cat /etc/hostname
pod1
"""
    updated = run(text).updated()
    assert updated.startswith(
        HEADER + "# head\npod2 # cat /etc/hosts\n# what the kubelet writes\n\\# Kubernetes-managed hosts file.\n...\n"
    )
    assert "wrong" not in updated
    assert updated.endswith("# unrelated\npod2 # cat /etc/hostname\npod2\n\npod2 # cat /etc/hostname\npod2\n")
    assert run(updated.removeprefix(HEADER)).ok
    assert run(updated.removeprefix(HEADER)).updated() == updated


def test_lines_that_would_be_read_as_something_else_are_escaped(run, cluster):
    cluster.pod("pod2").place.files["/x"] = "# c\n...\n@a\n^C after 1s\n$ ls\n\\y\nz\n~ #\n"
    report = run("pod2 # cat /x\n")
    assert report.updated() == HEADER + "pod2 # cat /x\n\\# c\n\\...\n\\@a\n\\^C after 1s\n\\$ ls\n\\\\y\nz\n\\~ #\n"
    assert run(report.updated().removeprefix(HEADER)).ok


printed = st.lists(st.sampled_from(["a", "", "# x", "...", "@t", "^C", "$ ls", "\\", "b  c"]), max_size=6)


@given(printed, printed)
def test_an_update_makes_a_transcript_that_agrees(old, new):
    cluster = Cluster(GKE(dataplane="calico"), nodes=1)
    pod = cluster.run("pod2")
    pod.place.files["/x"] = "".join(f"{line}\n" for line in new)
    header = 'machines: {"$ ": null, "pod2 # ": pod2}\n---\n'
    body = "".join(f"\\{line}\n" if line else "\n" for line in old)
    report = play(parse(f"{header}pod2 # cat /x\n{body}\n# end\n", "t.console"), cluster)
    again = play(parse(report.updated(), "t.console"), cluster)
    assert again.ok, str(again)
    assert again.updated() == report.updated()


# --------------------------------------------------------------------------------------------------------------- replay


def test_replay_takes_the_lab_of_the_header_or_another(tmp_path, cluster):
    lab = "apiVersion: podwire.dev/v1alpha1\nkind: Lab\nspec: {cni: {gke: {dataplane: calico}}, nodes: {node1: }}\n"
    (tmp_path / "lab.yaml").write_text(lab, encoding="utf-8")
    text = 'lab: lab.yaml\nmachines: {"# ": node1}\n---\n# cat /proc/sys/net/ipv4/ip_forward\n1\n'
    path = tmp_path / "t.console"
    path.write_text(text, encoding="utf-8")
    assert replay(path).ok
    assert replay(path, cluster).ok
    assert replay(path, tmp_path / "lab.yaml").ok
    path.write_text(text.replace("lab: lab.yaml\n", ""), encoding="utf-8")
    with pytest.raises(PodwireError, match="its header names no lab, and none was given"):
        replay(path)
