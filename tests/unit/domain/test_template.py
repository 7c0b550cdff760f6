"""Templates: what is a substitution, what becomes of it, and what is refused with which advice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.domain.template import (
    ARGUMENT_BYTES,
    PLACEHOLDERS,
    BadTemplateError,
    fill,
    parameter_environment,
    parameter_variable,
    placeholders,
    prepare,
    prepare_environment,
    text_of,
)
from orchestra.domain.template_check import Known, check, check_shell, check_text

VALUES = {
    "parameters": {"x": "X", "n": 5, "dotted.key": "D", "empty": "", "yes": True},
    "project": {"identifier": "web"},
    "run": {"identifier": "1-2", "number": 7, "source": {"type": "user", "user": "ada"}},
    "worker": {"properties": {"os": "linux", "gpu.count": 2}},
    "results": {"a": {"b": [1, {"c": "deep"}]}, "a.b": "dotted", "none": None},
    "services": {"repository": {"url": "https://example.org/x"}},
    "environment": {"HOME": "/home/ada"},
}


def shell(text: str) -> str:
    prepared = prepare(text, VALUES)
    assert prepared.argv[:2] == ("/bin/sh", "-c")
    return prepared.argv[2]


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("echo {parameters.x}", 'echo "${ORCHESTRA_VALUE_1}"'),
        ('echo "a {parameters.x} b"', 'echo "a ${ORCHESTRA_VALUE_1} b"'),
        ("echo 'a {parameters.x} b'", "echo 'a '\"${ORCHESTRA_VALUE_1}\"' b'"),
        ("{parameters.x}{parameters.x}", '"${ORCHESTRA_VALUE_1}""${ORCHESTRA_VALUE_1}"'),
        ("{parameters.x}{run.number}", '"${ORCHESTRA_VALUE_1}""${ORCHESTRA_VALUE_2}"'),
        ("echo # {parameters.x}", "echo # {parameters.x}"),
        ("-x {parameters.x}", ' -x "${ORCHESTRA_VALUE_1}"'),
        ("echo {{parameters.x}}", "echo {parameters.x}"),
        ("echo {{{parameters.x}}}", "echo {{parameters.x}}"),
        ("echo {a,b} ${HOME} {print} {parameters} {param.x} { parameters.x }", None),
        ("awk '{ print $1 }' f; f() { echo; }; echo '{\"run\": {}}'", None),
    ],
)
def test_a_placeholder_becomes_an_expansion_for_its_quoting(text: str, becomes: str | None) -> None:
    assert shell(text) == (text if becomes is None else becomes)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{parameters.dotted.key}|{parameters.empty}|{parameters.yes}|{parameters.n}", "D||true|5"),
        ("{worker.properties.os} {worker.properties.gpu.count}", "linux 2"),
        ("{run.source.user} {run.source}", 'ada {"type":"user","user":"ada"}'),
        ("{results.a.b} {results.a.b.1.c} {results.none}", "dotted deep "),
        ("{services.repository.url} {environment.HOME}", "https://example.org/x /home/ada"),
        ("${parameters.x}%", "$X%"),
        ("{{parameters.x}} {{parameters.x} {parameters.x}}", "{parameters.x} {X X}"),
    ],
)
def test_values_are_found_and_written_as_text(text: str, filled: str) -> None:
    assert fill(text, VALUES) == filled


def test_s20_an_argument_vector_takes_values_verbatim_and_needs_no_variables() -> None:
    prepared = prepare(("echo", "a{parameters.x}b", "{parameters.empty}"), VALUES)
    assert prepared.argv == ("echo", "aXb", "")
    assert prepared.environment == {}


@given(value=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
def test_s20_what_a_value_holds_is_never_looked_at_again(value: str) -> None:
    values = {"parameters": {"x": value, "y": "{parameters.x}"}}
    assert fill("{parameters.x}{parameters.y}", values) == value + "{parameters.x}"
    prepared = prepare("echo '{parameters.x}' {parameters.y}", values)
    assert prepared.argv[2] == "echo ''\"${ORCHESTRA_VALUE_1}\"'' \"${ORCHESTRA_VALUE_2}\""
    assert prepared.environment == {"ORCHESTRA_VALUE_1": value, "ORCHESTRA_VALUE_2": "{parameters.x}"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("echo {parameters.nope}", "{parameters.nope} has no value"),
        ("echo {results.a.z}", "{results.a.z} has no value"),
        ("echo {results.a.b.7}", "has no value"),
        ("cat <<E\n{parameters.x}\nE\n", "stands in a here-document: use the variable ORCHESTRA_PARAMETER_X"),
        ("echo $(( {parameters.n} ))", "stands in arithmetic: use the variable ORCHESTRA_PARAMETER_N"),
        ("echo `echo {run.number}`", "stands in backticks: use the variable ORCHESTRA_RUN_NUMBER"),
        ("case a in {parameters.x}) ;; esac", "stands in a 'case' pattern"),
        ("echo ${x:-{parameters.x}}", "stands inside '${ … }'"),
        ("echo ${parameters.x}", "stands behind '$'"),
        ("echo \\{parameters.x}", "stands behind a backslash"),
        ("echo {services.repository.url} <<E\n{services.repository.url}\nE", "value={services.repository.url} before"),
        ("eval {parameters.x}", "would be read as shell commands"),
        ("sh -c 'echo {parameters.x}'", "would be read as shell commands"),
        ("echo \0", "NUL"),
        ("echo " + "{parameters.x}" * (PLACEHOLDERS + 1), "more than 1000"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_write_instead(text: str, says: str) -> None:
    with pytest.raises(BadTemplateError) as caught:
        prepare(text, VALUES)
    assert says in str(caught.value)


def test_numbers_may_stand_where_shell_text_is_read() -> None:
    assert shell("sh -c 'sleep {parameters.n}'").startswith("sh -c ")
    known = Known(parameters={"n": "integer", "x": "string"})
    assert check_shell("sh -c 'sleep {parameters.n}'", known) == ()
    assert len(check_shell("sh -c 'sleep {parameters.x}'", known)) == 1


@pytest.mark.parametrize("value", ["a\0b", "\ud800", "x" * ARGUMENT_BYTES])
def test_s22_values_that_no_process_can_be_given_are_refused(value: str) -> None:
    for command in ("echo {parameters.v}", ("echo", "{parameters.v}")):
        with pytest.raises(BadTemplateError):
            prepare(command, {"parameters": {"v": value}})
    with pytest.raises(BadTemplateError):
        parameter_environment({"v": value})


def test_bytes_that_are_no_utf8_in_an_inherited_variable_pass_through() -> None:
    assert fill("{environment.HOME}", {"environment": {"HOME": "/home/\udce9"}}) == "/home/\udce9"


def test_variables_of_a_definition_take_values_and_what_was_there_before() -> None:
    environment = {"URL": "{services.repository.url}#{parameters.x}", "HOME": "{environment.HOME}/sub", "PLAIN": "{x}"}
    assert prepare_environment(environment, VALUES) == {
        "URL": "https://example.org/x#X",
        "HOME": "/home/ada/sub",
        "PLAIN": "{x}",
    }


def test_s21_parameters_have_variables_of_their_own() -> None:
    assert parameter_variable("dry-run.v2") == "ORCHESTRA_PARAMETER_DRY_RUN_V2"
    assert parameter_environment({"a-b": 1.5, "c": False}) == {
        "ORCHESTRA_PARAMETER_A_B": "1.5",
        "ORCHESTRA_PARAMETER_C": "false",
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), ("x", "x"), (1, "1"), (2.0, "2.0"), ([1, "é"], '[1,"é"]'), ({"a": None}, '{"a":null}')],
)
def test_json_values_have_one_text(value: object, text: str) -> None:
    assert text_of(value) == text


def test_placeholders_are_told_with_their_offsets() -> None:
    assert [(str(one), one.offset) for one in placeholders("é {run.a} {{run.b}} {run.c}")] == [
        ("{run.a}", 2),
        ("{run.c}", 20),
    ]


KNOWN = Known(
    parameters={"branch": "string", "count": "integer"},
    services={"repository": {"url": "x", "type": "git"}},
    environment=("CI",),
)


@pytest.mark.parametrize(
    "text",
    [
        "{parameters.branch} {parameters.count} {project.identifier} {job.group} {run.number} {run.source.user}",
        "{worker.properties.anything} {worker.identifier} {results.whatever.0}",
        "{services.repository.url} {services.repository} {environment.CI} {environment.PATH} {environment.LC_ALL}",
        "{environment.ORCHESTRA_RUN} {anything.else} {{parameters.unknown}}",
    ],
)
def test_known_names_are_accepted(text: str) -> None:
    assert check_text(text, KNOWN) == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{parameters.branhc}", "did you mean {parameters.branch}?"),
        ("{parameters.zzz}", "expected one of parameters.branch, parameters.count"),
        ("{project.services}", "expected one of project.identifier"),
        ("{run.status}", "unknown name {run.status}"),
        ("{job.displayname}", "did you mean {job.display_name}?"),
        ("{worker.os}", "expected {worker.properties.NAME}"),
        ("{services.repository.ur}", "did you mean {services.repository.url}?"),
        ("{services.nothing}", "unknown name {services.nothing}"),
        ("{environment.FOO}", "unknown name {environment.FOO}"),
        ("{parameters.a b}", "double the braces: {{parameters.a b}}"),
        ("{results.}", "double the braces"),
    ],
)
def test_unknown_names_are_told_with_what_was_meant(text: str, says: str) -> None:
    (flaw,) = check_text(f"é {text}", KNOWN)
    assert says in flaw.message
    assert flaw.offset == 2


def test_all_flaws_of_a_command_are_told_at_once_argument_by_argument() -> None:
    flaws = check(("x", "{parameters.a} {parameters.b}", "{run.x}"), KNOWN)
    assert [len(one) for one in flaws] == [0, 2, 1]
    (found,) = check("{parameters.a} $(( {parameters.count} ))", KNOWN)
    assert [flaw.offset for flaw in found] == [0, 19]


def test_what_is_not_known_is_left_to_the_run() -> None:
    assert check_text("{parameters.a} {services.a.b} {environment.A}", Known()) == ()
