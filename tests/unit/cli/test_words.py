"""What people type: parameters, properties, names of jobs, misspelt commands."""

import click
import pytest
from click.testing import CliRunner

from orchestra.cli.app import COMMANDS, cli
from orchestra.cli.names import split_job
from orchestra.cli.trigger import parse_parameters
from orchestra.cli.worker import parse_properties


def test_a_value_may_hold_anything_behind_the_first_equals_sign() -> None:
    assert parse_parameters(("a=b=c", "b=", "c= x ")) == {"a": "b=c", "b": "", "c": " x "}


@pytest.mark.parametrize("texts", [("a",), ("=b",), ("a=1", "a=2")])
def test_what_is_no_parameter_is_wrong_usage(texts: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError):
        parse_parameters(texts)


def test_properties_take_json_where_it_is_json() -> None:
    assert parse_properties(("cores=8", 'tags=["a", "b"]', "gpu=true", "os=linux", "v=3.11.2")) == {
        "cores": 8,
        "tags": ["a", "b"],
        "gpu": True,
        "os": "linux",
        "v": "3.11.2",
    }


@pytest.mark.parametrize("text", ["build", "core/", "/build", "a/b/c", ""])
def test_a_job_is_named_by_project_and_job(text: str) -> None:
    with pytest.raises(click.UsageError):
        split_job(text)
    assert split_job("core/build") == ("core", "build")


@pytest.mark.parametrize("name", list(COMMANDS))
def test_each_command_has_help_with_an_example(name: str) -> None:
    answer = CliRunner().invoke(cli, [name, "--help"])
    assert answer.exit_code == 0, answer.output
    command = cli.get_command(click.Context(cli), name)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for inner in command.list_commands(context):
            shown = CliRunner().invoke(cli, [name, inner, "--help"])
            assert shown.exit_code == 0
            assert "Example: orchestra " in shown.output
    else:
        assert "Example: orchestra " in answer.output


def test_a_misspelt_command_is_wrong_usage_and_names_the_near_one() -> None:
    answer = CliRunner().invoke(cli, ["triger"])
    assert answer.exit_code == 2
    assert "Did you mean 'trigger'?" in answer.output
