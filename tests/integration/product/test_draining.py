"""Before a machine is upgraded: no new runs for its worker, and word when the last one is over."""

from __future__ import annotations

from orchestra.domain.run import RunStatus
from support.installation import Gate, Installation


def test_a_worker_is_drained_and_the_command_returns_when_its_last_run_is_over(up: Installation) -> None:
    (worker,) = up.client.workers()
    gate = Gate(up.folder / "drained.gate")
    up.put_job("held", gate.command)
    first = up.trigger("held").identifier
    up.wait_running(first)
    command = up.launch("worker", "drain", worker.identifier, "--wait", **up.access())
    command.wait_line("waiting for 1 run", stream="err")
    later = up.trigger("held").identifier
    up.wait_run(later, lambda one: "disabled" in one.cause.message)
    assert command.is_running
    gate.open()
    assert command.wait() == 0, command.story()
    assert "holds no run" in command.out.text
    assert up.client.run(first).status is RunStatus.SUCCEEDED
    assert up.client.run(later).status is RunStatus.PENDING
    assert up.orchestra("worker", "enable", worker.identifier).code == 0
    up.wait_running(later)
    gate.open()
    assert up.wait_end(later).status is RunStatus.SUCCEEDED


def test_a_worker_without_runs_is_drained_at_once(up: Installation) -> None:
    (worker,) = up.client.workers()
    done = up.orchestra("worker", "drain", worker.identifier, "--wait")
    assert done.code == 0
    assert "is disabled and holds no run" in done.text
    assert up.orchestra("worker", "enable", worker.identifier).code == 0
