"""Health, for load balancers and supervisors: outside `/api`, without authentication, without a version."""

from litestar import get

from orchestra.domain.access import Permission
from orchestra.domain.errors import Unavailable
from orchestra.service.authorization import needs
from orchestra.service.entities import Entity
from orchestra.service.request import ApiRequest
from orchestra.storage import events


class Health(Entity, frozen=True):
    """That it is well; anything else is a problem document."""

    status: str


@get("/health/live", operation_id="isLive", tags=["health"], opt=needs(Permission.HEALTH_READ))
async def is_live(request: ApiRequest) -> Health:
    """Answer while the process lives and its event loop turns."""
    del request
    return Health(status="live")


@get("/health/ready", operation_id="isReady", tags=["health"], opt=needs(Permission.HEALTH_READ))
async def is_ready(request: ApiRequest) -> Health:
    """Answer 200 when the server takes work: it has started completely and its database answers; 503 otherwise."""
    if not request.parts.is_ready():
        raise Unavailable("the server is starting")
    await request.parts.database.read(events.last_sequence)
    return Health(status="ready")


HANDLERS = [is_live, is_ready]
