"""Running a filter: on the bytes of a frame, as BPF would, or on its headers where they say the same.

A frame that a machine sent or received is a ``Packet``; most filters ask for types, addresses and ports, which stand in its
headers. Only for what does not stand there are bytes made, once. The tree is turned into nested functions, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from podwire.tools.tcpdump.filter.tree import (
    COMPARISONS,
    LINK,
    MASK32,
    META,
    META_INTERFACE,
    META_PACKET_TYPE,
    OPERATORS,
    And,
    Compare,
    Computed,
    Constant,
    Indexed,
    Length,
    Load,
    Negated,
    Node,
    Not,
    Number,
    Undefined,
    Value,
)
from podwire.wire.codec import to_bytes
from podwire.wire.headers import AnyHeader
from podwire.wire.packet import Packet


class Frame:
    """One frame for a filter to look at.

    ``data`` are its bytes, with the link header of the capture; made from ``packet`` when somebody asks. ``length`` is that
    on the wire, ``packet_type`` one of PACKET_HOST …, ``ifindex`` that of the device.
    """

    __slots__ = ("_data", "head", "ifindex", "layers", "length", "packet", "packet_type")

    def __init__(
        self,
        data: bytes | None,
        length: int,
        *,
        packet: Packet | None = None,
        head: bytes = b"",
        packet_type: int = 0,
        ifindex: int = 0,
    ) -> None:
        self._data = data
        self.length = length
        self.packet = packet
        self.head = head
        """A cooked header, which stands in front of the packet."""
        self.packet_type = packet_type
        self.ifindex = ifindex
        self.layers: tuple[AnyHeader, ...] = () if packet is None else packet.layers

    @property
    def data(self) -> bytes:
        """The bytes."""
        data = self._data
        if data is None:
            assert self.packet is not None  # noqa: S101 - a frame has one or the other
            data = self._data = self.head + to_bytes(self.packet)
        return data


Test = Callable[[Frame], bool]
Getter = Callable[[Frame], int]


def passes(test: Test, frame: Frame) -> bool:
    """Whether the frame passes; a load behind its end rejects it, whatever the rest says."""
    try:
        return test(frame)
    except Undefined:
        return False


def compile_tree(node: Node, fast: Mapping[Load, Getter]) -> Test:
    """The tree as a function. ``fast`` has loads that need no bytes."""
    match node:
        case Constant(value=value):
            return lambda _: value
        case Not(node=inner):
            test = compile_tree(inner, fast)
            return lambda frame: not test(frame)
        case Compare():
            return _comparison(node, fast)
    left, right = compile_tree(node.left, fast), compile_tree(node.right, fast)
    if isinstance(node, And):
        return lambda frame: left(frame) and right(frame)
    return lambda frame: left(frame) or right(frame)


def _comparison(node: Compare, fast: Mapping[Load, Getter]) -> Test:
    left = _getter(node.left, fast)
    if isinstance(node.right, Number):
        number = node.right.value
        match node.operator:
            case "==":
                return lambda frame: left(frame) == number
            case ">":
                return lambda frame: left(frame) > number
            case ">=":
                return lambda frame: left(frame) >= number
        return lambda frame: left(frame) & number != 0
    right, operator = _getter(node.right, fast), COMPARISONS[node.operator]
    return lambda frame: operator(left(frame), right(frame))


def _getter(value: Value, fast: Mapping[Load, Getter]) -> Getter:
    match value:
        case Number(value=number):
            return lambda _: number
        case Length():
            return lambda frame: frame.length
        case Load():
            return fast.get(value) or load_bytes(value)
        case Negated(value=inner):
            get = _getter(inner, fast)
            return lambda frame: -get(frame) & MASK32
        case Indexed(load=load, index=index):
            at = _getter(index, fast)
            return lambda frame: _take(frame.data, _start(frame.data, load) + at(frame) & MASK32, load.size)
        case Computed(operator=operator, left=before, right=behind):
            left, right, compute = _getter(before, fast), _getter(behind, fast), OPERATORS[operator]
            return lambda frame: compute(left(frame), right(frame))


def load_bytes(load: Load) -> Getter:
    """A load from the bytes of the frame, or of what is known beside them."""
    at, size = load.offset, load.size
    if load.base == META:
        return {META_PACKET_TYPE: _packet_type, META_INTERFACE: _interface}[at]
    if load.base == LINK:
        return lambda frame: _take(frame.data, at, size)
    return lambda frame: _take(frame.data, _start(frame.data, load), size)


def _start(data: bytes, load: Load) -> int:
    if load.base == LINK:
        return load.offset
    return load.offset + (_take(data, load.header, 1) & 15) * 4


def _take(data: bytes, at: int, size: int) -> int:
    if at + size > len(data):
        raise Undefined
    return int.from_bytes(data[at : at + size])


def _packet_type(frame: Frame) -> int:
    return frame.packet_type


def _interface(frame: Frame) -> int:
    return frame.ifindex
