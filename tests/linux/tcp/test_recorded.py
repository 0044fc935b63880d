"""Every exchange that a real kernel (Linux 6.18) was seen to have, frame by frame.

Flags, numbers, windows, options, DF and IP ids (F140), RST variants (F161), retransmission times, and what the calls returned. ``record.py``
made the records.
"""

import pytest

from tests.linux.tcp.exchanges import EXCHANGES
from tests.linux.tcp.record import RECORDED
from tests.linux.tcp.simulated import SimulatedEnds

_EARLY = 0.06
"""What a process and its iptables commands may take on the real machine, s; and a share of the time, for what adds up."""
_SHARE = 0.04


@pytest.mark.parametrize("name", EXCHANGES)
def test_an_exchange_is_frame_by_frame_that_of_the_real_kernel(name, monkeypatch):
    exchange = EXCHANGES[name]
    ends = SimulatedEnds(exchange, monkeypatch)
    exchange.run(ends)
    ours = ends.finish()
    theirs = (RECORDED / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    if not exchange.timed:
        assert ours == theirs
        return
    assert [_without_time(line) for line in ours] == [_without_time(line) for line in theirs]
    for mine, real in zip(ours, theirs, strict=True):
        if mine[0].isdigit():
            seconds, expected = float(mine.split()[0]), float(real.split()[0])
            assert seconds == pytest.approx(expected, abs=_EARLY + _SHARE * expected), (mine, real)


def _without_time(line: str) -> str:
    return line.partition(" ")[2] if line[0].isdigit() else line


def test_every_record_has_its_exchange():
    assert {path.stem for path in RECORDED.glob("*.txt")} == set(EXCHANGES)
