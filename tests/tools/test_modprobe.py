"""``modprobe``: the modules that podwire knows, and those that are always there."""

from __future__ import annotations

import pytest

from podwire import GKE, Calico, Cluster
from podwire.errors import NotModelled


def test_br_netfilter_brings_its_switches() -> None:
    node = Cluster(Calico(), nodes=1).node("node1")
    assert node.exec("sysctl -n net.bridge.bridge-nf-call-iptables").exit_code != 0
    done = node.exec("modprobe br-netfilter")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    assert node.exec("sysctl -n net.bridge.bridge-nf-call-iptables").stdout == "1\n"


def test_what_is_always_there_needs_nothing() -> None:
    node = Cluster(Calico(), nodes=1).node("node1")
    assert node.exec("modprobe -a ip_tables nf_conntrack vxlan").exit_code == 0


def test_without_a_name_it_complains() -> None:
    node = Cluster(Calico(), nodes=1).node("node1")
    assert node.exec("modprobe").exit_code == 1


def test_a_name_that_is_taken_keeps_ipip_away() -> None:
    node = Cluster(GKE(dataplane="calico"), nodes=1).node("node1")
    node.exec("ip link add tunl0 type dummy")
    done = node.exec("modprobe ipip")
    assert (done.exit_code, done.stderr) == (1, "modprobe: ERROR: could not insert 'ipip': File exists\n")
    assert node.exec("modprobe -q ipip").stderr == ""


@pytest.mark.parametrize("line", ["modprobe wireguard", "modprobe -r br_netfilter", "modprobe br_netfilter x=1"])
def test_the_rest_is_refused(line: str) -> None:
    node = Cluster(Calico(), nodes=1).node("node1")
    with pytest.raises(NotModelled):
        node.exec(line)
