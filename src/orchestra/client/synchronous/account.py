# auto-generated from asynchronous/account.py by `make client`; change that one.
"""The own account: who am I, own tokens, and signing in as the website does."""

from collections.abc import Iterator
from typing import Unpack

from orchestra.client.addresses import path
from orchestra.client.answers import Me
from orchestra.client.contents import AuthenticationChanges, TokenContent
from orchestra.client.entities import Authentication, NewToken, Session
from orchestra.client.synchronous.connection import Connection, version_header


class Account(Connection):
    """Operations of the caller's own account."""

    def me(self) -> Me:
        """Who the caller is, with roles and permissions."""
        return self._value(Me, "GET", "/me")

    def sign_in(
        self,
        user: str | None = None,
        password: str | None = None,
        *,
        token: str | None = None,
        code: str | None = None,
    ) -> Me:
        """Begin a session, by password, token or the code of a sign-in link; the client speaks by it from now on.

        Programs use tokens; this is for getting one (`create_own_token`). Raises NotAuthenticated, TooMany.
        """
        given = {"user": user, "password": password, "token": token, "code": code}
        body = {name: value for name, value in given.items() if value is not None}
        return self._begin(self._value(Me, "POST", "/me/login", body=body))

    def sign_out(self) -> None:
        """End the session of this client."""
        self._request("POST", "/me/logout")
        self._http.headers.pop("X-CSRF-Token", None)

    def set_password_by_code(self, code: str, password: str) -> Me:
        """Set the password by the code of a link (`create_link`), and begin a session as `sign_in` does.

        Raises NotAuthenticated for a code that is wrong, used or expired, InvalidContent, TooMany.
        """
        return self._begin(self._value(Me, "POST", "/me/password", body={"code": code, "password": password}))

    def set_own_password(self, password: str, *, current_password: str | None = None) -> None:
        """Set the own password, proving to know the current one if there is one; the other sessions end.

        Raises InvalidContent, NotAllowed when `current_password` is wrong, and OutcomeUnknown when no answer came.
        """
        body = {"password": password} | ({} if current_password is None else {"current_password": current_password})
        # Once it is set, the current password is another: repeating it would count as a wrong guess.
        self._request("PUT", "/me/password", is_repeatable=False, body=body)

    def reauthenticate(self, *, password: str | None = None, token: str | None = None) -> None:
        """Prove again who one is, which a session needs before it makes tokens or changes rights."""
        body = {"token": token} if password is None else {"password": password}
        self._request("POST", "/me/reauthenticate", body=body)

    def own_sessions(self, *, order: str | None = None, limit: int | None = None) -> Iterator[Session]:
        """Where the caller is signed in on the website, as last used first."""
        return self._items(Session, "/me/sessions", limit, {"order": order})

    def end_own_session(self, session: str) -> None:
        """End one of the own sessions."""
        self._request("DELETE", path("me", "sessions", session))

    def end_own_sessions(self) -> None:
        """Sign out everywhere, here included."""
        self._request("DELETE", "/me/sessions")

    def _begin(self, me: Me) -> Me:
        """Speak by the session's cookie, which the connection keeps."""
        self._http.headers.pop("Authorization", None)
        if me.csrf_token is not None:
            self._http.headers["X-CSRF-Token"] = me.csrf_token
        return me

    def own_authentications(self, *, order: str | None = None, limit: int | None = None) -> Iterator[Authentication]:
        """The caller's password and tokens, without their secrets."""
        return self._items(Authentication, "/me/authentications", limit, {"order": order})

    def own_authentication(self, authentication: str) -> Authentication:
        """One of the own authentications. Raises NotFound."""
        return self._value(Authentication, "GET", path("me", "authentications", authentication))

    def create_own_token(self, **content: Unpack[TokenContent]) -> NewToken:
        """Create a token for oneself; its `secret` is shown this once. Raises InvalidContent, Conflict (too many)."""
        return self._value(NewToken, "POST", "/me/authentications", body=content)

    def change_own_authentication(
        self,
        authentication: str,
        *,
        if_match: str | Authentication | None = None,
        **changes: Unpack[AuthenticationChanges],
    ) -> Authentication:
        """Change the description or the expiration of an own authentication; a date that has passed ends it now."""
        return self._value(
            Authentication,
            "PATCH",
            path("me", "authentications", authentication),
            body=changes,
            headers=version_header(if_match),
        )

    def delete_own_authentication(self, authentication: str) -> None:
        """Delete one of the own tokens: it is invalid at once, and the other sessions end."""
        self._request("DELETE", path("me", "authentications", authentication))
