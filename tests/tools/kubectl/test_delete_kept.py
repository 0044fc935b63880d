"""Objects that the backend keeps: kubectl deletes them as any other."""

from podwire import Calico, Cluster, IPPool


def test_a_pool_is_listed_with_its_age_and_deleted_by_name() -> None:
    lab = Cluster(Calico(ip_pools=[IPPool("172.16.0.0/16", ipip_mode="Always")]), nodes=1)
    lab.sleep(7)
    listed = lab.kubectl("get ippools --no-headers").stdout.split()
    assert listed[1] == "7s"
    done = lab.kubectl(["delete", "ippool", listed[0]])
    assert (done.stdout, done.exit_code) == (f'ippool.crd.projectcalico.org "{listed[0]}" deleted\n', 0)
    assert lab.kubectl("get ippools").stderr == "No resources found\n"
    again = lab.kubectl(["delete", "ippool", listed[0]])
    assert again.exit_code == 1
    assert "NotFound" in again.stderr
