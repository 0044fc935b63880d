"""``kubectl get --watch`` in virtual time."""

import json

import pytest

from podwire import GKE, Cluster
from podwire.cluster import running


@pytest.fixture
def lab():
    found = Cluster(GKE(), nodes=2)
    found.run("pod1", node="node1")
    found.sleep(173)
    return found


def begin(lab, line):
    return running.start(lab.network, lab.workstation.place, ["kubectl", *line.split()], cluster=lab.operations)


def test_rows_come_as_objects_change_and_columns_only_widen(lab):
    """Ledger rows of ``k get po -owide -w``."""
    process = begin(lab, "get po -owide -w")
    first = (
        "NAME   READY   STATUS    RESTARTS   AGE     IP          NODE    NOMINATED NODE   READINESS GATES\n"
        "pod1   1/1     Running   0          2m53s   10.32.0.2   node1   <none>           <none>\n"
    )
    assert process.stdout == first
    lab.sleep(10)
    lab.run("another-pod", node="node2")
    lab.sleep(5)
    rows = process.stdout.removeprefix(first).splitlines()
    assert rows[-1] == "another-pod   1/1     Running   0          0s      10.32.1.2   node2   <none>           <none>"
    lab.pod("pod1").labels = {"a": "b"}
    lab.sleep(1)
    assert process.stdout.splitlines()[-1] == (
        "pod1          1/1     Running   0          3m8s    10.32.0.2   node1   <none>           <none>"
    )
    assert not process.done


def test_an_interrupt_ends_it_and_nobody_is_told_any_more(lab):
    process = begin(lab, "get po -w")
    lab.sleep(1)
    process.interrupt()
    assert (process.status, process.stderr) == (1, "")
    before = process.stdout
    lab.run("later")
    lab.sleep(1)
    assert process.stdout == before
    assert not lab.operations.store.listeners


def test_a_kill_leaves_no_listener_either(lab):
    begin(lab, "get po -w").close()
    assert not lab.operations.store.listeners


def test_watch_only_prints_changes_with_their_header(lab):
    process = begin(lab, "get po --watch-only")
    assert process.stdout == ""
    lab.run("a")
    lab.sleep(1)
    assert process.stdout.splitlines()[0] == "NAME   READY   STATUS    RESTARTS   AGE"
    assert process.stdout.splitlines()[-1] == "a      1/1     Running   0          0s"


def test_nothing_at_first_is_no_message(lab):
    process = begin(lab, "get netpol -w")
    lab.sleep(1)
    assert (process.stdout, process.stderr) == ("", "")


def test_an_object_that_a_selector_no_longer_chooses_is_deleted_for_the_watch(lab):
    process = begin(lab, "get po -w -l app=x --output-watch-events")
    lab.run("a", labels={"app": "x"})
    lab.sleep(1)
    lab.pod("a").labels = {"app": "y"}
    lab.sleep(1)
    lab.pod("a").labels = {"app": "z"}
    lab.sleep(1)
    lines = [line.split()[0] for line in process.stdout.splitlines()]
    assert (lines[0], lines[1], lines[-1], lines.count("DELETED")) == ("EVENT", "ADDED", "DELETED", 1)


def test_events_as_documents_stand_on_a_line(lab):
    process = begin(lab, "get po pod1 -w --output-watch-events -o json")
    lab.run("other")
    lab.sleep(1)
    first = json.loads(process.stdout)
    assert (list(first), first["type"], first["object"]["metadata"]["name"]) == (["type", "object"], "ADDED", "pod1")


def test_names_and_documents(lab):
    names, documents = begin(lab, "get pod/pod1 -w -o name"), begin(lab, "get po -w -o yaml")
    lab.pod("pod1").labels = {"a": "b"}
    lab.sleep(1)
    assert names.stdout == "pod/pod1\npod/pod1\n"
    assert documents.stdout.count("\n---\napiVersion: v1\n") == 1


def test_two_objects_cannot_be_watched(lab):
    lab.run("pod2")
    process = begin(lab, "get po pod1 pod2 -w")
    assert len(process.stdout.splitlines()) == 3
    assert process.stderr == "error: you may only watch a single resource or type of resource at a time\n"
    assert process.status == 1


def test_an_order_is_kept_for_what_is_there(lab):
    lab.run("a")
    process = begin(lab, "get po -w --sort-by=.metadata.creationTimestamp --no-headers")
    assert [line.split()[0] for line in process.stdout.splitlines()] == ["pod1", "a"]
    assert process.stderr == "warning: --watch or --watch-only requested, --sort-by will be ignored\n"
