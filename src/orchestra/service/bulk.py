"""Bulk: one action on many runs, each decided by itself, with the caller's permission on its own project.

    ids, or a page of a query ──► some at a time: one transaction, an outcome for each run ──► hints, files

A dry run asks the same questions and changes nothing. What was done stays done when a later part fails:
each run is a wish of its own, and asking again repeats nothing (a retry excepted: it goes on by `cursor`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, assert_never

from sqlalchemy import Connection

from orchestra.domain.access import Permission, Principal
from orchestra.domain.errors import OrchestraError
from orchestra.domain.run import Run
from orchestra.service.authorization import reachable
from orchestra.service.parts import Parts
from orchestra.service.removal import remove_logs
from orchestra.storage import hints, run_delete, runs
from orchestra.storage.runs import Wish, WishOutcome
from orchestra.storage.trigger import Trigger

AT_ONCE: Final = 50
"""Runs of one transaction: about as long as others wait for it, some 30 ms."""


class BulkAction(StrEnum):
    """What may be done with many runs."""

    CANCEL = "cancel"
    ABORT = "abort"
    RETRY = "retry"
    DELETE = "delete"


NEEDS: Final[Mapping[BulkAction, Permission]] = {
    BulkAction.CANCEL: Permission.RUN_CANCEL,
    BulkAction.ABORT: Permission.RUN_ABORT,
    BulkAction.RETRY: Permission.RUN_RETRY,
    BulkAction.DELETE: Permission.RUN_DELETE,
}


class BulkOutcome(StrEnum):
    """What became of one run; `would` in a dry run."""

    DONE = "done"
    WOULD = "would"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Decided:
    """One run: why it was refused, or None; `created` is the new run of a retry."""

    run: str
    reason: str | None = None
    created: str | None = None


@dataclass(slots=True)
class Bulk:
    """One action of one caller. `now` is aware UTC."""

    parts: Parts
    principal: Principal
    action: BulkAction
    now: datetime

    async def rehearse(self, identifiers: Sequence[str]) -> list[Decided]:
        """Say what would become of each; change nothing."""
        return await self.parts.database.read(lambda rows: [self._would(rows, one) for one in identifiers])

    async def carry_out(self, identifiers: Sequence[str]) -> list[Decided]:
        """Do it to each, in this order; return what became of it."""
        found: list[Decided] = []
        for some in _cut(identifiers):
            # New identifiers come first: a function that writes may be executed twice, and must do the same.
            new = {one: self.parts.identifiers.new() for one in some}
            decided, wakes = await self.parts.database.write(lambda rows: self._do_all(rows, new))  # noqa: B023
            found += decided
            for topic in wakes:
                self.parts.hints.publish(topic)
        if self.action is BulkAction.DELETE:
            await remove_logs(self.parts)
        return found

    def _do_all(self, rows: Connection, new: Mapping[str, str]) -> tuple[list[Decided], set[str]]:
        """Decide and do; `new` maps each run to the identifier of its retry."""
        wakes = {hints.EVENT}
        if self.action is BulkAction.DELETE:
            return self._delete(rows, list(new)), wakes
        return [self._do(rows, one, again, wakes) for one, again in new.items()], wakes

    def _delete(self, rows: Connection, identifiers: Sequence[str]) -> list[Decided]:
        refused = {one: _reason(self._reach(rows, one)) for one in identifiers}
        allowed = [one for one, reason in refused.items() if reason is None]
        removed = run_delete.remove(rows, allowed, self.now, actor=self.principal.user)
        refused |= {one: _reason(outcome) for one, outcome in zip(allowed, removed, strict=True)}
        return [Decided(one, reason) for one, reason in refused.items()]

    def _do(self, rows: Connection, identifier: str, again: str, wakes: set[str]) -> Decided:
        run = self._reach(rows, identifier)
        if isinstance(run, OrchestraError):
            return Decided(identifier, run.detail)
        match self.action:
            case BulkAction.CANCEL:
                return _wished(runs.request_cancel(rows, identifier, self.principal.user, self.now), wakes)
            case BulkAction.ABORT:
                return _wished(runs.request_abort(rows, identifier, self.principal.user, self.now), wakes)
            case BulkAction.RETRY:
                refused = self.parts.pending_runs.admit(rows, run.project)
                made = refused or self.parts.triggers.retry(rows, run, self._again(run, again), self.now)
                if isinstance(made, OrchestraError):
                    return Decided(identifier, _told(made))
                wakes.add(hints.PENDING)
                return Decided(identifier, created=made.identifier)
            case BulkAction.DELETE:
                raise AssertionError("runs are deleted together")
        assert_never(self.action)

    def _would(self, rows: Connection, identifier: str) -> Decided:
        run = self._reach(rows, identifier)
        if isinstance(run, OrchestraError):
            return Decided(identifier, run.detail)
        match self.action:
            case BulkAction.CANCEL:
                return Decided(identifier, runs.would_cancel(run).reason)
            case BulkAction.ABORT:
                return Decided(identifier, runs.would_abort(run).reason)
            case BulkAction.RETRY:
                made = self.parts.triggers.would_retry(rows, run, self._again(run, identifier), self.now)
                return Decided(identifier, _reason(made))
            case BulkAction.DELETE:
                return Decided(identifier, _reason(run_delete.refusal(run)))
        assert_never(self.action)

    def _reach(self, rows: Connection, identifier: str) -> Run | OrchestraError:
        try:
            return reachable(self.principal, NEEDS[self.action], runs.get(rows, identifier), identifier)
        except OrchestraError as error:
            return error

    def _again(self, run: Run, identifier: str) -> Trigger:
        return Trigger(
            identifier=identifier,
            project=run.project,
            job=run.job,
            parameters={},
            source={"type": "run", "run": run.identifier, "reason": "retry"},
            actor=self.principal.user,
        )


def _wished(wish: Wish, wakes: set[str]) -> Decided:
    if wish.outcome is WishOutcome.ACCEPTED:
        wakes.add(hints.PENDING if wish.run.worker is None else hints.wish(wish.run.worker))
    return Decided(wish.run.identifier, wish.reason)


def _reason(outcome: object) -> str | None:
    return _told(outcome) if isinstance(outcome, OrchestraError) else None


def _told(error: OrchestraError) -> str:
    """One sentence, with the problems that it has."""
    problems = getattr(error, "problems", ())
    return ": ".join([error.detail, "; ".join(map(str, problems))]) if problems else error.detail


def _cut(identifiers: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(identifiers), AT_ONCE):
        yield identifiers[start : start + AT_ONCE]
