"""Tests of normalise.py."""

from tests.oracle import normalise as n

CASES = [
    (
        "64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=0.045 ms",
        "64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=<t> ms",
    ),
    (
        "2 packets transmitted, 2 received, 0% packet loss, time 1003ms",
        "2 packets transmitted, 2 received, 0% packet loss, time <t>ms",
    ),
    (
        "rtt min/avg/max/mdev = 0.1/0.2/0.3/0.05 ms, pipe 3",
        "rtt min/avg/max/mdev = <t> ms, pipe 3",
    ),
    (
        ("06:31:02.123456 IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 77, seq 1, length 64"),
        ("<time> IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id <icmp1>, seq 1, length 64"),
    ),
    (" 00:00:01.015264 ARP, Request", " <time> ARP, Request"),
    ("2026-11-20 06:34:03.234931 IP x", "<date> <time> IP x"),
    ("1795156442.430882 IP x", "<time> IP x"),
    ("[1795156055.910125] 64 bytes", "[<time>] 64 bytes"),
    (
        "IP (tos 0x0, ttl 64, id 62763, offset 0, flags [DF])",
        "IP (tos 0x0, ttl 64, id <ip1>, offset 0, flags [DF])",
    ),
    ("IP (tos 0x0, ttl 64, id 0, offset 0)",) * 2,
    (
        "Unicast reply from 10.0.0.2 [02:00:00:00:00:0B]  0.540ms",
        "Unicast reply from 10.0.0.2 [02:00:00:00:00:0B]  <t>ms",
    ),
    (
        "10.0.0.2 dev v0 ref 1 used 3/63/3probes 4 REACHABLE",
        "10.0.0.2 dev v0 ref 1 used <age>probes 4 REACHABLE",
    ),
    ("cache expires 599sec mtu 1400 ", "cache expires <age>sec mtu 1400 "),
    (
        "valid_lft 100sec preferred_lft 50sec",
        "valid_lft <age>sec preferred_lft <age>sec",
    ),
    ("valid_lft forever preferred_lft forever",) * 2,
    (
        "link/ether ff:ff:ff:ff:ff:ff link-netnsid 7",
        "link/ether ff:ff:ff:ff:ff:ff link-netnsid <netns1>",
    ),
    (
        (
            "IP 10.0.0.1.40784 > 10.0.0.2.81: Flags [S], seq 461855415, win 64240, "
            "options [mss 1460,sackOK,TS val 2460299101 ecr 0,nop,wscale 10]"
        ),
        (
            "IP 10.0.0.1.<port1> > 10.0.0.2.81: Flags [S], seq <tcp1>, win 64240, "
            "options [mss 1460,sackOK,TS val <ts> ecr 0,nop,wscale 10]"
        ),
    ),
    (
        "length 124, options (timestamp TS{TSONLY 34932221@ 34932222@ ^ 0@ 0@}))",
        "length 124, options (timestamp TS{TSONLY <ms>@ <ms>@ ^ 0@ 0@}))",
    ),
    ("mtu 65536 qdisc noqueue 10.0.0.1/24",) * 2,
    ("10.0.0.2 via 10.0.0.254 dev v0",) * 2,
]


def test_lines():
    """Single lines."""
    keep = {"02:00:00:00:00:0b"}
    for text, expected in CASES:
        assert n.normalise(text, keep) == expected + "\n"


def test_names_follow_the_order_of_appearance():
    """The same address keeps its name, another one gets another."""
    text = "aa:bb:cc:00:00:01\nAA:BB:CC:00:00:02 aa:bb:cc:00:00:01"
    assert n.normalise(text) == "<mac1>\n<mac2> <mac1>\n"


def test_addresses_of_the_script_stay():
    """Written, broadcast and zero addresses are kept."""
    text = "02:00:00:00:00:0a ff:ff:ff:ff:ff:ff 00:00:00:00:00:00"
    assert n.normalise(text, n.macs("address 02:00:00:00:00:0A")) == text + "\n"


def test_same_id_same_name():
    """Request and reply keep a common id."""
    text = (
        "IP a > b: ICMP echo request, id 9, seq 1\n"
        "IP b > a: ICMP echo reply, id 9, seq 1\n"
        "IP a > b: ICMP echo request, id 10, seq 1\n"
    )
    assert n.normalise(text).count("<icmp1>") == 2
    assert n.normalise(text).count("<icmp2>") == 1


def test_dump():
    """Ids and checksums of a hex dump are masked, the rest stays."""
    text = (
        "\t0x0000:  4500 002b a013 4000 4001 86bc 0a00 0001\n"
        "\t0x0010:  0a00 0002 0800 ed3a 001a 0001 6161 6161\n"
        "\t0x0020:  6161 61\n"
    )
    assert n.normalise(text) == (
        "\t0x0000:  4500 002b .... 4000 4001 .... 0a00 0001\n"
        "\t0x0010:  0a00 0002 0800 .... .... 0001 6161 6161\n"
        "\t0x0020:  6161 61\n"
    )


def test_dump_of_arp_stays():
    """ARP has nothing random."""
    text = "\t0x0000:  0001 0800 0604 0001 0200 0000 000a 0a00\n"
    assert n.normalise(text) == text


def test_idempotent():
    """Normalising twice changes nothing more."""
    text = "\n".join(case[0] for case in CASES)
    once = n.normalise(text)
    assert n.normalise(once) == once
