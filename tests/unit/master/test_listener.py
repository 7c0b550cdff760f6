"""The workers' address: who is let in, and what the others are told before anything is accepted."""

import asyncio
import json
from typing import Any

from sqlalchemy import Connection

from orchestra.domain.access import TokenKind
from orchestra.domain.errors import Unavailable
from orchestra.master.listener import CLOSE_REASON_BYTES, Listener
from orchestra.storage import authentications, users
from orchestra.storage.database import Moment
from orchestra.wire import codec
from orchestra.wire import messages as m
from support import stored
from support.conversation import hello, run_id
from support.master_world import World, settle, story


class Browserless:
    """A client of the ASGI application: what it sends and what it gets."""

    def __init__(self, world: World, headers: dict[str, str], extensions: dict[str, Any] | None = None) -> None:
        self.scope: dict[str, Any] = {
            "type": "websocket",
            "path": "/api/v1/workers/connect",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "extensions": {"websocket.http.response": {}} if extensions is None else extensions,
        }
        self.to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.got: list[dict[str, Any]] = []
        self.to_server.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(self._serve(Listener(world.master)))

    async def _serve(self, listener: Listener) -> None:
        async def send(message: Any) -> None:
            self.got.append(message)

        await listener(self.scope, self.to_server.get, send)

    @property
    def status(self) -> int:
        return int(self.got[0]["status"])

    @property
    def problem(self) -> Any:
        return json.loads(self.got[1]["body"])


async def a_token(world: World, role: str = "Worker", **values: Any) -> str:
    await world.furnish()

    def make(connection: Connection) -> str:
        now = world.clock.now()
        users.save(connection, stored.a_user("machines", roles=(role,)), now)
        _, text = authentications.create_token(
            connection, "machines", run_id(5), bytes(32), now, kind=TokenKind.WORKER, **values
        )
        return text

    return await world.write(make)


@story
async def test_a_worker_with_a_token_is_accepted_and_served(world: World) -> None:
    token = await a_token(world)
    client = Browserless(world, {"Authorization": f"Bearer {token}"})
    client.to_server.put_nowait({"type": "websocket.receive", "bytes": codec.encode([hello()])})
    await settle()
    assert client.got[0] == {"type": "websocket.accept"}
    (welcome,) = codec.decode_master_frame(client.got[1]["bytes"])
    assert isinstance(welcome, m.Welcome)
    assert (await world.worker("builder")).owner == "machines"
    client.to_server.put_nowait({"type": "websocket.disconnect", "code": 1006})
    await client.task
    assert not (await world.worker("builder")).is_active


@story
async def test_a_text_frame_is_refused_with_a_reason(world: World) -> None:
    token = await a_token(world)
    client = Browserless(world, {"Authorization": f"Bearer {token}"})
    client.to_server.put_nowait({"type": "websocket.receive", "text": "hello"})
    await client.task
    assert client.got[-1]["type"] == "websocket.close"
    assert client.got[-1]["code"] == m.CloseCode.VIOLATION


@story
async def test_without_a_token_the_answer_is_401_and_says_what_is_expected(world: World) -> None:
    for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}):
        client = Browserless(world, headers)
        await client.task
        assert client.status == 401
        assert (b"www-authenticate", b'Bearer realm="orchestra"') in client.got[0]["headers"]
        assert "Bearer TOKEN" in client.problem["detail"]


@story
async def test_a_token_that_is_unknown_or_expired_is_401(world: World) -> None:
    token = await a_token(world, expiration_date=world.clock.now())
    for text in ("nonsense", token, "zz\x80"):
        client = Browserless(world, {"Authorization": f"Bearer {text}"})
        await client.task
        assert (client.status, client.problem["status"]) == (401, 401)


@story
async def test_a_user_without_the_role_is_403(world: World) -> None:
    token = await a_token(world, role="Administrator")
    client = Browserless(world, {"Authorization": f"Bearer {token}"})
    await client.task
    assert client.status == 403
    assert "role Worker" in client.problem["detail"]


@story
async def test_a_disabled_user_is_403_and_the_reason_says_so(world: World) -> None:
    token = await a_token(world)
    disabled = stored.a_user("machines", roles=("Worker",), is_enabled=False)
    await world.write(lambda connection: users.save(connection, disabled, world.clock.now()))
    client = Browserless(world, {"Authorization": f"Bearer {token}"})
    await client.task
    assert (client.status, client.problem["detail"]) == (403, "the user machines is disabled")


@story
async def test_a_browser_is_refused_whatever_its_token(world: World) -> None:
    token = await a_token(world)
    for header in ("Origin", "Cookie"):
        client = Browserless(world, {"Authorization": f"Bearer {token}", header: "x"})
        await client.task
        assert client.status == 403


@story
async def test_a_database_that_does_not_answer_is_503(world: World) -> None:
    token = await a_token(world)

    def fail(moment: Moment) -> None:
        raise Unavailable("a moment")

    world.fails = fail
    client = Browserless(world, {"Authorization": f"Bearer {token}"})
    await client.task
    assert client.status == 503
    world.fails = lambda moment: None


@story
async def test_where_the_server_cannot_answer_by_http_the_connection_is_closed_with_the_reason(world: World) -> None:
    client = Browserless(world, {}, extensions={})
    await client.task
    (close,) = client.got
    assert close["type"] == "websocket.close"
    assert "Bearer TOKEN" in close["reason"]


@story
async def test_while_the_master_starts_or_stops_a_worker_is_told_to_come_back(world: World) -> None:
    token = await a_token(world)
    await world.stop()
    client = Browserless(world, {"Authorization": f"Bearer {token}"})
    await client.task
    assert client.got[-1]["code"] == m.CloseCode.TRY_LATER
    assert len(client.got[-1]["reason"].encode()) <= CLOSE_REASON_BYTES
