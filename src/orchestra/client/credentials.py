"""Where programs find their server and token: the environment, then what `orchestra login` stored.

The stored login is a JSON file that only its user may read, `{"server": …, "token": …}`. Rules: a
token is sent to no server but the one that it was stored for, and a file that others can read is refused.
"""

import base64
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestra.domain.errors import NotAuthenticated

FORBIDDEN_MODE = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Login:
    """A server's address and a token for it."""

    server: str
    token: str = field(repr=False)


def login_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Where `orchestra login` stores (XDG base directory specification); it need not exist."""
    root = environment.get("XDG_CONFIG_HOME")
    return (Path(root) if root else Path.home() / ".config") / "orchestra" / "login.json"


def stored_login(environment: Mapping[str, str] = os.environ) -> Login | None:
    """Return what `orchestra login` stored; None when nobody is logged in.

    Raises NotAuthenticated when the file cannot be read, does not fit, or could be read by others.
    """
    file = login_file(environment)
    try:
        if file.stat().st_mode & FORBIDDEN_MODE:
            raise NotAuthenticated(f"others can read {file}; make it yours alone: chmod 600 {file}")
        content = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise NotAuthenticated(f"{file} cannot be read ({error}); log in again: orchestra login") from None
    match content:
        case {"server": str(server), "token": str(token)} if server and token:
            return Login(server, token)
        case _:
            raise NotAuthenticated(f'{file} does not hold {{"server": …, "token": …}}; log in again: orchestra login')


def login_from_environment(environment: Mapping[str, str] = os.environ) -> Login:
    """Return the server and token to use: ORCHESTRA_SERVER and ORCHESTRA_TOKEN, then what `orchestra login` stored.

    Raises NotAuthenticated when there is none, naming what is missing.
    """
    server, token = environment.get("ORCHESTRA_SERVER"), environment.get("ORCHESTRA_TOKEN")
    if server and token:
        return Login(server, token)
    stored = stored_login(environment)
    if token:
        # Only the address is missing; the stored one may be completed by another token of the same server.
        if stored is None:
            raise NotAuthenticated("ORCHESTRA_TOKEN is set and ORCHESTRA_SERVER is not: which server is it for?")
        return Login(stored.server, token)
    if server:
        if stored is None or not is_same_server(stored.server, server):
            what = f"no token for {server}: set ORCHESTRA_TOKEN, or: orchestra login --server {server}"
            raise NotAuthenticated(what)
        return stored
    if stored is None:
        raise NotAuthenticated("no server: set ORCHESTRA_SERVER and ORCHESTRA_TOKEN, or: orchestra login")
    return stored


def is_same_server(one: str, other: str) -> bool:
    """Tell whether two addresses, base paths included, are the same as written."""
    return one.rstrip("/") == other.rstrip("/")


def authorization(token: str) -> str:
    """The Authorization header for `TOKEN` (Bearer) or `USER:TOKEN` (Basic, RFC 7617)."""
    if ":" in token:
        return f"Basic {base64.b64encode(token.encode()).decode()}"
    return f"Bearer {token}"
