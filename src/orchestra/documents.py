"""Documents: YAML and JSON text → trees with file, line and column (`domain.tree`); nothing is interpreted here.

YAML as people mean it (1.2, core schema, narrowed): plain `true`, `false`, `null`, `~` and decimal
numbers are what they look like, everything else is text: `on`, `yes`, `2024-01-02`, `1:30`, `010`,
`0x1f`. Keys are text always. Anchors, aliases and merge keys (`<<`) work; a key that stands twice is
refused, and so are tags other than `!!str`. JSON is read by the same reader.

    python -m orchestra.documents > docs/schema.json    the JSON Schema of the files, for editors

Limits: bytes of all documents, depth, and values with aliases expanded (a "billion laughs" is seen
while it is read, before it is built).
"""

import json
import math
import re
import sys
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import yaml

from orchestra.domain.entries import unknown_zone
from orchestra.domain.errors import InvalidContent
from orchestra.domain.manifest import Manifest, configuration_schema
from orchestra.domain.manifest import read as read_manifest
from orchestra.domain.tree import DEPTH, NODES, Node, Report, Scalar

TOTAL_BYTES: Final = 64 << 20
SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})

_WHOLE: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_NUMBER: Final = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_LARGEST: Final = 2**53 - 1
"""Whole numbers beyond are no longer exact in other readers of JSON (RFC 7493 section 2.2)."""
_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TEXT_TAGS: Final = ("!", "tag:yaml.org,2002:str")
_LOADER: Final[type] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SURROGATES: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


@dataclass(frozen=True, slots=True)
class Document:
    """One file: the name that messages give, and its content."""

    name: str
    content: str | bytes


def manifest_of(documents: Iterable[Document]) -> Manifest:
    """Return what the documents say, checked. Raises InvalidContent with all problems of all of them."""
    report = Report()
    return read_manifest(read(documents, report), time_zones, report)


def read(documents: Iterable[Document], report: Report) -> tuple[Node, ...]:
    """Return the trees of all documents, in order; problems go to `report`.

    Raises InvalidContent where a limit is passed.
    """
    budget = _Budget()
    trees: list[Node] = []
    for document in documents:
        budget.take_bytes(len(document.content))
        text = _decoded(document, report)
        if text is None:
            continue
        try:
            trees += _Builder(document.name, report, budget).trees(text)
        except yaml.YAMLError as error:
            _add_syntax_error(error, document.name, report)
    return tuple(trees)


def find(paths: Sequence[Path]) -> list[Path]:
    """Return the files that `paths` name: themselves, or every YAML and JSON file below a folder, sorted.

    Hidden files and folders are left out. Raises InvalidContent for a folder without any, and for what does not exist.
    """
    report = Report()
    found: list[Path] = []
    for path in paths:
        inside = [path]
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.suffix in SUFFIXES and one.is_file())
            inside = [one for one in inside if not any(part.startswith(".") for part in one.relative_to(path).parts)]
        if not inside or not path.exists():
            report.add(None, str(path), "there is no .yaml, .yml or .json file" if path.exists() else "does not exist")
        found += inside
    report.raise_if_any("the paths")
    return list(dict.fromkeys(found))


def load(paths: Sequence[Path]) -> list[Document]:
    """Read the files that `paths` name. Raises InvalidContent (see `find`) and OSError."""
    return [Document(str(path), path.read_bytes()) for path in find(paths)]


def examples() -> list[Document]:
    """Return the files of the example project."""
    return [Document(f"examples/{path.name}", path.read_bytes()) for path in find([examples_folder()])]


def examples_folder() -> Path:
    """Return the folder of the examples: in a wheel it stands inside the package, in a checkout beside its sources."""
    package = Path(str(resources.files("orchestra")))
    return next(one for one in (package / "examples", package.parent.parent / "examples") if one.is_dir())


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    """Return the names of all time zones that this machine knows (its own database, else the package tzdata)."""
    return frozenset(zoneinfo.available_timezones()) - {"localtime", "Factory"}


def zone_named(name: str) -> ZoneInfo | str:
    """Return the time zone of a name, or in words why there is none. Reads files the first time."""
    if name not in time_zones():
        return unknown_zone(name, time_zones())
    return ZoneInfo(name)


# Reading ------------------------------------------------------------------------------------------


class _Budget:
    """What all documents together may take."""

    def __init__(self) -> None:
        self._bytes = 0
        self._nodes = 0

    def take_bytes(self, count: int) -> None:
        self._bytes += count
        if self._bytes > TOTAL_BYTES:
            raise InvalidContent(f"the files have more than {TOTAL_BYTES >> 20} MiB together")

    def take_nodes(self, count: int) -> None:
        self._nodes += count
        if self._nodes > NODES:
            raise InvalidContent(f"the files hold more than {NODES} values, aliases expanded")


def _decoded(document: Document, report: Report) -> str | None:
    content = document.content
    if isinstance(content, str):
        text = content.removeprefix("\ufeff")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            report.add(Node(None, document.name, line), "", "the file is not UTF-8")
            return None
    # JSON writes characters beyond U+FFFF as two escapes, which YAML does not know.
    return _SURROGATES.sub(_joined_surrogates, text)


def _joined_surrogates(match: re.Match[str]) -> str:
    high, low = int(match[2], 16), int(match[3], 16)
    return f"{match[1]}{chr(0x10000 + (high - 0xD800 << 10) + low - 0xDC00)}"


def _add_syntax_error(error: yaml.YAMLError, name: str, report: Report) -> None:
    mark, begin = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    context = getattr(error, "context", None)
    if context and begin is not None:
        context = f"{context} that begins in line {begin.line + 1}"
    parts = [context, getattr(error, "problem", None) or getattr(error, "reason", None)]
    message = ", ".join(part for part in parts if part) or str(error)
    place = Node(None, name) if mark is None else Node(None, name, mark.line + 1, mark.column + 1)
    report.add(place, "", f"not readable as YAML or JSON: {message}")


@dataclass(frozen=True, slots=True)
class _Built:
    """A node with what an alias of it costs."""

    node: Node
    size: int = 1
    height: int = 0


class _Builder:
    """Builds the trees of one document from the parser's events."""

    def __init__(self, name: str, report: Report, budget: _Budget) -> None:
        self._name = name
        self._report = report
        self._budget = budget
        self._events: Iterator[yaml.Event] = iter(())
        self._anchors: dict[str, _Built] = {}
        self._path: list[str | int] = []

    def _problem(self, place: Node, message: str) -> None:
        """Report a problem at `place`, under the path that is being read."""
        path = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in self._path)
        self._report.add(place, path.removeprefix("."), message)

    def trees(self, text: str) -> list[Node]:
        """Return one tree for each document in the text (`---` separates them)."""
        found: list[Node] = []
        self._events = yaml.parse(text, Loader=_LOADER)
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                found.append(self._build(next(self._events), 0).node)
        return found

    def _build(self, event: yaml.Event, depth: int) -> _Built:
        if depth > DEPTH:
            self._too_deep(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        self._budget.take_nodes(1)
        if isinstance(event, yaml.ScalarEvent):
            built = _Built(self._scalar(event))
        elif isinstance(event, yaml.SequenceStartEvent):
            built = self._sequence(event, depth)
        else:
            assert isinstance(event, yaml.MappingStartEvent), event
            built = self._mapping(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = built
        return built

    def _too_deep(self, event: yaml.Event) -> None:
        problem = Report()
        problem.add(self._place(event), "", f"nested deeper than {DEPTH} levels")
        problem.raise_if_any("the configuration")

    def _alias(self, event: yaml.AliasEvent, depth: int) -> _Built:
        built = self._anchors.get(event.anchor or "")
        if built is None:
            self._problem(self._place(event), f"there is no anchor &{event.anchor} before this alias")
            return _Built(self._place(event))
        self._budget.take_nodes(built.size)
        if depth + built.height > DEPTH:
            self._too_deep(event)
        return built

    def _place(self, event: yaml.Event) -> Node:
        mark = event.start_mark
        return Node(None, self._name) if mark is None else Node(None, self._name, mark.line + 1, mark.column + 1)

    def _check_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, allowed: tuple[str, ...]) -> None:
        if event.tag is not None and event.tag not in allowed:
            self._problem(self._place(event), f"the tag {event.tag} is not known here; leave it out")

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        self._check_tag(event, _TEXT_TAGS)
        place = self._place(event)
        text: str = event.value
        if event.tag is not None or not event.implicit[0] or event.style:
            # The first line of a literal block stands below its indicator.
            below = place.line + 1 if event.style == "|" and place.line is not None else None
            return replace(place, value=text, text_line=below)
        if text in _WORDS:
            return replace(place, value=_WORDS[text], written=text)
        if _NUMBER.fullmatch(text) is None:
            return replace(place, value=text)
        is_whole = _WHOLE.fullmatch(text) is not None
        if is_whole and len(text) < 20 and abs(int(text)) <= _LARGEST:
            return replace(place, value=int(text), written=text)
        if not is_whole and math.isfinite(float(text)):
            return replace(place, value=float(text), written=text)
        self._problem(place, "the number is too large to be exact; in quotes it is a text")
        return place

    def _sequence(self, event: yaml.SequenceStartEvent, depth: int) -> _Built:
        self._check_tag(event, ())
        items: list[_Built] = []
        self._path.append(0)
        while not isinstance(one := next(self._events), yaml.SequenceEndEvent):
            self._path[-1] = len(items)
            items.append(self._build(one, depth + 1))
        self._path.pop()
        node = replace(self._place(event), value=tuple(item.node for item in items))
        return _collected(node, items)

    def _mapping(self, event: yaml.MappingStartEvent, depth: int) -> _Built:
        self._check_tag(event, ())
        place = self._place(event)
        own: dict[str, _Built] = {}
        merged: dict[str, _Built] = {}
        keys: dict[str, tuple[int, int]] = {}
        while not isinstance(one := next(self._events), yaml.MappingEndEvent):
            key_place = self._place(one)
            key = self._key(one, depth)
            self._path.append("?" if key is None else key)
            value = self._build(next(self._events), depth + 1)
            self._path.pop()
            if key is None:
                continue
            if key == "<<" and isinstance(one, yaml.ScalarEvent) and one.implicit[0]:
                for name, inherited in self._merge(value, key_place).items():
                    merged.setdefault(name, inherited)
                continue
            if key in keys:
                says = f"the key {key!r} stands already in line {keys[key][0]}"
                self._problem(key_place, says)
                continue
            assert key_place.line is not None and key_place.column is not None
            keys[key] = key_place.line, key_place.column
            own[key] = value
        for name, inherited in merged.items():
            if name not in own:
                own[name] = inherited
                keys[name] = inherited.node.line or 0, inherited.node.column or 0
        node = replace(place, value={name: built.node for name, built in own.items()}, keys=keys)
        return _collected(node, own.values())

    def _key(self, event: yaml.Event, depth: int) -> str | None:
        """Return the key that `event` begins, as it is written; None when it is not a text."""
        if isinstance(event, yaml.ScalarEvent):
            if event.anchor is not None:
                self._anchors[event.anchor] = _Built(self._scalar(event))
            return str(event.value)
        built = self._build(event, depth + 1)
        if isinstance(event, yaml.AliasEvent) and isinstance(built.node.value, str):
            return built.node.value
        self._problem(self._place(event), "expected a text as the key")
        return None

    def _merge(self, value: _Built, place: Node) -> Mapping[str, _Built]:
        """Return what `<<: *anchor` or `<<: [*one, *other]` brings; the first that has a key wins."""
        sources = value.node.value if isinstance(value.node.value, tuple) else (value.node,)
        brought: dict[str, _Built] = {}
        for source in sources:
            if not isinstance(source.value, dict):
                self._problem(place, "expected a mapping behind '<<', or a list of mappings")
                continue
            for name, node in source.value.items():
                # Walks what the budget was already charged for when `value` was built.
                brought.setdefault(name, _measured(node))
        return brought


def _measured(node: Node) -> _Built:
    if isinstance(node.value, dict):
        return _collected(node, map(_measured, node.value.values()))
    return _collected(node, map(_measured, node.value)) if isinstance(node.value, tuple) else _Built(node)


def _collected(node: Node, parts: Iterable[_Built]) -> _Built:
    parts = list(parts)
    size = 1 + sum(part.size for part in parts)
    return _Built(node, size, 1 + max((part.height for part in parts), default=0))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(configuration_schema(), indent=2, ensure_ascii=False) + "\n")
