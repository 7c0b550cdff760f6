"""Sign-ins: who may try a password now, so that guessing is hopeless and nobody can lock others out.

    one place, whatever it tries                20 failures a minute
    one user from one place                     5 failures, then 1, 2, 4 … s, 15 min at most
    one user from all places that never
    succeeded with it                           50 failures, then the same delays

The first two hold up only the place that fails. The third stops a guess spread over a thousand
addresses; it would hold up the user too, so a place from which the user has signed in before is
exempt (as OWASP's device cookies are), and tokens and links are never held up by a user's name.
Altogether that leaves an attacker with some 60 guesses in the first hour at one user, and 4 in each
further one, however many addresses there are.

An attempt counts as a failure when it begins and is taken back when it succeeds: otherwise a thousand
attempts at once would all begin before the first one fails.

Rules: names that do not exist are counted like those that do. Nothing is stored: a restart begins
anew, and each server counts by itself. Times are monotonic seconds.
"""

from typing import Final

from orchestra.service.throttle import KEYS, Backoff, Throttle

BAD_SIGN_INS_A_MINUTE: Final = 20
FREE_FAILURES: Final = 5
FREE_FAILURES_EVERYWHERE: Final = 50
LONGEST_DELAY_S: Final = 900
TOLD_A_MINUTE: Final = 60
"""Most refusals that become events in a minute: whoever has many addresses must not fill the table."""


class SignIns:
    """The counts of one process. `place` is `throttle.place` of an address, `user` a name as it was typed."""

    def __init__(self) -> None:
        self._places = Throttle(limit=BAD_SIGN_INS_A_MINUTE, period_s=60.0)
        self._pairs = Backoff(free=FREE_FAILURES, longest_s=LONGEST_DELAY_S)
        self._users = Backoff(free=FREE_FAILURES_EVERYWHERE, longest_s=LONGEST_DELAY_S)
        self._known: dict[str, None] = {}
        self._told = Throttle(limit=1, period_s=60.0)
        self._told_all = Throttle(limit=TOLD_A_MINUTE, period_s=60.0)

    def wait_s(self, place: str, now: float, user: str | None = None) -> int:
        """Return how many seconds `place` has to wait before it may try; with `user`, that user's password."""
        waits = [self._places.wait_s(place, now)]
        if user is not None:
            pair = _pair(user, place)
            waits.append(self._pairs.wait_s(pair, now))
            if pair not in self._known:
                waits.append(self._users.wait_s(user, now))
        return max(waits)

    def failed(self, place: str, now: float) -> None:
        """Count a failure of `place`, whatever it tried."""
        self._places.count(place, now)

    def begin(self, place: str, now: float, user: str) -> None:
        """Count an attempt at the password of `user` as failed until it has succeeded."""
        pair = _pair(user, place)
        self._pairs.count(pair, now)
        if pair not in self._known:
            self._users.count(user, now)

    def withdraw(self, place: str, user: str) -> None:
        """Uncount an attempt that was not decided."""
        pair = _pair(user, place)
        self._pairs.take_back(pair)
        if pair not in self._known:
            self._users.take_back(user)

    def succeeded(self, place: str, user: str) -> None:
        """The attempt succeeded: begin anew, and remember that the user signs in from there."""
        self.withdraw(place, user)
        pair = _pair(user, place)
        self._pairs.forget(pair)
        self._known.pop(pair, None)
        self._known[pair] = None
        while len(self._known) > KEYS:
            del self._known[next(iter(self._known))]

    def may_tell(self, place: str, now: float, user: str) -> bool:
        """Tell whether a refusal is worth an event: one a minute for a user and a place; counts that it became one."""
        pair = _pair(user, place)
        if self._told.wait_s(pair, now) or self._told_all.wait_s("", now):
            return False
        self._told.count(pair, now)
        self._told_all.count("", now)
        return True


def _pair(user: str, place: str) -> str:
    # No address holds a space.
    return f"{place} {user}"
