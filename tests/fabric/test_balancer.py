"""Which VM gets a connection from a passthrough load balancer."""

from __future__ import annotations

from podwire.fabric.balancer import Balancers, ForwardingRule, serves
from podwire.fabric.cloud import GcpVpc
from podwire.fabric.network import Network
from podwire.wire.addr import Ip4, Net
from podwire.wire.headers import Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet

LB = Ip4.parse("34.64.0.9")
SECOND = 1_000_000_000


class Bench:
    """Three VMs; ``well`` are those that the health check likes."""

    def __init__(self, *, by_client: bool = False) -> None:
        self.network = Network(0)
        vpc = GcpVpc(self.network, "vpc", Net.parse("10.0.0.0/24"))
        self.nics = tuple(vpc.add_nic(f"vm{i}", Ip4.parse(f"10.0.0.{i + 1}")) for i in (1, 2, 3))
        self.well: tuple[str, ...] = ("vm1", "vm2", "vm3")
        self.rule = ForwardingRule(
            "lb", LB, frozenset({(6, 80)}), lambda: ("vm1", "vm2", "vm3"), lambda: self.well, by_client
        )
        self.balancers = Balancers(self.network)

    def pick(self, sport: int) -> str:
        """The VM that gets a SYN from that port."""
        nic = self.balancers.pick(self.rule, syn(sport), self.nics)
        assert nic is not None
        return nic.vm


def syn(sport: int, dport: int = 80) -> Packet:
    return Packet((IPv4(Ip4.parse("8.8.8.8"), LB, 6), Tcp(sport, dport)))


def test_connections_spread_and_each_keeps_its_vm() -> None:
    bench = Bench()
    first = {port: bench.pick(port) for port in range(1000, 1100)}
    assert set(first.values()) == {"vm1", "vm2", "vm3"}
    assert {port: bench.pick(port) for port in first} == first
    assert {port: Bench().pick(port) for port in first} == first, "another balancer decides alike"


def test_a_connection_stays_when_a_vm_becomes_well_and_goes_when_its_own_becomes_ill() -> None:
    bench = Bench()
    bench.well = ("vm1", "vm2")
    first = {port: bench.pick(port) for port in range(1000, 1100)}
    bench.well = ("vm1", "vm2", "vm3")
    assert {port: bench.pick(port) for port in first} == first
    assert "vm3" in {bench.pick(port) for port in range(2000, 2100)}
    bench.well = ("vm2", "vm3")
    moved = {port: bench.pick(port) for port in first}
    assert all(moved[port] == vm for port, vm in first.items() if vm == "vm2")
    assert "vm1" not in moved.values()


def test_a_silent_connection_is_forgotten_after_ten_minutes() -> None:
    bench = Bench()
    bench.well = ("vm1",)
    ports = range(1000, 1100)
    assert {bench.pick(port) for port in ports} == {"vm1"}
    bench.well = ("vm1", "vm2", "vm3")
    bench.network.sleep(599 * SECOND)
    assert {bench.pick(port) for port in ports} == {"vm1"}
    bench.network.sleep(601 * SECOND)
    assert {bench.pick(port) for port in ports} == {"vm1", "vm2", "vm3"}


def test_where_no_vm_is_well_all_of_them_get_packets() -> None:
    bench = Bench()
    bench.well = ()
    assert {bench.pick(port) for port in range(1000, 1100)} == {"vm1", "vm2", "vm3"}


def test_by_client_ports_do_not_count() -> None:
    bench = Bench(by_client=True)
    assert len({bench.pick(port) for port in range(1000, 1100)}) == 1


def test_what_a_forwarding_rule_is_about() -> None:
    rule = Bench().rule
    assert serves(rule, syn(1, 80))
    assert not serves(rule, syn(1, 81))
    assert not serves(rule, Packet((IPv4(Ip4.parse("8.8.8.8"), LB, 17), Udp(1, 80))))
    assert not serves(rule, Packet((IPv4(Ip4.parse("8.8.8.8"), LB, 1), Icmp(8))))
