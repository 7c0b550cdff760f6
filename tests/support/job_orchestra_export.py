"""An export as Job Orchestra writes it: its providers' records, through an equivalent of its serializer.

`dataset()` is a small installation that was used for a year: three projects with jobs as their
configuration had them, pipelines, schedules, two workers, five users with passwords and tokens, and a
history. `write` puts it into a folder, one file a table.
"""

import copy
import hashlib
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

Row = dict[str, Any]
Dataset = dict[str, list[Row]]

BORN = datetime(2021, 3, 13, 9, 30, 0, tzinfo=UTC)
CHANGED = datetime(2022, 6, 1, 17, 45, 12, 345678, tzinfo=UTC)
FAR = datetime(2999, 1, 1, tzinfo=UTC)
ITERATIONS = 1_000_000
PASSWORD = "an old password of maya"
TOKEN, EXPIRED_TOKEN, ENDLESS_TOKEN = ("ab" * 32, "cd" * 32, "ef" * 32)

PYTHON = "{environment[orchestra_worker_python_executable]}"
CONFIGURATION = "{environment[orchestra_worker_configuration]}"
SETUP = [PYTHON, "-u", "-m", "scripts.setup", "--configuration", CONFIGURATION, "--results", "{result_file_path}"]
PROJECT = [
    ".venv/scripts/python",
    "-u",
    "development/main.py",
    "--verbosity",
    "debug",
    "--results",
    "{result_file_path}",
]


def uuid_of(number: int) -> str:
    return str(UUID(int=number, version=4))


def dates(created: datetime = BORN, updated: datetime = CHANGED) -> Row:
    return {"creation_date": created, "update_date": updated}


def user(identifier: str, *roles: str, is_enabled: bool = True) -> Row:
    name = identifier.replace("_", " ").title()
    return {"identifier": identifier, "display_name": name, "roles": list(roles), "is_enabled": is_enabled, **dates()}


def password(number: int, user: str, text: str, *, iterations: int = ITERATIONS) -> Row:
    """As `AuthenticationProvider.set_password` leaves it: keys that were never set are absent."""
    salt = hashlib.sha256(user.encode()).hexdigest()
    return {
        "identifier": uuid_of(number),
        "user": user,
        "type": "password",
        "creation_date": BORN,
        "update_date": CHANGED,
        "hash_function": "pbkdf2",
        "hash_function_parameters": {"hash_name": "sha256", "iterations": iterations},
        "hash_function_salt": salt,
        "secret": _pbkdf2(text, salt, iterations),
    }


@cache
def _pbkdf2(text: str, salt: str, iterations: int) -> str:
    """As `AuthenticationProvider.hash_password` computes it."""
    salted = bytes.fromhex(salt)
    return hashlib.pbkdf2_hmac(
        password=text.encode("utf-8"), salt=salted, hash_name="sha256", iterations=iterations
    ).hex()


def token(number: int, user: str, text: str, expiration: datetime | None, description: str = "") -> Row:
    """As `AuthenticationProvider.create_token` stores it."""
    return {
        "identifier": uuid_of(number),
        "user": user,
        "type": "token",
        "description": description,
        "hash_function": "sha256",
        "hash_function_parameters": {},
        "hash_function_salt": None,
        "expiration_date": expiration,
        **dates(),
        "secret": hashlib.sha256(bytes.fromhex(text)).hexdigest(),
    }


def project(identifier: str, services: Row | None = None) -> Row:
    return {"identifier": identifier, "display_name": identifier.title(), "services": services or {}, **dates()}


def job(project: str, identifier: str, definition: Row, **values: Any) -> Row:
    return {
        "project": project,
        "identifier": identifier,
        "display_name": identifier.replace("_", " ").title(),
        "description": f"Runs {identifier}.",
        "definition": definition,
        "parameters": [],
        "properties": {"operating_system": ["linux", "windows"], "is_controller": False},
        "is_enabled": True,
        **dates(),
        **values,
    }


def commands(*vectors: list[str], **more: Any) -> Row:
    return {"type": "job", "commands": list(vectors), **more}


def element(identifier: str, job: str, *after: str, **more: Any) -> Row:
    conditions = [{"element": one, "status": ["succeeded"]} for one in after]
    return {"identifier": identifier, "job": job, **({"after": conditions} if after else {}), **more}


def run(number: int, project: str, job: str, status: str = "succeeded", **values: Any) -> Row:
    created = BORN + timedelta(hours=number)
    started = status in ("running", "succeeded", "failed", "aborted", "exception")
    return {
        "project": project,
        "identifier": uuid_of(1000 + number),
        "job": job,
        "parameters": {},
        "source": {"type": "user", "identifier": "maya"},
        "worker": "host_worker_01" if started else None,
        "status": status,
        "start_date": created + timedelta(seconds=8) if started else None,
        "completion_date": created + timedelta(seconds=68) if started and status != "running" else None,
        "results": {} if started else None,
        "should_cancel": status == "cancelled",
        "should_abort": status == "aborted",
        **dates(created, created + timedelta(seconds=70)),
        **values,
    }


def schedule(project: str, identifier: str, job: str, expression: str, **values: Any) -> Row:
    return {
        "project": project,
        "identifier": identifier,
        "display_name": identifier.title(),
        "job": job,
        "parameters": {},
        "expression": expression,
        "is_enabled": True,
        "last_run": None,
        **dates(),
        **values,
    }


def worker(identifier: str, owner: str, properties: Row, **values: Any) -> Row:
    return {
        "identifier": identifier,
        "owner": owner,
        "version": "3.0+427b2ed",
        "display_name": identifier,
        "properties": properties,
        "is_enabled": True,
        "is_active": True,
        "should_disconnect": False,
        **dates(),
        **values,
    }


REVISION = [{"key": "revision", "description": "Revision for the source repository"}]
OF_RESULTS = {"revision": "{results[revision_control][revision]}"}


def jobs() -> list[Row]:
    status = {"operating_system": ["linux", "windows"], "is_controller": False, "include_in_status": True}
    show = ["printf", "%s|", "{parameters[text_to_print]}", "{{{parameters[text_to_print]}}}", "{project_identifier}"]
    shown = [*show, "{job_identifier}", "{run_identifier}", '{{"json": "{parameters[text_to_print]}"}}', "${{HOME}}"]
    return [
        job("example", "empty", commands()),
        job("example", "hello", commands(["python3", "-c", "print('hello')"])),
        job("example", "show", commands(shown), parameters=[{"key": "text_to_print", "description": "Text"}]),
        job("example", "result", commands(
            ["sh", "-c", 'echo "{{\\"a\\": {{\\"b\\": \\"c d\\"}}}}" > "$1"', "sh", "{result_file_path}"],
            ["printf", "%s|", "{results[a][b]}"],
        )),
        job("example", "exception", commands(["python3", "-c", "print('{undefined}')"])),
        job("example", "unwritten", {}),
        job("example", "bare", commands(["echo", "{parameters[branch]}", "{environment[HOME]}"])),
        job("example", "setting", commands([PYTHON, "-c", "import sys; print(sys.argv[1])", CONFIGURATION])),
        job("example", "disabled", commands(["true"]), is_enabled=False),
        job("example", "pipeline", {"type": "pipeline", "elements": [
            element("first", "hello"), element("second", "hello", "first"),
            element("third", "hello", "first", "second"),
        ]}),
        job("example", "pipeline_exception", {"type": "pipeline", "elements": [element("only", "unknown")]}),
        job("toolkit", "check", commands(
            [*SETUP, "--repository", "https://example.org/r.git", "--revision", "{parameters[revision]}"],
            [*PROJECT, "clean"], [*PROJECT, "develop"], [*PROJECT, "lint"],
        ), parameters=REVISION, properties=status),
        job("toolkit", "distribute", commands(
            [*PROJECT, "distribute", "package"],
            setup_commands=[[*SETUP, "--revision", "{parameters[revision]}"]],
            teardown_commands=[["rm", "-rf", ".venv"]],
        ), parameters=REVISION),
        job("toolkit", "development_pipeline", {
            "type": "pipeline",
            "setup_commands": [[*SETUP, "--revision", "{parameters[revision]}"]],
            "elements": [
                element("check", "check", parameters=OF_RESULTS),
                element("distribute", "distribute", "check", parameters=OF_RESULTS),
            ],
        }, parameters=REVISION),
    ]  # fmt: skip


def runs() -> list[Row]:
    by_schedule = {"type": "schedule", "identifier": "nightly"}
    by_run = {"type": "run", "project": "example", "identifier": uuid_of(1003)}
    return [
        run(1, "example", "hello", results={"tests": {"passed": 3}}),
        run(2, "example", "hello", "failed"),
        run(3, "example", "pipeline", results={"pipeline": {"elements": [], "inner_runs": []}}),
        run(4, "example", "hello", source=by_run),
        run(5, "example", "hello", "cancelled", source=by_schedule),
        run(6, "example", "show", "aborted", parameters={"text_to_print": "é 'q'"}),
        run(7, "example", "hello", "exception"),
        run(8, "example", "hello", "running"),
        run(9, "example", "hello", "pending"),
        run(10, "example", "deleted", "succeeded"),
    ]


def dataset() -> Dataset:
    """What stands in the database of the installation; a fresh copy each time."""
    services = {"revision_control": {"type": "github", "repository": "o/r", "branches_for_status": ["master"]}}
    properties = {"operating_system": "linux", "is_controller": False, "executor_limit": 3}
    return copy.deepcopy({
        "user": [
            user("boss", "Administrator"),
            user("maya", "Operator", "Viewer"),
            user("host_worker", "Worker"),
            user("gone", "Viewer", is_enabled=False),
            user("custom", "Auditor", "Deployer"),
        ],
        "user_authentication": [
            password(1, "maya", PASSWORD),
            token(2, "maya", TOKEN, FAR, "Command line"),
            token(3, "maya", EXPIRED_TOKEN, CHANGED),
            token(4, "host_worker", ENDLESS_TOKEN, None),
            {**password(5, "gone", "gone"), "hash_function": "scrypt"},
        ],
        "project": [project("example"), project("toolkit", services), project("odd", {"number": 5})],
        "job": jobs(),
        "run": runs(),
        "schedule": [
            schedule("example", "nightly", "hello", "0 0 * * *", last_run=uuid_of(1005)),
            schedule("example", "firsts", "hello", "0 3 1-7 * mon"),
            schedule("example", "broken", "hello", "61 * * * *", is_enabled=False),
            schedule("toolkit", "weekly", "check", "*/15 8-18 * * monday", parameters={"revision": "develop"}),
        ],
        "worker": [
            worker("host_worker_01", "host_worker", properties),
            worker("host_controller", "nobody", {**properties, "is_controller": True}),
        ],
    })  # fmt: skip


def texts(tables: Dataset) -> dict[str, str]:
    """File name → text, as `JsonSerializer.serialize_to_file` writes it."""
    return {f"{table}.json": json.dumps(rows, default=_isoformat, indent=4) for table, rows in tables.items()}


def write(tables: Dataset, directory: Path) -> Path:
    directory.mkdir()
    for name, text in texts(tables).items():
        (directory / name).write_text(text, encoding="utf-8")
    return directory


def _isoformat(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(value)
