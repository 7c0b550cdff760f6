"""S-13: what the server decides never comes from a body: an extra key is refused by name, and nothing is stored.

Generated: every operation that takes a body (OpenAPI) × every field of every entity that its body does not
have. A new operation fails until `BODIES` has a body that fits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, select

from integration.service.rig import Rig, running
from orchestra.service.app import create_litestar
from orchestra.service.openapi import document
from orchestra.storage import schema

PASSWORD = "a long sentence that nobody guesses"
FILE = {
    "name": "a.yaml",
    "content": "projects: {elsewhere: {jobs: {build: {definition: {type: commands, commands: [id]}}}}}",
}
JOB = {"definition": {"type": "commands", "commands": ["id"]}}
SCHEDULE = {"job": "build", "expression": "0 4 * * *"}
BODIES: Mapping[str, Any] = {
    "applyConfiguration": {"files": [FILE]},
    "planConfiguration": {"files": [FILE]},
    "importJobOrchestra": {"files": [{"name": "user.json", "content": "[]"}]},
    "createOwnToken": {"description": "mine"},
    "changeOwnToken": {"description": "still mine"},
    "signIn": {"token": "{token}"},
    "setOwnPassword": {"password": PASSWORD},
    "setPasswordByLink": {"code": "{code}", "password": PASSWORD},
    "reauthenticate": {"token": "{token}"},
    "putProject": {"display_name": "Core"},
    "changeProject": {"description": "the core"},
    "putJob": JOB,
    "changeJob": {"description": "builds"},
    "triggerJob": {"parameters": {}},
    "putSchedule": SCHEDULE,
    "changeSchedule": {"expression": "0 5 * * *"},
    "closeRun": {"reason": "the machine was sold"},
    "retryRun": {"parameters": {}},
    "putUser": {"roles": ["Viewer"]},
    "changeUser": {"display_name": "U"},
    "createToken": {"description": "theirs"},
    "changeAuthentication": {"description": "still theirs"},
    "setPassword": {"password": PASSWORD},
    "changeWorker": {"note": "spare"},
    "bulkRuns": {"action": "cancel", "q": "status:pending"},
}
"""A body that fits, by operation; names in braces are filled in."""
ANSWERS = {"reauthenticate": 409, "closeRun": 409}
"""Where a body that fits is not all that it takes: a token has no session that could prove itself again, and the run
has ended."""
NESTED = [
    ("putJob", {**JOB, "parameters": [{"key": "a", "{forged}": 1}]}),
    ("putJob", {"definition": {**JOB["definition"], "{forged}": 1}}),
    ("putJob", {"definition": {"type": "commands", "commands": [{"run": "id", "{forged}": 1}]}}),
    ("putJob", {**JOB, "policy": {"{forged}": 1}}),
    ("applyConfiguration", {"files": [{**FILE, "{forged}": 1}]}),
    ("applyConfiguration", {"files": [{**FILE, "content": "projects: {elsewhere: {'{forged}': 1}}"}]}),
    ("applyConfiguration", {"files": [{**FILE, "content": "projects: {elsewhere: {jobs: {build: {'{forged}': 1}}}}"}]}),
    ("importJobOrchestra", {"files": [{"name": "user.json", "content": "[]", "{forged}": 1}]}),
]


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    fields: frozenset[str] | None
    """What its body may have; None: it takes no body."""

    def __str__(self) -> str:
        return self.name


def _operations() -> tuple[list[Operation], frozenset[str]]:
    """(Operations that change something, every field of everything)."""
    found = document(create_litestar())
    schemas = found["components"]["schemas"]
    operations = []
    for path, methods in found["paths"].items():
        for method in sorted({"post", "put", "patch"} & set(methods)):
            one = methods[method]
            fields = None
            if "requestBody" in one:
                (media,) = one["requestBody"]["content"].values()
                fields = frozenset(schemas[media["schema"]["$ref"].rpartition("/")[2]]["properties"])
            operations.append(Operation(one["operationId"], method.upper(), path, fields))
    names = frozenset(
        name for shape in schemas.values() for name in shape.get("properties", {}) if shape.get("type") == "object"
    )
    columns = frozenset(column.name for table in schema.metadata.tables.values() for column in table.columns)
    return sorted(operations, key=str), names | columns | {"extra", "__class__", "id", "is_admin"}


OPERATIONS, FIELDS = _operations()


@dataclass
class World:
    rig: Rig
    client: httpx.Client
    names: dict[str, str]

    def send(self, one: Operation, body: Any) -> httpx.Response:
        path = one.path
        for name, value in self.names.items():
            path = path.replace(f"{{{name}}}", value)
        if one.path.startswith("/api/v1/me/"):
            path = path.replace(self.names["identifier"], self.names["own"])
        return self.client.request(one.method, path, json=body)

    def fill(self, body: Any, **more: str) -> Any:
        text = json.dumps(body)
        for name, value in (self.names | more).items():
            text = text.replace(f"{{{name}}}", value)
        return json.loads(text)

    def stored(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in the database, but for when something was used."""

        def read(rows: Connection) -> dict[str, list[tuple[Any, ...]]]:
            found = {}
            for table in schema.metadata.sorted_tables:
                columns = [one for one in table.columns if one.name not in ("last_use_date", "last_seen_date")]
                found[table.name] = sorted((tuple(row) for row in rows.execute(select(*columns))), key=repr)
            return found

        return self.rig.read(read)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("mass")) as rig:
        rig.job()
        rig.api.put("/api/v1/projects/core/schedules/nightly", json=SCHEDULE).raise_for_status()
        rig.worker()
        client = rig.user("ada", "Administrator")
        own = client.post("/api/v1/me/authentications", json={}).json()
        rig.api.put("/api/v1/users/u9", json={"roles": []}).raise_for_status()
        theirs = rig.api.post("/api/v1/users/u9/authentications", json={}).json()
        rig.api.put("/api/v1/users/invited", json={}).raise_for_status()
        code = rig.api.post("/api/v1/users/invited/link").json()["code"]
        names = {
            "project": "core",
            "job": "build",
            "schedule": "nightly",
            "worker": "w1",
            "user": "u9",
            "run": rig.done(),
            "identifier": theirs["identifier"],
            "own": own["identifier"],
            "token": own["secret"],
            "code": code,
        }
        # Noted to the minute: the first use is over before anything is compared.
        client.get("/api/v1/me").raise_for_status()
        yield World(rig, client, names)


WITH_BODY = [one for one in OPERATIONS if one.fields is not None]


def test_s13_every_operation_with_a_body_is_tried() -> None:
    assert {one.name for one in WITH_BODY} <= set(BODIES)


@pytest.mark.parametrize("one", WITH_BODY, ids=str)
def test_s13_extra_keys_are_refused_by_name_and_store_nothing(world: World, one: Operation) -> None:
    before, body = world.stored(), world.fill(BODIES[one.name])
    assert one.fields is not None
    for forged in sorted(FIELDS - one.fields):
        answer = world.send(one, {**body, forged: body.get("description", "x")})
        assert answer.status_code == 422, f"{forged}: {answer.text}"
        assert any(forged in problem["path"] or forged in problem["message"] for problem in answer.json()["errors"])
    together = {**body, **dict.fromkeys(FIELDS - one.fields)}
    named = {problem["path"] for problem in world.send(one, together).json()["errors"]}
    assert len(named) > 1, "all problems at once"
    assert world.stored() == before
    answer = world.send(one, body)
    assert answer.status_code == ANSWERS.get(one.name, answer.status_code if answer.is_success else 200), answer.text


@pytest.mark.parametrize(("name", "body"), NESTED)
@pytest.mark.parametrize("forged", ["source", "worker", "status", "managed_by", "revision", "creation_date", "extra"])
def test_s13_extra_keys_inside_are_refused_too(world: World, name: str, body: Any, forged: str) -> None:
    (one,) = (found for found in OPERATIONS if found.name == name)
    before = world.stored()
    answer = world.send(one, world.fill(body, forged=forged))
    assert answer.status_code == 422, answer.text
    assert forged in json.dumps(answer.json()["errors"])
    assert world.stored() == before


@pytest.mark.parametrize("one", [one for one in OPERATIONS if one.fields is None], ids=str)
def test_s13_what_takes_no_body_takes_nothing_of_one(world: World, one: Operation) -> None:
    """The answer is the one without a body, or a refusal; no field of any entity is what was sent."""
    forged = dict.fromkeys(FIELDS, "forged-value")
    answer = world.send(one, forged)
    assert answer.status_code < 500
    assert "forged-value" not in json.dumps(world.stored(), default=str)
