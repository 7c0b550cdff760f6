"""What type checkers tell users of the client: exact types, everywhere."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any, Final, assert_type, get_args, get_origin, get_type_hints

import pytest

from orchestra.client import AsyncClient, Client
from orchestra.client.entities import Job, NewToken, Run, RunDetail

FREE: Final = {"results", "openapi"}
"""Methods that return what jobs write, and what a document holds."""

OPERATIONS: Final = [
    (kind, name)
    for kind in (Client, AsyncClient)
    for name, _ in inspect.getmembers(kind, inspect.isfunction)
    if not name.startswith("_")
]


@pytest.mark.parametrize(("kind", "name"), OPERATIONS, ids=[f"{kind.__name__}.{name}" for kind, name in OPERATIONS])
def test_every_argument_and_every_result_has_a_type(kind: type[Client] | type[AsyncClient], name: str) -> None:
    method = getattr(kind, name)
    hints = get_type_hints(method)
    assert set(inspect.signature(method).parameters) - {"self"} <= hints.keys()
    assert method.__doc__, "it says nothing"
    if name not in FREE:
        assert Any not in (hints["return"], *get_args(hints["return"]))


@pytest.mark.parametrize("name", sorted({name for _, name in OPERATIONS} - {"close", "aclose"}))
def test_both_clients_take_the_same_arguments(name: str) -> None:
    one, other = getattr(Client, name), getattr(AsyncClient, name)
    # As written: annotations are text here.
    arguments = [str(inspect.signature(method).replace(return_annotation=None)) for method in (one, other)]
    assert arguments[0] == arguments[1]
    kinds = [get_origin(get_type_hints(method)["return"]) for method in (one, other)]
    assert kinds[0] is kinds[1] or kinds in ([Iterator, AsyncIterator], [Generator, AsyncGenerator])


def check_types(client: Client) -> None:
    """Never called: mypy reads it, with the rest of the tests."""
    assert_type(client.job("core", "build"), Job)
    assert_type(client.jobs("core"), Iterator[Job])
    assert_type(client.trigger("core", "build"), Run)
    assert_type(client.run("x"), RunDetail)
    assert_type(client.create_own_token(), NewToken)
    assert_type(client.follow_log("x"), Generator[bytes, None, None])
    assert_type(Client.from_environment(), Client)
    client.put_job("core", "build")  # type: ignore[call-arg]  # without its definition
    client.change_job("core", "build", gruop="nightly")  # type: ignore[call-arg]  # misspelt
    client.change_worker("w1", is_enabled="no")  # type: ignore[arg-type]
