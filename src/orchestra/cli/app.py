"""The program `orchestra`: its commands, and the one place where errors become words and exit codes.

Exit codes: 0 success, 1 the operation failed, 2 wrong usage; `trigger` adds 3 (failed),
4 (aborted or cancelled) and 5 (exception).
"""

import difflib
import importlib
import sys
from typing import Final, NamedTuple

import click

from orchestra import __version__
from orchestra.domain.errors import InvalidContent, OrchestraError


class Entry(NamedTuple):
    """Where a command lives and the line that `--help` shows, so that listing imports nothing."""

    module: str
    attribute: str
    summary: str


COMMANDS: Final[dict[str, Entry]] = {
    "up": Entry("up", "up", "Start a server, one local worker and the example project."),
    "server": Entry("server", "server", "Start a server: master and web API."),
    "worker": Entry("worker", "worker", "Start a worker, or look at the workers."),
    "apply": Entry("apply", "apply", "Bring projects, jobs and schedules to what files say."),
    "trigger": Entry("trigger", "trigger", "Trigger a job; follow its log or wait for its end."),
    "runs": Entry("runs", "runs", "List runs, newest first."),
    "run": Entry("runs", "run", "Show one run."),
    "logs": Entry("logs", "logs", "Print the log of a run; follow it while it grows."),
    "cancel": Entry("stop", "cancel", "Cancel a run that has not started."),
    "abort": Entry("stop", "abort", "Abort a run that is running."),
    "retry": Entry("stop", "retry", "Run again, with the same or changed parameters."),
    "explain": Entry("explain", "explain", "Say why a run waits, with a verdict for each worker."),
    "project": Entry("objects", "project", "List and show projects."),
    "job": Entry("objects", "job", "List, show, enable and disable jobs."),
    "doctor": Entry("doctor", "doctor", "Check this installation and say what to do."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(f"orchestra.cli.{entry.module}"), entry.attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else " `orchestra --help` lists the commands."
            raise click.UsageError(f"No such command '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="orchestra")
def cli() -> None:
    """Orchestra runs jobs on machines, and tells the truth about every run.

    \b
    First look:    orchestra up
    A first run:   orchestra trigger examples/hello -p name=Ada --follow
    """


def main() -> None:
    """Run the program; each known error becomes one message on standard error and exit code 1."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except OrchestraError as error:
        click.echo(f"{click.style('error:', fg='red', bold=True)} {error.detail}", err=True)
        if isinstance(error, InvalidContent):
            for problem in error.problems:
                click.echo(f"  {problem}", err=True)
        code = 1
    except BrokenPipeError:
        # The reader of our output left (`orchestra logs … | head`): that is its right, and no error.
        sys.stderr.close()
        code = 0
    sys.exit(code if isinstance(code, int) else 0)
