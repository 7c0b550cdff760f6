# auto-generated from asynchronous/workers.py by `make client`; change that one.
"""Workers."""

from collections.abc import Iterator
from typing import Unpack

from orchestra.client.addresses import path
from orchestra.client.contents import WorkerChanges
from orchestra.client.entities import Worker
from orchestra.client.synchronous.connection import Connection, version_header


class Workers(Connection):
    """Operations of workers."""

    def workers(
        self,
        *,
        owner: str | None = None,
        is_enabled: bool | None = None,
        is_active: bool | None = None,
        order: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Worker]:
        """The workers that the server knows and that match; `is_active` are those that are connected now."""
        filters = {"owner": owner, "is_enabled": is_enabled, "is_active": is_active, "order": order}
        return self._items(Worker, "/workers", limit, filters)

    def worker(self, worker: str) -> Worker:
        """One worker. Raises NotFound."""
        return self._value(Worker, "GET", path("workers", worker))

    def change_worker(
        self, worker: str, *, if_match: str | Worker | None = None, **changes: Unpack[WorkerChanges]
    ) -> Worker:
        """Change a worker; one that is not enabled finishes what it has and gets no new runs."""
        return self._value(Worker, "PATCH", path("workers", worker), body=changes, headers=version_header(if_match))

    def delete_worker(self, worker: str, *, if_match: str | Worker | None = None) -> None:
        """Forget a worker. Raises Conflict while it is connected or holds runs."""
        self._request("DELETE", path("workers", worker), headers=version_header(if_match))

    def disconnect_worker(self, worker: str) -> Worker:
        """Ask the server to close the worker's connection once; its runs go on. Raises Conflict when there is none."""
        return self._value(Worker, "POST", path("workers", worker, "disconnect"))
