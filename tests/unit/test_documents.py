"""Documents: YAML as people mean it, JSON, places of everything, and limits."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra import documents
from orchestra.documents import Document
from orchestra.domain.errors import InvalidContent
from orchestra.domain.manifest import configuration_schema
from orchestra.domain.tree import DEPTH, Node, Report, plain


def read(text: str | bytes) -> Node:
    report = Report()
    (tree,) = documents.read([Document("f.yaml", text)], report)
    report.raise_if_any("the file")
    return tree


def problems(text: str | bytes) -> list[str]:
    report = Report()
    documents.read([Document("f.yaml", text)], report)
    return [str(one) for one in report.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-7", -7),
        ("0", 0),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("2024-01-02", "2024-01-02"),
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
        ("1:30", "1:30"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        (".NaN", ".NaN"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("=", "="),
    ],
)
def test_plain_scalars_are_what_they_look_like(text: str, value: object) -> None:
    (found,) = plain(read(f"[{text}]")) if text else (plain(read("a:"))["a"],)
    assert found == value and type(found) is type(value)


def test_keys_are_text_always() -> None:
    assert plain(read("on: 1\n2: x\ntrue: y\n~: z")) == {"on": 1, "2": "x", "true": "y", "~": "z"}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(
        st.characters(
            codec="utf-8", exclude_characters="\0\x7f\ufeff\ufffe\uffff", categories=["L", "N", "P", "S", "Z"]
        ),
        max_size=8,
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc<\"'é😀 {", max_size=4), inner, max_size=3),
    max_leaves=10,
)


@given(value=json_values, is_ascii=st.booleans(), indent=st.sampled_from([None, 2, "\t"]))
def test_json_is_read_as_python_reads_it(value: Any, is_ascii: bool, indent: Any) -> None:
    separators = (",", ":") if indent is None else None
    text = json.dumps(value, ensure_ascii=is_ascii, indent=indent, separators=separators)
    expected = json.loads(text)
    if "<<" not in text:
        assert plain(read(text)) == expected


def test_a_byte_order_mark_is_no_content() -> None:
    assert plain(read("\ufeffa: 1".encode())) == {"a": 1}
    assert plain(read("\ufeffa: 1")) == {"a": 1}


def test_every_value_knows_its_place_and_numbers_how_they_are_written() -> None:
    tree = read("a:\n  - x\n  - 3.10\nb: |\n  first\n  second\n")
    assert isinstance(tree.value, dict)
    items = tree.value["a"].value
    assert isinstance(items, tuple)
    assert [(one.file, one.line, one.column) for one in items] == [("f.yaml", 2, 5), ("f.yaml", 3, 5)]
    assert (items[1].value, items[1].written) == (3.1, "3.10")
    assert tree.value["b"].text_line == 5
    assert tree.keys["b"] == (4, 1)


def test_anchors_aliases_and_merge_keys_work() -> None:
    text = """
    base: &base {a: 1, b: 2}
    other: &other {b: 3, c: 4}
    one: *base
    two: {<<: *base, b: 9}
    three: {<<: [*other, *base], d: 5}
    """
    value = plain(read(text))
    assert value["one"] == {"a": 1, "b": 2}
    assert value["two"] == {"a": 1, "b": 9}
    assert value["three"] == {"b": 3, "c": 4, "a": 1, "d": 5}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\na: 2", "f.yaml:2: the key 'a' stands already in line 1"),
        ("x:\n  - {b: 1, b: 2}", "f.yaml:2: x[0]: the key 'b' stands already in line 2"),
        ("a: *nothing", "f.yaml:1: a: there is no anchor &nothing before this alias"),
        ("a: &a [*a]", "there is no anchor &a before this alias"),
        ("a: !!python/object:os.system x", "f.yaml:1: a: the tag tag:yaml.org,2002:python/object:os.system"),
        ("a: !!int '3'", "the tag"),
        ("a: !!set {x}", "the tag"),
        ("[1, 2]: x", "expected a text as the key"),
        ("a: 99999999999999999999", "f.yaml:1: a: the number is too large to be exact"),
        ("a: 9007199254740993", "the number is too large to be exact"),
        ("a: 1e999", "the number is too large"),
        ("a: {<<: [1]}", "expected a mapping behind '<<'"),
        ("a: [1, 2", "f.yaml:2: not readable as YAML or JSON: while parsing a flow sequence that begins in line 1"),
        ("a: b: c", "f.yaml:1: not readable as YAML or JSON"),
        ("\tx: 1", "not readable as YAML or JSON"),
        (b"a: 1\nb: \xff", "f.yaml:2: the file is not UTF-8"),
        ("a: \x00", "not readable"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str | bytes, says: str) -> None:
    (problem,) = problems(text)
    assert says in problem


def test_problems_of_all_files_come_together() -> None:
    report = Report()
    documents.read([Document("a.yaml", "x: [1"), Document("b.yaml", "y: 1\ny: 2"), Document("c.yaml", "z: 1")], report)
    assert [one.file for one in report.problems] == ["a.yaml", "b.yaml"]


def test_several_documents_in_one_file_are_several_trees() -> None:
    report = Report()
    trees = documents.read([Document("f.yaml", "---\na: &x 1\n---\nb: 2\n")], report)
    assert [plain(tree) for tree in trees] == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * (DEPTH + 2),
        "a: &a [x]\nb: &b [*a, *a]\n"
        + "".join(f"{chr(c)}: &{chr(c)} [" + f"*{chr(c - 1)}, " * 9 + "]\n" for c in range(99, 118)),
        "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{b: *a{n - 1}}}\n" for n in range(1, 40)),
    ],
    ids=["depth", "mappings", "bomb", "deep aliases"],
)
def test_bombs_are_refused_before_they_are_built(text: str) -> None:
    report = Report()
    try:
        documents.read([Document("f.yaml", text)], report)
        told = [str(one) for one in report.problems]
    except InvalidContent as error:
        told = [error.detail, *map(str, error.problems)]
    assert any("nested deeper" in one or "more than" in one or "not readable" in one for one in told)


def test_merging_counts_what_it_brings_and_no_more() -> None:
    base = "base: &base {" + ", ".join(f"k{n}: {n}" for n in range(100)) + "}\n"
    text = base + "all: &all {<<: *base}\nlist: [" + ", ".join(["*all"] * 500) + "]"
    value = plain(read(text))
    assert len(value["list"]) == 500


def test_files_larger_than_the_limit_are_refused() -> None:
    class Large(str):
        def __len__(self) -> int:
            return documents.TOTAL_BYTES + 1

    with pytest.raises(InvalidContent, match="64 MiB"):
        documents.read([Document("f.yaml", Large("a: 1"))], Report())


def test_folders_give_their_files_in_order_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "sub/c.json", ".hidden.yaml", ".git/d.yaml", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    found = documents.find([tmp_path, tmp_path / "b.yaml"])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a.yml", "b.yaml", "sub/c.json"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidContent) as caught:
        documents.find([tmp_path / "empty", tmp_path / "gone.yaml"])
    assert len(caught.value.problems) == 2


def test_time_zones_are_those_of_the_machine() -> None:
    assert {"Europe/Paris", "UTC", "America/New_York"} <= documents.time_zones()
    assert "localtime" not in documents.time_zones()


def test_the_published_schema_is_current() -> None:
    published = Path(__file__).parents[2] / "docs" / "schema.json"
    assert json.loads(published.read_text()) == configuration_schema(), (
        "run: python -m orchestra.documents > docs/schema.json"
    )
