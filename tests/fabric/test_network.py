"""The network as a whole: names, ids and random streams."""

import pytest

from podwire.errors import ConfigError
from podwire.fabric.network import Network
from podwire.fabric.segment import Segment
from podwire.wire.addr import Ip4, Net


def test_streams_are_keyed_by_seed_and_name_and_independent_of_one_another() -> None:
    one, two, other = Network(1), Network(1), Network(2)
    first = [one.random("mac", "a").random() for _ in range(3)]
    two.random("mac", "b").random()
    assert [two.random("mac", "a").random() for _ in range(3)] == first
    assert [other.random("mac", "a").random() for _ in range(3)] != first
    assert one.random("x") is one.random("x")


def test_packet_ids_count_from_one() -> None:
    network = Network()
    assert [network.new_packet_id() for _ in range(3)] == [1, 2, 3]


def test_a_name_is_used_once() -> None:
    network = Network()
    network.add_machine("node1")
    with pytest.raises(ConfigError, match="taken"):
        network.add_machine("node1")
    with pytest.raises(ConfigError, match="taken"):
        Segment(network, "node1", Net.parse("10.0.0.0/24"))
    segment = Segment(network, "lan", Net.parse("10.0.0.0/24"))
    with pytest.raises(ConfigError, match="taken"):
        network.add_machine("lan")
    segment.names[Ip4.parse("10.0.0.1")] = "gateway"
    assert network.reverse_name(Ip4.parse("10.0.0.1")) == "gateway"
    assert network.reverse_name(Ip4.parse("10.0.0.2")) is None


def test_an_unknown_image() -> None:
    with pytest.raises(ConfigError, match="debian-12"):
        Network().add_machine("m", "windows")
