"""A client with the image macos: the marks of its TCP (kube-proxy and GKE sheet, 4.4), and what it does not pretend to have."""

from __future__ import annotations

import re

import pytest

from podwire import GKE, Cluster, NotModelled
from podwire.linux.tcp.darwin import syn_options
from podwire.wire.tcp_options import read


def lab() -> Cluster:
    cluster = Cluster(GKE())
    cluster.add_host("mac", "121.167.232.64", image="macos")
    cluster.add_host("linux", "121.167.232.65")
    return cluster


def windows(cluster: Cluster, client: str, server: str) -> list[str]:
    with cluster.capture(f"{client}:eth0", filter=f"src host {cluster.host(client).ip} and tcp") as capture:
        cluster.host(client).connect(str(cluster.host(server).ip), 80)
    return re.findall(r"win \d+(?:, options \[mss[^]]*\])?", capture.text())


def test_the_options_of_a_syn_are_24_bytes_in_the_order_of_a_mac() -> None:
    data = syn_options(1460, (7, 9))
    assert data.hex() == "020405b4" + "01030306" + "0101080a" + "00000007" + "00000009" + "04020000"
    options = read(data)
    assert (options.mss, options.window_scale, options.timestamp, options.sack_permitted) == (1460, 6, (7, 9), True)


def test_only_a_macs_own_connections_bear_its_marks() -> None:
    cluster = lab()
    (syn, *_) = windows(cluster, "mac", "linux")
    assert re.fullmatch(r"win 65535, options \[mss 1460,nop,wscale 6,nop,nop,TS val \d+ ecr 0,sackOK,eol\]", syn)
    (syn, *_) = windows(cluster, "linux", "mac")
    assert re.match(r"win 64240, options \[mss 1460,sackOK,TS val \d+ ecr 0,nop,wscale \d+\]", syn)


@pytest.mark.parametrize("command", ["ping -c 1 1.1.1.1", "ip addr", "tcpdump -c 1", "curl --version"])
def test_programs_that_print_other_texts_on_a_mac_are_not_modelled(command: str) -> None:
    with pytest.raises(NotModelled):
        lab().host("mac").exec(command)
