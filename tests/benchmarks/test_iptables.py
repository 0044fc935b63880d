"""How long iptables-restore takes for kube-proxy's table (110 000 rules: meant to be under 1 s). Run with ``-m benchmark -n 0 -s``."""

import random
import time

import pytest

from tests.linux.lab import Lab

pytestmark = pytest.mark.benchmark
SERVICES = 10_000


def kube_proxy(services: int) -> str:
    """A nat table: for each service its line, its chain and three endpoints."""
    draw = random.Random(1)
    chains, rules = ["KUBE-SERVICES", "KUBE-MARK-MASQ"], []
    for number in range(services):
        name, comment = f"KUBE-SVC-{draw.getrandbits(64):016X}", f"ns{number % 50}/svc-{number}:http"
        ip = f"10.96.{number // 256}.{number % 256}"
        match = f'-d {ip}/32 -p tcp -m comment --comment "{comment} cluster IP" -m tcp --dport 80'
        chains.append(name)
        rules.append(f"-A KUBE-SERVICES {match} -j {name}")
        rules.append(f"-A {name} ! -s 10.244.0.0/16 {match} -j KUBE-MARK-MASQ")
        for endpoint, chance in enumerate(("0.33333333349", "0.50000000000", "")):
            pod, sep = f"10.244.{number % 256}.{endpoint + 2}", f"KUBE-SEP-{draw.getrandbits(64):016X}"
            random_part = f" -m statistic --mode random --probability {chance}" if chance else ""
            chains.append(sep)
            rules.append(f'-A {name} -m comment --comment "{comment} -> {pod}:8080"{random_part} -j {sep}')
            rules.append(f'-A {sep} -s {pod}/32 -m comment --comment "{comment}" -j KUBE-MARK-MASQ')
            dnat = f"-m tcp -j DNAT --to-destination {pod}:8080"
            rules.append(f'-A {sep} -p tcp -m comment --comment "{comment}" {dnat}')
    head = "".join(f":{chain} - [0:0]\n" for chain in chains)
    return f"*nat\n{head}-A PREROUTING -j KUBE-SERVICES\n{chr(10).join(rules)}\nCOMMIT\n"


def test_a_large_table_is_restored_and_saved():
    text = kube_proxy(SERVICES)
    lab = Lab()
    lab.machine("m")
    door = lab.door("m")
    begin = time.process_time()
    door.iptables_restore(text)
    restored = time.process_time()
    saved = door.iptables_save()
    print(
        f"\n{text.count('-A ')} rules: restored in {restored - begin:.2f} s, saved in {time.process_time() - restored:.2f} s"
    )
    assert saved.count("\n-A ") == 11 * SERVICES + 1
    assert sorted(line for line in saved.splitlines() if line[0] == "-") == sorted(
        line for line in text.splitlines() if line[0] == "-"
    )
