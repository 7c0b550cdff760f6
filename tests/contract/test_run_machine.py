"""Random facts in random order: rows are what `domain.run.apply` says, histories are legal, gapless and final."""

from dataclasses import replace
from datetime import datetime
from itertools import count, pairwise

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, Engine

from orchestra.domain.run import (
    TERMINAL,
    TRANSITIONS,
    Assigned,
    Cancelled,
    Cause,
    CauseCode,
    Expired,
    Fact,
    Finished,
    GivenBack,
    Lost,
    NeverStarted,
    Refusal,
    Run,
    RunStatus,
    Started,
    Step,
    apply,
)
from orchestra.storage import events, runs
from orchestra.storage.event_type import EventType
from orchestra.storage.run_status import WRITTEN
from support.stored import assignment, at, furnish, insert

CAUSE = Cause(CauseCode.EXIT_CODE, "exit code 1")
LEGAL = {(before.value, after.value) for (before, _), targets in TRANSITIONS.items() for after in targets}

epochs = st.integers(0, 3)
stale = st.sampled_from([False, False, False, True])
dates = st.integers(0, 10_000).map(at)
steps = st.lists(
    st.builds(
        Step,
        name=st.sampled_from(["a", "ü"]),
        command=st.one_of(st.just("true"), st.just(("echo", "x y"))),
        start_date=st.none() | dates,
        exit_code=st.none() | st.integers(0, 255),
    ),
    max_size=2,
).map(tuple)
json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
facts: st.SearchStrategy[Fact] = st.one_of(
    st.builds(Assigned, worker=st.just("w1"), worker_properties=st.just({"os": "linux"})),
    st.builds(GivenBack, epoch=epochs, reason=st.just("no slot")),
    st.builds(Started, epoch=epochs, date=dates),
    st.builds(
        Finished,
        epoch=epochs,
        status=st.sampled_from(sorted(TERMINAL)),
        cause=st.just(CAUSE),
        date=dates,
        steps=steps,
        results=json,
        log_size=st.integers(0, 2**40),
        log_complete=st.booleans(),
        log_error=st.none() | st.just("cut"),
    ),
    st.builds(NeverStarted, epoch=epochs, cause=st.just(CAUSE)),
    st.builds(Lost, epoch=epochs, cause=st.just(CAUSE), log_error=st.none() | st.just("lost")),
    st.builds(Cancelled, cause=st.just(CAUSE)),
    st.builds(Expired, cause=st.just(CAUSE)),
)


class RunHistory(RuleBasedStateMachine):
    """`model` holds what each run must be; every rule does the same to the model and to the database."""

    connection: Connection

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = self.connection.begin_nested()
        furnish(self.connection)
        self.model: dict[str, Run] = {}
        self.clock = count(1)

    def teardown(self) -> None:
        self.savepoint.rollback()

    def now(self) -> datetime:
        return at(next(self.clock))

    @rule()
    def trigger(self) -> None:
        run = insert(self.connection, len(self.model) + 1)
        self.model[run.identifier] = run

    @rule(batch=st.lists(st.tuples(st.integers(0, 5), facts, stale), min_size=1, max_size=6))
    def record(self, batch: list[tuple[int, Fact, bool]]) -> None:
        identifiers = [*self.model, "unknown"]
        given = [self.spoken(identifiers[index % len(identifiers)], fact, stale) for index, fact, stale in batch]
        now = self.now()
        outcomes = runs.record_many(self.connection, given, now)
        for (identifier, fact), outcome in zip(given, outcomes, strict=True):
            before = self.model.get(identifier)
            expected = Refusal.FENCED if before is None else self.after(before, fact, now)
            assert outcome == expected
            if isinstance(expected, Run):
                self.model[identifier] = expected

    def spoken(self, identifier: str, fact: Fact, is_stale: bool) -> tuple[str, Fact]:
        """Mostly of the run's present epoch, or nothing but fences would be seen."""
        if is_stale or isinstance(fact, Assigned | Cancelled | Expired) or identifier not in self.model:
            return identifier, fact
        return identifier, replace(fact, epoch=self.model[identifier].epoch)

    def after(self, before: Run, fact: Fact, now: datetime) -> Run | Refusal:
        """What the domain says; a run that comes back under a wish ends, as the product says."""
        after = apply(before, fact, now)
        if isinstance(fact, GivenBack) and isinstance(after, Run) and (after.should_cancel or after.should_abort):
            code = CauseCode.CANCELLED_BY if after.should_cancel else CauseCode.ABORTED_BY
            by = "cancelled by ada; no command had started"
            message = by if after.should_cancel else "aborted by ada before any command had started"
            ended = apply(after, Cancelled(cause=Cause(code, message)), now)
            assert isinstance(ended, Run)
            return ended
        return after

    @rule(index=st.integers(0, 5), is_abort=st.booleans())
    def wish(self, index: int, is_abort: bool) -> None:
        if not self.model:
            return
        before = list(self.model.values())[index % len(self.model)]
        request = runs.request_abort if is_abort else runs.request_cancel
        wish = request(self.connection, before.identifier, "ada", self.now())
        if wish.outcome is not runs.WishOutcome.ACCEPTED:
            assert wish.run == before
        if before.status is RunStatus.PENDING and not is_abort:
            assert wish.run.status is RunStatus.CANCELLED
        else:
            assert wish.run.status is before.status
        self.model[before.identifier] = wish.run

    @rule()
    def dispatch(self) -> None:
        now = self.now()
        for won in runs.claim(self.connection, [assignment(run) for run in self.model.values()], now):
            fact = Assigned(worker="w1", worker_properties={"os": "linux"})
            assert won == apply(self.model[won.identifier], fact, now)
            self.model[won.identifier] = won

    @invariant()
    def rows_are_what_the_domain_says(self) -> None:
        assert runs.get_many(self.connection, self.model) == self.model

    @invariant()
    def histories_are_legal(self) -> None:
        for run in self.model.values():
            told = events.of_run(self.connection, run.identifier)
            assert [one.run_sequence for one in told] == list(range(1, len(told) + 1))
            changes = [one for one in told if "to" in one.data]
            assert changes[-1].data["to"] == run.status
            assert changes[-1].data["cause"] == {"code": run.cause.code, "message": run.cause.message}
            for before, after in pairwise(changes):
                assert after.data["from"] == before.data["to"]
                assert (after.data["from"], after.data["to"]) in LEGAL
                grown = after.data["epoch"] - before.data["epoch"]
                assert grown == (1 if after.type is EventType.RUN_ASSIGNED else 0)
            assert sum(change.data["to"] in TERMINAL for change in changes) <= 1


def test_rows_follow_the_domain_and_histories_are_legal(engine: Engine) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        machine = type("Machine", (RunHistory,), {"connection": connection})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=60,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        transaction.rollback()


def test_every_fact_has_its_columns() -> None:
    assert set(WRITTEN) == {fact for _, fact in TRANSITIONS}
