"""Events as a stream: everything that happens and that the caller may see, for the command line and scripts."""

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream

from orchestra.domain.access import Permission
from orchestra.service import sse
from orchestra.service.access_watch import AccessWatch
from orchestra.service.authorization import needs
from orchestra.service.event_stream import follow, read_topics
from orchestra.service.headers import LastEventId
from orchestra.service.request import ApiRequest

After = Annotated[
    int | None, QueryParameter(ge=0, description="Begin after the event of this number; absent: with what comes now.")
]
Topics = Annotated[
    list[str] | None,
    QueryParameter(
        name="topic",
        description="Only these, may be repeated: `runs`, `jobs`, `schedules`, `projects`, `workers`, `users`, "
        "`project:NAME`, `run:UUID`, `worker:NAME`.",
    ),
]


@get("/events", operation_id="streamEvents", tags=["events"], opt=needs(Permission.EVENT_READ))
async def stream_events(
    request: ApiRequest, after: After = None, topic: Topics = None, last_event_id: LastEventId = None
) -> Stream:
    """Follow everything that happens and that you may see, as server-sent events, without an end.

    Each has the event's number as its identifier, its type as its name and the event as data. A client that
    comes back with `Last-Event-ID` (or `after`) misses nothing.
    """
    topics = read_topics(topic or [])
    resumed = sse.last_event_id(last_event_id)
    access = AccessWatch(request.parts, request.scope, request.caller, Permission.EVENT_READ)
    return sse.stream(follow(request.parts, after if resumed is None else resumed, topics, access))


HANDLERS = [stream_events]
