"""The own account: who am I, own tokens, and signing in as the website does."""

from collections.abc import AsyncIterator
from typing import Unpack

from orchestra.client.addresses import path
from orchestra.client.answers import Me
from orchestra.client.asynchronous.connection import AsyncConnection
from orchestra.client.contents import TokenContent
from orchestra.client.entities import Authentication, NewToken


class AsyncAccount(AsyncConnection):
    """Operations of the caller's own account."""

    async def me(self) -> Me:
        """Who the caller is, with roles and permissions."""
        return await self._value(Me, "GET", "/me")

    async def sign_in(
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
        return self._begin(await self._value(Me, "POST", "/me/login", body=body))

    async def sign_out(self) -> None:
        """End the session of this client."""
        await self._request("POST", "/me/logout")
        self._http.headers.pop("X-CSRF-Token", None)

    def _begin(self, me: Me) -> Me:
        """Speak by the session's cookie, which the connection keeps."""
        self._http.headers.pop("Authorization", None)
        if me.csrf_token is not None:
            self._http.headers["X-CSRF-Token"] = me.csrf_token
        return me

    def own_authentications(
        self, *, order: str | None = None, limit: int | None = None
    ) -> AsyncIterator[Authentication]:
        """The caller's password and tokens, without their secrets."""
        return self._items(Authentication, "/me/authentications", limit, {"order": order})

    async def create_own_token(self, **content: Unpack[TokenContent]) -> NewToken:
        """Create a token for oneself; its `secret` is shown this once. Raises InvalidContent, Conflict (too many)."""
        return await self._value(NewToken, "POST", "/me/authentications", body=content)

    async def delete_own_authentication(self, authentication: str) -> None:
        """Delete one of the own tokens: it is invalid at once, and the other sessions end."""
        await self._request("DELETE", path("me", "authentications", authentication))
