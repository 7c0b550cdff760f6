"""Access of what stays open: a stream or a socket ends when its caller's authentication or permission does.

Asked at every wake-up, it looks at the database at most every `ACCESS_S` seconds; `wait_s` is how long
its owner may sleep until it must ask again, so that an expiration is honoured at its instant.

    disabled, deleted, role lost   an event, which every server's tail reads within a second → `doubt`
    the event was lost             the next look: `ACCESS_S`, and the second that a caller is remembered
    expired                        at its date, whatever the database says
"""

from collections.abc import AsyncIterator
from typing import Any, Final

from orchestra.domain.access import Permission
from orchestra.domain.errors import NotAuthenticated, TooMany, Unavailable
from orchestra.service.authentication import Caller
from orchestra.service.parts import Parts

ACCESS_S: Final = 4.0
"""security.md S-03: what a disabled or deleted user has open is closed within 5 seconds; a caller is remembered for
one of them (`authentication.MEMORY_S`)."""


class AccessEndedError(Exception):
    """The caller's access ended in the middle of an answer; what was sent is cut there."""


class AccessWatch:
    """Follows the access of one open answer; `caller` is who it is now.

    `permission` is what the answer needs, in `project`, or with None anywhere at all; without one every
    valid authentication holds.
    """

    def __init__(
        self,
        parts: Parts,
        scope: Any,
        caller: Caller,
        permission: Permission | None = None,
        project: str | None = None,
    ) -> None:
        self._parts = parts
        self._scope = scope
        self._permission = permission
        self._project = project
        self.caller = caller
        self._checked = parts.clock.monotonic()
        self._is_in_doubt = False

    def doubt(self) -> None:
        """Look again at the next question: somebody's permissions have changed."""
        self._is_in_doubt = True

    def wait_s(self) -> float:
        """Return how many seconds the caller's access holds for sure, at most `ACCESS_S`."""
        expires = self.caller.principal.expiration_date
        if expires is None:
            return ACCESS_S
        return min(ACCESS_S, max(0.0, (expires - self._parts.clock.now()).total_seconds()))

    async def check(self) -> None:
        """Look again who the caller is. Raises NotAuthenticated when it is nobody any more."""
        try:
            self.caller = await self._parts.authenticator.authenticate(self._scope)
        except Unavailable:
            # Nobody can be asked now; what was true a moment ago stands until the next look, but not beyond its date.
            if not self._parts.authenticator.is_valid(self.caller):
                raise NotAuthenticated("the authentication has expired") from None
            return
        except TooMany as error:
            raise NotAuthenticated(error.detail) from None
        self._checked = self._parts.clock.monotonic()
        self._is_in_doubt = False

    async def holds(self) -> bool:
        """Tell whether the caller still may; `caller` is then who it is."""
        is_due = self._is_in_doubt or self._parts.clock.monotonic() - self._checked >= ACCESS_S
        if is_due or not self._parts.authenticator.is_valid(self.caller):
            try:
                await self.check()
            except NotAuthenticated:
                return False
        return self._may()

    def _may(self) -> bool:
        principal = self.caller.principal
        if self._permission is None:
            return True
        if self._project is None:
            return principal.scope(self._permission) != frozenset()
        return principal.can(self._permission, self._project)


async def cut_off(pieces: AsyncIterator[bytes], access: AccessWatch) -> AsyncIterator[bytes]:
    """Give `pieces` as long as the caller may have them. Raises AccessEndedError when that ends first."""
    async for piece in pieces:
        if not await access.holds():
            raise AccessEndedError
        yield piece
