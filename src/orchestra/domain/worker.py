"""Worker: a process on a machine, known by name, to which runs are assigned."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A worker as stored.

    `session` counts its connections (the newest one fences off the older ones), `installation` is
    the id of its data folder and `boot` the machine's boot id at its last hello.
    """

    identifier: str
    owner: str
    version: str = ""
    display_name: str
    properties: dict[str, Any] = field(default_factory=dict)
    concurrency: int = 1
    protocol: int = 0
    note: str = ""
    is_enabled: bool = True
    is_active: bool = False
    should_disconnect: bool = False
    connection_date: datetime | None = None
    last_seen_date: datetime | None = None
    session: int = 0
    installation: str = ""
    boot: str = ""
    creation_date: datetime
    update_date: datetime
