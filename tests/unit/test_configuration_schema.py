"""The published JSON Schema accepts what the reader accepts, and catches what an editor should mark."""

import re
from pathlib import Path
from typing import Any

import pytest

from orchestra import documents
from orchestra.documents import Document
from orchestra.domain.manifest import configuration_schema
from orchestra.domain.tree import Report, plain

ROOT = Path(__file__).parents[2]
SCHEMA = configuration_schema()


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Check `value` against the keywords that our schema uses; KeyError for another one."""
    return all(_KEYWORDS[keyword](value, argument, schema) for keyword, argument in schema.items())


def _is(value: Any, kinds: Any) -> bool:
    types = {
        "object": dict,
        "array": list,
        "string": str,
        "number": (int, float),
        "integer": int,
        "boolean": bool,
        "null": type(None),
    }
    return any(
        isinstance(value, types[kind]) and (kind in ("boolean",) or not isinstance(value, bool))  # type: ignore[arg-type]
        for kind in ([kinds] if isinstance(kinds, str) else kinds)
    )


def _additional(value: Any, argument: Any, schema: dict[str, Any]) -> bool:
    if not isinstance(value, dict):
        return True
    others = [one for key, one in value.items() if key not in schema.get("properties", {})]
    return not others if argument is False else all(fits(one, argument) for one in others)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_KEYWORDS: dict[str, Any] = {
    "$schema": lambda *_: True,
    "$defs": lambda *_: True,
    "title": lambda *_: True,
    "description": lambda *_: True,
    "default": lambda *_: True,
    "examples": lambda *_: True,
    "$ref": lambda value, name, _: fits(value, SCHEMA["$defs"][name.removeprefix("#/$defs/")]),
    "type": lambda value, kinds, _: _is(value, kinds),
    "enum": lambda value, choices, _: value in choices,
    "anyOf": lambda value, schemas, _: any(fits(value, one) for one in schemas),
    "oneOf": lambda value, schemas, _: sum(fits(value, one) for one in schemas) == 1,
    "required": lambda value, names, _: not isinstance(value, dict) or set(names) <= set(value),
    "properties": lambda value, known, _: (
        not isinstance(value, dict) or all(fits(one, known[key]) for key, one in value.items() if key in known)
    ),
    "additionalProperties": _additional,
    "propertyNames": lambda value, schema, _: not isinstance(value, dict) or all(fits(key, schema) for key in value),
    "items": lambda value, schema, _: not isinstance(value, list) or all(fits(one, schema) for one in value),
    "minItems": lambda value, least, _: not isinstance(value, list) or len(value) >= least,
    "maxItems": lambda value, most, _: not isinstance(value, list) or len(value) <= most,
    "maxProperties": lambda value, most, _: not isinstance(value, dict) or len(value) <= most,
    "minLength": lambda value, least, _: not isinstance(value, str) or len(value) >= least,
    "maxLength": lambda value, most, _: not isinstance(value, str) or len(value) <= most,
    "pattern": lambda value, text, _: not isinstance(value, str) or re.search(text, value) is not None,
    "minimum": lambda value, least, _: not _number(value) or value >= least,
    "maximum": lambda value, most, _: not _number(value) or value <= most,
}


def value_of(text: str | bytes) -> Any:
    report = Report()
    (tree,) = documents.read([Document("f.yaml", text)], report)
    report.raise_if_any("the file")
    return plain(tree)


def documented() -> list[str]:
    text = (ROOT / "docs" / "configuration.md").read_text()
    return [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "projects:" in block]


def test_the_examples_and_the_documentation_fit_the_schema_and_are_accepted() -> None:
    texts = [document.content for document in documents.examples()] + documented()
    assert len(texts) >= 2
    for text in texts:
        assert fits(value_of(text), SCHEMA)
        documents.manifest_of([Document("f.yaml", text)])


JOB = "projects: {p: {jobs: {j: {definition: {type: commands, commands: [x]}%s}}}}"


@pytest.mark.parametrize(
    "addition",
    [
        "",
        ", display_name: null, is_enabled: null",
        ", properties: {os: [linux, 3, true], python: '>=3.11'}",
        ", policy: {on_worker_lost: wait, retry: {on: [worker_lost, 7]}, expiration: 90}",
        ", policy: {on_worker_lost: {fail_after: 2h}, concurrency: {group: g}}",
        ", parameters: [{key: a, type: choice, choices: [1, x], default: 1}]",
    ],
)
def test_what_is_accepted_fits(addition: str) -> None:
    text = JOB % addition
    documents.manifest_of([Document("f.yaml", text)])
    assert fits(value_of(text), SCHEMA)


@pytest.mark.parametrize(
    "addition",
    [
        ", displayname: x",
        ", display_name: 5",
        ", policy: {priority: 101}",
        ", policy: {expiration: soon}",
        ", policy: {on_worker_lost: never}",
        ", parameters: [{key: 1a}]",
        ", parameters: [{type: string}]",
        ", parameters: [{key: a, type: int}]",
        ", properties: {os: {}}",
    ],
)
def test_mistakes_do_not_fit(addition: str) -> None:
    assert not fits(value_of(JOB % addition), SCHEMA)
