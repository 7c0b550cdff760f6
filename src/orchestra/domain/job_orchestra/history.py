"""Runs of the ancestor as history: nothing of them is ever executed here.

    succeeded, failed, aborted, cancelled, exception → the same     pending, running → exception

All have the cause `imported`, whose message says what is known. Numbers are given by the caller, in the
order of creation. A run that was never completed has the date of its last change for the end.
"""

import uuid
from datetime import datetime
from typing import Any, Final

from orchestra.domain.ids import is_uuid
from orchestra.domain.job_orchestra.exported import ExportedRun
from orchestra.domain.job_orchestra.translation import Outcome, outcome_of
from orchestra.domain.run import Cause, CauseCode, Run, RunStatus

NO_LOG: Final = "an export of Job Orchestra holds no logs; they are in its file storage"

_ENDED: Final = {
    "succeeded": "succeeded in Job Orchestra",
    "failed": "failed in Job Orchestra, which does not keep the exit code",
    "aborted": "was aborted in Job Orchestra",
    "cancelled": "was cancelled in Job Orchestra before it started, by a user or because it had waited for a day",
    "exception": "ended as exception in Job Orchestra; its log there says more",
}
_OPEN: Final = {
    "pending": "was pending when it was exported; it was not started by this server, and never will be",
    "running": "was running when it was exported; what became of it is not known here",
}
_NAMESPACE: Final = uuid.UUID("6f3c2a52-5b0e-5d3c-9a39-0f8f5c1f7f0a")
"""For runs with identifiers of another kind: the same one gets the same UUID in each import."""


def run_identifier(project: str, identifier: str) -> str:
    """Return the identifier that a run has here: its own, or a UUID made of it (RFC 9562 section 5.5)."""
    return identifier if is_uuid(identifier) else str(uuid.uuid5(_NAMESPACE, f"{project}/{identifier}"))


def run_of(record: ExportedRun, number: int, revision: int) -> Outcome[Run]:
    """A run that has ended, as number `number` of its job."""

    def make(reasons: list[str], remarks: list[str]) -> Run | None:
        status, message = _end(record, reasons, remarks)
        if not is_uuid(record.identifier):
            remarks.append(f"its identifier is no UUID; here it is {run_identifier(record.project, record.identifier)}")
        if reasons:
            return None
        started = record.start_date is not None
        return Run(
            project=record.project,
            identifier=run_identifier(record.project, record.identifier),
            number=number,
            job=record.job,
            job_revision=revision,
            parameters=record.parameters,
            source=_source(record, remarks),
            worker=record.worker,
            status=status,
            cause=Cause(CauseCode.IMPORTED, message),
            start_date=record.start_date,
            completion_date=_completion(record),
            results=record.results,
            should_cancel=record.should_cancel,
            should_abort=record.should_abort,
            log_complete=not started,
            artifacts_complete=True,
            log_error=NO_LOG if started else None,
            creation_date=record.creation_date,
            update_date=record.update_date,
        )

    return outcome_of(record, make)


def _end(record: ExportedRun, reasons: list[str], remarks: list[str]) -> tuple[RunStatus, str]:
    if record.status in _ENDED:
        return RunStatus(record.status), _ENDED[record.status]
    if record.status in _OPEN:
        remarks.append(f"it was {record.status} when it was exported, so it has ended as exception here")
        return RunStatus.EXCEPTION, _OPEN[record.status]
    reasons.append(f"the status {record.status!r} is unknown: expected one of {', '.join((*_OPEN, *_ENDED))}")
    return RunStatus.EXCEPTION, ""


def _completion(record: ExportedRun) -> datetime:
    end = record.completion_date or record.update_date
    return max(end, record.start_date or end)


def _source(record: ExportedRun, remarks: list[str]) -> dict[str, Any]:
    """`{type, identifier}` → `{type, <type>}`; the ancestor's runs trigger through its service, by a token."""
    kind, name = record.source.get("type"), record.source.get("identifier")
    if isinstance(name, str):
        match kind:
            case "user":
                return {"type": "user", "user": name}
            case "schedule":
                minute = record.creation_date.replace(second=0, microsecond=0)
                return {"type": "schedule", "schedule": name, "fire_date": f"{minute:%Y-%m-%dT%H:%M:%S}Z"}
            case "run":
                project = record.source.get("project")
                of = run_identifier(project if isinstance(project, str) else record.project, name)
                return {"type": "run", "run": of, "reason": "token"}
    remarks.append("its source is of a kind that is unknown here, and is kept as it is")
    return {"type": "imported", **record.source}
