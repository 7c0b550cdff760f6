"""Authority: whether those who are connected as workers still may (security.md S-03).

    disabled, role taken, token deleted or limited   hint "access" → look at once; else every `authority_s`
    expired                                          a timer of the link, at the date that was last read

One query for all connections. A session that ends this way ends with a reason that the worker shows;
its runs go on, and what it still has to tell waits in its spool.
"""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from orchestra.domain.access import Permission, Principal
from orchestra.master.seams import Parts
from orchestra.storage import authentications
from orchestra.storage.hints import Subscription
from orchestra.wire.messages import CloseCode

GONE = "the token has expired or was deleted"


class Authorized(Protocol):
    """A connection, from its handshake on."""

    principal: Principal

    def renew(self, principal: Principal) -> None:
        """The same authentication, as it is now."""

    def close(self, code: CloseCode, reason: str) -> None:
        """End the session with a reason that the worker shows."""


def refusal(principal: Principal) -> str | None:
    """Return why `principal` may not connect as a worker, None when it may."""
    if principal.can(Permission.WORKER_CONNECT):
        return None
    if not principal.is_enabled:
        return f"the user {principal.user} is disabled"
    if principal.limit is not None:
        return f"the token of the user {principal.user} is limited, and does not give the role Worker"
    return f"the user {principal.user} does not have the role Worker"


async def wait_for_doubt(subscription: Subscription, longest_s: float) -> None:
    """Wait until somebody's permissions may be others, at most `longest_s` seconds."""
    try:
        async with asyncio.timeout(longest_s):
            await subscription.wait()
    except TimeoutError:
        return


async def check(parts: Parts, connections: Iterable[Authorized]) -> None:
    """Close the connections whose authentication is no longer valid, or no longer enough. Raises Unavailable."""
    asked = {one: one.principal.authentication for one in connections}
    now = parts.clock.now()
    identifiers = {identifier for identifier in asked.values() if identifier is not None}
    if not identifiers:
        return
    valid = await parts.database.read(lambda rows: authentications.valid(rows, identifiers, now))
    for connection, identifier in asked.items():
        if identifier is None:
            continue
        principal = valid.get(identifier)
        reason = GONE if principal is None else refusal(principal)
        if reason is not None:
            connection.close(CloseCode.UNAUTHORIZED, reason)
        elif principal is not None:
            connection.renew(principal)
