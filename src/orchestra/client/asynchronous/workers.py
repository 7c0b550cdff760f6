"""Workers."""

from collections.abc import AsyncIterator
from typing import Unpack

from orchestra.client.addresses import path
from orchestra.client.asynchronous.connection import AsyncConnection, version_header
from orchestra.client.contents import WorkerChanges
from orchestra.client.entities import Worker


class AsyncWorkers(AsyncConnection):
    """Operations of workers."""

    def workers(
        self,
        *,
        owner: str | None = None,
        is_enabled: bool | None = None,
        is_active: bool | None = None,
        order: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Worker]:
        """The workers that the server knows and that match; `is_active` are those that are connected now."""
        filters = {"owner": owner, "is_enabled": is_enabled, "is_active": is_active, "order": order}
        return self._items(Worker, "/workers", limit, filters)

    async def worker(self, worker: str) -> Worker:
        """One worker. Raises NotFound."""
        return await self._value(Worker, "GET", path("workers", worker))

    async def change_worker(
        self, worker: str, *, if_match: str | Worker | None = None, **changes: Unpack[WorkerChanges]
    ) -> Worker:
        """Change a worker; one that is not enabled finishes what it has and gets no new runs."""
        return await self._value(
            Worker, "PATCH", path("workers", worker), body=changes, headers=version_header(if_match)
        )

    async def delete_worker(self, worker: str, *, if_match: str | Worker | None = None) -> None:
        """Forget a worker. Raises Conflict while it is connected or holds runs."""
        await self._request("DELETE", path("workers", worker), headers=version_header(if_match))

    async def disconnect_worker(self, worker: str) -> Worker:
        """Ask the server to close the worker's connection once; its runs go on. Raises Conflict when there is none."""
        return await self._value(Worker, "POST", path("workers", worker, "disconnect"))
