"""User and user authentication: who accesses the service, and by which means."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


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
    except to the one function that verifies."""

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
    creation_date: datetime
    update_date: datetime
