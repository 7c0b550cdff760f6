"""Every command explains itself: its help is there, its example is one that the program takes, listing is quick."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from orchestra.cli.app import cli
from orchestra.cli.commands import COMMANDS

ROOT = click.Context(cli, info_name="orchestra")


def every_command(
    group: click.Group = cli, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """(words, command) of all of them, groups included."""
    for name in group.list_commands(ROOT):
        command = group.get_command(ROOT, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))


ALL = [pytest.param(path, command, id=" ".join(path)) for path, command in every_command()]


@pytest.mark.parametrize(("path", "command"), ALL)
def test_each_command_has_help_with_an_example(path: tuple[str, ...], command: click.Command) -> None:
    shown = CliRunner().invoke(cli, [*path, "--help"])
    assert shown.exit_code == 0, shown.output
    assert command.help, "what does it do?"
    assert re.search(r"Example: .*orchestra ", shown.output), shown.output


@pytest.mark.parametrize(("path", "command"), ALL)
def test_the_example_is_one_that_the_program_takes(path: tuple[str, ...], command: click.Command) -> None:
    example = (command.epilog or "").removeprefix("Example: ")
    words = shlex.split(example.removeprefix('eval "$(').removesuffix(')"'), comments=False)
    assert words[0] == "orchestra"
    assert tuple(words[1 : 1 + len(path)]) == path or isinstance(command, click.Group)
    words = words[1 : next((at for at, word in enumerate(words) if word in (">", "<", "|")), None)]
    _parse(cli, words)


def _parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    """Parse as far as a command, without calling it. Raises a usage error for what does not fit."""
    if not isinstance(command, click.Group) or (command.invoke_without_command and words[0].startswith("-")):
        needs_files = [one for one in command.params if isinstance(one.type, click.Path) and one.type.exists]
        for one in needs_files:  # what the example names is not in this folder
            one.type = click.STRING
        command.make_context("command", words, parent)
        return
    context = command.make_context("group", list(words), parent, resilient_parsing=False)
    name, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
    assert name is not None and inner is not None
    _parse(inner, rest, context)


def _told() -> Iterator[tuple[str, str]]:
    """(file, command line) of each command that a document shows in a block."""
    root = Path(__file__).resolve().parents[3]
    for path in sorted([root / "README.md", *root.glob("docs/*.md")]):
        for block in re.findall(
            r"^```(?:sh|console|text|bash)?\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL
        ):
            for line in re.findall(r"^(?:\$ )?(orchestra .+)$", block, re.MULTILINE):
                yield path.name, line


@pytest.mark.parametrize(("file", "line"), [pytest.param(*one, id=" ".join(one)) for one in _told()])
def test_the_commands_that_documents_show_are_ones_that_the_program_takes(file: str, line: str) -> None:
    # A comment begins with a space: in examples/hello#1 there is none.
    words = shlex.split(re.sub(r"\s#.*", "", line).replace("\N{HORIZONTAL ELLIPSIS}", "x"))[1:]
    _parse(cli, words[: next((at for at, word in enumerate(words) if word in (">", "<", "|", "&")), None)])


def test_every_data_command_prints_tables_and_json() -> None:
    without = {" ".join(path) for path, command in every_command() if not _has(command, "output")}
    assert without == {
        # groups
        *("run", "project", "job", "schedule", "user", "user roles", "token", "worker", "import"),
        # processes, streams of bytes, scripts, files
        *("up", "server", "logs", "run archive", "completion", "login", "logout"),
        # JSON in any case
        "run results",
        # what they say is that it is done
        *("project delete", "job delete", "schedule delete", "worker delete", "user delete", "token delete"),
        *("user set-password", "user end-sessions"),
    }


def test_what_cannot_be_undone_asks_first() -> None:
    asking = {" ".join(path) for path, command in every_command() if _has(command, "yes")}
    assert {" ".join(path) for path, _ in every_command() if path[-1] == "delete"} <= asking
    assert {"cancel", "abort", "retry"} <= asking


def test_no_password_is_ever_an_argument() -> None:
    words = [
        (" ".join(path), one.name)
        for path, command in every_command()
        for one in command.params
        if "password" in (one.name or "") and not (isinstance(one, click.Option) and one.is_flag)
    ]
    assert words == []


def _has(command: click.Command, name: str) -> bool:
    return any(one.name == name for one in command.params)


def test_the_list_of_commands_imports_none_of_them() -> None:
    program = "import sys; from orchestra.cli.app import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stderr.split()
    assert not {"httpx", "asyncio", "msgspec", "yaml", "sqlalchemy"} & set(loaded)
    assert not [one for one in loaded if one.startswith("orchestra.cli.") and one.split(".")[2] in COMMANDS]
    for name in COMMANDS:
        assert re.search(rf"^  {re.escape(name)} +\w", done.stdout, re.MULTILINE), name


def test_a_worker_that_starts_loads_no_http_client() -> None:
    program = (
        "import sys; from orchestra.cli.app import run; run(['worker', '--help']); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "httpx" not in done.stderr.split()
