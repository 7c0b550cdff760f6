"""Runs by command line: queries, many at once, waiting, deleting, events and search."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from support.command import Command
from support.installation import PROJECT, Gate, Installation


@pytest.fixture(scope="module")
def admin(up: Installation, tmp_path_factory: pytest.TempPathFactory) -> Command:
    up.put_job("says", "echo Hello {parameters.name}", parameters=[{"key": "name", "default": "World"}])
    up.put_job("exits", "exit {parameters.code}", parameters=[{"key": "code", "type": "integer", "default": 0}])
    up.put_job("never", "true", properties={"planet": "mars"})
    up.put_job("results", """printf '{"a": [1]}' > "$ORCHESTRA_RESULTS"; seq 1 5""")
    return Command(tmp_path_factory.mktemp("admin"), up.address, up.token)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


def test_runs_are_found_by_a_query(admin: Command, up: Installation) -> None:
    failed = up.run("exits", {"code": 3})
    up.run("exits")
    found = admin.json("runs", PROJECT, "-q", "job:ex* status:failed parameter.code:3")
    assert [one["identifier"] for one in found] == [failed.identifier]
    (raw,) = up.http.get("/runs", params={"q": f"number:{failed.number} job:exits project:{PROJECT}"}).json()["items"]
    assert found == [raw]
    assert "no runs match" in admin("runs", "-q", "status:aborted").err
    oldest = admin.json("runs", f"{PROJECT}/exits", "--order", "creation_date", "-n", "1")
    assert oldest[0]["number"] == 1


def test_every_problem_of_a_query_is_told(admin: Command) -> None:
    refused = admin("runs", "-q", "status:happy nonsense:x created:>soon")
    assert refused.code == 1
    assert len([line for line in refused.err.splitlines() if line.startswith("  ")]) == 3, refused.err
    assert "(character 8)" in refused.err


def test_what_is_known_of_a_run_is_as_the_api_gives_it(admin: Command, up: Installation) -> None:
    run = up.run("results")
    name = f"{PROJECT}/results#{run.number}"
    api = f"/runs/{run.identifier}"
    assert admin.json("run", "show", name) == up.http.get(api).json()
    assert admin.json("run", "steps", name) == up.http.get(f"{api}/steps").json()["items"]
    assert admin.json("run", "events", name) == up.http.get(f"{api}/events").json()["items"]
    assert json.loads(admin.text("run", "results", name)) == {"a": [1]}
    assert admin.json("run", "log", name) == {
        "info": up.http.get(f"{api}/log/info").json(),
        "sections": up.http.get(f"{api}/log/sections").json()["items"],
    }
    assert admin.json("explain", name) == up.http.get(f"{api}/explain").json()
    assert "5 lines, complete" in admin.text("run", "log", name)
    assert "run.succeeded" in admin.text("run", "events", name)
    assert "seq 1 5" in admin.text("run", "steps", name)


def test_a_part_of_a_log_is_printed(admin: Command, up: Installation) -> None:
    up.put_job("long", "seq 1 3000; head -c 2500000 /dev/zero | tr '\\0' x; echo; printf '\\377\\nlast'")
    run = up.run("long").identifier
    whole = up.client.log(run)
    for count in (1, 2, 3, 2500, 99_999):
        assert admin("logs", run, "--tail", str(count)).out == b"".join(whole.splitlines(keepends=True)[-count:])
    assert admin.text("logs", run, "--line", "7") == "7\n"
    assert admin("logs", run, "--line", "99999").code == 1
    assert admin("logs", run, "--line", "7", "--tail", "3").code == 2


@pytest.mark.parametrize(("code", "exit_code"), [(0, 0), (3, 3)])
def test_waiting_for_a_run_tells_how_it_ended(admin: Command, up: Installation, code: int, exit_code: int) -> None:
    run = up.trigger("exits", {"code": code}).identifier
    done = admin("run", "wait", run)
    assert done.code == exit_code, done
    assert f"{PROJECT}/exits#" in done.err


def test_waiting_ends_with_its_time(admin: Command, up: Installation) -> None:
    run = up.trigger("never").identifier
    done = admin("run", "wait", run, "--timeout", "0.1")
    assert done.code == 1 and "the run goes on" in done.err
    admin.text("cancel", run)


def test_many_runs_are_cancelled_by_a_query_once_it_was_said_which(admin: Command, up: Installation) -> None:
    waiting = [up.trigger("never").identifier for _ in range(3)]
    query = f"project:{PROJECT} job:never status:pending"
    dry = admin.json("cancel", "-q", query, "--dry-run")
    assert {one["run"] for one in dry["items"]} == set(waiting)
    assert dry == up.http.post("/runs/bulk", json={"action": "cancel", "q": query, "dry_run": True}).json()
    unsure = admin("cancel", "-q", query)
    assert unsure.code == 2 and "--yes" in unsure.err
    assert all(up.client.run(one).status == "pending" for one in waiting)
    done = admin("cancel", "-q", query, "--yes")
    assert done.code == 0 and done.text.count("done") == 3, done
    assert all(up.client.run(one).status == "cancelled" for one in waiting)
    nothing = admin("cancel", "-q", query, "--yes")
    assert nothing.code == 0 and "no runs match" in nothing.err


def test_named_runs_are_done_together_and_refusals_are_told(admin: Command, up: Installation) -> None:
    waiting, ended = up.trigger("never").identifier, up.run("exits").identifier
    done = admin("cancel", waiting, ended, "--yes")
    assert done.code == 1 and "refused" in done.text and "done" in done.text, done
    assert up.client.run(waiting).status == "cancelled"
    again = admin.json("retry", ended, waiting, "--dry-run")
    assert [one["outcome"] for one in again["items"]] == ["would", "would"]
    assert admin("retry", ended, waiting, "-p", "code=1").code == 2
    assert f"{PROJECT}/exits#" in (text := admin.text("retry", ended, ended, "--yes")) and "new run" in text
    assert admin("cancel").code == 2
    assert admin("cancel", waiting, "-q", "job:never").code == 2


def test_a_run_that_ended_is_deleted_and_one_that_runs_is_not(admin: Command, up: Installation, gate: Gate) -> None:
    ended = up.run("says")
    assert admin("run", "delete", ended.identifier).code == 2
    assert "deleted" in admin.text("run", "delete", f"{PROJECT}/says#{ended.number}", "--yes")
    assert up.http.get(f"/runs/{ended.identifier}").status_code == 404
    up.put_job("long", gate.command)
    running = up.wait_running(up.trigger("long").identifier)
    refused = admin("run", "delete", running.identifier, "--yes")
    assert refused.code == 1 and refused.err.startswith("error: ")
    gate.open()
    up.wait_end(running.identifier)
    many = admin("run", "delete", "-q", f"project:{PROJECT} job:long", "--yes")
    assert many.code == 0, many
    assert up.http.get(f"/runs/{running.identifier}").status_code == 404


def test_everything_is_found_by_name(admin: Command, up: Installation) -> None:
    run = up.run("says")
    types = {one["type"] for one in admin.json("search", "says")}
    assert "job" in types
    assert admin.json("search", "local", "--type", "worker")[0]["identifier"] == "local"
    assert run.identifier in admin.text("search", run.identifier[:13])
    assert "nothing" in admin("search", "zzzzzz").err


def test_events_are_followed_from_a_number_on(admin: Command, up: Installation) -> None:
    run = up.run("says")
    lines = admin.text("events", "--after", "0", "--topic", f"run:{run.identifier}", "-n", "4").splitlines()
    assert "run.created" in lines[0] and "run.succeeded" in lines[3]
    (one,) = map(
        json.loads,
        admin.text(
            *("events", "--after", "0", "--topic", f"run:{run.identifier}", "-n", "1", "--output", "json")
        ).splitlines(),
    )
    assert one == up.http.get(f"/runs/{run.identifier}/events").json()["items"][0]
    refused = admin("events", "--topic", "nonsense")
    assert refused.code == 1 and "topic" in refused.err


def test_events_come_as_they_happen_and_ctrl_c_leaves(admin: Command, up: Installation) -> None:
    program = up.launch("events", "--topic", "jobs", "--topic", "workers", **admin.variables())
    while program.is_running:
        admin.text("job", "disable", f"{PROJECT}/says")
        admin.text("job", "enable", f"{PROJECT}/says")
        if "job.updated" in program.out.text:
            break
    line = program.wait_line("job.updated")
    assert f"{PROJECT}/says" in line and "by admin" in line
    program.send_signal(signal.SIGINT)
    assert program.wait() == 130
    assert "Traceback" not in program.err.text


def test_a_token_that_expires_ends_the_log_that_is_followed_with_it(
    admin: Command, up: Installation, gate: Gate, tmp_path: Path
) -> None:
    up.put_job("long", f"echo begins; {gate.command}; echo ends")
    run = up.trigger("long").identifier
    made = admin.json("token", "create", "--description", "reader")
    follower = up.launch(
        "logs", run, "--follow", ORCHESTRA_SERVER=up.address, ORCHESTRA_TOKEN=made["secret"], HOME=str(tmp_path)
    )
    follower.wait_line("begins")
    admin.text("token", "expire", made["identifier"])
    assert follower.wait() == 1
    assert "error: " in follower.err.text and "orchestra login" in follower.err.text
    assert "ends" not in follower.out.text
    gate.open()
    assert up.wait_end(run).status == "succeeded"
