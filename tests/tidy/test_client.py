"""The client in two forms, and every operation of the API in both."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Final

import pytest

from orchestra.client import AsyncClient, Client
from orchestra.service.app import create_litestar
from orchestra.service.openapi import document
from tidy.source import ROOT


def test_the_synchronous_client_is_what_the_asynchronous_one_makes() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/synchronous_client.py", "--check"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"run `make client`:\n{done.stdout}{done.stderr}"


METHODS: Final = {
    "abortRun": "abort",
    "closeRun": "close_run",
    "applyConfiguration": "apply",
    "bulkRuns": "bulk",
    "cancelRun": "cancel",
    "changeAuthentication": "change_authentication",
    "changeJob": "change_job",
    "changeOwnToken": "change_own_authentication",
    "changeProject": "change_project",
    "changeSchedule": "change_schedule",
    "changeUser": "change_user",
    "changeWorker": "change_worker",
    "createLink": "create_link",
    "createOwnToken": "create_own_token",
    "createToken": "create_token",
    "deleteAuthentication": "delete_authentication",
    "deleteJob": "delete_job",
    "deleteOwnToken": "delete_own_authentication",
    "deleteProject": "delete_project",
    "deleteRun": "delete_run",
    "deleteSchedule": "delete_schedule",
    "deleteUser": "delete_user",
    "deleteWorker": "delete_worker",
    "disconnectWorker": "disconnect_worker",
    "endOwnSession": "end_own_session",
    "endOwnSessions": "end_own_sessions",
    "endSessions": "end_sessions",
    "explainRun": "explain",
    "forecastSchedules": "forecast",
    "getArchive": "write_archive",
    "getArtifact": "artifact",
    "getAuthentication": "authentication",
    "getJob": "job",
    "getJobChanges": "job_changes",
    "getJobRevision": "job_revision",
    "getLog": "log",
    "getLogInfo": "log_info",
    "getLogLine": "log_line",
    "getLogLines": "log_lines",
    "getMe": "me",
    "getOpenapi": "openapi",
    "getOwnToken": "own_authentication",
    "getProject": "project",
    "getResults": "results",
    "getRun": "run",
    "getRunByNumber": "run_by_number",
    "getSchedule": "schedule",
    "getUser": "user",
    "getWorker": "worker",
    "importJobOrchestra": "import_job_orchestra",
    "isLive": "is_live",
    "isReady": "is_ready",
    "listArtifacts": "artifacts",
    "listAuthentications": "authentications",
    "listEventsOfRun": "run_events",
    "listJobRevisions": "job_revisions",
    "listJobs": "jobs",
    "listLogSections": "log_sections",
    "listOwnSessions": "own_sessions",
    "listOwnTokens": "own_authentications",
    "listProjects": "projects",
    "listRuns": "runs",
    "listRunsOfJob": "runs",
    "listRunsOfProject": "runs",
    "listSchedules": "schedules",
    "listSessions": "sessions",
    "listSteps": "steps",
    "listUsers": "users",
    "listWorkers": "workers",
    "planConfiguration": "plan",
    "previewExpression": "preview_expression",
    "previewSchedule": "preview_schedule",
    "putJob": "put_job",
    "putProject": "put_project",
    "putSchedule": "put_schedule",
    "putUser": "put_user",
    "reauthenticate": "reauthenticate",
    "retryRun": "retry",
    "search": "search",
    "setOwnPassword": "set_own_password",
    "setPassword": "set_password",
    "setPasswordByLink": "set_password_by_code",
    "signIn": "sign_in",
    "signOut": "sign_out",
    "streamEvents": "follow_events",
    "streamLog": "follow_log",
    "triggerJob": "trigger",
}
"""Operation → method of the client."""

FOR_BROWSERS: Final = {
    "getDocumentation": "a page of HTML",
}
"""Operations that no program needs, and why."""

MORE: Final = {
    "from_environment": "which server and token",
    "close": "ends the connection",
    "aclose": "ends the connection",
    "set_job_enabled": "change_job with one field",
    "artifact_pieces": "artifact in pieces",
    "write_artifact": "artifact in pieces",
    "log_pieces": "log in pieces",
    "write_log": "log in pieces",
    "wait": "the end of follow_log, without its bytes",
}
"""Methods that are no operation of their own."""


def test_every_operation_of_the_api_is_a_method_of_both_clients() -> None:
    operations = set(_operations())
    named = METHODS.keys() | FOR_BROWSERS.keys()
    assert operations - named == set(), "give the client a method for each, and name it in METHODS"
    assert named - operations == set(), "the API has no such operations"
    missing = [
        f"{kind.__name__}.{method}"
        for kind in (Client, AsyncClient)
        for method in METHODS.values()
        if not callable(getattr(kind, method, None))
    ]
    assert not missing, f"no such methods: {missing}"


def test_every_method_of_the_client_is_an_operation_or_says_what_it_is() -> None:
    public = {name for kind in (Client, AsyncClient) for name in dir(kind) if not name.startswith("_")}
    assert public - set(METHODS.values()) - MORE.keys() == set()


def test_every_filter_of_a_list_is_an_argument_of_its_method() -> None:
    absent = []
    for operation, parameters in _operations().items():
        if operation not in METHODS:
            continue
        arguments = inspect.signature(getattr(Client, METHODS[operation])).parameters
        absent += [
            f"{METHODS[operation]}: {name}"
            for name in parameters
            if ARGUMENTS.get((operation, name), name) not in arguments and name not in INTERNAL
        ]
    assert not absent, "\n".join(absent)


INTERNAL: Final = {"cursor", "Idempotency-Key", "If-Match", "If-None-Match", "If-Range", "Last-Event-ID", "Range"}
"""What the client sets by itself, or what an argument of another name stands for."""
ARGUMENTS: Final = {
    ("streamEvents", "topic"): "topics",
    ("getLogLines", "cols"): "columns",
    ("streamLog", "offset"): "start",
}


def _operations() -> dict[str, list[str]]:
    """Every operation of the API with the names of its query parameters and headers."""
    found: dict[str, list[str]] = {}
    for methods in document(create_litestar())["paths"].values():
        for one in methods.values():
            if isinstance(one, dict) and "operationId" in one:
                parameters = one.get("parameters", [])
                found[one["operationId"]] = [each["name"] for each in parameters if each["in"] in ("query", "header")]
    return found


@pytest.mark.parametrize("module", ["orchestra.client.entities", "orchestra.client.credentials", "orchestra.cli.app"])
def test_what_needs_no_connection_imports_no_http_library(module: str) -> None:
    check = f"import sys, {module}; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
