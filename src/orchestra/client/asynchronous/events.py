"""Events (everything that happens and that the caller may see), and the search."""

from asyncio import sleep
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from orchestra.client import addresses
from orchestra.client.answers import Hit, Hits
from orchestra.client.asynchronous.connection import AsyncConnection
from orchestra.client.entities import Event
from orchestra.client.options import QUIET_S
from orchestra.client.retrying import Patience
from orchestra.client.server_sent import EventReader
from orchestra.domain.errors import Unavailable


class AsyncEvents(AsyncConnection):
    """Operations of events, and searching."""

    async def search(self, q: str, *, types: Sequence[str] = (), limit: int | None = None) -> tuple[Hit, ...]:
        """What has `q` in its name, best first; `build#12` or a UUID's beginning is a run.

        `types` are project, job, schedule, run, worker, user; none means all. The server gives 20 unless told.
        """
        query = addresses.query({"q": q, "types": types, "limit": limit})
        return (await self._value(Hits, "GET", "/search", params=query)).items

    async def follow_events(
        self, topics: Sequence[str] = (), *, after: int | None = None
    ) -> AsyncGenerator[Event, None]:
        """Everything that happens from now on, or after the event of number `after`; without an end, without a gap.

        `topics` are `runs`, `jobs`, `schedules`, `projects`, `workers`, `users`, `project:NAME`, `run:UUID`,
        `worker:NAME`; none means all. Raises NotAuthenticated when the authentication ends, and Unavailable when
        the server stays away for `patience_s`.
        """
        query = addresses.query({"topic": topics, "after": after})
        reader, patience = EventReader(), Patience(self._patience_s)
        while True:
            headers = {"Last-Event-ID": reader.identifier} if reader.identifier else {}
            try:
                stream = self._events("/events", reader, QUIET_S, params=query, headers=headers)
                async with aclosing(stream) as events:
                    async for one in events:
                        patience.renew()
                        if one is not None:
                            yield self._decode(one.data, Event)
                error = Unavailable(f"{self.server} ended the stream of events")
            except Unavailable as broken:
                error = broken
            reader.restart()
            await sleep(patience.pause_s(error))
