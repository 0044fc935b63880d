"""traceroute over two routers: its lines, options and ends.

The tool is not on the machine that judges: texts and timing are those of its source (traceroute 2.1.2).
"""

import re

import pytest

from podwire.errors import NotModelled
from tests.tools.realscripts import Lab

TIME = re.compile(r"\d+\.\d{3} ms")


@pytest.fixture
def chain():
    """Machine a, routers r and s, machine b: 10.0.0.1, .254 | 10.0.1.1, .2 | 10.0.2.254, .2."""
    lab = Lab()
    for name in ("a", "r", "s", "b"):
        lab.namespace(name)
    lab.pair("a", "e0", "02:00:00:00:00:0a", "r", "e0", "02:00:00:00:01:00")
    lab.pair("r", "e1", "02:00:00:00:01:01", "s", "e0", "02:00:00:00:02:00")
    lab.pair("s", "e1", "02:00:00:00:02:01", "b", "e0", "02:00:00:00:00:0b")
    for name, device, address in (
        ("a", "e0", "10.0.0.1"),
        ("r", "e0", "10.0.0.254"),
        ("r", "e1", "10.0.1.1"),
        ("s", "e0", "10.0.1.2"),
        ("s", "e1", "10.0.2.254"),
        ("b", "e0", "10.0.2.2"),
    ):
        lab.setup(f"ip -n {name} addr add {address}/24 dev {device}")
    lab.setup("ip -n a route add default via 10.0.0.254")
    lab.setup("ip -n b route add default via 10.0.2.254")
    lab.setup("ip -n r route add 10.0.2.0/24 via 10.0.1.2")
    lab.setup("ip -n s route add 10.0.0.0/24 via 10.0.1.1")
    for name in ("r", "s"):
        lab.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"], lab.place(name))
    lab.machine.icmp_ratelimits = False
    return lab


def lines(lab, line):
    """Standard output with ``T ms`` for times; and the process."""
    process = lab.run(line.split(), lab.place("a"))
    return TIME.sub("T ms", process.stdout).splitlines(), process


HEAD = "traceroute to 10.0.2.2 (10.0.2.2), {} hops max, {} byte packets"
HOPS = [" 1  10.0.0.254  T ms  T ms  T ms", " 2  10.0.1.2  T ms  T ms  T ms", " 3  10.0.2.2  T ms  T ms  T ms"]


@pytest.mark.parametrize("options", ["-n", "-nI", "-n -U", "-n -M icmp", "-n -N 1", "-n -p 40000"])
def test_every_method_finds_the_routers_and_the_target(chain, options):
    if "-U" in options:
        # Port 53 of the target answers nothing but "port unreachable", as every other.
        chain.setup("ip -n b addr add 10.0.2.3/24 dev e0")
    out, process = lines(chain, f"traceroute {options} 10.0.2.2")
    assert out == [HEAD.format(30, 60), *HOPS]
    assert (process.stderr, process.status) == ("", 0)


def test_addresses_without_names_stand_for_themselves(chain):
    out, _ = lines(chain, "traceroute -q 1 10.0.2.2")
    assert out[1:] == [
        " 1  10.0.0.254 (10.0.0.254)  T ms",
        " 2  10.0.1.2 (10.0.1.2)  T ms",
        " 3  10.0.2.2 (10.0.2.2)  T ms",
    ]


def test_which_hops_and_how_long_the_packets_are(chain):
    assert lines(chain, "traceroute -n -m 2 10.0.2.2")[0] == [HEAD.format(2, 60), *HOPS[:2]]
    assert lines(chain, "traceroute -n -f 2 10.0.2.2 100")[0] == [HEAD.format(30, 100), *HOPS[1:]]


def test_the_first_packets_ttl_and_ports(chain):
    dump = chain.start("tcpdump -nvi e0 udp".split(), chain.place("a"))
    lines(chain, "traceroute -n -q 1 -m 2 10.0.2.2")
    dump.interrupt()
    sent = re.findall(
        r"ttl (\d+),.*length (\d+)\)\n\s+10\.0\.0\.1\.\d+ > 10\.0\.2\.2\.(\d+): .*UDP, length (\d+)", dump.stdout
    )
    assert sent == [("1", "60", "33434", "32"), ("2", "60", "33435", "32")]


def test_who_refuses_is_marked(chain):
    out, _ = lines(chain, "traceroute -n 10.0.9.1")
    assert out[1:] == [" 1  10.0.0.254  T ms !N  T ms !N  T ms !N"]
    chain.setup("ip -n r route add prohibit 10.0.8.0/24")
    assert lines(chain, "traceroute -n -q 1 10.0.8.1")[0][1:] == [" 1  10.0.0.254  T ms !X"]
    out, _ = lines(chain, "traceroute -n 10.0.2.77")
    assert out[3] == " 3  10.0.1.2  T ms !H  T ms !H  T ms !H"


def test_stars_for_who_keeps_silent_and_no_longer_than_w(chain):
    chain.setup("ip -n s rule add iif lo to 10.0.0.0/24 blackhole")
    begin = chain.network.now
    out, _ = lines(chain, "traceroute -n -m 5 10.0.2.2")
    assert out[1:] == [HOPS[0], " 2  * * *", HOPS[2]]
    # Ten times what a later hop took, and ten times 1 ms: get_timeout, DEF_NEAR_FACTOR and DEF_WAIT_PREC.
    assert 10_000_000 < chain.network.now - begin < 11_000_000
    begin = chain.network.now
    lines(chain, "traceroute -n -m 2 -q 1 -f 2 -w 2 10.0.2.2")
    assert (chain.network.now - begin) // 1_000_000_000 == 2


def test_a_route_that_is_not_there_ends_it(chain):
    chain.setup("ip -n a route del default")
    out, process = lines(chain, "traceroute -n 10.0.2.2")
    assert out == [HEAD.format(30, 60)]
    assert (process.stderr, process.status) == ("\nconnect: Network is unreachable\n", 1)


@pytest.mark.parametrize(
    ("words", "err"),
    [
        ("-Y a", "Bad option `-Y' (argc 1)\n"),
        ("-m", "Option `-m' (argc 1) requires an argument: `-m max_ttl'\n"),
        ("-m x a", "Cannot handle `-m' option with arg `x' (argc 2)\n"),
        ("--max-hops=x a", "Cannot handle `--max-hops' option with arg `x' (argc 1)\n"),
        ("-n", 'Specify "host" missing argument.\n'),
        ("10.0.0.1 60 x", "Extra arg `x' (position 3, argc 3)\n"),
        ("10.0.0.1 x", 'Cannot handle "packetlen" cmdline arg `x\' on position 2 (argc 2)\n'),
        ("-f 3 -m 2 10.0.0.1", "first hop out of range\n"),
        ("-m 256 10.0.0.1", "max hops cannot be more than 255\n"),
        ("-q 11 10.0.0.1", "no more than 10 probes per hop\n"),
        ("-M nix 10.0.0.1", "Unknown traceroute module nix\n"),
        (
            "nohost",
            'nohost: Temporary failure in name resolution\nCannot handle "host" cmdline arg `nohost\' on position 1 (argc 1)\n',
        ),
    ],
)
def test_wrong_use(chain, words, err):
    _, process = lines(chain, f"traceroute {words}")
    assert (process.stdout, process.stderr, process.status) == ("", err, 2)


@pytest.mark.parametrize("words", ["-T a", "-e a", "--mtu a", "-6 a", "-M tcp a", ""])
def test_what_is_not_modelled_says_so(chain, words):
    with pytest.raises(NotModelled):
        lines(chain, f"traceroute {words}")
