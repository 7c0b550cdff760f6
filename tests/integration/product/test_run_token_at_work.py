"""S-14: a command uses its run's token with the client: it triggers, follows and aborts, and reaches nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestra.domain.run import RunStatus
from support.installation import PROJECT, Gate, Installation

PROGRAM = """
import json, os, sys
from orchestra.client import Client
from orchestra.domain.errors import OrchestraError

project, mine = os.environ["ORCHESTRA_PROJECT"], os.environ["ORCHESTRA_RUN"]
foreign = sys.argv[1]
seen = {}

def refused(name, act):
    try:
        act()
        seen[name] = "done"
    except OrchestraError as error:
        seen[name] = error.code

with Client.from_environment() as client:
    child = client.trigger(project, "child", {"word": "hello"})
    seen["source"] = child.source
    seen["log"] = b"".join(client.follow_log(child.identifier)).decode()
    seen["child"] = str(client.wait(child.identifier).status)
    endless = client.trigger(project, "endless")
    next(iter(client.follow_log(endless.identifier)))
    client.abort(endless.identifier)
    seen["endless"] = str(client.wait(endless.identifier).status)
    seen["self"] = client.run(mine).identifier
    seen["listed"] = sorted(run.identifier for run in client.runs()) == sorted([child.identifier, endless.identifier])
    refused("foreign run", lambda: client.run(foreign))
    refused("abort a foreign run", lambda: client.abort(foreign))
    refused("other project", lambda: client.trigger("other", "hello"))
    refused("define", lambda: client.put_job(project, "child", definition={"type": "commands", "commands": ["id"]}))
    refused("workers", lambda: list(client.workers()))
    refused("users", lambda: list(client.users()))
    refused("make a token", lambda: client.create_own_token())
    refused("retry", lambda: client.retry(child.identifier))
with open(os.environ["ORCHESTRA_RESULTS"], "w") as results:
    json.dump(seen | {"token": os.environ["ORCHESTRA_TOKEN"]}, results)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


def test_s14_a_run_triggers_follows_and_aborts_runs_and_reaches_nothing_else(
    up: Installation, program: Path, tmp_path: Path
) -> None:
    gate = Gate(tmp_path / "gate")
    up.put_job("child", "echo {parameters.word}", parameters=[{"key": "word"}])
    up.put_job("endless", "echo here; exec sleep 1000")
    up.put_job("hello", "echo hello", project="other")
    up.put_job("apart", gate.command)
    up.put_job("parent", [sys.executable, str(program), "{parameters.foreign}"], parameters=[{"key": "foreign"}])
    foreign = up.trigger("apart").identifier
    up.wait_running(foreign)
    run = up.run("parent", {"foreign": foreign})
    assert run.status is RunStatus.SUCCEEDED, up.client.log(run.identifier)
    seen: dict[str, Any] = dict(up.http.get(f"/runs/{run.identifier}/results").json())
    token = seen.pop("token")
    assert seen == {
        "source": {"type": "run", "run": run.identifier, "reason": "token"},
        "log": "hello\n",
        "child": "succeeded",
        "endless": "aborted",
        "self": run.identifier,
        "listed": True,
        "foreign run": "not_found",
        "abort a foreign run": "not_found",
        "other project": "not_found",
        "define": "not_allowed",
        "workers": "not_allowed",
        "users": "not_allowed",
        "make a token": "not_allowed",
        "retry": "not_allowed",
    }
    with up.http_as(token) as http:
        assert http.get(f"/runs/{run.identifier}").status_code == 401, "it dies with the run"
        assert http.post(f"/projects/{PROJECT}/jobs/child/trigger", json={}).status_code == 401
    aborted = up.client.runs(project=PROJECT, job="endless")
    assert next(iter(aborted)).cause.message.count(f"run/{run.identifier}") == 1
    gate.open()
    assert up.wait_end(foreign).status is RunStatus.SUCCEEDED
    assert token not in json.dumps(up.http.get(f"/runs/{run.identifier}").json()["definition"])
