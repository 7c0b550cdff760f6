"""How a command reaches the server: `--server` and `--token`, the environment, or the server of this machine.

Without any of them, a server that runs here with its default data folder is used: its address is
the default one, and its `admin-token` is readable by exactly the user who started it.
"""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, TypeVar

import click

from orchestra.domain.errors import NotAuthenticated

if TYPE_CHECKING:
    from orchestra.client import Client

DEFAULT_SERVER: Final = "http://127.0.0.1:8300"

P = ParamSpec("P")
R = TypeVar("R")


def default_data_directory() -> Path:
    """The user's data folder for Orchestra (XDG base directory specification): not created here."""
    root = os.environ.get("ORCHESTRA_DATA")
    if root:
        return Path(root)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "orchestra"


def with_client(command: Callable[Concatenate["Client", P], R]) -> Callable[P, R]:
    """Add `--server` and `--token` to a command and give it a connected `Client` as its first argument."""

    @click.option(
        "--server",
        envvar="ORCHESTRA_SERVER",
        metavar="URL",
        help=f"The server's address. [env: ORCHESTRA_SERVER, default: {DEFAULT_SERVER}]",
    )
    @click.option("--token", envvar="ORCHESTRA_TOKEN", metavar="TOKEN", help="[env: ORCHESTRA_TOKEN]")
    @functools.wraps(command)
    def connected(*args: P.args, **kwargs: P.kwargs) -> R:
        # Imported here: a worker is started by a command of this file's kind, and needs no HTTP client in its memory.
        from orchestra.client import Client  # noqa: PLC0415

        server = kwargs.pop("server", None)
        token = kwargs.pop("token", None)
        with Client(str(server or DEFAULT_SERVER), str(token or _local_token())) as client:
            return command(client, *args, **kwargs)

    return connected


def _local_token() -> str:
    file = default_data_directory() / "admin-token"
    try:
        return file.read_text().strip()
    except OSError:
        raise NotAuthenticated(
            "no token: pass --token, set ORCHESTRA_TOKEN, "
            f"or start a server with its default data folder (then {file} exists)"
        ) from None
