"""Retrying: which requests are sent again, how often and after which pause. It decides; others wait.

    sent again                    GET, PUT, DELETE and what is marked repeatable: connection broken, 502, 503, 504
                                  everything: connection never came about (nothing was sent), 429
    not sent again                what timed out (`timeout_s` is the caller's limit); a certificate that does not fit;
                                  other POSTs and PATCHes of which nobody knows whether they were carried out

A repeated DELETE that finds nothing has been carried out. A repeated PUT with If-Match that no longer
fits may have been carried out by its first attempt, and says so (OutcomeUnknown).
"""

import math
import random
import ssl
import time
from collections.abc import Callable
from typing import Final

import httpx

from orchestra.client.options import ALIVE_S, QUIET_S
from orchestra.client.problems import retry_after_s
from orchestra.domain.errors import OrchestraError, OutcomeUnknown, Unavailable

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
LONGEST_RETRY_AFTER_S: Final = 30.0
"""A server that asks to come back later than that is told to the caller instead: nobody should wonder why it hangs."""

_REPEATABLE_METHODS: Final = frozenset({"GET", "PUT", "DELETE"})
_GATEWAY_STATUSES: Final = frozenset({502, 503, 504})
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_HOPELESS: Final = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


class Attempts:
    """The attempts of one request: at most `retries` after the first.

    `is_repeatable` says whether repeating what may have been done does no harm; None: as the method promises.
    """

    def __init__(self, server: str, method: str, retries: int, *, is_repeatable: bool | None) -> None:
        self._server = server
        self._method = method
        self._retries = retries
        self._is_repeatable = method in _REPEATABLE_METHODS if is_repeatable is None else is_repeatable
        self._pause_s = FIRST_PAUSE_S
        self._may_be_done = False

    def pause_after_error(self, error: httpx.TransportError) -> float:
        """How many seconds to wait before the next attempt. Raises Unavailable or OutcomeUnknown when there is none."""
        was_sent = not isinstance(error, _NEVER_SENT)
        self._may_be_done |= was_sent
        is_hopeless = isinstance(error, (httpx.TimeoutException, *_HOPELESS)) or is_certificate_error(error)
        if is_hopeless or (was_sent and not self._is_repeatable) or not self._retries:
            raise self._gave_up(error) from error
        return self._next_pause()

    def pause_after_answer(self, answer: httpx.Response) -> float | None:
        """How many seconds to wait before the next attempt; None when this answer is the one to keep."""
        status = answer.status_code
        asked_s = retry_after_s(answer)
        is_busy = status == 429 or (status in _GATEWAY_STATUSES and self._is_repeatable)
        if not is_busy or not self._retries or (asked_s or 0.0) > LONGEST_RETRY_AFTER_S:
            return None
        # Of 502 and 504 nobody knows what the server behind made of it.
        self._may_be_done |= status in _GATEWAY_STATUSES
        return max(self._next_pause(), asked_s or 0.0)

    def was_done_before(self, answer: httpx.Response) -> bool:
        """Tell whether an earlier attempt of a DELETE did what this one found no longer to do."""
        return self._may_be_done and self._method == "DELETE" and answer.status_code == 404

    def doubt(self, answer: httpx.Response) -> OrchestraError | None:
        """Return the error for a PUT whose own first attempt may be why its If-Match no longer fits."""
        if not (self._may_be_done and self._method == "PUT" and answer.status_code == 412):
            return None
        return OutcomeUnknown("the connection broke, and If-Match no longer fits: read again to see whose change holds")

    def _next_pause(self) -> float:
        self._retries -= 1
        pause_s = jittered(self._pause_s)
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        return pause_s

    def _gave_up(self, error: httpx.TransportError) -> Unavailable:
        if self._may_be_done and self._method != "GET":
            return OutcomeUnknown(
                f"{self._server} broke off without an answer ({reason(error)}): it may have been done"
            )
        return Unavailable(f"{self._server} does not answer: {reason(error)}")


Tell = Callable[[Unavailable | None], object]
"""Is told why the server does not answer, once for each time that it stays away; None when it answers again."""


class Patience:
    """How long a stream is opened again while the server does not answer: pauses that grow, up to a limit of seconds.

    An upgrade or a restart takes less than `limit_s`; what comes from the server renews the patience. A stream that
    breaks and is there again at the next attempt is nothing to `tell`.
    """

    def __init__(self, limit_s: float, tell: Tell | None = None) -> None:
        self._limit_s = limit_s
        self._tell = tell
        self._is_told = False
        self.renew()

    def renew(self) -> None:
        """The server spoke."""
        self._end: float | None = None
        self._pause_s = FIRST_PAUSE_S
        if self._is_told and self._tell is not None:
            self._is_told = False
            self._tell(None)

    def pause_s(self, error: Unavailable) -> float:
        """How many seconds to wait before the next attempt; raises `error` once the limit is reached."""
        now = time.monotonic()
        if self._end is None:
            self._end = now + self._limit_s
            # Nothing for as long as a timeout takes is no stream that only broke.
            is_away = isinstance(error.__cause__, httpx.TimeoutException)
        else:
            is_away = True
        if is_away and self._tell is not None and not self._is_told:
            self._is_told = True
            self._tell(error)
        if now >= self._end:
            raise error
        pause_s = min(jittered(self._pause_s), self._end - now)
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        return pause_s


class Deadline:
    """When who waits wants to wait no longer: `limit_s` from now, or never."""

    def __init__(self, limit_s: float | None) -> None:
        self._limit_s = limit_s
        self._end = math.inf if limit_s is None else time.monotonic() + limit_s

    def left_s(self) -> float:
        """How many seconds are left. Raises TimeoutError when none are."""
        left_s = self._end - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(f"no end after {self._limit_s:g} s")
        return left_s

    def quiet_s(self) -> float:
        """How long the next stream may be silent."""
        return min(QUIET_S, self.left_s())

    def needs_shorter(self, quiet_s: float) -> bool:
        """Tell whether a stream that may be silent for `quiet_s` would be heard again only after the deadline."""
        return quiet_s > ALIVE_S > self.left_s()

    def shortened(self, pause_s: float) -> float:
        """A pause that ends with the deadline."""
        return min(pause_s, self.left_s())


def jittered(pause_s: float) -> float:
    """Between half and all of it: a thousand clients that lost one server must not come back at one instant."""
    return pause_s * random.uniform(0.5, 1.0)


def reason(error: httpx.TransportError) -> str:
    """Why, in words; errors of some kinds have none of their own."""
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__


def is_certificate_error(error: BaseException) -> bool:
    """Tell whether a TLS certificate was refused, here or there: that does not pass by itself."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
