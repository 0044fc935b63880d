"""Pieces of rules in Felix's long options."""

from __future__ import annotations

from podwire.cni.calico.rules.model import RuleText
from podwire.trace.events import Owner

FELIX = Owner("felix")


def rule(*parts: str, owner: Owner = FELIX) -> RuleText:
    """Comments, matches and the action; a missing part leaves nothing behind."""
    return RuleText(" ".join(part for part in parts if part), owner)


def jump(target: str) -> str:
    """``--jump``."""
    return f"--jump {target}"


def goto(chain: str) -> str:
    """``--goto``."""
    return f"--goto {chain}"


def set_mark(bits: int) -> str:
    """Set these bits."""
    return f"--jump MARK --set-mark {bits:#x}/{bits:#x}"


def clear_mark(bits: int) -> str:
    """Clear these bits."""
    return f"--jump MARK --set-mark 0/{bits:#x}"


def marked(bits: int) -> str:
    """All of these bits are set."""
    return f"-m mark --mark {bits:#x}/{bits:#x}"


def unmarked(bits: int) -> str:
    """None of these bits is set."""
    return f"-m mark --mark 0/{bits:#x}"


def ctstate(states: str) -> str:
    """The connection's state."""
    return f"-m conntrack --ctstate {states}"


def in_set(name: str, directions: str) -> str:
    """In an IP set."""
    return f"-m set --match-set {name} {directions}"
