# auto-generated from asynchronous/runs.py by `make client`; change that one.
"""Runs: lists, one run, what is known about it, the wishes to stop it, and waiting for its end."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from time import sleep
from typing import Any, Final

from orchestra.client.addresses import path
from orchestra.client.answers import BulkResult, Explanation
from orchestra.client.entities import Event, Run, RunDetail, Step
from orchestra.client.retrying import Deadline, Patience, Tell
from orchestra.client.server_sent import EventReader
from orchestra.client.synchronous.connection import Connection
from orchestra.domain.errors import Unavailable

BEYOND_ANY_LOG: Final = 1 << 62
"""An offset from which of a log's stream only its end comes."""


class Runs(Connection):
    """Operations of runs. `run` is a run's UUID."""

    def runs(
        self,
        *,
        project: str | None = None,
        job: str | None = None,
        status: str | Sequence[str] | None = None,
        worker: str | None = None,
        source: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        q: str | None = None,
        order: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Run]:
        """Runs that match, latest first, at most `limit`.

        `source` is a type (`schedule`) or type and name (`user:maya`), `q` the query that the website has too
        (`status:failed job:build-* created:>-24h`). Raises InvalidContent for a query that does not fit, and NotFound
        for a project, or a job of a project, that does not exist; a `job` alone means that name in all projects.
        """
        filters = {
            "status": status,
            "worker": worker,
            "source": source,
            "created_after": created_after,
            "created_before": created_before,
            "q": q,
            "order": order,
        }
        if project is None:
            return self._items(Run, "/runs", limit, {**filters, "job": job})
        if job is None:
            return self._items(Run, path("projects", project, "runs"), limit, filters)
        return self._items(Run, path("projects", project, "jobs", job, "runs"), limit, filters)

    def run(self, run: str) -> RunDetail:
        """One run. Raises NotFound."""
        return self._value(RunDetail, "GET", path("runs", run))

    def run_by_number(self, project: str, job: str, number: int) -> RunDetail:
        """One run by its number within its job. Raises NotFound."""
        return self._value(RunDetail, "GET", path("projects", project, "jobs", job, "runs", number))

    def cancel(self, run: str) -> Run:
        """Cancel a run that has not started. Raises Conflict once it runs or has ended otherwise."""
        # Repeating it changes nothing: the API promises that of both wishes.
        return self._value(Run, "POST", path("runs", run, "cancel"), is_repeatable=True)

    def abort(self, run: str) -> Run:
        """Abort a run that is assigned or running. Raises Conflict otherwise."""
        return self._value(Run, "POST", path("runs", run, "abort"), is_repeatable=True)

    def close_run(self, run: str, reason: str) -> Run:
        """Declare a run over whose worker will not come back. Raises Conflict unless its worker is away."""
        return self._value(Run, "POST", path("runs", run, "close"), is_repeatable=True, body={"reason": reason})

    def retry(self, run: str, parameters: Mapping[str, Any] | None = None) -> Run:
        """Start a new run of the same job; `parameters` replace those that are named.

        Raises Conflict while the run has not ended, InvalidContent, and OutcomeUnknown when no answer came.
        """
        body = {} if parameters is None else {"parameters": dict(parameters)}
        return self._value(Run, "POST", path("runs", run, "retry"), body=body)

    def delete_run(self, run: str) -> None:
        """Delete a run that has ended, with its log. Raises Conflict while it has not."""
        self._request("DELETE", path("runs", run))

    def bulk(
        self,
        action: str,
        *,
        q: str | None = None,
        ids: Sequence[str] | None = None,
        dry_run: bool = False,
        cursor: str | None = None,
    ) -> BulkResult:
        """Cancel, abort, retry or delete up to 1,000 runs: those of `ids`, or the newest that match `q`.

        Each run is decided by itself, and what is refused says why; `dry_run` only says what would be done, and
        `cursor` goes on where an answer ended. Raises InvalidContent, and OutcomeUnknown when no answer came.
        """
        given = {"action": action, "q": q, "ids": None if ids is None else list(ids), "cursor": cursor}
        body = {name: value for name, value in given.items() if value is not None} | {"dry_run": dry_run}
        return self._value(BulkResult, "POST", "/runs/bulk", is_repeatable=dry_run, body=body)

    def explain(self, run: str) -> Explanation:
        """Why the run is where it is; for one that is pending with a verdict per worker."""
        return self._value(Explanation, "GET", path("runs", run, "explain"))

    def results(self, run: str) -> Any:
        """What the run wrote as its results: any JSON value, None while there are none."""
        return self._value(object, "GET", path("runs", run, "results"))

    def steps(self, run: str) -> tuple[Step, ...]:
        """The commands that were reached, as they went."""
        return self._all(Step, path("runs", run, "steps"))

    def run_events(self, run: str) -> tuple[Event, ...]:
        """What happened to the run, oldest first."""
        return self._all(Event, path("runs", run, "events"))

    def wait(self, run: str, *, timeout_s: float | None = None, tell: Tell | None = None) -> RunDetail:
        """Wait until the run has ended and return it. It waits on the run's log stream and never polls.

        Raises TimeoutError after `timeout_s` (the run goes on), and Unavailable when the server stays away for
        `patience_s`; `tell` is called with the reason when it does not answer, and with None when it does again.
        """
        patience, deadline = Patience(self._patience_s, tell), Deadline(timeout_s)
        query = {"offset": BEYOND_ANY_LOG}
        while True:
            try:
                quiet_s = deadline.quiet_s()
                stream = self._events(path("runs", run, "log", "stream"), EventReader(), quiet_s, params=query)
                with closing(stream) as signs:
                    for _ in signs:
                        patience.renew()
                        if deadline.needs_shorter(quiet_s):
                            break
                found = self.run(run)
                if found.has_ended:
                    return found
                error = Unavailable(f"{self.server} ended the stream of the run's log")
            except Unavailable as broken:
                error = broken
            sleep(deadline.shortened(patience.pause_s(error)))
