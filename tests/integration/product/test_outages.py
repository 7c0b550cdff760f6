"""What the command line says while a run's worker is away, and while the server is: what is known, and no error."""

from __future__ import annotations

from pathlib import Path

from support.installation import Gate, Installation
from support.waiting import wait_for


def test_who_follows_is_told_who_is_away_and_who_is_back_and_loses_no_byte(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    with Installation(tmp_path / "site", "server") as one:
        one.start()
        worker = one.start_worker("w1")
        one.put_job("long", f"echo one; {gate.command}; echo two; {gate.command}; echo three")
        run = one.trigger("long").identifier
        follower = one.launch("logs", run, "--follow", **one.access())
        waiter = one.launch("run", "wait", run, **one.access())
        follower.wait_line("one")

        worker.stop()
        for program in (follower, waiter):
            told = program.wait_line("w1 is not connected, last heard from at", stream="err")
            assert "the run probably goes on there. If it does not return, the run ends as exception on" in told
        shown = one.orchestra("run", "show", run).out.decode()
        for text in ("running, when last heard of", "at least ", "w1 keeps what came after", "complete up to"):
            assert text in shown
        assert "disconnected" in one.orchestra("worker", "list").out.decode()
        assert "when it was last heard of" in one.orchestra("worker", "show", "w1").out.decode()
        gate.open()

        one.start_worker("w1")
        for program in (follower, waiter):
            program.wait_line("w1 is back after", stream="err")
        follower.wait_line("two")

        one.stop()
        for program in (follower, waiter):
            program.wait_line("Trying again", stream="err")
        one.start()
        for program in (follower, waiter):
            program.wait_line(f"{one.address} answers again", stream="err")
        gate.open()
        assert (follower.wait(), waiter.wait()) == (0, 0)
        assert follower.out.text == "one\ntwo\nthree"


def test_an_abort_that_waits_prints_the_receipt(up: Installation) -> None:
    up.put_job("stubborn", "trap '' TERM; echo ready; while :; do sleep 1; done", definition={"grace": 0.3})
    run = up.trigger("stubborn").identifier
    wait_for(lambda: up.client.log(run) == b"ready\n", "it ignores the signal")
    done = up.orchestra("abort", run, "--wait")
    said = done.out.decode()
    assert done.code == 0, said
    for word in (
        "aborted",
        "requested",
        "by admin",
        "delivered",
        "terminated",
        "killed",
        "nothing of the run is alive",
    ):
        assert word in said
    assert up.orchestra("abort", "-q", "job:stubborn", "--wait").code == 2
