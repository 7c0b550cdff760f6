"""The service: its parts, its routes, its tasks. The composition root of the web API.

    uvicorn ──► Edge ──► Litestar (guard, routes) ──► storage
                 └────► Website (files)
    tasks, for as long as the application lives: Tail (the event table), Board (rows for live connections),
    upkeep (what is over)

Use: `create_app(...)` is an ASGI application; its lifespan starts and ends the tasks. Whoever has no
lifespan (another composition) enters `running()` instead.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, Final

from litestar import Litestar, Router
from litestar.types import ControllerRouterHandler

from orchestra.service import problems
from orchestra.service.authentication import Authenticator
from orchestra.service.authorization import authorize, check_routes
from orchestra.service.edge import Edge
from orchestra.service.identifiers import Identifiers
from orchestra.service.live.board import Board
from orchestra.service.parts import BODY_BYTES, Clock, Parts, Randomness, ServiceSettings
from orchestra.service.password_desk import PasswordDesk
from orchestra.service.quota import PendingRuns
from orchestra.service.request import ApiRequest
from orchestra.service.room import Room
from orchestra.service.routes import (
    account,
    authentications,
    bulk,
    configuration,
    documentation,
    events,
    forecast,
    health,
    imports,
    jobs,
    live,
    log_sections,
    logs,
    passwords,
    projects,
    revisions,
    runs,
    schedule_preview,
    schedules,
    search,
    sessions,
    triggers,
    users,
    workers,
)
from orchestra.service.routes import artifacts as artifact_routes
from orchestra.service.sign_ins import SignIns
from orchestra.service.tail import Tail
from orchestra.service.upkeep import keep_up
from orchestra.service.website import Website
from orchestra.storage.artifact_store import ArtifactStore
from orchestra.storage.database import Database
from orchestra.storage.hints import Hints
from orchestra.storage.logs import LogStore
from orchestra.storage.trigger import Triggers

API: Final = "/api/v1"


class ServiceApp:
    """The ASGI application."""

    def __init__(self, parts: Parts, litestar: Litestar) -> None:
        self.parts = parts
        self.litestar = litestar
        self._edge = Edge(litestar, parts, Website(parts.settings))

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await self._edge(scope, receive, send)

    def stop(self) -> None:
        """End what answers without an end: streams and live connections. Call it before the server stops accepting,
        which waits for them."""
        self.parts.tail.stop()
        self.parts.board.stop()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the service's own tasks; one that fails ends whoever is inside."""
        await self.parts.tail.start()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self.parts.tail.run(), name="tail"),
                group.create_task(self.parts.board.run(), name="board"),
                group.create_task(keep_up(self.parts), name="upkeep"),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                self.parts.passwords.close()

    async def _lifespan(self, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        await receive()
        async with self.running():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def create_app(
    *,
    database: Database,
    logs: LogStore,
    artifacts: ArtifactStore,
    hints: Hints,
    clock: Clock,
    random: Randomness,
    settings: ServiceSettings = ServiceSettings(),  # noqa: B008 - a frozen value
    away_s: Callable[[str], float] = lambda _worker: 0.0,
    is_ready: Callable[[], bool] = lambda: True,
) -> ServiceApp:
    """Compose the service. Raises RuntimeError when a route does not name its permission.

    `away_s` tells for how long a worker is known to be away, `is_ready` whether the process takes work; the health
    route asks it.
    """
    authenticator = Authenticator(database, clock, settings)
    tail = Tail(database, hints, on_access=authenticator.forget)
    parts = Parts(
        database=database,
        logs=logs,
        artifacts=artifacts,
        hints=hints,
        clock=clock,
        random=random,
        settings=settings,
        identifiers=Identifiers(clock, random),
        triggers=Triggers(),
        authenticator=authenticator,
        passwords=PasswordDesk(random),
        sign_ins=SignIns(),
        pending_runs=PendingRuns(
            clock, settings.pending_runs_per_project, Room(settings.data, settings.disk_free_bytes)
        ),
        tail=tail,
        board=Board(database, hints, tail),
        away_s=away_s,
        is_ready=is_ready,
    )
    return ServiceApp(parts, create_litestar())


def create_litestar() -> Litestar:
    """Make the routes, without anything behind them: enough to describe them."""
    resources = (
        projects,
        jobs,
        revisions,
        triggers,
        runs,
        bulk,
        logs,
        log_sections,
        artifact_routes,
        schedules,
        schedule_preview,
        forecast,
        workers,
        users,
        authentications,
        passwords,
        sessions,
        account,
        configuration,
        imports,
        search,
        events,
        live,
    )
    handlers: list[ControllerRouterHandler] = [one for module in resources for one in module.HANDLERS]
    app = Litestar(
        [
            Router(path=API, route_handlers=[*handlers, *documentation.API_HANDLERS]),
            *documentation.ROOT_HANDLERS,
            *health.HANDLERS,
        ],
        guards=[authorize],
        exception_handlers={Exception: problems.answer},
        request_class=ApiRequest,
        request_max_body_size=BODY_BYTES,
        openapi_config=None,
        logging_config=None,
    )
    check_routes(app)
    return app
