"""What to do next, for each kind of error: lines that stand below it as `hint:`.

Rules: a hint names a command that helps. What must be asked for it is asked from the server that
failed, with the caller's own rights; when that fails too, there is no hint.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from orchestra.cli.connection import Target
from orchestra.cli.names import Name
from orchestra.domain.access import ASSIGNABLE, GLOBAL, PERMISSIONS, Permission
from orchestra.domain.errors import (
    ManagedElsewhere,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    OrchestraError,
    OutcomeUnknown,
    PreconditionFailed,
    TooMany,
    Unavailable,
)

if TYPE_CHECKING:
    from orchestra.client import Client


def advise(error: OrchestraError, target: Target, client: "Client") -> Iterator[str]:
    """What the caller of a command that met `error` can do about it."""
    match error:
        case NotFound():
            yield from _near(client)
        case NotAuthenticated():
            yield _sign_in(target)
        case NotAllowed():
            yield from _roles(error)
        case PreconditionFailed():
            yield "somebody changed it meanwhile: look at it again, and repeat the command"
        case ManagedElsewhere():
            yield "change the files that own it, then: orchestra apply FILES"
        case TooMany():
            yield f"try again in {error.retry_after_s} s"
        case OutcomeUnknown():
            yield "look whether it was done before you repeat it"
        case Unavailable():
            yield (
                "start a server on this machine: orchestra up    "
                "use another one: --server URL, or orchestra login --server URL"
            )


def _near(client: "Client") -> Iterator[str]:
    """Names that are near those that were typed for this command, whichever of them does not exist."""
    context = click.get_current_context()
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if value is None or not isinstance(kind := parameter.type, Name):
            continue
        for one in value if parameter.multiple or parameter.nargs != 1 else [value]:
            typed = one if isinstance(one, str) else "/".join(part for part in one if part)
            try:
                near = kind.near(client, typed)
            except OrchestraError:
                continue
            if near:
                yield f"did you mean {' or '.join(near)}?"


def _sign_in(target: Target) -> str:
    match target.origin:
        case "login":
            return f"the stored sign-in is no longer valid; sign in again: orchestra login --server {target.server}"
        case "machine":
            return f"the token in this machine's data folder is not one of {target.server}; orchestra login"
        case _:
            return f"check --token or ORCHESTRA_TOKEN, or sign in: orchestra login --server {target.server}"


def _roles(error: NotAllowed) -> Iterator[str]:
    """Which roles give the permission that the answer names."""
    lacking = next((one for one in Permission if str(one) in error.detail.split()), None)
    if lacking is None:
        return
    roles = [str(role) for role in ASSIGNABLE if lacking in PERMISSIONS[role]]
    who = " or ".join(part for part in (", ".join(roles[:-1]), *roles[-1:]) if part)
    place = "everywhere" if lacking in GLOBAL else "everywhere or on the project (ROLE@PROJECT)"
    yield f"{who} may, {place}; your roles: orchestra whoami"
