"""The desk where passwords are hashed: threads of its own, and a queue that is never long.

    event loop ──► at most 4 at once · at most 32 wait, 8 of one place ──► TooMany
                         │ thread: policy, Argon2, PBKDF2 (the interpreter's lock is released)

Each hash takes 64 MiB and a tenth of a second of a core, so without bounds a few hundred requests
would take the machine. One place cannot take the whole queue from the others.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Final, TypeVar

from orchestra.domain import password as policy
from orchestra.domain.errors import TooMany
from orchestra.domain.user import User
from orchestra.service.parts import Randomness
from orchestra.storage import passwords
from orchestra.storage.passwords import Compute, Hashed

T = TypeVar("T")

AT_ONCE: Final = 4
WAITING: Final = 32
OF_ONE_PLACE: Final = 8
RETRY_AFTER_S: Final = 2


class PasswordDesk:
    """One for each process. `by` computes a hash; who counts computations brings an own one."""

    def __init__(self, random: Randomness, by: Compute = passwords.compute) -> None:
        self._random = random
        self._by = by
        self._pool = ThreadPoolExecutor(min(AT_ONCE, os.cpu_count() or 1), thread_name_prefix="orchestra-passwords")
        self._there: Counter[str] = Counter()

    async def problems(self, password: str, user: User, place: str) -> tuple[str, ...]:
        """Return everything that is wrong with a new password of `user`. Raises TooMany."""
        names = (user.identifier, user.display_name)
        return await self._do(place, lambda: policy.check(password, names, common()))

    async def hash(self, password: str, place: str) -> Hashed:
        """Hash a new password with a salt of its own. Raises TooMany."""
        salt = self._random.randbytes(passwords.SALT_BYTES)
        return await self._do(place, lambda: passwords.make(password, salt, self._by))

    async def is_right(self, password: str, record: Hashed | None, place: str, *, with_pbkdf2: bool) -> bool:
        """Tell whether `password` is that of the record; see `passwords.is_right`. Raises TooMany."""
        return await self._do(place, lambda: passwords.is_right(password, record, with_pbkdf2=with_pbkdf2, by=self._by))

    def close(self) -> None:
        """Let the threads end; what waits is dropped, for nobody hears the answer."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _do(self, place: str, work: Callable[[], T]) -> T:
        if self._there.total() >= AT_ONCE + WAITING or self._there[place] >= OF_ONE_PLACE:
            raise TooMany("too many passwords are being checked already", RETRY_AFTER_S)
        self._there[place] += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._there[place] -= 1
            if not self._there[place]:
                del self._there[place]


@lru_cache(maxsize=1)
def common() -> frozenset[str]:
    """The 30,000 passwords that are tried first. Reading the list takes 150 ms, so a thread does it, when needed."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415

    return frozenset(FREQUENCY_LISTS["passwords"])
