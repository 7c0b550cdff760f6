"""Conditional requests: ETags of what people edit, `If-Match` and `If-None-Match` (RFC 9110 section 13).

A tag is a digest of what a GET would answer, but for what changes by itself (when a worker was last
seen, when a token was last used, what a schedule fires next), so it changes exactly when somebody's edit
would overwrite somebody else's.
"""

import hashlib
import re
from typing import Any, Final

import msgspec
from litestar.response import Response

from orchestra.domain.errors import InvalidContent, OrchestraError, PreconditionFailed, Problem
from orchestra.service.entities import AuthenticationEntity, Entity, ScheduleEntity, WorkerEntity

_LIVE: Final[dict[type[Entity], tuple[str, ...]]] = {
    WorkerEntity: (
        "active_runs",
        "is_active",
        "should_disconnect",
        "connection_date",
        "last_seen_date",
        "update_date",
    ),
    AuthenticationEntity: ("last_use_date",),
    ScheduleEntity: ("last_run", "next_fire"),
}
"""Fields that nobody edits."""


TAGS: Final = r'^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$'
"""The form of `If-Match` and `If-None-Match`."""
_TAGS: Final = re.compile(TAGS)


def tag(entity: Entity) -> str:
    """Return the entity's ETag, quotes included."""
    value: Any = msgspec.to_builtins(entity)
    live = _LIVE.get(type(entity), ())
    value = {name: one for name, one in value.items() if name not in live}
    return f'"{hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:32]}"'


def answer(entity: Entity, if_none_match: str | None = None, status: int = 200) -> Response[Any]:
    """Answer with the entity and its tag; with nothing (304) when the client has it already."""
    found = tag(entity)
    if status == 200 and if_none_match is not None and _names(if_none_match, found):
        return Response(None, status_code=304, headers={"ETag": found})
    return Response(entity, status_code=status, headers={"ETag": found})


def check(if_match: str | None, present: Entity | None) -> OrchestraError | None:
    """Return the refusal when `If-Match` is there and does not name the entity as it is now."""
    refused = malformed(if_match)
    if refused is not None:
        return refused
    if if_match is None or (present is not None and _names(if_match, tag(present))):
        return None
    what = "it does not exist" if present is None else "it was changed since"
    return PreconditionFailed(f"If-Match does not fit: {what}; read it again")


def malformed(header: str | None) -> InvalidContent | None:
    """Return the refusal of an `If-Match` that is none (RFC 9110 section 13.1.1): it must not pass for a tag that
    does not fit."""
    if header is None or _TAGS.fullmatch(header):
        return None
    what = f"expected * or entity tags in double quotes, got {header!r}"
    return InvalidContent("the request does not fit", (Problem("If-Match", what),))


def _names(header: str, found: str) -> bool:
    return any(one.strip().removeprefix("W/") in ("*", found) for one in header.split(","))
