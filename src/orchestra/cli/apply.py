"""`orchestra apply`: configuration files → server, with a plan that says what changes."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from orchestra.cli.connection import with_client
from orchestra.cli.output import print_json, with_output
from orchestra.client import Client

SUFFIXES: Final = {".yaml", ".yml", ".json"}
_SIGNS: Final = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}


@click.command(epilog="Example: orchestra apply jobs/ --dry-run")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--prune", is_flag=True, help="Delete what these files owned before and no longer name.")
@click.option("--dry-run", is_flag=True, help="Print the plan and change nothing.")
@with_output
@with_client
def apply(client: Client, paths: tuple[Path, ...], prune: bool, dry_run: bool, output: str) -> None:
    """Bring projects, jobs and schedules to what the files say.

    PATH is a YAML or JSON file, or a folder of them. Nothing is written where nothing differs.
    """
    files = [{"name": str(file), "content": _read(file)} for file in configuration_files(paths)]
    plan = client.plan(files, prune=prune) if dry_run else client.apply(files, prune=prune)
    if output == "json":
        print_json(plan)
        return
    changes = plan["changes"]
    for change in changes:
        _print_change(change)
    counts = {action: sum(one["action"] == action for one in changes) for action in _SIGNS}
    said = ", ".join(f"{count} to {action}" for action, count in counts.items() if count)
    if not changes:
        click.echo("nothing differs")
    elif dry_run:
        click.echo(f"{said}; nothing was changed (dry run)")
    else:
        click.echo(f"applied: {said.replace(' to ', ' ')}d" if len(changes) == 1 else f"applied: {said}")


def configuration_files(paths: Sequence[Path]) -> list[Path]:
    """The files that `paths` name: themselves, or every YAML and JSON file below a folder, sorted."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.suffix in SUFFIXES and one.is_file())
            if not inside:
                raise click.UsageError(f"{path} has no .yaml, .yml or .json file")
            found += inside
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{path} is not UTF-8: byte {error.start} does not fit") from None


def _print_change(change: dict[str, Any]) -> None:
    sign, colour = _SIGNS[change["action"]]
    click.echo(click.style(f"{sign} {change['kind']} {change['path']}", fg=colour, bold=True))
    for field in change.get("fields", ()):
        if change["action"] == "update":
            click.echo(f"    {field['path']}: {_short(field['old'])} → {_short(field['new'])}")


def _short(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    limit = 100 if sys.stdout.isatty() else 1000
    return text if len(text) <= limit else text[: limit - 1] + "…"
