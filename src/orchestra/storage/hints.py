"""Hints: lossy wake-ups inside one process; the row is the truth, a hint only says where to look.

Rules: publish after the commit, never before; whoever is woken reads the rows, for a hint carries
nothing but its topic. A topic that is published while its subscriber is busy is remembered once, so
a burst of a thousand changes wakes a reader one time. A hint that is lost (another process, a
crash) costs at most one deadline of whoever waits.

It does not know who reads what, nor the database. Everything here belongs to one event loop:
publish and wait on its thread.
"""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self

PENDING: Final = "pending"
"""A run may have become placeable: a new run, a freed slot, a worker that came or changed. For the dispatcher."""
EVENT: Final = "event"
"""The event table grew. For whoever follows it."""
ACCESS: Final = "access"
"""Somebody's permissions may be others now. For whoever serves an open stream, socket or worker."""


def wish(worker: str) -> str:
    """Topic: someone wishes something of `worker` or its runs (cancel, abort, disconnect, disable)."""
    return f"wish:{worker}"


def log(run: str) -> str:
    """Topic: more bytes of the log of `run` are durable, or it is complete."""
    return f"log:{run}"


def run(run: str) -> str:
    """Topic: something of `run` changed that is no event: its live steps, why it waits. For whoever looks at it."""
    return f"run:{run}"


class Subscription:
    """What one reader waits for. Close it, or use it as a context manager, when the reader ends."""

    def __init__(self, hints: "Hints") -> None:
        self._hints = hints
        self._topics: dict[str, None] = {}
        self._raised: dict[str, None] = {}
        self._wake = asyncio.Event()

    def add(self, topic: str) -> None:
        """Listen to `topic` too; what was published before is not repeated, so read the rows after this."""
        if topic not in self._topics:
            self._topics[topic] = None
            self._hints.attach(topic, self)

    def discard(self, topic: str) -> None:
        """Stop listening to `topic`."""
        if topic in self._topics:
            del self._topics[topic]
            self._raised.pop(topic, None)
            self._hints.detach(topic, self)

    def raised(self, topic: str) -> None:
        """Remember that `topic` was published and wake the reader; called by `Hints`."""
        self._raised[topic] = None
        self._wake.set()

    async def wait(self) -> tuple[str, ...]:
        """Wait until something that we listen to was published; return those topics, each once, oldest first.

        A cancelled wait loses nothing. Deadlines are the caller's (`asyncio.timeout`).
        """
        while not self._raised:
            self._wake.clear()
            await self._wake.wait()
        topics = tuple(self._raised)
        self._raised.clear()
        return topics

    def close(self) -> None:
        """Stop listening to everything."""
        for topic in tuple(self._topics):
            self.discard(topic)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Hints:
    """The process's board of wake-ups."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, dict[Subscription, None]] = {}

    def publish(self, topic: str) -> None:
        """Wake everyone who listens to `topic` now. Call it after the commit that it announces."""
        for subscription in tuple(self._subscriptions.get(topic, ())):
            subscription.raised(topic)

    def subscribe(self, topics: Iterable[str]) -> Subscription:
        """Listen to `topics`. Subscribe first, then read the rows: in that order nothing falls between."""
        subscription = Subscription(self)
        for topic in topics:
            subscription.add(topic)
        return subscription

    def attach(self, topic: str, subscription: Subscription) -> None:
        """Used by `Subscription.add`."""
        self._subscriptions.setdefault(topic, {})[subscription] = None

    def detach(self, topic: str, subscription: Subscription) -> None:
        """Used by `Subscription.discard`; a topic without listeners costs nothing."""
        listeners = self._subscriptions.get(topic, {})
        listeners.pop(subscription, None)
        if not listeners:
            self._subscriptions.pop(topic, None)

    def topics(self) -> tuple[str, ...]:
        """The topics that have listeners, in the order in which the first one came."""
        return tuple(self._subscriptions)
