"""Job: what to execute, with which parameters, on which workers, under which policy.

`definition` and `policy` are kept as the plain (JSON) values in their normal form that
`manifest` checked and completed; `commands_definition` and `policy` here read them as typed values.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from orchestra.domain.project import MANAGED_BY_API

PRIORITY_LOWEST: Final = -100
PRIORITY_HIGHEST: Final = 100


class ParameterType(StrEnum):
    """How a parameter's value is checked, converted and stored."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    TEXT = "text"
    SECRET = "secret"


ParameterValue = bool | int | float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a job; `pattern` must match the whole value, `choices` are allowed values."""

    key: str
    description: str = ""
    type: ParameterType = ParameterType.STRING
    default: ParameterValue | None = None
    is_required: bool = False
    choices: tuple[ParameterValue, ...] = ()
    pattern: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """At most `limit` runs of `group` (a template, unique per project) are assigned or running."""

    group: str
    limit: int = 1
    overflow: str = "queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Start a new run after a run that ended by one of the causes in `on` (or exit codes), `limit` times."""

    limit: int
    on: tuple[str, ...] = ()
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How runs of a job are queued and what happens when things go wrong; durations in seconds."""

    priority: int = 0
    concurrency: Concurrency | None = None
    expiration_s: float | None = None
    retry: Retry | None = None
    fail_after_s: float | None = 86_400.0
    """`on_worker_lost`: seconds without a word from the worker until its runs end; None waits for ever."""
    retention: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as stored. `revision` grows by 1 with each change of definition, parameters, properties or policy."""

    project: str
    identifier: str
    display_name: str
    description: str = ""
    definition: dict[str, Any]
    parameters: tuple[Parameter, ...] = ()
    properties: dict[str, Any] = field(default_factory=dict)
    group: str = ""
    policy: dict[str, Any] = field(default_factory=dict)
    revision: int = 1
    managed_by: str = MANAGED_BY_API
    is_enabled: bool = True
    creation_date: datetime
    update_date: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command: `run` is a string for `sh -c`, or an argument vector."""

    name: str
    run: str | tuple[str, ...]
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandsDefinition:
    """A definition of type `commands`, durations in seconds."""

    commands: tuple[Command, ...]
    cleanup: tuple[Command, ...] = ()
    """The commands under `finally`."""
    environment: dict[str, str] = field(default_factory=dict)
    workspace: str = "reuse"
    timeout_s: float | None = None
    silence_timeout_s: float | None = None
    grace_s: float = 10.0
    artifacts: tuple[str, ...] = ()


def commands_definition(value: dict[str, Any]) -> CommandsDefinition:
    """Read a definition of type `commands`; fields that an older release did not write have their defaults."""
    plain = CommandsDefinition(commands=())
    return CommandsDefinition(
        commands=tuple(_command(one) for one in value["commands"]),
        cleanup=tuple(_command(one) for one in value.get("finally", ())),
        environment=dict(value.get("environment", {})),
        workspace=value.get("workspace", plain.workspace),
        timeout_s=value.get("timeout"),
        silence_timeout_s=value.get("silence_timeout"),
        grace_s=value.get("grace", plain.grace_s),
        artifacts=tuple(value.get("artifacts", ())),
    )


def _command(value: dict[str, Any]) -> Command:
    run = value["run"]
    return Command(name=value["name"], run=run if isinstance(run, str) else tuple(run), timeout_s=value.get("timeout"))


def policy(value: dict[str, Any]) -> Policy:
    """Read a policy; fields that an older release did not write have their defaults, so `{}` is the default policy."""
    plain = Policy()
    concurrency, retry = value.get("concurrency"), value.get("retry")
    lost = value.get("on_worker_lost", {"fail_after": plain.fail_after_s})
    return Policy(
        priority=value.get("priority", plain.priority),
        concurrency=None if concurrency is None else Concurrency(**concurrency),
        expiration_s=value.get("expiration"),
        retry=None if retry is None else Retry(limit=retry["limit"], on=tuple(retry["on"]), delay_s=retry["delay"]),
        fail_after_s=None if lost == "wait" else lost["fail_after"],
        retention=value.get("retention", {}),
    )
