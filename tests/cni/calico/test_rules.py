"""Felix's rules: hashes seen in dumps of real clusters, and the rules that Felix's own tests expect (reference sheet Calico, 3, 4, 6.4)."""

import pytest

from podwire.cni.calico.rules import names, static, workloads
from podwire.cni.calico.rules.model import Chains, Marks, Policy, PolicyRule, Profile, RuleConfig, RuleText, Workload
from podwire.cni.calico.rules.policies import policy_chains, profile_chains, render_rule
from podwire.cni.calico.rules.tables import desired
from podwire.wire.addr import Net

NONE = RuleConfig()
IPIP = RuleConfig(ipip=True)
VXLAN = RuleConfig(vxlan=True)
ALLOW = (PolicyRule(action="allow"),)


def hashes(chain: str, rules: list[RuleText]) -> list[str]:
    return names.rule_hashes(chain, [rule.text for rule in rules])


def texts(rules: list[RuleText]) -> list[str]:
    return [rule.text for rule in rules]


def nets(*found: str) -> tuple[Net, ...]:
    return tuple(map(Net.parse, found))


@pytest.mark.parametrize(
    ("chain", "rules", "wanted"),
    [
        (
            "FORWARD",
            ["--jump DROP", "--jump ACCEPT", "--jump DROP", "--jump ACCEPT"],
            "hecdSCslEjdBPBPo plvr29-ZiKUwbzDV BMJ7gfua-eMLZ8Gu rmnR1gc8haxMy_0W",
        ),
        ("FORWARD", ["--jump cali-FORWARD"], "wUHhoiAYhphO9Mso"),
        ("cali-foobar", ["--jump ACCEPT", "--jump DROP"], "42h7Q64_2XDzpwKe 0sUFHicPNNqNyNx8"),
        (
            "cali-foobar",
            [f"{names.comment('cali 1')} --jump ACCEPT", f"{names.comment('cali 2')} --jump DROP"],
            "cxE-1zsuD12R9YEG 1cpbPOGLTROlH4Sj",
        ),
        (
            "FORWARD*appends*",
            [
                f"{names.comment('append drop rule')} --jump DROP",
                f"{names.comment('append accept rule')} --jump ACCEPT",
            ],
            "qNsBylRkftPwO3XF IQ9H0Scq00rF0w4S",
        ),
    ],
)
def test_the_hash_of_a_rule_depends_on_its_chain_and_on_the_rules_before_it(
    chain: str, rules: list[str], wanted: str
) -> None:
    assert names.rule_hashes(chain, rules) == wanted.split()


@pytest.mark.parametrize(
    ("prefix", "name", "wanted"),
    [
        ("cali-pi-", "alpha/knp.default.alpha-deny", "cali-pi-_kxgQy6VBWOo3Mj1GNsy"),
        ("cali-pri-", "ksa.kube-system.metrics-server", "cali-pri-_CVSZITRyIpEmH8AB6H"),
        ("cali-pri-", "kns.kube-system", "cali-pri-kns.kube-system"),
        ("cali-tw-", "12345678901234567890", "cali-tw-12345678901234567890"),
    ],
)
def test_long_names_of_chains_are_hashed(prefix: str, name: str, wanted: str) -> None:
    assert names.chain_name(prefix, name) == wanted
    assert len(wanted) <= names.MAX_CHAIN


def test_a_name_of_full_length_that_looks_like_a_hash_is_hashed() -> None:
    assert names.chain_name("cali-tw-", "_2345678901234567890") != "cali-tw-_2345678901234567890"


@pytest.mark.parametrize(
    ("kind", "content", "name"),
    [
        (
            "s",
            '(projectcalico.org/namespace == "alpha" && (projectcalico.org/orchestrator == "k8s" && run == "access"))',
            "cali40s:XZEFRy4u2E2Kz28IwtNm0u8",
        ),
        ("s", '(pcns.ns == "a" && projectcalico.org/orchestrator == "k8s")', "cali40s:USRWmGlMuNymjhMsAmbxKOD"),
        (
            "s",
            '(pcns.ns == "b" && (projectcalico.org/orchestrator == "k8s" && run == "access"))',
            "cali40s:11jW-7YBzuTbDQfMRpGESlM",
        ),
    ],
)
def test_names_of_sets(kind: str, content: str, name: str) -> None:
    assert names.set_name(names.set_id(kind, content)) == name


@pytest.mark.parametrize(
    ("table", "chain", "config", "wanted"),
    [
        (
            static.filters,
            "cali-FORWARD",
            NONE,
            "vjrMJCRpqwy5oRoX A_sPAO0mcxbT9mOV 8ZoYfO5HKXWbB3pk jdEuaPBe14V2hutn 12bc6HljsMKsmfr- NOSxoaGx8OIstr1z",
        ),
        (
            static.filters,
            "cali-INPUT",
            NONE,
            "FewJpBykm9iJ-YNH hder3ARWznqqv8Va xgOu2uJft6H9oDGF _-d-qojMfHM6NwBo LqmE76MP94lZTGhA",
        ),
        (
            static.filters,
            "cali-INPUT",
            IPIP,
            "PajejrV4aFdkZojI _wjq-Yrma8Ly1Svo 8TZGxLWh_Eiz66wc 6McIeIDvPdL6PE1T YGPbrUms7NId8xVa 2gmY7Bg2i0i84Wk_ q-Vz2ZT9iGE331LL",
        ),
        (
            static.filters,
            "cali-INPUT",
            VXLAN,
            "J76FwxInZIsk7uKY EDCNTTxYfggApx8C H03xYXARh4e8pwd4 MN6K3isIWBigb1Va OSYphBLwOgic22Hz rmi2_piRVmfeiwVp F7Q8zu44qIbOVben",
        ),
        (
            static.filters,
            "cali-OUTPUT",
            NONE,
            "Mq1_rAdXXH3YkrzW 69FkRTJDvD5Vu6Vl Fskumj4SGQtDV6GC 1F4VWEsQu0QbRwKf m8Eqm15x1MjD24LD",
        ),
        (
            static.filters,
            "cali-OUTPUT",
            IPIP,
            "Mq1_rAdXXH3YkrzW 69FkRTJDvD5Vu6Vl AnEsmO6bDZbQntWW 9e9Uf3GU5tX--Lxy 0f3LDz_VKuHFaA2K OgU2f8BVEAZ_fwkq",
        ),
        (
            static.filters,
            "cali-OUTPUT",
            VXLAN,
            "Mq1_rAdXXH3YkrzW 69FkRTJDvD5Vu6Vl -QZG79DohFjalQBb iC1pSPgbvgQzkUk_ 4Zh7KtRvt4W5AEBR Y0k-bqjt-5CUqyUq",
        ),
        (static.filters, "cali-wl-to-host", NONE, "Ee9Sbo10IpVujdIY nSZbcOoG1xPONxb8"),
        (
            static.raw,
            "cali-PREROUTING",
            NONE,
            "XFX5xbM8B9qR10JG EWMPb0zVROM-woQp PWuxTAIaFCtsg5Qa fSSbGND7dgyemWU7 ImU0-4Rl2WoOI9Ou lV4V2MPoMBf0hl9T",
        ),
        (static.raw, "cali-OUTPUT", NONE, "njdnLwYeGqBJyMxW rz86uTUcEZAfFsh7 pN0F5zD0b8yf9W1Z"),
        (
            static.mangle,
            "cali-PREROUTING",
            NONE,
            "6BJqBjBC7crtA-7- KX7AGNd6rMcDUai6 wNH7KsA3ILKJBsY9 Cg96MgVuoPm7UMRo",
        ),
        (
            static.mangle,
            "cali-PREROUTING",
            RuleConfig(mangle_allow="RETURN"),
            "Wr3YEtmil9N6TPC4 KrbSWCu2Ux7fTOrL eBwxbN0iDWiWjR5e TIsuIlT5Zof96VNA",
        ),
        (
            static.mangle,
            "cali-POSTROUTING",
            NONE,
            "NX-7roTexQ3fGRfU nnqPh8lh2VOogSzX nquN8Jw8Tz72pcBW jWrgvDQ0xEZHmta3",
        ),
        (static.nat, "cali-PREROUTING", NONE, "r6XmIziWUJsdOK6Z"),
        (static.nat, "cali-OUTPUT", NONE, "GBTAv2p5CwevEyJm"),
        (
            static.nat,
            "cali-POSTROUTING",
            RuleConfig(ipip=True, ipip_address=True),
            "Z-c7XtVd2Bq7s_hA nYKhEzDlr11Jccal SXWvdsbh4Mw7wOln",
        ),
        (
            static.nat,
            "cali-POSTROUTING",
            RuleConfig(vxlan=True, vxlan_address=True),
            "Z-c7XtVd2Bq7s_hA nYKhEzDlr11Jccal e9dnSgSVNmIcpVhP",
        ),
        (static.nat, "cali-nat-outgoing", RuleConfig(nat_outgoing=True), "flqWnvo8yq4ULQLa"),
    ],
)
def test_the_chains_that_are_always_there(table: object, chain: str, config: RuleConfig, wanted: str) -> None:
    chains: Chains = table(config)  # type: ignore[operator]
    assert hashes(chain, chains[chain]) == wanted.split()


def test_hooks_and_appended_rules() -> None:
    seen = {
        hook: names.rule_hashes(hook, [f"--jump {chain}"])[0] for rows in static.HOOKS.values() for hook, chain in rows
    }
    assert seen == {
        "PREROUTING": "6gwbT8clXdHdC1b1",
        "OUTPUT": "tVnHkvAo15HuiPy0",
        "POSTROUTING": "O3lYWMrLQYEMJtB5",
        "INPUT": "Cz_u1IQiXIMmKD4c",
        "FORWARD": "wUHhoiAYhphO9Mso",
    }
    assert hashes(f"FORWARD{names.APPENDS}", static.forward_appends(NONE)) == ["S93hcgKJrXEqnTfs", "mp77cMpurHhyjLrM"]


def test_ports_and_addresses_of_nat_outgoing() -> None:
    config = RuleConfig(
        nat_outgoing=True, nat_outgoing_address="192.0.2.1", nat_port_range=(99, 100), nat_outgoing_interface="eth1"
    )
    found = texts(static.nat(config)["cali-nat-outgoing"])
    assert len(found) == 5
    sets = "-m set --match-set cali40masq-ipam-pools src -m set ! --match-set cali40all-ipam-pools dst --out-interface eth1"
    assert found[0] == f"{sets} -p tcp --jump SNAT --to-source 192.0.2.1:99-100 --random-fully"
    assert found[1] == f"{sets} -p tcp --jump RETURN"
    assert found[4] == f"{sets} --jump SNAT --to-source 192.0.2.1 --random-fully"


AKS = [
    "cali112d888c0c2",
    "cali26cecacb712",
    "cali55f439ddb0e",
    "cali9d7310e16e7",
    "calic5a1f1aa0ed",
    "calif6abb148530",
]


def test_dispatch_of_a_real_node() -> None:
    chains = workloads.dispatch([Workload(name) for name in AKS], NONE)
    assert (
        hashes("cali-from-wl-dispatch", chains["cali-from-wl-dispatch"])
        == (
            "887K6j2m0yTxV8XZ -1f18nv9_J5o_MPL X28EvX2q55aZM8gM CxKCBaJmNdZnWGOY ZPC1pWieGIBIr5A7 xDvXvF5yVFq7Y1QJ FUqQW1upEuPXcL7s"
        ).split()
    )
    assert (
        hashes("cali-to-wl-dispatch", chains["cali-to-wl-dispatch"])
        == (
            "2HgECeqPiWlvDcYF qItgN3WleQpIBiyv _Ru9douyhVpAz36r D9Su0ifqHghdWNA- yXvE2mPsXdk4a0va bHXL9zWxzC6IixEY XGNeZ7jL7MJ6PeId"
        ).split()
    )


def test_names_that_begin_alike_share_a_chain() -> None:
    """The five pods of seed 000 (section 3.8)."""
    pods = ["cali2aa1a9aa779", "calibd2348b4f67", "calid8485bdd706", "calic906454c831", "calice0906292e2"]
    chains = workloads.dispatch([Workload(name) for name in pods], NONE)
    assert texts(chains["cali-from-wl-dispatch"]) == [
        "--in-interface cali2aa1a9aa779 --goto cali-fw-cali2aa1a9aa779",
        "--in-interface calibd2348b4f67 --goto cali-fw-calibd2348b4f67",
        "--in-interface calic+ --goto cali-from-wl-dispatch-c",
        "--in-interface calid8485bdd706 --goto cali-fw-calid8485bdd706",
        f"{names.comment('Unknown interface')} --jump DROP",
    ]
    assert [len(chains[f"cali-{way}-wl-dispatch-c"]) for way in ("from", "to")] == [3, 3]


def test_without_pods_every_interface_is_unknown() -> None:
    assert [texts(chain) for chain in workloads.dispatch([], NONE).values()] == [
        ['-m comment --comment "Unknown interface" --jump DROP']
    ] * 2


def test_one_pod_is_dispatched_by_its_whole_name() -> None:
    chains = workloads.dispatch([Workload("cali1")], NONE)
    assert texts(chains["cali-to-wl-dispatch"])[0] == "--out-interface cali1 --goto cali-tw-cali1"


def test_chains_of_a_pod_without_policies() -> None:
    chains = workloads.endpoint(
        Workload("cali112d888c0c2", ("kns.kube-system", "ksa.kube-system.metrics-server")), NONE
    )
    assert (
        hashes("cali-fw-cali112d888c0c2", chains["cali-fw-cali112d888c0c2"])
        == (
            "gxYrST51OJyfBgWw 6xENQhO2T0QW5LgN O7MDTYmYN54jUWVF pJp4jdAzPgU1geph rM5VAS66uaB9uI7_ s_9J1YgpafK_gEIJ djdRyha1SrYGGpRJ"
            " Agp1xuefUF89n6q7 ctlnSZ9l6AD7YocC ThfJzx8K_BY2PCkD"
        ).split()
    )
    assert (
        hashes("cali-tw-cali112d888c0c2", chains["cali-tw-cali112d888c0c2"])
        == (
            "YxaG793HT-1CxTcX 6MWAWkG1GPepwS3w eIp1vw91xx2wo3h9 K1Och8e13hDKqGqa DaY0j0z-ccvgA-ec mvAbsTsA6HsCQ9sG Boyr3WCDIS7eKocL"
            " 8hG8SflKnG26l5GH"
        ).split()
    )


def test_chains_of_a_pod_with_policies() -> None:
    pod = Workload(
        "cali9d7310e16e7",
        ("kns.kube-system", "ksa.kube-system.konnectivity-agent"),
        egress=("aaa-allow-konnectivity-agent", "kube-system/knp.default.konnectivity-agent"),
    )
    chains = workloads.endpoint(pod, NONE)
    assert (
        hashes("cali-fw-cali9d7310e16e7", chains["cali-fw-cali9d7310e16e7"])
        == (
            "Svp_OJ4-NFXj_B8K nyQj9UO25NH8L91w RYrRXYPy-bhkqZ-v 244AYDVC8bA30rX3 adfSwi8QUHxkHNtG 8ADQ8Jzsc-6WWcVp ONY2yOu2M6VeLD-L"
            " mkYWmkL7qJzTAXcD tO374XarJJbFkIdj Vlfk-qZzqVB0aHTn d8bepK0owvYXNWJy F3NrglzuI76G0nM_ YqHk_-9O3SuoCVZ4 LcVVg5nKr902xohB"
            " Zs4cI2CEM04i7uaR _Ab2B_z60B_QKCV-"
        ).split()
    )
    assert len(chains["cali-tw-cali9d7310e16e7"]) == 8


def test_a_pod_that_is_down() -> None:
    chains = workloads.endpoint(Workload("cali1", ("kns.a",), admin_up=False), NONE)
    assert [texts(chain) for chain in chains.values()] == [
        ['-m comment --comment "Endpoint admin disabled" --jump DROP']
    ] * 2


def test_profiles() -> None:
    chains = profile_chains(Profile("kns.kube-system", ALLOW, ALLOW), NONE)
    assert hashes("cali-pri-kns.kube-system", chains["cali-pri-kns.kube-system"]) == [
        "J1TyxtHWd0qaBGK-",
        "QIB6k7eEKdIg73Jp",
    ]
    assert hashes("cali-pro-kns.kube-system", chains["cali-pro-kns.kube-system"]) == [
        "tgOR2S8DVHZW3F1M",
        "HVEEtYPJsiGRXCIt",
    ]
    empty = profile_chains(Profile("ksa.kube-system.metrics-server"), NONE)
    assert hashes("cali-pri-_CVSZITRyIpEmH8AB6H", empty["cali-pri-_CVSZITRyIpEmH8AB6H"]) == ["Jm7TmoNoWplOEka1"]


def test_seed_000_grows_by_eighty_lines() -> None:
    """Section 3.9: ``iptables -L`` prints rules + 3 lines for every chain."""
    config = RuleConfig(mangle_allow="RETURN")

    def lines(pods: dict[str, tuple[str, str]]) -> int:
        endpoints = [
            Workload(name, (f"kns.{space}", f"ksa.{space}.{account}")) for name, (space, account) in pods.items()
        ]
        profiles: dict[str, Profile] = {}
        for each in endpoints:
            space, account = each.profiles
            profiles |= {space: Profile(space, ALLOW, ALLOW), account: Profile(account)}
        return sum(3 + len(rules) for rules in desired(config, endpoints, (), profiles)["filter"].values())

    before = {
        "cali2aa1a9aa779": ("gmp-system", "collector"),
        "calid8485bdd706": ("kube-system", "konnectivity-agent"),
        "calic906454c831": ("kube-system", "kube-dns"),
    }
    own = ("default", "default")
    assert lines(before) == 175
    assert lines({**before, "calice0906292e2": own, "calibd2348b4f67": own}) == 255


# -- rules of policies ------------------------------------------------------------------------------------------------

MARKS = RuleConfig(marks=Marks(0x80, 0x100, 0x200, 0x400))
"""The bits of Felix's own tests."""
CLEAR_BOTH = "--jump MARK --set-mark 0x0/0x600"
PRESET = "--jump MARK --set-mark 0x200/0x600"
ALL_PASSED = "-m mark --mark 0x200/0x200 --jump MARK --set-mark 0x80/0x80"
BACK = "-m mark --mark 0x80/0x80 --jump RETURN"
BLOCK_END = "-m mark --mark 0/0x400 --jump MARK --set-mark 0/0x200"
WIDE = tuple((low, low + 1) for low in range(1, 17, 2))
"""Eight ranges take sixteen slots."""


@pytest.mark.parametrize(
    ("rule", "match"),
    [
        (PolicyRule(action="deny"), ""),
        (PolicyRule(action="deny", protocol="tcp"), "-p tcp"),
        (PolicyRule(action="deny", protocol=8), "-p 8"),
        (PolicyRule(action="deny", src_nets=nets("10.0.0.0/16")), "--source 10.0.0.0/16"),
        (
            PolicyRule(action="deny", src_sets=("ipsetid1", "ipsetid2")),
            "-m set --match-set cali40ipsetid1 src -m set --match-set cali40ipsetid2 src",
        ),
        (
            PolicyRule(action="deny", dst_ports=((10, 12), (20, 30), (8080, 8080))),
            "-m multiport --destination-ports 10:12,20:30,8080",
        ),
        (PolicyRule(action="deny", icmp=(10, None)), "-m icmp --icmp-type 10"),
        (PolicyRule(action="deny", icmp=(10, 12)), "-m icmp --icmp-type 10/12"),
        (PolicyRule(action="deny", not_icmp=(10, 12)), "-m icmp ! --icmp-type 10/12"),
        (PolicyRule(action="deny", not_protocol="tcp"), "! -p tcp"),
        (PolicyRule(action="deny", not_dst_nets=nets("10.0.0.0/16")), "! --destination 10.0.0.0/16"),
        (PolicyRule(action="deny", not_dst_sets=("ipsetid1",)), "-m set ! --match-set cali40ipsetid1 dst"),
        (
            PolicyRule(action="deny", not_src_ports=WIDE),
            "-m multiport ! --source-ports 1:2,3:4,5:6,7:8,9:10,11:12,13:14 -m multiport ! --source-ports 15:16",
        ),
        (
            PolicyRule(action="deny", protocol="tcp", not_dst_ports=((1, 2),), not_dst_named=("ipset-1",)),
            "-p tcp -m multiport ! --destination-ports 1:2 -m set ! --match-set cali40ipset-1 dst,dst",
        ),
        (
            PolicyRule(action="deny", protocol="tcp", dst_services=("svc:1",), dst_sets=("s:1",)),
            "-p tcp -m set --match-set cali40s:1 dst -m set --match-set cali40svc:1 dst,dst",
        ),
    ],
)
def test_what_one_rule_matches(rule: PolicyRule, match: str) -> None:
    assert texts(render_rule(rule, MARKS)) == [f"{match} --jump DROP".strip()]


def test_actions() -> None:
    def rendered(action: str) -> list[str]:
        return texts(render_rule(PolicyRule(action=action, protocol="udp"), NONE))  # type: ignore[arg-type]

    assert rendered("allow") == [
        "-p udp --jump MARK --set-mark 0x10000/0x10000",
        "-m mark --mark 0x10000/0x10000 --jump RETURN",
    ]
    assert rendered("pass") == [
        "-p udp --jump MARK --set-mark 0x20000/0x20000",
        "-m mark --mark 0x20000/0x20000 --jump RETURN",
    ]
    assert rendered("log") == ['-p udp --jump LOG --log-prefix "calico-packet: " --log-level 5']


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        ((2, 0, 0, 0), [CLEAR_BOTH, "+s10", "+s11", ALL_PASSED, BACK]),
        ((0, 2, 0, 0), [PRESET, "-s0", "-s1", ALL_PASSED, BACK]),
        ((0, 0, 2, 0), [CLEAR_BOTH, "+d10", "+d11", ALL_PASSED, BACK]),
        ((0, 0, 0, 2), [PRESET, "-d0", "-d1", ALL_PASSED, BACK]),
        ((1, 1, 0, 0), [PRESET, "-s0", f"--source 10.0.0.0/24 {ALL_PASSED}", BACK]),
        ((2, 1, 0, 0), [CLEAR_BOTH, "+s10", "+s11", f"! --source 11.0.0.0/24 {ALL_PASSED}", BACK]),
        ((0, 0, 1, 1), [PRESET, "-d0", f"--destination 12.0.0.0/24 {ALL_PASSED}", BACK]),
        (
            (1, 1, 1, 1),
            [PRESET, "-s0", "-d0", f"--source 10.0.0.0/24 --destination 12.0.0.0/24 {ALL_PASSED}", BACK],
        ),
        (
            (2, 2, 2, 2),
            [CLEAR_BOTH, "+s10", "+s11", "+d20", "+d21", BLOCK_END, "-s0", "-s1", "-d0", "-d1", ALL_PASSED, BACK],
        ),
    ],
)
def test_nets_that_do_not_fit_into_one_rule(counts: tuple[int, int, int, int], wanted: list[str]) -> None:
    short = {
        f"+{way}{bit}{n}": f"--{word} {net}.0.{n}.0/24 --jump MARK --set-mark {bit * 0x200:#x}/{bit * 0x200:#x}"
        for way, word, net in (("s", "source", 10), ("d", "destination", 12))
        for bit in (1, 2)
        for n in (0, 1)
    } | {
        f"-{way}{n}": f"--{word} {net}.0.{n}.0/24 --jump MARK --set-mark 0/0x200"
        for way, word, net in (("s", "source", 11), ("d", "destination", 13))
        for n in (0, 1)
    }
    lists = [
        nets(f"{first}.0.0.0/24", f"{first}.0.1.0/24")[:count]
        for first, count in zip(range(10, 14), counts, strict=True)
    ]
    rule = PolicyRule(
        action="allow", src_nets=lists[0], not_src_nets=lists[1], dst_nets=lists[2], not_dst_nets=lists[3]
    )
    assert texts(render_rule(rule, MARKS)) == [short.get(each, each) for each in wanted]


def test_named_ports_and_numbers_of_both_sides() -> None:
    rule = PolicyRule(
        action="allow",
        protocol="tcp",
        src_ports=((1, 2),),
        src_named=("ipset-1",),
        dst_ports=((3, 4),),
        dst_named=("ipset-2",),
    )
    assert texts(render_rule(rule, MARKS)) == [
        CLEAR_BOTH,
        "-p tcp -m multiport --source-ports 1:2 --jump MARK --set-mark 0x200/0x200",
        "-m set --match-set cali40ipset-1 src,src --jump MARK --set-mark 0x200/0x200",
        "-p tcp -m multiport --destination-ports 3:4 --jump MARK --set-mark 0x400/0x400",
        "-m set --match-set cali40ipset-2 dst,dst --jump MARK --set-mark 0x400/0x400",
        BLOCK_END,
        f"-p tcp {ALL_PASSED}",
        BACK,
    ]


def test_one_named_port_needs_no_block() -> None:
    rule = PolicyRule(action="allow", protocol="tcp", dst_named=("ipset-1",))
    assert texts(render_rule(rule, MARKS)) == [
        "-p tcp -m set --match-set cali40ipset-1 dst,dst --jump MARK --set-mark 0x80/0x80",
        BACK,
    ]


def test_more_ports_than_fit() -> None:
    assert texts(render_rule(PolicyRule(action="allow", protocol="udp", dst_ports=WIDE), MARKS)) == [
        CLEAR_BOTH,
        "-p udp -m multiport --destination-ports 1:2,3:4,5:6,7:8,9:10,11:12,13:14 --jump MARK --set-mark 0x200/0x200",
        "-p udp -m multiport --destination-ports 15:16 --jump MARK --set-mark 0x200/0x200",
        f"-p udp {ALL_PASSED}",
        BACK,
    ]


def test_a_policy_has_both_chains_and_the_first_rule_says_whose_they_are() -> None:
    """The rules of ``ipBlock`` with ``except`` as section 6.4 has them."""
    rule = PolicyRule(
        action="allow",
        protocol="tcp",
        src_nets=nets("10.0.0.0/8"),
        not_src_nets=nets("10.1.0.0/16"),
        dst_ports=((80, 80),),
    )
    accepted = "--jump MARK --set-mark 0x10000/0x10000"
    chains = policy_chains(Policy("a/b", (rule,)), NONE)
    assert texts(chains["cali-pi-a/b"]) == [
        '-m comment --comment "Policy a/b ingress" --jump MARK --set-mark 0x40000/0xc0000',
        "--source 10.1.0.0/16 --jump MARK --set-mark 0/0x40000",
        f"-p tcp --source 10.0.0.0/8 -m multiport --destination-ports 80 -m mark --mark 0x40000/0x40000 {accepted}",
        "-m mark --mark 0x10000/0x10000 --jump RETURN",
    ]
    assert texts(chains["cali-po-a/b"]) == ['-m comment --comment "Policy a/b egress"']
