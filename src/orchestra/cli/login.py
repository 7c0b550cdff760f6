"""`orchestra login`, `logout` and `whoami`: who this machine's commands speak for."""

import platform
import re
import webbrowser
from typing import TYPE_CHECKING, Final

import click

from orchestra.cli.asking import read_new_password, read_password, read_secret, with_password_stdin
from orchestra.cli.connection import DEFAULT_SERVER, with_client
from orchestra.cli.output import bold, date, print_facts, print_json, with_output
from orchestra.domain.access import Permission, can, can_anonymous
from orchestra.domain.errors import NotAllowed, NotAuthenticated, OrchestraError, Unavailable

if TYPE_CHECKING:
    from orchestra.client import Client
    from orchestra.client.answers import Me

DESCRIPTION: Final = "orchestra login on"
"""How the description of a token begins that `login` made, and that `logout` may therefore delete."""

EVERYBODY: Final = frozenset(str(one) for one in Permission if can((), one) or can_anonymous(one))
"""Permissions that need no role: nobody wants to read them."""

LINK: Final = re.compile(r"(?P<server>https?://[^#?]+?)/(?P<page>set-password#|login\?code=)(?P<code>[^#?&\s]+)")


@click.command(epilog="Example: orchestra login --server https://orchestra.example.org")
@click.option("--server", envvar="ORCHESTRA_SERVER", metavar="URL", help="The server. [env: ORCHESTRA_SERVER]")
@click.option("--user", metavar="USER", help="Who you are; asked for if absent.")
@click.option("--token", metavar="TOKEN", help="Sign in with this token; - reads it from standard input.")
@click.option(
    "--browser/--no-browser", default=None, help="Open the server's website to make a token there, and paste it here."
)
@click.option("--link", metavar="LINK", help="Sign in by a link that you were sent; an invitation asks for a password.")
@with_password_stdin
def login(
    *,
    server: str | None,
    user: str | None,
    token: str | None,
    browser: bool | None,
    link: str | None,
    password_stdin: bool,
) -> None:
    """Sign in to a server, so that the commands of this machine use it without --server and --token.

    Asks for user and password, and stores a token of your own (never the password) in
    ~/.config/orchestra/login.json, readable by you alone. --token takes a token that you have.
    """
    from orchestra.cli.login_store import write_login  # noqa: PLC0415
    from orchestra.client.credentials import Login  # noqa: PLC0415

    address = (server or _stored_server() or DEFAULT_SERVER).rstrip("/")
    if link is not None:
        address, secret = _token_by_link(link, from_stdin=password_stdin)
    elif token is not None:
        secret = read_secret("Token") if token == "-" else token
    elif browser:
        page = f"{address}/login?next=/me"
        click.echo(f"sign in at {page}, make a token, and paste it here", err=True)
        webbrowser.open(page)
        secret = read_secret("Token")
    else:
        secret = _token_by_password(address, user, from_stdin=password_stdin)
    me = _check(address, secret)
    file = write_login(Login(address, secret))
    until = me.authentication.expiration_date
    click.echo(
        f"signed in to {address} as {me.user.identifier}{f', until {date(until)}' if until else ''}; stored in {file}"
    )


def _stored_server() -> str | None:
    from orchestra.client.credentials import stored_login  # noqa: PLC0415

    try:
        stored = stored_login()
    except NotAuthenticated:
        return None  # Whatever is wrong with the file, it is written anew.
    return None if stored is None else stored.server


def _token_by_password(server: str, user: str | None, *, from_stdin: bool) -> str:
    """A new token of the user, made in a session that is ended again. Raises NotAuthenticated."""
    from orchestra.client import Client  # noqa: PLC0415

    with Client(server) as client:
        # Asked before the password: nobody should type one for a server that is not there.
        if not client.is_live():
            raise _not_there(Unavailable(f"{server} does not answer"), server)
        name = user or str(click.prompt(f"User of {server}", err=True))
        try:
            client.sign_in(name, read_password(from_stdin=from_stdin))
        except NotAuthenticated as error:
            error.add_note("forgotten? an administrator can make you a link: orchestra user link USER")
            raise
        return _make_token(client)


def _token_by_link(link: str, *, from_stdin: bool) -> tuple[str, str]:
    """The server of a link, and a new token of the user that it is for. Raises NotAuthenticated for a used one."""
    from orchestra.client import Client  # noqa: PLC0415

    found = LINK.fullmatch(link.strip())
    if found is None:
        raise click.UsageError("--link is the whole address: https://…/set-password#… or https://…/login?code=…")
    server, code = found["server"], found["code"]
    with Client(server) as client:
        if found["page"].startswith("login"):
            client.sign_in(code=code)
        else:
            client.set_password_by_code(code, read_new_password(from_stdin=from_stdin))
        return server, _make_token(client)


def _make_token(client: "Client") -> str:
    """A new token of the user whose session the client has; the session is ended."""
    try:
        return client.create_own_token(description=f"{DESCRIPTION} {platform.node()}").secret
    except NotAllowed as error:
        error.add_note("a disabled user can use the website's account page, and nothing else")
        raise
    finally:
        client.sign_out()


def _check(server: str, token: str) -> "Me":
    """Who the token is; nothing is stored that does not work. Raises NotAuthenticated, Unavailable."""
    from orchestra.client import Client  # noqa: PLC0415

    with Client(server, token) as client:
        try:
            return client.me()
        except NotAuthenticated as error:
            error.add_note(f"make another one on {server}/me, or sign in with user and password")
            raise
        except Unavailable as error:
            raise _not_there(error, server) from None


def _not_there(error: OrchestraError, server: str) -> OrchestraError:
    error.add_note(f"is {server} right, with its base path? To start a server on this machine: orchestra up")
    return error


@click.command(epilog="Example: orchestra logout")
@click.option("--keep-token", is_flag=True, help="Leave the token valid on the server.")
def logout(keep_token: bool) -> None:
    """Forget the stored sign-in, and delete the token that `login` made for it on the server.

    With the token your sessions on the website end: who has a token could have begun them. A token
    that you gave to `login` yourself stays valid: others may use it.
    """
    from orchestra.cli.login_store import forget_login  # noqa: PLC0415
    from orchestra.client import Client  # noqa: PLC0415
    from orchestra.client.credentials import stored_login  # noqa: PLC0415

    try:
        stored = stored_login()
    except NotAuthenticated as error:
        click.echo(error.detail, err=True)
        stored = None
    left = None
    if stored is not None and not keep_token:
        with Client(stored.server, stored.token, retries=0) as client:
            left = _delete_token(client)
    if not forget_login():
        click.echo("nobody was signed in")
        return
    click.echo("signed out" if left is None else f"signed out here; {left}")


def _delete_token(client: "Client") -> str | None:
    """Delete the token that the client speaks with, if `login` made it; else say why it is still there."""
    try:
        identifier = client.me().authentication.identifier
        mine = next((one for one in client.own_authentications() if one.identifier == identifier), None)
        if mine is not None and not mine.description.startswith(DESCRIPTION):
            return f"the token stays valid; to delete it: orchestra token delete {identifier}"
        if mine is not None:
            client.delete_own_authentication(mine.identifier)
    except NotAuthenticated:
        return None  # It is not valid any more: there is nothing to delete.
    except OrchestraError as error:
        return f"its token could not be deleted on the server: {error.detail}"
    return None


@click.command(epilog="Example: orchestra whoami")
@with_output
@with_client
def whoami(client: "Client", output: str) -> None:
    """Say who you are, on which server, by which token, and what you may do."""
    me = client.me()
    if output == "json":
        print_json(me)
        return
    facts = [
        ("server", client.server),
        ("name", me.user.display_name),
        ("roles", " ".join(me.user.roles) or "none"),
        ("enabled", "" if me.user.is_enabled else click.style("no: you reach nothing but your account", fg="yellow")),
        ("by", f"{me.authentication.kind} {me.authentication.identifier or ''}"),
        ("until", date(me.authentication.expiration_date) or "it never expires"),
        ("may", " ".join(one for one in me.permissions if one not in EVERYBODY) or "nothing beyond the own account"),
        ("in projects", "\n".join(f"{project}: {' '.join(more)}" for project, more in me.projects.items())),
    ]
    print_facts(bold(me.user.identifier), facts)
