"""The Python client of Orchestra's web API: `Client`, and `AsyncClient` for asyncio.

    from orchestra.client import Client

    with Client.from_environment() as client:
        run = client.trigger("examples", "hello", {"name": "Ada"})
        for piece in client.follow_log(run.identifier):
            sys.stdout.buffer.write(piece)
        print(client.wait(run.identifier).status)

Values are those of `orchestra.client.entities` and `answers`, errors those of `orchestra.domain.errors`.
`docs/client.md` tells the rest. What is written by hand is `asynchronous`; `synchronous` is made of it
(`make client`).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestra.client.asynchronous.client import AsyncClient
    from orchestra.client.synchronous.client import Client

__all__ = ["AsyncClient", "Client"]


def __getattr__(name: str) -> Any:
    """Import a client when it is asked for: values and the stored login need no HTTP library in memory."""
    match name:
        case "Client":
            from orchestra.client.synchronous.client import Client  # noqa: PLC0415

            return Client
        case "AsyncClient":
            from orchestra.client.asynchronous.client import AsyncClient  # noqa: PLC0415

            return AsyncClient
        case _:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
