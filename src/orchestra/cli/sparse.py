"""What a file needs to say of an object: its normal form without what follows by itself.

The same tables of fields that check configuration files tell what may be left out, so that a new
field needs nothing here. Durations become text (`30m`), commands without a name or limit of their
own become what was written. Reading a sparse form gives the normal form again.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from orchestra.domain import duration, size
from orchestra.domain.definition import COMMAND, command_name
from orchestra.domain.entries import JOB, PROJECT, SCHEDULE
from orchestra.domain.shapes import Duration, Either, Items, Record, Shape, Size, Table, Tagged

if TYPE_CHECKING:
    from orchestra.client.entities import Job, Project, Schedule


def sparse_project(project: "Project") -> dict[str, Any]:
    """A project's own fields."""
    return _object(PROJECT, project)


def sparse_job(job: "Job") -> dict[str, Any]:
    """A job's fields; `is_enabled` only where it is false: a file that says nothing does not manage it."""
    return _object(JOB, job)


def sparse_schedule(schedule: "Schedule") -> dict[str, Any]:
    """A schedule's fields; `is_enabled` as of jobs."""
    return _object(SCHEDULE, schedule)


def sparse_definition(definition: dict[str, Any]) -> dict[str, Any]:
    """A definition in normal form, as it may have been written."""
    return _only(JOB, "definition", definition)


def sparse_policy(policy: dict[str, Any]) -> dict[str, Any]:
    """What a policy in normal form says beyond the default."""
    return _only(JOB, "policy", policy)


def _only(record: Record, name: str, value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = _sparse(next(field.shape for field in record.fields if field.name == name), value)
    return found


def _object(record: Record, entity: "Job | Project | Schedule") -> dict[str, Any]:
    # By way of JSON, where there are no tuples: the tables of fields compare with lists.
    value: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(entity))
    if value["display_name"] == entity.identifier:
        del value["display_name"]
    if value.get("is_enabled"):
        del value["is_enabled"]
    known = {field.name for field in record.fields}
    return _record(record, {name: one for name, one in value.items() if name in known})


def _sparse(shape: Shape, value: Any) -> Any:
    match shape:
        case Record() if isinstance(value, dict):
            return _record(shape, value)
        case Tagged() if isinstance(value, dict):
            return _record(shape.records[value[shape.tag]], value)
        case Items() if isinstance(value, list | tuple):
            return [_sparse(shape.of, one) for one in value]
        case Table() if isinstance(value, dict):
            return {key: _sparse(shape.of, one) for key, one in value.items()}
        case Either():
            return _either(shape, value)
        case Duration() if isinstance(value, int | float):
            text = duration.text(value)
            return text if duration.parse(text) == value else value
        case Size() if isinstance(value, int):
            return size.text(value)
        case _:
            return value


def _record(record: Record, value: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for field in record.fields:
        one = value.get(field.name)
        if one is None or (not field.required and one == field.default):
            continue
        smaller = _sparse(field.shape, one)
        # A mapping of which nothing is left is its default, except where being there says something.
        if smaller == {} and not field.required and isinstance(field.default, dict):
            continue
        found[field.name] = smaller
    return found


def _says_no_more(command: dict[str, Any]) -> bool:
    """Whether a command has neither a name of its own nor anything else that its long form is for."""
    said = {key for key, value in command.items() if value is not None}
    return said <= {"name", "run"} and command["name"] == command_name(command["run"])


def _either(shape: Either, value: Any) -> Any:
    if shape is COMMAND and isinstance(value, dict) and _says_no_more(value):
        return value["run"]
    if isinstance(value, dict):
        record = next((one for one in shape.shapes if isinstance(one, Record)), None)
        return value if record is None else _record(record, value)
    for one in shape.shapes:
        if isinstance(one, Duration) and isinstance(value, int | float) and not isinstance(value, bool):
            return _sparse(one, value)
        if isinstance(one, Items) and isinstance(value, list | tuple):
            return _sparse(one, value)
    return value
