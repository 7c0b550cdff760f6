"""Strict JSON: bytes of a request → plain values, with every problem at once.

What RFC 8259 leaves open is refused here, because two readers of it would disagree: duplicate keys,
NaN and infinities, lone surrogates, numbers that do not fit 64 bits. Depth and number of values are
limited, so that no body costs more than its bytes. Nothing is converted: a text that looks like a
date stays text.

`decode` is for syntax, `fit` for shape: it makes a msgspec struct from plain values, or says all that
does not fit.
"""

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from orchestra.domain.errors import InvalidContent, Problem

DEPTH: Final = 32
"""Deepest nesting; a job's definition reaches about 8."""
VALUES: Final = 10_000
"""Most values (scalars, arrays, objects) in one body; a job with 100 parameters has about 1,000."""

_INTEGERS: Final = range(-(1 << 63), 1 << 63)


class NotJson(Exception):
    """The bytes are not JSON at all; the message says where."""


T = TypeVar("T")


def decode(raw: bytes) -> Any:
    """Read one JSON value.

    Raises NotJson when it is none, InvalidContent when it is one that we do not take.
    """
    problems: list[Problem] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = dict.fromkeys(key for key in keys if keys.count(key) > 1)
            problems.extend(Problem(key, "stands twice in the same object") for key in twice)
        return found

    try:
        value = json.loads(raw, object_pairs_hook=unique, parse_constant=_no_constant)
    except RecursionError:
        raise InvalidContent("the body does not fit", (Problem("", _too_deep()),)) from None
    except UnicodeDecodeError as error:
        raise NotJson(f"expected UTF-8, byte {error.start} does not fit") from None
    except ValueError as error:
        raise NotJson(str(error)) from None
    _Walk(problems).check(value, "", 1)
    if problems:
        raise InvalidContent("the body does not fit", tuple(problems))
    return value


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _too_deep() -> str:
    return f"expected at most {DEPTH} levels of nesting"


_UNWANTED: Final = re.compile("[\0\ud800-\udfff]")


class _Walk:
    """Visits every value once."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems
        self._left = VALUES

    def check(self, value: Any, path: str, depth: int) -> None:
        self._left -= 1
        if self._left < 0:
            if self._left == -1:
                self._problems.append(Problem("", f"expected at most {VALUES} values"))
            return
        if isinstance(value, str):
            self._check_text(value, path)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self._check_number(value, path)
        elif isinstance(value, dict | list):
            if depth > DEPTH:
                self._problems.append(Problem(path, _too_deep()))
                return
            for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
                here = join(path, key)
                if isinstance(key, str):
                    self._check_text(key, here)
                self.check(inner, here, depth + 1)

    def _check_text(self, text: str, path: str) -> None:
        if _UNWANTED.search(text) is None:
            return
        what = "the character U+0000" if "\0" in text else "half of a surrogate pair"
        self._problems.append(Problem(show_path(path), f"contains {what}"))

    def _check_number(self, number: float, path: str) -> None:
        if isinstance(number, int):
            if number not in _INTEGERS:
                self._problems.append(Problem(path, "expected an integer of at most 64 bits"))
        elif not isfinite(number):
            self._problems.append(Problem(path, "expected a number that a 64-bit float can hold"))


def join(path: str, key: str | int) -> str:
    """Extend `path` into a value: `a.b[2]`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def show_path(path: str) -> str:
    """Return `path` such that it can be sent: keys may hold what is no text."""
    return path.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")


def fit(value: Any, kind: type[T]) -> T:
    """Make a `kind` (a msgspec struct, or anything msgspec converts to) of a plain value, types strict.

    Raises InvalidContent with every problem: unknown keys, missing keys, wrong types, at any depth.
    """
    try:
        return msgspec.convert(value, type=kind, strict=True)
    except msgspec.ValidationError as error:
        problems = tuple(_problems(value, kind, ""))
        raise InvalidContent("the body does not fit", problems or (Problem("", _say(error)[1]),)) from None


def not_an_object(value: Any) -> InvalidContent:
    """The error for a body that had to be an object."""
    return InvalidContent("the body does not fit", (Problem("", f"expected an object, got {_name(value)}"),))


def _problems(value: Any, kind: Any, path: str) -> list[Problem]:
    """All that keeps `value` from being a `kind`."""
    kind = _bare(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if not isinstance(value, dict):
            return [Problem(path, f"expected an object, got {_name(value)}")]
        return _struct_problems(value, kind, path)
    if get_origin(kind) in (list, tuple) and isinstance(value, list):
        inner = get_args(kind)[0]
        return [one for index, item in enumerate(value) for one in _problems(item, inner, join(path, index))]
    if (structs := _structs_of(kind)) and isinstance(value, dict):
        return _problems(value, structs[0], path)
    try:
        msgspec.convert(value, type=kind, strict=True)
    except msgspec.ValidationError as error:
        inside, message = _say(error)
        separator = "." if path and inside and not inside.startswith("[") else ""
        return [Problem(f"{path}{separator}{inside}", message)]
    return []


def _struct_problems(value: Mapping[str, Any], kind: type[msgspec.Struct], path: str) -> list[Problem]:
    hints = get_type_hints(kind, include_extras=True)
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    found = [
        Problem(join(path, key), f"unknown; expected one of {', '.join(fields)}") for key in value if key not in fields
    ]
    for name, field in fields.items():
        if name in value:
            found += _problems(value[name], hints[field.name], join(path, name))
        elif field.required:
            found.append(Problem(join(path, name), "is required"))
    return found


def _bare(kind: Any) -> Any:
    """Without what says that a key may be absent: by then it is not."""
    if get_origin(kind) in _UNIONS:
        kept = tuple(one for one in get_args(kind) if one is not msgspec.UnsetType)
        return Union[kept]  # noqa: UP007  # made at run time
    return kind


_UNIONS: Final = (Union, type(int | str))


def _structs_of(kind: Any) -> list[type[msgspec.Struct]]:
    arms = get_args(kind) if get_origin(kind) in _UNIONS else ()
    return [one for one in arms if isinstance(one, type) and issubclass(one, msgspec.Struct)]


_NAMES: Final = {
    dict: "an object",
    list: "an array",
    str: "text",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
}
_KINDS: Final = {
    "object": "an object",
    "array": "an array",
    "str": "text",
    "bool": "a boolean",
    "int": "an integer",
    "float": "a number",
    "null": "null",
}


def _name(value: Any) -> str:
    return "null" if value is None else _NAMES.get(type(value), type(value).__name__)


def _say(error: msgspec.ValidationError) -> tuple[str, str]:
    """(path inside, message) from msgspec's own words, `Expected `int | null`, got `str` - at `$.a``."""
    message, _, where = str(error).partition(" - at ")
    path = where.strip("`").removeprefix("$").removeprefix(".").replace("[...]", "")
    parts = message.split("`")
    parts[1::2] = [" or ".join(_KINDS.get(one, one) for one in part.split(" | ")) for part in parts[1::2]]
    text = "".join(parts)
    return path, text[:1].lower() + text[1:]
