"""Tables of all fields of configuration files, from the tables that check them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from orchestra.domain import duration, size
from orchestra.domain.definition import COMMANDS, IDENTIFIER_SAYS, LONG_COMMAND, PIPELINE
from orchestra.domain.entries import JOB, PROJECT, SCHEDULE
from orchestra.domain.parameters import KEY_SAYS, PARAMETER
from orchestra.domain.policy import POLICY
from orchestra.domain.shapes import (
    Anything,
    Choice,
    Duration,
    Either,
    Field,
    Flag,
    Items,
    Record,
    Shape,
    Size,
    Table,
    Tagged,
    Text,
    Whole,
)

SECTIONS: tuple[tuple[str, Record], ...] = (
    ("Project", PROJECT),
    ("Job", JOB),
    ("Parameter", PARAMETER),
    ("Policy", POLICY),
    ("Definition of type `commands`", COMMANDS),
    ("Command in its long form", LONG_COMMAND),
    ("Definition of type `pipeline`", PIPELINE),
    ("Schedule", SCHEDULE),
)
APART = frozenset(id(shape) for _, shape in SECTIONS)


def fields() -> str:
    """One table for each kind of object; records inside of it follow with a path."""
    return "\n\n".join("\n".join(_table(title, record)) for title, record in SECTIONS)


def _table(title: str, record: Record) -> Iterator[str]:
    yield f"### {title}"
    yield ""
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    yield from _rows(record, "")


def _rows(record: Record, path: str) -> Iterator[str]:
    for field in record.fields:
        name = f"{path}{field.name}"
        yield f"| `{name}` | {_value(field.shape)} | {_default(field)} | {field.doc} |".replace("||", "| |")
        for inner, mark in _inside(field.shape):
            yield from _rows(inner, f"{name}{mark}.")


def _inside(shape: Shape) -> Iterator[tuple[Record, str]]:
    """The records that a field holds and that have no table of their own."""
    match shape:
        case Record() if id(shape) not in APART:
            yield shape, ""
        case Items(of=Record() as record) if id(record) not in APART:
            yield record, "[]"
        case Either(shapes=shapes):
            for one in shapes:
                if isinstance(one, Record) and one.fields != LONG_COMMAND.fields:
                    yield one, ""


def _value(shape: Shape) -> str:
    match shape:
        case Text():
            text = {IDENTIFIER_SAYS: "an identifier", KEY_SAYS: "a key"}.get(shape.says, shape.says)
        case Choice():
            text = ", ".join(f"`{one}`" for one in shape.choices)
        case Whole():
            text = f"{shape.least} to {shape.most:,}"
        case Flag():
            text = "`true`, `false`"
        case Duration():
            most = "" if shape.most == duration.LONGEST_S else f" up to {duration.text(shape.most)}"
            text = f"duration{most}"
        case Size():
            most = "" if shape.most == size.LARGEST else f" up to {size.text(shape.most)}"
            text = f"size{most}"
        case Items():
            text = f"list of {_value(shape.of)}"
        case Table():
            text = f"mapping to {_value(shape.of)}"
        case Record() | Tagged():
            text = "mapping"
        case Either():
            text = shape.says
        case Anything():
            text = shape.says
    return text.replace("|", "\\|")


def _default(field: Field) -> str:
    if field.required:
        return "required"
    if field.default is None or field.default in ("", [], {}):
        return ""
    if isinstance(field.shape, Duration):
        return f"`{duration.text(field.default)}`"
    if isinstance(field.default, dict) and isinstance(field.shape, Record):
        return ""
    return f"`{json.dumps(field.default).replace('86400.0', '1d')}`".replace('"', "")
