"""S-11: every route × every method × every caller × own and other projects: what the table says is what happens.

`access_table` has the routes and the callers; its oracle reads the table of roles by itself. One service
answers all of it: bodies are wrong on purpose and tags are stale, so nothing is changed. Whatever is hidden
is compared with what does not exist: the answers must be the same but for the name.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from litestar.handlers import HTTPRouteHandler
from websockets.exceptions import ConnectionClosed

from integration.service.access_table import CALLERS, CELLS, NOWHERE, OTHER, OWN, ROWS, Caller, Row, oracle
from integration.service.rig import WAIT_S, Rig, running
from integration.service.test_live import Live, open_socket
from orchestra.config import ServerSettings
from orchestra.domain.access import TokenKind
from orchestra.domain.placement import Assignment
from orchestra.domain.run import Started
from orchestra.master.app import Master
from orchestra.master.listener import Listener
from orchestra.service.app import create_litestar
from orchestra.service.authorization import PERMISSION
from orchestra.storage import runs, tokens

SECRET = b"s" * tokens.SECRET_BYTES
MISSING_RUN = "00000000-0000-4000-8000-00000000dead"
CHANGING = frozenset({"date", "orchestra-request-id", "content-length"})
"""Headers that differ between two answers that say the same."""


@dataclass
class World:
    """`runs` maps a target to its run: the caller's own, another one of its project, another project's, none."""

    rig: Rig
    tokens: dict[str, str | None]
    runs: dict[str, str]
    listener: Listener


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        # Callers without a valid token ask hundreds of times.
        patch.setattr("orchestra.service.authentication.BAD_TOKENS_A_MINUTE", 1_000_000)
        with running(tmp_path_factory.mktemp("matrix")) as rig:
            found = {
                target: _furnish(rig, project) for target, project in ((OWN, OWN), ("foreign", OWN), (OTHER, OTHER))
            }
            rig.worker("w9")
            rig.api.put("/api/v1/users/u9", json={}).raise_for_status()
            yield World(rig, _tokens(rig, found[OWN]), {**found, NOWHERE: MISSING_RUN}, _listener(rig))


def _furnish(rig: Rig, project: str) -> str:
    """A project with everything in it, and one more running run, which has a token and two lines of log."""
    rig.job(project=project)
    schedule = {"job": "build", "expression": "0 3 * * *"}
    rig.api.put(f"/api/v1/projects/{project}/schedules/nightly", json=schedule).raise_for_status()
    rig.worker("w1", concurrency=100)
    run = str(rig.trigger(project=project)["identifier"])
    one = Assignment(run=run, epoch=0, worker="w1", worker_properties={})
    now = rig.clock.now()
    rig.write(lambda rows: runs.claim(rows, [one], now, {run: tokens.digest(SECRET)}))
    rig.write(lambda rows: runs.record(rows, run, Started(epoch=1, date=now), now))
    rig.append(run, b"one\ntwo\n")
    return run


def _tokens(rig: Rig, run: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    ended = _furnish(rig, OWN)
    rig.finish(ended)
    soon = (rig.clock.now() + timedelta(minutes=5)).isoformat()
    for caller in CALLERS:
        if caller.is_anonymous:
            found[caller.name] = None
        elif caller.is_run:
            found[caller.name] = tokens.make(TokenKind.RUN, ended if caller.is_dead else run, SECRET)
        else:
            found[caller.name] = _token(rig, caller, soon)
    rig.clock.ahead = timedelta(minutes=6)
    return found


def _token(rig: Rig, caller: Caller, soon: str) -> str:
    path = f"/api/v1/users/{caller.name}"
    # The roles come in the end: a limit must fit what its user has when it is made.
    rig.api.put(path, json={"roles": ["Administrator", "Worker"]}).raise_for_status()
    body: dict[str, Any] = {} if caller.limit is None else {"roles": list(caller.limit)}
    body |= {"expiration_date": soon} if caller.name == "expired" else {}
    made = rig.api.post(f"{path}/authentications", json=body)
    made.raise_for_status()
    rig.api.put(path, json={"roles": list(caller.roles), "is_enabled": caller.is_enabled}).raise_for_status()
    if caller.name == "deleted":
        rig.api.delete(f"{path}/authentications/{made.json()['identifier']}").raise_for_status()
    return str(made.json()["secret"])


def _listener(rig: Rig) -> Listener:
    """The workers' address, of a master that does not run: it says who would be let in."""
    settings = ServerSettings()
    return Listener(
        Master(
            database=rig.database,
            logs=rig.logs,
            artifacts=rig.artifacts,
            hints=rig.hints,
            clock=rig.clock,
            random=rig.app.parts.random,
            settings=settings,
        )
    )


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def told(self, *names: str) -> tuple[int, dict[str, str], str]:
        """What it says, but for the name of what was asked for, and for what differs every time."""
        text = self.body.decode()
        for name in names:
            text = text.replace(name, "?")
        if self.headers.get("content-type") == "application/problem+json":
            problem = json.loads(text or "{}")
            problem.pop("request_id", None)
            text = json.dumps(problem)
        return self.status, {name: value for name, value in self.headers.items() if name not in CHANGING}, text


class Asker:
    """Asks as one caller, over one connection that is kept."""

    def __init__(self, world: World, caller: Caller) -> None:
        self._world = world
        self._token = world.tokens[caller.name]
        self._connection = http.client.HTTPConnection("127.0.0.1", world.rig.port, timeout=WAIT_S)

    def close(self) -> None:
        self._connection.close()

    def ask(self, method: str, row: Row, target: str | None) -> Answer:
        if row.method == "TOPIC":
            return self._topic(row, target)
        if row.method == "WS":
            return self._socket(row)
        # Of a run only its row tells the project, which is read after the body: there the body must fit.
        kind, body = ("application/json", b"{}") if row.kind == "run" else ("text/plain", b"[]")
        if row.path.endswith("/close"):
            body = b'{"reason": "sold"}'
        headers = {"If-Match": '"stale"', "Content-Type": kind}
        headers |= {} if self._token is None else {"Authorization": f"Bearer {self._token}"}
        self._connection.request(method, self._fill(row.path, target), None if row.method == "GET" else body, headers)
        answer = self._connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        if row.is_stream and method == "GET" and answer.status == 200:
            answer.close()
            self._connection.close()
            return Answer(200, found, b"")
        return Answer(answer.status, found, answer.read())

    def names(self, target: str | None) -> tuple[str, ...]:
        """What only the name of the target is in an answer."""
        return () if target is None else (target, self._world.runs[target])

    def _fill(self, path: str, target: str | None) -> str:
        return path.format(
            project=OWN if target == "foreign" else target,
            run=self._world.runs.get(target or ""),
            job="build",
            schedule="nightly",
            number=1,
            revision=1,
            line=1,
            path="dist/a",
            worker="w9",
            user="u9",
            identifier="i9",
        )

    def _topic(self, row: Row, target: str | None) -> Answer:
        topic, at, argument = row.path.partition("@")
        headers = {} if self._token is None else {"Authorization": f"Bearer {self._token}"}
        with open_socket(self._world.rig, headers) as socket:
            connection = Live(socket)
            if self._token is None or connection_is_refused(connection):
                return Answer(401, {}, b"")
            connection.sub(self._fill(topic, target), args={argument: target} if at else {})
            found = connection.until(lambda message: message.get("id") == "s")
            problem = found.get("problem") or {"status": 200}
            return Answer(problem["status"], {}, json.dumps(problem).encode())

    def _socket(self, row: Row) -> Answer:
        if row.path.endswith("/live"):
            # Whoever may not is told by a code: the handshake itself is open to everyone.
            return Answer(200, {}, b"")
        return Answer(self._world.rig.run(self._connect()), {}, b"")

    async def _connect(self) -> int:
        headers = [] if self._token is None else [(b"authorization", f"Bearer {self._token}".encode())]
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            said.append(message)

        scope = {"type": "websocket", "headers": headers, "extensions": {"websocket.http.response": {}}}
        await self._world.listener(scope, receive, send)
        return 101 if said[0]["type"] == "websocket.accept" else int(said[0]["status"])


def connection_is_refused(connection: Live) -> bool:
    """Whether the server closes it instead of saying hello."""
    try:
        return bool(connection.next()["type"] != "hello")
    except ConnectionClosed:
        assert connection.socket.close_code == 4401
        return True


def test_s10_every_route_has_a_row_and_every_row_its_permission() -> None:
    """A new route fails here until `access_table` says what it is."""
    actual = {}
    for route in create_litestar().routes:
        for handler in getattr(route, "route_handlers", None) or [route.route_handler]:  # type: ignore[union-attr]
            if PERMISSION in handler.opt:
                method = next(iter(handler.http_methods)) if isinstance(handler, HTTPRouteHandler) else "WS"
                actual[f"{method} {route.path_format}"] = handler.opt[PERMISSION]
    # What is served beside the service, by the master's own application.
    actual["WS /api/v1/workers/connect"] = next(one.permission for one in ROWS if one.path.endswith("/connect"))
    assert {str(row): row.permission for row in ROWS} == actual


def test_s11_the_matrix_has_thousands_of_cells(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(CELLS) > 3_000
    with capsys.disabled():
        print(f"\naccess matrix: {len(CELLS)} cells = {len(ROWS)} routes x {len(CALLERS)} callers x methods x targets")


@pytest.mark.parametrize("caller", CALLERS, ids=str)
def test_s11_every_route_opens_exactly_as_the_table_says(world: World, caller: Caller) -> None:
    with closing(Asker(world, caller)) as asker:
        wrong = list(_differences(asker, caller))
    assert not wrong, "\n".join(wrong)


def _differences(asker: Asker, caller: Caller) -> Iterator[str]:
    for _, method, row, target in (cell for cell in CELLS if cell[0] is caller):
        answer = asker.ask(method, row, target)
        expected = oracle(caller, row, target)
        if method == "OPTIONS":
            # The framework answers it, with the methods of the route, to everyone who may see the own account.
            expected = 401 if caller.is_anonymous or caller.is_dead else 0
        if expected == 0:
            is_right = answer.status not in (401, 403)
            is_right &= answer.status != 404 or target == NOWHERE or row.is_absent
        else:
            is_right = answer.status == expected
        if not is_right:
            yield f"{method} {row.path} of {target}: expected {expected or 'to be let in'}, got {answer.status}"
        if expected == 404 and target != NOWHERE:
            absent = asker.ask(method, row, NOWHERE)
            if answer.told(*asker.names(target)) != absent.told(*asker.names(NOWHERE)):
                yield f"{method} {row.path} of {target} tells that it exists: {answer} is not {absent}"
