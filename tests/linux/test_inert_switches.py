import pytest

from podwire import GKE, Cluster, NotModelled


@pytest.mark.parametrize(
    "key",
    [
        "net.ipv4.conf.all.secure_redirects",
        "net.ipv4.conf.lo.igmpv2_unsolicited_report_interval",
        "net.ipv4.ipfrag_high_thresh",
    ],
)
def test_a_switch_that_decides_nothing_here_is_refused_by_name(key):
    node = Cluster(GKE(dataplane="calico"), nodes=1).node("node1")
    before = node.exec(f"sysctl -n {key}").stdout.strip()

    node.sysctl(key, before)  # what it is already
    with pytest.raises(NotModelled, match=key):
        node.sysctl(key, int(before) + 7)

    assert node.exec(f"sysctl -n {key}").stdout.strip() == before
