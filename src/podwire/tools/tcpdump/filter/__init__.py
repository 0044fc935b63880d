"""Filter expressions (pcap-filter(7)): parsed as libpcap 1.10.3 parses them, run on packets or on bytes."""

from __future__ import annotations

from podwire.tools.tcpdump.filter.context import Context
from podwire.tools.tcpdump.filter.errors import FilterError
from podwire.tools.tcpdump.filter.evaluate import Frame, Test, compile_tree, passes
from podwire.tools.tcpdump.filter.generate import Generator
from podwire.tools.tcpdump.filter.headers import FAST
from podwire.tools.tcpdump.filter.parser import Parser
from podwire.tools.tcpdump.filter.reject import rejects_all

__all__ = ["Context", "Filter", "FilterError", "Frame"]


class Filter:
    """A compiled expression. Calling it with a ``Frame`` says whether that passes; an empty one passes everything."""

    __slots__ = ("_test",)

    def __init__(self, text: str, context: Context, *, optimize: bool = True) -> None:
        """Raises ``FilterError`` with libpcap's words, ``NotModelled`` for what podwire does not filter by.

        It is libpcap's optimizer that finds expressions which no packet can pass.
        """
        self._test: Test | None = None
        node = Parser(text, Generator(context)).parse()
        if node is None:
            return
        if optimize and rejects_all(node):
            raise FilterError("expression rejects all packets")
        self._test = compile_tree(node, FAST.get(context.link_type, {}))

    def __call__(self, frame: Frame) -> bool:
        return self._test is None or passes(self._test, frame)
