"""Two namespaces joined by a veth, as in most of the oracle's scripts."""

import shlex

import pytest

from tests.tools.realscripts import Lab


class Pair(Lab):
    """``a`` is 10.0.0.1 on v0, ``b`` is 10.0.0.2 on v1."""

    def __init__(self):
        super().__init__()
        for name in ("a", "b"):
            self.namespace(name)
        self.pair("a", "v0", "02:00:00:00:00:0a", "b", "v1", "02:00:00:00:00:0b")
        self.setup("ip -n a addr add 10.0.0.1/24 brd + dev v0")
        self.setup("ip -n b addr add 10.0.0.2/24 brd + dev v1")
        self.a, self.b = self.place("a"), self.place("b")

    def said(self, line, place=None):
        """(standard output, standard error, status) of a command in ``a``."""
        process = self.run(shlex.split(line), place or self.a)
        return process.stdout, process.stderr, process.status

    def begin(self, line):
        return self.start(shlex.split(line), self.a)


@pytest.fixture
def lab():
    return Pair()
