"""The command line against a real server: what each command prints, changes, and returns."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestra.domain.run import RunStatus
from support.installation import PROGRAM, PROJECT, Gate, Installation, Program, free_port
from support.waiting import wait_for


@pytest.fixture(scope="module", autouse=True)
def jobs(up: Installation) -> None:
    up.put_job(
        "says",
        "echo Hello {parameters.name}",
        parameters=[{"key": "name", "default": "World"}],
        display_name="Says hello",
        description="Greets\nat length",
    )
    up.put_job("exits", "exit {parameters.code}", parameters=[{"key": "code", "type": "integer", "default": 0}])
    up.put_job("breaks", ["/no/such/program"])
    up.put_job("never", "true", properties={"os": "linux", "planet": "mars"})


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


def _launch(up: Installation, *arguments: str) -> Program:
    return up.launch(*arguments, ORCHESTRA_SERVER=up.address, ORCHESTRA_TOKEN=up.token)


def _json(up: Installation, *arguments: str) -> Any:
    done = up.orchestra(*arguments, "--output", "json")
    assert done.code == 0, done
    return json.loads(done.out)


# trigger


def test_trigger_prints_the_identifier_alone(up: Installation) -> None:
    done = up.orchestra("trigger", f"{PROJECT}/says", "-p", "name=Ada")
    assert done.code == 0, done
    (identifier,) = done.text.splitlines()
    assert up.wait_end(identifier).parameters == {"name": "Ada"}


def test_trigger_follow_prints_the_log_and_the_end(up: Installation) -> None:
    done = up.orchestra("trigger", f"{PROJECT}/says", "-p", "name=Ada", "--follow")
    assert done.code == 0, done
    assert done.text.splitlines()[1:] == ["Hello Ada"]
    assert "succeeded" in done.err


@pytest.mark.parametrize("how", ["--follow", "--wait"])
@pytest.mark.parametrize(
    ("job", "parameters", "code", "word"),
    [("exits", [], 0, "succeeded"), ("exits", ["-p", "code=9"], 3, "failed"), ("breaks", [], 5, "exception")],
)
def test_the_exit_code_tells_how_the_run_ended(
    up: Installation, how: str, job: str, parameters: list[str], code: int, word: str
) -> None:
    done = up.orchestra("trigger", f"{PROJECT}/{job}", *parameters, how)
    assert done.code == code, done
    assert word in done.err


@pytest.mark.parametrize("how", ["--follow", "--wait"])
def test_a_run_that_is_aborted_or_cancelled_gives_exit_code_4(up: Installation, gate: Gate, how: str) -> None:
    up.put_job("long", gate.command)
    program = _launch(up, "trigger", f"{PROJECT}/long", how)
    run = _identifier(program)
    up.wait_running(run)
    assert up.orchestra("abort", run).code == 0
    assert program.wait() == 4, program.story()
    program = _launch(up, "trigger", f"{PROJECT}/never", how)
    assert up.orchestra("cancel", _identifier(program)).code == 0
    assert program.wait() == 4, program.story()


def test_trigger_timeout_stops_waiting_and_leaves_the_run_alone(up: Installation, gate: Gate) -> None:
    up.put_job("long", gate.command)
    done = up.orchestra("trigger", f"{PROJECT}/long", "--wait", "--timeout", "0.2")
    assert done.code == 1, done
    run = done.text.strip()
    assert run in done.err
    up.wait_running(run)
    gate.open()
    assert up.wait_end(run).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("command", ["trigger", "logs"])
def test_ctrl_c_while_following_detaches(up: Installation, gate: Gate, command: str) -> None:
    up.put_job("long", f"echo begins; {gate.command}; echo ends")
    if command == "trigger":
        program = _launch(up, "trigger", f"{PROJECT}/long", "--follow")
        run = _identifier(program)
    else:
        run = up.trigger("long").identifier
        program = _launch(up, "logs", run, "--follow")
    program.wait_line("begins")
    program.send_signal(signal.SIGINT)
    assert program.wait() == 130, program.story()
    assert "the run goes on" in program.err.text
    assert "Traceback" not in program.err.text
    assert up.client.run(run).status is RunStatus.RUNNING
    gate.open()
    assert up.wait_end(run).status is RunStatus.SUCCEEDED


def test_following_goes_on_when_the_server_is_restarted(tmp_path: Path, gate: Gate) -> None:
    environment = {"ORCHESTRA_RECONNECT_LONGEST": "1s"}
    with Installation(tmp_path / "own", "server", environment=environment) as own:
        own.start()
        own.start_worker("one")
        own.put_job("long", f"echo begins; {gate.command}; echo ends")
        program = _launch(own, "trigger", f"{PROJECT}/long", "--follow")
        program.wait_line("begins")
        own.kill()
        own.start()
        gate.open()
        assert program.wait() == 0, program.story()
        assert program.out.text.splitlines()[1:] == ["begins", "ends"]


def test_an_idempotency_key_gives_the_same_run(up: Installation) -> None:
    command = ("trigger", f"{PROJECT}/says", "--idempotency-key", "command-line")
    assert up.orchestra(*command).text == up.orchestra(*command).text


def test_problems_with_parameters_come_all_at_once(up: Installation) -> None:
    done = up.orchestra("trigger", f"{PROJECT}/exits", "-p", "code=many", "-p", "other=1")
    assert done.code == 1
    assert "parameters.code" in done.err and "parameters.other" in done.err


def _identifier(program: Program) -> str:
    return program.out.wait_line(bool) or pytest.fail(program.story())


# runs, run show, logs


def test_runs_are_listed_newest_first_and_filtered(up: Installation) -> None:
    up.run("says")
    failed = up.run("exits", {"code": 3})
    table = up.orchestra("runs", PROJECT, "--status", "failed")
    assert table.code == 0
    lines = table.text.splitlines()
    assert lines[0].split()[:2] == ["RUN", "STATUS"]
    assert f"{PROJECT}/exits#{failed.number}" in lines[1]
    assert "failed" in lines[1] and failed.identifier in lines[1]
    found = _json(up, "runs", f"{PROJECT}/exits", "-n", "1")
    assert [one["identifier"] for one in found] == [failed.identifier]
    nothing = up.orchestra("runs", PROJECT, "--worker", "nobody")
    assert (nothing.code, nothing.text) == (0, "")
    assert "no runs match" in nothing.err


def test_run_show_names_a_run_by_uuid_and_by_number(up: Installation) -> None:
    run = up.run("exits", {"code": 3})
    by_uuid, by_number = (
        up.orchestra("run", "show", name) for name in (run.identifier, f"{PROJECT}/exits#{run.number}")
    )
    assert by_uuid.code == 0
    assert [line for line in by_uuid.text.splitlines() if "ago" not in line] == [
        line for line in by_number.text.splitlines() if "ago" not in line
    ]
    for text in ("failed", "exited with code 3", "code = 3", "Steps", "exit {parameters.code}", "local"):
        assert text in by_uuid.text, text
    found = _json(up, "run", "show", run.identifier)
    assert (found["identifier"], found["status"], found["steps"][0]["exit_code"]) == (run.identifier, "failed", 3)


def test_logs_prints_the_bytes_and_follows_to_the_end(up: Installation, gate: Gate) -> None:
    up.put_job("long", f"printf 'one\\377'; {gate.command}; printf two")
    run = up.trigger("long").identifier
    wait_for(lambda: up.client.log(run) == b"one\xff", "the first part")
    assert up.orchestra("logs", run).out == b"one\xff"
    program = _launch(up, "logs", run, "--follow")
    gate.open()
    assert program.wait() == 0
    assert program.out.text == "one�two"
    assert up.orchestra("logs", f"{PROJECT}/long#{up.client.run(run).number}").out == b"one\xfftwo"


# cancel, abort, retry, explain


def test_cancel_abort_and_retry_say_what_became_of_the_run(up: Installation, gate: Gate) -> None:
    pending = up.trigger("never")
    refused = up.orchestra("abort", pending.identifier)
    assert (refused.code, refused.text) == (1, "")
    assert "cancel" in refused.err
    done = up.orchestra("cancel", f"{PROJECT}/never#{pending.number}")
    assert done.code == 0
    assert "cancelled" in done.text
    up.put_job("long", gate.command)
    running = up.wait_running(up.trigger("long").identifier)
    refused = up.orchestra("cancel", running.identifier)
    assert refused.code == 1 and "abort" in refused.err
    assert "aborting" in up.orchestra("abort", running.identifier).text
    up.wait_end(running.identifier)
    first = up.run("exits", {"code": 3})
    again = up.orchestra("retry", first.identifier, "-p", "code=0")
    assert again.code == 0
    assert up.wait_end(again.text.strip()).status is RunStatus.SUCCEEDED


def test_explain_gives_a_verdict_for_each_worker_and_its_nearest_miss(up: Installation) -> None:
    run = up.trigger("never").identifier
    up.wait_run(run, lambda one: "planet" in one.cause.message)
    done = up.orchestra("explain", run)
    assert done.code == 0
    assert "pending" in done.text and "planet" in done.text and "mars" in done.text
    assert re.search(r"^local +\S+", done.text, re.MULTILINE)
    found = _json(up, "explain", run)
    assert found["workers"][0]["mismatches"] == [{"property": "planet", "wanted": "mars", "has": None}]
    assert found["nearest"] == "local"
    assert up.orchestra("cancel", run).code == 0
    assert "cancelled" in up.orchestra("explain", run).text


# workers, projects, jobs


def test_workers_are_listed_disabled_enabled_and_disconnected(up: Installation) -> None:
    table = up.orchestra("worker", "list")
    assert table.code == 0 and "local" in table.text and "connected" in table.text
    (found,) = _json(up, "worker", "list")
    assert (found["identifier"], found["is_active"], found["is_enabled"]) == ("local", True, True)
    assert _json(up, "worker", "show", "local")["concurrency"] == 8
    assert "disabled" in up.orchestra("worker", "disable", "local").text
    assert "disabled" in up.orchestra("worker", "list").text
    assert not up.client.worker("local").is_enabled
    assert "enabled" in up.orchestra("worker", "enable", "local").text
    before = up.client.worker("local").connection_date
    assert up.orchestra("worker", "disconnect", "local").code == 0
    wait_for(
        lambda: (one := up.client.worker("local")).is_active and one.connection_date != before, "it connected again"
    )
    refused = up.orchestra("worker", "delete", "local", "--yes")
    assert refused.code == 1 and "local" in refused.err
    unknown = up.orchestra("worker", "show", "nobody")
    assert unknown.code == 1 and "nobody" in unknown.err


def test_projects_and_jobs_are_listed_shown_enabled_and_disabled(up: Installation) -> None:
    assert {PROJECT, "examples"} <= {one["identifier"] for one in _json(up, "project", "list")}
    assert "examples" in up.orchestra("project", "list").text
    table = up.orchestra("job", "list", PROJECT)
    assert re.search(r"^says +Says hello +yes +\d+ +name +Greets$", table.text, re.MULTILINE), table.text
    assert "says" in {one["identifier"] for one in _json(up, "job", "list", PROJECT)}
    assert _json(up, "job", "show", f"{PROJECT}/says")["identifier"] == "says"
    assert "echo Hello" in up.orchestra("job", "show", f"{PROJECT}/says").text
    assert up.orchestra("job", "disable", f"{PROJECT}/says").code == 0
    run = up.trigger("says").identifier
    up.wait_run(run, lambda one: one.cause.code == "job_disabled")
    assert "job_disabled" in up.orchestra("run", "show", run).text
    assert up.orchestra("job", "enable", f"{PROJECT}/says").code == 0
    assert up.wait_end(run).status is RunStatus.SUCCEEDED


# apply

FILE = """\
projects:
  configured:
    display_name: Configured
    jobs:
      build:
        parameters: [{key: branch, default: main}]
        definition: {type: commands, commands: ["echo {parameters.branch}"]}
      test:
        definition: {type: commands, commands: [[echo, test]]}
"""


def test_apply_plans_applies_changes_nothing_twice_and_prunes(up: Installation, tmp_path: Path) -> None:
    file = tmp_path / "jobs.yaml"
    file.write_text(FILE)
    dry = up.orchestra("apply", str(file), "--dry-run")
    assert dry.code == 0, dry
    assert "+ project configured" in dry.text and "+ job configured/build" in dry.text
    assert "nothing was changed" in dry.text
    assert up.http.get("/projects/configured").status_code == 404

    assert up.orchestra("apply", str(file)).code == 0
    assert up.orchestra("trigger", "configured/build", "--follow").text.splitlines()[1:] == ["main"]
    job = up.client.job("configured", "build")

    again = up.orchestra("apply", str(file))
    assert (again.code, again.text) == (0, "nothing differs\n")
    assert up.client.job("configured", "build") == job

    file.write_text(FILE.replace("default: main", "default: trunk").split("      test:")[0])
    changed = up.orchestra("apply", str(tmp_path))
    assert changed.code == 0
    assert "~ job configured/build" in changed.text
    assert re.search(r"parameters.*main.*→.*trunk", changed.text), changed.text
    assert up.client.job("configured", "build").revision == job.revision + 1
    assert up.http.get("/projects/configured/jobs/test").status_code == 200

    pruned = up.orchestra("apply", str(tmp_path), "--prune")
    assert pruned.code == 0 and "- job configured/test" in pruned.text
    assert up.http.get("/projects/configured/jobs/test").status_code == 404
    assert up.orchestra("apply", str(tmp_path), "--prune").text == "nothing differs\n"


def test_apply_never_enables_what_an_operator_disabled(up: Installation, tmp_path: Path) -> None:
    file = tmp_path / "jobs.yaml"
    file.write_text(FILE.replace("configured", "operated"))
    assert up.orchestra("apply", str(file)).code == 0
    up.client.set_job_enabled("operated", "build", False)
    file.write_text(FILE.replace("configured", "operated").replace("main", "trunk"))
    assert up.orchestra("apply", str(file)).code == 0
    assert not up.client.job("operated", "build").is_enabled


def test_what_files_own_is_changed_by_files_alone(up: Installation, tmp_path: Path) -> None:
    file = tmp_path / "jobs.yaml"
    file.write_text(FILE.replace("configured", "owned"))
    assert up.orchestra("apply", str(file)).code == 0
    refused = up.http.put(
        "/projects/owned/jobs/build", json={"definition": {"type": "commands", "commands": ["echo other"]}}
    )
    assert refused.status_code == 409
    assert up.orchestra("trigger", "owned/build", "--wait").code == 0


def test_apply_names_every_error_with_file_line_and_path(up: Installation, tmp_path: Path) -> None:
    first, second = tmp_path / "one.yaml", tmp_path / "two.yaml"
    first.write_text(FILE.replace("configured", "wrong").replace("commands: [[echo, test]]", "comands: []"))
    second.write_text("projects:\n  other:\n    jobs:\n      bad job: {}\n      x:\n        policy: {priority: 1000}\n")
    done = up.orchestra("apply", str(first), str(second))
    assert done.code == 1
    assert re.search(rf"{re.escape(str(first))}:9\b.*projects\.wrong\.jobs\.test\.definition", done.err), done.err
    assert re.search(rf"{re.escape(str(second))}:6\b.*priority", done.err), done.err
    assert len(re.findall(re.escape(str(second)), done.err)) >= 3
    assert up.http.get("/projects/wrong").status_code == 404
    broken = tmp_path / "broken.yaml"
    broken.write_text("projects:\n  a: [\n")
    done = up.orchestra("apply", str(broken))
    assert done.code == 1 and f"{broken}:" in done.err


# doctor, usage, no server


def test_doctor_finds_an_installation_well(up: Installation) -> None:
    done = up.orchestra("doctor", "--data", str(up.data))
    assert done.code == 0, done
    for text in ("python", "website", "database", "sound", "server", "workers", "1 of 1 connected"):
        assert text in done.text, text
    assert {one["state"] for one in _json(up, "doctor", "--data", str(up.data))} <= {"good", "attention"}


def test_doctor_reads_all_that_is_stored_beside_a_running_server(up: Installation) -> None:
    up.put_job("doctored", "yes orchestra | head -c 200000")
    run = up.run("doctored")
    arguments = ("doctor", "--check-storage", "--data", str(up.data))
    done = up.orchestra(*arguments)
    assert done.code == 0, done
    assert "every page and reference" in done.text
    (file,) = up.data.glob(f"logs/*/{run.identifier}.log")
    data = file.read_bytes()
    file.write_bytes(b"O" + data[1:])
    done = up.orchestra(*arguments, "--output", "json")
    assert done.code == 1
    bad = [one for one in json.loads(done.out) if one["state"] == "bad"]
    assert [one["fact"] for one in bad] == [f"{file.name}: does not have the SHA-256 that it had when its run ended"]
    file.write_bytes(data)


def test_doctor_says_what_is_bad_and_what_to_do(up: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    server = f"http://127.0.0.1:{free_port()}"
    done = up.orchestra("doctor", "--data", str(folder), server=server)
    assert done.code == 1
    assert f"chmod 700 {folder}" in done.text
    assert server in done.text and "orchestra up" in done.text


@pytest.mark.parametrize(
    "arguments",
    [
        ("triger", "a/b"),
        ("trigger",),
        ("trigger", "no-slash"),
        ("trigger", "a/b", "-p", "no-equals-sign"),
        ("trigger", "a/b", "-p", "x=1", "-p", "x=2"),
        ("runs", "--status", "happy"),
        ("run", "show", "what"),
        ("apply", "/no/such/file.yaml"),
        ("worker", "--server", "http://127.0.0.1:1", "--concurrency", "0"),
        ("up", "--port", "99999"),
        ("logs",),
    ],
)
def test_wrong_usage_gives_exit_code_2(up: Installation, arguments: tuple[str, ...]) -> None:
    done = up.orchestra(*arguments)
    assert done.code == 2, done
    assert "Error" in done.err and "Traceback" not in done.err


def test_a_mistyped_command_is_recognised(up: Installation) -> None:
    assert "Did you mean 'trigger'?" in up.orchestra("triger").err


@pytest.mark.parametrize(
    "arguments",
    [
        ("trigger", "a/b"),
        ("trigger", "a/b", "--follow"),
        ("runs",),
        ("run", "show", "a/b#1"),
        ("logs", "00000000-0000-7000-8000-000000000000"),
        ("worker", "list"),
        ("project", "list"),
    ],
)
def test_without_a_server_a_command_says_so(up: Installation, arguments: tuple[str, ...]) -> None:
    server = f"http://127.0.0.1:{free_port()}"
    done = up.orchestra(*arguments, server=server)
    assert done.code == 1, done
    assert server in done.err and "does not answer" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "command",
    [
        ("run", "show", "00000000-0000-7000-8000-000000000000"),
        ("logs", f"{PROJECT}/says#99999"),
        ("cancel", "nowhere/x#1"),
        ("explain", f"{PROJECT}/says#0"),
        ("trigger", "nowhere/x"),
        ("job", "show", f"{PROJECT}/nothing"),
        ("job", "list", "nowhere"),
    ],
)
def test_what_is_not_there_is_named(up: Installation, command: tuple[str, ...]) -> None:
    done = up.orchestra(*command)
    assert done.code == 1, done
    assert done.err.startswith("error: ") and "there is no" in done.err


def test_a_bad_token_is_named(up: Installation) -> None:
    done = up.orchestra("runs", token="zz")
    assert done.code == 1
    assert "token" in done.err.lower() or "authenticat" in done.err.lower()


def test_without_a_token_the_one_of_this_machine_is_used(up: Installation) -> None:
    environment = {"ORCHESTRA_SERVER": up.address}
    program = up.launch("runs", **environment)
    assert program.wait() == 1
    assert "no token" in program.err.text and "orchestra login" in program.err.text
    program = up.launch("runs", ORCHESTRA_DATA=str(up.data), **environment)
    assert program.wait() == 0, program.story()


def test_the_reader_of_a_pipe_may_leave(up: Installation) -> None:
    up.put_job("much", "seq 1 200000")
    run = up.run("much").identifier
    done = subprocess.run(
        ["sh", "-c", f"{PROGRAM} logs {run} | head -n 1"],
        env=up.command_environment(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == (b"1\n", b"")
