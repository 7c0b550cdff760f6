# auto-generated from asynchronous/logs.py by `make client`; change that one.
"""Logs: their bytes, windows of lines, and following them while they grow."""

from collections.abc import Callable, Generator
from contextlib import closing
from time import sleep
from typing import Final

from orchestra.client.addresses import path
from orchestra.client.answers import LogInfo, LogPiece, LogSection, LogWindow
from orchestra.client.entities import RunDetail
from orchestra.client.options import QUIET_S
from orchestra.client.retrying import Patience, Tell
from orchestra.client.server_sent import EventReader
from orchestra.client.synchronous.connection import Connection
from orchestra.domain.errors import Unavailable

PIECE_BYTES: Final = 1 << 20
"""Most bytes of one piece of a log."""


class Logs(Connection):
    """Operations of logs. `run` is a run's UUID; offsets are bytes, lines count from 1."""

    def log(self, run: str, start: int = 0, size: int | None = None) -> bytes:
        """The log's bytes from `start` on, as far as they are there, at most `size`; of a pending run none."""
        if start < 0 or (size is not None and size < 0):
            raise ValueError(f"expected an offset and a size, got {start} and {size}")
        if size == 0:
            return b""
        last = "" if size is None else str(start + size - 1)
        headers = {"Range": f"bytes={start}-{last}"}
        answer = self._request("GET", path("runs", run, "log"), allowed=(416,), headers=headers)
        if answer.status_code == 416:
            return b""
        # Without a body to cut (an empty log) the server answers 200 with everything: nothing.
        return answer.content if answer.status_code == 206 else answer.content[start:]

    def log_pieces(self, run: str, start: int = 0) -> Generator[bytes, None, None]:
        """The bytes that are there now, piece by piece, so that a log of gigabytes needs no memory.

        Where the connection breaks it goes on at the byte that was reached.
        """
        offset, patience = start, Patience(self._patience_s)
        while True:
            try:
                headers = {"Range": f"bytes={offset}-"}
                with self._stream(path("runs", run, "log"), allowed=(416,), headers=headers) as answer:
                    if answer.status_code == 206:
                        for piece in answer.iter_bytes(PIECE_BYTES):
                            offset += len(piece)
                            patience.renew()
                            yield piece
                return
            except Unavailable as error:
                sleep(patience.pause_s(error))

    def write_log(self, run: str, write: Callable[[bytes], object], start: int = 0) -> int:
        """Pass what `log_pieces` gives to `write`; return how many bytes there were."""
        size = 0
        with closing(self.log_pieces(run, start)) as pieces:
            for piece in pieces:
                write(piece)
                size += len(piece)
        return size

    def follow_log(self, run: str, start: int = 0, *, tell: Tell | None = None) -> Generator[bytes, None, None]:
        """The log's bytes from `start` on, as they come, until the run has ended and all were read.

        A broken stream loses nothing and doubles nothing: it is opened again at the byte that was reached. Raises
        Unavailable when the server stays away for `patience_s`; `tell` is called with the reason when it does not
        answer, and with None when it does again.
        """
        offset, patience = start, Patience(self._patience_s, tell)
        while True:
            try:
                # What is there already comes as raw bytes: they are cheaper than events.
                while piece := self.log(run, offset, PIECE_BYTES):
                    offset += len(piece)
                    patience.renew()
                    yield piece
                with closing(self._log_events(run, offset, patience)) as pieces:
                    for piece in pieces:
                        offset += len(piece)
                        yield piece
                if (self._run_of_log(run)).has_ended:
                    while piece := self.log(run, offset, PIECE_BYTES):
                        offset += len(piece)
                        yield piece
                    return
                error = Unavailable(f"{self.server} ended the stream of the run's log")
            except Unavailable as broken:
                error = broken
            sleep(patience.pause_s(error))

    def _log_events(self, run: str, offset: int, patience: Patience) -> Generator[bytes, None, None]:
        """What the log's stream brings from `offset` on, until it ends."""
        place, query = path("runs", run, "log", "stream"), {"offset": offset}
        with closing(self._events(place, EventReader(), QUIET_S, params=query)) as events:
            for event in events:
                patience.renew()
                if event is not None and event.kind == "log":
                    yield self._decode(event.data, LogPiece).content

    def _run_of_log(self, run: str) -> RunDetail:
        return self._value(RunDetail, "GET", path("runs", run))

    def log_info(self, run: str) -> LogInfo:
        """How long the log is, and when it was written."""
        return self._value(LogInfo, "GET", path("runs", run, "log", "info"))

    def log_lines(self, run: str, start: int = 1, count: int = 500, *, columns: int | None = None) -> LogWindow:
        """Lines from `start` on (negative: from the end), at most `count`; longer ones than `columns` bytes are cut."""
        query = {"start": start, "count": count} | ({} if columns is None else {"cols": columns})
        return self._value(LogWindow, "GET", path("runs", run, "log", "lines"), params=query)

    def log_line(self, run: str, line: int) -> bytes:
        """One whole line, however long, without its newline. Raises NotFound."""
        return (self._request("GET", path("runs", run, "log", "lines", line))).content

    def log_sections(self, run: str) -> tuple[LogSection, ...]:
        """Which lines each step of the run wrote."""
        return self._all(LogSection, path("runs", run, "log", "sections"))
