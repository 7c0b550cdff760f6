"""The request as routes see it: who calls, the parts of the service, and a body that was read strictly."""

from asyncio import to_thread
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import InternalServerException

from orchestra.domain.access import Principal
from orchestra.domain.errors import NotAuthenticated
from orchestra.service import strict_json
from orchestra.service.authentication import Caller
from orchestra.service.parts import Parts
from orchestra.service.problems import HttpProblem

SMALL_BYTES: Final = 1 << 16
"""Bodies beyond are read off the event loop: a megabyte takes milliseconds."""

CALLER: Final = "orchestra.caller"
PARTS: Final = "orchestra.parts"
"""Keys of the ASGI scope: what the guard and the edge put there."""


class ApiRequest(Request[Any, Any, State]):
    """A request whose JSON is strict and fits the handler's `data` annotation."""

    @property
    def parts(self) -> Parts:
        """Database, logs, hints and so on."""
        scope: Any = self.scope
        parts: Parts = scope[PARTS]
        return parts

    @property
    def known_caller(self) -> Caller | None:
        """Who calls; None on a route that anyone may call, which asks nobody who they are."""
        scope: Any = self.scope
        caller: Caller | None = scope.get(CALLER)
        return caller

    @property
    def caller(self) -> Caller:
        """Who calls; raises NotAuthenticated on a route that anyone may call, which asks nobody who they are."""
        caller = self.known_caller
        if caller is None:
            raise NotAuthenticated("no valid authentication came with the request")
        return caller

    @property
    def principal(self) -> Principal:
        """Whose permissions count."""
        return self.caller.principal

    async def body(self) -> bytes:
        """Read the whole body. Raises HttpProblem when the client leaves in the middle of it."""
        try:
            return await super().body()
        except InternalServerException:
            # The only one that reading raises: the client is gone, which is no defect of ours.
            raise HttpProblem(400, "the connection ended before the body was complete") from None

    async def json(self) -> Any:
        """Read the body: strict JSON (`strict_json`), then a value of the type that the handler names.

        Raises InvalidContent with every problem, HttpProblem for what is no JSON.
        """
        raw = await self.body()
        kind, _ = self.content_type
        if kind and not (kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))):
            raise HttpProblem(415, f"expected a body of type application/json, got {kind}")
        try:
            value = strict_json.decode(raw) if len(raw) <= SMALL_BYTES else await to_thread(strict_json.decode, raw)
        except strict_json.NotJson as error:
            raise HttpProblem(400, f"the body is not JSON: {error}") from None
        handler: Any = self.route_handler
        wanted = without_none(handler.parsed_data_field.annotation)
        if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
            return strict_json.fit(value, wanted)
        if not isinstance(value, dict):
            raise strict_json.not_an_object(value)
        return value


UNIONS: Final = (Union, UnionType)


def without_none(kind: Any) -> Any:
    """What `kind` is when there is something: a body that may be absent is not null when it is there."""
    arms = [one for one in get_args(kind) if one is not type(None)]
    return arms[0] if len(arms) == 1 and get_origin(kind) in UNIONS else kind
