"""A client that goes away in the middle of its request is no error of the server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from litestar import Litestar, post
from litestar.params import JSONBody

from orchestra.service import problems


@post("/")
async def take(data: JSONBody[dict[str, Any]]) -> None:
    """Want a body."""


async def _hang_up() -> list[Any]:
    events = iter(
        ({"type": "http.request", "body": b'{"para', "more_body": True}, {"type": "http.disconnect"}),
    )
    sent: list[Any] = []

    async def receive() -> Any:
        return next(events)

    async def send(message: Any) -> None:
        sent.append(message)

    app = Litestar([take], exception_handlers={Exception: problems.answer}, openapi_config=None)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"100")]
    scope: Any = {"type": "http", "method": "POST", "path": "/", "raw_path": b"/", "headers": headers}
    scope |= {"query_string": b"", "root_path": "", "scheme": "http", "state": {}}
    await app(scope, receive, send)
    return sent


def test_who_hangs_up_makes_no_error_in_the_servers_log(caplog: pytest.LogCaptureFixture) -> None:
    sent = asyncio.run(_hang_up())
    assert sent[0]["status"] == 500, "the framework still says so in this way"
    assert not caplog.records
