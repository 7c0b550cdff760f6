"""`orchestra worker list|show|enable|disable|…`: looks after workers; without such a word, one is started."""

from typing import TYPE_CHECKING, Any

import click

from orchestra.cli.asking import confirm, with_yes
from orchestra.cli.connection import START_ONE, with_client
from orchestra.cli.filters import with_enabled, with_order
from orchestra.cli.names import UserName, WorkerName
from orchestra.cli.output import (
    ago,
    bold,
    cut,
    date,
    enabled,
    pairs,
    print_facts,
    print_json,
    print_table,
    with_output,
)
from orchestra.cli.worker_start import worker
from orchestra.domain.run import ACTIVE

if TYPE_CHECKING:
    from orchestra.client import Client
    from orchestra.client.entities import Worker

__all__ = ["worker"]


@worker.command("list", epilog="Example: orchestra worker list --connected --disabled")
@click.option("--owner", metavar="USER", type=UserName(), help="Only workers of this user.")
@click.option("--connected/--disconnected", "is_active", default=None, help="Only those. [default: all]")
@with_enabled
@with_order
@with_output
@with_client
def list_(client: "Client", /, *, output: str, **filters: Any) -> None:
    """List the workers that the server knows."""
    found = list(client.workers(**filters))
    if output == "json":
        print_json(found)
        return
    is_narrowed = any(value is not None for name, value in filters.items() if name != "order")
    print_table(
        ("WORKER", "STATE", "RUNS", "SLOTS", "OWNER", "VERSION", "LAST SEEN", "PROPERTIES", "NOTE"),
        (
            (
                one.identifier,
                _state(one),
                str(one.active_runs),
                str(one.concurrency),
                one.owner,
                one.version,
                "now" if one.is_active else ago(one.last_seen_date),
                cut(pairs(one.properties)),
                cut(one.note),
            )
            for one in found
        ),
        empty="no workers match" if is_narrowed else f"no worker has ever connected; {START_ONE}",
    )


_AS_HEARD = ", when it was last heard of"


def _state(one: "Worker") -> str:
    connected = click.style("● connected", fg="green") if one.is_active else click.style("○ disconnected", fg="yellow")
    return connected if one.is_enabled else f"{connected}, {click.style('disabled', fg='yellow')}"


@worker.command(epilog="Example: orchestra worker show linux-07")
@click.argument("name", metavar="WORKER", type=WorkerName())
@with_output
@with_client
def show(client: "Client", name: str, output: str) -> None:
    """Show one worker, with its properties."""
    found = client.worker(name)
    if output == "json":
        print_json(found)
        return
    facts = [
        ("name", found.display_name),
        ("enabled", enabled(found.is_enabled)),
        ("runs", f"{found.active_runs} of {found.concurrency} slots" + ("" if found.is_active else _AS_HEARD)),
        ("owner", found.owner),
        ("version", f"{found.version} (protocol {found.protocol})"),
        ("note", found.note),
        ("connected", date(found.connection_date) if found.is_active else ""),
        ("last seen", "now" if found.is_active else date(found.last_seen_date)),
        ("disconnect", "requested" if found.should_disconnect else ""),
        ("properties", "\n".join(pairs({key: value}) for key, value in found.properties.items())),
        ("created", date(found.creation_date)),
        ("changed", date(found.update_date)),
    ]
    print_facts(f"{bold(found.identifier)}  {_state(found)}", facts)


@worker.command(epilog="Example: orchestra worker enable linux-07")
@click.argument("name", metavar="WORKER", type=WorkerName())
@with_output
@with_client
def enable(client: "Client", name: str, output: str) -> None:
    """Let the worker get runs again."""
    _say(client.change_worker(name, is_enabled=True), "is enabled", output)


@worker.command(epilog="Example: orchestra worker disable linux-07")
@click.argument("name", metavar="WORKER", type=WorkerName())
@with_output
@with_client
def disable(client: "Client", name: str, output: str) -> None:
    """Give the worker no new runs; it finishes what it has."""
    _say(client.change_worker(name, is_enabled=False), "is disabled; it finishes what it has", output)


@worker.command(epilog="Example: orchestra worker drain linux-07 --wait")
@click.argument("name", metavar="WORKER", type=WorkerName())
@click.option("--wait", is_flag=True, help="Return when the worker holds no run any more.")
@with_output
@with_client
def drain(client: "Client", name: str, output: str, *, wait: bool) -> None:
    """Give the worker no new runs, and wait until those that it has are over: before an upgrade or a reboot.

    It stays disabled until it is enabled again. Ctrl-C ends the waiting and nothing else.
    """
    found = client.change_worker(name, is_enabled=False)
    if wait and found.active_runs:
        runs = "1 run" if found.active_runs == 1 else f"{found.active_runs} runs"
        away = "" if found.is_active else "; it is not connected, and they end when it comes back"
        click.echo(f"{name} is disabled; waiting for {runs}{away}", err=True)
        found = _wait_empty(client, name)
    _say(found, "is disabled; it finishes what it has" if found.active_runs else "is disabled and holds no run", output)


def _wait_empty(client: "Client", name: str) -> "Worker":
    """Wait for the end of everything that the worker has. It waits on the stream of events and never polls."""
    while True:
        active = list(client.runs(worker=name, status=[str(one) for one in sorted(ACTIVE)], limit=1))
        # A number that lies before the next look at the worker: what happens after that look is in the stream.
        after = client.run_events(active[0].identifier)[-1].sequence if active else None
        found = client.worker(name)
        if not found.active_runs:
            return found
        for event in client.follow_events([f"worker:{name}"], after=after):
            if event.run is not None and not (found := client.worker(name)).active_runs:
                return found


@worker.command(epilog='Example: orchestra worker note linux-07 "new disk on Friday"')
@click.argument("name", metavar="WORKER", type=WorkerName())
@click.argument("text", metavar="TEXT")
@with_output
@with_client
def note(client: "Client", name: str, text: str, output: str) -> None:
    """Write what people should know about the worker; "" removes it."""
    _say(client.change_worker(name, note=text), "has its note" if text else "has no note", output)


@worker.command(epilog='Example: orchestra worker rename linux-07 "Build machine 7"')
@click.argument("name", metavar="WORKER", type=WorkerName())
@click.argument("display_name", metavar="DISPLAY_NAME")
@with_output
@with_client
def rename(client: "Client", name: str, display_name: str, output: str) -> None:
    """Change the name that people see; the identifier stays."""
    _say(client.change_worker(name, display_name=display_name), f"is shown as {display_name}", output)


@worker.command(epilog="Example: orchestra worker disconnect linux-07")
@click.argument("name", metavar="WORKER", type=WorkerName())
@with_output
@with_client
def disconnect(client: "Client", name: str, output: str) -> None:
    """Close the worker's connection once; its runs go on, and it connects again."""
    _say(client.disconnect_worker(name), "is asked to connect anew; its runs go on", output)


@worker.command(epilog="Example: orchestra worker delete linux-07")
@click.argument("name", metavar="WORKER", type=WorkerName())
@with_yes
@with_client
def delete(client: "Client", name: str, yes: bool) -> None:
    """Forget a worker that is not connected and holds no runs."""
    confirm(f"Forget the worker {name}?", yes=yes)
    client.delete_worker(name)
    click.echo(f"{name} is deleted")


def _say(found: "Worker", said: str, output: str) -> None:
    if output == "json":
        print_json(found)
    else:
        click.echo(f"{found.identifier} {said}")
