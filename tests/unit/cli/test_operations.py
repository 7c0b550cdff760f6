"""Every operation of the web API has its command; those that have none say why."""

from __future__ import annotations

from collections.abc import Mapping

import click
import pytest

from orchestra.cli.app import cli
from orchestra.service.app import create_litestar
from orchestra.service.openapi import document

COMMAND_OF: Mapping[str, str] = {
    # account
    "getMe": "whoami",
    "signIn": "login",
    "signOut": "logout",
    "setOwnPassword": "user set-password",
    "setPasswordByLink": "login",
    "listOwnSessions": "user sessions",
    "endOwnSession": "user end-sessions",
    "endOwnSessions": "user end-sessions",
    "listOwnTokens": "token list",
    "createOwnToken": "token create",
    "getOwnToken": "token show",
    "changeOwnToken": "token change",
    "deleteOwnToken": "token delete",
    # users
    "listUsers": "user list",
    "getUser": "user show",
    "putUser": "user create",
    "changeUser": "user change",
    "deleteUser": "user delete",
    "setPassword": "user set-password",
    "createLink": "user link",
    "listSessions": "user sessions",
    "endSessions": "user end-sessions",
    "listAuthentications": "token list",
    "createToken": "token create",
    "getAuthentication": "token show",
    "changeAuthentication": "token expire",
    "deleteAuthentication": "token delete",
    # projects, jobs, schedules
    "listProjects": "project list",
    "getProject": "project show",
    "putProject": "project create",
    "changeProject": "project change",
    "deleteProject": "project delete",
    "listJobs": "job list",
    "getJob": "job show",
    "putJob": "job put",
    "changeJob": "job change",
    "deleteJob": "job delete",
    "listJobRevisions": "job history",
    "getJobRevision": "job history",
    "getJobChanges": "job changes",
    "listSchedules": "schedule list",
    "getSchedule": "schedule show",
    "forecastSchedules": "schedule forecast",
    "previewSchedule": "schedule preview",
    "previewExpression": "schedule preview",
    "putSchedule": "schedule put",
    "changeSchedule": "schedule change",
    "deleteSchedule": "schedule delete",
    "planConfiguration": "apply",
    "applyConfiguration": "apply",
    "importJobOrchestra": "import job-orchestra",
    # runs
    "triggerJob": "trigger",
    "listRuns": "runs",
    "listRunsOfProject": "runs",
    "listRunsOfJob": "runs",
    "getRun": "run show",
    "getRunByNumber": "run show",
    "cancelRun": "cancel",
    "abortRun": "abort",
    "closeRun": "run close",
    "retryRun": "retry",
    "deleteRun": "run delete",
    "bulkRuns": "cancel",
    "explainRun": "explain",
    "getResults": "run results",
    "listSteps": "run steps",
    "listEventsOfRun": "run events",
    "listArtifacts": "artifacts",
    "getArtifact": "artifacts",
    "getArchive": "run archive",
    "getLog": "logs",
    "streamLog": "logs",
    "getLogLine": "logs",
    "getLogInfo": "run log",
    "listLogSections": "run log",
    # workers and the rest
    "listWorkers": "worker list",
    "getWorker": "worker show",
    "changeWorker": "worker disable",
    "deleteWorker": "worker delete",
    "disconnectWorker": "worker disconnect",
    "streamEvents": "events",
    "search": "search",
    "isLive": "login",
    "isReady": "doctor",
}

WITHOUT: Mapping[str, str] = {
    "reauthenticate": "for sessions of the website; commands speak by tokens, which need none",
    "getLogLines": "windows of lines for pages; `logs` prints the bytes themselves",
    "getOpenapi": "a document for tools, which fetch it by its address",
    "getDocumentation": "a page for browsers",
}


def _operations() -> set[str]:
    found = document(create_litestar())
    return {str(one["operationId"]) for methods in found["paths"].values() for one in methods.values()}


def test_every_operation_has_its_command_or_says_why_not() -> None:
    assert not COMMAND_OF.keys() & WITHOUT.keys()
    missing = _operations() - COMMAND_OF.keys() - WITHOUT.keys()
    assert not missing, f"make a command and name it here: {sorted(missing)}"
    gone = (COMMAND_OF.keys() | WITHOUT.keys()) - _operations()
    assert not gone, f"the API no longer has them: {sorted(gone)}"


@pytest.mark.parametrize("words", sorted(set(COMMAND_OF.values())))
def test_each_command_that_is_named_exists(words: str) -> None:
    command: click.Command = cli
    context = click.Context(cli)
    for word in words.split():
        assert isinstance(command, click.Group)
        found = command.get_command(context, word)
        assert found is not None
        command = found
