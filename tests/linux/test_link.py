"""What ``ip -s link`` counts of a packet."""

from tests.linux.lab import pair


def test_loopback_counts_packets_and_a_veth_frames() -> None:
    lab = pair()
    lab.ping("a", "10.0.0.1")
    lab.ping("a", "10.0.0.2")
    lab.run(1)
    lo, veth = lab.link("a:lo").stats, lab.link("a:v0").stats
    # Packets of 84 bytes, two by lo; by the veth one each way, with its header, and ARP for it (42 bytes).
    assert (lo.tx_packets, lo.tx_bytes, lo.rx_packets, lo.rx_bytes) == (2, 168, 2, 168)
    assert (veth.tx_packets, veth.tx_bytes, veth.rx_packets, veth.rx_bytes) == (2, 98 + 42, 2, 98 + 42)
