"""Trace: what became of one packet, as a fold over the records that a recorder retains. Trace, Hop, step: after Batfish."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from podwire.errors import PodwireError
from podwire.trace import explain, fate, fields, fold, schema, text
from podwire.trace.events import Dropped
from podwire.trace.fold import Hop
from podwire.trace.log import Record
from podwire.trace.reasons import DropReason, Verdict
from podwire.trace.recorder import Recorder
from podwire.trace.renderers import Render, Renderers


@dataclass(frozen=True, slots=True, repr=False)
class Trace:
    """A packet's way and fate. A live view: what happens to the packet, or because of it, after the trace was taken shows as well.

    While a trace exists, its recorder listens.
    """

    renderers: ClassVar[Renderers] = Renderers()
    """The formats from further up. ``podwire/__init__`` assigns the table, once."""

    recorder: Recorder
    packet: int

    # ---------------------------------------------------------------------------------------------------- fate

    @property
    def verdict(self) -> Verdict:
        """DELIVERED if the addressee took it, REJECTED if its sender was told, DROPPED if not, UNKNOWN while nobody knows."""
        return fold.verdict(self.recorder, self.packet)

    @property
    def reason(self) -> DropReason | None:
        """The kernel's reason for the drop; None if there was none (an ARP request that nobody answers has no reason)."""
        record = fold.outcome(self.recorder, self.packet)
        return record.event.reason if record is not None and isinstance(record.event, Dropped) else None

    @property
    def dropped_at(self) -> str | None:
        """``namespace:device`` of the drop, or the namespace alone; None if it was not dropped."""
        record = fold.outcome(self.recorder, self.packet)
        if record is None or self.verdict is Verdict.DELIVERED:
            return None
        device = fields.device_of(self.recorder, self.packet)
        return f"{record.netns}:{device}" if device else record.netns

    @property
    def decided_by(self) -> str:
        """The rule, route, switch or device that decided, with its writer, on one line."""
        return fate.decided_by(self.recorder, self.packet)

    # ----------------------------------------------------------------------------------------------------- way

    @property
    def hops(self) -> tuple[Hop, ...]:
        """One hop for each namespace's handling of the packet, in order."""
        return fold.hops(self.recorder, self.packet)

    @property
    def path(self) -> tuple[str, ...]:
        """The devices on which this packet was received or transmitted, in tunnels too, equal neighbours merged."""
        return fold.path(self.recorder, self.packet)

    @property
    def records(self) -> tuple[Record, ...]:
        """The records of this packet, in whichever fragments and tunnels it went on."""
        return fold.steps(self.recorder, self.packet)

    @property
    def tree(self) -> tuple[Record, ...]:
        """The records of this packet and of everything that happened because of it."""
        return self.recorder.select(fold.descendants(self.recorder, self.packet))

    # ------------------------------------------------------------------------------------------------- relatives

    @property
    def relation(self) -> str:
        """What this packet is to its parent: ``arp``, ``reply``, ``icmp-error``, ``probe`` …; empty for a root."""
        return self.recorder.born(self.packet).relation

    @property
    def reply(self) -> Trace | None:
        """The packet that answered this one."""
        return next((trace for trace in self._offspring() if trace.relation == "reply"), None)

    @property
    def caused(self) -> tuple[Trace, ...]:
        """What else was sent because of this packet: ARP requests, ICMP errors, later probes. Each has its own ``caused``."""
        return tuple(trace for trace in self._offspring() if trace.relation != "reply")

    def _offspring(self) -> Iterable[Trace]:
        return (Trace(self.recorder, child) for child in fold.offspring(self.recorder, self.packet))

    # ---------------------------------------------------------------------------------------------------- output

    def text(self, depth: Literal["minimal", "summary", "detailed"] = "summary") -> str:
        """The verdict and the way; hop by hop; or every event. At most 110 columns."""
        return text.render(self.recorder, self.packet, depth)

    def explain(self) -> str:
        """Why it came so, and which change would let a lost packet pass."""
        return explain.explain(self.recorder, self.packet)

    def to_json(self) -> str:
        """The versioned JSON document (``docs/reference/trace.schema.json``)."""
        return schema.encode(self._document()).decode()

    @classmethod
    def from_json(cls, data: str | bytes) -> Self:
        """The trace of a document that ``to_json`` made; raises ``PodwireError`` for anything else."""
        document = schema.decode(data)
        return cls(Recorder.of(document.records), document.packet)

    def _document(self) -> schema.Document:
        tree = self.tree
        place = {id(record): index for index, record in enumerate(tree)}
        reply = self.reply
        return schema.Document(
            packet=self.packet,
            verdict=self.verdict,
            reason=self.reason,
            dropped_at=self.dropped_at,
            decided_by=self.decided_by,
            explanation=fate.sentence(self.recorder, self.packet),
            path=self.path,
            hops=tuple(
                schema.HopDocument(h.machine, h.netns, h.in_dev, h.out_dev, tuple(place[id(step)] for step in h.steps))
                for h in self.hops
            ),
            reply=reply.packet if reply is not None else None,
            caused=tuple(trace.packet for trace in self.caused),
            records=tree,
        )

    @property
    def packets(self) -> list[Any]:
        """Scapy packets of the tree, in order."""
        if self.renderers.packets is None:
            raise PodwireError("trace packets: no renderer makes scapy packets here (import podwire)")
        return self.renderers.packets(self)

    def save(self, path: str | Path) -> Path:
        """Write the trace in the format that the suffix names, and return the path."""
        target = Path(path)
        suffix = target.suffix.lower()
        if suffix == ".json":
            target.write_text(self.to_json(), encoding="utf-8")
        elif suffix in self.renderers.save:
            self.renderers.save[suffix](self, target)
        else:
            known = ", ".join(sorted({".json", *self.renderers.save}))
            raise PodwireError(f"save {str(target)!r}: no format has the suffix {suffix!r}; known are {known}")
        return target

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        makers: dict[str, Render] = {"text/plain": str, **self.renderers.mime}
        wanted = [kind for kind in makers if (not include or kind in include) and not (exclude and kind in exclude)]
        return {kind: makers[kind](self) for kind in wanted}

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Trace of packet {self.packet}: {self.verdict}, {' -> '.join(self.path) or 'no device saw it'}>"
