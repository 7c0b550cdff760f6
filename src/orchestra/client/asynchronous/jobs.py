"""Jobs and what triggers them by hand."""

import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any, Unpack

from orchestra.client.addresses import path, query
from orchestra.client.answers import RevisionChanges
from orchestra.client.asynchronous.connection import AsyncConnection, version_header
from orchestra.client.contents import JobChanges, JobContent
from orchestra.client.entities import Job, JobRevision, JobRevisionDetail, Run


class AsyncJobs(AsyncConnection):
    """Operations of jobs."""

    def jobs(
        self,
        project: str,
        *,
        group: str | None = None,
        is_enabled: bool | None = None,
        managed_by: str | None = None,
        order: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Job]:
        """The jobs of a project that match; `group` also means the groups below it. Raises NotFound (the project)."""
        filters = {"group": group, "is_enabled": is_enabled, "managed_by": managed_by, "order": order}
        return self._items(Job, path("projects", project, "jobs"), limit, filters)

    async def job(self, project: str, job: str) -> Job:
        """One job. Raises NotFound."""
        return await self._value(Job, "GET", path("projects", project, "jobs", job))

    async def put_job(
        self, project: str, job: str, *, if_match: str | Job | None = None, **content: Unpack[JobContent]
    ) -> Job:
        """Create or replace a job: what is absent gets its default, but `is_enabled` keeps its value.

        Raises InvalidContent (every problem), NotFound (the project), ManagedElsewhere, PreconditionFailed.
        """
        return await self._value(
            Job, "PUT", path("projects", project, "jobs", job), body=content, headers=version_header(if_match)
        )

    async def change_job(
        self, project: str, job: str, *, if_match: str | Job | None = None, **changes: Unpack[JobChanges]
    ) -> Job:
        """Change the named fields of a job. Raises as `put_job`."""
        return await self._value(
            Job, "PATCH", path("projects", project, "jobs", job), body=changes, headers=version_header(if_match)
        )

    async def set_job_enabled(self, project: str, job: str, is_enabled: bool) -> Job:
        """Enable or disable a job; runs of a disabled job stay pending."""
        return await self.change_job(project, job, is_enabled=is_enabled)

    async def delete_job(self, project: str, job: str, *, if_match: str | Job | None = None) -> None:
        """Delete a job. Raises Conflict, naming what is in the way."""
        await self._request("DELETE", path("projects", project, "jobs", job), headers=version_header(if_match))

    def job_revisions(
        self, project: str, job: str, *, order: str | None = None, limit: int | None = None
    ) -> AsyncIterator[JobRevision]:
        """The history of what a job executes, newest first; it stays when the job is deleted."""
        return self._items(JobRevision, path("projects", project, "jobs", job, "revisions"), limit, {"order": order})

    async def job_revision(self, project: str, job: str, revision: int) -> JobRevisionDetail:
        """One revision with what it holds. Raises NotFound."""
        return await self._value(
            JobRevisionDetail, "GET", path("projects", project, "jobs", job, "revisions", revision)
        )

    async def job_changes(self, project: str, job: str, revision: int, *, since: int | None = None) -> RevisionChanges:
        """What differs in a revision, field by field, from the revision `since` (None: the one before)."""
        place = path("projects", project, "jobs", job, "revisions", revision, "changes")
        return await self._value(RevisionChanges, "GET", place, params=query({"since": since}))

    async def trigger(
        self,
        project: str,
        job: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        priority: int | None = None,
        idempotency_key: str | None = None,
    ) -> Run:
        """Trigger a job and return the new run; with a key that was used before, the same run.

        Without a key it gets one of its own, so that an answer that is lost makes no second run. Raises
        InvalidContent (parameters, every problem), NotFound, NotAllowed, TooMany, and OutcomeUnknown when no
        answer came at all: trigger again with the same key to learn what holds.
        """
        body: dict[str, Any] = {"parameters": dict(parameters or {})}
        if priority is not None:
            body["priority"] = priority
        return await self._value(
            Run,
            "POST",
            path("projects", project, "jobs", job, "trigger"),
            is_repeatable=True,
            body=body,
            headers={"Idempotency-Key": idempotency_key or str(uuid.uuid4())},
        )
