"""Links: which workers are connected to this server now, and since when the others are away."""

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from sqlalchemy import Connection

from orchestra.domain.access import Principal
from orchestra.storage import hints
from orchestra.storage.hints import Subscription
from orchestra.wire import messages as m

NEWS_S: Final = 3600.0
"""A worker that is refused again and again makes one event in this time, not one with each attempt."""
_REMEMBERED: Final = 1000


class Connected(Protocol):
    """A link whose session was welcomed and is not over."""

    worker: str
    number: int
    slots: int
    principal: Principal

    def assign(self, order: m.Assign) -> bool:
        """Give the worker a run; False when the session is over or the order fits no frame: it was not sent."""

    def rests_s(self) -> float:
        """Return for how many seconds nothing should be assigned: the worker has just refused a run."""

    def look_at_wishes(self) -> None:
        """Somebody may wish something of the worker."""

    def close(self, code: m.CloseCode, reason: str) -> None:
        """End the session with a reason that the worker shows."""


class Links:
    """The newest welcomed link of each worker. `wishes` listens for all of them."""

    def __init__(self, wishes: Subscription, now: float) -> None:
        """`now` is monotonic seconds: whoever is not connected is away since then at the earliest."""
        self._wishes = wishes
        self._by_worker: dict[str, Connected] = {}
        self._away_since: dict[str, float] = {}
        self._started = now
        self._told: dict[tuple[str, ...], float] = {}
        self.owed: list[Callable[[Connection], object]] = []
        """Writes about sessions that are over, which the database could not take; the master tries again."""

    def begin(self, now: float) -> None:
        """The rows say that nobody is connected: whoever is not is away since now at the earliest."""
        self._started = now

    def listen(self, worker: str) -> None:
        """Hear of wishes from now on; call it before the rows are read that a session begins with."""
        self._wishes.add(hints.wish(worker))

    def add(self, link: Connected) -> Connected | None:
        """A session stands; return the older link of the same worker, which it replaces."""
        older = self._by_worker.get(link.worker)
        self._by_worker[link.worker] = link
        self._away_since.pop(link.worker, None)
        return older

    def remove(self, link: Connected, now: float) -> None:
        """A session is over; a newer one stays."""
        if self._by_worker.get(link.worker) is link:
            del self._by_worker[link.worker]
            self._away_since[link.worker] = now
            self._wishes.discard(hints.wish(link.worker))

    def of(self, worker: str) -> Connected | None:
        """Return the worker's newest welcomed link."""
        return self._by_worker.get(worker)

    def slots(self) -> int:
        """Return how many runs all connected workers could execute at once."""
        return sum(link.slots for link in self._by_worker.values())

    def resting(self) -> dict[str, float]:
        """Return the workers that refused a run lately: for how many seconds they get none."""
        rests = {worker: link.rests_s() for worker, link in self._by_worker.items()}
        return {worker: rest_s for worker, rest_s in rests.items() if rest_s > 0}

    def by_topic(self, topic: str) -> Connected | None:
        """Return the link that a wish's topic speaks of."""
        return self._by_worker.get(topic.removeprefix(hints.wish("")))

    def away_since(self, worker: str) -> float:
        """Return since when (monotonic seconds) this server knows the worker to be away."""
        return self._away_since.get(worker, self._started)

    def is_news(self, what: tuple[str, ...], now: float) -> bool:
        """Tell whether `what` was not said for `NEWS_S` seconds; it counts as said then."""
        if now < self._told.get(what, -NEWS_S) + NEWS_S:
            return False
        if len(self._told) >= _REMEMBERED:
            self._told.clear()
        self._told[what] = now
        return True

    def __iter__(self) -> Iterator[Connected]:
        return iter(tuple(self._by_worker.values()))

    def __len__(self) -> int:
        return len(self._by_worker)
