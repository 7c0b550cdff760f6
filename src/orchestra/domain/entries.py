"""Entries: a project, a job, a schedule as files and requests want them: their fields, and their values.

One table of fields for each serves the check, the normal form, the JSON Schema and the editor's help.
Whether an entry fits to others (jobs that it names) is `manifest`'s business.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from orchestra.domain import cron, policy
from orchestra.domain.definition import DEFINITION, IDENTIFIER, IDENTIFIER_SAYS
from orchestra.domain.job import Parameter
from orchestra.domain.job_check import check_job, child
from orchestra.domain.parameters import KEY, KEY_SAYS, PARAMETERS, parameters_of
from orchestra.domain.project import MANAGED_BY_API
from orchestra.domain.schedule import MISFIRES, OVERLAPS
from orchestra.domain.shapes import BAD, Anything, Choice, Duration, Field, Flag, Record, Table, Text, check
from orchestra.domain.tree import Node, Report, expected, joined

Zones = Callable[[], Collection[str]]
"""Gives the names of all time zones (IANA); asked for only when a file names one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectEntry:
    """A project as it is wanted. `is_declared`: something of its own is said, not only what it holds."""

    identifier: str
    display_name: str
    description: str = ""
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    managed_by: str = MANAGED_BY_API
    is_declared: bool = True
    node: Node | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEntry:
    """A job as it is wanted; `is_enabled` None is not managed."""

    project: str
    identifier: str
    display_name: str
    description: str = ""
    definition: dict[str, Any]
    parameters: tuple[Parameter, ...] = ()
    properties: dict[str, Any] = field(default_factory=dict)
    group: str = ""
    policy: dict[str, Any] = field(default_factory=dict)
    managed_by: str = MANAGED_BY_API
    is_enabled: bool | None = None
    node: Node | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleEntry:
    """A schedule as it is wanted; `is_enabled` None is not managed."""

    project: str
    identifier: str
    display_name: str
    job: str
    parameters: dict[str, Any] = field(default_factory=dict)
    expression: str
    time_zone: str = "UTC"
    overlap: str = "skip"
    misfire: str = "latest"
    misfire_window_s: float = 86_400.0
    jitter_s: float = 0.0
    managed_by: str = MANAGED_BY_API
    is_enabled: bool | None = None
    node: Node | None = field(default=None, repr=False, compare=False)


# Fields -------------------------------------------------------------------------------------------

_SERVICES_BYTES: Final = 32_768
_DISPLAY_NAME: Final = Field(
    name="display_name", shape=Text(longest=256), doc="The name that people see; by default the identifier."
)
_DESCRIPTION: Final = Field(
    name="description", shape=Text(longest=4096, lines=True), doc="What people should know about it.", default=""
)
_IS_ENABLED: Final = Field(
    name="is_enabled", shape=Flag(), doc="Absent: not managed here, what an operator has set stays."
)
_SERVICE: Final = Table(of=Anything(), key=KEY, key_says=KEY_SAYS, most=100)


def _check_services(value: dict[str, Any], node: Node, path: str, report: Report) -> None:
    if (size := len(str(value).encode("utf-8", "replace"))) > _SERVICES_BYTES:
        report.add(node, path, f"the services have {size} bytes together, more than {_SERVICES_BYTES}")


PROJECT: Final = Record(
    fields=(
        _DISPLAY_NAME,
        _DESCRIPTION,
        Field(
            name="services",
            shape=Table(of=_SERVICE, key=KEY, key_says=KEY_SAYS, most=100, also=_check_services),
            doc="What jobs of the project use: name → mapping, read by {services.NAME.KEY}.",
            default={},
        ),
    )
)


def _check_property(value: Any, node: Node, path: str, report: Report) -> None:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict | list) or one is None:
            report.add(node, path, "expected a text, a number, a boolean, or a list of these")
            return
        if isinstance(one, str) and len(one) > 1024:
            report.add(node, path, f"expected at most 1024 characters, got {len(one)}")
    if isinstance(value, str) and (match := _COMPARISON.match(value)) and match.end() == len(value):
        report.add(node, path, f"expected a number or a version behind {match[0].strip()!r}")


_COMPARISON: Final = re.compile(r"\s*(?:>=|<=|!=|>|<)\s*")
_SCALAR_SCHEMA: Final = {"type": ["string", "number", "boolean"]}

JOB: Final = Record(
    fields=(
        _DISPLAY_NAME,
        _DESCRIPTION,
        Field(
            name="group",
            shape=Text(
                longest=256, pattern=re.compile(r"(?:[^/\s][^/]*(?:/[^/\s][^/]*)*)?"), says="a path such as a/b"
            ),
            doc="Where the job stands in lists: a path such as nightly/db.",
            default="",
        ),
        Field(name="parameters", shape=PARAMETERS, doc="What a trigger may give.", default=[]),
        Field(
            name="properties",
            shape=Table(
                of=Anything(
                    schema={"anyOf": [_SCALAR_SCHEMA, {"type": "array", "items": _SCALAR_SCHEMA}]},
                    also=_check_property,
                ),
                key=KEY,
                key_says=KEY_SAYS,
                most=100,
            ),
            doc='What a worker must have: a value, a list of values, a comparison such as ">=3.11", or "*" for any.',
            default={},
        ),
        Field(
            name="policy", shape=policy.POLICY, doc="How runs wait, and what follows failures.", default=policy.DEFAULT
        ),
        Field(name="definition", shape=DEFINITION, doc="What is executed.", required=True),
        _IS_ENABLED,
    )
)


def _check_expression(value: str, node: Node, path: str, report: Report) -> None:
    for problem in cron.problems(value):
        report.add(node, path, problem)


SCHEDULE: Final = Record(
    fields=(
        _DISPLAY_NAME,
        Field(
            name="job",
            shape=Text(longest=128, pattern=IDENTIFIER, says=IDENTIFIER_SAYS),
            doc="The job of the project that it triggers.",
            required=True,
        ),
        Field(name="parameters", shape=Table(of=Anything(), key=KEY, key_says=KEY_SAYS), doc="Its values.", default={}),
        Field(
            name="expression",
            shape=Text(longest=256, also=_check_expression),
            doc="A cron expression: minute, hour, day, month, weekday; or a macro such as @daily.",
            required=True,
        ),
        Field(name="time_zone", shape=Text(longest=64), doc="An IANA time zone such as Europe/Paris.", default="UTC"),
        Field(
            name="overlap",
            shape=Choice(choices=OVERLAPS, what="overlap"),
            doc="What happens when an earlier run has not ended.",
            default="skip",
        ),
        Field(
            name="misfire",
            shape=Choice(choices=MISFIRES, what="misfire"),
            doc="Which missed firings are made up for.",
            default="latest",
        ),
        Field(name="misfire_window", shape=Duration(), doc="How far back missed firings count.", default=86_400.0),
        Field(name="jitter", shape=Duration(most=86_400.0), doc="Starts are spread over this time.", default=0.0),
        _IS_ENABLED,
    )
)


# Reading ------------------------------------------------------------------------------------------


def project_entry(node: Node, identifier: str, path: str, report: Report) -> ProjectEntry | None:
    value = check(PROJECT, node, path, report)
    if value is BAD or not is_identifier(identifier, node, path, report):
        return None
    return ProjectEntry(
        identifier=identifier,
        display_name=value["display_name"] or identifier,
        description=value["description"],
        services=value["services"],
        is_declared=bool(node.value),
        node=node,
    )


def job_entry(
    node: Node, project: str, identifier: str, path: str, report: Report, *, services: Mapping[str, Any] | None
) -> JobEntry | None:
    value = check(JOB, node, path, report)
    check_job(node, path, services, report)
    if value is BAD or not is_identifier(identifier, node, path, report):
        return None
    return JobEntry(
        project=project,
        identifier=identifier,
        display_name=value["display_name"] or identifier,
        description=value["description"],
        definition=value["definition"],
        parameters=parameters_of(value["parameters"]),
        properties=value["properties"],
        group=value["group"],
        policy=value["policy"],
        is_enabled=value["is_enabled"],
        node=node,
    )


def schedule_entry(
    node: Node, project: str, identifier: str, path: str, report: Report, *, zones: Zones
) -> ScheduleEntry | None:
    value = check(SCHEDULE, node, path, report)
    zone = child(node, "time_zone")
    if (
        zone is not None
        and isinstance(zone.value, str)
        and zone.value != "UTC"
        and zone.value not in (names := zones())
    ):
        report.add(zone, joined(path, "time_zone"), unknown_zone(zone.value, names))
        return None
    if value is BAD or not is_identifier(identifier, node, path, report):
        return None
    return ScheduleEntry(
        project=project,
        identifier=identifier,
        display_name=value["display_name"] or identifier,
        job=value["job"],
        parameters=value["parameters"],
        expression=value["expression"],
        time_zone=value["time_zone"],
        overlap=value["overlap"],
        misfire=value["misfire"],
        misfire_window_s=value["misfire_window"],
        jitter_s=value["jitter"],
        is_enabled=value["is_enabled"],
        node=node,
    )


def unknown_zone(zone: str, names: Collection[str]) -> str:
    """Say that `zone` is none of `names`, and which was meant."""
    by_lower = {name.lower(): name for name in names}
    if zone.lower() in by_lower:
        return f"unknown time zone {zone!r}; did you mean {by_lower[zone.lower()]!r}?"
    message = expected("time zone", zone, sorted(names))
    return message if "did you mean" in message else f"unknown time zone {zone!r}: expected a name such as Europe/Paris"


def is_identifier(text: str, node: Node, path: str, report: Report) -> bool:
    is_valid = IDENTIFIER.fullmatch(text) is not None
    if not is_valid:
        report.add(node, path, f"{text!r} is no identifier: expected {IDENTIFIER_SAYS}")
    return is_valid
