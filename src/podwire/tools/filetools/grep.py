"""``grep`` (GNU grep 3.8) on the files of a place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from podwire.tools.filetools.common import inputs, lines_of, options
from podwire.tools.filetools.copying import guarded
from podwire.tools.filetools.regex import BadRegex, compiled
from podwire.tools.tree import files_below, is_directory

if TYPE_CHECKING:
    from podwire.tools.process import Process

_LONGS: Final = {
    "ignore-case": "i", "invert-match": "v", "line-number": "n", "count": "c", "extended-regexp": "E", "only-matching": "o", "quiet": "q",
    "silent": "q", "recursive": "r", "fixed-strings": "F", "regexp": "e=", "files-with-matches": "l", "no-filename": "h",
    "with-filename": "H", "no-messages": "s", "word-regexp": "w", "line-regexp": "x", "basic-regexp": "G", "after-context": "A=",
    "before-context": "B=", "context": "C=", "max-count": "m=", "perl-regexp": "P", "file": "f=", "color": "color?", "colour": "color?",
    "include": "include=", "exclude": "exclude=", "files-without-match": "L", "byte-offset": "b", "text": "a",
}  # fmt: skip


def _pattern(words: list[str], letters: set[str]) -> re.Pattern[str]:
    """One expression of all patterns: each line of each is one."""
    parts = [part for word in words for part in word.split("\n")]
    flags = re.IGNORECASE if "i" in letters else 0
    found = [
        re.escape(part) if "F" in letters else compiled(part, extended="E" in letters, flags=flags).pattern
        for part in parts
    ]
    text = "|".join(f"(?:{part})" for part in found) if len(found) > 1 else found[0]
    if "w" in letters:
        text = rf"(?<!\w)(?:{text})(?!\w)"
    if "x" in letters:
        text = rf"\A(?:{text})\Z"
    return re.compile(text, flags)


def _grep(proc: Process) -> int:
    found, operands = options(proc, "ivncEoqrFe:lhHswxG", _LONGS, "A:B:C:m:Pf:LbaRUZzTIyd:D:u", status=2)
    letters = {option for option, _ in found}
    words = [value for option, value in found if option == "e"]
    if not words:
        if not operands:
            proc.error("Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n")
            return 2
        words = [operands.pop(0)]
    try:
        pattern = _pattern(words, letters)
    except BadRegex as error:
        proc.error(f"grep: {error}\n")
        return 2
    names, broken = _names(proc, operands, letters), False
    several = (len(names) > 1 or "r" in letters or "H" in letters) and "h" not in letters
    matched = False
    for name, text in inputs(proc, names, quiet="s" in letters):
        if text is None:
            broken = True
            continue
        matched |= _file(
            proc, f"{'(standard input)' if name == '-' else name}", text, pattern, letters, several=several
        )
        if matched and "q" in letters:
            return 0
    return 2 if broken else int(not matched)


def _names(proc: Process, operands: list[str], letters: set[str]) -> list[str]:
    """The files to read: of a directory those below it with ``-r``, else a complaint."""
    found: list[str] = []
    for name in operands or (["."] if "r" in letters else []):
        path = "/" if name == "." else name
        if not is_directory(proc.place, path):
            found.append(name)
        elif "r" in letters:
            found += files_below(proc.place, path)
        else:
            proc.error(f"grep: {name}: Is a directory\n")
    return found


def _file(proc: Process, name: str, text: str, pattern: re.Pattern[str], letters: set[str], *, several: bool) -> bool:
    """One file: its lines, their number, or its name."""
    prefix = f"{name}:" if several else ""
    chosen = [
        (number, line)
        for number, line in enumerate(lines_of(text), 1)
        if (pattern.search(line) is not None) is not ("v" in letters)
    ]
    if "q" in letters:
        return bool(chosen)
    if "l" in letters:
        proc.write(f"{name}\n" * bool(chosen))
    elif "c" in letters:
        proc.write(f"{prefix}{len(chosen)}\n")
    else:
        for number, line in chosen:
            head = prefix + (f"{number}:" if "n" in letters else "")
            if "o" not in letters:
                proc.write(f"{head}{line}\n")
            elif "v" not in letters:
                proc.write("".join(f"{head}{hit[0]}\n" for hit in pattern.finditer(line) if hit[0]))
    return bool(chosen)


grep = guarded(_grep)
