"""The stream of events: what happens, as far as the caller may see it, as server-sent events without an end.

event: run.started
id: 4711                     the event's number: `Last-Event-ID` of a client that comes back
data: {"sequence": 4711, "type": "run.started", …}
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from orchestra.domain.errors import InvalidContent, Problem
from orchestra.service import sse
from orchestra.service.access_watch import AccessWatch
from orchestra.service.events_view import may_see, show_event
from orchestra.service.parts import Parts
from orchestra.service.tail import ACCESS, BATCH, Feed
from orchestra.storage import events
from orchestra.storage.events import Event

_KINDS: Final = {
    "runs": "run",
    "jobs": "job",
    "schedules": "schedule",
    "projects": "project",
    "workers": "worker",
    "users": "user",
}
_OBJECTS: Final = ("project", "job", "run", "worker", "user")


@dataclass(frozen=True, slots=True)
class EventTopics:
    """Which events; empty means all. `kinds` are first parts of types, `objects` (field, identifier) pairs."""

    kinds: frozenset[str]
    objects: frozenset[tuple[str, str]]

    def has(self, event: Event) -> bool:
        """Tell whether the event belongs to one of the topics."""
        if not self.kinds and not self.objects:
            return True
        if event.type.partition(".")[0] in self.kinds:
            return True
        return any(getattr(event, field) == identifier for field, identifier in self.objects)


def read_topics(texts: Iterable[str]) -> EventTopics:
    """Read `runs`, `run:UUID`, `project:NAME` and so on. Raises InvalidContent with every problem."""
    kinds: set[str] = set()
    objects: set[tuple[str, str]] = set()
    problems: list[Problem] = []
    for text in texts:
        field, colon, identifier = text.partition(":")
        if not colon and text in _KINDS:
            kinds.add(_KINDS[text])
        elif colon and field in _OBJECTS and identifier:
            objects.add((field, identifier))
        else:
            what = f"expected one of {', '.join(_KINDS)}, or {', '.join(f'{one}:NAME' for one in _OBJECTS)}"
            problems.append(Problem("topic", f"{what}, got {text!r}"))
    if problems:
        raise InvalidContent("the stream cannot be opened", tuple(problems))
    return EventTopics(frozenset(kinds), frozenset(objects))


async def follow(parts: Parts, after: int | None, topics: EventTopics, access: AccessWatch) -> AsyncIterator[bytes]:
    """Give the events after number `after` (None: from now on), until the caller's access ends."""
    feed = parts.tail.feed()
    position = parts.tail.sequence if after is None else after
    # What lies before the feed, or was lost by it, comes from the table.
    is_behind = after is not None
    # At once, so that a client knows that it is connected before anything happens, and misses nothing when the
    # connection breaks before the first event.
    yield sse.position(position)
    spoken = parts.clock.monotonic()
    try:
        while True:
            if is_behind:
                start = position
                batch = await parts.database.read(lambda rows: events.after(rows, start, BATCH))  # noqa: B023
                is_behind = len(batch) == BATCH
            else:
                batch = await _next(feed, access.wait_s())
                is_behind, feed.has_gap = feed.has_gap, False
            if any(event.type in ACCESS for event in batch):
                access.doubt()
            if parts.tail.is_over or not await access.holds():
                return
            for event in batch:
                if event.sequence > position:
                    position = event.sequence
                    if topics.has(event) and may_see(access.caller.principal, event):
                        yield sse.event(event.type, msgspec.json.encode(show_event(event)), event.sequence)
                        spoken = parts.clock.monotonic()
            if parts.clock.monotonic() - spoken >= sse.ALIVE_S:
                yield sse.ALIVE
                spoken = parts.clock.monotonic()
    finally:
        feed.close()


async def _next(feed: Feed, wait_s: float) -> list[Event]:
    """What the feed has next; nothing when the time is over."""
    try:
        async with asyncio.timeout(wait_s):
            return await feed.wait()
    except TimeoutError:
        return []
