"""Access of what stays open: a stream or a socket ends when its caller's authentication does.

Asked at every wake-up, it looks at the database at most every `ACCESS_S` seconds; `wait_s` is how long
its owner may sleep until it must ask again, so that an expiration is honoured at its instant.
"""

from typing import Any, Final

from orchestra.domain.errors import NotAuthenticated, TooMany, Unavailable
from orchestra.service.authentication import Caller
from orchestra.service.parts import Parts

ACCESS_S: Final = 5.0
"""security.md S-03: what a disabled or deleted user has open is closed within 5 seconds."""


class AccessWatch:
    """Follows the authentication of one open stream; `caller` is who it is now."""

    def __init__(self, parts: Parts, scope: Any, caller: Caller) -> None:
        self._parts = parts
        self._scope = scope
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
            # Nobody can be asked now; what was true a moment ago stands until the next look.
            return
        except TooMany as error:
            raise NotAuthenticated(error.detail) from None
        self._checked = self._parts.clock.monotonic()
        self._is_in_doubt = False

    async def holds(self) -> bool:
        """Tell whether the caller's authentication is still valid; `caller` is then who it is."""
        is_due = self._is_in_doubt or self._parts.clock.monotonic() - self._checked >= ACCESS_S
        if is_due or not self._parts.authenticator.is_valid(self.caller):
            try:
                await self.check()
            except NotAuthenticated:
                return False
        return True
