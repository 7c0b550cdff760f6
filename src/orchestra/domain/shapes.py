"""Shapes: one description of each field serves the check, the normal form and the published JSON Schema.

`check(shape, node, …)` returns the value in its normal form, or `BAD` after it has reported every
problem. Normal form: each field present (but sparse ones that were not
given), defaults filled in, durations in seconds, sizes in bytes. Normal forms are
accepted as input and stay as they are. An optional field that is null has its default.

What fields there are stands in `definition`, `parameters`, `policy` and `manifest`.
"""

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from orchestra.domain import duration, size
from orchestra.domain.template import ROOTS
from orchestra.domain.tree import Node, Report, expected, joined, kind, plain

BAD: Final = object()
"""What `check` returns where a problem was reported."""

Also = Callable[[Any, Node, str, Report], None]
"""A further check of a value that is well formed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text. `pattern` must match all of it, `says` tells what that means; `as_written` takes numbers and booleans."""

    longest: int = 256
    shortest: int = 0
    pattern: re.Pattern[str] | None = None
    says: str = "text"
    as_written: bool = False
    lines: bool = False
    """Newlines and tabs may stand in it."""
    also: Also | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of some texts."""

    choices: tuple[str, ...]
    what: str = "value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole number."""

    least: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """true or false."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """A duration; in normal form seconds as a float."""

    least: float = 0.0
    most: float = duration.LONGEST_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A size; in normal form bytes as an integer."""

    least: int = 0
    most: int = size.LARGEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list."""

    of: "Shape"
    most: int = 1000
    least: int = 0
    also: Also | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A mapping with names that the author chooses."""

    of: "Shape"
    key: re.Pattern[str]
    key_says: str
    most: int = 1000
    also: Also | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a record. `doc` is for editors and the documentation."""

    name: str
    shape: "Shape"
    doc: str
    default: Any = None
    required: bool = False
    is_sparse: bool = False
    """Left out of the normal form where it is not given: so a new field changes no job that exists already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A mapping with these fields and no others."""

    fields: tuple[Field, ...]
    also: Also | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Either:
    """Shapes that are told apart by what is written: a text, a list, a mapping, another scalar."""

    shapes: "tuple[Shape, ...]"
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """Records that are told apart by the field `tag`."""

    tag: str
    records: Mapping[str, Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anything:
    """Any JSON value, or one that `also` accepts."""

    says: str = "any value"
    schema: Mapping[str, Any] | None = None
    also: Also | None = None


Shape = Text | Choice | Whole | Flag | Duration | Size | Items | Table | Record | Either | Tagged | Anything

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_IN_LINES: Final = re.compile(r"[\x00\ud800-\udfff]")


_ROOTS: Final = tuple(f"{root}." for root in ROOTS)


def check(shape: Shape, node: Node, path: str, report: Report) -> Any:  # noqa: PLR0912
    """Return the normal form of `node`, or `BAD`."""
    match shape:
        case Text():
            value = _text(shape, node, path, report)
        case Choice():
            value = _choice(shape, node, path, report)
        case Whole():
            value = _whole(shape, node, path, report)
        case Flag():
            value = node.value if isinstance(node.value, bool) else _wrong(node, path, "true or false", report)
        case Duration():
            value = _duration(shape, node, path, report)
        case Size():
            value = _size(shape, node, path, report)
        case Items():
            value = _items(shape, node, path, report)
        case Table():
            value = _table(shape, node, path, report)
        case Record():
            value = _record(shape, node, path, report)
        case Either():
            value = _either(shape, node, path, report)
        case Tagged():
            value = _tagged(shape, node, path, report)
        case Anything():
            value = plain(node)
    also: Also | None = getattr(shape, "also", None)
    if also is not None and value is not BAD:
        before = len(report)
        also(value, node, path, report)
        if len(report) > before:
            return BAD
    return value


def _wrong(node: Node, path: str, says: str, report: Report) -> Any:
    hint = ""
    if isinstance(node.value, dict) and any(key.startswith(_ROOTS) for key in node.value):
        hint = ": in YAML, a text that begins with '{' needs quotes"
    report.add(node, path, f"expected {says}, got {kind(node)}{hint}")
    return BAD


def _text(shape: Text, node: Node, path: str, report: Report) -> Any:
    value = node.value
    if isinstance(value, bool | int | float) and shape.as_written:
        value = node.written
    if not isinstance(value, str):
        hint = " (put it in quotes)" if isinstance(value, bool | int | float) else ""
        return _wrong(node, path, shape.says + hint, report)
    if len(value) > shape.longest:
        report.add(node, path, f"expected at most {shape.longest} characters, got {len(value)}")
        return BAD
    control = (_CONTROL_IN_LINES if shape.lines else _CONTROL).search(value)
    if control is not None:
        report.add(node, path, f"the character U+{ord(control[0]):04X} is not allowed here")
        return BAD
    if len(value) < shape.shortest or (shape.pattern is not None and shape.pattern.fullmatch(value) is None):
        return _wrong(node, path, shape.says, report)
    return value


def _choice(shape: Choice, node: Node, path: str, report: Report) -> Any:
    if not isinstance(node.value, str):
        return _wrong(node, path, f"one of {', '.join(shape.choices)}", report)
    if node.value not in shape.choices:
        report.add(node, path, expected(shape.what, node.value, shape.choices))
        return BAD
    return node.value


def _whole(shape: Whole, node: Node, path: str, report: Report) -> Any:
    value = node.value
    if isinstance(value, int) and not isinstance(value, bool) and shape.least <= value <= shape.most:
        return value
    return _wrong(node, path, f"a whole number from {shape.least} to {shape.most}", report)


def _duration(shape: Duration, node: Node, path: str, report: Report) -> Any:
    says = "a duration such as 90s, 15m, 2h, 1d or a number of seconds"
    if isinstance(node.value, bool) or not isinstance(node.value, str | int | float):
        return _wrong(node, path, says, report)
    seconds = duration.parse(node.value)
    if seconds is None:
        return _wrong(node, path, f"{says}, up to 10 years", report)
    if not shape.least <= seconds <= shape.most:
        says = f"a duration from {duration.text(shape.least)} to {duration.text(shape.most)}"
        return _wrong(node, path, says, report)
    return seconds


def _size(shape: Size, node: Node, path: str, report: Report) -> Any:
    says = "a size such as 500MB, 2GiB or a number of bytes"
    if isinstance(node.value, bool) or not isinstance(node.value, str | int):
        return _wrong(node, path, says, report)
    count = size.parse(node.value)
    if count is None:
        return _wrong(node, path, says, report)
    if not shape.least <= count <= shape.most:
        return _wrong(node, path, f"a size from {size.text(shape.least)} to {size.text(shape.most)}", report)
    return count


def _items(shape: Items, node: Node, path: str, report: Report) -> Any:
    if not isinstance(node.value, tuple):
        return _wrong(node, path, "a list", report)
    if not shape.least <= len(node.value) <= shape.most:
        says = f"at least {shape.least}" if len(node.value) < shape.least else f"at most {shape.most}"
        report.add(node, path, f"expected {says} {'item' if shape.least == 1 else 'items'}, got {len(node.value)}")
        return BAD
    values = [check(shape.of, one, f"{path}[{index}]", report) for index, one in enumerate(node.value)]
    return BAD if BAD in values else values


def _table(shape: Table, node: Node, path: str, report: Report) -> Any:
    if not isinstance(node.value, dict):
        return _wrong(node, path, "a mapping", report)
    before = len(report)
    if len(node.value) > shape.most:
        report.add(node, path, f"expected at most {shape.most} entries, got {len(node.value)}")
        return BAD
    for key in node.value:
        if shape.key.fullmatch(key) is None:
            report.add_key(node, key, joined(path, key), f"expected {shape.key_says} as the key")
    values = {key: check(shape.of, one, joined(path, key), report) for key, one in node.value.items()}
    return BAD if len(report) > before else values


def _record(shape: Record, node: Node, path: str, report: Report) -> Any:
    if not isinstance(node.value, dict):
        return _wrong(node, path, "a mapping", report)
    before = len(report)
    names = [field.name for field in shape.fields]
    for key in node.value:
        if key not in names:
            report.add_key(node, key, joined(path, key), expected("key", key, names))
    values: dict[str, Any] = {}
    for field in shape.fields:
        one = node.value.get(field.name)
        if one is None and field.required:
            report.add(node, joined(path, field.name), f"the key {field.name!r} is missing")
        elif one is None or (one.value is None and not field.required):
            if not field.is_sparse:
                values[field.name] = deepcopy(field.default)
        else:
            values[field.name] = check(field.shape, one, joined(path, field.name), report)
    return BAD if len(report) > before else values


def accepts(shape: Shape, node: Node) -> bool:
    """Tell whether `node` is of the kind that `shape` describes, whatever is wrong inside."""
    match shape:
        case Text():
            as_written = shape.as_written and isinstance(node.value, bool | int | float)
            return isinstance(node.value, str) or as_written
        case Choice():
            return isinstance(node.value, str)
        case Duration():
            return isinstance(node.value, str | int | float) and not isinstance(node.value, bool)
        case Size():
            return isinstance(node.value, str | int) and not isinstance(node.value, bool)
        case Whole():
            return isinstance(node.value, int) and not isinstance(node.value, bool)
        case Flag():
            return isinstance(node.value, bool)
        case Items():
            return isinstance(node.value, tuple)
        case Table() | Record() | Tagged():
            return isinstance(node.value, dict)
        case Either():
            return any(accepts(one, node) for one in shape.shapes)
        case Anything():
            return True


def _either(shape: Either, node: Node, path: str, report: Report) -> Any:
    for one in shape.shapes:
        if accepts(one, node):
            return check(one, node, path, report)
    return _wrong(node, path, shape.says, report)


def _tagged(shape: Tagged, node: Node, path: str, report: Report) -> Any:
    if not isinstance(node.value, dict):
        return _wrong(node, path, "a mapping", report)
    tag = node.value.get(shape.tag)
    choices = tuple(shape.records)
    if tag is None:
        says = f"the key {shape.tag!r} is missing: expected one of {', '.join(choices)}"
        report.add(node, joined(path, shape.tag), says)
        return BAD
    value = check(Choice(choices=choices, what=shape.tag), tag, joined(path, shape.tag), report)
    return BAD if value is BAD else check(shape.records[value], node, path, report)


def json_schema(shape: Shape) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a shape; every call returns a new dictionary."""
    match shape:
        case Text():
            schema = _text_schema(shape)
        case Choice():
            schema = {"type": "string", "enum": list(shape.choices)}
        case Whole():
            schema = {"type": "integer", "minimum": shape.least, "maximum": shape.most}
        case Flag():
            schema = {"type": "boolean"}
        case Duration():
            text = {"type": "string", "pattern": duration.PATTERN, "examples": ["90s", "15m", "2h", "1d"]}
            schema = {"anyOf": [text, {"type": "number", "minimum": shape.least, "maximum": shape.most}]}
        case Size():
            text = {"type": "string", "pattern": size.PATTERN, "examples": ["500MB", "2GiB"]}
            schema = {"anyOf": [text, {"type": "integer", "minimum": shape.least, "maximum": shape.most}]}
        case Items():
            schema = {"type": "array", "items": json_schema(shape.of), "maxItems": shape.most}
            schema |= {"minItems": shape.least} if shape.least else {}
        case Table():
            schema = {
                "type": "object",
                "additionalProperties": json_schema(shape.of),
                "propertyNames": {"pattern": f"^{shape.key.pattern}$"},
                "maxProperties": shape.most,
            }
        case Record():
            schema = _record_schema(shape)
        case Either():
            schema = {"anyOf": [json_schema(one) for one in shape.shapes]}
        case Tagged():
            schema = {"oneOf": [json_schema(record) for record in shape.records.values()]}
        case Anything():
            schema = dict(shape.schema or {})
    return schema


def _text_schema(shape: Text) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": ["string", "number", "boolean"] if shape.as_written else "string"}
    schema["maxLength"] = shape.longest
    if shape.shortest:
        schema["minLength"] = shape.shortest
    if shape.pattern is not None:
        schema["pattern"] = f"^(?:{shape.pattern.pattern})$"
    return schema


def _record_schema(shape: Record) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for field in shape.fields:
        schema = {"description": field.doc, **json_schema(field.shape)}
        if not field.required:
            # Null is the default, so that what a GET returns is accepted by a PUT.
            schema = {"description": schema.pop("description"), "anyOf": [schema, {"type": "null"}]}
            if field.default is not None:
                schema["default"] = deepcopy(field.default)
        properties[field.name] = schema
    required = [field.name for field in shape.fields if field.required]
    return {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }
