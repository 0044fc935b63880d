"""Looking a flow up in a policy map (reference sheet Cilium, section 7.3)."""

from typing import Any

import pytest

from podwire.cni.cilium.maps import EGRESS, INGRESS, PolicyEntry, PolicyKey, policy_name
from podwire.cni.cilium.programs.policy import Verdict, policy_verdict
from podwire.linux.bpf.maps import LpmTrie
from podwire.trace.reasons import DropReason
from podwire.wire.addr import Ip4
from podwire.wire.headers import ICMP_ECHO, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Icmp, IPv4, Tcp, Udp

WEB = 4711
ALLOW, DENY = PolicyEntry(), PolicyEntry(deny=True)
HIGH = PolicyEntry(priority=1)


class Flow:
    """A context that holds a packet and one map."""

    def __init__(self, table: dict[PolicyKey, PolicyEntry], proto: int, dport: int) -> None:
        address = Ip4.parse("10.0.0.1")
        self.ip = IPv4(address, address, proto)
        headers: dict[int, Any] = {
            IPPROTO_TCP: Tcp(40000, dport),
            IPPROTO_UDP: Udp(40000, dport),
            IPPROTO_ICMP: Icmp(dport),
        }
        self.transport = headers.get(proto)
        self._table = table

    def lpm(self, name: str) -> Any:
        assert name == policy_name(7)
        found: LpmTrie[PolicyEntry] = LpmTrie(name)
        for each, entry in self._table.items():
            found.update(each, entry)
        return found


def decide(table, identity=WEB, direction=INGRESS, proto=IPPROTO_TCP, dport=80) -> Verdict:
    context: Any = Flow(table, proto, dport)
    return policy_verdict(context, 7, identity, direction)


def verdict(table, **flow: int) -> DropReason | None:
    return decide(table, **flow).drop


def key(identity: int, plen: int = 0, proto: int = 0, dport: int = 0, direction: int = INGRESS) -> PolicyKey:
    return PolicyKey(identity, direction, plen, proto, dport)


TCP80 = (24, IPPROTO_TCP, 80)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({}, 133),
        ({key(0): ALLOW}, None),
        ({key(WEB): ALLOW}, None),
        ({key(WEB + 1): ALLOW}, 133),
        ({key(WEB, *TCP80): ALLOW}, None),
        ({key(WEB, 24, IPPROTO_TCP, 81): ALLOW}, 133),
        ({key(WEB, 24, IPPROTO_UDP, 80): ALLOW}, 133),
        ({key(WEB, 8, IPPROTO_TCP): ALLOW}, None),
        ({key(WEB, 8, IPPROTO_UDP): ALLOW}, 133),
        # 80 to 95 is one entry: the first twelve bits of the port.
        ({key(WEB, 20, IPPROTO_TCP, 80): ALLOW}, None),
        ({key(WEB, 20, IPPROTO_TCP, 96): ALLOW}, 133),
        # 1: a deny for the identity wins at once.
        ({key(WEB): DENY, key(0, *TCP80): ALLOW}, 181),
        # 2: any identity is preferred where it denies, has the higher priority, or the longer prefix.
        ({key(WEB, *TCP80): ALLOW, key(0): DENY}, 181),
        ({key(0, *TCP80): ALLOW, key(WEB): ALLOW}, None),
        ({key(0): DENY}, 181),
        # Among the entries of one identity the longest prefix decides.
        ({key(WEB): DENY, key(WEB, *TCP80): ALLOW}, None),
        ({key(WEB): ALLOW, key(WEB, *TCP80): DENY}, 181),
        ({key(0): DENY, key(0, *TCP80): ALLOW}, None),
        ({key(WEB, direction=EGRESS): ALLOW}, 133),
    ],
)
def test_7_3_the_verdict_of_a_map(table, reason):
    found = verdict(table)
    assert (found.code if found is not None else None) == reason


@pytest.mark.parametrize(
    ("table", "match"),
    [
        ({}, "none"),
        ({key(WEB, *TCP80): ALLOW}, "L3-L4"),
        ({key(WEB, 12, IPPROTO_TCP, 0): ALLOW}, "L3-L4"),
        ({key(WEB, 8, IPPROTO_TCP): ALLOW}, "L3-Proto"),
        ({key(WEB): ALLOW}, "L3-Only"),
        ({key(0, *TCP80): ALLOW}, "L4-Only"),
        ({key(0, 8, IPPROTO_TCP): ALLOW}, "Proto-Only"),
        ({key(0): ALLOW}, "all"),
        ({key(0, *TCP80): ALLOW, key(WEB): ALLOW}, "L4-Only"),
        ({key(0): ALLOW, key(WEB): ALLOW}, "L3-Only"),
        ({key(0): HIGH, key(WEB, *TCP80): ALLOW}, "all"),
        ({key(0, *TCP80): ALLOW, key(WEB): HIGH}, "L3-Only"),
        ({key(0): DENY, key(WEB, *TCP80): HIGH}, "all"),
        ({key(0): HIGH, key(WEB): DENY}, "L3-Only"),
    ],
)
def test_7_3_which_entry_decides(table, match):
    assert decide(table).match == match


def test_7_3_egress_asks_for_its_own_direction():
    assert verdict({key(WEB, direction=EGRESS): ALLOW}, direction=EGRESS) is None


def test_7_3_for_icmp_the_type_stands_for_the_port():
    table = {key(WEB, 24, IPPROTO_ICMP, ICMP_ECHO): ALLOW}
    assert verdict(table, proto=IPPROTO_ICMP, dport=ICMP_ECHO) is None
    assert verdict(table, proto=IPPROTO_ICMP, dport=0) is DropReason.POLICY_DENIED


def test_7_3_other_protocols_have_no_port():
    assert verdict({key(WEB, 8, 47): ALLOW}, proto=47) is None
