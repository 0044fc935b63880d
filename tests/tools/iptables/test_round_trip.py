"""Save, restore, save: the same text for rules with every extension; the fast way reads what the whole parser reads."""

import pytest

from podwire.linux.netfilter import fast
from podwire.linux.netfilter.save import save_text
from podwire.linux.netfilter.tables import LEGACY, NFT
from podwire.linux.netfilter.xt import registry
from tests.linux.lab import Lab
from tests.tools.iptables import parts

VARIANTS = (NFT, LEGACY)


@pytest.fixture
def door():
    lab = Lab()
    lab.machine("m")
    return lab.door("m")


def test_every_extension_is_drawn():
    assert set(parts.MATCHES) == set(registry.MATCHES) - {"set"}
    assert set(parts.TARGETS) == set(registry.TARGETS) - {"SET"}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    "rules", [parts.every(), parts.drawn(1, 300), parts.drawn(2, 300)], ids=["every", "one", "two"]
)
def test_what_was_saved_is_restored_to_the_same(door, variant, rules):
    door.iptables_restore(parts.restorable(rules), variant=variant)
    saved = door.iptables_save(variant=variant)
    assert saved.count("\n-A ") == len(rules)
    door.iptables_restore(saved, variant=variant)
    assert door.iptables_save(variant=variant) == saved


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_fast_way_and_the_parser_read_the_same(door, variant, monkeypatch):
    text = parts.restorable([*parts.every(), *parts.drawn(3, 200)])
    door.iptables_restore(text, variant=variant)
    quick = door.netns.xtables.tables
    specs = [rule.spec for table in quick.values() for chain in table.chains.values() for rule in chain.rules]
    other = Lab()
    other.machine("m")
    monkeypatch.setattr(fast.FastLines, "append", lambda *_args, **_words: False)
    other.door("m").iptables_restore(text, variant=variant)
    slow = other.door("m").netns.xtables.tables
    assert specs == [rule.spec for table in slow.values() for chain in table.chains.values() for rule in chain.rules]
    assert save_text(other.door("m").netns.xtables, variant) == door.iptables_save(variant=variant)
