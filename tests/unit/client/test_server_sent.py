"""Reading server-sent events from bytes that come in any pieces."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as some

from orchestra.client.server_sent import EventReader, ServerSentEvent

STREAM = (
    b': alive\n\nid: 4\n\nevent: log\r\nid: 5\r\ndata: {"a": 1}\r\n\r\n'
    b"data: one\rdata:two\r\rretry: 5\nid: 6\x00\ndata\n\nevent: left open\ndata: x"
)
EVENTS = [
    ServerSentEvent("log", "5", b'{"a": 1}'),
    ServerSentEvent("message", "5", b"one\ntwo"),
    ServerSentEvent("message", "5", b""),
]


@given(some.lists(some.integers(0, len(STREAM))))
def test_events_are_the_same_wherever_the_bytes_are_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    reader = EventReader()
    found = [one for a, b in pairwise(places) for one in reader.receive(STREAM[a:b])]
    assert found == EVENTS


def test_an_identifier_alone_is_kept_without_an_event() -> None:
    reader = EventReader()
    assert list(reader.receive(b"id: 4\n\n")) == []
    assert reader.identifier == "4"


def test_text_may_hold_what_only_readers_of_text_take_for_the_end_of_a_line() -> None:
    text = "a\u2028b\u0085c\x0bd"
    (event,) = EventReader().receive(f"data: {text}\n\n".encode())
    assert event.data.decode() == text


def test_what_was_half_received_is_forgotten_when_the_stream_begins_again() -> None:
    reader = EventReader()
    list(reader.receive(b"id: 7\nevent: log\ndata: ha"))
    reader.restart()
    assert list(reader.receive(b"data: whole\n\n")) == [ServerSentEvent("message", "7", b"whole")]
