"""Header parameters that several routes take."""

from typing import Annotated

from litestar.params import HeaderParameter

IfMatch = Annotated[
    str | None, HeaderParameter(name="If-Match", description="The ETag that must still hold; 412 when it does not.")
]
IfNoneMatch = Annotated[
    str | None,
    HeaderParameter(name="If-None-Match", description="The ETag that is known already; 304 when it still holds."),
]
LastEventId = Annotated[
    str | None, HeaderParameter(name="Last-Event-ID", description="The identifier of the last event that was received.")
]
