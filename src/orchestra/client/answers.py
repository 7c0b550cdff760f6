"""Answers that are no entities: explanations, plans, windows of logs, and who the caller is."""

from datetime import datetime
from typing import Any

from orchestra.client.entities import Cause, Entity
from orchestra.domain.plan import Action, Kind
from orchestra.domain.run import RunStatus


class Mismatch(Entity, frozen=True):
    """One property that a worker does not satisfy; `has` is None when the worker lacks it."""

    property: str
    wanted: Any
    has: Any


class Verdict(Entity, frozen=True):
    """What one worker could do for the run. `verdict` is the first of `reasons`, the most lasting obstacle."""

    worker: str
    verdict: str
    reasons: tuple[str, ...]
    message: str
    mismatches: tuple[Mismatch, ...]


class Absence(Entity, frozen=True):
    """The worker that has a run is not connected, last heard from at `since`; the run probably goes on there.

    Unless it returns, the run ends as exception (`worker_lost`) at `deadline` at the earliest; None: it is waited for
    without an end.
    """

    worker: str
    since: datetime
    deadline: datetime | None


class Explanation(Entity, frozen=True, kw_only=True):
    """`position` 1 is next in the queue; None when the run is not pending. `nearest` is the worker that lacks least.

    `stop` says how far a stop has come; None without one. `away` is None while the run's worker is connected, and
    when no worker has it.
    """

    run: str
    status: RunStatus
    cause: Cause
    position: int | None
    nearest: str | None
    stop: str | None
    away: Absence | None = None
    workers: tuple[Verdict, ...]


class Artifact(Entity, frozen=True):
    """A file that a run left; `state` is `awaited` until the server has its bytes, `lost` when it never will."""

    path: str
    size: int
    sha256: str
    state: str


class LogInfo(Entity, frozen=True):
    """`complete`: it will not grow any more. `truncated` says why bytes are missing at the end, None if none are."""

    lines: int
    bytes: int
    complete: bool
    first_time: datetime | None
    last_time: datetime | None
    truncated: str | None


class LogWindow(Entity, frozen=True):
    """Lines from `start` on (the first is 1), of `total`.

    `sgr` is the ANSI state in which the first one begins, `times` are (line, milliseconds since 1970),
    `cut` are (line, bytes) of those that were too long to come whole.
    """

    start: int
    total: int
    complete: bool
    sgr: str
    times: tuple[tuple[int, int], ...]
    lines: tuple[str, ...]
    cut: tuple[tuple[int, int], ...]


class LogPiece(Entity, frozen=True):
    """Bytes of a log from `offset` on: as text where they are UTF-8, else as base64."""

    offset: int
    text: str | None = None
    base64: bytes = b""

    @property
    def content(self) -> bytes:
        """The bytes as they are in the log."""
        return self.base64 if self.text is None else self.text.encode()


class LogSection(Entity, frozen=True):
    """Lines `first` to `last` (from 1) of a log that one step wrote.

    `last` is None while the step runs, and below `first` if it wrote nothing.
    """

    id: str
    parent: str | None
    name: str
    first: int
    last: int | None


class FieldChange(Entity, frozen=True):
    """One value that differs; None is "not there"."""

    path: str
    old: Any
    new: Any


class Change(Entity, frozen=True):
    """One object; `path` is `project` or `project/identifier`."""

    action: Action
    kind: Kind
    path: str
    fields: tuple[FieldChange, ...]


class PreviewItem(Entity, frozen=True):
    """A firing. `local_date` is RFC 3339 in the schedule's zone; `note` says what a change of the clock does.

    `local_times` are those that it stands for: several, or others than `local_date`, where a change skips them.
    """

    fire_date: datetime
    local_date: str
    local_times: tuple[str, ...]
    note: str | None


class ClockChange(Entity, frozen=True):
    """A change of the zone's clock: how often the schedule fires on that day, and its first firings."""

    date: datetime
    text: str
    count: int
    items: tuple[PreviewItem, ...]


class Preview(Entity, frozen=True):
    """What a schedule will do: `text` is its expression in words, `warnings` what may surprise."""

    expression: str
    time_zone: str
    text: str
    items: tuple[PreviewItem, ...]
    changes: tuple[ClockChange, ...]
    warnings: tuple[Cause, ...]


class ForecastHour(Entity, frozen=True):
    """An hour of UTC: firings, and the slot seconds that their runs and those begun before are expected to take."""

    date: datetime
    firings: int
    busy_s: float


class HeavySchedule(Entity, frozen=True):
    """A schedule that takes much in the time that is forecast."""

    project: str
    schedule: str
    firings: int
    busy_s: float


class Forecast(Entity, frozen=True):
    """What enabled schedules will do. `slots` are those of connected workers now; None if you may not see workers.

    Of `without_duration` schedules no run has succeeded yet: they count as firings alone. `is_complete` is
    false when there are more schedules than are looked at.
    """

    slots: int | None
    schedules: int
    without_duration: int
    is_complete: bool
    hours: tuple[ForecastHour, ...]
    heaviest: tuple[HeavySchedule, ...]


class PlanWarning(Entity, frozen=True):
    """What may surprise in an object that the plan creates or changes; `code` is for programs."""

    path: str
    code: str
    message: str


class Plan(Entity, frozen=True):
    """`changes` in order; `leftovers` are what the source owns and the files no longer name, when nothing is pruned.

    `warnings` are of schedules that get a new time: the first hundred.
    """

    changes: tuple[Change, ...]
    leftovers: tuple[Change, ...]
    warnings: tuple[PlanWarning, ...]


class ImportItem(Entity, frozen=True):
    """What became of one record of an export. `reasons` say what is not taken over, what differs, or why nothing is."""

    table: str
    path: str
    support: str
    action: str
    reasons: tuple[str, ...]


class ImportCounts(Entity, frozen=True):
    """How many records of a table: by how much of them is taken over, and by what the import does with them."""

    full: int
    partial: int
    not_supported: int
    create: int
    unchanged: int
    conflict: int


class ImportReport(Entity, frozen=True):
    """What became of an export; in a dry run, what would."""

    dry_run: bool
    items: tuple[ImportItem, ...]
    counts: dict[str, ImportCounts]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


class RevisionChange(Entity, frozen=True):
    """One value that differs, at a path such as `definition.commands[2]`; None is "not there"."""

    path: str
    before: Any
    after: Any


class RevisionChanges(Entity, frozen=True):
    """What differs in `revision` from `since`."""

    since: int
    revision: int
    changes: tuple[RevisionChange, ...]


class BulkItem(Entity, frozen=True):
    """One run: `outcome` is done, would (a dry run) or refused, and then `reason` says why.

    `created` is the new run of a retry.
    """

    run: str
    outcome: str
    reason: str | None
    created: str | None


class BulkResult(Entity, frozen=True):
    """What was done with each run; `matched` counts all that match, and `next_cursor` goes on with the rest."""

    action: str
    dry_run: bool
    matched: int
    items: tuple[BulkItem, ...]
    next_cursor: str | None


class Hit(Entity, frozen=True):
    """Something that was found; `path` leads to it on the website, below the base path."""

    type: str
    project: str | None
    identifier: str
    display_name: str
    path: str


class Hits(Entity, frozen=True):
    """What a search found, best first."""

    items: tuple[Hit, ...]


class Link(Entity, frozen=True):
    """A one-time link with which a user sets a password: `path` is below the server's address."""

    purpose: str
    code: str
    path: str
    expiration_date: datetime

    def __repr__(self) -> str:
        # As good as a password until it is used.
        return f"Link(purpose={self.purpose!r}, code='…', expiration_date={self.expiration_date!r})"


class MeUser(Entity, frozen=True):
    """The caller's user; for a run's token a user of that name does not exist.

    `has_password` tells whether a change of the password needs the current one.
    """

    identifier: str
    display_name: str
    roles: tuple[str, ...]
    is_enabled: bool
    has_password: bool


class MeAuthentication(Entity, frozen=True):
    """How the caller authenticated: by which kind of token, and until when it is valid.

    `roles` are what the token is limited to, None: nothing. `authentication_date` is when a session's user proved
    last who they are.
    """

    identifier: str | None
    kind: str
    roles: tuple[str, ...] | None
    authentication_date: datetime | None
    expiration_date: datetime | None


class Me(Entity, frozen=True):
    """Who the caller is and what the caller may.

    `permissions` hold everywhere; `projects` maps each project where there are more to those it adds.
    """

    user: MeUser
    permissions: tuple[str, ...]
    projects: dict[str, tuple[str, ...]]
    authentication: MeAuthentication
    csrf_token: str | None = None
