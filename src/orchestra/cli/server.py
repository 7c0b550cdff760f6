"""`orchestra server`: master and web API in one process."""

import os
from pathlib import Path

import click

from orchestra.cli.connection import default_data_directory


@click.command(epilog="Example: orchestra server --host 0.0.0.0 --database postgresql://orchestra@db/orchestra")
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="A TOML file of settings.")
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="The folder for everything that is kept."
)
@click.option(
    "--database", metavar="URL", help="postgresql://… or sqlite:///FILE. [default: orchestra.db in the data folder]"
)
@click.option("--host", help="The address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port; 0 chooses a free one. [default: 8300]")
@click.option("--base-path", metavar="P", help="The path prefix under which a proxy shows this server.")
def server(
    *,
    config: Path | None,
    data: Path | None,
    database: str | None,
    host: str | None,
    port: int | None,
    base_path: str | None,
) -> int:
    """Start a server: the master, which schedules and supervises workers, and the web API.

    The first start creates the administrator and prints a one-time sign-in link; the token stands in
    DIR/admin-token. The line `ready URL` is printed when the server answers.
    """
    # Imported here: no other command needs the server's parts.
    from orchestra.cli.serving import run_server  # noqa: PLC0415
    from orchestra.config import ServerSettings, load  # noqa: PLC0415

    given = {"data": data, "database": database, "host": host, "port": port, "base_path": base_path}
    settings = load(ServerSettings, file=config, environment=os.environ, overrides=given)
    return run_server(settings, settings.data or default_data_directory())
