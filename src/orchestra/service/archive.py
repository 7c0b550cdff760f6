"""A run as a ZIP file, made while it is sent: memory for one piece, whatever the size of log and artifacts.

    NAME/run.json, parameters.json, definition.json, steps.json, results.json, events.json, log.txt
    NAME/artifacts.json         what the run left: path, size, SHA-256, state
    NAME/artifacts/<path>       the bytes, where they are here

ZIP as in PKWARE's APPNOTE 6.3: entries of unknown size are followed by a data descriptor, large ones are
ZIP64. Text is compressed, artifacts are stored as they are: most are compressed already, and a core gives
ten times the bytes.

Names are safe on every system that unpacks: no absolute ones, no `..`, no backslash, colon or control
character, no links; names that become equal get a number.
"""

import io
import re
import zipfile
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from orchestra.domain.artifact import Artifact, ArtifactState
from orchestra.domain.run import Run
from orchestra.service import entities
from orchestra.service.events_view import show_event
from orchestra.service.parts import Parts
from orchestra.storage import artifacts, events
from orchestra.storage.logs import on_thread
from orchestra.storage.paging import Page

PIECE_BYTES: Final = 1 << 17
_EARLIEST_YEAR: Final = 1980
"""ZIP knows no earlier date."""
_LEVEL: Final = 1
"""Of deflate: 100 MB/s for logs, which become a tenth; the best level gives little more at a tenth of the speed."""


async def archive(parts: Parts, run: Run, definition: dict[str, Any], name: str) -> AsyncIterator[bytes]:
    """Give the archive in pieces; `name` is its only folder."""
    sink = _Sink()
    names = _Names(name)
    with zipfile.ZipFile(sink, "w") as made:
        moment = run.completion_date or run.update_date
        history = await parts.database.read(lambda rows: events.of_run(rows, run.identifier))
        for title, value in (
            ("run", entities.run(run)),
            ("parameters", run.parameters),
            ("definition", definition),
            ("steps", entities.steps(run.steps)),
            ("results", run.results),
            ("events", [show_event(event) for event in history]),
        ):
            text = msgspec.json.format(msgspec.json.encode(value), indent=2)
            with made.open(_entry(names.own(f"{title}.json"), moment, is_text=True), "w") as entry:
                entry.write(text + b"\n")
            yield sink.take()
        async for piece in _log(parts, run, made, _entry(names.own("log.txt"), moment, is_text=True), sink):
            yield piece
        async for piece in _artifacts(parts, run, made, names, sink):
            yield piece
    yield sink.take()


async def _log(
    parts: Parts, run: Run, made: zipfile.ZipFile, info: zipfile.ZipInfo, sink: "_Sink"
) -> AsyncIterator[bytes]:
    """The log as it is now; compressing waits on a thread, for other requests go on."""
    with made.open(info, "w", force_zip64=True) as entry:
        async for piece in parts.logs.stream(run.identifier):
            await on_thread(lambda: entry.write(piece))  # noqa: B023 - awaited before the next
            if data := sink.take():
                yield data
    yield sink.take()


async def _artifacts(
    parts: Parts, run: Run, made: zipfile.ZipFile, names: "_Names", sink: "_Sink"
) -> AsyncIterator[bytes]:
    moment = run.completion_date or run.update_date
    listed: list[bytes] = []
    cursor: str | None = None
    while True:
        page = await parts.database.read(lambda rows: _page(rows, run.identifier, cursor))  # noqa: B023
        for one in page.items:
            listed.append(msgspec.json.encode(entities.artifact(one)))
            if one.state is not ArtifactState.STORED:
                continue
            with made.open(_entry(names.artifact(one.path), moment, is_text=False), "w", force_zip64=True) as entry:
                async for piece in parts.artifacts.stream(one.sha256, 0, one.size):
                    entry.write(piece)
                    yield sink.take()
            yield sink.take()
        cursor = page.next_cursor
        if cursor is None:
            break
    with made.open(_entry(names.own("artifacts.json"), moment, is_text=True), "w") as entry:
        entry.write(b"[" + b",\n ".join(listed) + b"]\n")


def _page(rows: Connection, run: str, cursor: str | None) -> Page[Artifact]:
    return artifacts.page(rows, run, None, cursor, 1_000)


def _entry(name: str, moment: datetime, *, is_text: bool) -> zipfile.ZipInfo:
    """An ordinary file, readable by its owner: what a run leaves may be secret."""
    date = moment.timetuple()[:6] if moment.year >= _EARLIEST_YEAR else (_EARLIEST_YEAR, 1, 1, 0, 0, 0)
    info = zipfile.ZipInfo(name, date)
    info.compress_type = zipfile.ZIP_DEFLATED if is_text else zipfile.ZIP_STORED
    info._compresslevel = _LEVEL if is_text else None  # type: ignore[attr-defined]
    info.external_attr = 0o100600 << 16
    return info


class _Names:
    """Names inside of the archive, each once."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._taken: set[str] = set()

    def own(self, name: str) -> str:
        """A file of ours: artifacts are in a folder of their own, so it is free."""
        return f"{self._folder}/{name}"

    def artifact(self, path: str) -> str:
        """A name for an artifact; names that differ only in case or in what is replaced get a number."""
        safe = safe_name(path)
        for candidate in _candidates(safe):
            if candidate.casefold() not in self._taken:
                self._taken.add(candidate.casefold())
                return f"{self._folder}/artifacts/{candidate}"
        raise AssertionError("candidates never end")


def safe_name(path: str) -> str:
    """Return `path` with what no system's file may be called replaced by `_`."""
    parts = [re.sub(r'[\x00-\x1f\x7f-\x9f\\:*?"<>|]', "_", part) for part in path.split("/")]
    return "/".join("_" if part in ("", ".", "..") else part.rstrip(" .") or "_" for part in parts)


def _candidates(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}~{number}"
        number += 1


class _Sink(io.RawIOBase):
    """What `zipfile` writes to: it cannot seek, so sizes follow their entries; `take` empties it."""

    def __init__(self) -> None:
        super().__init__()
        self._data = bytearray()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: Any) -> int:
        """Keep it until it is taken."""
        self._data += data
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        data = bytes(self._data)
        self._data.clear()
        return data
