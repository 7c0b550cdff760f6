"""Each field of the data model, on real objects: under exactly its name in the API, as a column, and with its meaning.

`FIELDS` is the data model, entity by entity. A run was carried out, a schedule, a worker, a user with a
password and a token exist; each field is read and compared with what it must be. Fields that protect an
authentication never leave the database, and are read there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from argon2.low_level import Type, hash_secret_raw
from sqlalchemy import select, text

from integration.service.rig import Rig, running
from orchestra.domain.run import RunStatus
from orchestra.storage import schema, tokens, workers

FIELDS = {
    "project": ("identifier", "display_name", "services", "creation_date", "update_date"),
    "job": (
        "project",
        "identifier",
        "display_name",
        "description",
        "definition",
        "parameters",
        "parameter.key",
        "parameter.description",
        "properties",
        "is_enabled",
        "creation_date",
        "update_date",
    ),
    "run": (
        "project",
        "identifier",
        "job",
        "parameters",
        "source",
        "worker",
        "status",
        "start_date",
        "completion_date",
        "results",
        "should_cancel",
        "should_abort",
        "creation_date",
        "update_date",
    ),
    "schedule": (
        "project",
        "identifier",
        "display_name",
        "job",
        "parameters",
        "expression",
        "is_enabled",
        "last_run",
        "creation_date",
        "update_date",
    ),
    "user": ("identifier", "display_name", "roles", "is_enabled", "creation_date", "update_date"),
    "user_authentication": (
        "identifier",
        "user",
        "type",
        "description",
        "hash_function",
        "hash_function_parameters",
        "hash_function_salt",
        "secret",
        "expiration_date",
        "creation_date",
        "update_date",
    ),
    "worker": (
        "identifier",
        "owner",
        "version",
        "display_name",
        "properties",
        "is_enabled",
        "is_active",
        "should_disconnect",
        "creation_date",
        "update_date",
    ),
}
PROTECTED = ("hash_function", "hash_function_parameters", "hash_function_salt", "secret")
PASSWORD = "correct horse battery staple"
PATHS = {
    "project": "/api/v1/projects/core",
    "job": "/api/v1/projects/core/jobs/build",
    "schedule": "/api/v1/projects/core/schedules/nightly",
    "user": "/api/v1/users/maya",
    "worker": "/api/v1/workers/w1",
}
SERVICES = {"repository": {"type": "git", "url": "https://git.example.org/core.git"}}
JOB = {
    "display_name": "Build",
    "description": "Builds one branch",
    "definition": {"type": "commands", "commands": ["make {parameters.branch}"]},
    "parameters": [{"key": "branch", "description": "Branch to build", "default": "main"}],
    "properties": {"os": "linux"},
}
SCHEDULE = {
    "display_name": "Every night",
    "job": "build",
    "parameters": {"branch": "dev"},
    "expression": "30 2 * * *",
    "is_enabled": False,
}


@dataclass
class World:
    """What there is, made between `began` and `ended`: each entity as the API shows it, authentications by type."""

    rig: Rig
    shown: dict[str, dict[str, Any]]
    token: str
    began: datetime
    ended: datetime
    authentications: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("seed")) as rig:
        began = rig.clock.now()
        rig.api.put(PATHS["project"], json={"display_name": "Core", "services": SERVICES}).raise_for_status()
        rig.api.put(PATHS["job"], json=JOB).raise_for_status()
        rig.api.put(PATHS["schedule"], json=SCHEDULE).raise_for_status()
        roles = ["Operator@core", "Viewer"]
        rig.api.put(PATHS["user"], json={"display_name": "Maya", "roles": roles}).raise_for_status()
        rig.api.put(f"{PATHS['user']}/password", json={"password": PASSWORD}).raise_for_status()
        made = rig.api.post(f"{PATHS['user']}/authentications", json={"description": "laptop"})
        made.raise_for_status()
        rig.worker("w1", properties={"os": "linux", "cores": 8})
        maya = rig.client(made.json()["secret"])
        run = maya.post(f"{PATHS['job']}/trigger", json={"parameters": {"branch": "dev"}}).json()["identifier"]
        rig.start(run)
        rig.append(run, b"made\n")
        assert maya.post(f"/api/v1/runs/{run}/abort").status_code == 200
        rig.finish(run, RunStatus.ABORTED, results={"tests": 12})
        shown = {entity: rig.api.get(path).json() for entity, path in PATHS.items()}
        shown["run"] = rig.api.get(f"/api/v1/runs/{run}").json()
        authentications = rig.api.get(f"{PATHS['user']}/authentications").json()["items"]
        by_type = {one["type"]: one for one in authentications}
        shown["user_authentication"] = by_type["token"]
        yield World(rig, shown, made.json()["secret"], began, rig.clock.now(), by_type)


def value(world: World, entity: str, name: str) -> Any:
    if name.startswith("parameter."):
        return world.shown[entity]["parameters"][0][name.removeprefix("parameter.")]
    return world.shown[entity][name]


def is_date(world: World, found: Any) -> bool:
    """RFC 3339 in UTC with microseconds, and within the time in which everything happened."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", found)
    return bool(world.began <= datetime.fromisoformat(found) <= world.ended)


def is_uuid(_: World, found: Any) -> bool:
    return bool(str(UUID(found)) == found)


def one(expected: Any) -> Callable[[World, Any], bool]:
    return lambda _, found: bool(found == expected)


MEANS: dict[str, Callable[[World, Any], bool]] = {
    "project.identifier": one("core"),
    "project.display_name": one("Core"),
    "project.services": one(SERVICES),
    "job.project": one("core"),
    "job.identifier": one("build"),
    "job.display_name": one("Build"),
    "job.description": one("Builds one branch"),
    "job.definition": lambda _, found: found["commands"][0]["run"] == "make {parameters.branch}",
    "job.parameters": lambda _, found: len(found) == 1 and found[0]["default"] == "main",
    "job.parameter.key": one("branch"),
    "job.parameter.description": one("Branch to build"),
    "job.properties": one({"os": "linux"}),
    "job.is_enabled": one(True),
    "run.project": one("core"),
    "run.identifier": is_uuid,
    "run.job": one("build"),
    "run.parameters": one({"branch": "dev"}),
    "run.source": one({"type": "user", "user": "maya"}),
    "run.worker": one("w1"),
    "run.status": one("aborted"),
    "run.results": one({"tests": 12}),
    "run.should_cancel": one(False),
    "run.should_abort": one(True),
    "run.start_date": is_date,
    "run.completion_date": is_date,
    "schedule.project": one("core"),
    "schedule.identifier": one("nightly"),
    "schedule.display_name": one("Every night"),
    "schedule.job": one("build"),
    "schedule.parameters": one({"branch": "dev"}),
    "schedule.expression": one("30 2 * * *"),
    "schedule.is_enabled": one(False),
    "schedule.last_run": one(None),
    "user.identifier": one("maya"),
    "user.display_name": one("Maya"),
    "user.roles": one(["Operator@core", "Viewer"]),
    "user.is_enabled": one(True),
    "user_authentication.identifier": is_uuid,
    "user_authentication.user": one("maya"),
    "user_authentication.type": one("token"),
    "user_authentication.description": one("laptop"),
    "user_authentication.expiration_date": lambda world, found: datetime.fromisoformat(found) > world.ended,
    "worker.identifier": one("w1"),
    "worker.owner": one("admin"),
    "worker.version": one("1"),
    "worker.display_name": one("w1"),
    "worker.properties": one({"os": "linux", "cores": 8}),
    "worker.is_enabled": one(True),
    "worker.is_active": one(True),
    "worker.should_disconnect": one(False),
}
SHOWN = [(entity, name) for entity, names in FIELDS.items() for name in names if name not in PROTECTED]


@pytest.mark.parametrize(("entity", "name"), SHOWN)
def test_the_field_is_in_the_api_and_means_what_it_says(world: World, entity: str, name: str) -> None:
    means = MEANS.get(f"{entity}.{name}", is_date if name in ("creation_date", "update_date") else None)
    assert means is not None, "the test does not say what the field means"
    found = value(world, entity, name)
    assert means(world, found), found


@pytest.mark.parametrize("entity", FIELDS)
def test_every_field_is_a_column_of_the_table_of_its_entity(world: World, entity: str) -> None:
    columns = world.rig.read(lambda rows: list(rows.execute(text(f'SELECT * FROM "{entity}" LIMIT 0')).keys()))
    assert {name for name in FIELDS[entity] if not name.startswith("parameter.")} <= set(columns)


@pytest.mark.parametrize("entity", FIELDS)
def test_an_entity_is_updated_no_earlier_than_it_was_created(world: World, entity: str) -> None:
    shown = world.shown[entity]
    assert shown["creation_date"] <= shown["update_date"]


def test_the_dates_of_a_run_are_in_the_order_of_its_life(world: World) -> None:
    run = world.shown["run"]
    dates = [run["creation_date"], run["start_date"], run["completion_date"], run["update_date"]]
    assert dates == sorted(dates)
    assert run["update_date"] == run["completion_date"], "its end was the last thing that happened to it"


# What protects an authentication -----------------------------------------------------------------------


def record(world: World, type_: str) -> Any:
    table = schema.user_authentication
    return world.rig.read(
        lambda rows: rows.execute(select(table).where(table.c.user == "maya", table.c.type == type_)).one()
    )


def test_the_record_of_a_password_holds_what_verifies_it_and_not_the_password(world: World) -> None:
    found = record(world, "password")
    assert found.hash_function == "argon2id"
    parameters = found.hash_function_parameters
    salt = bytes.fromhex(found.hash_function_salt)
    assert len(salt) >= 16
    again = hash_secret_raw(
        PASSWORD.encode(),
        salt,
        time_cost=parameters["time_cost"],
        memory_cost=parameters["memory_cost"],
        parallelism=parameters["parallelism"],
        hash_len=parameters["hash_len"],
        type=Type.ID,
    )
    assert again.hex() == found.secret
    assert PASSWORD not in repr(tuple(found))


def test_the_record_of_a_token_holds_its_digest_and_not_the_token(world: World) -> None:
    found = record(world, "token")
    token = tokens.parse(world.token)
    assert token is not None
    assert (found.hash_function, found.hash_function_parameters) == ("sha256", {})
    assert found.secret == hashlib.sha256(token.secret).hexdigest()
    assert found.hash_function_salt is None or bytes.fromhex(found.hash_function_salt) is not None
    assert world.token not in repr(tuple(found))


def test_nothing_that_protects_an_authentication_leaves_by_the_api(world: World) -> None:
    secrets = [
        str(getattr(record(world, type_), name))
        for type_ in ("password", "token")
        for name in ("hash_function_salt", "secret")
        if getattr(record(world, type_), name)
    ]
    for path in ("/api/v1/users/maya/authentications", "/api/v1/users/maya", "/api/v1/users"):
        answer = world.rig.api.get(path).text
        assert not any(secret in answer for secret in secrets)
    for shown in world.authentications.values():
        assert set(PROTECTED).isdisjoint(shown)
    assert {shown["type"] for shown in world.authentications.values()} == {"password", "token"}


# Dates ---------------------------------------------------------------------------------------------------

EDITS: dict[str, tuple[str, dict[str, Any]]] = {
    "project": (PATHS["project"], {"display_name": "New"}),
    "job": (PATHS["job"], {"description": "New"}),
    "schedule": (PATHS["schedule"], {"expression": "0 3 * * *"}),
    "user": (PATHS["user"], {"display_name": "New"}),
    "worker": (PATHS["worker"], {"note": "New"}),
    "user_authentication": ("", {"description": "New"}),
}


@pytest.mark.parametrize("entity", EDITS)
def test_a_change_moves_the_update_date_and_what_is_no_change_does_not(world: World, entity: str) -> None:
    path, change = EDITS[entity]
    path = path or f"/api/v1/users/maya/authentications/{world.shown[entity]['identifier']}"
    before = world.rig.api.get(path).json()
    start = world.rig.clock.now()
    answer = world.rig.api.patch(path, json=change)
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert after["creation_date"] == before["creation_date"]
    assert start <= datetime.fromisoformat(after["update_date"]) <= world.rig.clock.now()
    assert world.rig.api.patch(path, json=change).json() == after, "the same again is no change"
    assert world.rig.api.patch(path, json={}).json() == after, "nothing is no change"
    assert world.rig.api.get(path).json() == after, "to read is no change"


def test_each_step_of_a_runs_life_moves_its_update_date(world: World) -> None:
    rig = world.rig
    run = str(rig.trigger()["identifier"])
    path = f"/api/v1/runs/{run}"

    def seen() -> str:
        return str(rig.api.get(path).json()["update_date"])

    dates = [seen()]
    for step in (
        lambda: rig.assign(run),
        lambda: rig.api.post(f"{path}/abort").raise_for_status(),
        lambda: rig.finish(run, RunStatus.ABORTED),
    ):
        step()
        dates.append(seen())
        assert seen() == dates[-1]
    assert dates == sorted(set(dates))
    assert rig.api.post(f"{path}/abort").status_code == 200, "the same wish again"
    assert seen() == dates[-1]


def test_a_worker_that_is_heard_of_is_not_updated_by_it(world: World) -> None:
    before = world.rig.api.get(PATHS["worker"]).json()
    world.rig.write(lambda rows: workers.seen(rows, {"w1": 1}, world.rig.clock.now()))
    after = world.rig.api.get(PATHS["worker"]).json()
    assert after["last_seen_date"] > before["last_seen_date"]
    assert after["update_date"] == before["update_date"]
