r"""Parameters in commands: `{parameters.name}` reaches a program as a value, never as program text.

    echo "Hello, {parameters.name}"  ──prepare──►  echo "Hello, ${ORCHESTRA_VALUE_1}"
                                                   ORCHESTRA_VALUE_1=Ada $(rm -rf /)

Rules. A pair of braces is a substitution only when it begins with one of `ROOTS` and a dot; every
other brace stands as it is; `{{parameters.x}}` writes `{parameters.x}`. Argument vectors take the
value verbatim inside the one argument. In shell text the value travels in an environment variable
and the placeholder becomes that variable's expansion, written for the quoting in which it stands
(`shell.spots`); where that cannot be known the text is refused. One pass: what a value holds is
never looked at again. `template_check` tells the author all problems; here the first one raises
`BadTemplateError`, and the run ends with the cause `bad_template`.

It does not know where values come from, nor what else is in a command's environment.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from orchestra.domain.shell import spots
from orchestra.domain.shell_words import MARK, Quoting, Spot

ROOTS: Final = ("parameters", "project", "job", "run", "worker", "results", "services", "environment")

PLACEHOLDERS: Final = 1000
"""Most substitutions in one text: reading it stays quick."""

ARGUMENT_BYTES: Final = 131_072
"""Linux takes no argument and no `NAME=value` longer than this, final NUL included (execve(2), MAX_ARG_STRLEN)."""

SHELL: Final = "/bin/sh"

_SUBSTITUTION: Final = re.compile(
    rf"\{{\{{(?P<literal>(?:{'|'.join(ROOTS)})\.[^{{}}\n]*)\}}\}}"
    rf"|\{{(?P<root>{'|'.join(ROOTS)})\.(?P<path>[^{{}}\n]*)\}}"
)


class BadTemplateError(Exception):
    """A substitution has no value, or stands or holds what cannot be; the message is one for the run's cause."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`{root.path}` at character `offset` of the text."""

    root: str
    path: str
    offset: int

    def __str__(self) -> str:
        return f"{{{self.root}.{self.path}}}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What to execute: the argument vector, and the variables that it needs beside the run's environment."""

    argv: tuple[str, ...]
    environment: dict[str, str]


# For the worker -----------------------------------------------------------------------------------


def prepare(run: str | Sequence[str], values: Mapping[str, Any]) -> Prepared:
    """Turn a command into what is executed.

    `run` is shell text or an argument vector; `values` maps each root to its tree (JSON values;
    `worker` to `{"properties": …}`, `results` to what the results file holds now). Raises
    `BadTemplateError`.
    """
    if not isinstance(run, str):
        return Prepared(tuple(fill(argument, values) for argument in run), {})
    pieces: list[str] = []
    variables: dict[str, str] = {}
    environment: dict[str, str] = {}
    for part in _compiled(run):
        if isinstance(part, str):
            pieces.append(part)
            continue
        placeholder, spot = part
        name = str(placeholder)
        value = _value(placeholder, values)
        if spot.quoting is None or (spot.is_code and not isinstance(value, int | float) and text_of(value)):
            raise BadTemplateError(misplaced(placeholder, spot))
        if name not in variables:
            variables[name] = f"ORCHESTRA_VALUE_{len(variables) + 1}"
            environment[variables[name]] = _fitting(text_of(value), name, len(variables[name]) + 1)
        pieces.append(_EXPANSIONS[spot.quoting].format(variables[name]))
    text = "".join(pieces)
    if text.startswith(("-", "+")):
        text = f" {text}"  # sh would take it for an option, although it stands behind -c
    return Prepared((SHELL, "-c", _fitting(text, "the command")), environment)


def fill(text: str, values: Mapping[str, Any], quote: Callable[[str], str] = str) -> str:
    """Put the values into `text` verbatim: for one argument, a variable, a path. Raises `BadTemplateError`.

    `quote` makes a value stand for itself where the text is read as more than text.
    """
    filled = "".join(part if isinstance(part, str) else quote(text_of(_value(part, values))) for part in _parts(text))
    return _fitting(filled, repr(text[:80]))


def prepare_environment(environment: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
    """Put the values into the variables of a definition; `values["environment"]` is what they are added to."""
    return {name: _fitting(fill(text, values), name, len(name) + 1) for name, text in environment.items()}


def parameter_variable(key: str) -> str:
    """Return the variable that carries the parameter `key` to the commands."""
    return "ORCHESTRA_PARAMETER_" + re.sub("[^A-Z0-9]", "_", key.upper())


def parameter_environment(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of a run's parameters. Raises `BadTemplateError` for what no variable can hold."""
    names = {key: parameter_variable(key) for key in parameters}
    return {
        names[key]: _fitting(text_of(value), f"the parameter {key}", len(names[key]) + 1)
        for key, value in parameters.items()
    }


def text_of(value: Any) -> str:
    """Write a JSON value as text: strings as they are, null as nothing, lists and dictionaries as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_EXPANSIONS: Final = {
    Quoting.UNQUOTED: '"${{{}}}"',
    Quoting.DOUBLE: "${{{}}}",
    Quoting.SINGLE: "'\"${{{}}}\"'",
}


def _fitting(text: str, what: str, extra: int = 0) -> str:
    """Return `text` if a process can be given it; `extra` bytes stand before it."""
    if "\0" in text:
        raise BadTemplateError(f"{what} holds a NUL character, which no program can be given")
    try:
        size = len(text.encode("utf-8", "surrogateescape")) + extra + 1
    except UnicodeEncodeError:
        raise BadTemplateError(f"{what} holds half of a surrogate pair, which is no text") from None
    if size > ARGUMENT_BYTES:
        raise BadTemplateError(f"{what} has {size} bytes, more than the {ARGUMENT_BYTES} that a program can be given")
    return text


def _value(placeholder: Placeholder, values: Mapping[str, Any]) -> Any:
    value = find(values.get(placeholder.root), placeholder.path)
    if value is MISSING:
        raise BadTemplateError(f"{placeholder} has no value: there is no {placeholder.path!r} in {placeholder.root}")
    return value


MISSING: Final = object()


def find(tree: Any, path: str) -> Any:
    """Return what `path` (names joined by dots, numbers in lists) leads to, or `MISSING`; longer names first."""
    if isinstance(tree, Mapping):
        if path in tree:
            return tree[path]
        cut = path.rfind(".")
        while cut > 0:
            if path[:cut] in tree and (found := find(tree[path[:cut]], path[cut + 1 :])) is not MISSING:
                return found
            cut = path.rfind(".", 0, cut)
        return MISSING
    if isinstance(tree, list | tuple):
        head, _, rest = path.partition(".")
        if head.isascii() and head.isdigit() and len(head) < 10 and int(head) < len(tree):
            return find(tree[int(head)], rest) if rest else tree[int(head)]
    return MISSING


# Reading ------------------------------------------------------------------------------------------


def placeholders(text: str) -> tuple[Placeholder, ...]:
    """Return the substitutions of `text` in order."""
    return tuple(part for part in _parts(text) if isinstance(part, Placeholder))


def places(text: str) -> tuple[tuple[Placeholder, Spot], ...]:
    """Return the substitutions of a shell text with where each stands; those in comments are left out."""
    return tuple(part for part in _compiled(text) if not isinstance(part, str))


def _parts(text: str) -> Iterator[str | Placeholder]:
    """Cut `text` into literal text and placeholders."""
    begin = 0
    for match in _SUBSTITUTION.finditer(text):
        if match.start() > begin:
            yield text[begin : match.start()]
        begin = match.end()
        literal = match["literal"]
        yield Placeholder(match["root"], match["path"], match.start()) if literal is None else f"{{{literal}}}"
    if begin < len(text):
        yield text[begin:]


@lru_cache(maxsize=512)  # a job's commands are prepared for each of its runs
def _compiled(text: str) -> tuple[str | tuple[Placeholder, Spot], ...]:
    parts = tuple(_parts(text))
    if "\0" in text or sum(isinstance(part, Placeholder) for part in parts) > PLACEHOLDERS:
        raise BadTemplateError(f"the command holds a NUL character or more than {PLACEHOLDERS} substitutions")
    marked = "".join(MARK if isinstance(part, Placeholder) else part for part in parts)
    found = iter(spots(marked))
    compiled: list[str | tuple[Placeholder, Spot]] = []
    for part in parts:
        if isinstance(part, str):
            compiled.append(part)
            continue
        spot = next(found)
        compiled.append(str(part) if spot.quoting is Quoting.COMMENT else (part, spot))
    return tuple(compiled)


# Refusals -----------------------------------------------------------------------------------------

_VARIABLES: Final = {
    "{run.identifier}": "ORCHESTRA_RUN",
    "{run.number}": "ORCHESTRA_RUN_NUMBER",
    "{project.identifier}": "ORCHESTRA_PROJECT",
    "{job.identifier}": "ORCHESTRA_JOB",
}


def misplaced(placeholder: Placeholder, spot: Spot) -> str:
    """Say why no value may stand there, and what to write instead."""
    reason = spot.refusal if spot.quoting is None else "would be read as shell commands here"
    name = _VARIABLES.get(str(placeholder))
    if placeholder.root == "parameters":
        name = parameter_variable(placeholder.path)
    elif placeholder.root == "environment":
        name = placeholder.path
    instead = f"use the variable {name}" if name else f"write value={placeholder} before, and use that variable"
    return f"{placeholder} {reason}: {instead}"
