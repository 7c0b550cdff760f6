"""Ranges, throttles, server-sent events, encodings: the small pure parts of the service."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.service import sse
from orchestra.service.log_stream import PIECE_BYTES, LogPiece, cut
from orchestra.service.ranges import NotSatisfiable, Range, parse
from orchestra.service.throttle import KEYS, Throttle
from orchestra.service.website import accepted_encodings


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-0", Range(0, 1)),
        ("bytes=0-499", Range(0, 100)),
        ("bytes=10-19", Range(10, 20)),
        ("bytes=99-", Range(99, 100)),
        ("bytes=-1", Range(99, 100)),
        ("bytes=-1000", Range(0, 100)),
        ("BYTES = 1-2", Range(1, 3)),
        ("bytes=5-4", None),
        ("bytes=0-1,5-6", None),
        ("lines=1-2", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
    ],
)
def test_a_range_header_names_bytes_or_everything(header: str | None, expected: Range | None) -> None:
    assert parse(header, 100) == expected


@pytest.mark.parametrize(("header", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0), ("bytes=-5", 0)])
def test_a_range_without_bytes_cannot_be_satisfied(header: str, size: int) -> None:
    with pytest.raises(NotSatisfiable):
        parse(header, size)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 200))
def test_a_range_never_reaches_beyond_what_is_there(start: int, end: int, size: int) -> None:
    try:
        found = parse(f"bytes={start}-{end}", size)
    except NotSatisfiable:
        assert start >= size
        return
    if found is not None:
        assert 0 <= found.start < found.end <= size


def test_a_throttle_counts_each_place_by_itself_and_forgets_after_its_period() -> None:
    throttle = Throttle(limit=3, period_s=60)
    for _ in range(3):
        assert throttle.wait_s("a", 10) == 0
        throttle.count("a", 10)
    assert throttle.wait_s("a", 10) == 61
    assert throttle.wait_s("a", 60) == 11
    assert throttle.wait_s("b", 10) == 0
    assert throttle.wait_s("a", 70) == 0
    throttle.count("a", 70)
    assert throttle.wait_s("a", 70) == 0


def test_a_throttle_keeps_a_bounded_number_of_places() -> None:
    throttle = Throttle(limit=1, period_s=60)
    for place in range(KEYS + 10):
        throttle.count(str(place), 0)
    assert throttle.wait_s("0", 0) == 0
    assert throttle.wait_s(str(KEYS + 9), 0) > 0


@given(st.binary(max_size=400), st.integers(1, 50))
def test_the_pieces_of_a_log_put_together_are_its_bytes(log: bytes, size: int) -> None:
    offset, read = 0, b""
    while offset < len(log):
        data = log[offset : offset + size]
        piece, length = cut(offset, data, is_last=offset + len(data) >= len(log))
        if not length:
            size += 1
            continue
        assert piece.offset == offset
        read += piece.text.encode() if piece.text is not None else piece.base64 or b""
        offset += length
    assert read == log


@given(st.text(min_size=1), st.integers(1, PIECE_BYTES))
def test_text_that_is_cut_in_a_character_stays_text(text: str, size: int) -> None:
    data = text.encode("utf-8", "replace")
    piece, length = cut(0, data[:size], is_last=False)
    assert piece.base64 is None
    assert data[:length].decode() == piece.text


def test_bytes_that_are_no_text_travel_as_base64() -> None:
    encoded = msgspec.json.decode(msgspec.json.encode(LogPiece(offset=3, base64=b"\xff\xfe")))
    assert encoded == {"offset": 3, "base64": base64.b64encode(b"\xff\xfe").decode()}


def test_an_event_has_a_name_data_and_an_identifier() -> None:
    assert sse.event("log", b"{}", 7) == b"id: 7\nevent: log\ndata: {}\n\n"
    assert sse.event("end", b"{}") == b"event: end\ndata: {}\n\n"


@pytest.mark.parametrize(
    ("header", "expected"),
    [(None, None), ("", None), ("7", 7), ("-1", None), ("x", None), ("9" * 30, None), ("٣", None)],
)
def test_the_last_event_is_a_number_or_nothing(header: str | None, expected: int | None) -> None:
    assert sse.last_event_id(header) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [("gzip, deflate, br", {"gzip", "deflate", "br"}), ("br;q=0, gzip;q=0.5", {"gzip"}), ("", {""}), ("BR", {"br"})],
)
def test_encodings_that_a_browser_refuses_are_not_sent(header: str, expected: set[str]) -> None:
    assert accepted_encodings(header) == expected
