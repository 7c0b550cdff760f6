"""F18, C21: what cannot be stored of one run delays no other, and is not lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from orchestra.domain.run import RunStatus
from orchestra.master import report
from orchestra.wire import messages as m
from support.conversation import finished, held, run_id, started
from support.master_world import RUN, World, settle, story

OTHER = run_id(2)


@pytest.fixture
def defect(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """While it lasts, the end of the run RUN cannot be stored."""
    real = report.store

    def store(connection: Any, reports: Sequence[report.Report], *more: Any, **options: Any) -> Any:
        if any(one.run == RUN and one.finished is not None for one in reports):
            raise KeyError("a defect of ours")
        return real(connection, reports, *more, **options)

    with monkeypatch.context() as patch:
        patch.setattr(report, "store", store)
        yield patch


def test_one_run_that_cannot_be_stored_delays_no_other_and_is_stored_once_the_defect_is_gone(
    defect: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    @story
    async def tell(world: World) -> None:
        await world.furnish()
        worker = await world.connect(concurrency=4)
        await world.trigger(1)
        await world.trigger(2)
        worker.spool[RUN, 1] = worker.spool[OTHER, 1] = b"log\n"
        for run in (RUN, OTHER):
            assert worker.session.tell(started(run))
            worker.session.log_ready(run, 1, 4)
            assert worker.session.tell(finished(run, log=b"log\n"))
        worker.flush()
        await settle()
        assert worker.closed is None, "the session goes on"
        assert (await world.run(OTHER)).status is RunStatus.SUCCEEDED
        assert (await world.run(RUN)).status is not RunStatus.SUCCEEDED
        assert worker.heard(m.Forget) == [m.Forget(run=OTHER, epoch=1)]
        await world.trigger(3)
        await worker.carry_out(run_id(3))
        assert (await world.run(run_id(3))).status is RunStatus.SUCCEEDED
        defect.undo()
        again = await world.connect(concurrency=4, held=(held(phase="finished", log_size=4),))
        again.spool[RUN, 1] = b"log\n"
        await again.say(started())
        await again.write(b"log\n")
        await again.say(finished(log=b"log\n"))
        ended = await world.run(RUN)
        assert (ended.status, ended.log_complete) == (RunStatus.SUCCEEDED, True)

    tell(tmp_path)
