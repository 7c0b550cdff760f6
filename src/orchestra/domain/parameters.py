"""Parameters of jobs: how they are declared, and how given values are checked, converted and completed.

One conversion serves the default in a file, the command line's `key=value`, the website's form and
the API: strings are converted by the parameter's type and stored typed; a missing value is the
default, else the empty string; keys that the job does not declare are refused. `null` is missing,
and so is the empty string where the type knows no empty value (all but string, text and secret).
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from orchestra.domain import pattern
from orchestra.domain.job import Parameter, ParameterType, ParameterValue
from orchestra.domain.shapes import Anything, Choice, Field, Flag, Items, Record, Text
from orchestra.domain.tree import Node, Report, expected, from_plain, joined, kind, shortened

KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
KEY_SAYS: Final = "a letter, then up to 63 letters, digits, '_', '.' or '-'"
STRING_BYTES: Final = 4096
TEXT_BYTES: Final = 65_536
TOTAL_BYTES: Final = 65_536
"""All values of a run together: they travel with the assignment and stand in each row of a list."""
LARGEST: Final = 2**53 - 1
"""Whole numbers beyond are no longer exact in browsers and other readers of JSON (RFC 7493 section 2.2)."""

_STRINGS: Final = frozenset({ParameterType.STRING, ParameterType.TEXT, ParameterType.SECRET})
_WHOLE: Final = re.compile(r"[-+]?[0-9]{1,17}")
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]{1,100}(?:\.[0-9]{0,100})?|\.[0-9]{1,100})(?:[eE][-+]?[0-9]{1,4})?")
_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})


# Declaration --------------------------------------------------------------------------------------


def _check_pattern(text: str, node: Node, path: str, report: Report) -> None:
    try:
        pattern.compiled(text)
    except pattern.PatternError as error:
        report.add(node, path, str(error))


def _check_declaration(value: dict[str, Any], node: Node, path: str, report: Report) -> None:
    """Check the default and the choices against the type; convert them in `value`."""
    assert isinstance(node.value, dict)
    kind_ = ParameterType(value["type"])
    choices = value["choices"]
    if kind_ is ParameterType.CHOICE and not choices:
        report.add(node, joined(path, "choices"), "a parameter of type choice needs at least one choice")
    if choices and kind_ in (ParameterType.BOOLEAN, ParameterType.TEXT, ParameterType.SECRET):
        report.add(node.value["choices"], joined(path, "choices"), f"a parameter of type {kind_} has no choices")
        return
    if value["pattern"] is not None and kind_ not in (*_STRINGS, ParameterType.CHOICE):
        report.add(node.value["pattern"], joined(path, "pattern"), f"a parameter of type {kind_} has no pattern")
    plain = Parameter(key=value["key"], type=kind_)
    written = node.value["choices"].value if choices else ()
    assert isinstance(written, tuple)
    for index, choice in enumerate(written):
        choices[index] = _as_declared(plain, choice, f"{joined(path, 'choices')}[{index}]", report)
    if len(set(map(repr, choices))) < len(choices):
        report.add(node.value["choices"], joined(path, "choices"), "two choices are the same")
    if value["default"] is None:
        return
    if kind_ is ParameterType.SECRET:
        says = "a secret has no default: it would stand readable in the definition"
        report.add(node.value["default"], joined(path, "default"), says)
        return
    whole = Parameter(key=value["key"], type=kind_, choices=tuple(choices), pattern=value["pattern"])
    value["default"] = _as_declared(whole, node.value["default"], joined(path, "default"), report)


def _as_declared(parameter: Parameter, node: Node, path: str, report: Report) -> ParameterValue | None:
    """Convert a value of a file: a number or a boolean for a text is taken as it is written there."""
    value = node.value
    if parameter.type in (*_STRINGS, ParameterType.CHOICE) and isinstance(value, bool | int | float):
        value = node.written
    converted = _convert(parameter, value)
    if isinstance(converted, _Wrong):
        report.add(node, path, converted.message)
        return None
    return converted


_VALUE: Final = Anything(says="a text, a number or a boolean", schema={"type": ["string", "number", "boolean", "null"]})
PARAMETER: Final = Record(
    fields=(
        Field(
            name="key",
            shape=Text(longest=64, pattern=KEY, says=KEY_SAYS),
            doc="What commands and triggers call it.",
            required=True,
        ),
        Field(
            name="description",
            shape=Text(longest=4096, lines=True),
            doc="Shown beside the field in forms.",
            default="",
        ),
        Field(
            name="type",
            shape=Choice(choices=tuple(str(one) for one in ParameterType), what="type"),
            doc="How values are checked, converted and stored.",
            default="string",
        ),
        Field(name="default", shape=_VALUE, doc="The value when none is given; none when absent."),
        Field(name="is_required", shape=Flag(), doc="Whether a run needs a value that is not empty.", default=False),
        Field(name="choices", shape=Items(of=_VALUE, most=200), doc="The values that are allowed.", default=[]),
        Field(
            name="pattern",
            shape=Text(longest=pattern.LENGTH, also=_check_pattern),
            doc="A regular expression that the whole value must match.",
        ),
    ),
    also=_check_declaration,
)


PARAMETERS: Final = Items(of=PARAMETER, most=200)


def parameters_of(values: Iterable[Mapping[str, Any]]) -> tuple[Parameter, ...]:
    """Return the dataclasses of declarations in normal form."""
    return tuple(
        Parameter(**{**one, "type": ParameterType(one["type"]), "choices": tuple(one["choices"])}) for one in values
    )


# Values -------------------------------------------------------------------------------------------


def check_parameters(parameters: Iterable[Parameter], given: Any) -> dict[str, ParameterValue]:
    """Return the values of a run: one for each parameter of its job, typed, in the order of declaration.

    `given` is a JSON value: key → value. Raises InvalidContent with all problems.
    """
    report = Report()
    values = checked(parameters, from_plain({} if given is None else given), "parameters", report)
    report.raise_if_any("the parameters")
    return values


def checked(
    parameters: Iterable[Parameter], given: Node, path: str, report: Report, *, complete: bool = True
) -> dict[str, ParameterValue]:
    """Check and convert `given`; with `complete`, missing values are filled in (else left out, but still required)."""
    declared = {one.key: one for one in parameters}
    if not isinstance(given.value, dict):
        report.add(given, path, f"expected a mapping of parameters, got {kind(given)}")
        return {}
    for key in given.value:
        if key not in declared:
            report.add_key(given, key, joined(path, key), expected("parameter", key, tuple(declared)))
    values: dict[str, ParameterValue] = {}
    for key, parameter in declared.items():
        node = given.value.get(key)
        value = _complete(parameter, None if node is None else _given(parameter, node))
        if isinstance(value, _Wrong):
            report.add(given if node is None else node, joined(path, key), value.message)
        elif complete or (node is not None and node.value is not None):
            values[key] = value
    size = sum(len(str(value).encode("utf-8", "replace")) for value in values.values())
    if size > TOTAL_BYTES:
        report.add(given, path, f"the values have {size} bytes together, more than {TOTAL_BYTES}")
    return values


def _given(parameter: Parameter, node: Node) -> Any:
    """Return what was given; in a file, a number or a boolean for a text is meant as it is written there."""
    is_text = parameter.type in (*_STRINGS, ParameterType.CHOICE)
    return node.written if is_text and node.file is not None and node.written is not None else node.value


class _Wrong:
    """Why a value does not fit."""

    def __init__(self, message: str) -> None:
        self.message = message


def _complete(parameter: Parameter, value: Any) -> ParameterValue | _Wrong:
    """Return the value that a run gets when `value` (None: nothing) is given."""
    is_string = parameter.type in _STRINGS
    if value is None or (value == "" and (not is_string or parameter.default is None)):
        if parameter.default is not None:
            return parameter.default
        return _Wrong("a value is required") if parameter.is_required else ""
    converted = _convert(parameter, value)
    return _Wrong("a value is required") if parameter.is_required and converted == "" else converted


def _convert(parameter: Parameter, value: Any) -> ParameterValue | _Wrong:
    converted: ParameterValue | _Wrong
    match parameter.type:
        case ParameterType.INTEGER:
            converted = _integer(value)
        case ParameterType.NUMBER:
            converted = _number(value)
        case ParameterType.BOOLEAN:
            converted = _boolean(value)
        case ParameterType.STRING | ParameterType.CHOICE:
            converted = _string(value, STRING_BYTES, lines=False)
        case ParameterType.TEXT | ParameterType.SECRET:
            converted = _string(value, TEXT_BYTES, lines=True)
    if isinstance(converted, _Wrong):
        return converted
    if parameter.choices and converted not in parameter.choices:
        return _Wrong(expected("value", str(converted), [str(choice) for choice in parameter.choices]))
    if parameter.pattern is not None and isinstance(converted, str):
        return _matching(parameter, converted)
    return converted


def _matching(parameter: Parameter, value: str) -> str | _Wrong:
    assert parameter.pattern is not None
    if len(value) > pattern.VALUE:
        return _Wrong(f"a value that a pattern checks has at most {pattern.VALUE} characters, got {len(value)}")
    if pattern.compiled(parameter.pattern).matches(value):
        return value
    # A secret never stands in a message.
    shown = "the value" if parameter.type is ParameterType.SECRET else repr(shortened(value))
    return _Wrong(f"{shown} does not match the pattern {parameter.pattern}")


def _string(value: Any, most: int, *, lines: bool) -> str | _Wrong:
    if not isinstance(value, str):
        return _Wrong(f"expected a text, got {_got(value)}")
    if "\0" in value:
        return _Wrong("the value holds a NUL character, which no program can be given")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return _Wrong("the value holds half of a surrogate pair, which is no text")
    if size > most:
        hint = "" if lines else " (a parameter of type text may have more)"
        return _Wrong(f"expected at most {most} bytes, got {size}{hint}")
    return value


def _integer(value: Any) -> int | _Wrong:
    whole = value
    is_text = isinstance(value, str) and _WHOLE.fullmatch(value.strip()) is not None
    if is_text or (isinstance(value, float) and value.is_integer()):
        whole = int(value)
    if isinstance(whole, bool) or not isinstance(whole, int):
        return _Wrong(f"expected a whole number, got {_got(value)}")
    return whole if abs(whole) <= LARGEST else _Wrong(f"expected a whole number of at most {LARGEST} either way")


def _number(value: Any) -> int | float | _Wrong:
    number = value
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        number = int(value) if _WHOLE.fullmatch(value.strip()) else float(value)
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        return _Wrong(f"expected a number, got {_got(value)}")
    return number if isinstance(number, float) or abs(number) <= LARGEST else float(number)


def _boolean(value: Any) -> bool | _Wrong:
    text = value.strip().lower() if isinstance(value, str) else None
    if isinstance(value, bool) or text in _TRUE or text in _FALSE:
        return value if isinstance(value, bool) else text in _TRUE
    return _Wrong(f"expected true or false, got {_got(value)}")


def _got(value: Any) -> str:
    """Name what was given; only of texts so much as helps to find them."""
    match value:
        case None:
            return "nothing"
        case str():
            return repr(shortened(value))
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case list() | tuple():
            return "a list"
        case _:
            return "a mapping"
