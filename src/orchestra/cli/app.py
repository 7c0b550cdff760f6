"""The program `orchestra`, and the one place where errors become words and exit codes.

Exit codes: 0 success, 1 the operation failed, 2 wrong usage; `trigger` and `run wait` add 3 (failed),
4 (aborted or cancelled) and 5 (exception).
"""

import io
import os
import sys
from collections.abc import Sequence

import click

from orchestra import __version__
from orchestra.cli.commands import LazyGroup
from orchestra.domain.errors import InvalidContent, OrchestraError, Problem


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="orchestra")
def cli() -> None:
    """Orchestra runs jobs on machines, and tells the truth about every run.

    \b
    First look:    orchestra up
    A first run:   orchestra trigger examples/hello -p name=Ada --follow
    """


def main() -> None:
    """Run the program with the arguments of this process, and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal's encoding does not have is shown with a question mark, and no reason to fail.
            stream.reconfigure(errors="replace")
    sys.exit(run())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code; each known error becomes words on standard error."""
    colour = False if os.environ.get("NO_COLOR") else None  # https://no-color.org
    try:
        code = cli.main(arguments, "orchestra", standalone_mode=False, color=colour)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OrchestraError as error:
        _show(error, colour)
        return 1
    except BrokenPipeError:
        # The reader of our output left (`orchestra logs … | head`): that is its right, and no error.
        sys.stderr.close()
        return 0
    return code if isinstance(code, int) else 0


def _show(error: OrchestraError, colour: bool | None) -> None:
    """The fact, then every problem on a line of its own, then what to do next."""
    lines = [f"{click.style('error:', fg='red', bold=True)} {error.detail}"]
    if isinstance(error, InvalidContent):
        lines += [f"  {problem}{_place(problem)}" for problem in error.problems]
    lines += [f"{click.style('hint:', fg='cyan')} {note}" for note in getattr(error, "__notes__", ())]
    click.echo("\n".join(lines), err=True, color=colour)


def _place(problem: Problem) -> str:
    """Where in a text that was typed; a file's lines are told already."""
    return f" (character {problem.column})" if problem.column is not None and problem.line is None else ""
