# auto-generated from asynchronous/client.py by `make client`; change that one.
"""`Client`: every operation of the web API."""

from orchestra.client.synchronous.account import Account
from orchestra.client.synchronous.artifacts import Artifacts
from orchestra.client.synchronous.configuration import Configuration
from orchestra.client.synchronous.events import Events
from orchestra.client.synchronous.jobs import Jobs
from orchestra.client.synchronous.logs import Logs
from orchestra.client.synchronous.projects import Projects
from orchestra.client.synchronous.runs import Runs
from orchestra.client.synchronous.schedules import Schedules
from orchestra.client.synchronous.users import Users
from orchestra.client.synchronous.workers import Workers


class Client(
    Projects,
    Jobs,
    Schedules,
    Runs,
    Logs,
    Artifacts,
    Workers,
    Users,
    Account,
    Configuration,
    Events,
):
    """Every operation of the web API of one server; see `Connection` for the arguments.

    Lists are iterators that read page after page; errors are those of `orchestra.domain.errors`.
    """
