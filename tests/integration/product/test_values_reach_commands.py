"""A parameter is a value, whatever it holds: it reaches string commands and vector commands unharmed."""

from __future__ import annotations

import json
import sys

import pytest

from orchestra.domain.run import CauseCode, RunStatus
from support.installation import PROJECT, Installation

# Prints what the shell or the executor made of it, one JSON value, so that not even a newline is lost.
SHOW = "import json, sys; print(json.dumps(sys.argv[1:]))"

HARD = (
    "it's \"quoted\" and 'single'",
    "  two  spaces at each end  ",
    "$(touch injected) `touch injected` ${HOME} $HOME $$",
    "; touch injected; # | && || > injected",
    "first line\nsecond line\n",
    "{parameters.other} {{parameters.value}} {run.identifier} {} { }",
    "100% %s %d %n %% %(name)s",
    "back\\slash \\n \\\\ end\\",
    "* ? [a-z] ~ !! ^",
    "-n -e --help",
    "żółć 日本語 \U0001f3bb \t tab",
    "",
)


@pytest.fixture(scope="module", autouse=True)
def jobs(up: Installation) -> None:
    parameters = [{"key": "value", "type": "text"}, {"key": "other", "default": "the other"}]
    python = sys.executable
    up.put_job("vector", [python, "-c", SHOW, "{parameters.value}", "a{parameters.value}b"], parameters=parameters)
    up.put_job(
        "string",
        f"{python} -c '{SHOW}' {{parameters.value}} \"a{{parameters.value}}b\" 'a{{parameters.value}}b'",
        parameters=parameters,
    )
    up.put_job("environment", f"{python} -c '{SHOW}' \"$ORCHESTRA_PARAMETER_VALUE\"", parameters=parameters)
    up.put_job("workspace", "ls -A", parameters=parameters)


def _printed(up: Installation, run: str) -> list[str]:
    ended = up.wait_end(run)
    assert ended.status is RunStatus.SUCCEEDED, (ended, up.client.log(run))
    found: list[str] = json.loads(up.client.log(run))
    return found


@pytest.mark.parametrize("value", HARD)
def test_a_value_sent_by_the_api_arrives_as_it_is(up: Installation, value: str) -> None:
    runs = {job: up.trigger(job, {"value": value}) for job in ("vector", "string", "environment")}
    assert runs["vector"].parameters["value"] == value
    assert _printed(up, runs["vector"].identifier) == [value, f"a{value}b"]
    assert _printed(up, runs["string"].identifier) == [value, f"a{value}b", f"a{value}b"]
    assert _printed(up, runs["environment"].identifier) == [value]


@pytest.mark.parametrize("job", ["vector", "string"])
def test_everything_at_once_sent_by_the_command_line_arrives_as_it_is(up: Installation, job: str) -> None:
    value = "\n".join(HARD)
    done = up.orchestra("trigger", f"{PROJECT}/{job}", "-p", f"value={value}", "--follow")
    assert done.code == 0, done
    identifier, printed = done.text.split("\n", 1)
    assert json.loads(printed)[0] == value
    assert up.client.run(identifier).parameters["value"] == value


def test_nothing_was_injected(up: Installation) -> None:
    for job in ("vector", "string"):
        for value in HARD:
            up.run(job, {"value": value})
    assert list(up.data.rglob("injected")) == []


def test_a_template_that_has_no_value_ends_the_run_with_a_clear_cause(up: Installation) -> None:
    up.put_job("late", "true", "echo {results.there.is.none}")
    ended = up.run("late")
    assert (ended.status, ended.cause.code) == (RunStatus.EXCEPTION, CauseCode.BAD_TEMPLATE)
    assert "results.there.is.none" in ended.cause.message


def test_a_template_that_cannot_be_quoted_is_refused_when_the_job_is_made(up: Installation) -> None:
    definition = {"type": "commands", "commands": ["cat <<EOF\n{parameters.value}\nEOF"]}
    answer = up.http.put(
        f"/projects/{PROJECT}/jobs/heredoc", json={"definition": definition, "parameters": [{"key": "value"}]}
    )
    assert answer.status_code == 422
    (problem,) = answer.json()["errors"]
    assert "ORCHESTRA_PARAMETER_VALUE" in problem["message"]
    assert problem["path"].endswith("commands[0]")


def test_results_of_one_command_reach_the_next(up: Installation) -> None:
    up.put_job(
        "results",
        """printf '{"version": "1.2 $(false)", "count": 3}' > "$ORCHESTRA_RESULTS" """,
        [sys.executable, "-c", SHOW, "{results.version}", "{results.count}"],
    )
    run = up.trigger("results")
    assert _printed(up, run.identifier) == ["1.2 $(false)", "3"]
    assert up.client.run(run.identifier).results == {"version": "1.2 $(false)", "count": 3}


def test_a_run_sees_what_it_is_and_nothing_of_the_worker(up: Installation) -> None:
    up.put_job("environment-of-a-run", "env", parameters=[{"key": "some.key-x", "default": "v"}])
    run = up.run("environment-of-a-run")
    seen = dict(line.split("=", 1) for line in up.client.log(run.identifier).decode().splitlines() if "=" in line)
    assert seen["ORCHESTRA_PROJECT"] == PROJECT
    assert seen["ORCHESTRA_JOB"] == "environment-of-a-run"
    assert seen["ORCHESTRA_RUN"] == run.identifier
    assert seen["ORCHESTRA_RUN_NUMBER"] == str(run.number)
    assert seen["ORCHESTRA_SERVER"] == up.address
    assert seen["ORCHESTRA_PARAMETER_SOME_KEY_X"] == "v"
    assert seen["PWD"] == seen["ORCHESTRA_WORKSPACE"]
    assert seen["HOME"] == str(up.home)
    ours = {name for name in seen if name.startswith("ORCHESTRA_")}
    assert seen["ORCHESTRA_TOKEN"] != up.token
    assert ours >= {"ORCHESTRA_RESULTS", "ORCHESTRA_TOKEN"}
    others = set(seen) - ours - {"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "PWD", "SHLVL", "_", "OLDPWD"}
    assert {name for name in others if not name.startswith("LC_")} == set()


def test_the_token_of_a_run_may_trigger_in_its_project_and_ends_with_it(up: Installation) -> None:
    program = (
        "import json, os, sys, urllib.request as u\n"
        "def call(path, body):\n"
        "    r = u.Request(os.environ['ORCHESTRA_SERVER'] + '/api/v1' + path, json.dumps(body).encode(),\n"
        "        {'Authorization': 'Bearer ' + os.environ['ORCHESTRA_TOKEN'], 'Content-Type': 'application/json'})\n"
        "    return json.load(u.urlopen(r))\n"
        f"run = call('/projects/{PROJECT}/jobs/child/trigger', {{}})\n"
        "json.dump({'child': run['identifier'], 'token': os.environ['ORCHESTRA_TOKEN']}, "
        "open(os.environ['ORCHESTRA_RESULTS'], 'w'))\n"
    )
    up.put_job("child", "echo child")
    up.put_job("parent", [sys.executable, "-c", program])
    parent = up.run("parent")
    assert parent.status is RunStatus.SUCCEEDED, up.client.log(parent.identifier)
    child = up.wait_end(parent.results["child"])
    assert child.status is RunStatus.SUCCEEDED
    assert child.source == {"type": "run", "run": parent.identifier, "reason": "token"}
    with up.http_as(parent.results["token"]) as later:
        assert later.get(f"/runs/{child.identifier}").status_code == 401
