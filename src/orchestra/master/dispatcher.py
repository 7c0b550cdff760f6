"""Dispatcher: pending runs × connected workers → assignments, whenever something may have become possible.

    hint or audit ──► snapshot (read) ──► place ──► claim (write) ──► Assign, each to its session
                                                └─► changed causes of the runs that wait

Hints wake it: a new run, a freed slot, a worker that came or changed, an enabled job. While it works,
hints pile up into one more pass, so a burst of triggers is few passes. The audit is the one deadline:
it finds what a lost hint would have told. Only welcomed sessions get assignments, and a worker that
has just refused a run rests for a moment.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from orchestra.domain.errors import Unavailable
from orchestra.domain.placement import Plan, Snapshot, place
from orchestra.domain.run import CauseCode
from orchestra.master import orders
from orchestra.master.orders import Claimed, Order, Recipe, RevisionKey
from orchestra.master.registry import Links
from orchestra.master.seams import Parts
from orchestra.storage import hints, runs
from orchestra.storage.tokens import SECRET_BYTES
from orchestra.telemetry import LogEvent, emit

RECIPES: Final = 1000
"""Definitions that are remembered: they never change, and the hot path need not read them again."""
EXPLAINED_RUNS: Final = 1000
"""Of runs that differ by number only, so many are told why they wait; the rest wait for the same."""
EXPLAIN_S: Final = 1.0
"""Looking at so many costs some 20 ms; between two such passes only as many are read as could start."""
RETRY_S: Final = 1.0
"""After the database did not answer."""


class Dispatcher:
    """One for each server; assigns to this server's links only."""

    def __init__(self, parts: Parts, links: Links) -> None:
        self._parts = parts
        self._links = links
        self._recipes: OrderedDict[RevisionKey, Recipe] = OrderedDict()
        self._explained = -EXPLAIN_S
        self._owes_explanation = False

    async def run(self) -> None:
        """Work until cancelled."""
        with self._parts.hints.subscribe([hints.PENDING]) as subscription:
            while True:
                wait_s = self._until_next() if await self._safe_pass() else RETRY_S
                try:
                    async with asyncio.timeout(wait_s):
                        await subscription.wait()
                except TimeoutError:
                    continue

    def _until_next(self) -> float:
        """How many seconds later there is something to do although nobody hints."""
        waits = [self._parts.settings.audit_s, *self._links.resting().values()]
        if self._owes_explanation:
            waits.append(max(0.0, self._explained + EXPLAIN_S - self._parts.clock.monotonic()))
        return min(waits)

    async def _safe_pass(self) -> bool:
        """One pass; a failure is said and survived."""
        try:
            await self.dispatch()
        except Unavailable as error:
            emit(LogEvent.TASK_FAILED, task="dispatcher", error=error.detail)
            return False
        except Exception as error:
            emit(LogEvent.TASK_FAILED, task="dispatcher", error=error)
            return False
        return True

    async def dispatch(self) -> None:
        """Look at the queue once and assign what can be assigned. Raises Unavailable."""
        attempt = _Attempt(self._parts, self._links, self._recipes)
        now = self._parts.clock.monotonic()
        self._owes_explanation = now < self._explained + EXPLAIN_S
        if self._owes_explanation:
            plan, claimed = await self._write(attempt, attempt.assign)
        else:
            self._explained = now
            snapshot = await self._parts.database.read(lambda connection: runs.snapshot(connection, EXPLAINED_RUNS))
            plan = attempt.place(snapshot)
            if not plan.assignments and not plan.changed:
                return
            plan, claimed = await self._write(attempt, lambda connection: attempt.claim(connection, plan))
        for key, recipe in claimed.recipes.items():
            self._remember(key, recipe)
        if claimed.orders:
            self._parts.hints.publish(hints.EVENT)
        for run, _ in plan.changed:
            self._parts.hints.publish(hints.run(run))
        await self._send(claimed.orders)
        if claimed.orders or plan.causes:
            emit(LogEvent.DISPATCH_PASSED, assigned=len(claimed.orders), waiting=len(plan.causes))

    async def _write(
        self, attempt: "_Attempt", function: Callable[[Connection], tuple[Plan, Claimed]]
    ) -> tuple[Plan, Claimed]:
        try:
            return await self._parts.database.write(function)
        except Unavailable:
            # It may have been committed all the same, and then these runs would wait for an order that nobody sends.
            secrets, at = dict(attempt.secrets), attempt.now
            self._links.owed.append(lambda connection: orders.undo(connection, secrets, at))
            raise

    async def _send(self, claimed: tuple[Order, ...]) -> None:
        unsent: list[Order] = []
        too_large: list[Order] = []
        for order in claimed:
            link = self._links.of(order.worker)
            if link is None or link.number != order.session:
                unsent.append(order)
            elif not link.assign(order.message):
                too_large.append(order)
        if not unsent and not too_large:
            return
        now = self._parts.clock.now()

        def undo(connection: Connection) -> None:
            orders.give_back(connection, unsent, now)
            orders.refuse(connection, too_large, now)

        try:
            await self._parts.database.write(undo)
        except Unavailable:
            self._links.owed.append(undo)
        self._parts.hints.publish(hints.EVENT)
        self._parts.hints.publish(hints.PENDING)

    def _remember(self, key: RevisionKey, recipe: Recipe) -> None:
        self._recipes[key] = recipe
        while len(self._recipes) > RECIPES:
            self._recipes.popitem(last=False)


class _Attempt:
    """One pass: what the event loop knows at its beginning, and what is done with it on the database's thread."""

    def __init__(self, parts: Parts, links: Links, known: Mapping[RevisionKey, Recipe]) -> None:
        self._random = parts.random
        self._ours = frozenset(link.worker for link in links)
        self._resting = frozenset(links.resting())
        self._known = dict(known)
        self._limits = parts.settings.artifact_limits
        self.now = parts.clock.now()
        self.secrets: dict[str, bytes] = {}
        """Of the tokens that this pass gives out, by run."""

    def place(self, snapshot: Snapshot) -> Plan:
        """Place without the workers that rest. Why runs wait is then not said anew: the refusal's own words stand."""
        if not self._resting:
            return place(snapshot)
        workers = tuple(
            replace(one, used=one.worker.concurrency) if one.worker.identifier in self._resting else one
            for one in snapshot.workers
        )
        plan = place(replace(snapshot, workers=workers))
        said = tuple((run, cause) for run, cause in plan.changed if cause.code is not CauseCode.WAITING_FOR_WORKER)
        return replace(plan, changed=said)

    def claim(self, connection: Connection, plan: Plan) -> tuple[Plan, Claimed]:
        """Commit what concerns this server's links, and the causes."""
        ours = [one for one in plan.assignments if one.worker in self._ours]
        self.secrets = {one.run: self._random.randbytes(SECRET_BYTES) for one in ours}
        claimed = orders.claim(
            connection,
            ours,
            plan.changed,
            self.now,
            secrets=self.secrets,
            known=self._known,
            limits=self._limits,
        )
        return plan, claimed

    def assign(self, connection: Connection) -> tuple[Plan, Claimed]:
        """Look, place and claim in one transaction: only at what could start now."""
        return self.claim(connection, self.place(runs.snapshot(connection)))
