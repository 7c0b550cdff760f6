"""`AsyncClient`: every operation of the web API."""

from orchestra.client.asynchronous.account import AsyncAccount
from orchestra.client.asynchronous.artifacts import AsyncArtifacts
from orchestra.client.asynchronous.configuration import AsyncConfiguration
from orchestra.client.asynchronous.events import AsyncEvents
from orchestra.client.asynchronous.jobs import AsyncJobs
from orchestra.client.asynchronous.logs import AsyncLogs
from orchestra.client.asynchronous.projects import AsyncProjects
from orchestra.client.asynchronous.runs import AsyncRuns
from orchestra.client.asynchronous.schedules import AsyncSchedules
from orchestra.client.asynchronous.users import AsyncUsers
from orchestra.client.asynchronous.workers import AsyncWorkers


class AsyncClient(
    AsyncProjects,
    AsyncJobs,
    AsyncSchedules,
    AsyncRuns,
    AsyncLogs,
    AsyncArtifacts,
    AsyncWorkers,
    AsyncUsers,
    AsyncAccount,
    AsyncConfiguration,
    AsyncEvents,
):
    """Every operation of the web API of one server; see `AsyncConnection` for the arguments.

    Lists are iterators that read page after page; errors are those of `orchestra.domain.errors`.
    """
