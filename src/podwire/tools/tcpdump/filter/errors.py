"""What is wrong with a filter expression."""

from __future__ import annotations


class FilterError(Exception):
    """libpcap refuses the expression; the message is its own."""


SYNTAX: str = "can't parse filter expression: syntax error"
