"""S-03 in virtual time: what stays open ends with the access to it, also when every hint and every event was lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, update

from orchestra.domain.access import Permission, TokenKind
from orchestra.domain.errors import Unavailable
from orchestra.domain.placement import Assignment
from orchestra.domain.run import GivenBack
from orchestra.service import event_stream, log_stream
from orchestra.service.access_watch import AccessEndedError, AccessWatch, cut_off
from orchestra.service.app import ServiceApp, create_app
from orchestra.storage import authentications, jobs, projects, runs, schema, tokens, users, workers
from orchestra.storage.artifact_store import ArtifactStore
from orchestra.storage.database import InlineDatabase, Moment
from orchestra.storage.hints import Hints
from orchestra.storage.logs import LogStore
from support import stored
from support.conversation import run_id
from support.virtual_time import VirtualClock, pass_time, run_virtually, settle

RUN, TOKEN = run_id(1), run_id(77)
CLOSED_WITHIN_S = 5.0


@dataclass
class Service:
    """A service whose database is in memory, with a user `ada`, her token and a pending run."""

    app: ServiceApp
    clock: VirtualClock
    database: InlineDatabase
    scope: dict[str, Any]

    def stream(self, kind: str, access: AccessWatch) -> AsyncIterator[bytes]:
        if kind == "log":
            return log_stream.follow(self.app.parts, RUN, 0, access)
        return event_stream.follow(self.app.parts, None, event_stream.read_topics(["projects"]), access)

    async def watch(self, permission: Permission) -> AccessWatch:
        caller = await self.app.parts.authenticator.authenticate(self.scope)
        return AccessWatch(self.app.parts, self.scope, caller, permission, "web")


def told(
    folder: Path,
    story: Callable[[Service], Awaitable[None]],
    *,
    life_s: float | None = None,
    fails: Callable[[Moment], None] = lambda moment: None,
) -> None:
    """Run `story` with a service in virtual time; ada's token lives `life_s` seconds."""

    async def tell() -> None:
        loop = asyncio.get_running_loop()
        clock, hints, database = VirtualClock(loop), Hints(), InlineDatabase(fails)
        app = create_app(
            database=database,
            logs=LogStore(folder / "logs", database, offload=_at_once),
            artifacts=ArtifactStore(folder / "artifacts", database, offload=_at_once),
            hints=hints,
            clock=clock,
            random=random.Random(1),
        )

        def furnish(rows: Connection) -> str:
            now = clock.now()
            projects.save(rows, stored.a_project(), now)
            jobs.save(rows, stored.a_job(), now)
            runs.insert(rows, stored.a_new_run(identifier=RUN), now)
            users.save(rows, stored.a_user("ada", roles=("Viewer",)), now)
            expires = None if life_s is None else now + timedelta(seconds=life_s)
            return authentications.create_token(rows, "ada", TOKEN, bytes(32), now, expiration_date=expires)[1]

        token = await database.write(furnish)
        scope = {
            "type": "http",
            "method": "GET",
            "client": ("127.0.0.1", 1),
            "headers": [(b"authorization", f"Bearer {token}".encode())],
        }
        async with app.running():
            await story(Service(app, clock, database, scope))

    run_virtually(tell())


async def _at_once(function: Callable[[], Any]) -> Any:
    return function()


async def end_of(pieces: AsyncIterator[bytes], clock: VirtualClock) -> datetime:
    """When the stream ended."""
    async for _ in pieces:
        pass
    return clock.now()


def disable(rows: Connection) -> None:
    """Past everything that would tell anybody."""
    rows.execute(update(schema.user).values(is_enabled=False))


def take_roles(rows: Connection) -> None:
    rows.execute(update(schema.user).values(roles=("Viewer@other",)))


NEEDS = {"log": Permission.RUN_READ, "events": Permission.EVENT_READ}


@pytest.mark.parametrize("kind", NEEDS)
def test_a_stream_ends_at_the_instant_at_which_the_token_expires(kind: str, tmp_path: Path) -> None:
    async def story(service: Service) -> None:
        access = await service.watch(NEEDS[kind])
        ended = await end_of(service.stream(kind, access), service.clock)
        assert ended - service.clock.start == pytest.approx(timedelta(seconds=61.5), abs=timedelta(seconds=0.01))

    told(tmp_path, story, life_s=61.5)


@pytest.mark.parametrize("lose", [disable, take_roles])
@pytest.mark.parametrize("kind", NEEDS)
def test_s03_a_stream_ends_within_5_seconds_though_nobody_was_told(
    kind: str, lose: Callable[[Connection], None], tmp_path: Path
) -> None:
    async def story(service: Service) -> None:
        access = await service.watch(NEEDS[kind])
        ending = asyncio.ensure_future(end_of(service.stream(kind, access), service.clock))
        # Just after a look, and while another request has the caller remembered: the worst moment.
        await pass_time(4.05)
        await service.app.parts.authenticator.authenticate(service.scope)
        lost = service.clock.now()
        await service.database.write(lose)
        assert await ending - lost <= timedelta(seconds=CLOSED_WITHIN_S)

    told(tmp_path, story)


@pytest.mark.parametrize("kind", NEEDS)
def test_a_stream_ends_at_once_when_another_server_has_disabled_the_user(kind: str, tmp_path: Path) -> None:
    async def story(service: Service) -> None:
        access = await service.watch(NEEDS[kind])
        ending = asyncio.ensure_future(end_of(service.stream(kind, access), service.clock))
        await pass_time(1.7)
        changed = service.clock.now()
        wanted = stored.a_user("ada", roles=("Viewer",), is_enabled=False)
        await service.database.write(lambda rows: users.save(rows, wanted, changed))
        assert await ending - changed <= timedelta(seconds=1.1)

    told(tmp_path, story)


def test_s14_what_a_run_follows_ends_with_the_run(tmp_path: Path) -> None:
    secret, parent = b"s" * tokens.SECRET_BYTES, run_id(2)

    async def story(service: Service) -> None:
        now = service.clock.now()

        def begin(rows: Connection) -> None:
            workers.connect(rows, stored.a_hello(), "ada", now)
            runs.insert(rows, stored.a_new_run(identifier=parent), now)
            one = Assignment(run=parent, epoch=0, worker="w1", worker_properties={})
            assert runs.claim(rows, [one], now, {parent: tokens.digest(secret)})

        await service.database.write(begin)
        bearer = f"Bearer {tokens.make(TokenKind.RUN, parent, secret)}"
        service.scope["headers"] = [(b"authorization", bearer.encode())]
        access = await service.watch(Permission.RUN_READ)
        ending = asyncio.ensure_future(end_of(service.stream("log", access), service.clock))
        await pass_time(60)
        over = service.clock.now()
        await service.database.write(lambda rows: runs.record(rows, parent, GivenBack(epoch=1, reason="full"), over))
        assert await ending - over <= timedelta(seconds=CLOSED_WITHIN_S)

    told(tmp_path, story)


def test_a_download_is_cut_where_the_access_ends(tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            await pass_time(1)
            yield b"x"

    async def story(service: Service) -> None:
        access = await service.watch(Permission.RUN_READ)
        with pytest.raises(AccessEndedError):
            await end_of(cut_off(pieces(), access), service.clock)
        assert service.clock.now() - service.clock.start < timedelta(seconds=11.1)

    told(tmp_path, story, life_s=10)


def test_a_database_that_does_not_answer_takes_nothing_from_anybody_but_time_does(tmp_path: Path) -> None:
    is_away = False

    def fail(moment: Moment) -> None:
        if is_away:
            raise Unavailable("a moment")

    async def story(service: Service) -> None:
        nonlocal is_away
        access = await service.watch(Permission.RUN_READ)
        is_away = True
        await pass_time(20)
        assert await access.holds()
        await pass_time(11)
        assert not await access.holds()
        is_away = False

    told(tmp_path, story, life_s=30, fails=fail)


def test_an_access_holds_for_ever_when_nothing_changes(tmp_path: Path) -> None:
    async def story(service: Service) -> None:
        access = await service.watch(Permission.EVENT_READ)
        async with aclosing(service.stream("events", access)) as stream:  # type: ignore[type-var]
            pieces = [await anext(stream) for _ in range(20)]
        assert len(pieces) == 20
        await settle()

    told(tmp_path, story, life_s=86_400)
