"""`orchestra apply`: configuration files → server, with a plan that says what changes."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from orchestra import documents
from orchestra.cli.connection import with_client
from orchestra.cli.output import print_json, short, with_output

if TYPE_CHECKING:
    from orchestra.client import Client
    from orchestra.client.answers import Change
    from orchestra.client.contents import ConfigurationFile

_SIGNS: Final = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}


@click.command(epilog="Example: orchestra apply jobs/ --dry-run")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--prune", is_flag=True, help="Delete what these files owned before and no longer name.")
@click.option("--dry-run", is_flag=True, help="Print the plan and change nothing.")
@click.option("--source", default="files", show_default=True, metavar="NAME", help="Who owns what these files create.")
@with_output
@with_client
def apply(client: "Client", *, paths: tuple[Path, ...], prune: bool, dry_run: bool, source: str, output: str) -> None:
    """Bring projects, jobs and schedules to what the files say.

    PATH is a YAML or JSON file, or a folder of them. Nothing is written where nothing differs. Apply
    all files of one --source together: with --prune, what it owned and they no longer name is deleted.
    """
    files: list[ConfigurationFile] = [{"name": one.name, "content": _text(one)} for one in documents.load(paths)]
    carry_out = client.plan if dry_run else client.apply
    plan = carry_out(files, prune=prune, source=source)
    if output == "json":
        print_json(plan)
        return
    changes = plan.changes
    for change in changes:
        _print_change(change)
    for warning in plan.warnings:
        click.echo(f"{click.style('warning', fg='yellow')}: {warning.path}: {warning.message}")
    done = {"create": "created", "update": "updated", "delete": "deleted"}
    counts = {word: sum(one.action == action for one in changes) for action, word in done.items()}
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    if not changes:
        click.echo("nothing differs")
    elif dry_run:
        click.echo(f"would be: {said}; nothing was changed (dry run)")
    else:
        click.echo(said)
    if plan.leftovers:
        names = ", ".join(f"{one.kind} {one.path}" for one in plan.leftovers)
        click.echo(f"no longer in the files, and kept without --prune: {names}")


def _text(document: documents.Document) -> str:
    content = document.content
    try:
        return content if isinstance(content, str) else content.decode()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{document.name} is not UTF-8: byte {error.start} does not fit") from None


def _print_change(change: "Change") -> None:
    sign, colour = _SIGNS[change.action]
    click.echo(click.style(f"{sign} {change.kind} {change.path}", fg=colour, bold=True))
    if change.action == "update":
        limit = 100 if sys.stdout.isatty() else 1000
        for field in change.fields:
            click.echo(f"    {field.path}: {short(field.old, limit)} → {short(field.new, limit)}")
