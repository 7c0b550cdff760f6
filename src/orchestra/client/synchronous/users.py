# auto-generated from asynchronous/users.py by `make client`; change that one.
"""Users and their authentications, for administrators."""

from collections.abc import Iterator
from typing import Unpack

from orchestra.client.addresses import path
from orchestra.client.answers import Link
from orchestra.client.contents import AuthenticationChanges, TokenContent, UserContent
from orchestra.client.entities import Authentication, NewToken, Session, User
from orchestra.client.synchronous.connection import Connection, version_header


class Users(Connection):
    """Operations of users."""

    def users(
        self,
        *,
        role: str | None = None,
        is_enabled: bool | None = None,
        order: str | None = None,
        limit: int | None = None,
    ) -> Iterator[User]:
        """The users that match: names for those who may see names, everything for administrators and auditors.

        `role` is an entry of `roles`, such as `Viewer@website`.
        """
        return self._items(User, "/users", limit, {"role": role, "is_enabled": is_enabled, "order": order})

    def user(self, user: str) -> User:
        """One user. Raises NotFound."""
        return self._value(User, "GET", path("users", user))

    def put_user(self, user: str, *, if_match: str | User | None = None, **content: Unpack[UserContent]) -> User:
        """Create or replace a user. Raises InvalidContent, Conflict for the last administrator, PreconditionFailed."""
        return self._value(User, "PUT", path("users", user), body=content, headers=version_header(if_match))

    def change_user(self, user: str, *, if_match: str | User | None = None, **changes: Unpack[UserContent]) -> User:
        """Change a user; one that is not enabled reaches nothing but the own account. Raises as `put_user`."""
        return self._value(User, "PATCH", path("users", user), body=changes, headers=version_header(if_match))

    def delete_user(self, user: str, *, if_match: str | User | None = None) -> None:
        """Delete a user with all tokens and sessions. Raises Conflict, naming the workers that the user owns."""
        self._request("DELETE", path("users", user), headers=version_header(if_match))

    def authentications(
        self, user: str, *, order: str | None = None, limit: int | None = None
    ) -> Iterator[Authentication]:
        """The password and tokens of a user, without their secrets."""
        return self._items(Authentication, path("users", user, "authentications"), limit, {"order": order})

    def authentication(self, user: str, authentication: str) -> Authentication:
        """One authentication of a user. Raises NotFound."""
        return self._value(Authentication, "GET", path("users", user, "authentications", authentication))

    def create_token(self, user: str, **content: Unpack[TokenContent]) -> NewToken:
        """Create a token for a user; its `secret` is shown this once. Raises InvalidContent, Conflict (too many)."""
        return self._value(NewToken, "POST", path("users", user, "authentications"), body=content)

    def change_authentication(
        self,
        user: str,
        authentication: str,
        *,
        if_match: str | Authentication | None = None,
        **changes: Unpack[AuthenticationChanges],
    ) -> Authentication:
        """Change the description or the expiration of an authentication; a date that has passed ends it now."""
        return self._value(
            Authentication,
            "PATCH",
            path("users", user, "authentications", authentication),
            body=changes,
            headers=version_header(if_match),
        )

    def delete_authentication(self, user: str, authentication: str) -> None:
        """Delete a token or the password: it is invalid at once, and the user's sessions end."""
        self._request("DELETE", path("users", user, "authentications", authentication))

    def set_password(self, user: str, password: str) -> None:
        """Set a user's password; the user's sessions end. Raises InvalidContent, saying what a password must be."""
        self._request("PUT", path("users", user, "password"), body={"password": password})

    def create_link(self, user: str) -> Link:
        """Make a one-time link with which the user sets a password (an invitation, or a reset where there is one).

        It replaces the older ones of that user.
        """
        return self._value(Link, "POST", path("users", user, "link"))

    def sessions(self, user: str, *, order: str | None = None, limit: int | None = None) -> Iterator[Session]:
        """Where a user is signed in on the website, as last used first."""
        return self._items(Session, path("users", user, "sessions"), limit, {"order": order})

    def end_sessions(self, user: str) -> None:
        """Sign a user out everywhere."""
        self._request("DELETE", path("users", user, "sessions"))
