"""An import of Job Orchestra on both databases: what is stored, the second import, numbers, and secrets."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from orchestra.domain.job_orchestra.exported import Export, Table
from orchestra.domain.job_orchestra.plan import Action, Plan
from orchestra.domain.job_orchestra.reading import read
from orchestra.domain.job_orchestra.translation import ITERATIONS
from orchestra.domain.run import CauseCode, RunStatus
from orchestra.storage import (
    authentications,
    events,
    imports,
    job_revisions,
    jobs,
    projects,
    runs,
    schedules,
    schema,
    users,
    workers,
)
from orchestra.storage.passwords import Hashed, is_usable
from orchestra.storage.runs import NewRun
from support.job_orchestra_export import (
    BORN,
    CHANGED,
    ENDLESS_TOKEN,
    EXPIRED_TOKEN,
    TOKEN,
    Dataset,
    dataset,
    texts,
    uuid_of,
)
from support.stored import T0, a_job, a_project, at, run_id

NOW = CHANGED + timedelta(days=400)


def export(tables: Dataset | None = None, *names: str) -> Export:
    found = texts(dataset() if tables is None else tables)
    return read({name: text for name, text in found.items() if not names or name in names})


def carry_out(connection: Connection, tables: Dataset | None = None, *names: str) -> Plan:
    return imports.carry_out(connection, export(tables, *names), NOW, actor="ada")


def actions(plan: Plan) -> dict[str, int]:
    return {str(action): sum(one.action is action for one in plan.items) for action in Action}


def test_what_was_exported_is_here_with_its_dates(connection: Connection) -> None:
    plan = carry_out(connection)
    assert actions(plan) == {"create": 38, "unchanged": 0, "conflict": 0, "none": 5}
    maya = users.get(connection, "maya")
    assert maya is not None
    assert (maya.display_name, maya.roles, maya.creation_date, maya.update_date) == (
        "Maya",
        ("Operator", "Viewer"),
        BORN,
        CHANGED,
    )
    gone, toolkit = users.get(connection, "gone"), projects.get(connection, "toolkit")
    assert gone is not None and not gone.is_enabled
    assert toolkit is not None and toolkit.services["revision_control"]["branches_for_status"] == ["master"]
    check = jobs.get(connection, "toolkit", "check")
    assert check is not None
    assert (check.revision, check.creation_date, check.managed_by) == (1, BORN, "api")
    assert check.definition["commands"][1]["run"][-3:] == ["--results", "{environment.ORCHESTRA_RESULTS}", "clean"]
    assert check.properties == {"operating_system": ["linux", "windows"], "is_controller": False}
    assert job_revisions.get(connection, "toolkit", "check", 1) is not None
    nightly = schedules.get(connection, "example", "nightly")
    assert nightly is not None
    assert (nightly.last_run, nightly.time_zone, nightly.misfire) == (uuid_of(1005), "UTC", "none")
    assert nightly.is_enabled
    worker = workers.get(connection, "host_worker_01")
    assert worker is not None
    assert (worker.owner, worker.is_active, worker.concurrency) == ("host_worker", False, 3)


def test_runs_are_history_with_numbers_in_the_order_of_their_creation(connection: Connection) -> None:
    carry_out(connection)
    hello = [runs.get_by_number(connection, "example", "hello", number) for number in range(1, 8)]
    assert [one.identifier for one in hello if one] == [uuid_of(1000 + number) for number in (1, 2, 4, 5, 7, 8, 9)]
    assert {one.cause.code for one in hello if one} == {CauseCode.IMPORTED}
    ended = [str(one.status) for one in hello if one]
    assert ended == ["succeeded", "failed", "succeeded", "cancelled", "exception", "exception", "exception"]
    first = runs.get(connection, uuid_of(1001))
    assert first is not None
    assert first.results == {"tests": {"passed": 3}}
    assert first.source == {"type": "user", "user": "maya"}
    assert first.creation_date == BORN + timedelta(hours=1)
    assert runs.definition(connection, first) == jobs.get(connection, "example", "hello").definition  # type: ignore[union-attr]
    running = runs.get(connection, uuid_of(1008))
    assert running is not None
    assert running.status is RunStatus.EXCEPTION
    assert "was running when it was exported" in running.cause.message
    assert not running.log_complete
    orphan = runs.get(connection, uuid_of(1010))
    assert orphan is not None
    assert runs.definition(connection, orphan)["commands"] == []


def test_numbers_go_on_after_an_import(connection: Connection) -> None:
    carry_out(connection)
    new = NewRun(identifier=run_id(1), project="example", job="hello", job_revision=1, source={"type": "user"})
    assert runs.insert(connection, new, NOW).number == 8


def test_numbers_go_on_where_a_job_of_that_name_was_before(connection: Connection) -> None:
    projects.save(connection, a_project("example"), T0)
    jobs.save(connection, a_job("hello", project="example"), T0)
    jobs.delete(connection, "example", "hello", at(1))
    carry_out(connection)
    hello, first = jobs.get(connection, "example", "hello"), runs.get(connection, uuid_of(1001))
    assert hello is not None and first is not None
    assert (hello.revision, first.number, first.job_revision) == (2, 1, 2)


def test_a_second_import_changes_nothing(connection: Connection) -> None:
    carry_out(connection)
    before = _everything(connection)
    assert actions(carry_out(connection)) == {"create": 0, "unchanged": 38, "conflict": 0, "none": 5}
    assert _everything(connection) == before


def test_a_plan_alone_stores_nothing_and_says_the_same(connection: Connection) -> None:
    before = _everything(connection)
    planned = imports.plan_of(connection, export())
    assert _everything(connection) == before
    assert carry_out(connection).items == planned.items


def test_what_differs_is_a_conflict_and_stays(connection: Connection) -> None:
    carry_out(connection)
    jobs.set_enabled(connection, "example", "hello", False, NOW)
    tables = dataset()
    tables["project"][1]["display_name"] = "Other"
    plan = carry_out(connection, tables)
    found = {one.path: one.reasons for one in plan.items if one.action is Action.CONFLICT}
    assert found == {
        "toolkit": ("it is here already with another display_name; left alone",),
        "example/hello": ("it is here already with another is_enabled; left alone",),
    }
    toolkit = projects.get(connection, "toolkit")
    assert toolkit is not None and toolkit.display_name == "Toolkit"


def test_an_existing_user_gains_neither_role_nor_password_nor_token(connection: Connection) -> None:
    users.save(connection, _Wanted("maya", ("Viewer",)), T0)
    plan = carry_out(connection)
    told = {one.path: one for one in plan.items if one.path.startswith("maya")}
    assert [one.action for one in told.values()] == [Action.CONFLICT] * 4
    maya = users.get(connection, "maya")
    assert maya is not None and maya.roles == ("Viewer",)
    assert authentications.page(connection, "maya").items == ()


def test_a_token_that_was_deleted_does_not_come_back(connection: Connection) -> None:
    carry_out(connection)
    authentications.delete(connection, "maya", uuid_of(2), NOW)
    plan = carry_out(connection)
    told = next(one for one in plan.items if one.path == f"maya/{uuid_of(2)}")
    assert (told.action, told.reasons) == (
        Action.CONFLICT,
        ("the user 'maya' was here before; its authentications are left alone",),
    )
    assert authentications.get(connection, uuid_of(2)) is None


def test_old_tokens_speak_for_their_user_until_they_expire(connection: Connection) -> None:
    carry_out(connection)
    principal = authentications.authenticate(connection, TOKEN, NOW, user="maya")
    assert principal is not None and principal.roles == ("Operator", "Viewer")
    assert authentications.authenticate(connection, ENDLESS_TOKEN, NOW, user="host_worker") is not None
    assert authentications.authenticate(connection, EXPIRED_TOKEN, NOW, user="maya") is None
    assert authentications.authenticate(connection, TOKEN, NOW, user="boss") is None
    assert authentications.authenticate(connection, TOKEN, NOW) is None


def test_the_records_are_as_they_were_and_no_hash_is_in_an_event(connection: Connection) -> None:
    tables = dataset()
    carry_out(connection, tables)
    for row in tables["user_authentication"][:4]:
        stored = authentications.get(connection, row["identifier"])
        assert stored is not None
        for name in ("user", "type", "hash_function", "hash_function_salt", "secret", "expiration_date"):
            assert getattr(stored, name) == row.get(name), name
        assert stored.hash_function_parameters == row["hash_function_parameters"]
    told = json.dumps([one.data for one in events.after(connection, 0)], default=str)
    hidden = [str(row[name]) for row in tables["user_authentication"] for name in ("secret", "hash_function_salt")]
    assert not [one for one in hidden if one != "None" and one in told]
    kinds = [str(one.type) for one in events.after(connection, 0)]
    assert (kinds.count("user.created"), kinds.count("run.created"), len(kinds)) == (5, 10, 38)
    assert {one.actor for one in events.after(connection, 0)} == {"ada"}


def test_a_history_may_come_in_parts(connection: Connection) -> None:
    tables = dataset()
    carry_out(connection, {**tables, "run": []})
    for part in (tables["run"][:5], tables["run"][5:]):
        plan = carry_out(connection, {**tables, "run": part}, "project.json", "job.json", "run.json")
        assert {one.action for one in plan.items if one.table is Table.RUN} == {Action.CREATE}
    numbers = [runs.get_by_number(connection, "example", "hello", number) for number in range(1, 8)]
    assert [one.identifier for one in numbers if one] == [uuid_of(1000 + number) for number in (1, 2, 4, 5, 7, 8, 9)]


@pytest.mark.parametrize("name", ITERATIONS)
def test_passwords_that_are_taken_are_those_that_can_be_verified(name: str) -> None:
    def record(iterations: int) -> Hashed:
        parameters = {"hash_name": name, "iterations": iterations}
        return Hashed(
            hash_function="pbkdf2", hash_function_parameters=parameters, hash_function_salt="00" * 32, secret="00" * 32
        )

    first, last = ITERATIONS[name][0], ITERATIONS[name][-1]
    assert is_usable(record(first)) and is_usable(record(last))
    assert not is_usable(record(first - 1)) and not is_usable(record(last + 1))


class _Wanted:
    """A user as a request wants it."""

    is_enabled = None

    def __init__(self, identifier: str, roles: tuple[str, ...]) -> None:
        self.identifier, self.display_name, self.roles = identifier, identifier, roles


def _everything(connection: Connection) -> list[Any]:
    return [
        tuple(map(tuple, connection.execute(select(table)).all()))
        for table in (*schema.metadata.sorted_tables,)
        if table.name != "idempotency_key"
    ]
