"""Python format strings → our substitutions: `--revision={parameters[revision]}` → `--revision={parameters.revision}`.

The ancestor's executor calls `argument.format(**values)` with these names, and no others:

    parameters, environment, results        mappings, read by [key]
    project_identifier, job_identifier, run_identifier, result_file_path        text

Rules. `{{` and `}}` are braces there; here every brace stands as it is but those around one of our
roots, so literal text is escaped only where it looks like a substitution of ours. A brace right
before a substitution whose closing brace follows would make it a literal: it comes out of the
variable `BRACE`, which the definition then sets. What has no equal here (conversions but `!s`, format
specifications, attributes, positions, whole mappings) is told, never guessed.

`environment` is the file `environment.json` of a worker's machine there. Here that is a property of the
worker; the definition passes it on as a variable of the same name.
"""

import re
import string
from dataclasses import dataclass, field
from typing import Final

from orchestra.domain.definition import VARIABLE
from orchestra.domain.parameters import KEY, KEY_SAYS
from orchestra.domain.template import ROOTS
from orchestra.domain.template_check import INHERITED

BRACE: Final = "OPENING_BRACE"
"""The variable that holds `{` where it cannot stand itself."""

_OURS: Final = re.compile(rf"\{{(?:{'|'.join(ROOTS)})\.[^{{}}\n]*\}}")
_FIELD: Final = re.compile(r"(?P<root>[^.\[\]]*)(?P<rest>.*)", re.DOTALL)
_KEY: Final = re.compile(r"\[([^\]]*)\]")
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")
_TEXTS: Final = {
    "project_identifier": "{project.identifier}",
    "job_identifier": "{job.identifier}",
    "run_identifier": "{run.identifier}",
    "result_file_path": "{environment.ORCHESTRA_RESULTS}",
}
_EXTENDED: Final = ("project", "job", "run")
_KNOWN: Final = ", ".join(("parameters[…]", "environment[…]", "results[…]", *_TEXTS))
_FAILS: Final = "runs end as exception there as well"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Where a format string stands: in a pipeline's element there is no file for results."""

    has_result_file: bool = True


@dataclass(slots=True)
class Used:
    """What the strings of one definition use: keys of parameters, names of environment, and what to tell."""

    parameters: dict[str, None] = field(default_factory=dict)
    settings: dict[str, None] = field(default_factory=dict)
    has_results: bool = False
    needs_brace: bool = False
    remarks: dict[str, None] = field(default_factory=dict)


class NoEqualError(Exception):
    """A format string cannot be written here; the message says what of it, and why."""


def translate(text: str, used: Used, context: Context = Context()) -> str:
    """Return our text for a format string; note in `used` what it takes. Raises NoEqualError."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise NoEqualError(f"{_short(text)} is no format string ({error}); {_FAILS}") from None
    pieces = [""]
    places: list[int] = []
    for literal, name, specification, conversion in parts:
        # Text with doubled braces comes in several parts: together they may look like a substitution of ours.
        pieces[-1] += literal
        if name is None:
            continue
        written = _written(name, specification, conversion)
        if conversion not in (None, "s") or specification not in ("", "s", None):
            raise NoEqualError(f"{written}: conversions and format specifications have no equal here")
        places.append(len(pieces))
        pieces += [_substitution(written, name, used, context), ""]
    pieces[::2] = [_OURS.sub(r"{\g<0>}", literal) for literal in pieces[::2]]
    for place in places:
        _free(pieces, place, used)
    return "".join(pieces)


def _free(pieces: list[str], place: int, used: Used) -> None:
    """Keep the braces around the substitution at `place` from making it a literal."""
    if pieces[place - 1].endswith("{") and pieces[place + 1].startswith("}"):
        pieces[place - 1] = pieces[place - 1][:-1] + f"{{environment.{BRACE}}}"
        used.needs_brace = True


def _substitution(written: str, name: str, used: Used, context: Context) -> str:
    match = _FIELD.fullmatch(name)
    assert match is not None, name
    root, rest = match["root"], match["rest"]
    if root in _TEXTS and not rest:
        if root == "result_file_path" and not context.has_result_file:
            raise NoEqualError(f"{written}: a pipeline's elements have no such file; {_FAILS}")
        return _TEXTS[root]
    if root and not root.isdigit() and root not in ("parameters", "environment", "results", *_EXTENDED):
        raise NoEqualError(f"{written}: expected one of {_KNOWN}; {_FAILS}")
    keys = _keys(written, root, rest)
    path = ".".join(keys)
    if root in _EXTENDED and keys == ["identifier"]:
        used.remarks[f"{written} is no name of Job Orchestra itself; read as the {root}'s identifier"] = None
        return f"{{{root}.identifier}}"
    if root == "parameters":
        if len(keys) > 1 or KEY.fullmatch(path) is None:
            raise NoEqualError(f"{written}: {path!r} is no key of a parameter here: expected {KEY_SAYS}")
        used.parameters[path] = None
        return f"{{parameters.{path}}}"
    if root == "results":
        used.has_results = True
        return f"{{results.{path}}}"
    if root == "environment":
        return _setting(path, used)
    raise NoEqualError(f"{written}: expected one of {_KNOWN}; {_FAILS}")


def _keys(written: str, root: str, rest: str) -> list[str]:
    if not root or root.isdigit():
        raise NoEqualError(f"{written}: there are no values by position; {_FAILS}")
    keys = _KEY.findall(rest)
    if "".join(f"[{key}]" for key in keys) != rest:
        raise NoEqualError(f"{written}: mappings are read by [key]; {_FAILS}")
    if not keys:
        raise NoEqualError(f"{written}: a whole mapping, as Python writes it, has no equal here")
    for key in keys:
        if _NAME.fullmatch(key) is None or key.startswith(".") or (root != "parameters" and key.endswith(".")):
            raise NoEqualError(
                f"{written}: the key {key!r} has other characters than letters, digits, '_', '.' and '-'"
            )
    return keys


def _setting(path: str, used: Used) -> str:
    """What stood in `environment.json`: a variable that the worker gives anyway, or a property of the worker."""
    if path in INHERITED or path.startswith(("LC_", "ORCHESTRA_")):
        return f"{{environment.{path}}}"
    used.settings[path] = None
    is_variable = VARIABLE.fullmatch(path) is not None
    return f"{{environment.{path}}}" if is_variable else f"{{worker.properties.{path}}}"


def _written(name: str, specification: str | None, conversion: str | None) -> str:
    mark = f"!{conversion}" if conversion else ""
    return f"{{{name}{mark}{':' + specification if specification else ''}}}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:59]}…")
