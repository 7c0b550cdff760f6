"""The lease of an exclusive run, with real processes: who holds the timer is the executor."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orchestra.worker.lease_timer import boot_time
from orchestra.worker.requests import Request
from support.executor_rig import Rig, with_rig
from support.waiting import until

FOREVER = "sleep 1000"


def exclusive(rig: Rig, *commands: Any, **definition: Any) -> Request:
    return msgspec.structs.replace(rig.request(*commands, **definition), lease=30.0)


def test_a_lease_lapses_also_when_the_worker_process_is_gone() -> None:
    async def scenario(rig: Rig) -> None:
        run = rig.start(
            exclusive(rig, f"echo begun; {FOREVER}", "echo never", cleanup=["echo never"]), boot_time() + 3.0
        )
        await run.until(lambda one: one.log_size)
        await rig.executors.close()
        await until(lambda: any(one["type"] == "finished" for one in rig.spool.look(run.key).records), "its end")
        last = rig.spool.look(run.key).records[-1]
        assert (last["status"], last["code"], rig.log(run)) == ("exception", "lease_lapsed", b"begun\n")
        assert "the server was not heard for 30 s" in last["message"]
        assert (last["stop"]["by"], last["survivors"]) == ("the limit lease", [])

    with_rig(scenario)


@pytest.mark.parametrize("until", [None, 0.0])
def test_a_run_without_a_lease_in_force_never_starts(until: float | None) -> None:
    async def scenario(rig: Rig) -> None:
        run = rig.start(exclusive(rig, "echo never", cleanup=["echo never"]), until)
        await run.until(lambda one: one.all("finished"))
        assert (run.finished["status"], run.finished["code"]) == ("exception", "lease_lapsed")
        assert (run.all("started"), rig.log(run)) == ([], b"")

    with_rig(scenario)
