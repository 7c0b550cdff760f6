"""Schedule: a cron expression in a time zone that triggers a job (parsed and stored; firing comes with the clock)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestra.domain.project import MANAGED_BY_API

OVERLAPS = ("skip", "queue_one", "queue_all", "cancel_other", "abort_other", "allow")
MISFIRES = ("none", "latest", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule as stored; durations in seconds, `next_fire` in UTC."""

    project: str
    identifier: str
    display_name: str
    job: str
    parameters: dict[str, Any] = field(default_factory=dict)
    expression: str
    time_zone: str = "UTC"
    overlap: str = "skip"
    misfire: str = "latest"
    misfire_window_s: float = 86_400.0
    jitter_s: float = 0.0
    is_enabled: bool = True
    last_run: str | None = None
    next_fire: datetime | None = None
    managed_by: str = MANAGED_BY_API
    creation_date: datetime
    update_date: datetime
