"""The runs of a worker, with a real spool and real sessions, and executors that do only what the test says."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from orchestra.domain.recovery import Action
from orchestra.domain.run import CauseCode, RunStatus
from orchestra.domain.stop import Stop, Survivor
from orchestra.wire import messages as m
from orchestra.worker import record as r
from orchestra.worker.executors import Adopted, Gone, Grew, Recorded, Report, Unclaimed
from orchestra.worker.held_run import date_of
from orchestra.worker.process import Identity
from orchestra.worker.receipt import stop_record
from orchestra.worker.requests import Request, RunKey, Surroundings
from orchestra.worker.runs import TRIES, Runs
from orchestra.worker.spool import FolderSpool
from support.conversation import RUN, Conversation, assign, run_id, verdict
from support.virtual_time import pass_time, run_virtually, settle

KEY = RunKey(RUN, 1)
STARTED: list[dict[str, Any]] = [
    {"type": "started", "date": 1},
    {"type": "began", "step": 0, "date": 1, "log_start": 0},
]
ENDED: list[dict[str, Any]] = [{"type": "ended", "step": 0, "date": 2, "log_end": 0, "exit_code": 0}]
FINISHED: list[dict[str, Any]] = [
    {
        "type": "finished",
        "status": "succeeded",
        "code": "succeeded",
        "message": "every command exited with code 0",
        "date": 3,
        "log_size": 0,
        "log_sha256": r.EMPTY_SHA256,
    }
]


class ToldExecutors:
    """Notes what it is asked for; `on_report` is in the test's hands."""

    def __init__(self) -> None:
        self.on_report: Callable[[RunKey, Report], None] = lambda _key, _report: None
        self.asked: list[tuple[str, RunKey]] = []

    def start(self, key: RunKey, folder: Path, request: bytes, lease_until: float | None = None) -> None:
        self.asked.append(("start", key))

    def renew(self, key: RunKey, lease_until: float) -> None:
        self.asked.append((f"renew until {lease_until:g}", key))

    def adopt(self, key: RunKey, owner: Identity, sessions: dict[int, tuple[int, int]]) -> None:
        self.asked.append(("adopt", key))

    def cancel(self, key: RunKey, by: str) -> None:
        self.asked.append(("cancel", key))

    def abort(self, key: RunKey, by: str) -> None:
        self.asked.append(("abort", key))

    async def close(self) -> None:
        pass


class FullSpool(FolderSpool):
    """A spool on a disk without room."""

    def accept(self, request: Request) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")


class Desk:
    """One worker's runs, connected to a master's session."""

    def __init__(
        self, data: Path, spool: FolderSpool | None = None, concurrency: int = 2, workspace_free: int = 0
    ) -> None:
        self.data = data
        self.spool = spool or FolderSpool(data, "boot", lambda: "an-id")
        self.executors = ToldExecutors()
        surroundings = Surroundings(inherited={}, worker="builder", properties={}, server="http://x", python="python3")
        self.runs = Runs(
            self.spool,
            self.executors,
            surroundings,
            concurrency=concurrency,
            workspaces=data / "workspaces",
            now_us=lambda: 7,
            changed=lambda: None,
            workspace_free=workspace_free,
        )
        self.talk = Conversation.welcomed()
        self.runs.attach(self.talk.worker)

    def give(self, run: str = RUN, epoch: int = 1) -> RunKey:
        """The master assigns a run."""
        definition = {"type": "commands", "commands": [{"name": "one", "run": ["true"]}]}
        self.talk.master.assign(assign(run, epoch, definition=definition))
        self.talk.exchange()
        self.runs.assign(next(one for one in self.talk.worker_events if isinstance(one, m.Assign)))
        self.talk.worker_events.clear()
        return RunKey(run, epoch)

    def reconnect(self, action: Action, key: RunKey = KEY, **fields: Any) -> None:
        """A new session whose welcome brings this verdict, and RESUME for every other run."""
        self.runs.detach()
        held = self.runs.held()
        verdicts = [
            verdict(action, one.run, one.epoch, **fields)
            if one.run == key.run
            else verdict("resume", one.run, one.epoch)
            for one in held
        ]
        self.talk = Conversation.welcomed(verdicts, held=held)
        self.runs.attach(self.talk.worker)
        assert self.talk.worker.welcome is not None
        self.runs.welcomed(self.talk.worker.welcome.verdicts, 0.0)

    def claim(self, key: RunKey = KEY) -> None:
        """An executor makes its marker."""
        identity = self.data / "executors" / "7.identity"
        identity.write_text("7:70:boot")
        r.claim(str(self.spool.folder(key)), str(identity))

    def report(self, *records: list[dict[str, Any]], key: RunKey = KEY) -> None:
        for one in records:
            self.executors.on_report(key, Recorded(one))

    def said(self) -> list[Any]:
        """What the master has heard since the last time."""
        self.talk.exchange()
        heard, self.talk.master_events = self.talk.master_events, []
        return heard


def at_a_desk(scenario: Callable[[Desk], Awaitable[None]], data: Path, **fields: Any) -> None:
    async def whole() -> None:
        await scenario(Desk(data, **fields))

    run_virtually(whole())


def test_a_run_is_stored_handed_over_and_told(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.give()
        assert desk.executors.asked == [("start", KEY)]
        assert [one.request.run for one in desk.spool.held()] == [RUN]
        desk.report(STARTED, ENDED, FINISHED)
        assert [type(one) for one in desk.said()] == [m.Started, m.Finished]
        desk.talk.master.forget(KEY.run, KEY.epoch)
        desk.talk.exchange()
        desk.runs.forget(KEY)
        assert [type(one) for one in desk.said()] == [m.Forgot]
        assert desk.spool.held() == []

    at_a_desk(scenario, tmp_path)


def test_steps_are_told_at_most_every_tenth_of_a_second(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.give()
        desk.report(STARTED)
        assert [type(one) for one in desk.said()] == [m.Started]
        await pass_time(0.05)
        desk.report(ENDED)
        assert desk.said() == []
        await pass_time(0.06)
        (stepped,) = desk.said()
        assert stepped.steps[0].exit_code == 0
        desk.report(FINISHED)
        await pass_time(1)
        assert [type(one) for one in desk.said()] == [m.Finished]

    at_a_desk(scenario, tmp_path)


def test_a_full_disk_keeps_the_assignment_for_a_while_and_gives_it_back(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.give()
        await pass_time(9.9)
        assert desk.said() == []
        await pass_time(0.2)
        (refused,) = desk.said()
        assert isinstance(refused, m.Refused) and "builder: the disk is full" in refused.reason
        assert desk.executors.asked == []

    at_a_desk(scenario, tmp_path, spool=FullSpool(tmp_path, "boot", lambda: "an-id"))


def test_a_run_is_given_back_while_less_space_is_free_than_the_worker_wants(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.give()
        await pass_time(10.1)
        (refused,) = desk.said()
        assert "MiB are free for workspaces" in refused.reason
        assert desk.executors.asked == []

    at_a_desk(scenario, tmp_path, workspace_free=1 << 60)


def test_a_workspace_in_which_something_survived_is_given_to_no_other_run(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        first = desk.give()
        desk.claim()
        desk.report(STARTED, [{**FINISHED[0], "survivors": [9]}])
        second = desk.give(run_id(2))
        paths = [desk.spool.look(key).request.workspace for key in (first, second)]
        assert [path.rpartition("/")[2] for path in paths] == ["1", "2"]

    at_a_desk(scenario, tmp_path)


@pytest.mark.parametrize("wish", ["cancel", "abort"])
def test_a_wish_meets_a_run_that_waits_to_be_given_back(tmp_path: Path, wish: str) -> None:
    async def scenario(desk: Desk) -> None:
        key = desk.give()
        getattr(desk.runs, wish)(key, "ada")
        assert [type(one) for one in desk.said()] == [m.Refused]
        await pass_time(20)
        assert desk.said() == []

    at_a_desk(scenario, tmp_path, spool=FullSpool(tmp_path, "boot", lambda: "an-id"))


def test_more_than_the_slots_are_refused(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        for number in (1, 2, 3):
            desk.give(run_id(number))
        (refused,) = desk.said()
        assert (refused.run, desk.runs.active()) == (run_id(3), 2)

    at_a_desk(scenario, tmp_path)


@pytest.mark.parametrize("wish", ["cancel", "abort"])
def test_a_wish_before_the_marker_proves_that_nothing_starts(tmp_path: Path, wish: str) -> None:
    async def scenario(desk: Desk) -> None:
        key = desk.give()
        getattr(desk.runs, wish)(key, "ada")
        (finished,) = desk.said()
        assert (finished.status, finished.never_started) == (RunStatus.CANCELLED, True)
        with pytest.raises(r.NotMine):
            desk.claim()
        desk.executors.on_report(key, Unclaimed("not_mine", "it has a marker"))
        desk.executors.on_report(key, Gone("process 7", ""))
        await settle()
        assert desk.said() == []

    at_a_desk(scenario, tmp_path)


def test_a_wish_after_the_marker_goes_to_the_executor(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        key = desk.give()
        desk.claim()
        desk.runs.cancel(key, "ada")
        desk.runs.abort(key, "ada")
        desk.report(STARTED)
        desk.runs.cancel(key, "ada")
        assert desk.executors.asked == [("start", key), ("cancel", key), ("abort", key)]

    at_a_desk(scenario, tmp_path)


def test_an_executor_that_dies_before_its_marker_is_replaced_but_not_for_ever(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        key = desk.give()
        for _ in range(TRIES):
            desk.executors.on_report(key, Gone("process 7", ""))
            await settle()
        assert desk.executors.asked == [("start", key)] * TRIES
        (finished,) = desk.said()
        assert (finished.status, finished.cause.code) == (RunStatus.EXCEPTION, CauseCode.EXECUTOR_LOST)
        assert not finished.never_started

    at_a_desk(scenario, tmp_path)


def test_an_executor_that_dies_after_its_marker_ends_the_run(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        key = desk.give()
        desk.claim()
        desk.report(STARTED)
        desk.executors.on_report(key, Gone("process 7", "9 (sleep)"))
        await settle()
        started, finished = desk.said()
        assert isinstance(started, m.Started)
        assert finished.cause.code is CauseCode.EXECUTOR_LOST
        assert "process 7" in finished.cause.message and "still alive: 9 (sleep)" in finished.cause.message
        assert desk.executors.asked == [("start", key)]

    at_a_desk(scenario, tmp_path)


def test_a_run_that_another_executor_has_is_adopted(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        key = desk.give()
        desk.claim()
        desk.executors.on_report(key, Unclaimed("not_mine", "it has a marker"))
        assert desk.executors.asked == [("start", key), ("adopt", key)]

    at_a_desk(scenario, tmp_path)


def test_what_an_adopted_executor_wrote_before_we_heard_it_is_read_from_its_journal(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        key = desk.give()
        desk.claim()
        desk.executors.on_report(key, Unclaimed("not_mine", "it has a marker"))
        desk.said()
        for record in ({"type": "started", "date": 1}, {"type": "began", "step": 0, "date": 1, "log_start": 0}):
            desk.spool.append(key, record)
        desk.executors.on_report(key, Adopted())
        assert [type(one) for one in desk.said()] == [m.Started]

    at_a_desk(scenario, tmp_path)


def test_a_run_that_an_unheard_executor_began_and_ended_is_told_from_its_start(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        key = desk.give()
        desk.claim()
        desk.executors.on_report(key, Unclaimed("not_mine", "it has a marker"))
        desk.said()
        for record in (*STARTED, *ENDED, *FINISHED):
            desk.spool.append(key, record)
        desk.executors.on_report(key, Gone("process 7", ""))
        await settle()
        assert [type(one) for one in desk.said()] == [m.Started, m.Finished]

    at_a_desk(scenario, tmp_path)


def test_after_a_reconnection_everything_is_told_again(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.give()
        desk.claim()
        desk.report(STARTED)
        desk.said()
        desk.reconnect(Action.RESUME)
        assert [type(one) for one in desk.said()] == [m.Started, m.Stepped]
        desk.runs.detach()
        desk.report(ENDED, FINISHED)
        desk.reconnect(Action.RESUME)
        assert [type(one) for one in desk.said()] == [m.Started, m.Finished]

    at_a_desk(scenario, tmp_path)


def test_wishes_of_the_welcome_are_heeded(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.give()
        desk.reconnect(Action.RESUME, should_cancel=True, stop_requested_by="ada")
        (finished,) = desk.said()
        assert finished.never_started and "ada" in finished.cause.message

    at_a_desk(scenario, tmp_path)


def test_a_wish_that_the_executor_has_written_down_is_not_said_again_by_a_reconnection(tmp_path: Path) -> None:
    # A second wish ends the cleanup; a cut network must not.
    async def scenario(desk: Desk) -> None:
        desk.give()
        desk.claim()
        desk.report(STARTED, [stop_record("ada", 5)])
        desk.reconnect(Action.RESUME, should_abort=True, stop_requested_by="ada")
        assert ("abort", KEY) not in desk.executors.asked
        stepped = next(one for one in desk.said() if isinstance(one, m.Stepped))
        assert stepped.stop is not None and stepped.stop.requested_by == "ada"
        desk.reconnect(Action.RESUME, should_abort=True, stop_requested_by="bob")
        assert desk.executors.asked[-1] == ("abort", KEY)

    at_a_desk(scenario, tmp_path)


def test_the_receipt_of_a_run_that_never_started_is_closed_at_once(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.give()
        desk.runs.abort(KEY, "ada")
        (finished,) = desk.said()
        assert finished.stop == Stop(
            requested_date=date_of(7), requested_by="ada", delivered_date=date_of(7), verified_date=date_of(7)
        )

    at_a_desk(scenario, tmp_path)


def test_the_receipt_of_a_lost_executor_names_what_could_not_be_ended(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.give()
        desk.claim()
        desk.report(STARTED, [stop_record("ada", 5)])
        desk.executors.on_report(KEY, Gone("process 7", "9 (sleep)", [{"pid": 9, "command": "sleep 60"}]))
        await settle()
        finished = next(one for one in desk.said() if isinstance(one, m.Finished))
        assert finished.stop is not None
        assert finished.stop.verified_date is None
        assert finished.stop.survivors == (Survivor(pid=9, command="sleep 60"),)

    at_a_desk(scenario, tmp_path)


def test_a_run_that_the_server_gave_up_is_stopped_before_its_data_go(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        key = desk.give()
        desk.claim()
        desk.report(STARTED)
        desk.reconnect(Action.FORGET)
        assert desk.executors.asked[-1] == ("abort", key)
        assert desk.spool.held() and desk.said() == []
        assert desk.runs.held() == ()
        desk.report(ENDED, FINISHED)
        assert [type(one) for one in desk.said()] == [m.Forgot]
        assert desk.spool.held() == []

    at_a_desk(scenario, tmp_path)


def test_a_run_that_ended_at_the_server_is_stopped_and_its_log_delivered(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        key = desk.give()
        desk.claim()
        desk.report(STARTED)
        desk.reconnect(Action.DELIVER)
        assert desk.executors.asked[-1] == ("abort", key)
        desk.report(ENDED, FINISHED)
        assert m.Finished in [type(one) for one in desk.said()]

    at_a_desk(scenario, tmp_path)


def test_a_run_that_the_server_does_not_know_is_left_alone(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        key = desk.give()
        desk.reconnect(Action.QUARANTINE)
        assert desk.executors.asked == [("start", key)]
        assert desk.said() == []
        assert desk.spool.held()

    at_a_desk(scenario, tmp_path)


def test_a_restarted_worker_starts_what_was_only_accepted_and_adopts_the_rest(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        accepted, running = desk.give(run_id(1)), desk.give(run_id(2))
        desk.claim(running)
        desk.spool.close()
        later = Desk(tmp_path)
        await later.runs.load()
        assert later.executors.asked == [("adopt", running)]
        assert later.runs.active() == 2
        later.reconnect(Action.RESUME, accepted)
        assert ("start", accepted) in later.executors.asked

    at_a_desk(scenario, tmp_path)


def test_a_run_that_was_closed_by_a_process_that_died_is_given_back(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        key = desk.give()
        desk.spool.close_unstarted(key)
        desk.spool.close()
        later = Desk(tmp_path)
        await later.runs.load()
        later.reconnect(Action.RESUME)
        assert [type(one) for one in later.said()] == [m.Refused]
        assert later.spool.held() == []

    at_a_desk(scenario, tmp_path)


def test_growth_is_offered_to_the_session(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        key = desk.give()
        desk.report(STARTED)
        desk.executors.on_report(key, Grew(500))
        (want,) = desk.talk.worker.wants()
        assert (want.run, want.offset, want.max_bytes) == (key.run, 0, 500)

    at_a_desk(scenario, tmp_path)
