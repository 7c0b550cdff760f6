"""`orchestra worker` without a further word: a worker starts, connects out to the server, and executes runs."""

import os
from pathlib import Path

import click

from orchestra.cli.connection import default_data_directory
from orchestra.cli.values import parse_properties


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
@click.option("--run-as", metavar="USER,…", help="OS users as whom jobs may run; needs root.")
@click.option("--workspace-free", metavar="SIZE", help="Give runs back while less disk is free. [default: 0]")
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
    run_as: str | None,
    workspace_free: str | None,
    insecure: bool,
    die_with_parent: bool,
    server_data: str | None,
) -> None:
    """Start a worker: it connects out to the server and executes runs.

    Runs outlive the worker process: after SIGTERM, a crash or an upgrade the next worker with the
    same data folder adopts them. A second Ctrl-C within 5 seconds aborts them.

    \b
    The token is one of a user with the role Worker. An administrator makes both:
      orchestra user create build-machines --role Worker --no-link
      orchestra token create --user build-machines --description linux-07
    """
    if ctx.invoked_subcommand is not None:
        _refuse_misplaced(ctx)
        return
    # Imported here: `orchestra worker list` needs none of it.
    from orchestra import config as settings  # noqa: PLC0415
    from orchestra.worker.main import WorkerSettings, run_worker  # noqa: PLC0415

    if token is None and token_file is not None:
        token = _token_in(token_file)
    given = {"server": server, "token": token, "name": name, "concurrency": concurrency, "data": data}
    given |= {"run_as": run_as, "workspace_free": workspace_free}
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
                run_as=tuple(name.strip() for name in chosen.run_as.split(",") if name.strip()),
                workspace_free_bytes=chosen.workspace_free_bytes,
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


def _refuse_misplaced(ctx: click.Context) -> None:
    """An option before `list` or `show` is meant for it, and would be ignored there."""
    given = [name for name, value in ctx.params.items() if value not in (None, False, ())]
    if given:
        what = f"--{given[0].replace('_', '-')}"
        raise click.UsageError(
            f"{what} here is an option of a worker that starts; put it behind {ctx.invoked_subcommand}"
        )


def _token_in(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"cannot read the token in {file}: {error}") from None
