"""The runs that a worker holds: one small state each, from assignment to forgotten.

                 assigned                    an executor's journal                     Forget
    (nothing) ──────────► accepted ─── started ───► started ─── finished ──► finished ──────► (nothing)
                              │                                                 ▲
                              └── closed by cancel or abort: never started ─────┘

Rules. A request is in the spool before an executor hears of it. Who starts a run is decided by its
marker alone: an executor makes it before the first command, or the worker makes it to prove that
nothing will start. A dead executor without a marker is replaced; with one, the run is over
(`executor_lost`, `host_rebooted`): its commands start at most once.

What is said to the server goes through the session of the moment and may be lost with it: the next
`Welcome` asks for everything again. It knows neither sockets nor the protocol's frames.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from orchestra.domain.recovery import Action, Held, Phase
from orchestra.domain.run import Cause, CauseCode, RunStatus
from orchestra.telemetry import LogEvent, emit
from orchestra.wire import messages as m
from orchestra.wire.worker_session import Fact, WorkerSession
from orchestra.worker.background import Background
from orchestra.worker.executors import Adopted, Executors, Gone, Grew, Recorded, Report, Unclaimed, sessions_of
from orchestra.worker.held_run import TORN, HeldRun, Record, finished_record
from orchestra.worker.lease_timer import boot_time
from orchestra.worker.leases import Leases
from orchestra.worker.live_results import LiveResults
from orchestra.worker.process import Identity
from orchestra.worker.receipt import closed, stop_record
from orchestra.worker.refusals import Refusals
from orchestra.worker.requests import RunKey, Surroundings, UnusableAssignmentError, build, is_safe, user_of
from orchestra.worker.spool import CLOSED, Spool, SpooledRun, explain_unstored
from orchestra.worker.workspace import choose, too_little_space

STEPS_DELAY_S: Final = 0.1
"""Steps go to the server at most so often: people see them live, and a short run sends them once, with its end."""

TRIES: Final = 3
"""So many executors may die over a run before it starts; then it is the run that kills them."""


class Runs:
    """All runs of one worker."""

    def __init__(
        self,
        spool: Spool,
        executors: Executors,
        surroundings: Surroundings,
        *,
        concurrency: int,
        workspaces: Path,
        now_us: Callable[[], int],
        changed: Callable[[], None],
        workspace_free: int = 0,
        lease_clock: Callable[[], float] = boot_time,
    ) -> None:
        """`now_us` is the wall clock, `lease_clock` what executors measure leases by; `changed` is called when a
        session has something new to send. `workspace_free`: bytes that must be free for a run to be accepted.
        """
        self._spool = spool
        self._executors = executors
        self._surroundings = surroundings
        self._concurrency = concurrency
        self._workspaces = str(workspaces)
        self._workspace_free = workspace_free
        self._now_us = now_us
        self._changed = changed
        self.leases = Leases(executors, lease_clock)
        self._runs: dict[RunKey, HeldRun] = {}
        self._refusals = Refusals(self._refuse)
        self._steps_due: dict[RunKey, asyncio.TimerHandle] = {}
        self._background = Background("runs")
        self._session: WorkerSession | None = None
        self._idle = asyncio.Event()
        self._live = LiveResults(spool, self._tell_steps)
        executors.on_report = self._report

    # --- life of the worker ---

    async def load(self) -> None:
        """Take over what an earlier worker process left: adopt what lives, end what cannot go on."""
        newest: dict[str, int] = {}
        found = self._spool.held()
        for one in found:
            newest[one.request.run] = max(newest.get(one.request.run, 0), one.request.epoch)
        for one in found:
            run = HeldRun(key=one.request.key, request=one.request, log_size=one.log_size)
            run.is_unwanted = run.key.epoch != newest[run.key.run]
            self._runs[run.key] = run
            await self._take_over(run, one)

    def active(self) -> int:
        """How many runs occupy a slot."""
        return sum(1 for run in self._runs.values() if run.finished is None)

    def held(self) -> tuple[Held, ...]:
        """What the hello says."""
        return tuple(run.held for run in self._runs.values() if not run.is_unwanted)

    def attach(self, session: WorkerSession) -> None:
        """Speak through this session from now on; call `welcomed` when it stands."""
        self._session = session

    def detach(self) -> None:
        """No session: what happens is told after the next welcome. Assignments that waited to be refused are gone."""
        self._session = None
        self._refusals.clear()

    def abort_all(self, by: str) -> None:
        """Ask every run to end."""
        for run in tuple(self._runs.values()):
            self._abort(run, by)

    async def wait_idle(self) -> None:
        """Wait until no run is active."""
        while self.active():
            self._idle.clear()
            await self._idle.wait()

    def close(self) -> None:
        """The worker stops: runs go on without us."""
        self.detach()
        self._live.close()
        for timer in self._steps_due.values():
            timer.cancel()
        self._background.cancel()

    # --- what the server says ---

    def welcomed(self, verdicts: Iterable[m.RunVerdict], asked_at: float) -> None:
        """Act on one verdict for each run that the hello named; it was made at `asked_at`, by the clock of leases."""
        self.leases.welcomed(asked_at)
        for verdict in verdicts:
            run = self._runs.get(RunKey(verdict.run, verdict.epoch))
            if run is None:
                continue
            match verdict.action:
                case Action.RESUME:
                    self._resume(run, verdict)
                case Action.DELIVER:
                    self._tell_all(run)
                    self._abort(run, "the server, which has ended the run")
                case Action.FORGET:
                    self.forget(run.key)
                case Action.QUARANTINE:
                    emit(LogEvent.RUN_UNKNOWN, run=run.key.run, phase=run.phase.value)

    def confirmed(self, asked_at: float) -> None:
        """The server has answered what was asked at `asked_at`: exclusive runs live longer, or may start."""
        for key in self.leases.confirmed(asked_at):
            run = self._runs.get(key)
            if run is not None and run.may_be_handed:
                self._hand(run)

    def assign(self, assign: m.Assign) -> None:
        """Accept a run and start it, or give it back."""
        key = RunKey(assign.run, assign.epoch)
        if key in self._runs:
            return
        if not is_safe(assign):
            self._refuse(key, "the assignment's names cannot be names of folders")
            return
        if self.active() >= self._concurrency:
            self._refuse(key, f"all {self._concurrency} slots are taken")
            return
        if (shortage := too_little_space(self._workspaces, self._workspace_free)) is not None:
            self._refusals.later(key, f"{self._surroundings.worker}: {shortage}")
            return
        # What could not be killed may still write into its workspace.
        taken = {
            one.request.workspace
            for one in self._runs.values()
            if one.request and (one.finished is None or not one.is_reusable)
        }
        workspace = choose(self._workspaces, assign.project, assign.job, taken, user_of(assign))
        try:
            request = build(assign, self._surroundings, self._spool.folder(key), workspace)
        except UnusableAssignmentError as error:
            run = self._runs[key] = HeldRun(key=key, request=None)
            self._absorb(run, RunStatus.EXCEPTION, Cause(error.code, str(error)))
            return
        try:
            encoded = self._spool.accept(request)
        except OSError as error:
            self._refusals.later(key, f"{self._surroundings.worker}: {explain_unstored(error)}")
            return
        run = self._runs[key] = HeldRun(key=key, request=request)
        self.leases.hold(key, request.lease)
        self._hand(run, encoded)

    def cancel(self, key: RunKey, by: str) -> None:
        """Honour a cancel if no command has started; else nothing happens."""
        run = self._runs.get(key)
        if run is None:
            self._refusals.wished(key, by)
        elif run.phase is Phase.ACCEPTED and not self._close(run, by):
            self._executors.cancel(key, by)

    def abort(self, key: RunKey, by: str) -> None:
        """Stop a run, or make sure that it never starts."""
        run = self._runs.get(key)
        if run is None:
            self._refusals.wished(key, by)
        else:
            self._abort(run, by)

    def forget(self, key: RunKey) -> None:
        """Delete the run's data, once nothing of it is alive (E2), and say so."""
        run = self._runs.get(key)
        if run is None:
            self._tell(m.Forgot(run=key.run, epoch=key.epoch))
            return
        run.is_unwanted = True
        if run.finished is None:
            self._abort(run, "the server, which has given the run up")
        if run.finished is not None:
            self._delete(run)

    def log_damaged(self, key: RunKey, why: str) -> None:
        """The run's log cannot be read: send no more of it, and say so with its end."""
        run = self._runs.get(key)
        if run is not None and run.damage is None:
            run.damage = why

    # --- what executors say ---

    def _report(self, key: RunKey, report: Report) -> None:
        run = self._runs.get(key)
        if run is None or run.finished is not None:
            return
        match report:
            case Grew():
                run.log_size = max(run.log_size, report.size)
                self._log_ready(run)
            case Recorded():
                self._take_records(run, report)
            case Unclaimed():
                self._unclaimed(run, report)
            case Adopted():
                self._adopted(run)
            case Gone():
                self._background.begin(self._lost(run, report))

    def _take_records(self, run: HeldRun, report: Recorded) -> None:
        before = run.start_us
        run.absorb(report.records)
        if before is None and (started := run.started_message()) is not None:
            self._tell(started)
        self._live.watch(run)
        if run.finished is not None:
            self._finished(run)
        elif self._session is not None and run.key not in self._steps_due:
            self._steps_due[run.key] = asyncio.get_running_loop().call_later(STEPS_DELAY_S, self._tell_steps, run)

    def _unclaimed(self, run: HeldRun, report: Unclaimed) -> None:
        now = self._spool.look(run.key)
        if isinstance(now.owner, Identity):
            self._executors.adopt(run.key, now.owner, sessions_of(now.records))
        elif now.owner is None:
            self._fail_to_start(run, report.message)

    def _adopted(self, run: HeldRun) -> None:
        """Read the journal again: its executor wrote on between our last look and our first hearing of it."""
        now = self._spool.look(run.key)
        run.log_size = max(run.log_size, now.log_size)
        self._take_records(run, Recorded(now.records))
        self._log_ready(run)

    def _fail_to_start(self, run: HeldRun, why: str) -> None:
        """No executor took it: nothing has started, so it is given back, or closed as an exception after some tries."""
        cause = Cause(CauseCode.EXECUTOR_LOST, f"no executor could start the run: {why}")
        if run.tries < TRIES:
            self._hand(run)
        elif self._spool.close_unstarted(run.key):
            self._absorb(run, RunStatus.EXCEPTION, cause)

    async def _lost(self, run: HeldRun, gone: Gone) -> None:
        """The run's executor is dead and its tree is ended: find out in the folder how far it came."""
        run.is_reusable = run.is_reusable and not gone.survivors
        now = self._spool.look(run.key)
        # Perhaps nobody heard it: an executor of an earlier worker may have begun and ended the run by itself.
        self._take_records(run, Recorded(now.records))
        if run.finished is not None:
            return
        if now.owner is None:
            self._fail_to_start(run, f"its executor ({gone.executor}) died")
        else:
            emit(LogEvent.EXECUTOR_LOST, run=run.key.run, executor=gone.executor, survivors=gone.survivors)
            message = f"the executor ({gone.executor}) died; what it had started was ended"
            if gone.survivors:
                message += f", still alive: {gone.survivors}"
            await self._end_unfinished(run, Cause(CauseCode.EXECUTOR_LOST, message), gone.alive)

    # --- inside ---

    async def _take_over(self, run: HeldRun, found: SpooledRun) -> None:
        run.absorb(found.records)
        owner = found.owner
        run.is_handed = owner is not None
        run.is_closed = owner == CLOSED
        if run.finished is None:
            self.leases.hold(run.key, found.request.lease)
        if found.request.boot != self._spool.boot:
            await self._judge_after_reboot(run)
        elif isinstance(owner, Identity) and run.finished is None:
            self._executors.adopt(run.key, owner, sessions_of(found.records))

    async def _judge_after_reboot(self, run: HeldRun) -> None:
        """Nothing of an earlier boot lives; files may have lost what was not on the disk yet (nothing is synced).

        The marker may be lost as well, so a run without one did not provably stay unstarted.
        """
        if run.finished is None:
            cause = Cause(CauseCode.HOST_REBOOTED, "the worker's machine rebooted")
            stop = run.closed_stop(self._now_us(), ())
            self._end_with(run, finished_record(RunStatus.EXCEPTION, cause, self._now_us(), log_error=TORN, stop=stop))
            return
        log = await self._spool.check_log(run.key)
        if log != (run.finished["log_size"], run.finished["log_sha256"]):
            run.lose_log()

    async def _end_unfinished(self, run: HeldRun, cause: Cause, alive: Sequence[Record] = ()) -> None:
        log = await self._spool.check_log(run.key)
        error = "the end of the log may be missing: its executor did not end it"
        now = self._now_us()
        stop = run.closed_stop(now, alive)
        record = finished_record(RunStatus.EXCEPTION, cause, now, log, log_error=error, stop=stop)
        self._end_with(run, record | {"artifact_count": len(self._spool.artifacts(run.key))})

    def _end_with(self, run: HeldRun, record: Record) -> None:
        self._spool.append(run.key, record)
        run.absorb([record])
        self._finished(run)

    def _resume(self, run: HeldRun, verdict: m.RunVerdict) -> None:
        by = verdict.stop_requested_by or "the server"
        if verdict.should_cancel:
            self.cancel(run.key, by)
        if verdict.should_abort and not run.has_heard(by):
            # Said once more it would count as a second wish, and end the cleanup.
            self._abort(run, by)
        if run.is_closed and run.finished is None:
            # An earlier process closed it and did not live to say what for: nothing has started, and nothing will.
            self._refuse(run.key, "it was stopped here before it started")
            self._remove(run)
            return
        self._tell_all(run)
        if run.may_be_handed:
            self._hand(run)

    def _hand(self, run: HeldRun, encoded: bytes = b"null") -> None:
        """Let an executor start the run, if it may start now; without the encoded request it reads the folder."""
        run.is_handed = self.leases.admits(run.key)
        if run.is_handed:
            run.tries += 1
            self._executors.start(run.key, self._spool.folder(run.key), encoded, self.leases.until(run.key))

    def _close(self, run: HeldRun, by: str) -> bool:
        """Prove that the run never starts; False when an executor has its marker."""
        if run.request is None or not self._spool.close_unstarted(run.key):
            return False
        run.is_closed = True
        message = f"stopped by {by} before any command started"
        now = self._now_us()
        stop = closed(stop_record(by, now), now, [])
        self._absorb(run, RunStatus.CANCELLED, Cause(CauseCode.CANCELLED_BY, message), stop)
        return True

    def _abort(self, run: HeldRun, by: str) -> None:
        if run.finished is None and not (run.phase is Phase.ACCEPTED and self._close(run, by)):
            self._executors.abort(run.key, by)

    def _absorb(self, run: HeldRun, status: RunStatus, cause: Cause, stop: Record | None = None) -> None:
        """End a run of which nothing started."""
        record = finished_record(status, cause, self._now_us(), stop=stop)
        if run.request is not None:
            self._spool.append(run.key, record)
        run.absorb([record])
        self._finished(run)

    def _finished(self, run: HeldRun) -> None:
        assert run.finished is not None
        self.leases.release(run.key)
        timer = self._steps_due.pop(run.key, None)
        if timer is not None:
            timer.cancel()
        emit(LogEvent.EXECUTION_ENDED, run=run.key.run, status=run.finished["status"], cause=run.finished["message"])
        if not self.active():
            self._idle.set()
        if run.is_unwanted:
            self._delete(run)
        else:
            self._tell_end(run)

    def _delete(self, run: HeldRun) -> None:
        self._remove(run)
        self._tell(m.Forgot(run=run.key.run, epoch=run.key.epoch))

    def _remove(self, run: HeldRun) -> None:
        del self._runs[run.key]
        self.leases.release(run.key)
        if run.request is not None:
            self._spool.forget(run.key, is_reusable=run.is_reusable)

    def _refuse(self, key: RunKey, reason: str) -> None:
        emit(LogEvent.RUN_REFUSED, run=key.run, reason=reason)
        self._tell(m.Refused(run=key.run, epoch=key.epoch, reason=reason))

    # --- to the server ---

    def _tell_all(self, run: HeldRun) -> None:
        """After a welcome: everything that the server may not know, in the order in which it happened."""
        started = run.started_message()
        run.results_moment = None
        if started is not None:
            self._tell(started)
        if run.finished is not None:
            self._tell_end(run)
            return
        if run.steps or run.stop is not None:
            self._tell(run.stepped_message())
        self._log_ready(run)

    def _tell_end(self, run: HeldRun) -> None:
        ended = run.finished_message()
        if ended is not None:
            for listed in run.listed_messages(self._spool.artifacts(run.key) if ended.artifact_count else ()):
                self._tell(listed)
            self._tell(ended)

    def _tell_steps(self, run: HeldRun) -> None:
        self._steps_due.pop(run.key, None)
        self._log_ready(run)
        self._tell(run.stepped_message())

    def _log_ready(self, run: HeldRun) -> None:
        if self._session is None or run.damage is not None:
            return
        if self._session.log_ready(run.key.run, run.key.epoch, run.log_size):
            self._changed()

    def _tell(self, fact: Fact) -> None:
        if self._session is not None and self._session.tell(fact):
            self._changed()
