"""Whatever is lost, the bytes arrive, in order, once, and both ends close."""

from hypothesis import given, settings
from hypothesis import strategies as st

from podwire.linux.path import input as path_input
from podwire.linux.tcp import TcpSocket, TcpState
from podwire.wire.addr import ANY4, Ip4
from tests.linux.tcp.simulated import known_pair

_SEGMENT = st.integers(min_value=0, max_value=30)
_WRITES = st.lists(st.integers(min_value=1, max_value=9000), min_size=1, max_size=5)


class _Reader:
    """Reads what is there whenever it is woken, and closes behind the end."""

    def __init__(self, socket: TcpSocket) -> None:
        self.socket = socket
        self.data = b""
        socket.wake = self.read

    def read(self) -> None:
        self.data += self.socket.recv()
        if self.socket.eof:
            self.socket.close()


@settings(max_examples=120, deadline=None)
@given(
    lost=st.fixed_dictionaries({"a": st.sets(_SEGMENT, max_size=6), "b": st.sets(_SEGMENT, max_size=6)}),
    writes=_WRITES,
    answer=st.integers(min_value=0, max_value=20000),
    sack=st.booleans(),
    timestamps=st.booleans(),
)
def test_any_loss_of_a_few_segments_leaves_the_bytes_in_order(lost, writes, answer, sack, timestamps):
    lab = known_pair()
    lab.sysctl("a", "tcp_sack", int(sack))
    lab.sysctl("b", "tcp_timestamps", int(timestamps))
    count = {"a": -1, "b": -1}
    receive = path_input.tcp_v4_rcv  # type: ignore[attr-defined]

    def lossy(netns, skb, *more):
        count[netns.label] += 1
        if count[netns.label] not in lost[netns.label]:
            receive(netns, skb, *more)

    path_input.tcp_v4_rcv = lossy  # type: ignore[attr-defined]
    try:
        _exchange(lab, writes, answer)
    finally:
        path_input.tcp_v4_rcv = receive  # type: ignore[attr-defined]


def _exchange(lab, writes, answer):
    listener = TcpSocket(lab["b"])
    listener.bind(ANY4, 80)
    listener.listen(5)
    client = TcpSocket(lab["a"])
    client.connect(Ip4.parse("10.0.0.2"), 80)
    for _ in range(100):
        if client.state is TcpState.ESTABLISHED:
            break
        lab.run(1)
    client_reader = _Reader(client)
    data = b"".join(bytes([number % 251]) * length for number, length in enumerate(writes))
    left = data
    server = None
    for _ in range(400):
        if left:
            left = left[client.send(left) :]
            if not left:
                client.shutdown()
        if server is None and (server := listener.accept()) is not None:
            server_reader = _Reader(server)
            back = b"q" * answer
            back = back[server.send(back) :] if back else b""
            server_reader.read()
        lab.run(2)
        tables = [lab[name].sockets.tcp for name in "ab"]
        if not any(table.established or table.requests for table in tables):
            break
    assert server is not None
    assert server_reader.data == data
    assert client_reader.data == b"q" * (answer - len(back))
    assert not any(lab[name].sockets.tcp.established for name in "ab")
