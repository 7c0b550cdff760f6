"""One session's artifacts across the wire: the server asks for ranges of files, the worker answers in order.

    server   asked ── Send ──►  worker   to answer ── Sent, Sent, … ──►  server

The server asks for no more than it takes at once, so its questions are the window; what it has, it does
not ask for, so resuming needs nothing but its own files. The worker remembers questions only as long
as the session lives.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from orchestra.wire import messages as m

ASKED: Final = 4096
"""Most questions of one session that wait for an answer: many small files are asked for at once."""


@dataclass(frozen=True, slots=True)
class ArtifactWant:
    """The session would send up to `max_bytes` of a file from `offset` on; answer with `feed_artifact`."""

    run: str
    epoch: int
    sha256: str
    offset: int
    max_bytes: int


class Answers:
    """The worker's end: questions in their order, and how much of the first one is answered."""

    def __init__(self) -> None:
        self._asked: deque[m.Send] = deque()
        self._answered = 0
        self.is_fed = True
        """The shell was asked for nothing that it has not fed yet."""

    def add(self, question: m.Send) -> bool:
        """Take a question; False when the server asks for more than it may."""
        if len(self._asked) >= ASKED:
            return False
        self._asked.append(question)
        return True

    def want(self, budget: int) -> ArtifactWant | None:
        """Return what to read now, None when nothing is asked for or something was not fed yet."""
        if not self.is_fed or not self._asked or budget <= 0:
            return None
        self.is_fed = False
        one = self._asked[0]
        size = min(one.size - self._answered, budget, m.ARTIFACT_CHUNK_BYTES)
        return ArtifactWant(one.run, one.epoch, one.sha256, one.offset + self._answered, size)

    def feed(self, want: ArtifactWant, data: bytes, error: str | None) -> m.Sent | None:
        """Return the answer to send; None when it is not needed any more."""
        self.is_fed = True
        if not self._asked:
            return None
        one = self._asked[0]
        if (one.run, one.epoch, one.sha256, one.offset + self._answered) != (
            want.run,
            want.epoch,
            want.sha256,
            want.offset,
        ):
            return None
        self._answered += len(data)
        if error is not None or self._answered >= one.size:
            self._asked.popleft()
            self._answered = 0
        return m.Sent(run=one.run, epoch=one.epoch, sha256=one.sha256, offset=want.offset, data=data, error=error)


class Questions:
    """The server's end: what was asked for, and whether an answer fits."""

    def __init__(self) -> None:
        self._asked: deque[m.Send] = deque()
        self._received = 0

    @property
    def has_room(self) -> bool:
        """One more question may be asked."""
        return len(self._asked) < ASKED

    def ask(self, question: m.Send) -> None:
        """Remember a question that is on its way."""
        self._asked.append(question)

    def fits(self, answer: m.Sent) -> bool:
        """Take an answer; False when nobody asked for it, or for something else first."""
        if not self._asked:
            return False
        one = self._asked[0]
        left = one.size - self._received
        is_next = (answer.run, answer.epoch, answer.sha256) == (one.run, one.epoch, one.sha256)
        if not is_next or answer.offset != one.offset + self._received or len(answer.data) > left:
            return False
        if answer.error is None and not answer.data:
            return False
        self._received += len(answer.data)
        if answer.error is not None or self._received == one.size:
            self._asked.popleft()
            self._received = 0
        return True
