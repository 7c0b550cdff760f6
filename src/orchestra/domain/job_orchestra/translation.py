"""Records → what they become here, one function for each table but runs (`history`).

Each returns an `Outcome`: the value to store, or None, with the reasons: what is lost, or why nothing can
be taken over. Checks are the ones that a PUT of the same object meets. Identifiers and dates are kept.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from orchestra.domain.access import ASSIGNABLE, Role
from orchestra.domain.definition import IDENTIFIER_SAYS
from orchestra.domain.errors import InvalidContent
from orchestra.domain.ids import is_identifier, is_uuid
from orchestra.domain.job import Job, Parameter
from orchestra.domain.job_orchestra.definition import Definition, definition_of
from orchestra.domain.job_orchestra.exported import (
    ExportedAuthentication,
    ExportedJob,
    ExportedProject,
    ExportedSchedule,
    ExportedUser,
    ExportedWorker,
    Record,
)
from orchestra.domain.job_orchestra.expression import expression_of
from orchestra.domain.manifest import job_from, project_from, schedule_from
from orchestra.domain.parameters import KEY, KEY_SAYS
from orchestra.domain.project import Project
from orchestra.domain.schedule import Schedule
from orchestra.domain.user import AuthenticationType, User, UserAuthentication
from orchestra.domain.worker import Worker

T = TypeVar("T")

NAME_LENGTH: Final = 256
"""Characters of a `display_name`, as in `entries`."""
SLOTS: Final = range(1, 10_001)
_STATUS_PAGE: Final = "include_in_status"
_LIMIT: Final = "executor_limit"


class Support(StrEnum):
    """How much of a record is taken over."""

    FULL = "full"
    PARTIAL = "partial"
    NOT_SUPPORTED = "not_supported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[T]):
    """What became of a record."""

    value: T | None
    reasons: tuple[str, ...] = ()

    @property
    def support(self) -> Support:
        if self.value is None:
            return Support.NOT_SUPPORTED
        return Support.PARTIAL if self.reasons else Support.FULL


def outcome_of(record: Record, make: Callable[[list[str], list[str]], T | None]) -> Outcome[T]:
    """Have `make` fill `reasons` (against it) and `remarks`; put together what it returns with what `record` says."""
    if record.flaw:
        return Outcome(value=None, reasons=(record.flaw,))
    reasons: list[str] = []
    remarks = [f"the key {key!r} has no meaning here and is left out" for key in record.unknown]
    value = make(reasons, remarks)
    if reasons:
        return Outcome(value=None, reasons=tuple(reasons))
    return Outcome(value=value, reasons=tuple(remarks))


def _check_identifier(identifier: str, reasons: list[str]) -> None:
    if not is_identifier(identifier):
        reasons.append(f"{identifier!r} is no identifier here: expected {IDENTIFIER_SAYS}")


def _display_name(given: str, identifier: str, remarks: list[str]) -> str:
    if len(given) > NAME_LENGTH or not given.isprintable():
        remarks.append("display_name has control characters or is too long; it is cut")
        given = "".join(one if one.isprintable() else " " for one in given)[:NAME_LENGTH]
    return given or identifier


# Users --------------------------------------------------------------------------------------------


def user_of(record: ExportedUser) -> Outcome[User]:
    """A user with the roles that exist here: all of the ancestor's standard ones do, with the same meaning."""

    def make(reasons: list[str], remarks: list[str]) -> User:
        _check_identifier(record.identifier, reasons)
        roles = []
        for role in record.roles:
            if role in ASSIGNABLE:
                roles.append(str(role))
            elif role in (Role.DEFAULT, Role.ANONYMOUS):
                remarks.append(f"the role {role} is everybody's here, and stands in no list")
            else:
                remarks.append(f"the role {role!r} is unknown here and gives nothing: expected {', '.join(ASSIGNABLE)}")
        if "Worker" in roles:
            remarks.append("the role Worker connects workers only; runs reach the API by their own ORCHESTRA_TOKEN")
        return User(
            identifier=record.identifier,
            display_name=_display_name(record.display_name, record.identifier, remarks),
            roles=tuple(dict.fromkeys(roles)),
            is_enabled=record.is_enabled,
            creation_date=record.creation_date,
            update_date=record.update_date,
        )

    return outcome_of(record, make)


def authentication_of(record: ExportedAuthentication) -> Outcome[UserAuthentication]:
    """A password or a token as it is: hashes stay, and are replaced by today's when the password is used."""

    def make(reasons: list[str], remarks: list[str]) -> UserAuthentication | None:
        if not is_uuid(record.identifier):
            reasons.append("its identifier is no UUID")
        if record.type == AuthenticationType.PASSWORD:
            _check_password(record, reasons)
        elif record.type == AuthenticationType.TOKEN:
            _check_token(record, reasons, remarks)
        else:
            reasons.append(f"the type {record.type!r} is unknown here: expected {' or '.join(AuthenticationType)}")
        if reasons:
            return None
        return UserAuthentication(
            identifier=record.identifier,
            user=record.user,
            type=AuthenticationType(record.type),
            description=record.description or "",
            hash_function=record.hash_function or "",
            hash_function_parameters=record.hash_function_parameters or {},
            hash_function_salt=record.hash_function_salt,
            secret=record.secret or "",
            expiration_date=record.expiration_date,
            creation_date=record.creation_date,
            update_date=record.update_date,
        )

    return outcome_of(record, make)


ITERATIONS: Final = {"sha256": range(600_000, 10_000_001), "sha512": range(210_000, 10_000_001)}
"""What a password's record may ask of PBKDF2: enough to be safe, and not so much that a sign-in does harm."""
_DIGITS: Final = {"sha256": 64, "sha512": 128}


def _check_password(record: ExportedAuthentication, reasons: list[str]) -> None:
    parameters = record.hash_function_parameters or {}
    name, iterations = str(parameters.get("hash_name")), parameters.get("iterations")
    if record.hash_function != "pbkdf2" or name not in ITERATIONS:
        reasons.append("its hash function is unknown here: expected pbkdf2 with sha256 or sha512; send a reset link")
        return
    if set(parameters) != {"hash_name", "iterations"} or type(iterations) is not int:
        reasons.append("its hash parameters do not fit: expected hash_name and iterations")
    elif iterations not in ITERATIONS[name]:
        least, most = ITERATIONS[name][0], ITERATIONS[name][-1]
        reasons.append(f"it has {iterations} iterations: expected {least} to {most}; send a reset link")
    if not record.hash_function_salt or not _is_hexadecimal(record.hash_function_salt):
        reasons.append("its salt is no hexadecimal text")
    if not _is_digest(record.secret, _DIGITS[name]):
        reasons.append("its secret is no hexadecimal text of the expected length")
    if record.expiration_date is not None:
        reasons.append("it expires, which no password does here")


def _check_token(record: ExportedAuthentication, reasons: list[str], remarks: list[str]) -> None:
    if record.hash_function != "sha256" or record.hash_function_parameters or record.hash_function_salt:
        reasons.append("its hash function is unknown here: expected sha256 without parameters or salt")
    if not _is_digest(record.secret, _DIGITS["sha256"]):
        reasons.append("its secret is no hexadecimal text of 64 characters")
    if record.expiration_date is None:
        remarks.append("it has no expiration date, so it is valid until someone deletes it: replace it soon")


def _is_hexadecimal(text: str) -> bool:
    return len(text) % 2 == 0 and len(text) <= 1024 and all(one in "0123456789abcdefABCDEF" for one in text)


def _is_digest(text: str | None, digits: int) -> bool:
    return text is not None and len(text) == digits and _is_hexadecimal(text)


# Projects and jobs --------------------------------------------------------------------------------


def project_of(record: ExportedProject) -> Outcome[Project]:
    """A project; services that do not fit are left out one by one."""

    def make(reasons: list[str], remarks: list[str]) -> Project | None:
        _check_identifier(record.identifier, reasons)
        if reasons:
            return None
        services = {}
        for name, service in record.services.items():
            try:
                project_from({"services": {name: service}}, record.identifier)
            except InvalidContent as error:
                remarks += [f"left out: {problem}" for problem in error.problems]
            else:
                services[name] = service
        name = _display_name(record.display_name, record.identifier, remarks)
        try:
            entry = project_from({"display_name": name, "services": services}, record.identifier)
        except InvalidContent as error:
            reasons += [str(problem) for problem in error.problems]
            return None
        return Project(
            identifier=entry.identifier,
            display_name=entry.display_name,
            services=entry.services,
            creation_date=record.creation_date,
            update_date=record.update_date,
        )

    return outcome_of(record, make)


def job_of(record: ExportedJob) -> Outcome[Job]:
    """A job with its definition translated; `revision` is the caller's business."""

    def make(reasons: list[str], remarks: list[str]) -> Job | None:
        _check_identifier(record.identifier, reasons)
        made = definition_of(record.definition)
        reasons += made.reasons
        remarks += made.remarks
        parameters = _parameters(record, made, reasons, remarks)
        properties = _properties(record.properties, remarks)
        if reasons:
            return None
        wanted = {
            "display_name": _display_name(record.display_name, record.identifier, remarks),
            "description": record.description,
            "definition": made.value,
            "parameters": parameters,
            "properties": properties,
            "is_enabled": record.is_enabled and not made.is_incomplete,
        }
        try:
            entry = job_from(wanted, record.project, record.identifier)
        except InvalidContent as error:
            reasons += [str(problem) for problem in error.problems]
            return None
        return Job(
            project=entry.project,
            identifier=entry.identifier,
            display_name=entry.display_name,
            description=entry.description,
            definition=entry.definition,
            parameters=entry.parameters,
            properties=entry.properties,
            policy=entry.policy,
            is_enabled=entry.is_enabled is not False,
            creation_date=record.creation_date,
            update_date=record.update_date,
        )

    return outcome_of(record, make)


def _parameters(record: ExportedJob, made: Definition, reasons: list[str], remarks: list[str]) -> list[dict[str, Any]]:
    """The declared parameters, and those that the commands use without."""
    found: dict[str, dict[str, Any]] = {}
    for index, one in enumerate(record.parameters):
        place = f"parameters[{index}]"
        if not isinstance(one, dict) or not isinstance(one.get("key"), str):
            reasons.append(f"{place}: expected a mapping with the text 'key'")
            continue
        key = one["key"]
        if KEY.fullmatch(key) is None:
            remarks.append(f"{place} is left out: {key!r} is no key of a parameter here: expected {KEY_SAYS}")
            continue
        if key in found:
            remarks.append(f"{place} is left out: {key!r} stands twice")
            continue
        remarks += [
            f"{place}: the key {name!r} has no meaning here" for name in one if name not in ("key", "description")
        ]
        found[key] = {"key": key, "description": one.get("description") or ""}
    for key in made.used.parameters:
        if key not in found:
            remarks.append(f"the parameter {key!r} was used but not declared; it is declared now")
            found[key] = {"key": key, "description": ""}
    return list(found.values())


def _properties(given: Mapping[str, Any], remarks: list[str]) -> dict[str, Any]:
    """The properties that match workers; here every one of them does."""
    kept = {}
    for name, value in given.items():
        if name == _STATUS_PAGE:
            remarks.append(
                f"the property {name!r} chose jobs for a page of the website; it is left out, for none has it"
            )
            continue
        try:
            job_from({"definition": {"type": "commands", "commands": ["true"]}, "properties": {name: value}}, "p", "j")
        except InvalidContent as error:
            remarks += [f"left out: {problem}" for problem in error.problems]
        else:
            kept[name] = value
    return kept


# Schedules and workers ----------------------------------------------------------------------------


def schedule_of(
    record: ExportedSchedule, jobs: Mapping[str, tuple[Parameter, ...]], zones: Callable[[], Collection[str]] = tuple
) -> Outcome[Schedule]:
    """A schedule in UTC; `jobs` are the project's. What was missed there was not made up for, so it is not here."""

    def make(reasons: list[str], remarks: list[str]) -> Schedule | None:
        _check_identifier(record.identifier, reasons)
        expression = expression_of(record.expression)
        reasons += [f"expression {record.expression!r}: {problem}" for problem in expression.problems]
        remarks += expression.remarks
        if record.job not in jobs:
            reasons.append(f"its job {record.job!r} is not there")
        if reasons:
            return None
        wanted = {
            "display_name": _display_name(record.display_name, record.identifier, remarks),
            "job": record.job,
            "parameters": record.parameters,
            "expression": expression.text,
            "overlap": "skip",
            "misfire": "none",
        }
        try:
            entry = schedule_from(wanted, record.project, record.identifier, jobs=jobs, zones=zones)
        except InvalidContent as error:
            reasons += [str(problem) for problem in error.problems]
            return None
        return Schedule(
            project=entry.project,
            identifier=entry.identifier,
            display_name=entry.display_name,
            job=entry.job,
            parameters=entry.parameters,
            expression=entry.expression,
            time_zone=entry.time_zone,
            overlap=entry.overlap,
            misfire=entry.misfire,
            is_enabled=record.is_enabled and not expression.fires_more,
            creation_date=record.creation_date,
            update_date=record.update_date,
        )

    return outcome_of(record, make)


def worker_of(record: ExportedWorker) -> Outcome[Worker]:
    """A worker that is away; it comes when one of our workers connects by this name with a token of its owner."""

    def make(reasons: list[str], remarks: list[str]) -> Worker | None:
        _check_identifier(record.identifier, reasons)
        limit = record.properties.get(_LIMIT)
        concurrency = limit if type(limit) is int and limit in SLOTS else 1
        return Worker(
            identifier=record.identifier,
            owner=record.owner,
            version=record.version,
            display_name=_display_name(record.display_name, record.identifier, remarks),
            properties=record.properties,
            concurrency=concurrency,
            is_enabled=record.is_enabled,
            creation_date=record.creation_date,
            update_date=record.update_date,
        )

    return outcome_of(record, make)
