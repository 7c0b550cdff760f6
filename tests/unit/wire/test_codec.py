"""Whatever bytes come, a frame is messages within every limit, or one `BadFrame` with a code and a reason."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestra.domain.run import Step
from orchestra.domain.stop import Stop, Survivor
from orchestra.wire import codec
from orchestra.wire import messages as m
from support.conversation import DATE, RUN, assign, finished, held, hello, run_id, started

pack = msgspec.msgpack.Encoder().encode


def wrote(**fields: Any) -> m.Wrote:
    return m.Wrote(**{"run": RUN, "epoch": 1, "offset": 0, "data": b"x", **fields})


STOP = Stop(
    requested_date=DATE, requested_by="ada", delivered_date=DATE, survivors=(Survivor(pid=9, command="sleep 60"),)
)


def stepped(**fields: Any) -> m.Stepped:
    return m.Stepped(run=RUN, epoch=1, steps=(), stop=replace(STOP, **fields))


FROM_WORKER: list[m.FromWorker] = [
    hello(properties={"os": "linux", "cores": 4, "nested": {"list": [1, 2.5, None, True]}}, held=(held(),)),
    started(),
    m.Stepped(
        run=RUN, epoch=1, steps=(Step(name="a", command=("sh", "-c"), start_date=DATE), Step(name="b", command="c"))
    ),
    m.Stepped(run=RUN, epoch=1, steps=(), stop=STOP),
    wrote(data=bytes(range(256)), times=((0, 1), (255, 2))),
    finished(log=b"abc", results=b'{"a": 1}', never_started=False),
    m.Refused(run=RUN, epoch=1, reason="draining"),
    m.Forgot(run=RUN, epoch=1),
    m.Heartbeat(),
    m.Goodbye(reason="stops"),
]

FROM_MASTER: list[m.FromMaster] = [
    m.Welcome(
        protocol=1, session=7, version="1", heartbeat_s=10.0, timeout_s=20.0, window_bytes=1 << 20,
        max_frame_bytes=m.FRAME_LIMIT_BYTES,
    ),
    m.Reject(code="name_taken", reason="another one has it", retry_s=30.0),
    assign(parameters={"a": "ü\x00 $(x)"}, environment={"A": "b"}),
    m.Cancel(run=RUN, epoch=1, by="ada"),
    m.Abort(run=RUN, epoch=1, by="ada"),
    m.Acknowledge(run=RUN, epoch=1, offset=10),
    m.Forget(run=RUN, epoch=1),
    m.Heartbeat(),
    m.Goodbye(reason="stops"),
]  # fmt: skip


def test_every_message_of_a_worker_survives_the_wire() -> None:
    assert codec.decode_worker_frame(codec.encode(FROM_WORKER)) == FROM_WORKER


def test_every_message_of_a_master_survives_the_wire() -> None:
    assert codec.decode_master_frame(codec.encode(FROM_MASTER)) == FROM_MASTER


def test_an_unknown_field_is_ignored() -> None:
    frame = pack([{"type": "forgot", "run": RUN, "epoch": 1, "colour": "blue"}])
    assert codec.decode_worker_frame(frame) == [m.Forgot(run=RUN, epoch=1)]


DEEP = b"\x91" * 1_000_000
NAIVE = DATE.replace(tzinfo=None)

BAD_FRAMES: dict[str, tuple[bytes, str]] = {
    "an unknown message": (pack([{"type": "reboot"}]), "not understood"),
    "a message without a field": (pack([{"type": "forgot", "run": RUN}]), "not understood"),
    "a field of another type": (pack([{"type": "forgot", "run": RUN, "epoch": "1"}]), "not understood"),
    "no array": (pack({"type": "heartbeat"}), "array"),
    "an empty array": (pack([]), "array"),
    "nothing": (b"", "array"),
    "text": (b"hello", "array"),
    "too many messages": (b"\xdd\x00\x00\x20\x00" + pack({"type": "heartbeat"}) * 8192, "array of 1 to 4096"),
    "an array that promises four billion": (b"\xdd\xff\xff\xff\xff", "array of 1 to 4096"),
    "a million levels": (b"\x91" * 1_000_000 + b"\xc0", "not understood"),
    "a million levels in an unknown field": (b"\x91\x82\xa4type\xa9heartbeat\xa1x" + DEEP, "not understood"),
    "text that is not UTF-8": (b"\x91\x82\xa4type\xa7goodbye\xa6reason\xa1\xff", "not understood"),
    "a date beyond all years": (
        b"\x91\x84\xa4type\xa7started\xa3run\xa1x\xa5epoch\x01\xa4date\xc7\x0c\xff" + b"\x00" * 4 + b"\x7f" * 8,
        "not understood",
    ),
    "bytes after the end": (pack([{"type": "heartbeat"}]) + b"\x00", "not understood"),
    "an empty chunk": (codec.encode([wrote(data=b"")]), "wrote holds"),
    "a chunk that is too large": (codec.encode([wrote(data=b"x" * ((1 << 16) + 1))]), "wrote holds"),
    "a negative offset": (codec.encode([wrote(offset=-1)]), "offset"),
    "an offset beyond all files": (codec.encode([wrote(offset=1 << 60)]), "offset"),
    "times outside the data": (codec.encode([wrote(times=((1, 5),))]), "times"),
    "times that go back": (codec.encode([wrote(data=b"abc", times=((2, 5), (1, 5)))]), "times"),
    "a digest of another length": (codec.encode([finished(log_sha256="ab")]), "SHA-256"),
    "results that are too large": (codec.encode([finished(results=b" " * (m.RESULTS_BYTES + 1))]), "results"),
    "a date without a time zone": (codec.encode([m.Started(run=RUN, epoch=1, date=NAIVE)]), "not understood"),
    "a step's date without a time zone": (
        codec.encode([m.Stepped(run=RUN, epoch=1, steps=(Step(name="a", command="b", start_date=NAIVE),))]),
        "time zone",
    ),
    "a stop's date without a time zone": (codec.encode([stepped(killed_date=NAIVE)]), "time zone"),
    "a stop by a name without end": (codec.encode([stepped(requested_by="x" * 2000)]), "requested_by"),
    "more survivors than anybody reads": (codec.encode([stepped(survivors=STOP.survivors * 101)]), "survivors"),
    "a survivor with a book as its command": (
        codec.encode([stepped(survivors=(Survivor(pid=1, command="x" * 300),))]),
        "a command",
    ),
    "a survivor with a negative pid": (codec.encode([stepped(survivors=(Survivor(pid=-1, command="x"),))]), "a pid"),
    "a reason without end": (codec.encode([m.Refused(run=RUN, epoch=1, reason="x" * 5000)]), "reason"),
    "a worker's name with a path": (codec.encode([hello(worker="../x")]), "worker"),
    "a version with a line end": (codec.encode([hello(version="1\nERROR forged")]), "version"),
    "no slots": (codec.encode([hello(concurrency=0)]), "concurrency"),
    "a million slots": (codec.encode([hello(concurrency=1_000_000)]), "concurrency"),
    "properties with bytes": (codec.encode([hello(properties={"a": b"x"})]), "properties"),
    "properties with a date": (codec.encode([hello(properties={"a": DATE})]), "properties"),
    "properties that are not finite": (codec.encode([hello(properties={"a": float("inf")})]), "properties"),
    "properties with numbers as keys": (codec.encode([hello(properties={"a": {1: 2}})]), "properties"),
    "properties beyond counting": (codec.encode([hello(properties={"a": [0] * 20_000})]), "properties"),
    "a held run that is a path": (codec.encode([hello(held=(held("../../etc"),))]), "UUID"),
    "a run held twice": (codec.encode([hello(held=(held(), held(epoch=2)))]), "twice"),
    "a negative epoch": (codec.encode([hello(held=(held(epoch=-1),))]), "out of range"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_frame_is_refused_with_a_reason(name: str) -> None:
    frame, reason = BAD_FRAMES[name]
    with pytest.raises(codec.BadFrame, match=reason) as caught:
        codec.decode_worker_frame(frame)
    assert caught.value.code == m.CloseCode.VIOLATION


def test_a_frame_above_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(codec.BadFrame, match="at most 100") as caught:
        codec.decode_worker_frame(b"\x91" + b"x" * 100, 100)
    assert caught.value.code == m.CloseCode.TOO_BIG


def test_five_thousand_held_runs_fit_the_first_frame() -> None:
    many = hello(held=tuple(held(run_id(n), 1 << 20, "finished", 1 << 40) for n in range(m.HELD_RUNS)))
    frame = codec.encode([many])
    assert codec.decode_worker_frame(frame, m.FIRST_FRAME_BYTES) == [many]


@given(st.binary(max_size=300))
@example(b"\xc1")
@example(b"\x91\xc7\x0c\xff" + b"\xff" * 12)
def test_any_bytes_are_messages_or_a_bad_frame(frame: bytes) -> None:
    for decode in (codec.decode_worker_frame, codec.decode_master_frame, codec.decode_opening):
        try:
            decode(frame)
        except codec.BadFrame as error:
            assert error.reason


@given(st.sampled_from(FROM_WORKER), st.data())
def test_a_damaged_frame_is_messages_or_a_bad_frame(message: m.FromWorker, data: st.DataObject) -> None:
    frame = bytearray(codec.encode([message]))
    frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    try:
        codec.decode_worker_frame(bytes(frame))
    except codec.BadFrame as error:
        assert error.reason


def test_a_hello_of_any_version_tells_its_protocol() -> None:
    frame = pack([{"type": "hello", "protocol": 99, "version": "9.0", "worker": {"another": "shape"}}])
    assert codec.decode_opening(frame) == (99, "9.0")


@pytest.mark.parametrize("frame", [pack([{"type": "started"}]), pack([{"type": "hello"}] * 2), pack(["hello"])])
def test_a_first_frame_that_is_not_one_hello_is_refused(frame: bytes) -> None:
    with pytest.raises(codec.BadFrame, match="hello"):
        codec.decode_opening(frame)


def test_text_is_cut_and_cannot_forge_a_line() -> None:
    assert codec.cut("a\x1b[31m\x00b\r") == "a�[31m�b�"
    assert codec.cut("two\nlines\tand ü") == "two\nlines\tand ü"
    assert len(codec.cut("x" * 9999)) == m.TEXT_CHARACTERS
