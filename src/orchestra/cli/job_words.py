"""How a job, its revisions and their differences are told."""

import json
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from orchestra.cli.output import bold, date, day, enabled, harmless, pairs, print_facts, print_table, short
from orchestra.cli.sparse import sparse_definition, sparse_policy

if TYPE_CHECKING:
    from orchestra.client.answers import RevisionChanges
    from orchestra.client.entities import Job, JobRevision, JobRevisionDetail, Parameter


def print_job(job: "Job") -> None:
    """Everything of a job."""
    facts = [
        ("name", job.display_name),
        ("description", job.description),
        ("group", job.group),
        ("enabled", enabled(job.is_enabled)),
        ("managed by", job.managed_by),
        ("revision", str(job.revision)),
        ("created", date(job.creation_date)),
        ("changed", date(job.update_date)),
    ]
    print_facts(bold(f"{job.project}/{job.identifier}"), facts)
    _print_content(job.definition, job.parameters, job.properties, job.policy)


def print_revision(one: "JobRevisionDetail") -> None:
    """What a job was at one revision."""
    facts = [("by", one.creator or ""), ("date", date(one.creation_date)), ("changed", ", ".join(one.changed))]
    print_facts(bold(f"{one.project}/{one.job}, revision {one.revision}"), facts)
    _print_content(one.definition, one.parameters, one.properties, one.policy)


def print_revisions(found: Iterable["JobRevision"]) -> None:
    """Who changed a job when."""
    print_table(
        ("REVISION", "DATE", "BY", "CHANGED"),
        ((str(one.revision), day(one.creation_date), one.creator or "", ", ".join(one.changed)) for one in found),
        empty="no revisions",
    )


def print_changes(found: "RevisionChanges") -> None:
    """What differs between two revisions, field by field."""
    click.echo(bold(f"revision {found.since} → {found.revision}"))
    if not found.changes:
        click.echo("nothing differs")
    for one in found.changes:
        click.echo(harmless(f"  {one.path}"))
        click.echo(click.style(harmless(f"    - {short(one.before, 1000)}"), fg="red"))
        click.echo(click.style(harmless(f"    + {short(one.after, 1000)}"), fg="green"))


def _print_content(
    definition: dict[str, Any], parameters: "Iterable[Parameter]", properties: dict[str, Any], policy: dict[str, Any]
) -> None:
    known = list(parameters)
    if known:
        click.echo("\nParameters")
        print_table(
            ("  KEY", "TYPE", "DEFAULT", "DESCRIPTION"),
            ((f"  {one.key}", one.type, _default(one), one.description) for one in known),
            empty="",
        )
    if properties:
        click.echo("\nProperties")
        click.echo(harmless(f"  {pairs(properties)}"))
    differs = sparse_policy(policy)
    if differs:
        click.echo("\nPolicy")
        for key, value in differs.items():
            click.echo(harmless(f"  {key}: {short(value, 1000)}"))
    sparse = sparse_definition(definition)
    click.echo(f"\nDefinition ({sparse.pop('type')})")
    for title in ("commands", "finally"):
        for index, command in enumerate(sparse.pop(title, ()), 1):
            _print_command(f"{title} {index}", command)
    for key, value in sparse.items():
        click.echo(harmless(f"  {key}: {value if isinstance(value, str) else short(value, 1000)}"))


def _default(one: "Parameter") -> str:
    if one.is_required:
        return "(required)"
    return "" if one.default is None else json.dumps(one.default, ensure_ascii=False)


def _print_command(title: str, command: str | list[str] | dict[str, Any]) -> None:
    """A command as it was written: text, a list of arguments, or with a name or a limit of its own."""
    own = command if isinstance(command, dict) else {"run": command}
    run = own["run"]
    name = f" ({own['name']})" if "name" in own else ""
    limit = f", at most {own['timeout']}" if "timeout" in own else ""
    click.echo(harmless(f"  {title}{name}{limit}:"))
    for line in run.splitlines() if isinstance(run, str) else [shlex.join(run)]:
        click.echo(harmless(f"    {line}"))
