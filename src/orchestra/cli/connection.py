"""How a command reaches the server: options, the environment, the stored sign-in, or the server of this machine.

Server and token are looked for by themselves, each in this order:

    --server, ORCHESTRA_SERVER   →  the stored sign-in (`orchestra login`)  →  http://127.0.0.1:8300
    --token, ORCHESTRA_TOKEN     →  the stored sign-in, for its own server  →  `admin-token` of this machine

A stored token is never sent to another server than its own, and `admin-token` never to another machine.
"""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar
from urllib.parse import urlsplit

import click

from orchestra.domain.errors import NotAuthenticated, OrchestraError

if TYPE_CHECKING:
    from orchestra.client import Client

DEFAULT_SERVER: Final = "http://127.0.0.1:8300"
START_ONE: Final = "start one: orchestra worker --server URL --token TOKEN (its --help says where the token comes from)"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

PATIENCE_S: Final = 3600.0
"""Who follows a run at a terminal outlasts a cable that was pulled; who does not want to wait presses Ctrl-C."""

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Target:
    """Which server, with which token; `origin` says where the token comes from: given, login or machine."""

    server: str
    token: str
    origin: str


def default_data_directory() -> Path:
    """The user's data folder for Orchestra (XDG base directory specification): not created here."""
    root = os.environ.get("ORCHESTRA_DATA")
    if root:
        return Path(root)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "orchestra"


def find_target(server: str | None, token: str | None, *, data: Path | None = None) -> Target:
    """The server and the token that a command uses; `data` is the data folder of a server of this machine.

    Raises NotAuthenticated, with what to do, when there is no token.
    """
    # Imported here: the client's package brings the HTTP client along.
    from orchestra.client.credentials import is_same_server, stored_login  # noqa: PLC0415

    stored = None if server and token else stored_login()
    address = (server or (stored.server if stored else None) or DEFAULT_SERVER).rstrip("/")
    if token:
        return Target(address, token, "given")
    if stored is not None and is_same_server(stored.server, address):
        return Target(address, stored.token, "login")
    if urlsplit(address).hostname in _LOOPBACK:
        file = (data or default_data_directory()) / "admin-token"
        try:
            return Target(address, file.read_text().strip(), "machine")
        except OSError:
            pass
    if server is None:
        error = NotAuthenticated("no server: nobody is signed in, and none runs here with its default data folder")
        error.add_note("sign in: orchestra login --server URL    start one on this machine: orchestra up")
    else:
        error = NotAuthenticated(f"no token for {address}")
        error.add_note(f"sign in: orchestra login --server {address}  (or pass --token, or set ORCHESTRA_TOKEN)")
    raise error


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--server` and `--token` to a command."""
    server = click.option(
        "--server",
        envvar="ORCHESTRA_SERVER",
        metavar="URL",
        help="The server's address. [env: ORCHESTRA_SERVER, else the one of `orchestra login`]",
    )
    token = click.option("--token", envvar="ORCHESTRA_TOKEN", metavar="TOKEN", help="[env: ORCHESTRA_TOKEN]")
    return server(token(command))


def with_client(command: Callable[Concatenate["Client", P], R]) -> Callable[P, R]:
    """Add `--server` and `--token` to a command and give it a connected `Client` as its first argument."""

    @connection_options
    @functools.wraps(command)
    def connected(*args: P.args, **kwargs: P.kwargs) -> R:
        # Imported here: a worker is started by a command of this file's kind, and needs no HTTP client in its memory.
        from orchestra.cli.advice import advise  # noqa: PLC0415
        from orchestra.client import Client  # noqa: PLC0415

        server, token = kwargs.pop("server", None), kwargs.pop("token", None)
        target = find_target(_text(server), _text(token))
        with Client(target.server, target.token, patience_s=PATIENCE_S) as client:
            try:
                return command(client, *args, **kwargs)
            except OrchestraError as error:
                for note in advise(error, target, client):
                    error.add_note(note)
                raise

    return connected


def _text(value: object) -> str | None:
    return None if value is None else str(value)
