"""Artifacts over a session: asked for by the server, answered in order, behind everything else."""

from __future__ import annotations

import pytest

from orchestra.domain.artifact import ArtifactFile
from orchestra.wire import codec
from orchestra.wire import messages as m
from orchestra.wire.master_session import MasterSession
from support.conversation import RUN, Conversation, assign, finished, run_id, started, verdict

FILE = ArtifactFile("dist/a", 3, "a" * 64)
LISTED = m.Listed(run=RUN, epoch=1, files=(FILE,))


def ended(count: int = 1) -> Conversation:
    """A conversation in which a run has listed a file and ended."""
    talk = Conversation.welcomed()
    talk.master.assign(assign())
    talk.exchange()
    assert talk.worker.tell(started())
    assert talk.worker.tell(LISTED)
    assert talk.worker.tell(finished(artifact_count=count))
    talk.exchange()
    talk.master_events.clear()
    return talk


def answer(talk: Conversation, content: bytes) -> None:
    while (want := talk.worker.artifact_want()) is not None:
        talk.worker.feed_artifact(want, content[want.offset : want.offset + want.max_bytes])
    talk.to_master()


def sent(talk: Conversation) -> bytes:
    return b"".join(one.data for one in talk.master_events if isinstance(one, m.Sent))


def test_what_is_asked_for_comes_in_order_and_to_the_byte() -> None:
    talk, content = ended(), bytes(range(256)) * 4096
    assert talk.master.ask(RUN, 1, FILE.sha256, 0, 1 << 20)
    assert talk.master.ask(RUN, 1, "b" * 64, 100, 50)
    talk.to_worker()
    for _ in range(20):
        answer(talk, content)
    assert sent(talk) == content + content[100:150]
    assert talk.master.closed is None
    talk.master.forget(RUN, 1)
    talk.exchange()
    assert talk.worker.tell(m.Forgot(run=RUN, epoch=1))
    talk.exchange()
    assert not talk.master.knows(RUN, 1)


def test_an_error_answers_the_whole_question() -> None:
    talk = ended()
    assert talk.master.ask(RUN, 1, FILE.sha256, 0, 1 << 20)
    assert talk.master.ask(RUN, 1, "b" * 64, 0, 1)
    talk.to_worker()
    want = talk.worker.artifact_want()
    assert want is not None
    assert talk.worker.feed_artifact(want, b"", "it is gone")
    answer(talk, b"x")
    assert [(one.error, one.data) for one in talk.master_events if isinstance(one, m.Sent)] == [
        ("it is gone", b""),
        (None, b"x"),
    ]


def test_nothing_waits_for_more_than_a_frame_of_artifacts() -> None:
    talk = ended()
    for number in range(20):
        talk.master.ask(RUN, 1, f"{number:064x}", 0, 1 << 20)
    talk.master.assign(assign(run_id(2)))
    talk.exchange()
    assert talk.worker.tell(started(run_id(2)))
    log = bytes(1 << 20)
    talk.worker.log_ready(run_id(2), 1, len(log))
    for want in talk.worker.wants():
        talk.worker.feed(want.run, want.epoch, want.offset, log[: want.max_bytes])
    while (wanted := talk.worker.artifact_want()) is not None:
        talk.worker.feed_artifact(wanted, bytes(wanted.max_bytes))
    frames = talk.worker.take_frames()
    kinds = [one.__class__ for frame in frames for one in codec.decode_worker_frame(frame)]
    assert kinds[0] is m.Started
    last_log = max(place for place, kind in enumerate(kinds) if kind is m.Wrote)
    assert all(place > last_log for place, kind in enumerate(kinds) if kind is m.Sent)
    assert sum(len(frame) for frame in frames) < 2 * m.FRAME_BYTES


def test_a_worker_says_nothing_of_artifacts_to_a_server_that_does_not_know_them() -> None:
    talk = Conversation.begin()
    talk.exchange()
    old = m.Welcome(
        protocol=1,
        session=1,
        version="0.9",
        heartbeat_s=10,
        timeout_s=20,
        window_bytes=1 << 20,
        max_frame_bytes=m.FRAME_LIMIT_BYTES,
    )
    talk.worker.receive(codec.encode([old]), 0.0)
    talk.worker.receive(codec.encode([assign()]), 0.0)
    assert talk.worker.tell(started())
    assert talk.worker.tell(LISTED), "as if it had been said"
    (frame,) = talk.worker.take_frames()
    assert [type(one) for one in codec.decode_worker_frame(frame)] == [m.Started]


def test_a_server_that_asks_of_a_run_that_has_not_ended_is_broken() -> None:
    talk = Conversation.welcomed()
    talk.master.assign(assign())
    talk.exchange()
    question = m.Send(run=RUN, epoch=1, sha256="a" * 64, offset=0, size=1)
    talk.worker.receive(codec.encode([question]), 0.0)
    assert talk.worker.closed is not None
    assert talk.worker.closed.code is m.CloseCode.VIOLATION


def test_the_server_asks_only_runs_that_have_ended_in_this_session() -> None:
    talk = Conversation.welcomed([verdict("deliver")], held=())
    assert not talk.master.ask(RUN, 1, "a" * 64, 0, 1)
    assert not talk.master.ask(run_id(7), 1, "a" * 64, 0, 1)


def _broken(*messages: m.Message, asked: int = 0) -> MasterSession:
    talk = ended()
    if asked:
        talk.master.ask(RUN, 1, FILE.sha256, 0, asked)
    talk.master.receive(codec.encode(messages), 0.0)
    return talk.master


@pytest.mark.parametrize(
    "answer",
    [
        m.Sent(run=RUN, epoch=1, sha256="b" * 64, offset=0, data=b"x"),
        m.Sent(run=RUN, epoch=1, sha256=FILE.sha256, offset=1, data=b"x"),
        m.Sent(run=RUN, epoch=1, sha256=FILE.sha256, offset=0, data=b"xxxx"),
        m.Sent(run=RUN, epoch=1, sha256=FILE.sha256, offset=0),
        m.Sent(run=RUN, epoch=2, sha256=FILE.sha256, offset=0, data=b"x"),
        m.Sent(run=run_id(9), epoch=1, sha256=FILE.sha256, offset=0, data=b"x"),
    ],
)
def test_s50_an_answer_that_fits_no_question_ends_the_session(answer: m.Sent) -> None:
    session = _broken(answer, asked=3)
    assert session.closed is not None
    assert session.closed.code is m.CloseCode.VIOLATION


def test_s50_bytes_that_nobody_asked_for_end_the_session() -> None:
    session = _broken(m.Sent(run=RUN, epoch=1, sha256=FILE.sha256, offset=0, data=b"x"))
    assert session.closed is not None


@pytest.mark.parametrize("path", ["/etc/passwd", "../a", "a//b", "a\0b", "", "x" * 1025])
def test_s24_a_list_with_a_path_that_is_none_ends_the_session(path: str) -> None:
    talk = Conversation.welcomed()
    talk.master.assign(assign())
    talk.exchange()
    listed = m.Listed(run=RUN, epoch=1, files=(ArtifactFile(path, 1, "a" * 64),))
    talk.master.receive(codec.encode([started(), listed]), 0.0)
    assert talk.master.closed is not None
    assert talk.master.closed.code is m.CloseCode.VIOLATION


@pytest.mark.parametrize("sha256", ["A" * 64, "a" * 63, "../" + "a" * 61, "g" * 64])
def test_s24_a_hash_is_no_path(sha256: str) -> None:
    with pytest.raises(codec.BadFrame):
        codec.decode_worker_frame(codec.encode([m.Listed(run=RUN, epoch=1, files=(ArtifactFile("a", 1, sha256),))]))
    with pytest.raises(codec.BadFrame):
        codec.decode_master_frame(codec.encode([m.Send(run=RUN, epoch=1, sha256=sha256, offset=0, size=1)]))


def test_s50_a_list_of_too_many_files_ends_the_session() -> None:
    talk = Conversation.welcomed()
    talk.master.assign(assign())
    talk.exchange()
    files = tuple(ArtifactFile(f"f{number}", 1, "a" * 64) for number in range(m.FILES_PER_LISTED))
    listed = codec.encode([m.Listed(run=RUN, epoch=1, files=files)])
    talk.master.receive(codec.encode([started()]), 0.0)
    for _ in range(m.ARTIFACTS // m.FILES_PER_LISTED):
        talk.master.receive(listed, 0.0)
    assert talk.master.closed is None
    talk.master.receive(listed, 0.0)
    assert talk.master.closed is not None
