"""Workers as the API shows them: the row, and how many runs it has now."""

from sqlalchemy import Connection

from orchestra.domain.errors import NotFound
from orchestra.service import entities
from orchestra.service.entities import WorkerEntity
from orchestra.storage import workers


def read_workers(connection: Connection) -> list[WorkerEntity]:
    """Return every worker, by identifier."""
    slots = sorted(workers.slots(connection), key=lambda one: one.worker.identifier)
    return [entities.worker(one.worker, one.used) for one in slots]


def used_slots(connection: Connection) -> dict[str, int]:
    """Return how many runs are assigned or running, by worker; absent means none."""
    return {one.worker.identifier: one.used for one in workers.slots(connection)}


def read_worker(connection: Connection, identifier: str) -> WorkerEntity:
    """Return one worker. Raises NotFound."""
    found = workers.get(connection, identifier)
    if found is None:
        raise NotFound(f"there is no worker {identifier}")
    return entities.worker(found, used_slots(connection).get(identifier, 0))
