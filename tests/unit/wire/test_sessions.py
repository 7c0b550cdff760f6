"""Both sessions together: what one may say, the other understands, in the order that the protocol promises."""

import pytest

from orchestra.domain.run import Cause, CauseCode, Step
from orchestra.wire import messages as m
from orchestra.wire.closing import Closed
from orchestra.wire.master_session import SessionLimits
from orchestra.wire.worker_session import WorkerSession
from support.conversation import RUN, Conversation, assign, finished, held, hello, run_id, started, verdict

SMALL = SessionLimits(window_bytes=m.LOG_CHUNK_BYTES)


def assigned(run: str = RUN, limits: SessionLimits | None = None) -> Conversation:
    talk = Conversation.welcomed(limits=limits)
    assert talk.master.assign(assign(run))
    talk.exchange()
    talk.worker_events.clear()
    return talk


def running(run: str = RUN, limits: SessionLimits | None = None) -> Conversation:
    talk = assigned(run, limits)
    assert talk.worker.tell(started(run))
    talk.exchange()
    talk.master_events.clear()
    return talk


def taken(talk: Conversation) -> bytes:
    """The log bytes that the master received since the last call."""
    received = b"".join(event.data for event in talk.master_events if isinstance(event, m.Wrote))
    talk.master_events.clear()
    return received


def test_a_worker_says_hello_and_is_welcomed() -> None:
    talk = Conversation.begin()
    talk.exchange()
    assert talk.master_events == [hello()]
    talk.master.welcome(3, ())
    talk.exchange()
    (welcome,) = talk.worker_events
    assert isinstance(welcome, m.Welcome)
    assert (welcome.session, welcome.protocol) == (3, m.PROTOCOL)


def test_a_run_travels_from_assignment_to_forgetting() -> None:
    talk = assigned()
    log = b"hello\n" * 10
    talk.worker.tell(started())
    talk.write(log)
    talk.worker.tell(finished(log=log))
    talk.exchange()
    kinds = [type(event) for event in talk.master_events]
    assert kinds == [m.Started, m.Wrote, m.Finished]
    talk.master.forget(RUN, 1)
    talk.exchange()
    assert talk.worker_events == [m.Forget(run=RUN, epoch=1)]
    assert talk.worker.tell(m.Forgot(run=RUN, epoch=1))
    talk.exchange()
    assert talk.master_events[-1] == m.Forgot(run=RUN, epoch=1)
    assert talk.worker.closed is None
    assert talk.master.closed is None


def test_a_whole_short_run_is_one_frame() -> None:
    talk = assigned()
    talk.worker.tell(started())
    talk.write(b"done\n")
    talk.worker.tell(finished(log=b"done\n"))
    assert len(talk.worker.take_frames()) == 1


def test_finished_waits_for_the_last_byte_of_the_log() -> None:
    talk = running(limits=SMALL)
    log = bytes(1000) * 200
    talk.worker.tell(finished(log=log))
    talk.write(log)
    talk.exchange()
    assert not any(isinstance(event, m.Finished) for event in talk.master_events)
    received = b""
    while not any(isinstance(event, m.Finished) for event in talk.master_events):
        received += taken(talk)
        talk.master.acknowledge(RUN, 1, len(received))
        talk.exchange()
        talk.write(log)
        talk.exchange()
    assert received + taken(talk) == log


def test_a_full_window_stops_the_log_and_an_acknowledgement_opens_it() -> None:
    talk = running(limits=SMALL)
    log = bytes(3 * m.LOG_CHUNK_BYTES)
    talk.write(log)
    talk.to_master()
    talk.worker.log_ready(RUN, 1, len(log))
    assert talk.worker.wants() == []
    talk.master.acknowledge(RUN, 1, 1000)
    talk.to_worker()
    (want,) = talk.worker.wants()
    assert (want.offset, want.max_bytes) == (m.LOG_CHUNK_BYTES, 1000)


def test_a_range_is_asked_for_once() -> None:
    talk = running()
    talk.worker.log_ready(RUN, 1, 100)
    assert len(talk.worker.wants()) == 1
    assert talk.worker.wants() == []
    talk.worker.feed(RUN, 1, 0, b"abc")
    (want,) = talk.worker.wants()
    assert (want.offset, want.max_bytes) == (3, 97)


def test_logs_of_several_runs_take_turns() -> None:
    talk = Conversation.welcomed()
    runs = [run_id(n) for n in range(6)]
    for run in runs:
        talk.master.assign(assign(run))
    talk.exchange()
    for run in runs:
        talk.worker.tell(started(run))
        talk.worker.log_ready(run, 1, 10 * m.LOG_CHUNK_BYTES)
    asked = []
    for _ in range(3):
        wants = talk.worker.wants()
        asked += [want.run for want in wants]
        for want in wants:
            talk.worker.feed(want.run, 1, want.offset, bytes(want.max_bytes))
        talk.worker.take_frames()
    assert set(asked[:6]) == set(runs)
    assert max(asked.count(run) for run in runs) - min(asked.count(run) for run in runs) <= 1


def test_control_goes_before_log_bytes() -> None:
    talk = running()
    talk.write(bytes(200_000))
    talk.worker.tell(m.Stepped(run=RUN, epoch=1, steps=(Step(name="a", command="b"),)))
    talk.to_master()
    assert isinstance(talk.master_events[0], m.Stepped)


def test_frames_stay_small_however_much_there_is_to_say() -> None:
    talk = running()
    for _ in range(40):
        talk.write(bytes(m.FRAME_BYTES * 10))
    frames = talk.worker.take_frames()
    assert 0 < sum(map(len, frames)) <= m.FRAME_BYTES
    for number in range(2, 3002):
        talk.master.assign(assign(run_id(number)))
    assert all(len(frame) <= m.FRAME_BYTES for frame in talk.master.take_frames())


def test_line_times_travel_with_the_chunk_that_holds_their_offset() -> None:
    talk = running()
    talk.worker.log_ready(RUN, 1, 100_000)
    (want,) = talk.worker.wants()
    talk.worker.feed(RUN, 1, 0, bytes(want.max_bytes), [(0, 1), (65_535, 2), (65_536, 3)])
    talk.exchange()
    assert [event.times for event in talk.master_events if isinstance(event, m.Wrote)] == [
        ((0, 1), (65_535, 2)),
        ((65_536, 3),),
    ]


def test_after_reconnection_the_log_goes_on_where_the_server_holds_it() -> None:
    log = b"0123456789"
    talk = Conversation.welcomed([verdict("resume", log_offset=4)], held=(held(log_size=10),))
    assert talk.worker.tell(started())
    talk.write(log)
    talk.worker.tell(finished(log=log))
    talk.exchange()
    wrote = talk.master_events[1]
    assert isinstance(wrote, m.Wrote)
    assert (wrote.offset, wrote.data) == (4, b"456789")


def test_a_lost_run_delivers_the_rest_of_its_log() -> None:
    talk = Conversation.welcomed([verdict("deliver", log_offset=2)], held=(held(log_size=4),))
    talk.write(b"abcd")
    talk.worker.tell(finished(log=b"abcd"))
    talk.exchange()
    assert [type(event) for event in talk.master_events] == [m.Wrote, m.Finished]


def test_a_run_that_is_to_be_forgotten_says_nothing_but_forgot() -> None:
    talk = Conversation.welcomed([verdict("forget")], held=(held(log_size=9),))
    assert not talk.worker.tell(started())
    talk.worker.log_ready(RUN, 1, 9)
    assert talk.worker.wants() == []
    assert talk.worker.tell(m.Forgot(run=RUN, epoch=1))
    talk.exchange()
    assert talk.master_events == [m.Forgot(run=RUN, epoch=1)]


def test_of_a_run_in_quarantine_nothing_is_said() -> None:
    talk = Conversation.welcomed([verdict("quarantine")], held=(held(log_size=9),))
    assert not talk.worker.tell(started())
    assert not talk.worker.tell(m.Forgot(run=RUN, epoch=1))
    assert not talk.worker.log_ready(RUN, 1, 9)


def test_wishes_reach_only_runs_that_the_worker_has() -> None:
    talk = assigned()
    assert talk.master.cancel(RUN, 1, "ada")
    assert talk.master.abort(RUN, 1, "ada")
    assert not talk.master.cancel(RUN, 2, "ada")
    assert not talk.master.abort(run_id(9), 1, "ada")
    talk.exchange()
    assert talk.worker_events == [m.Cancel(run=RUN, epoch=1, by="ada"), m.Abort(run=RUN, epoch=1, by="ada")]


def test_a_cancelled_run_proves_that_it_never_started() -> None:
    talk = assigned()
    talk.master.cancel(RUN, 1, "ada")
    talk.exchange()
    talk.worker.tell(finished(never_started=True))
    talk.exchange()
    assert talk.master_events == [finished(never_started=True)]


def test_a_refused_run_may_be_assigned_again_with_the_next_epoch() -> None:
    talk = assigned()
    talk.worker.tell(m.Refused(run=RUN, epoch=1, reason="draining"))
    talk.exchange()
    assert talk.master_events == [m.Refused(run=RUN, epoch=1, reason="draining")]
    assert talk.master.assign(assign(epoch=2))
    talk.exchange()
    assert talk.worker_events == [assign(epoch=2)]


def test_an_assignment_that_comes_twice_is_one() -> None:
    talk = assigned()
    talk.master.assign(assign())
    talk.exchange()
    assert talk.worker_events == []


def test_an_assignment_that_fits_no_frame_is_not_sent() -> None:
    talk = Conversation.welcomed()
    assert not talk.master.assign(assign(definition={"type": "commands", "x": "y" * m.FRAME_LIMIT_BYTES}))
    assert talk.master.take_frames() == []


def test_results_that_are_too_large_become_an_error() -> None:
    talk = running()
    talk.worker.tell(finished(results=b" " * (m.RESULTS_BYTES + 1)))
    talk.exchange()
    (event,) = talk.master_events
    assert isinstance(event, m.Finished)
    assert event.results is None
    assert event.result_error is not None
    assert str(m.RESULTS_BYTES) in event.result_error


def test_texts_that_are_too_long_are_cut_before_they_are_sent() -> None:
    talk = running()
    talk.worker.tell(finished(cause=Cause(CauseCode.EXIT_CODE, "x" * 10_000), log_error="y\x00" * 5_000))
    talk.exchange()
    (event,) = talk.master_events
    assert isinstance(event, m.Finished)
    assert len(event.cause.message) == m.TEXT_CHARACTERS


def test_a_hello_over_a_limit_is_an_error_of_the_worker() -> None:
    with pytest.raises(ValueError, match="properties"):
        WorkerSession(hello(properties={"a": b"bytes"}), 0.0)


def test_bytes_that_nobody_asked_for_are_an_error_of_the_shell() -> None:
    talk = running()
    with pytest.raises(ValueError, match="fed 3 bytes"):
        talk.worker.feed(RUN, 1, 0, b"abc")


def test_messages_that_cross_a_forget_are_dropped() -> None:
    talk = running()
    talk.master.forget(RUN, 1)
    talk.worker.tell(m.Stepped(run=RUN, epoch=1, steps=()))
    talk.to_master()
    assert talk.master_events == []
    assert talk.master.closed is None


def test_nothing_is_said_before_the_welcome() -> None:
    talk = Conversation.begin(held=(held(),))
    assert not talk.worker.tell(started())
    assert talk.worker.wants() == []


def test_a_goodbye_ends_both_ends_with_its_reason() -> None:
    talk = Conversation.welcomed()
    talk.worker.goodbye("the worker stops")
    talk.to_master()
    assert talk.master_events == [m.Goodbye(reason="the worker stops"), Closed(m.CloseCode.NORMAL, "the worker stops")]
    other = Conversation.welcomed()
    other.master.close(m.CloseCode.GOING_AWAY, "the server stops")
    other.to_worker()
    assert other.worker_events[-1] == Closed(m.CloseCode.NORMAL, "the server stops")


def test_a_rejection_reaches_the_worker_with_its_reason_and_when_to_try_again() -> None:
    talk = Conversation.begin()
    talk.exchange()
    talk.master.reject("name_taken", "another installation is connected", 30.0)
    talk.exchange()
    assert talk.worker_events == [
        m.Reject(code="name_taken", reason="another installation is connected", retry_s=30.0),
        Closed(m.CloseCode.REJECTED, "another installation is connected"),
    ]
    assert talk.master.closed is not None


def test_both_ends_send_heartbeats_and_stay_alive() -> None:
    talk = Conversation.welcomed()
    for second in range(1, 200):
        talk.now = float(second)
        assert talk.worker.tick(talk.now) == []
        assert talk.master.tick(talk.now) == []
        talk.exchange()
    assert talk.master_events == talk.worker_events == []


def test_deadlines_tell_when_a_heartbeat_and_when_silence_is_due() -> None:
    talk = Conversation.welcomed()
    assert talk.worker.next_deadline() == 10.0
    talk.worker.tick(10.0)
    assert len(talk.worker.take_frames()) == 1
    assert talk.worker.next_deadline() == 20.0


def test_silence_ends_the_session_on_both_sides() -> None:
    talk = Conversation.welcomed()
    (at_master,) = talk.master.tick(20.0)
    (at_worker,) = talk.worker.tick(20.0)
    assert isinstance(at_master, Closed)
    assert isinstance(at_worker, Closed)
    assert at_master.code == at_worker.code == m.CloseCode.SILENT
    assert talk.master.next_deadline() is talk.worker.next_deadline() is None


def test_a_connection_without_a_hello_and_a_hello_without_an_answer_end() -> None:
    talk = Conversation.begin()
    (at_master,) = talk.master.tick(10.0)
    (at_worker,) = talk.worker.tick(30.0)
    assert isinstance(at_master, Closed)
    assert isinstance(at_worker, Closed)
    assert "no hello" in at_master.reason
    assert "did not answer the hello" in at_worker.reason


def test_silence_that_is_our_own_is_not_held_against_the_worker() -> None:
    talk = Conversation.welcomed()
    talk.master.touch(19.0)
    assert talk.master.tick(25.0) == []


def test_after_the_end_nothing_goes_in_or_out() -> None:
    talk = running()
    talk.worker.goodbye("stops")
    talk.exchange()
    assert not talk.worker.tell(finished())
    assert not talk.master.assign(assign(run_id(2)))
    assert talk.worker.receive(b"\x90", 1.0) == talk.master.receive(b"\x90", 1.0) == []
    assert talk.worker.tick(99.0) == talk.master.tick(99.0) == []
