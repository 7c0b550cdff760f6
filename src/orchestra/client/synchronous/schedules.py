# auto-generated from asynchronous/schedules.py by `make client`; change that one.
"""Schedules."""

from collections.abc import Iterator
from datetime import datetime
from typing import Unpack

from orchestra.client.addresses import path, query
from orchestra.client.answers import Forecast, Preview
from orchestra.client.contents import ScheduleChanges, ScheduleContent
from orchestra.client.entities import Schedule
from orchestra.client.synchronous.connection import Connection, version_header


class Schedules(Connection):
    """Operations of schedules."""

    def schedules(
        self,
        project: str,
        *,
        job: str | None = None,
        is_enabled: bool | None = None,
        managed_by: str | None = None,
        order: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Schedule]:
        """The schedules of a project that match; `job` is the one that they trigger. Raises NotFound (the project)."""
        filters = {"job": job, "is_enabled": is_enabled, "managed_by": managed_by, "order": order}
        return self._items(Schedule, path("projects", project, "schedules"), limit, filters)

    def schedule(self, project: str, schedule: str) -> Schedule:
        """One schedule. Raises NotFound."""
        return self._value(Schedule, "GET", path("projects", project, "schedules", schedule))

    def preview_schedule(
        self, project: str, schedule: str, *, count: int | None = None, after: datetime | None = None
    ) -> Preview:
        """When a schedule fires next (10 unless told, at most 1000), in words too, and what may surprise.

        `after` (aware) is exclusive; None means now. Raises NotFound.
        """
        asked = query({"count": count, "after": after})
        return self._value(Preview, "GET", path("projects", project, "schedules", schedule, "preview"), params=asked)

    def preview_expression(
        self,
        expression: str,
        *,
        time_zone: str = "UTC",
        count: int | None = None,
        after: datetime | None = None,
        schedule: str | None = None,
    ) -> Preview:
        """When an expression would fire; `schedule` is the name (project/schedule) that `H` is to draw from.

        Raises InvalidContent (the expression, the zone).
        """
        asked = query(
            {"expression": expression, "time_zone": time_zone, "count": count, "after": after, "schedule": schedule}
        )
        return self._value(Preview, "GET", path("schedules", "preview"), params=asked)

    def forecast(self, *, days: int | None = None, project: str | None = None) -> Forecast:
        """The load of the next days (7 unless told, at most 14) by the hour, of all schedules that you may see."""
        asked = query({"days": days, "project": project})
        return self._value(Forecast, "GET", path("schedules", "forecast"), params=asked)

    def put_schedule(
        self, project: str, schedule: str, *, if_match: str | Schedule | None = None, **content: Unpack[ScheduleContent]
    ) -> Schedule:
        """Create or replace a schedule: what is absent gets its default, but `is_enabled` keeps its value.

        Raises InvalidContent (every problem), NotFound (the project), ManagedElsewhere, PreconditionFailed.
        """
        return self._value(
            Schedule,
            "PUT",
            path("projects", project, "schedules", schedule),
            body=content,
            headers=version_header(if_match),
        )

    def change_schedule(
        self, project: str, schedule: str, *, if_match: str | Schedule | None = None, **changes: Unpack[ScheduleChanges]
    ) -> Schedule:
        """Change the named fields of a schedule. Raises as `put_schedule`."""
        return self._value(
            Schedule,
            "PATCH",
            path("projects", project, "schedules", schedule),
            body=changes,
            headers=version_header(if_match),
        )

    def delete_schedule(self, project: str, schedule: str, *, if_match: str | Schedule | None = None) -> None:
        """Delete a schedule; the runs that it triggered stay."""
        self._request("DELETE", path("projects", project, "schedules", schedule), headers=version_header(if_match))
