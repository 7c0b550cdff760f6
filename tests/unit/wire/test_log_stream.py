"""The receiver's log is always a prefix of the sender's, and equal in the end, whatever the network does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.wire.log_stream import GapError, LogReceiver, LogSender, chunks

WINDOW = 1000
CUT = "cut"
ACK = "ack"

steps = st.lists(
    st.one_of(
        st.tuples(st.just("grow"), st.integers(0, 700)),
        st.tuples(st.just("send"), st.integers(1, 400)),
        st.tuples(st.just("deliver"), st.integers(1, 3)),
        st.tuples(st.just("repeat"), st.integers(0, 300)),
        st.tuples(st.just(ACK), st.integers(0, 100)),
        st.tuples(st.just(CUT), st.integers(0, 400)),
    ),
    max_size=60,
)


class World:
    """A spool, a wire that can break at any byte, and a store that makes bytes durable later than it gets them."""

    def __init__(self) -> None:
        self.spool = b""
        self.store = b""
        self.durable = 0
        self.wire: list[tuple[int, bytes]] = []
        self.connect()

    def connect(self) -> None:
        """A new session: both ends begin at what is durable."""
        self.wire.clear()
        self.store = self.store[: self.durable]
        self.sender = LogSender.at(self.durable, WINDOW)
        self.sender.grow(len(self.spool))
        self.receiver = LogReceiver.at(self.durable, WINDOW)

    def grow(self, size: int) -> None:
        start = len(self.spool)
        self.spool += bytes((start + i) % 251 for i in range(size))
        self.sender.grow(len(self.spool))

    def send(self, most: int) -> None:
        count = min(most, self.sender.sendable())
        if count:
            self.wire.append((self.sender.sent, self.spool[self.sender.sent : self.sender.sent + count]))
            self.sender.advance(count)

    def deliver(self, most: int = 1) -> None:
        for _ in range(min(most, len(self.wire))):
            offset, data = self.wire.pop(0)
            repeated = self.receiver.accept(offset, len(data))
            assert offset + repeated == len(self.store) or repeated == len(data)
            self.store += data[repeated:]

    def repeat(self, back: int) -> None:
        """A sender that repeats itself: bytes that were sent come again."""
        offset = max(self.receiver.received - back, 0)
        self.wire.insert(0, (offset, self.spool[offset : self.receiver.received]))
        self.deliver()

    def ack(self, behind: int) -> None:
        self.durable = max(self.durable, len(self.store) - behind)
        if self.receiver.acknowledge(self.durable):
            self.sender.acknowledge(self.receiver.acked)

    def cut(self, delivered: int) -> None:
        """The connection ends in the middle of a chunk: whole messages count, parts of them do not."""
        while self.wire and len(self.wire[0][1]) <= delivered:
            delivered -= len(self.wire[0][1])
            self.deliver()
        self.connect()

    def check(self) -> None:
        assert self.spool.startswith(self.store)
        assert self.sender.sent - self.sender.acked <= WINDOW


@given(steps)
def test_the_store_is_always_a_prefix_of_the_spool_and_equals_it_in_the_end(plan: list[tuple[str, int]]) -> None:
    world = World()
    for action, number in plan:
        getattr(world, action)(number)
        world.check()
    while world.store != world.spool or world.wire:
        world.send(WINDOW)
        world.deliver(len(world.wire))
        world.ack(0)
        world.check()
    assert world.sender.sent == len(world.spool)


def test_a_gap_is_refused() -> None:
    receiver = LogReceiver.at(10, WINDOW)
    with pytest.raises(GapError, match="expected 10"):
        receiver.accept(11, 1)
    assert receiver.received == 10


def test_bytes_beyond_the_window_are_refused() -> None:
    receiver = LogReceiver.at(0, WINDOW)
    receiver.accept(0, WINDOW)
    with pytest.raises(GapError, match="unacknowledged"):
        receiver.accept(WINDOW, 1)
    receiver.acknowledge(1)
    assert receiver.accept(WINDOW, 1) == 0


def test_an_acknowledgement_of_what_was_never_sent_is_refused() -> None:
    sender = LogSender.at(0, WINDOW)
    sender.grow(10)
    sender.advance(5)
    with pytest.raises(GapError):
        sender.acknowledge(6)


def test_an_acknowledgement_that_is_older_than_the_last_changes_nothing() -> None:
    sender = LogSender.at(0, WINDOW)
    sender.grow(10)
    sender.advance(10)
    sender.acknowledge(8)
    sender.acknowledge(3)
    assert sender.acked == 8


def test_a_spool_that_lost_bytes_the_receiver_has_sends_nothing() -> None:
    sender = LogSender.at(100, WINDOW)
    sender.grow(40)
    assert sender.sendable() == 0


@given(st.integers(0, 1 << 20))
def test_chunks_cover_every_byte_once(size: int) -> None:
    pieces = chunks(size)
    assert sum(end - start for start, end in pieces) == size
    assert all(0 < end - start <= 1 << 16 for start, end in pieces)
    assert [end for _, end in pieces[:-1]] == [start for start, _ in pieces[1:]]
