"""Windows of lines against the plain definition: split at newlines."""

from __future__ import annotations

from array import array

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.storage import log_index, log_lines
from orchestra.storage.log_index import BLOCK_BYTES, Counter, LineIndex, Source, load
from orchestra.storage.log_lines import LINES, WINDOW_BYTES, LogWindow, Times


def source_of(data: bytes) -> Source:
    return lambda start, end: data[start:end]


def index_of(data: bytes, records: bytes = b"") -> LineIndex:
    sums, _ = load(records, source_of(data), len(data))
    return LineIndex(sums, source_of(data), len(data))


def window_of(data: bytes, start: int, count: int, columns: int = 1 << 16, times: Times = ()) -> LogWindow:
    return log_lines.window(
        index_of(data), source_of(data), lambda begin, end: times, start=start, count=count, columns=columns
    )


def lines_of(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return lines if lines[-1] else lines[:-1]


# Few long pieces, many short ones: lines that cross blocks, blocks without a newline, empty lines.
_PIECES = st.lists(
    st.sampled_from(
        [b"\n", b"a\n", b"word", b"\x00\xff\n", b"x" * 1000, b"y" * 70_000, b"\n" * 3000, b"line\n" * 20_000]
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(_PIECES, st.data())
def test_every_line_begins_and_ends_where_splitting_says(pieces: list[bytes], draw: st.DataObject) -> None:
    data = b"".join(pieces)
    lines = lines_of(data)
    index = index_of(data)
    assert index.lines == len(lines)
    assert index.ends_open == (bool(data) and not data.endswith(b"\n"))
    if lines:
        line = draw.draw(st.integers(1, len(lines)))
        start, end = index.start_of(line), index.end_of(line)
        assert data[start:end].removesuffix(b"\n") == lines[line - 1]
        assert index.line_of(start) == line
        assert index.line_of(max(end - 1, start)) == line


@settings(max_examples=60, deadline=None)
@given(_PIECES, st.data())
def test_a_window_holds_the_lines_that_splitting_gives(pieces: list[bytes], draw: st.DataObject) -> None:
    data = b"".join(pieces)
    lines = lines_of(data)
    start = draw.draw(st.integers(-len(lines) - 2, len(lines) + 2))
    count = draw.draw(st.integers(0, 200) | st.just(LINES + 1))
    columns = draw.draw(st.sampled_from([1, 5, 80, 1 << 16]))
    window = window_of(data, start, count, columns)
    first = max(len(lines) + 1 + start, 1) if start < 0 else max(start, 1)
    wanted = lines[first - 1 : first - 1 + min(count, LINES)]
    assert window.total == len(lines)
    assert window.start == first
    assert len(window.lines) <= len(wanted)
    assert bool(window.lines) == bool(wanted)
    assert window.lines == tuple(line[:columns] for line in wanted[: len(window.lines)])
    assert window.cut == tuple(
        (place, len(line)) for place, line in enumerate(wanted[: len(window.lines)]) if len(line) > columns
    )
    if len(window.lines) < len(wanted):
        following = sum(len(line[:columns]) for line in wanted[: len(window.lines) + 1])
        looked_at = sum(len(line) + 1 for line in wanted[: len(window.lines)])
        assert following > WINDOW_BYTES or looked_at >= log_lines.SCAN_BYTES


@settings(max_examples=40, deadline=None)
@given(_PIECES, st.lists(st.integers(1, 100_000), max_size=8))
def test_counting_while_a_log_grows_gives_the_index_that_counting_at_the_end_gives(
    pieces: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(pieces)
    counter, records, position = Counter(array("Q"), b""), bytearray(), 0
    for size in [*cuts, len(data)]:
        place, more = counter.feed(data[position : position + size])
        records[place : place + len(more)] = more
        position += size
    sums, sound = load(bytes(records), source_of(data), len(data))
    assert sound == len(sums) == len(data) // BLOCK_BYTES
    assert sums == load(b"", source_of(data), len(data))[0]
    resumed = Counter(sums, data[len(sums) * BLOCK_BYTES :])
    place, more = resumed.feed(b"\n" * BLOCK_BYTES)
    longer, _ = load(b"", source_of(data + b"\n" * BLOCK_BYTES), len(data) + BLOCK_BYTES)
    assert (place, more) == (len(sums) * log_index.RECORD_BYTES, longer[len(sums) :].tobytes())


def test_a_damaged_index_is_counted_again() -> None:
    data = b"some line\n" * 30_000
    good, _ = load(b"", source_of(data), len(data))
    assert len(good) == 4
    for damaged in (
        b"\0" * 32,
        good.tobytes()[:16] + b"\0" * 16,
        good.tobytes()[:13],
        b"\xff" * 32,
        good.tobytes()[::-1],
    ):
        sums, _ = load(damaged, source_of(data), len(data))
        assert sums == good
    assert array("Q").itemsize == log_index.RECORD_BYTES


def test_a_line_of_many_blocks_is_cut_and_told_with_its_length() -> None:
    data = b"before\n" + b"x" * (5 << 20) + b"\nafter"
    window = window_of(data, 1, 10, columns=8)
    assert window.lines == (b"before", b"xxxxxxxx", b"after")
    assert window.cut == ((1, 5 << 20),)
    assert window.open_end


def test_a_cut_never_splits_a_character() -> None:
    text = "aé€𝄞".encode()
    for columns, wanted in ((1, "a"), (2, "a"), (3, "aé"), (5, "aé"), (6, "aé€"), (9, "aé€"), (10, "aé€𝄞")):
        assert window_of(text, 1, 1, columns=columns).lines == (wanted.encode(),)
    assert window_of(b"\xff\xff\xff\xff\xff", 1, 1, columns=3).lines == (b"\xff\xff\xff",)


def test_the_style_in_force_before_a_window_is_told() -> None:
    data = b"\x1b[1mbold \x1b[31mred\nstill\x1b[0m\nplain\x1b[32m\ngreen\n"
    assert [window_of(data, line, 1).sgr for line in (1, 2, 3, 4)] == ["", "1;31", "", "32"]


def test_each_line_has_the_time_of_its_first_byte_and_only_changes_are_told() -> None:
    data = b"one\ntwo\nthree\nfour\n"
    times = [(0, 100), (4, 100), (6, 200), (14, 300)]
    assert window_of(data, 1, 4, times=times).times == ((0, 100), (2, 200), (3, 300))


def test_an_empty_log_has_no_lines() -> None:
    assert window_of(b"", 1, 10) == LogWindow(start=1, total=0, lines=())
    assert window_of(b"", -5, 10) == LogWindow(start=1, total=0, lines=())
    assert index_of(b"").line_of(0) == 1
