"""`orchestra cancel`, `abort` and `retry`: what people do to runs, one by name or many by a query."""

from typing import TYPE_CHECKING

import click

from orchestra.cli.asking import with_yes
from orchestra.cli.bulk import pick, with_choice
from orchestra.cli.connection import with_client
from orchestra.cli.output import print_facts, print_json, with_output
from orchestra.cli.run_words import say_run, stop_facts
from orchestra.cli.values import parse_parameters
from orchestra.domain.run import RunStatus

if TYPE_CHECKING:
    from orchestra.client import Client
    from orchestra.client.entities import Run


@click.command(epilog='Example: orchestra cancel -q "job:build-* parameter.branch:old" --dry-run')
@with_choice
@with_yes
@with_output
@with_client
def cancel(
    client: "Client", *, names: tuple[str, ...], query: str | None, dry_run: bool, yes: bool, output: str
) -> int:
    """Cancel runs that have not started: no command of them will ever run."""
    choice = pick(client, names, query)
    if choice.single is not None and not dry_run:
        return _say(client.cancel(choice.single.identifier), output)
    return choice.carry_out("cancel", dry_run=dry_run, yes=yes, output=output)


@click.command(epilog="Example: orchestra abort examples/long#7 --wait")
@click.option("--wait", is_flag=True, help="Wait for the end; exit 0 only if nothing of the run is alive.")
@with_choice
@with_yes
@with_output
@with_client
def abort(
    client: "Client", *, names: tuple[str, ...], query: str | None, dry_run: bool, yes: bool, output: str, wait: bool
) -> int:
    """Abort runs: their whole process trees are terminated, then killed after their grace periods.

    With --wait the receipt is printed at the end: when it was delivered, who had to be killed, who is still alive.
    """
    choice = pick(client, names, query)
    if wait and (choice.single is None or dry_run):
        raise click.UsageError("--wait goes with one run: name it")
    if choice.single is not None and not dry_run:
        asked = client.abort(choice.single.identifier)
        return _await(client, asked, output) if wait else _say(asked, output, client)
    return choice.carry_out("abort", dry_run=dry_run, yes=yes, output=output)


@click.command(epilog="Example: orchestra retry examples/hello#3 -p name=Grace")
@click.option("-p", "--parameter", "parameters", multiple=True, metavar="KEY=VALUE", help="Replace a parameter.")
@with_choice
@with_yes
@with_output
@with_client
def retry(
    client: "Client",
    *,
    names: tuple[str, ...],
    query: str | None,
    parameters: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    output: str,
) -> int:
    """Run again: new runs with the same parameters, but those that you give; prints the new identifier."""
    choice = pick(client, names, query)
    found = choice.single
    if parameters and found is None:
        raise click.UsageError("-p goes with one run: name it")
    if found is None or dry_run:
        return choice.carry_out("retry", dry_run=dry_run, yes=yes, output=output)
    changed = {**found.parameters, **parse_parameters(parameters)} if parameters else None
    again = client.retry(found.identifier, changed)
    if output == "json":
        print_json(again)
    else:
        click.echo(again.identifier)
    return 0


def _await(client: "Client", run: "Run", output: str) -> int:
    """Wait for the end of a run that shall stop; 0 only if it is known that nothing of it is alive."""
    # Imported here: most stop a run and go.
    from orchestra.cli.trigger import attend  # noqa: PLC0415

    if not run.has_ended:
        say_run(run, err=True)
    ended = attend(client, run, follow=False, timeout_s=None)
    if isinstance(ended, int):
        return ended
    stop = ended.stop
    if output == "json":
        print_json(ended)
    else:
        say_run(ended)
        if stop is not None:
            print_facts("Stop", stop_facts(stop, client.explain(ended.identifier).stop or ""))
    # A run ends when its tree is empty, unless something survived, or nobody could look (its worker was lost).
    return 1 if ended.status is RunStatus.EXCEPTION or (stop is not None and stop.survivors) else 0


def _say(run: "Run", output: str, client: "Client | None" = None) -> int:
    if output == "json":
        print_json(run)
        return 0
    say_run(run)
    if client is not None and not run.has_ended and (how := client.explain(run.identifier).stop) is not None:
        click.echo(how)
    return 0
