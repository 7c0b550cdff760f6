"""The desk where passwords are hashed: the same work whatever is wrong, and never too much at once."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from orchestra.domain.errors import TooMany
from orchestra.domain.user import User
from orchestra.service.password_desk import AT_ONCE, OF_ONE_PLACE, WAITING, PasswordDesk, common
from orchestra.storage import passwords
from orchestra.storage.passwords import ARGON2, PBKDF2, Hashed

T = TypeVar("T")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HERE = "192.0.2.1"


class Counting:
    """Counts the computations, and makes a cheap one of each: what is compared is who has to do how many."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()

    def __call__(self, password: bytes, record: Hashed) -> bytes:
        self.done[record.hash_function] += 1
        return b"hash of " + password


def desk_of(scenario: Callable[[PasswordDesk], Awaitable[T]], by: passwords.Compute) -> T:
    async def whole() -> T:
        desk = PasswordDesk(random.SystemRandom(), by)
        try:
            return await asyncio.wait_for(scenario(desk), 20)
        finally:
            desk.close()

    return asyncio.run(whole())


ARGON = Hashed(
    hash_function=ARGON2,
    hash_function_parameters=passwords.DEFAULTS,
    hash_function_salt="00" * 16,
    secret=b"hash of right".hex(),
)
OLD = replace(ARGON, hash_function=PBKDF2, hash_function_parameters={"hash_name": "sha256", "iterations": 1_000_000})
BEYOND = replace(ARGON, hash_function_parameters={**passwords.DEFAULTS, "memory_cost": 1 << 24})
UNKNOWN = replace(ARGON, hash_function="md5")


@pytest.mark.parametrize("with_pbkdf2", [False, True])
def test_s01_whatever_is_wrong_the_same_is_computed(with_pbkdf2: bool) -> None:
    work = []
    for record in (None, ARGON, BEYOND, UNKNOWN, *((OLD,) if with_pbkdf2 else ())):
        by = Counting()
        right = desk_of(lambda desk, one=record: desk.is_right("wrong", one, HERE, with_pbkdf2=with_pbkdf2), by)  # type: ignore[misc]
        assert not right
        work.append(by.done)
    expected = {ARGON2: 1, PBKDF2: 1} if with_pbkdf2 else {ARGON2: 1}
    assert work == [expected] * len(work)


@pytest.mark.parametrize("record", [ARGON, OLD])
def test_the_right_password_is_right(record: Hashed) -> None:
    assert desk_of(lambda desk: desk.is_right("right", record, HERE, with_pbkdf2=True), Counting())


@pytest.mark.parametrize("record", [None, BEYOND, UNKNOWN, replace(ARGON, secret=""), replace(ARGON, secret="zz")])
def test_what_is_no_usable_record_fits_no_password(record: Hashed | None) -> None:
    assert not desk_of(lambda desk: desk.is_right("right", record, HERE, with_pbkdf2=False), Counting())


class Held:
    """A computation that lasts until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.at_once = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, password: bytes, record: Hashed) -> bytes:
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        assert self.go.wait(20)
        with self._lock:
            self.at_once -= 1
        return password


def test_s06_the_queue_is_bounded_and_one_place_cannot_take_it_all() -> None:
    held = Held()

    async def scenario(desk: PasswordDesk) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(OF_ONE_PLACE):
                group.create_task(desk.hash(str(number), HERE))
            await asyncio.sleep(0)
            with pytest.raises(TooMany):
                await desk.hash("one more", HERE)
            for number in range(AT_ONCE + WAITING - OF_ONE_PLACE):
                group.create_task(desk.hash(str(number), f"203.0.113.{number}"))
            await asyncio.sleep(0)
            with pytest.raises(TooMany) as refused:
                await desk.hash("one more", "198.51.100.7")
            assert refused.value.retry_after_s >= 1
            held.go.set()
        assert await desk.hash("again", HERE)

    desk_of(scenario, held)
    assert 1 <= held.most <= AT_ONCE


def test_hashing_happens_on_threads_of_its_own_and_the_loop_goes_on() -> None:
    held = Held()

    async def scenario(desk: PasswordDesk) -> Hashed:
        hashing = asyncio.ensure_future(desk.hash("right", HERE))
        turns = 0
        while not held.at_once:
            turns += 1
            await asyncio.sleep(0)
        held.go.set()
        return await hashing

    assert desk_of(scenario, held).secret == b"right".hex()


def test_every_hash_has_a_salt_of_its_own() -> None:
    async def scenario(desk: PasswordDesk) -> set[str | None]:
        return {(await desk.hash("right", HERE)).hash_function_salt for _ in range(20)}

    salts = desk_of(scenario, Counting())
    assert len(salts) == 20
    assert {len(bytes.fromhex(salt or "")) for salt in salts} == {passwords.SALT_BYTES}


def test_the_policy_knows_the_user_and_the_common_list() -> None:
    user = User(identifier="lovelace", display_name="Ada", creation_date=NOW, update_date=NOW)

    async def scenario(desk: PasswordDesk) -> list[tuple[str, ...]]:
        return [await desk.problems(one, user, HERE) for one in ("lovelace-1815", "1qaz2wsx3edc", "fine and long one")]

    names, listed, fine = desk_of(scenario, Counting())
    assert "beside lovelace" in names[0]
    assert "common" in listed[0]
    assert fine == ()
    assert len(common()) == 30_000
