"""User and user authentication: who accesses the service, and by which means."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from orchestra.domain.access import GLOBAL, PERMISSIONS, Role, can, check_role


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user as stored; `roles` holds entries `Role` (everywhere) or `Role@project`."""

    identifier: str
    display_name: str
    roles: tuple[str, ...] = ()
    is_enabled: bool = True
    creation_date: datetime
    update_date: datetime


class AuthenticationType(StrEnum):
    """By which means a user authenticates."""

    PASSWORD = "password"
    TOKEN = "token"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAuthentication:
    """A mean to authenticate, as stored; secret, salt and parameters never leave the database's layer upwards
    except to the one function that verifies.

    `roles` are entries to which a token is limited; None: it may what its user may.
    """

    identifier: str
    user: str
    type: AuthenticationType
    description: str = ""
    hash_function: str
    hash_function_parameters: dict[str, Any] = field(default_factory=dict)
    hash_function_salt: str | None = None
    secret: str = field(repr=False)
    expiration_date: datetime | None = None
    last_use_date: datetime | None = None
    roles: tuple[str, ...] | None = None
    creation_date: datetime
    update_date: datetime

    def is_expired(self, now: datetime) -> bool:
        """Tell whether it has expired by `now` (aware UTC)."""
        return self.expiration_date is not None and self.expiration_date <= now


def check_limit(entry: str, owner: Iterable[str]) -> str | None:
    """Return why a token of a user with the roles `owner` cannot be limited to the role `entry`, None when it can.

    It can where the entry gives nothing that the owner does not have. What the owner loses later, the token loses too.
    """
    wrong = check_role(entry)
    if wrong is not None:
        return wrong
    name, _, project = entry.partition("@")
    owned = tuple(owner)
    beyond = [
        permission
        for permission in sorted(PERMISSIONS[Role(name)])
        if not (project and permission in GLOBAL) and not can(owned, permission, project or None)
    ]
    return f"expected at most the rights of the user, who lacks {', '.join(beyond)}" if beyond else None
