"""`orchestra user`: who may use the server, and as what."""

from typing import TYPE_CHECKING, Any

import click

from orchestra.cli.asking import confirm, read_new_password, read_password, with_password_stdin, with_yes
from orchestra.cli.connection import with_client
from orchestra.cli.filters import with_enabled, with_order
from orchestra.cli.names import RoleEntry, UserName
from orchestra.cli.output import bold, date, day, enabled, print_facts, print_json, print_table, with_output
from orchestra.domain.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestra.client import Client
    from orchestra.client.answers import Link
    from orchestra.client.entities import Session, User

ROLES_HELP = "Administrator, Auditor, Operator, Viewer or Worker; ROLE@PROJECT for one project; repeatable."


@click.group(epilog="Example: orchestra user create maya --role Operator@website")
def user() -> None:
    """Users: who may use the server, and as what."""


@user.command("list", epilog="Example: orchestra user list --role Operator")
@click.option("--role", metavar="ROLE", type=RoleEntry(), help="Only users with this role, such as Viewer@website.")
@with_enabled
@with_order
@with_output
@with_client
def list_(client: "Client", /, *, output: str, **filters: Any) -> None:
    """List users; who may not see more sees names."""
    found = list(client.users(**filters))
    if output == "json":
        print_json([_known(one) for one in found])
        return
    print_table(
        ("USER", "NAME", "ENABLED", "ROLES", "CREATED"),
        (
            (
                one.identifier,
                one.display_name,
                enabled(one.is_enabled),
                " ".join(one.roles or ()),
                day(one.creation_date),
            )
            for one in found
        ),
        empty="no users match",
    )


@user.command(epilog="Example: orchestra user show maya")
@click.argument("name", metavar="USER", type=UserName())
@with_output
@with_client
def show(client: "Client", name: str, output: str) -> None:
    """Show one user, with the roles."""
    found = client.user(name)
    if output == "json":
        print_json(_known(found))
        return
    facts = [
        ("name", found.display_name),
        ("enabled", enabled(found.is_enabled)),
        ("roles", " ".join(found.roles or ())),
        ("created", date(found.creation_date)),
        ("changed", date(found.update_date)),
    ]
    print_facts(bold(found.identifier), facts)


def _known(one: "User") -> dict[str, Any]:
    """The user as the API gave it: what the caller may not see is absent there, not null."""
    fields = {name: getattr(one, name) for name in one.__struct_fields__}
    return {name: value for name, value in fields.items() if value is not None}


@user.command(epilog="Example: orchestra user create maya --display-name 'Maya Lin' --role Operator@website")
@click.argument("name", metavar="USER")
@click.option("--display-name", metavar="TEXT", help="The name that people see. [default: the identifier]")
@click.option("--role", "roles", multiple=True, metavar="ROLE", type=RoleEntry(), help=ROLES_HELP)
@click.option("--no-link", is_flag=True, help="Print no invitation link: for users that only have tokens.")
@with_password_stdin
@with_output
@with_client
def create(
    client: "Client",
    *,
    name: str,
    display_name: str | None,
    roles: tuple[str, ...],
    no_link: bool,
    password_stdin: bool,
    output: str,
) -> None:
    """Create a user, and print a link by which the person sets a password.

    The link works once, for 72 hours; send it to nobody else. With --password-stdin the password is
    set at once, and there is no link.
    """
    if _exists(client, name):
        raise Conflict(f"there is a user {name} already; to change it: orchestra user change {name}, user roles")
    password = read_new_password(from_stdin=True) if password_stdin else None
    content: dict[str, Any] = {"roles": list(roles)}
    if display_name is not None:
        content["display_name"] = display_name
    made = client.put_user(name, **content)
    if password is not None:
        _set_password(client, name, password)
    click.echo(f"{made.identifier} is created, {_with_roles(made)}", err=True)
    _note_missing_projects(client, made)
    if output == "json":
        print_json(made)
    if password is None and not no_link:
        # With JSON for a program, the link is beside it, for the person.
        _say_link(client, client.create_link(name), err=output == "json")
    elif no_link and password is None:
        click.echo(f"give it a token: orchestra token create --user {name}", err=True)


def _set_password(client: "Client", name: str, password: str) -> None:
    try:
        client.set_password(name, password)
    except BaseException:
        click.echo(f"{name} is created, but has no password yet", err=True)
        raise


def _exists(client: "Client", name: str) -> bool:
    try:
        client.user(name)
    except NotFound:
        return False
    return True


def _with_roles(one: "User") -> str:
    return f"roles: {' '.join(one.roles)}" if one.roles else "without roles"


@user.command(epilog="Example: orchestra user change maya --display-name 'Maya Lin'")
@click.argument("name", metavar="USER", type=UserName())
@click.option("--display-name", metavar="TEXT", required=True, help="The name that people see.")
@with_output
@with_client
def change(client: "Client", name: str, display_name: str, output: str) -> None:
    """Change the name that people see; for roles there is `orchestra user roles`."""
    _say(client.change_user(name, display_name=display_name), f"is shown as {display_name}", output)


@user.command(epilog="Example: orchestra user enable maya")
@click.argument("name", metavar="USER", type=UserName())
@with_output
@with_client
def enable(client: "Client", name: str, output: str) -> None:
    """Give a user what the roles allow again."""
    _say(client.change_user(name, is_enabled=True), "is enabled", output)


@user.command(epilog="Example: orchestra user disable maya")
@click.argument("name", metavar="USER", type=UserName())
@with_output
@with_client
def disable(client: "Client", name: str, output: str) -> None:
    """Leave a user nothing but the own account, at once: open streams and workers are cut off."""
    _say(client.change_user(name, is_enabled=False), "is disabled, and cut off from all but the own account", output)


@user.command(epilog="Example: orchestra user delete maya")
@click.argument("name", metavar="USER", type=UserName())
@with_yes
@with_client
def delete(client: "Client", name: str, yes: bool) -> None:
    """Delete a user with all tokens and sessions; the server names what is in the way."""
    confirm(f"Delete the user {name} with all tokens? (To keep the history tidy, disable it instead.)", yes=yes)
    client.delete_user(name)
    click.echo(f"{name} is deleted")


# Roles


@user.group(epilog="Example: orchestra user roles add maya Viewer Operator@website")
def roles() -> None:
    """Give and take roles: ROLE everywhere, or ROLE@PROJECT."""


@roles.command(epilog="Example: orchestra user roles add maya Operator@website")
@click.argument("name", metavar="USER", type=UserName())
@click.argument("entries", metavar="ROLE…", nargs=-1, required=True, type=RoleEntry())
@with_output
@with_client
def add(client: "Client", name: str, entries: tuple[str, ...], output: str) -> None:
    """Give a user more roles."""
    _change_roles(client, name, add=entries, output=output)


@roles.command(epilog="Example: orchestra user roles remove maya Operator@website")
@click.argument("name", metavar="USER", type=UserName())
@click.argument("entries", metavar="ROLE…", nargs=-1, required=True, type=RoleEntry())
@with_output
@with_client
def remove(client: "Client", name: str, entries: tuple[str, ...], output: str) -> None:
    """Take roles from a user; what the user has open is cut to what is left."""
    _change_roles(client, name, remove=entries, output=output)


@roles.command("set", epilog="Example: orchestra user roles set maya Viewer Operator@website")
@click.argument("name", metavar="USER", type=UserName())
@click.argument("entries", metavar="[ROLE]…", nargs=-1, type=RoleEntry())
@with_output
@with_client
def set_(client: "Client", name: str, entries: tuple[str, ...], output: str) -> None:
    """Give a user exactly these roles; none at all leaves the own account."""
    _say_roles(client, client.change_user(name, roles=list(dict.fromkeys(entries))), output)


def _change_roles(
    client: "Client", name: str, *, add: "Iterable[str]" = (), remove: "Iterable[str]" = (), output: str
) -> None:
    before = client.user(name)
    present = list(before.roles or ())
    missing = [one for one in remove if one not in present]
    if missing:
        has = " ".join(present) or "none"
        raise NotFound(f"{name} does not have {' and '.join(missing)}; the roles are: {has}")
    wanted = [one for one in dict.fromkeys([*present, *add]) if one not in set(remove)]
    # What was read must still hold, or a change of somebody else would be undone.
    _say_roles(client, client.change_user(name, if_match=before, roles=wanted), output)


def _say_roles(client: "Client", found: "User", output: str) -> None:
    if output == "json":
        print_json(_known(found))
        return
    click.echo(f"{found.identifier}: {_with_roles(found)}")
    _note_missing_projects(client, found)


def _note_missing_projects(client: "Client", one: "User") -> None:
    """A role may name a project that comes later, so the server takes it; more often it is mistyped."""
    named = {entry.partition("@")[2] for entry in one.roles or ()} - {""}
    for project in sorted(named - {known.identifier for known in client.projects()} if named else ()):
        click.echo(f"note: there is no project {project} yet", err=True)


# Passwords, links, sessions


@user.command(epilog="Example: orchestra user set-password maya --password-stdin < password.txt")
@click.argument("name", metavar="[USER]", required=False, type=UserName())
@with_password_stdin
@with_client
def set_password(client: "Client", name: str | None, password_stdin: bool) -> None:
    """Set a user's password, or without USER your own; asks twice, or reads one line of standard input.

    All sessions of the user end. Your own asks for the present one first (on standard input: the
    first line the present one, the second the new one).
    """
    if name is not None:
        client.set_password(name, read_new_password(from_stdin=password_stdin))
        click.echo(f"{name} has a new password; all sessions ended")
        return
    has_one = any(one.type == "password" for one in client.own_authentications())
    present = read_password(from_stdin=password_stdin, prompt="Present password") if has_one else None
    client.set_own_password(read_new_password(from_stdin=password_stdin), current_password=present)
    click.echo("you have a new password; your other sessions ended")


@user.command(epilog="Example: orchestra user link maya")
@click.argument("name", metavar="USER", type=UserName())
@with_output
@with_client
def link(client: "Client", name: str, output: str) -> None:
    """Print a link by which the user sets a (new) password; it works once, and older links no longer do."""
    made = client.create_link(name)
    if output == "json":
        print_json(made)
    else:
        _say_link(client, made)


def _say_link(client: "Client", made: "Link", *, err: bool = False) -> None:
    click.echo(f"{client.server}{made.path}", err=err)
    click.echo(f"{made.purpose} link, works once until {date(made.expiration_date)}", err=True)


@user.command(epilog="Example: orchestra user sessions maya")
@click.argument("name", metavar="[USER]", required=False, type=UserName())
@with_output
@with_client
def sessions(client: "Client", name: str | None, output: str) -> None:
    """Where a user is signed in to the website; without USER: where you are."""
    found = list(client.own_sessions() if name is None else client.sessions(name))
    if output == "json":
        print_json(found)
        return
    print_table(
        ("SESSION", "BEGAN", "LAST USE", "UNTIL", "CLIENT"),
        (_session(one) for one in found),
        empty="signed in nowhere",
    )


def _session(one: "Session") -> tuple[str, ...]:
    return (
        one.identifier,
        day(one.creation_date),
        day(one.last_use_date),
        day(one.expiration_date),
        one.client,
    )


@user.command(epilog="Example: orchestra user end-sessions maya")
@click.argument("name", metavar="[USER]", required=False, type=UserName())
@click.option("--session", metavar="SESSION", help="Only this one of your own.")
@with_client
def end_sessions(client: "Client", name: str | None, session: str | None) -> None:
    """Sign a user out of the website everywhere; without USER: yourself. Tokens stay."""
    if name is not None:
        if session is not None:
            raise click.UsageError("--session is for your own sessions; leave USER out")
        client.end_sessions(name)
        click.echo(f"{name} is signed out everywhere; tokens stay: orchestra token list --user {name}")
    elif session is not None:
        client.end_own_session(session)
        click.echo("the session is ended")
    else:
        client.end_own_sessions()
        click.echo("you are signed out everywhere; your tokens stay: orchestra token list")


def _say(found: "User", said: str, output: str) -> None:
    if output == "json":
        print_json(_known(found))
    else:
        click.echo(f"{found.identifier} {said}")
