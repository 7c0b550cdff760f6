"""Format strings say here what they said there: the same text for the same values."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.domain.job_orchestra.format_string import BRACE, Context, NoEqualError, Used, translate
from orchestra.domain.template import ROOTS, fill
from orchestra.domain.template_check import Known, check_text

PATH = "/spool/run/results.json"
TABLE = [
    ("plain text", "plain text"),
    ("", ""),
    ("--revision={parameters[revision]}", "--revision={parameters.revision}"),
    ("{parameters[a.b-c_d]}", "{parameters.a.b-c_d}"),
    ("{parameters[x]!s}", "{parameters.x}"),
    ("{parameters[x]:s}", "{parameters.x}"),
    ("{results[revision_control][revision]}", "{results.revision_control.revision}"),
    ("{results[files][0]}", "{results.files.0}"),
    ("{result_file_path}", "{environment.ORCHESTRA_RESULTS}"),
    (
        "{project_identifier}/{job_identifier}/{run_identifier}",
        "{project.identifier}/{job.identifier}/{run.identifier}",
    ),
    ("{job[identifier]}", "{job.identifier}"),
    ("{environment[python3_executable]}", "{environment.python3_executable}"),
    ("{environment[HOME]}", "{environment.HOME}"),
    ("{environment[a.b]}", "{worker.properties.a.b}"),
    ('{{"revision": "{parameters[x]}"}}', '{"revision": "{parameters.x}"}'),
    ("${{HOME}}", "${HOME}"),
    ("{{parameters.x}}", "{{parameters.x}}"),
    ("{{{{parameters.x}}}}", "{{{parameters.x}}}"),
    ("{{{parameters[x]}}}", "{environment.OPENING_BRACE}{parameters.x}}"),
    ("for i in range(3): print('…')", "for i in range(3): print('…')"),
]
REFUSED = [
    ("{}", "by position"),
    ("{0}", "by position"),
    ("{undefined}", "expected one of parameters"),
    ("{parameters}", "whole mapping"),
    ("{results}", "whole mapping"),
    ("{parameters.x}", "read by [key]"),
    ("{results[a].b}", "read by [key]"),
    ("{parameters[x]!r}", "conversions"),
    ("{parameters[x]:>10}", "specifications"),
    ("{parameters[x]:{parameters[y]}}", "specifications"),
    ("{parameters[1st]}", "no key of a parameter"),
    ("{parameters[a][b]}", "no key of a parameter"),
    ("{results[a b]}", "other characters"),
    ("{environment[]}", "other characters"),
    ("open {", "no format string"),
    ("close }", "no format string"),
    ("{job[display_name]}", "expected one of"),
]


@pytest.mark.parametrize(("given", "expected"), TABLE)
def test_a_format_string_becomes_our_substitutions(given: str, expected: str) -> None:
    assert translate(given, Used()) == expected


@pytest.mark.parametrize(("given", "reason"), REFUSED)
def test_what_has_no_equal_is_told_with_the_place_in_question(given: str, reason: str) -> None:
    with pytest.raises(NoEqualError) as caught:
        translate(given, Used())
    assert reason in str(caught.value)
    assert given.strip("{}")[:8] in str(caught.value)


def test_an_element_of_a_pipeline_has_no_file_for_results() -> None:
    with pytest.raises(NoEqualError, match="no such file"):
        translate("{result_file_path}", Used(), Context(has_result_file=False))


def test_what_a_string_takes_is_noted() -> None:
    used = Used()
    translate("{parameters[a]}{parameters[b]}{environment[c]}{environment[PATH]}{results[d]}{{{run_identifier}}}", used)
    assert (list(used.parameters), list(used.settings), used.has_results) == (["a", "b"], ["c"], True)
    assert used.needs_brace
    assert not used.remarks
    translate("{run[identifier]}", used)
    assert len(used.remarks) == 1


KEYS = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=8)
PARAMETERS = st.builds(lambda first, rest: first + rest, st.sampled_from(string.ascii_letters), KEYS)
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
LITERALS = st.one_of(
    st.text("{}.$ ax\n\"'", max_size=8),
    st.sampled_from([f"{{{root}.x}}" for root in ROOTS]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
)


@st.composite
def samples(draw: st.DrawFn) -> tuple[str, dict[str, object]]:
    """A format string of the ancestor's kind, and values for all that it names."""
    values: dict[str, dict[str, object]] = {"parameters": {}, "environment": {}, "results": {}}
    pieces = []
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(["literal", "literal", "name", *values]))
        if kind == "literal":
            pieces.append(draw(LITERALS).replace("{", "{{").replace("}", "}}"))
        elif kind == "name":
            pieces.append(f"{{{draw(st.sampled_from(['project_identifier', 'run_identifier', 'result_file_path']))}}}")
        else:
            key = draw(PARAMETERS)
            value = draw(VALUES if kind != "results" else st.one_of(VALUES, st.integers()))
            values[kind].setdefault(key, value)
            pieces.append(f"{{{kind}[{key}]{draw(st.sampled_from(['', '!s']))}}}")
    return "".join(pieces), {**values}


@given(samples())
def test_our_rendering_equals_python_s(sample: tuple[str, dict[str, object]]) -> None:
    text, values = sample
    names = {"project_identifier": "p", "job_identifier": "j", "run_identifier": "r", "result_file_path": PATH}
    used = Used()
    ours = translate(text, used)
    environment = {**_mapping(values["environment"]), BRACE: "{", "ORCHESTRA_RESULTS": PATH}
    worker = {"properties": values["environment"]}
    roots = {
        **values,
        "environment": environment,
        "worker": worker,
        "project": {"identifier": "p"},
        "run": {"identifier": "r"},
    }
    assert fill(ours, roots) == text.format(**values, **names)
    known = Known(parameters=dict.fromkeys(used.parameters, "string"), environment=[*used.settings, BRACE])
    assert check_text(ours, known) == ()


def _mapping(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value
