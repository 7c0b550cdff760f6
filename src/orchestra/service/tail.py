"""Tail: one reader of the event table for the whole process, who passes on what happens.

    hint "event" ──► read after the last number, until nothing is left ──► every feed
                                                              └─► hint "run:<run>", for who looks at one
    no hint for `DEADLINE_S` ──► read all the same (another server may have written)

Whoever follows events opens a feed. A feed that is not read for so long that `FEED_EVENTS` wait is
told of a gap instead: its reader then reads rows anew, or goes away. Rules: sequence numbers only
grow; an event reaches a feed at most once, and at least once unless the feed has a gap.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from sqlalchemy import Connection

from orchestra.domain.errors import Unavailable
from orchestra.storage import events
from orchestra.storage import hints as topics
from orchestra.storage.database import Database
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event
from orchestra.storage.hints import Hints

START_TRIES: Final = 30
START_PAUSE_S: Final = 1.0
"""A database that restarts while the service starts is asked again for half a minute."""
PACE_S: Final = 0.01
"""A look that follows one as closely waits for so long: it costs as much as ten events, and they gather meanwhile."""
DEADLINE_S: Final = 1.0
"""How late a change of another server may be seen when its hint was lost."""
BATCH: Final = 1_000
FEED_EVENTS: Final = 10_000
"""Events that wait for one reader at most; each takes about a kilobyte."""

STOPPING: Final = "service.stopping"
"""Hint: the service stops."""
ACCESS_CHANGED: Final = topics.ACCESS

ACCESS: Final = frozenset(
    one
    for one in EventType
    if one.partition(".")[0] in ("user", "authentication", "session")
    # What only begins, or was refused, takes nothing from anybody; refusals can be many.
    and one.partition(".")[2] not in ("refused", "link_created")
    and one != "session.created"
)
"""Events after which somebody's permissions may be others."""


class Feed:
    """The events from one moment on, for one reader."""

    def __init__(self, tail: "Tail") -> None:
        self._tail = tail
        self._waiting: list[Event] = []
        self._wake = asyncio.Event()
        self.has_gap = False
        self.is_over = False

    def put(self, batch: list[Event]) -> None:
        """Called by the tail."""
        if len(self._waiting) + len(batch) > FEED_EVENTS:
            self._waiting.clear()
            self.has_gap = True
        else:
            self._waiting += batch
        self._wake.set()

    async def wait(self) -> list[Event]:
        """Wait for events and return them, oldest first; none after a gap or at the end. Deadlines: the caller's."""
        while not self._waiting and not self.has_gap and not self.is_over:
            self._wake.clear()
            await self._wake.wait()
        taken, self._waiting = self._waiting, []
        return taken

    def end(self) -> None:
        """Called by the tail when the service stops."""
        self.is_over = True
        self._wake.set()

    def close(self) -> None:
        """Follow no longer."""
        self._tail.feeds.pop(self, None)


class Tail:
    """Runs as one task of the service; `sequence` is the number up to which everything was passed on."""

    def __init__(self, database: Database, hints: Hints, on_access: Callable[[], None]) -> None:
        self._database = database
        self._hints = hints
        self._on_access = on_access
        self.sequence = 0
        self.feeds: dict[Feed, None] = {}
        self.is_over = False
        """The service stops: whoever answers without an end ends now."""

    def feed(self) -> Feed:
        """Follow from now on: from the event after `sequence`."""
        feed = Feed(self)
        self.feeds[feed] = None
        return feed

    async def start(self) -> None:
        """Begin at the end of the table; call it before anything is served.

        A database that is away is waited for, but not for ever. Raises Unavailable.
        """
        for tries_left in range(START_TRIES, -1, -1):
            try:
                self.sequence = await self._database.read(events.last_sequence)
            except Unavailable:
                if not tries_left:
                    raise
                await asyncio.sleep(START_PAUSE_S)
            else:
                return

    def stop(self) -> None:
        """End every feed, and wake whoever waits for something else (`STOPPING`)."""
        self.is_over = True
        for feed in tuple(self.feeds):
            feed.end()
        self._hints.publish(STOPPING)

    async def run(self) -> None:
        """Follow the table for ever. What goes wrong with the database is tried again at the next deadline."""
        loop = asyncio.get_running_loop()
        with self._hints.subscribe([topics.EVENT]) as subscription:
            while True:
                # When the database does not answer, the deadline below is the pause.
                with suppress(Unavailable):
                    await self._read()
                looked = loop.time()
                try:
                    async with asyncio.timeout(DEADLINE_S):
                        await subscription.wait()
                except TimeoutError:
                    continue
                if (early_s := looked + PACE_S - loop.time()) > 0:
                    await asyncio.sleep(early_s)

    async def _read(self) -> None:
        while True:
            batch = await self._database.read(self._after)
            if not batch:
                return
            self.sequence = batch[-1].sequence
            if any(event.type in ACCESS for event in batch):
                self._on_access()
                self._hints.publish(ACCESS_CHANGED)
            for feed in tuple(self.feeds):
                feed.put(batch)
            for run in {event.run for event in batch if event.run is not None}:
                self._hints.publish(topics.run(run))
            if len(batch) < BATCH:
                return

    def _after(self, connection: Connection) -> list[Event]:
        return events.after(connection, self.sequence, BATCH)
