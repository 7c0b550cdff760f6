"""Projects, jobs, schedules and workers by command line; exports, completion, and names that are nearly right."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from orchestra import documents
from support.command import Command
from support.installation import PROGRAM, PROJECT, Installation, free_port

JOB = """\
display_name: Builds
parameters: [{key: branch, default: main}]
properties: {python: 3.10}
definition:
  type: commands
  commands: ["echo {parameters.branch}"]
"""


@pytest.fixture(scope="module")
def admin(up: Installation, tmp_path_factory: pytest.TempPathFactory) -> Command:
    up.put_job("says", "echo Hello", parameters=[{"key": "name", "default": "World"}])
    return Command(tmp_path_factory.mktemp("admin"), up.address, up.token)


@pytest.fixture
def viewer(up: Installation, tmp_path: Path) -> Command:
    return Command(tmp_path, up.address, up.new_token("viewer", f"Viewer@{PROJECT}"))


# projects


def test_a_project_is_created_shown_changed_and_deleted(admin: Command, up: Installation) -> None:
    url = "repository.url=https://git.example.org/web.git"
    assert "created" in admin.text("project", "create", "web", "--display-name", "Web", "--service", url)
    again = admin("project", "create", "web")
    assert again.code == 1 and "orchestra project change web" in again.err
    assert "https://git.example.org/web.git" in admin.text("project", "show", "web")
    changed = admin.json("project", "change", "web", "--description", "Ours", "--service", "repository.depth=1")
    assert changed == up.http.get("/projects/web").json()
    assert changed["display_name"] == "Web" and changed["description"] == "Ours"
    assert changed["services"] == {"repository": {"url": "https://git.example.org/web.git", "depth": 1}}
    assert admin.json("project", "change", "web", "--remove-service", "repository")["services"] == {}
    assert admin("project", "change", "web").code == 2
    assert admin.json("project", "list") == up.http.get("/projects").json()["items"]
    assert admin("project", "delete", "web").code == 2
    assert "deleted" in admin.text("project", "delete", "web", "--yes")
    assert up.http.get("/projects/web").status_code == 404


def test_a_project_that_holds_jobs_is_not_deleted_and_they_are_named(admin: Command) -> None:
    refused = admin("project", "delete", PROJECT, "--yes")
    assert refused.code == 1 and "job" in refused.err


# jobs


def test_a_job_is_written_from_a_file_and_changed(admin: Command, up: Installation, tmp_path: Path) -> None:
    file = tmp_path / "build.yaml"
    file.write_text(JOB)
    assert "revision 1" in admin.text("job", "put", f"{PROJECT}/build", str(file))
    found = admin.json("job", "show", f"{PROJECT}/build")
    assert found == up.http.get(f"/projects/{PROJECT}/jobs/build").json()
    assert found["properties"] == {"python": "3.10"}
    shown = admin.text("job", "show", f"{PROJECT}/build")
    for text in ("Builds", "branch", "echo {parameters.branch}", "python=3.10"):
        assert text in shown, text
    change = ("job", "change", f"{PROJECT}/build")
    after = admin.json(*change, "--priority", "10", "--property", "os=linux", "--remove-property", "python")
    assert after["policy"]["priority"] == 10 and after["properties"] == {"os": "linux"} and after["revision"] == 2
    assert "nothing differs" in admin.text(*change, "--priority", "10")
    assert admin(*change).code == 2
    assert "revision 3" in admin("job", "put", f"{PROJECT}/build", "-", stdin=JOB).text
    assert f"{PROJECT}/build" in admin.text("job", "list")
    assert [one["identifier"] for one in admin.json("job", "list", PROJECT, "--group", "nothing")] == []


def test_the_history_of_a_job_says_who_changed_what(admin: Command, up: Installation, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(JOB)
    admin.text("job", "put", f"{PROJECT}/aged", str(file))
    admin.text("job", "change", f"{PROJECT}/aged", "--priority", "7")
    found = admin.json("job", "history", f"{PROJECT}/aged")
    assert found == up.http.get(f"/projects/{PROJECT}/jobs/aged/revisions").json()["items"]
    assert [one["revision"] for one in found] == [2, 1] and found[0]["changed"] == ["policy"]
    assert re.search(r"^2 .* admin +policy$", admin.text("job", "history", f"{PROJECT}/aged"), re.MULTILINE)
    assert "echo {parameters.branch}" in admin.text("job", "history", f"{PROJECT}/aged", "--revision", "1")
    shown = admin.text("job", "changes", f"{PROJECT}/aged")
    assert "policy.priority" in shown and "- 0" in shown and "+ 7" in shown
    assert admin.json("job", "changes", f"{PROJECT}/aged", "2", "--since", "1")["changes"]
    missing = admin("job", "changes", f"{PROJECT}/aged", "9")
    assert missing.code == 1 and missing.err.startswith("error: ")


def test_every_problem_of_a_job_is_told_on_a_line_of_its_own(admin: Command, up: Installation, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("definition: {type: commands, comands: []}\npolicy: {priority: 1000}\ngroop: x\n")
    refused = admin("job", "put", f"{PROJECT}/bad", str(file))
    assert refused.code == 1
    lines = [line for line in refused.err.splitlines() if line.startswith("  ")]
    assert len(lines) >= 4 and any("policy.priority" in line for line in lines), refused.err
    assert up.http.get(f"/projects/{PROJECT}/jobs/bad").status_code == 404
    assert admin("job", "put", f"{PROJECT}/bad", str(tmp_path / "nothing.yaml")).code == 2


def test_a_job_is_deleted_and_its_runs_stay(admin: Command, up: Installation) -> None:
    up.put_job("brief", "true")
    run = up.run("brief")
    assert "its runs stay" in admin.text("job", "delete", f"{PROJECT}/brief", "--yes")
    assert admin.json("run", "show", run.identifier)["job"] == "brief"
    assert run.identifier in admin.text("runs", f"{PROJECT}/brief")


# schedules


def test_a_schedule_is_written_changed_disabled_and_deleted(admin: Command, up: Installation) -> None:
    name = f"{PROJECT}/nightly"
    put = ("schedule", "put", name, "--job", "says", "--expression", "30 2 * * *", "-p", "name=Night")
    assert "stored" in admin.text(*put, "--time-zone", "Europe/Paris", "--jitter", "5m")
    found = admin.json("schedule", "show", name)
    assert found == up.http.get(f"/projects/{PROJECT}/schedules/nightly").json()
    assert (found["time_zone"], found["jitter"], found["parameters"]) == ("Europe/Paris", 300.0, {"name": "Night"})
    assert "30 2 * * * (Europe/Paris)" in admin.text("schedule", "show", name)
    changed = admin.json("schedule", "change", name, "--expression", "0 3 * * *")
    assert changed["expression"] == "0 3 * * *" and changed["parameters"] == {"name": "Night"}
    assert admin.json("schedule", "disable", name)["is_enabled"] is False
    assert re.search(r"^nightly +no +says +0 3", admin.text("schedule", "list", PROJECT), re.MULTILINE)
    assert "enabled" in admin.text("schedule", "enable", name)
    assert admin.json("schedule", "list", PROJECT) == up.http.get(f"/projects/{PROJECT}/schedules").json()["items"]
    refused = admin("schedule", "put", f"{PROJECT}/bad", "--job", "nothing", "--expression", "61 * * * *")
    assert refused.code == 1 and "expression" in refused.err
    assert name in admin.text("schedule", "list")
    assert "deleted" in admin.text("schedule", "delete", name, "--yes")


# workers


def test_a_worker_gets_a_note_and_a_name(admin: Command, up: Installation) -> None:
    assert admin.json("worker", "note", "local", "new disk on Friday")["note"] == "new disk on Friday"
    assert "Build machine" in admin.text("worker", "rename", "local", "Build machine")
    shown = admin.text("worker", "show", "local")
    assert "new disk on Friday" in shown and "Build machine" in shown and "os=linux" in shown
    assert admin.json("worker", "show", "local").keys() == up.http.get("/workers/local").json().keys()
    assert "no note" in admin.text("worker", "note", "local", "")


def test_an_option_of_a_starting_worker_does_not_go_unheard(admin: Command) -> None:
    refused = admin("worker", "--server", "http://127.0.0.1:1", "list")
    assert refused.code == 2 and "behind" in refused.err


# lists


@pytest.mark.parametrize(
    ("words", "route", "filters"),
    [
        (("project", "list"), "/projects", {"managed_by": "api", "order": "-identifier"}),
        (("job", "list", PROJECT), f"/projects/{PROJECT}/jobs", {"is_enabled": "true", "order": "-identifier"}),
        (("job", "list", "examples"), "/projects/examples/jobs", {"group": "none", "managed_by": "api"}),
        (("schedule", "list", "examples"), "/projects/examples/schedules", {"job": "backup", "is_enabled": "false"}),
        (("user", "list"), "/users", {"role": "Worker", "is_enabled": "true"}),
        (("worker", "list"), "/workers", {"is_active": "true", "owner": "local-worker"}),
        (("worker", "list"), "/workers", {"is_active": "false", "is_enabled": "false"}),
    ],
)
def test_lists_are_narrowed_and_ordered_by_the_server(
    admin: Command, up: Installation, words: tuple[str, ...], route: str, filters: dict[str, str]
) -> None:
    flags = {"is_enabled": ("--disabled", "--enabled"), "is_active": ("--disconnected", "--connected")}
    options = [
        option
        for name, value in filters.items()
        for option in ((flags[name][value == "true"],) if name in flags else (f"--{name.replace('_', '-')}", value))
    ]
    assert admin.json(*words, *options) == up.http.get(route, params=filters).json()["items"]
    done = admin(*words, *options)
    assert done.code == 0 and (done.text or "match" in done.err), done


def test_an_order_that_no_list_has_is_refused(admin: Command) -> None:
    refused = admin("worker", "list", "--order", "happiness")
    assert refused.code == 1 and "order" in refused.err


# export


def test_an_export_of_what_files_own_changes_nothing(admin: Command, up: Installation, tmp_path: Path) -> None:
    examples = [str(one) for one in documents.find([documents.examples_folder()])]
    assert admin("apply", *examples, "--source", "ours").code == 0
    file = tmp_path / "export.yaml"
    file.write_text(admin.text("export", "--managed-by", "ours"))
    assert admin.text("apply", str(file), "--source", "ours", "--prune") == "nothing differs\n"
    json_file = tmp_path / "export.json"
    json_file.write_text(admin.text("export", "examples", "--output", "json"))
    assert admin.text("apply", str(json_file), "--source", "ours", "--prune") == "nothing differs\n"


def test_an_export_of_what_people_made_changes_its_owner_alone(
    admin: Command, up: Installation, tmp_path: Path
) -> None:
    made = tmp_path / "job.yaml"
    made.write_text(JOB)
    admin.text("project", "create", "handmade", "--service", "db.port=5432")
    admin.text("job", "put", "handmade/build", str(made))
    admin.text("job", "disable", "handmade/build")
    admin.text("schedule", "put", "handmade/weekly", "--job", "build", "--expression", "@weekly")
    file = tmp_path / "export.yaml"
    file.write_text(admin.text("export", "handmade"))
    plan = admin.json("apply", str(file), "--dry-run")
    assert {field["path"] for change in plan["changes"] for field in change["fields"]} == {"managed_by"}
    revision = admin.json("job", "show", "handmade/build")["revision"]
    assert admin("apply", str(file)).code == 0
    after = admin.json("job", "show", "handmade/build")
    assert after["revision"] == revision and after["is_enabled"] is False
    assert admin.text("apply", str(file)) == "nothing differs\n"
    assert admin.text("export", "handmade") == file.read_text()


def test_an_export_of_nothing_is_still_a_file(admin: Command) -> None:
    missing = admin("export", "nowhere")
    assert missing.code == 1 and "nowhere" in missing.err
    assert admin.text("export", "--managed-by", "nobody") == "projects: {}\n"


# hints


def test_a_name_that_is_nearly_right_is_recognised(admin: Command, up: Installation) -> None:
    for arguments, near in (
        (("project", "show", "exampels"), "examples"),
        (("job", "show", "exampels/hello"), "examples/hello"),
        (("job", "show", "examples/helo"), "examples/hello"),
        (("trigger", "examples/helo"), "examples/hello"),
        (("runs", "exampels"), "examples"),
        (("run", "show", "examples/helo#1"), "examples/hello#1"),
        (("worker", "show", "lokal"), "local"),
        (("user", "show", "admim"), "admin"),
    ):
        done = admin(*arguments)
        assert done.code == 1 and f"did you mean {near}" in done.err, done


def test_a_permission_that_lacks_is_named_with_the_roles_that_have_it(viewer: Command) -> None:
    refused = viewer("job", "disable", f"{PROJECT}/says")
    assert refused.code == 1 and "job.enable" in refused.err
    assert "Administrator or Operator may" in refused.err and "ROLE@PROJECT" in refused.err
    refused = viewer("worker", "list")
    assert refused.code == 1 and "worker.read" in refused.err and "everywhere" in refused.err


def test_what_one_may_not_know_is_not_there(viewer: Command) -> None:
    refused = viewer("job", "show", "examples/hello")
    assert refused.code == 1 and "there is no project examples" in refused.err


def test_without_a_server_the_hint_says_how_to_start_one(admin: Command) -> None:
    refused = admin("runs", "--server", f"http://127.0.0.1:{free_port()}")
    assert refused.code == 1 and "orchestra up" in refused.err and "--server" in refused.err


# completion


def _complete(admin: Command, *words: str, **environment: str) -> list[str]:
    """What bash is offered for words of which the last one is not finished."""
    given = {
        "_ORCHESTRA_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["orchestra", *words]),
        "COMP_CWORD": str(len(words)),
    }
    variables = {**admin.variables(), **given, **environment}
    done = subprocess.run([PROGRAM], env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_the_shell_completes_commands_options_and_names(admin: Command, up: Installation) -> None:
    run = up.run("says")
    assert _complete(admin, "sch") == ["schedule"]
    assert _complete(admin, "worker", "dis") == ["disable", "disconnect"]
    assert "--follow" in _complete(admin, "trigger", "--fo")
    assert _complete(admin, "worker", "show", "lo") == ["local"]
    assert _complete(admin, "project", "show", "exa") == ["examples"]
    assert "examples/hello" in _complete(admin, "trigger", "exa")
    assert _complete(admin, "trigger", "examples/hel") == ["examples/hello"]
    assert _complete(admin, "user", "show", "adm") == ["admin"]
    assert _complete(admin, "user", "roles", "add", "admin", "Oper") == ["Operator"]
    assert f"Operator@{PROJECT}" in _complete(admin, "user", "roles", "add", "admin", "Operator@")
    assert f"{PROJECT}/says#{run.number}" in _complete(admin, "logs", f"{PROJECT}/says#")
    (token, *_) = up.http.get("/me/authentications").json()["items"]
    assert token["identifier"] in _complete(admin, "token", "show", token["identifier"][:8])


@pytest.mark.parametrize("token", ["", "orcu_wrong"])
def test_completion_is_silent_where_nothing_answers(admin: Command, token: str) -> None:
    server = f"http://127.0.0.1:{free_port()}"
    assert _complete(admin, "worker", "show", "lo", ORCHESTRA_SERVER=server, ORCHESTRA_TOKEN=token) == []
    assert _complete(admin, "worker", "show", "lo", ORCHESTRA_TOKEN=token) in ([], ["local"] if not token else [])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(admin: Command, shell: str) -> None:
    assert "_ORCHESTRA_COMPLETE" in admin.text("completion", shell)
    assert admin("completion", "tcsh").code == 2
