"""``calicoctl ipam`` and ``calicoctl node`` (sheet 2.4)."""

import pytest

from podwire import Calico, Cluster, IPPool
from podwire.cni.calico.backend import CalicoBackend
from podwire.tools.calicoctl.table import drawn


def test_sheet_2_4_totals_have_five_digits_and_blocks_the_order_of_their_names(calicoctl):
    assert (
        calicoctl("ipam show --show-blocks")
        == """\
+----------+------------------+------------+------------+-------------------+
| GROUPING |       CIDR       | IPS TOTAL  | IPS IN USE |     IPS FREE      |
+----------+------------------+------------+------------+-------------------+
| IP Pool  | 10.96.0.0/12     | 1.0486e+06 | 4 (0%)     | 1.0486e+06 (100%) |
| Block    | 10.108.82.192/26 |         64 | 1 (2%)     | 63 (98%)          |
| Block    | 10.109.131.0/26  |         64 | 1 (2%)     | 63 (98%)          |
| Block    | 10.111.156.64/26 |         64 | 2 (3%)     | 62 (97%)          |
+----------+------------------+------------+------------+-------------------+
"""
    )


def test_sheet_2_4_a_table_without_rows_has_two_lines_below_its_header():
    assert drawn(("a", "b"), []) == "+---+---+\n| A | B |\n+---+---+\n+---+---+\n"


def test_a_cell_of_more_than_thirty_characters_wraps_at_words():
    rows = drawn(("x",), [("one two three four five six seven eight",)]).splitlines()
    assert [row.strip("| ") for row in rows[3:5]] == ["one two three four five six", "seven eight"]


def test_an_address(calicoctl):
    assert calicoctl("ipam show --ip=10.111.156.65") == (
        "IP 10.111.156.65 is in use\nAttributes:\n  namespace: default\n  node: k8s-node1\n  pod: pod-a\n"
    )
    assert calicoctl("ipam show --ip=10.111.156.99") == "10.111.156.99 is not assigned\n"
    assert calicoctl("ipam show --ip=x") == "Error executing command: invalid IP address specified: x\n[1]"


def test_one_question_at_a_time(calicoctl):
    assert calicoctl("ipam show --show-blocks --show-borrowed").startswith("Usage:\n  calicoctl ipam show [--ip=<IP> |")
    assert calicoctl("ipam show --show").startswith("Usage:"), "three options begin so"
    assert calicoctl("ipam").startswith("Usage:\n  calicoctl ipam <command>")


def test_strict_affinity_is_a_setting_of_ipam(lab, calicoctl):
    assert calicoctl("ipam configure --strictaffinity=true") == "Successfully set StrictAffinity to: true\n"
    assert "| StrictAffinity     | true  |" in calicoctl("ipam show --show-configuration")
    assert calicoctl("ipam configure --strictaffinity=perhaps").startswith("Invalid value. Use true or false")
    assert calicoctl("ipam configure").startswith("Usage:")
    assert lab.backend.store.ipam.config.strict_affinity


def test_a_released_address_is_free_though_the_pod_has_it(lab, calicoctl):
    assert calicoctl("ipam release --ip=10.111.156.65") == "Successfully released IP address 10.111.156.65\n"
    assert calicoctl("ipam show --ip=10.111.156.65") == "10.111.156.65 is not assigned\n"
    assert calicoctl("ipam release --ip=10.111.156.65") == "IP address 10.111.156.65 is not assigned\n[1]"
    checked = calicoctl("ipam check").splitlines()
    assert "Found 1 in-use IPs that are in active IP pools but have no corresponding IPAM allocation." in checked
    assert checked[-1] == "Check complete; found 1 problems."
    lab.pod("pod-a").delete()
    assert calicoctl("ipam check").splitlines()[-1] == "Check complete; found 0 problems."


def test_borrowed_addresses_name_both_nodes():
    lab = Cluster(Calico(ip_pools=[IPPool("10.9.0.0/30", block_size=31)]))
    lab.add_network("lan", "192.168.56.0/24")
    for number in (1, 2):
        lab.add_node(f"w{number}", f"192.168.56.{number}/24", network="lan")
    pods = [lab.run(f"p{number}", node="w1") for number in range(2)]
    assert len({str(pod.ip) for pod in pods}) == 2
    lab.run("other", node="w2")
    table = lab.workstation.exec("calicoctl ipam show --show-borrowed").stdout
    assert "| IP | BORROWING-NODE | BLOCK | BLOCK OWNER | TYPE | ALLOCATED-TO |" in table
    lab.run("third", node="w1")
    (row,) = lab.workstation.exec("calicoctl ipam show --show-borrowed").stdout.splitlines()[3:-1]
    assert [cell.strip() for cell in row.strip("|").split("|")][1:] == [
        "w1",
        lab_block(lab),
        "w2",
        "pod",
        "default/third",
    ]


def test_a_borrowed_address_that_is_released_needs_no_route_and_waits_at_the_end_of_the_queue():
    lab = Cluster(Calico(ip_pools=[IPPool("10.9.0.0/30", block_size=31)]))
    lab.add_network("lan", "192.168.56.0/24")
    for number in (1, 2):
        lab.add_node(f"w{number}", f"192.168.56.{number}/24", network="lan")
    for name, node in (("p0", "w1"), ("p1", "w1"), ("other", "w2")):
        lab.run(name, node=node)
    lent = lab.run("third", node="w1")
    assert isinstance(lab.backend, CalicoBackend)
    ipam = lab.backend.store.ipam
    assert lent.ip in ipam.borrowed()
    lab.workstation.exec(f"calicoctl ipam release --ip={lent.ip}")
    assert lent.ip not in ipam.borrowed()
    assert [ipam.blocks_of("w2")[0].address(each) for each in ipam.blocks_of("w2")[0].unallocated] == [lent.ip]


def lab_block(lab):
    return str(lab.backend.store.ipam.blocks_of("w2")[0].cidr)


def test_a_node_without_bird_says_so():
    lab = Cluster(Calico(backend="vxlan"))
    lab.add_network("lan", "192.168.56.0/24")
    node = lab.add_node("w1", "192.168.56.101/24", network="lan")
    assert node.exec("calicoctl node status").stdout == (
        "Calico process is running.\n\nThe BGP backend process (BIRD) is not running.\n\n"
    )


def test_sheet_2_4_sessions_of_the_mesh(calicoctl):
    lines = calicoctl("node status", place="k8s-node1").splitlines()
    assert lines[:3] == ["Calico process is running.", "", "IPv4 BGP status"]
    assert lines[4].split("|")[1:-1] == [
        "  PEER ADDRESS  ",
        "     PEER TYPE     ",
        " STATE ",
        "  SINCE   ",
        "    INFO     ",
    ]
    peers = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[6:8]]
    assert [[*peer[:3], peer[4]] for peer in peers] == [
        ["192.168.56.100", "node-to-node mesh", "up", "Established"],
        ["192.168.56.102", "node-to-node mesh", "up", "Established"],
    ]
    assert lines[9:] == ["", "IPv6 BGP status", "No IPv6 peers found.", ""]


def test_where_no_calico_node_runs_there_is_no_process(calicoctl):
    assert calicoctl("node status") == "Calico process is not running.\n[1]"


@pytest.mark.parametrize("command", ["", "--colour"])
def test_words_without_a_command_show_the_usage(calicoctl, command):
    assert calicoctl(command) == (
        "Usage:\n  calicoctl [options] <command> [<args>...]\n"
        f"Invalid option: '{command}'. Use flag '--help' to read about a specific subcommand.\n[1]"
    )


def test_the_screen_of_a_later_client_has_fewer_commands(calicoctl):
    screen = calicoctl("-h")
    assert "    convert      Convert" in screen
    assert "    export       " not in screen
    assert calicoctl("--version") == "Run 'calicoctl version' to see version information.\n"
