"""The grammar of iptables-save: what a rule is called in text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podwire.linux.netfilter.tables import RuleSpec


def rule_text(spec: RuleSpec) -> str:
    """What iptables-save prints behind ``-A CHAIN ``."""
    return repr(spec)
