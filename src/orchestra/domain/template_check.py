"""Checking templates before any run: do the names exist, and may a value stand where it is asked for?

`Known` tells what is known about names at that time; what it does not know is left to the run. All
problems are returned, nothing is raised.
"""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from orchestra.domain.template import MISSING, PLACEHOLDERS, Placeholder, find, misplaced, placeholders, places

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "project": ("identifier", "display_name", "description"),
    "job": ("project", "identifier", "display_name", "description", "group", "revision"),
    "run": ("project", "job", "identifier", "number", "job_revision", "priority", "source", "creation_date"),
}
"""The names under the roots whose names are fixed; `run.source` goes deeper."""

INHERITED: Final = ("PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR")
"""Variables that a command takes over from the worker, beside those that begin with `LC_`."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a template, at character `offset`."""

    offset: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known about the names when a text is checked; None means that only the run will tell.

    `parameters` maps keys to types; `environment` holds the names that the definition sets;
    `refused` maps roots that have no value where the text is used to the reason.
    """

    parameters: Mapping[str, str] | None = None
    services: Mapping[str, Any] | None = None
    environment: Collection[str] | None = None
    refused: Mapping[str, str] = field(default_factory=dict)


def check(run: str | Sequence[str], known: Known) -> tuple[tuple[Flaw, ...], ...]:
    """Return what is wrong with a command: one tuple for shell text, or one for each argument of a vector."""
    if isinstance(run, str):
        return (check_shell(run, known),)
    return tuple(check_text(argument, known) for argument in run)


def check_text(text: str, known: Known) -> tuple[Flaw, ...]:
    """Return what is wrong with a text whose values are put in verbatim."""
    if "\0" in text:
        return (Flaw(text.index("\0"), "a NUL character stands in the text, which no program can be given"),)
    found = placeholders(text)
    if len(found) > PLACEHOLDERS:
        return (Flaw(found[PLACEHOLDERS].offset, f"more than {PLACEHOLDERS} substitutions"),)
    return tuple(Flaw(one.offset, message) for one in found if (message := _unknown(one, known)))


def check_shell(text: str, known: Known) -> tuple[Flaw, ...]:
    """Return what is wrong with a shell text: places where no value may stand, else names."""
    if "\0" in text or len(placeholders(text)) > PLACEHOLDERS:
        return check_text(text, known)
    flaws = []
    for placeholder, spot in places(text):
        is_refused = spot.quoting is None or (spot.is_code and not _is_number(placeholder, known))
        if message := misplaced(placeholder, spot) if is_refused else _unknown(placeholder, known):
            flaws.append(Flaw(placeholder.offset, message))
    return tuple(flaws)


def _is_number(placeholder: Placeholder, known: Known) -> bool:
    """Tell whether the value cannot be but a number or a boolean; only a parameter's type promises that."""
    return placeholder.root == "parameters" and (known.parameters or {}).get(placeholder.path) in (
        "integer",
        "number",
        "boolean",
    )


def _unknown(placeholder: Placeholder, known: Known) -> str:
    """Say what is wrong with the name, as far as it can be known."""
    root, path = placeholder.root, placeholder.path
    if _NAME.fullmatch(path) is None:
        return f"{placeholder} is no substitution; to write it as it is, double the braces: {{{placeholder}}}"
    if reason := known.refused.get(root):
        return f"{placeholder} has no value here: {reason}"
    if root == "worker":
        is_known = path == "identifier" or path.startswith("properties.")
        return "" if is_known else f"unknown name {placeholder}: expected {{worker.properties.NAME}}"
    if root in FIELDS:
        is_known = path in FIELDS[root] or (root == "run" and path.startswith("source."))
        return "" if is_known else _expected(placeholder, FIELDS[root])
    if root == "parameters" and known.parameters is not None and path not in known.parameters:
        return _expected(placeholder, known.parameters)
    if root == "services" and known.services is not None and find(known.services, path) is MISSING:
        return _expected(placeholder, _paths(known.services))
    if root == "environment" and known.environment is not None and not _is_variable(path, known.environment):
        return _expected(placeholder, (*known.environment, *INHERITED))
    return ""


def _is_variable(name: str, own: Collection[str]) -> bool:
    return name in own or name in INHERITED or name.startswith(("LC_", "ORCHESTRA_"))


def _paths(services: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{name}.{key}" for name, service in services.items() for key in service)


def _expected(placeholder: Placeholder, names: Collection[str]) -> str:
    message = f"unknown name {placeholder}"
    if close := difflib.get_close_matches(placeholder.path, names, 1):
        return f"{message}; did you mean {{{placeholder.root}.{close[0]}}}?"
    if not names:
        return f"{message}: there are no {placeholder.root}"
    return f"{message}: expected one of {', '.join(f'{placeholder.root}.{name}' for name in list(names)[:20])}"
