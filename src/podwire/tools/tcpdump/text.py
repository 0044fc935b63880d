"""Protocols of lines of text: HTTP, SMTP, FTP and their like (``txtproto_print``), and the SSH greeting."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from podwire.tools.tcpdump.dissect import Dissector


class TextProtocol(NamedTuple):
    """``commands`` are the words that begin a request; None where every segment is taken for lines of text."""

    name: str
    commands: frozenset[str] | None = None


HTTP: Final = TextProtocol(
    "http",
    frozenset(
        "GET PUT COPY HEAD LOCK MOVE POLL POST BCOPY BMOVE MKCOL TRACE LABEL MERGE DELETE SEARCH UNLOCK REPORT UPDATE"
        " NOTIFY BDELETE CONNECT OPTIONS CHECKIN PROPFIND CHECKOUT CCM_POST SUBSCRIBE PROPPATCH BPROPFIND BPROPPATCH"
        " UNCHECKOUT MKACTIVITY MKWORKSPACE UNSUBSCRIBE RPC_CONNECT VERSION-CONTROL BASELINE-CONTROL".split()
    ),
)
RTSP: Final = TextProtocol(
    "rtsp",
    frozenset(
        "DESCRIBE ANNOUNCE GET_PARAMETER OPTIONS PAUSE PLAY RECORD REDIRECT SETUP SET_PARAMETER TEARDOWN".split()
    ),
)
SIP: Final = TextProtocol(
    "sip",
    frozenset(
        "ACK BYE CANCEL DO INFO INVITE MESSAGE NOTIFY OPTIONS PRACK QAUTH REFER REGISTER SPRACK SUBSCRIBE UPDATE"
        " PUBLISH".split()
    ),
)
SMTP: Final = TextProtocol("smtp")
WHOIS: Final = TextProtocol("whois")
FTP: Final = TextProtocol("ftp")

_TOKEN: Final = re.compile(rb"([\x21-\x7e]{1,128}) *")
_LINE: Final = re.compile(rb"[\t\x20-\x7e]*")
_GREETING: Final = re.compile(rb"[\x20-\x7e]*")


def text_print(d: Dissector, at: int, length: int, protocol: TextProtocol) -> None:
    """The first line; with ``-v`` all lines, up to the first that is no text."""
    d.protocol = protocol.name
    d.put(protocol.name.upper())
    if not _begins_message(d, at, length, protocol):
        return
    if not d.vflag:
        _line_print(d, ": ", at, at + length)
        return
    d.put(f", length: {length}")
    stop = at + length
    while at < stop and (after := _line_print(d, "\n\t", at, stop)):
        at = after


def _begins_message(d: Dissector, at: int, length: int, protocol: TextProtocol) -> bool:
    """Whether the segment begins with a command or has a status code as its second word; bodies do not."""
    if protocol.commands is None:
        return True
    data = d.data[at : min(at + length, d.end)]
    truncated = len(data) < length
    word, after = _token(data, 0, truncated=truncated)
    if not after:
        return False
    if word.upper().decode("ascii") in protocol.commands:
        return True
    word, after = _token(data, after, truncated=truncated)
    return bool(after) and len(word) == 3 and word.isdigit()


def _token(data: bytes, at: int, *, truncated: bool) -> tuple[bytes, int]:
    """The word there and where the next one begins; 0 where there is no word (``fetch_token``)."""
    match = _TOKEN.match(data, at)
    if match is None:
        return b"", 0
    word = match[1]
    follows = data[match.end(1) : match.end(1) + 1]
    if not follows:
        # The word ends with the segment; with the captured bytes it may not be all of it.
        return (b"", 0) if truncated else (word, match.end())
    if follows not in b" \t\r\n":
        return b"", 0
    return word, match.end()


def _line_print(d: Dissector, prefix: str, at: int, stop: int) -> int:
    """Print one line; gives where the next begins, 0 where there is no further one (``print_txt_line``)."""
    end = min(stop, d.end)
    match = _LINE.match(d.data, at, end)
    after = at if match is None else match.end()
    line = d.data[at:after].decode("ascii")
    if after >= end:
        if after < stop:
            d.u1(after)  # behind what was captured
        d.put(f"{prefix}{line}")
        d.truncated()
        return 0
    if d.data[after] == 0x0A:
        d.put(f"{prefix}{line}")
        return after + 1
    # A carriage return counts in front of a newline only; anything else is no text.
    if d.data[after] == 0x0D and after + 1 < stop and d.u1(after + 1) == 0x0A:
        d.put(f"{prefix}{line}")
        return after + 2
    return 0


def ssh_print(d: Dissector, at: int, length: int) -> None:
    """``SSH-2.0-OpenSSH_9.2``: the greeting; what follows it is not shown."""
    d.protocol = "ssh"
    for offset, letter in enumerate(b"SSH-"):
        if d.u1(at + offset) != letter:
            return
    stop = at + length
    match = _GREETING.match(d.data, at + 4, max(at + 4, min(stop, d.end)))
    after = at + 4 if match is None else match.end()
    if after >= stop:
        return
    follows = d.u1(after)
    if follows == 0x0A or (follows == 0x0D and after + 1 < stop and d.u1(after + 1) == 0x0A):
        d.put(f": SSH: {d.data[at:after].decode('ascii')}")
