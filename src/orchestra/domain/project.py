"""Project: a space for jobs, schedules and runs."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MANAGED_BY_API = "api"
"""`managed_by` of objects that people change by API or website; any other value names the files' source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project as stored; `services` is free-form: name → dictionary."""

    identifier: str
    display_name: str
    description: str = ""
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    managed_by: str = MANAGED_BY_API
    creation_date: datetime
    update_date: datetime
