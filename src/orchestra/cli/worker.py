"""`orchestra worker` starts a worker; `orchestra worker list|show|enable|disable|…` looks after workers."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestra.cli.connection import default_data_directory, with_client
from orchestra.cli.output import ago, print_json, print_table, with_output
from orchestra.domain.worker import Worker

if TYPE_CHECKING:
    from orchestra.client import Client


@click.group(
    invoke_without_command=True,
    epilog="Example: orchestra worker --server https://orchestra.example.org --token-file token --property gpu=a100",
)
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="A TOML file of settings.")
@click.option("--server", metavar="URL", help="The server. [env: ORCHESTRA_SERVER]")
@click.option("--token", metavar="TOKEN", help="[env: ORCHESTRA_TOKEN]")
@click.option("--token-file", type=click.Path(dir_okay=False, path_type=Path), help="A file that holds the token.")
@click.option("--name", metavar="NAME", help="The worker's identifier. [default: the host's name]")
@click.option("--concurrency", type=click.IntRange(1, 1000), help="Runs at once. [default: the number of cores]")
@click.option("--property", "properties", multiple=True, metavar="K=V", help="A property that jobs may ask for.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="The worker's data folder.")
@click.option("--insecure", is_flag=True, help="Allow an unencrypted connection beyond this machine.")
@click.option("--die-with-parent", is_flag=True, hidden=True)
@click.option("--server-data", is_flag=False, hidden=True, metavar="DIR")
@click.pass_context
def worker(
    ctx: click.Context,
    *,
    config: Path | None,
    server: str | None,
    token: str | None,
    token_file: Path | None,
    name: str | None,
    concurrency: int | None,
    properties: tuple[str, ...],
    data: Path | None,
    insecure: bool,
    die_with_parent: bool,
    server_data: str | None,
) -> None:
    """Start a worker: it connects out to the server and executes runs.

    Runs outlive the worker process: after SIGTERM, a crash or an upgrade the next worker with the
    same data folder adopts them. A second Ctrl-C within 5 seconds aborts them.
    """
    if ctx.invoked_subcommand is not None:
        return
    # Imported here: `orchestra worker list` needs none of it.
    from orchestra import config as settings  # noqa: PLC0415
    from orchestra.worker.main import WorkerSettings, run_worker  # noqa: PLC0415

    if token is None and token_file is not None:
        token = _token_in(token_file)
    given = {"server": server, "token": token, "name": name, "concurrency": concurrency, "data": data}
    chosen = settings.load(settings.WorkerSettings, file=config, environment=os.environ, overrides=given)
    if chosen.server is None:
        raise click.UsageError("give the server: --server URL")
    found = chosen.token or (_token_in(chosen.token_file) if chosen.token_file is not None else None)
    if not found:
        raise click.UsageError("give a token of a user with the role Worker: --token or --token-file")
    ctx.exit(
        run_worker(
            WorkerSettings(
                server=chosen.server,
                token=found,
                name=chosen.name,
                concurrency=chosen.concurrency,
                properties={**chosen.properties, **parse_properties(properties)},
                data=chosen.data or default_data_directory() / "worker",
                is_insecure=insecure,
                dies_with_parent=die_with_parent,
                server_data=server_data,
                reconnect_first_s=chosen.reconnect_first_s,
                reconnect_longest_s=chosen.reconnect_longest_s,
                log_level=chosen.log_level,
                log_format=chosen.log_format,
            )
        )
    )


def _token_in(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"cannot read the token in {file}: {error}") from None


def parse_properties(texts: tuple[str, ...]) -> dict[str, object]:
    """`K=V` texts as properties; values that are whole JSON numbers, booleans or lists are taken as such."""
    import json  # noqa: PLC0415

    found: dict[str, object] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise click.UsageError(f"'{text}' is not K=V")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


@worker.command("list", epilog="Example: orchestra worker list")
@with_output
@with_client
def worker_list(client: "Client", output: str) -> None:
    """List the workers that the server knows."""
    found = list(client.workers())
    if output == "json":
        print_json(found)
        return
    print_table(
        ("WORKER", "STATE", "SLOTS", "VERSION", "LAST SEEN", "PROPERTIES", "NOTE"),
        (
            (
                one.identifier,
                _state(one),
                str(one.concurrency),
                one.version,
                "now" if one.is_active else ago(one.last_seen_date),
                " ".join(f"{key}={value}" for key, value in one.properties.items())[:60],
                one.note,
            )
            for one in found
        ),
        empty="no worker has ever connected; start one: orchestra worker --server URL --token TOKEN",
    )


def _state(one: Worker) -> str:
    connected = click.style("● connected", fg="green") if one.is_active else click.style("○ disconnected", fg="yellow")
    return connected if one.is_enabled else f"{connected}, {click.style('disabled', fg='yellow')}"


@worker.command("show", epilog="Example: orchestra worker show linux-07")
@click.argument("name", metavar="WORKER")
@with_client
def worker_show(client: "Client", name: str) -> None:
    """Show one worker as JSON."""
    print_json(client.worker(name))


@worker.command("enable", epilog="Example: orchestra worker enable linux-07")
@click.argument("name", metavar="WORKER")
@with_client
def worker_enable(client: "Client", name: str) -> None:
    """Let the worker get runs again."""
    click.echo(f"{client.change_worker(name, is_enabled=True).identifier} is enabled")


@worker.command("disable", epilog="Example: orchestra worker disable linux-07")
@click.argument("name", metavar="WORKER")
@with_client
def worker_disable(client: "Client", name: str) -> None:
    """Give the worker no new runs; it finishes what it has."""
    click.echo(f"{client.change_worker(name, is_enabled=False).identifier} is disabled; it finishes what it has")


@worker.command("disconnect", epilog="Example: orchestra worker disconnect linux-07")
@click.argument("name", metavar="WORKER")
@with_client
def worker_disconnect(client: "Client", name: str) -> None:
    """Close the worker's connection once; its runs go on, and it connects again."""
    click.echo(f"{client.disconnect_worker(name).identifier}: disconnect requested")


@worker.command("delete", epilog="Example: orchestra worker delete linux-07")
@click.argument("name", metavar="WORKER")
@with_client
def worker_delete(client: "Client", name: str) -> None:
    """Forget a worker that holds no runs."""
    client.delete_worker(name)
    click.echo(f"{name} is deleted")
