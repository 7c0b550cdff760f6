"""Planted faults: each switches off one protection of the program. A world whose checkers find none of them is blind.

A fault is planted by replacing a function of the program for as long as a context lasts, so the
program itself knows nothing of it. `MUTANTS` names them; reliability.md 7.3 has the list from which
most of them come.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest

from orchestra.domain import lease, placement, recovery
from orchestra.domain import run as domain_run
from orchestra.domain.recovery import Action
from orchestra.domain.run import Cause, CauseCode, GivenBack, Run, RunStatus
from orchestra.master import dispatcher, greeting, link, orders, reaper, registry, report
from orchestra.master.intake import Intake
from orchestra.storage import log_chunks, run_claims, run_queue, run_status, runs, workers
from orchestra.storage.artifact_store import ArtifactStore
from orchestra.storage.database import InlineDatabase
from orchestra.wire import messages, worker_session
from orchestra.wire.liveness import Liveness
from orchestra.worker import held_run, record
from orchestra.worker import runs as worker_runs
from orchestra.worker.held_run import finished_record
from orchestra.worker.lease_timer import LeaseTimer
from simulation.world import execution
from simulation.world.artifacts import SimArtifactFiles
from simulation.world.disk import SimFiles

Patch = pytest.MonkeyPatch


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is switched off, and how."""

    what: str
    plant: Callable[[Patch], None]


MUTANTS: dict[str, Mutant] = {}


def mutant(what: str) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    """Register a function that plants a fault; its name is the mutant's."""

    def register(plant: Callable[[Patch], None]) -> Callable[[Patch], None]:
        MUTANTS[plant.__name__] = Mutant(what, plant)
        return plant

    return register


@contextmanager
def planted(name: str | None) -> Iterator[None]:
    """Plant the named fault for as long as the context lasts; None plants nothing."""
    with Patch.context() as patch:
        if name is not None:
            MUTANTS[name].plant(patch)
        yield


# --- the server's rows ---


@mutant("a trigger's key is not looked up")
def no_idempotency(patch: Patch) -> None:
    patch.setattr(runs, "find_idempotent", lambda connection, key, body: None)
    patch.setattr(runs, "remember_idempotent", lambda connection, key, body, created, now: None)


@mutant("an assignment does not ask whether the run is still pending, nor does the database")
def claim_without_compare(patch: Patch) -> None:
    for status in RunStatus:
        patch.setitem(domain_run.TRANSITIONS, (status, domain_run.Assigned), frozenset({RunStatus.ASSIGNED}))
    patch.setattr(run_claims, "_holds", lambda one, assignment: True)
    real = InlineDatabase.__init__

    def without_checks(self: InlineDatabase, *arguments: Any) -> None:
        real(self, *arguments)
        self._connection.connection.driver_connection.execute("PRAGMA ignore_check_constraints=ON")  # type: ignore[union-attr]

    patch.setattr(InlineDatabase, "__init__", without_checks)


@mutant("terminal statuses may be left")
def no_terminal_guard(patch: Patch) -> None:
    allowed = domain_run.TRANSITIONS[RunStatus.RUNNING, domain_run.Finished]
    for status in domain_run.TERMINAL:
        patch.setitem(domain_run.TRANSITIONS, (status, domain_run.Finished), allowed)


@mutant("more runs than slots")
def no_slot_guard(patch: Patch) -> None:
    patch.setattr(run_claims, "free_slots", lambda connection, names: dict.fromkeys(names, 100))
    real = placement.place

    def place(snapshot: placement.Snapshot) -> placement.Plan:
        wide = tuple(replace(one, used=one.used - 2) for one in snapshot.workers)
        return real(replace(snapshot, workers=wide))

    patch.setattr(dispatcher, "place", place)
    patch.setattr(worker_runs.Runs, "active", lambda self: 0)


@mutant("disabled workers get runs")
def disabled_is_ignored(patch: Patch) -> None:
    real = workers.slots

    def slots(connection: Any) -> list[placement.WorkerSlots]:
        return [replace(one, worker=replace(one.worker, is_enabled=True)) for one in real(connection)]

    patch.setattr(run_queue, "slots", slots)
    patch.setattr(run_claims, "free_slots", lambda rows, _: {one.worker.identifier: one.free for one in slots(rows)})


@mutant("properties are not compared")
def properties_are_ignored(patch: Patch) -> None:
    patch.setattr(placement, "satisfies", lambda wanted, has: True)


@mutant("a run is lost as soon as its worker is away")
def lost_without_patience(patch: Patch) -> None:
    patch.setattr(reaper.Reaper, "_remaining", lambda self, absence, now: 0.0)


@mutant("a claim whose commit is unknown is not looked at again")
def unknown_claim_is_ignored(patch: Patch) -> None:
    patch.setattr(orders, "undo", lambda connection, secrets, now: None)


@mutant("neither epoch, worker nor session of what is said is looked at, and an older connection is kept")
def no_fences(patch: Patch) -> None:
    real = domain_run.apply

    def believe(run: Run, fact: Any, now: Any) -> Any:
        return real(run, replace(fact, epoch=run.epoch) if hasattr(fact, "epoch") else fact, now)

    patch.setattr(run_status, "apply", believe)
    of_worker = run_status.Batch.apply

    def of_anybody(self: run_status.Batch, identifier: str, fact: Any, **options: Any) -> Any:
        return of_worker(self, identifier, fact, **(options | {"worker": None}))

    patch.setattr(run_status.Batch, "apply", of_anybody)
    patch.setattr(run_status, "is_current_session", lambda *_: True)
    patch.setattr(Intake, "_may_grow", lambda *_: True)
    add = registry.Links.add

    def keep(self: registry.Links, one: Any) -> None:
        add(self, one)

    patch.setattr(registry.Links, "add", keep)


@mutant("the wall clock alone says how long a worker is away")
def wall_clock_is_believed(patch: Patch) -> None:
    def remaining(self: reaper.Reaper, absence: Any, now: Any) -> float | None:
        away_s: float = (now - absence.last_seen_date).total_seconds()
        return None if absence.fail_after_s is None else absence.fail_after_s - away_s

    patch.setattr(reaper.Reaper, "_remaining", remaining)


@mutant("a server that starts believes that workers are still connected")
def workers_stay_connected(patch: Patch) -> None:
    patch.setattr(workers, "deactivate_all", lambda connection, now: [])


# --- recovery ---


@mutant("a second worker may take a name that is in use")
def impostor_is_welcome(patch: Patch) -> None:
    patch.setattr(workers, "_refuse_impostor", lambda *_: None)


@mutant("a log is continued where the worker is, not where the server is")
def resume_where_the_worker_is(patch: Patch) -> None:
    real = recovery._verdict

    def verdict(worker: str, run: Run | None, held: Any, log_offset: int) -> recovery.Verdict:
        return real(worker, run, held, held.log_size)

    patch.setattr(recovery, "_verdict", verdict)


@mutant("what a worker no longer holds after a reboot goes back to the queue")
def reboot_gives_back(patch: Patch) -> None:
    def missing(run: Run, worker: str, same_boot: bool, same_installation: bool) -> GivenBack:
        return GivenBack(epoch=run.epoch, reason="try again")

    patch.setattr(recovery, "_missing", missing)
    patch.setitem(domain_run.TRANSITIONS, (RunStatus.RUNNING, GivenBack), frozenset({RunStatus.PENDING}))


@mutant("the worker forgets to look at the boot id of what it holds")
def boot_is_ignored(patch: Patch) -> None:
    async def nothing(self: worker_runs.Runs, run: Any) -> None:
        return

    patch.setattr(worker_runs.Runs, "_judge_after_reboot", nothing)


@mutant("wishes are not repeated after a reconnection")
def wishes_are_forgotten(patch: Patch) -> None:
    real = recovery._verdict

    def verdict(worker: str, run: Run | None, held: Any, log_offset: int) -> recovery.Verdict:
        return replace(real(worker, run, held, log_offset), should_abort=False, should_cancel=False)

    patch.setattr(recovery, "_verdict", verdict)
    patch.setattr(greeting, "read_wishes", lambda connection, worker: greeting.Wishes(None, ()))

    async def look(self: link.Link) -> None:
        return

    patch.setattr(link.Link, "_look", look)


@mutant("nobody notices a silent connection")
def silence_is_ignored(patch: Patch) -> None:
    def deadline(self: Liveness) -> float:
        is_welcomed = self.heartbeat_s < self.timeout_s
        return self.spoke + self.heartbeat_s if is_welcomed else self.heard + 1e6

    patch.setattr(Liveness, "is_dead", lambda self, now: False)
    patch.setattr(Liveness, "deadline", deadline)


@mutant("the end of a lost run's log is not asked for when its worker comes back")
def late_log_is_forgotten(patch: Patch) -> None:
    real = recovery._verdict

    def verdict(worker: str, run: Run | None, held: Any, log_offset: int) -> recovery.Verdict:
        found = real(worker, run, held, log_offset)
        return replace(found, action=Action.FORGET) if found.action is Action.DELIVER else found

    patch.setattr(recovery, "_verdict", verdict)


# --- persist, then speak ---


@mutant("log bytes are acknowledged before they are stored")
def acknowledge_before_commit(patch: Patch) -> None:
    real = Intake._append

    async def append(self: Intake, reports: Any) -> None:
        reports = list(reports)
        for one in reports:
            for wrote in one.writes:
                self._session.acknowledge(one.run, one.epoch, wrote.offset + len(wrote.data))
        self._link.wake()
        await asyncio.sleep(0)
        await real(self, reports)

    patch.setattr(Intake, "_append", append)


@mutant("the worker is told to forget a run before its end is stored")
def forget_before_commit(patch: Patch) -> None:
    real = Intake.add

    def add(self: Intake, told: Any) -> None:
        real(self, told)
        if isinstance(told, messages.Finished):
            self._session.forget(told.run, told.epoch)
            self._link.wake()

    patch.setattr(Intake, "add", add)


@mutant("log files are not synced")
def no_sync(patch: Patch) -> None:
    patch.setattr(SimFiles, "sync", lambda self, name, *, is_new: None)


@mutant("a failed sync counts as done")
def sync_failure_is_ignored(patch: Patch) -> None:
    real = SimFiles.sync

    def sync(self: SimFiles, name: str, *, is_new: bool) -> None:
        with suppress(OSError):
            real(self, name, is_new=is_new)

    patch.setattr(SimFiles, "sync", sync)


@mutant("log bytes are appended whatever their offset, whoever sends them")
def log_without_offset(patch: Patch) -> None:
    real = log_chunks.append_inline

    def append(connection: Any, run: str, offset: int, data: bytes, times: Any = (), **options: Any) -> int | None:
        return real(connection, run, log_chunks.offset(connection, run), data, times, **options)

    patch.setattr(log_chunks, "append_inline", append)
    # A session begins where the server's bytes end, so only here does anything come twice.
    patch.setattr(log_chunks, "offsets", lambda connection, wanted: {})


@mutant("the end is said, and believed, before all of the log has come")
def terminal_before_log(patch: Patch) -> None:
    def finish(self: worker_session.WorkerSession, owned: Any) -> None:
        if owned.finished is not None and not owned.is_ended:
            owned.is_ended = True
            self._outbox.put(owned.finished)

    patch.setattr(worker_session.WorkerSession, "_finish", finish)
    patch.setattr(report, "compare", lambda finished, size, sha256: report.LogVerdict(size, True, None))


# --- files that runs leave ---


@mutant("the worker is told to forget a run before its files are stored")
def forget_before_files(patch: Patch) -> None:
    def fetch(self: link.Link, run: str, epoch: int, left: Any) -> None:
        self._session.forget(run, epoch)
        self.wake()

    patch.setattr(link.Link, "fetch", fetch)


@mutant("nobody compares the hash of a file that came")
def hash_is_ignored(patch: Patch) -> None:
    class Agreeable:
        def __init__(self, digest: str) -> None:
            self._digest = digest

        def hexdigest(self) -> str:
            return self._digest

        def update(self, data: bytes) -> None:
            return

    def hash_again(self: ArtifactStore, run: str, sha256: str) -> Any:
        return self._files.partial_size(run, sha256), Agreeable(sha256)

    patch.setattr(ArtifactStore, "_hash_again", hash_again)


@mutant("files get their names before their bytes are synced")
def name_before_sync(patch: Patch) -> None:
    patch.setattr(SimArtifactFiles, "sync", lambda self, run, contents: None)


@mutant("a run is complete when its files are listed")
def listed_is_complete(patch: Patch) -> None:
    real = report._Transaction._left

    def left(self: Any, one: Any) -> Any:
        return replace(real(self, one), is_complete=True, is_awaited=False)

    patch.setattr(report._Transaction, "_left", left)


@mutant("a worker that comes back with files of an ended run is not asked for them")
def late_files_are_forgotten(patch: Patch) -> None:
    real = recovery._verdict

    def verdict(worker: str, run: Run | None, held: Any, log_offset: int) -> recovery.Verdict:
        return real(worker, run and replace(run, artifacts_complete=True), held, log_offset)

    patch.setattr(recovery, "_verdict", verdict)


# --- workers ---


@mutant("the worker deletes a run as soon as it has said its end")
def clean_before_forget(patch: Patch) -> None:
    real = worker_runs.Runs._tell_end

    def tell_end(self: worker_runs.Runs, run: Any) -> None:
        real(self, run)
        if self._session is not None and run.key in self._runs:
            self._remove(run)

    patch.setattr(worker_runs.Runs, "_tell_end", tell_end)


@mutant("a marker may be made twice")
def no_marker(patch: Patch) -> None:
    real = record.claim

    def claim(folder: str, identity: str) -> None:
        with suppress(FileNotFoundError):
            record.unclaim(folder)
        real(folder, identity)

    patch.setattr(execution, "claim", claim)


@mutant("a run whose executor died is started again")
def restart_started(patch: Patch) -> None:
    async def lost(self: worker_runs.Runs, run: Any, gone: Any) -> None:
        record.unclaim(str(self._spool.folder(run.key)))
        self._hand(run)

    patch.setattr(worker_runs.Runs, "_lost", lost)


@mutant("a worker that starts again declares the runs that it finds dead")
def recover_kills(patch: Patch) -> None:
    async def take_over(self: worker_runs.Runs, run: Any, found: Any) -> None:
        run.absorb(found.records)
        if run.finished is None and found.owner is not None:
            cause = Cause(CauseCode.EXECUTOR_LOST, "the worker was restarted")
            self._end_with(run, finished_record(RunStatus.EXCEPTION, cause, self._now_us()))

    patch.setattr(worker_runs.Runs, "_take_over", take_over)


@mutant("a cancel is confirmed without proof that nothing started")
def cancel_without_proof(patch: Patch) -> None:
    def cancel(self: worker_runs.Runs, key: Any, by: str) -> None:
        run = self._runs.get(key)
        if run is not None and run.finished is None:
            self._absorb(run, RunStatus.CANCELLED, Cause(CauseCode.CANCELLED_BY, f"stopped by {by}"))

    patch.setattr(worker_runs.Runs, "cancel", cancel)
    allowed = domain_run.TRANSITIONS[RunStatus.ASSIGNED, domain_run.NeverStarted]
    patch.setitem(domain_run.TRANSITIONS, (RunStatus.RUNNING, domain_run.NeverStarted), allowed)


@mutant("log bytes that a loss of power may have torn are sent")
def torn_bytes_are_sent(patch: Patch) -> None:
    async def judge(self: worker_runs.Runs, run: Any) -> None:
        if run.finished is None:
            await self._end_unfinished(run, Cause(CauseCode.HOST_REBOOTED, "rebooted"), [])

    patch.setattr(worker_runs.Runs, "_judge_after_reboot", judge)


@mutant("after a full disk the log goes on, and nobody says that something is missing")
def cut_log_goes_on(patch: Patch) -> None:
    real = record.Log.append

    def append(self: record.Log, data: memoryview) -> None:
        real(self, data)
        self.error = None

    patch.setattr(record.Log, "append", append)


@mutant("a run whose executor died before it made its marker is not handed to another one")
def no_relaunch(patch: Patch) -> None:
    patch.setattr(worker_runs.Runs, "_fail_to_start", lambda *_: None)


@mutant("results are left on the worker")
def results_are_dropped(patch: Patch) -> None:
    real = held_run.HeldRun.finished_message

    def finished_message(self: held_run.HeldRun) -> Any:
        told = real(self)
        return None if told is None else msgspec.structs.replace(told, results=None)

    patch.setattr(held_run.HeldRun, "finished_message", finished_message)


@mutant("an abort of a run that has started is not passed on")
def abort_stays_behind(patch: Patch) -> None:
    real = worker_runs.Runs._abort

    def abort(self: worker_runs.Runs, run: Any, by: str) -> None:
        if run.phase is recovery.Phase.ACCEPTED:
            real(self, run, by)

    patch.setattr(worker_runs.Runs, "_abort", abort)


# --- exclusive runs ---


@mutant("the lease of an exclusive run is not watched")
def lease_is_not_watched(patch: Patch) -> None:
    patch.setattr(LeaseTimer, "left_s", lambda self: math.inf)


@mutant("an exclusive run is called lost as early as any other")
def lost_before_its_lease(patch: Patch) -> None:
    patch.setattr(lease, "over_after_s", lambda policy, definition: 0.0)


@mutant("an executor that outlives its worker does not end exclusive runs")
def lease_needs_the_worker(patch: Patch) -> None:
    real = execution.Executor.let_go

    def let_go(self: execution.Executor) -> None:
        real(self)
        self._lease = LeaseTimer(None, None)

    patch.setattr(execution.Executor, "let_go", let_go)


@mutant("the server is not asked again while exclusive runs are here")
def lease_is_not_renewed(patch: Patch) -> None:
    patch.setattr(worker_session.WorkerSession, "ask", lambda self, at: False)
