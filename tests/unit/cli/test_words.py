"""What people type: parameters, properties, names of jobs, misspelt commands."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from orchestra.cli.app import cli
from orchestra.cli.names import JobName, RunName, ScopeName
from orchestra.cli.values import Moment, parse_parameters, parse_properties, parse_services, read_object

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


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
        JobName().convert(text, None, None)
    assert JobName().convert("core/build", None, None) == ("core", "build")


@pytest.mark.parametrize("text", ["what", "core/build", "build#1", "core/build#", "core/build#x", "a/b/c#1", "/#1"])
def test_a_run_is_named_by_uuid_or_by_its_number(text: str) -> None:
    with pytest.raises(click.UsageError):
        RunName().convert(text, None, None)
    assert RunName().convert("core/build#12", None, None) == "core/build#12"
    upper = "0192F3A0-0000-7000-8000-000000000000"
    assert RunName().convert(upper, None, None) == upper.lower()


def test_a_scope_is_a_project_or_a_job() -> None:
    assert ScopeName().convert("core", None, None) == ("core", None)
    assert ScopeName().convert("core/build", None, None) == ("core", "build")


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("now", NOW),
        ("30d", NOW + timedelta(days=30)),
        ("90m", NOW + timedelta(minutes=90)),
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T12:00:00Z", datetime(2027, 1, 31, 12, tzinfo=UTC)),
        ("2027-01-31T12:00:00+02:00", datetime(2027, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_date_or_a_span_from_now(text: str, date: datetime) -> None:
    assert Moment(now=lambda: NOW).convert(text, None, None) == date


@pytest.mark.parametrize("text", ["", "soon", "30x", "2027-13-01", "90"])
def test_what_is_no_moment_is_wrong_usage(text: str) -> None:
    with pytest.raises(click.UsageError, match="30d"):
        Moment(now=lambda: NOW).convert(text, None, None)


def test_services_are_named_by_service_and_key() -> None:
    given = ("repository.type=git", "repository.url=https://example.org/a=b", "db.port=5432")
    assert parse_services(given) == {
        "repository": {"type": "git", "url": "https://example.org/a=b"},
        "db": {"port": 5432},
    }
    with pytest.raises(click.UsageError):
        parse_services(("repository=git",))


def test_a_version_in_a_file_keeps_its_zeros(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("properties: {python: 3.10, cores: 8}\ndefinition: {timeout: 1.5}\n")
    assert read_object(str(file), "job") == {
        "properties": {"python": "3.10", "cores": 8},
        "definition": {"timeout": 1.5},
    }


@pytest.mark.parametrize("content", ["", "[1]", "a: 1\n---\nb: 2\n"])
def test_a_file_that_holds_no_object_is_wrong_usage(content: str, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(content)
    with pytest.raises(click.UsageError, match="expected one mapping"):
        read_object(str(file), "job")


def test_a_misspelt_command_is_wrong_usage_and_names_the_near_one() -> None:
    answer = CliRunner().invoke(cli, ["triger"])
    assert answer.exit_code == 2
    assert "Did you mean 'trigger'?" in answer.output
