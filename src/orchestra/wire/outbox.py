"""What one end still has to say, and how it becomes frames: control before log bytes before artifacts.

Control messages are encoded when they are put in (so that one that can never be sent is known at
once), log chunks when a frame is built (so that their bytes are copied once). The queue is bounded
by what feeds it: slots, one acknowledgement a run, and `LOG_BACKLOG_BYTES` of log.
"""

from collections import deque
from typing import Any, Final

import msgspec

from orchestra.wire import codec
from orchestra.wire import messages as m

LOG_BACKLOG_BYTES: Final = m.FRAME_BYTES - 4096
"""Log bytes that wait in the queue at most: one frame's worth, so that control never waits behind more."""

_WROTE_OVERHEAD: Final = 160
_TIME_BYTES: Final = 19
_SENT_OVERHEAD: Final = 200


class Outbox:
    """An ordered queue of messages; `take` empties it into frames."""

    def __init__(self, limit: int = m.FRAME_LIMIT_BYTES) -> None:
        self.limit = limit
        self._control: deque[msgspec.Raw] = deque()
        self._logs: deque[m.Wrote | msgspec.Raw] = deque()
        self._artifacts: deque[m.Sent] = deque()
        self._offsets: dict[tuple[str, int], int] = {}
        self.log_bytes = 0
        self.artifact_bytes = 0

    def put(self, message: m.Message) -> bool:
        """Queue a control message; False, and nothing queued, when it is larger than any frame may be."""
        raw = codec.encode_message(message)
        if len(memoryview(raw)) > self.limit - 8:
            return False
        self._control.append(raw)
        return True

    def put_log(self, message: m.Wrote) -> None:
        """Queue log bytes behind those that wait."""
        self._logs.append(message)
        self.log_bytes += len(message.data)

    def put_artifact(self, message: m.Sent) -> None:
        """Queue bytes of an artifact behind everything else."""
        self._artifacts.append(message)
        self.artifact_bytes += len(message.data)

    def put_after_log(self, message: m.Message) -> bool:
        """Queue a message that must not overtake the log bytes before it; False when it is too large."""
        raw = codec.encode_message(message)
        if len(memoryview(raw)) > self.limit - 8:
            return False
        self._logs.append(raw)
        return True

    def put_acknowledge(self, run: str, epoch: int, offset: int) -> None:
        """Queue an acknowledgement; a newer one replaces the one that waits."""
        self._offsets[run, epoch] = offset

    def clear(self) -> None:
        """Forget everything that waits."""
        self._control.clear()
        self._logs.clear()
        self._artifacts.clear()
        self._offsets.clear()
        self.log_bytes = self.artifact_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._control or self._logs or self._offsets or self._artifacts)

    def take(self) -> list[bytes]:
        """Return everything that waits as frames, each at most `FRAME_BYTES` or one message long."""
        for (run, epoch), offset in self._offsets.items():
            self.put(m.Acknowledge(run=run, epoch=epoch, offset=offset))
        self._offsets.clear()
        frames: list[bytes] = []
        group: list[m.Message | msgspec.Raw] = []
        size = 0
        queues: tuple[deque[Any], ...] = (self._control, self._logs, self._artifacts)
        for queue in queues:
            while queue:
                one = queue.popleft()
                one_size = _size(one)
                if group and (size + one_size > m.FRAME_BYTES or len(group) == m.MESSAGES_PER_FRAME):
                    frames.append(codec.encode(group))
                    group, size = [], 0
                group.append(one)
                size += one_size
        if group:
            frames.append(codec.encode(group))
        self.log_bytes = self.artifact_bytes = 0
        return frames


def _size(message: m.Wrote | m.Sent | msgspec.Raw) -> int:
    """How many bytes the message takes at most; what is encoded already is known exactly."""
    if isinstance(message, msgspec.Raw):
        return len(memoryview(message))
    if isinstance(message, m.Sent):
        return len(message.data) + _SENT_OVERHEAD + 4 * len(message.error or "")
    return len(message.data) + _WROTE_OVERHEAD + _TIME_BYTES * len(message.times)
