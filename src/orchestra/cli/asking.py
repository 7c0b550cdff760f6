"""Questions to the person at the terminal: is this meant, and which password.

Rules: nothing is asked where nobody can answer: without a terminal, what cannot be undone needs
`--yes`, and a password comes by `--password-stdin`. A password is never an argument, where every
process of the machine could read it, and is never shown.
"""

import sys
from collections.abc import Callable
from typing import Any, Final

import click

LONGEST_PASSWORD: Final = 4096


def with_yes(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--yes` to a command; it arrives as `yes`."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(command)


def confirm(question: str, *, yes: bool) -> None:
    """Ask whether it is meant; leave with exit code 1 when it is not, and with 2 when nobody can answer."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: add --yes to do it")
    if not click.confirm(question, err=True):
        click.echo("nothing was changed", err=True)
        raise click.exceptions.Exit(1)


def with_password_stdin(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--password-stdin` to a command; it arrives as `password_stdin`."""
    return click.option(
        "--password-stdin", is_flag=True, help="Take the password from standard input: its first line."
    )(command)


def read_password(*, from_stdin: bool, prompt: str = "Password") -> str:
    """A password that exists already: from standard input, or asked for once."""
    return _first_line("password") if from_stdin else _ask(prompt)


def read_new_password(*, from_stdin: bool, prompt: str = "New password") -> str:
    """A password to be set: from standard input, or asked for twice."""
    if from_stdin:
        return _first_line("password")
    first = _ask(prompt)
    if _ask("Once more") != first:
        raise click.UsageError("the two passwords differ; nothing was changed")
    return first


def read_secret(prompt: str) -> str:
    """A secret such as a token that is pasted: the first line of standard input, not shown on a terminal."""
    return (_ask(prompt) if sys.stdin.isatty() else _first_line("token")).strip()


def _ask(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked for the password here: use --password-stdin")
    return str(click.prompt(prompt, hide_input=True, err=True))


def _first_line(what: str) -> str:
    line = sys.stdin.readline(LONGEST_PASSWORD)
    text = line.removesuffix("\n").removesuffix("\r")
    if not text:
        raise click.UsageError(f"standard input holds no {what}")
    return text
