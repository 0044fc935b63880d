"""Lines of iptables-restore: counters in front, words, quotes (``add_param_to_argv``, iptables/xshared.c of 1.8.9)."""

from __future__ import annotations

from typing import Final

from podwire.linux.netfilter.xt.options import OptionError

_LONGEST_WORD: Final = 1023


def rule_counters(line: str, number: int) -> tuple[tuple[str, str] | None, str]:
    """``tokenize_rule_counters``: ``[5:420]`` in front of a rule, and what follows it."""
    if line[:1] != "[":
        return None, line
    end = line.find("]")
    packets, colon, rest = line[1:].lstrip(":").partition(":")
    if end < 0:
        msg = f"Bad line {number}: need ]"
        raise OptionError(msg)
    octets = rest.lstrip("]").partition("]")[0]
    if not packets or not colon or not octets:
        msg = f"Bad line {number}: need {']' if packets else ':'}"
        raise OptionError(msg)
    return (packets, octets), line[end + 1 :]


def split_words(text: str) -> list[str]:
    """``add_param_to_argv``: words between blanks; double quotes hold blanks together, and in them a backslash hides what follows."""
    words: list[str] = []
    word: list[str] = []
    quoted = hidden = False
    for letter in text:
        if quoted:
            if hidden:
                hidden = False
            elif letter == "\\":
                hidden = True
                continue
            elif letter == '"':
                quoted = False
                words.append("".join(word))
                word.clear()
                continue
            word.append(letter)
        elif letter == '"':
            quoted = True
            continue
        elif letter in " \t\n":
            if word:
                words.append("".join(word))
                word.clear()
            continue
        else:
            word.append(letter)
        if len(word) > _LONGEST_WORD:
            msg = "Parameter too long!"
            raise OptionError(msg)
    if word:
        words.append("".join(word))
    return words


def plain_words(line: str) -> list[str] | None:
    """The words of a line, as ``split_words`` finds them; None where that needs more than splitting at blanks and quotes."""
    if not (line.isascii() and line.isprintable()) or "\\" in line:
        return None
    parts = line.split('"')
    words = parts[0].split()
    count = len(parts)
    if count == 1:
        return words
    if not count & 1 or parts[0][-1:] != " ":
        return None
    words.append(parts[1])
    words += parts[2].split()
    if count > 3:
        for place in range(3, count, 2):
            if parts[place - 1][-1:] != " ":
                return None
            words.append(parts[place])
            words += parts[place + 1].split()
    return words
