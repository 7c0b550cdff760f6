"""`orchestra up`: a server, one local worker and the example project, for a first look and small installations."""

import os
from pathlib import Path

import click

from orchestra.cli.connection import default_data_directory


@click.command(epilog="Example: orchestra up --data ./orchestra-data --port 9000")
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="The folder for everything that is kept."
)
@click.option("--host", help="The address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port; 0 chooses a free one. [default: 8300]")
@click.option("--concurrency", type=click.IntRange(1, 1000), help="Runs at once. [default: the number of cores]")
@click.option("--base-path", metavar="P", help="The path prefix under which a proxy shows this server.")
@click.option("--no-browser", is_flag=True, help="Do not open the website.")
def up(
    *,
    data: Path | None,
    host: str | None,
    port: int | None,
    concurrency: int | None,
    base_path: str | None,
    no_browser: bool,
) -> int:
    """Start a server, one local worker and, at the first start, the example project.

    Prints `ready URL` when all of it stands. Ctrl-C stops it; runs that are under way go on and are
    adopted at the next start. A second Ctrl-C within 5 seconds aborts them.
    """
    # Imported here: no other command needs the server's parts.
    from orchestra.cli.local_worker import LocalWorker  # noqa: PLC0415
    from orchestra.cli.serving import run_server  # noqa: PLC0415
    from orchestra.config import ServerSettings, load  # noqa: PLC0415

    given = {"data": data, "host": host, "port": port, "base_path": base_path}
    settings = load(ServerSettings, environment=os.environ, overrides=given)
    return run_server(
        settings, settings.data or default_data_directory(), LocalWorker(concurrency, opens_browser=not no_browser)
    )
