"""Configuration as code, and what the server tells about itself."""

from collections.abc import Sequence
from typing import Any

from orchestra.client.answers import ImportReport, Plan
from orchestra.client.asynchronous.connection import AsyncConnection
from orchestra.client.contents import ConfigurationFile


class AsyncConfiguration(AsyncConnection):
    """Operations of configuration files."""

    async def plan(self, files: Sequence[ConfigurationFile], *, prune: bool = False, source: str = "files") -> Plan:
        """What applying `files` would change; changes nothing. Raises InvalidContent, with each problem's place."""
        return await self._value(
            Plan,
            "POST",
            "/configuration/plan",
            is_repeatable=True,
            body={"files": list(files), "prune": prune, "source": source},
        )

    async def apply(self, files: Sequence[ConfigurationFile], *, prune: bool = False, source: str = "files") -> Plan:
        """Apply `files` and return the plan that was carried out; nothing is written where nothing differs.

        `source` owns what they create; with `prune`, what it owns and the files no longer name is deleted.
        Raises InvalidContent, Conflict, OutcomeUnknown (plan again: it is empty where all was carried out).
        """
        return await self._value(
            Plan, "POST", "/configuration/apply", body={"files": list(files), "prune": prune, "source": source}
        )

    async def import_job_orchestra(self, files: Sequence[ConfigurationFile], *, dry_run: bool = False) -> ImportReport:
        """Import files of a Job Orchestra export (`user.json` …) and tell what became of each record.

        A long history comes in several calls, oldest runs first, each with `project.json` and `job.json` too.
        What is there stays: a repeated call changes nothing. Raises InvalidContent, with each problem's place.
        """
        return await self._value(
            ImportReport,
            "POST",
            "/import/job-orchestra",
            is_repeatable=True,
            body={"files": list(files), "dry_run": dry_run},
        )

    async def openapi(self) -> dict[str, Any]:
        """The OpenAPI 3.1 document of the server's API."""
        return await self._value(dict[str, Any], "GET", "/openapi.json")

    async def is_live(self) -> bool:
        """Tell whether the server's process answers."""
        return await self._is_well("/health/live")

    async def is_ready(self) -> bool:
        """Tell whether the server takes work: it has started completely and its database answers."""
        return await self._is_well("/health/ready")
