"""A worker that breaks the protocol loses its session with a reason; nothing of it reaches the master's events."""

from collections.abc import Callable

import msgspec
import pytest

from orchestra.wire import codec
from orchestra.wire import messages as m
from orchestra.wire.closing import Closed
from orchestra.wire.master_session import MasterSession, SessionLimits
from support.conversation import RUN, Conversation, assign, finished, held, hello, run_id, started, verdict


def send(talk: Conversation, *messages: m.FromWorker) -> list[object]:
    return list(talk.master.receive(codec.encode(messages), 1.0))


def standing() -> Conversation:
    talk = Conversation.welcomed()
    talk.master.assign(assign())
    return talk


def running() -> Conversation:
    talk = standing()
    send(talk, started())
    return talk


def ended() -> Conversation:
    talk = running()
    send(talk, finished())
    return talk


def forgotten() -> Conversation:
    talk = ended()
    talk.master.forget(RUN, 1)
    send(talk, m.Forgot(run=RUN, epoch=1))
    return talk


def quarantined() -> Conversation:
    return Conversation.welcomed([verdict("quarantine")], held=(held(),))


def narrow() -> Conversation:
    talk = Conversation.welcomed(limits=SessionLimits(window_bytes=m.LOG_CHUNK_BYTES))
    talk.master.assign(assign())
    send(talk, started(), m.Wrote(run=RUN, epoch=1, offset=0, data=bytes(m.LOG_CHUNK_BYTES)))
    return talk


VIOLATIONS: dict[str, tuple[Callable[[], Conversation], m.FromWorker, str]] = {
    "a second hello": (standing, hello(), "second hello"),
    "another run": (standing, started(run_id(2)), "not this session's"),
    "another epoch": (standing, started(epoch=2), "not this session's"),
    "a run in quarantine": (quarantined, started(), "not this session's"),
    "a run after it was forgotten": (forgotten, started(), "not this session's"),
    "log before the start": (standing, m.Wrote(run=RUN, epoch=1, offset=0, data=b"x"), "did not start"),
    "steps before the start": (standing, m.Stepped(run=RUN, epoch=1, steps=()), "did not start"),
    "a refusal after the start": (running, m.Refused(run=RUN, epoch=1, reason="no"), "gave back"),
    "a gap in the log": (running, m.Wrote(run=RUN, epoch=1, offset=1, data=b"x"), "expected 0"),
    "log beyond the window": (narrow, m.Wrote(run=RUN, epoch=1, offset=m.LOG_CHUNK_BYTES, data=b"x"), "unacknowledged"),
    "log after the end": (ended, m.Wrote(run=RUN, epoch=1, offset=0, data=b"x"), "after its end"),
    "a second end": (ended, finished(), "after its end"),
    "forgot without being told": (running, m.Forgot(run=RUN, epoch=1), "without being told"),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violation_ends_the_session_with_a_reason(name: str) -> None:
    begin, message, reason = VIOLATIONS[name]
    talk = begin()
    (event,) = send(talk, message)
    assert isinstance(event, Closed)
    assert event.code == m.CloseCode.VIOLATION
    assert reason in event.reason
    talk.to_worker()
    assert m.Goodbye(reason=event.reason) in talk.worker_events


def test_what_came_before_a_violation_in_the_same_frame_counts() -> None:
    talk = standing()
    events = send(talk, started(), started(run_id(2)), finished())
    assert [type(event) for event in events] == [m.Started, Closed]


def test_anything_before_the_hello_ends_the_session() -> None:
    for message in (started(), m.Heartbeat(), m.Goodbye(reason="x")):
        master = MasterSession(0.0, "1")
        (event,) = master.receive(codec.encode([message]), 0.0)
        assert isinstance(event, Closed)
        assert "hello" in event.reason
        assert master.take_frames() == []


def test_anything_between_hello_and_welcome_ends_the_session() -> None:
    talk = Conversation.begin()
    talk.exchange()
    (event,) = send(talk, started())
    assert isinstance(event, Closed)


@pytest.mark.parametrize(("protocol", "code"), [(0, "protocol_too_old"), (m.PROTOCOL + 1, "protocol_too_new")])
def test_a_version_that_is_not_understood_is_rejected_whatever_else_it_says(protocol: int, code: str) -> None:
    master = MasterSession(0.0, "1.0")
    frame = msgspec.msgpack.encode(
        [{"type": "hello", "protocol": protocol, "version": "7", "worker": ["another", "shape"]}]
    )
    (event,) = master.receive(frame, 0.0)
    assert isinstance(event, Closed)
    (answer,) = codec.decode_master_frame(master.take_frames()[0])
    assert isinstance(answer, m.Reject)
    assert answer.code == code
    assert "upgrade" in answer.reason


def test_an_unknown_message_ends_the_session_and_names_what_was_not_understood() -> None:
    talk = standing()
    (event,) = talk.master.receive(msgspec.msgpack.encode([{"type": "reboot"}]), 1.0)
    assert isinstance(event, Closed)
    assert "reboot" in event.reason


def test_a_frame_that_is_too_big_ends_the_session_as_such() -> None:
    talk = standing()
    (event,) = talk.master.receive(bytes(m.FRAME_LIMIT_BYTES + 1), 1.0)
    assert isinstance(event, Closed)
    assert event.code == m.CloseCode.TOO_BIG


@pytest.mark.parametrize(
    "message",
    [
        m.Welcome(
            protocol=1, session=2, version="1", heartbeat_s=1.0, timeout_s=2.0, window_bytes=1 << 20,
            max_frame_bytes=1 << 22,
        ),
        m.Reject(code="no", reason="no"),
        m.Acknowledge(run=RUN, epoch=1, offset=5),
    ],
)  # fmt: skip
def test_a_master_that_breaks_the_protocol_loses_the_worker(message: m.FromMaster) -> None:
    talk = standing()
    talk.exchange()
    (event,) = talk.worker.receive(codec.encode([message]), 1.0)
    assert isinstance(event, Closed)
    assert event.code == m.CloseCode.VIOLATION


def test_a_welcome_without_a_verdict_for_each_held_run_is_not_believed() -> None:
    talk = Conversation.begin(held=(held(),))
    talk.exchange()
    talk.master.welcome(1, ())
    talk.exchange()
    (event,) = talk.worker_events
    assert isinstance(event, Closed)
    assert "verdict" in event.reason
