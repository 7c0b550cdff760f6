"""Every command by name: where it lives and the line that `--help` shows, so that listing them imports nothing."""

import difflib
import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Entry(NamedTuple):
    """The module and attribute of a command, and its summary."""

    module: str
    attribute: str
    summary: str


SECTIONS: Final[Mapping[str, Mapping[str, Entry]]] = {
    "Start": {
        "up": Entry("up", "up", "Start a server, one local worker and the example project."),
        "server": Entry("server", "server", "Start a server: master and web API."),
        "worker": Entry("worker", "worker", "Start a worker, or look after the workers."),
        "doctor": Entry("doctor", "doctor", "Check this installation and say what to do."),
    },
    "Account": {
        "login": Entry("login", "login", "Sign in to a server; the commands of this machine then use it."),
        "logout": Entry("login", "logout", "Forget the sign-in of this machine."),
        "whoami": Entry("login", "whoami", "Say who you are, where, and what you may do."),
        "token": Entry("token", "token", "Make, list, expire and delete tokens."),
    },
    "Runs": {
        "trigger": Entry("trigger", "trigger", "Trigger a job; follow its log or wait for its end."),
        "runs": Entry("runs", "runs", "List runs, newest first, with a query."),
        "run": Entry("run", "run", "Look at one run, wait for it, delete it."),
        "artifacts": Entry("artifacts", "artifacts", "List and download the files that a run left."),
        "logs": Entry("logs", "logs", "Print the log of a run; follow it while it grows."),
        "cancel": Entry("stop", "cancel", "Cancel runs that have not started."),
        "abort": Entry("stop", "abort", "Abort runs that are running."),
        "retry": Entry("stop", "retry", "Run again, with the same or changed parameters."),
        "explain": Entry("explain", "explain", "Say why a run waits, with a verdict for each worker."),
        "events": Entry("events", "events", "Follow what happens, as it happens."),
        "search": Entry("search", "search", "Find projects, jobs, schedules, runs, workers and users."),
    },
    "Configuration": {
        "apply": Entry("apply", "apply", "Bring projects, jobs and schedules to what files say."),
        "import": Entry("importing", "import_", "Import what another system has: users, jobs, history."),
        "export": Entry("export", "export", "Write projects, jobs and schedules as a file for `apply`."),
        "project": Entry("project", "project", "List, show, create, change and delete projects."),
        "job": Entry("job", "job", "List, show, write, enable and disable jobs; their history."),
        "schedule": Entry("schedule", "schedule", "List, show, write, enable and disable schedules."),
        "user": Entry("user", "user", "Users, their roles, passwords, links and sessions."),
    },
    "Shell": {
        "completion": Entry("completion", "completion", "Print the completion script for bash, zsh or fish."),
    },
}

COMMANDS: Final[Mapping[str, Entry]] = {name: entry for part in SECTIONS.values() for name, entry in part.items()}


class LazyGroup(click.Group):
    """The root: its commands are imported when they are called."""

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
        if args and args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else " `orchestra --help` lists the commands."
            raise click.UsageError(f"No such command '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, part in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.summary) for name, entry in part.items()], col_max=12)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        # Imported here: only shells ask for it.
        from click.shell_completion import CompletionItem  # noqa: PLC0415

        names = [CompletionItem(one, help=COMMANDS[one].summary) for one in COMMANDS if one.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]
