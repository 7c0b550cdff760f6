"""S-03: who may no longer connect is disconnected: within seconds, at the instant of an expiration, with a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from orchestra.domain.access import Principal
from orchestra.domain.run import RunStatus
from orchestra.storage import authentications, hints, users
from orchestra.wire import messages as m
from support import stored
from support.conversation import held, run_id, started
from support.master_world import WorkerEnd, World, pass_time, settle, story

TOKEN = run_id(77)
MACHINES = Principal(user="machines", roles=("Worker",), authentication=TOKEN)
CLOSED_WITHIN_S = 5.0


async def connected(world: World, life_s: float | None = None) -> WorkerEnd:
    """A worker that came with the token `TOKEN` of the user `machines`, which lives `life_s` seconds."""
    await world.furnish()
    now = world.clock.now()
    expires = None if life_s is None else now + timedelta(seconds=life_s)

    def make(rows: Connection) -> None:
        authentications.create_token(rows, "machines", TOKEN, bytes(32), now, expiration_date=expires)

    await world.write(make)
    return await world.connect(principal=replace(MACHINES, expiration_date=expires))


def closed(worker: WorkerEnd) -> tuple[int, str]:
    assert worker.transport.closed is not None, "it is still connected"
    return worker.transport.closed


def delete_token(rows: Connection, world: World) -> None:
    authentications.delete(rows, "machines", TOKEN, world.clock.now())


def disable(rows: Connection, world: World) -> None:
    users.save(rows, stored.a_user("machines", roles=("Worker",), is_enabled=False), world.clock.now())


def take_the_role(rows: Connection, world: World) -> None:
    users.save(rows, stored.a_user("machines", roles=("Viewer",)), world.clock.now())


def limit(rows: Connection, world: World) -> None:
    del world
    found = authentications.get(rows, TOKEN)
    assert found is not None
    authentications.save(rows, replace(found, roles=("Viewer",)))


def expire(rows: Connection, world: World) -> None:
    found = authentications.get(rows, TOKEN)
    assert found is not None
    authentications.save(rows, replace(found, expiration_date=world.clock.now()))


LOSSES: dict[Callable[[Connection, World], None], str] = {
    delete_token: "expired or was deleted",
    disable: "the user machines is disabled",
    take_the_role: "the user machines does not have the role Worker",
    limit: "limited",
    expire: "expired or was deleted",
}


@pytest.mark.parametrize("lose", LOSSES)
@pytest.mark.parametrize("is_hinted", [True, False])
def test_s03_a_worker_that_may_no_longer_connect_is_told_why(
    lose: Callable[[Connection, World], None], is_hinted: bool, tmp_path: Path
) -> None:
    async def tell(world: World) -> None:
        worker = await connected(world)
        await pass_time(60)
        assert worker.closed is None
        await world.write(lambda rows: lose(rows, world), *([hints.ACCESS] if is_hinted else []))
        if not is_hinted:
            await pass_time(CLOSED_WITHIN_S)
        code, reason = closed(worker)
        assert code == m.CloseCode.UNAUTHORIZED
        assert LOSSES[lose] in reason
        assert not (await world.worker()).is_active

    story(tell)(tmp_path)


@story
async def test_a_session_ends_at_the_instant_at_which_its_token_expires(world: World) -> None:
    worker = await connected(world, life_s=100.5)
    await pass_time(100.4)
    assert worker.closed is None
    await pass_time(0.11)
    assert closed(worker) == (m.CloseCode.UNAUTHORIZED, "the token has expired or was deleted")


@story
async def test_an_expiration_that_is_brought_forward_counts(world: World) -> None:
    worker = await connected(world, life_s=86_400 * 365)
    soon = world.clock.now() + timedelta(seconds=30.5)

    def bring_forward(rows: Connection) -> None:
        found = authentications.get(rows, TOKEN)
        assert found is not None
        authentications.save(rows, replace(found, expiration_date=soon))

    await world.write(bring_forward, hints.ACCESS)
    await pass_time(30.4)
    assert worker.closed is None
    await pass_time(0.11)
    assert closed(worker)[0] == m.CloseCode.UNAUTHORIZED


@story
async def test_an_expiration_that_is_put_off_counts(world: World) -> None:
    worker = await connected(world, life_s=30)

    def put_off(rows: Connection) -> None:
        found = authentications.get(rows, TOKEN)
        assert found is not None
        authentications.save(rows, replace(found, expiration_date=None))

    await world.write(put_off, hints.ACCESS)
    await pass_time(3600)
    assert worker.closed is None


@story
async def test_a_connection_that_has_not_said_hello_is_looked_at_too(world: World) -> None:
    await connected(world)
    silent = world.new_worker(worker="silent")
    silent.is_silent = True
    silent.connect_now(MACHINES)
    await settle()
    await world.write(lambda rows: delete_token(rows, world), hints.ACCESS)
    assert silent.transport.closed is not None


@story
async def test_the_others_stay(world: World) -> None:
    worker = await connected(world)
    other = await world.connect("other", principal=Principal(user="machines", roles=("Worker",)))
    await world.write(lambda rows: delete_token(rows, world), hints.ACCESS)
    assert worker.transport.closed is not None
    assert other.transport.closed is None


@story
async def test_its_runs_go_on_and_are_delivered_with_a_token_that_holds(world: World) -> None:
    worker = await connected(world)
    await world.trigger()
    await worker.say(started())
    await world.write(lambda rows: delete_token(rows, world), hints.ACCESS)
    assert (await world.run()).status is RunStatus.RUNNING
    again = await world.connect(held=(held(),))
    await again.say(started())
    await again.carry_out(log=b"done")
    assert (await world.run()).status is RunStatus.SUCCEEDED


@story
async def test_a_connection_that_lasts_uses_its_token_all_the_time(world: World) -> None:
    await connected(world, life_s=86_400 * 365)
    await pass_time(3600)
    found = await world.read(lambda rows: authentications.get(rows, TOKEN))
    assert found is not None
    assert found.last_use_date is not None
    assert world.clock.now() - found.last_use_date < timedelta(minutes=3)
