"""Outcomes of writes. A function that writes returns the error that it decided on; raising would redo the whole group.

    job = settle(await parts.database.write(lambda connection: ...))

See `storage.writer`: what raises inside a group makes all of its functions execute again, one by one.
"""

from typing import TypeVar

from orchestra.domain.errors import OrchestraError

T = TypeVar("T")


def settle(outcome: T | OrchestraError) -> T:
    """Return what a write returned; raise it if it is an error."""
    if isinstance(outcome, OrchestraError):
        raise outcome
    return outcome
