"""`orchestra token`: what programs, workers and this command line authenticate with."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from orchestra.cli.asking import confirm, with_yes
from orchestra.cli.connection import with_client
from orchestra.cli.names import RoleEntry, TokenId, UserName
from orchestra.cli.output import bold, date, day, print_facts, print_json, print_table, with_output
from orchestra.cli.values import Moment

if TYPE_CHECKING:
    from orchestra.client import Client
    from orchestra.client.entities import Authentication

EXPIRES_HELP = "2027-01-31, 2027-01-31T12:00:00Z, a span from now such as 30d, or never."


def with_user(command: Any) -> Any:
    """Add `--user` to a command; it arrives as `owner`, None for the caller."""
    return click.option("--user", "owner", metavar="USER", type=UserName(), help="Whose. [default: your own]")(command)


@click.group(epilog="Example: orchestra token create --user maya --description 'nightly import' --expires 30d")
def token() -> None:
    """Tokens: what programs, workers and this command line authenticate with."""


@token.command("list", epilog="Example: orchestra token list --user maya")
@with_user
@with_output
@with_client
def list_(client: "Client", owner: str | None, output: str) -> None:
    """List your tokens, or those of a user, with the password if there is one; never the secrets."""
    found = list(client.own_authentications() if owner is None else client.authentications(owner))
    if output == "json":
        print_json(found)
        return
    print_table(
        ("IDENTIFIER", "TYPE", "DESCRIPTION", "LIMITED TO", "EXPIRES", "LAST USE", "CREATED"),
        (
            (
                one.identifier,
                one.type,
                one.description,
                " ".join(one.roles or ()),
                _expiry(one),
                day(one.last_use_date) or "never",
                day(one.creation_date),
            )
            for one in found
        ),
        empty="no tokens",
    )


def _expiry(one: "Authentication") -> str:
    if one.expiration_date is None:
        return "never"
    is_over = one.expiration_date <= datetime.now(one.expiration_date.tzinfo)
    return click.style(f"{day(one.expiration_date)} expired", fg="red") if is_over else day(one.expiration_date)


@token.command(epilog="Example: orchestra token create --description laptop --expires 30d --role Viewer@website")
@with_user
@click.option("--description", metavar="TEXT", default="", help="What it is for.")
@click.option("--expires", type=Moment(), metavar="WHEN", help=f"{EXPIRES_HELP} [default: 90d; workers' never]")
@click.option(
    "--role", "roles", multiple=True, metavar="ROLE", type=RoleEntry(), help="Limit it to this role; repeatable."
)
@with_output
@with_client
def create(
    client: "Client",
    *,
    owner: str | None,
    description: str,
    expires: datetime | str | None,
    roles: tuple[str, ...],
    output: str,
) -> None:
    """Make a token and print it: it is shown this once and never again."""
    content: dict[str, Any] = {"description": description}
    if expires is not None:
        content["expiration_date"] = _date(expires)
    if roles:
        content["roles"] = list(roles)
    made = client.create_own_token(**content) if owner is None else client.create_token(owner, **content)
    if output == "json":
        print_json(made)
        return
    click.echo(made.secret)
    until = f"until {date(made.expiration_date)}" if made.expiration_date else "for ever"
    click.echo(f"token {made.identifier} of {made.user}, valid {until}; it is not shown again", err=True)


def _date(expires: datetime | str) -> datetime | None:
    """The date as the API takes it; none means that the token never expires."""
    return expires if isinstance(expires, datetime) else None


@token.command(epilog="Example: orchestra token show 0192f3a0-0000-7000-8000-000000000000")
@click.argument("identifier", metavar="TOKEN_ID", type=TokenId())
@with_user
@with_output
@with_client
def show(client: "Client", identifier: str, owner: str | None, output: str) -> None:
    """Show one token, without its secret."""
    found = _find(client, owner, identifier)
    if output == "json":
        print_json(found)
        return
    facts = [
        ("user", found.user),
        ("type", found.type),
        ("description", found.description),
        ("limited to", " ".join(found.roles or ())),
        ("expires", date(found.expiration_date) or "never"),
        ("last use", date(found.last_use_date) or "never"),
        ("created", date(found.creation_date)),
        ("changed", date(found.update_date)),
    ]
    print_facts(bold(found.identifier), facts)


def _find(client: "Client", owner: str | None, identifier: str) -> "Authentication":
    return client.own_authentication(identifier) if owner is None else client.authentication(owner, identifier)


@token.command(epilog="Example: orchestra token change 0192f3a0-0000-7000-8000-000000000000 --expires 30d")
@click.argument("identifier", metavar="TOKEN_ID", type=TokenId())
@with_user
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option("--expires", type=Moment(), metavar="WHEN", help=f"{EXPIRES_HELP} A date that has passed: now.")
@with_output
@with_client
def change(
    client: "Client",
    *,
    identifier: str,
    owner: str | None,
    description: str | None,
    expires: datetime | str | None,
    output: str,
) -> None:
    """Change what a token is for, or how long it is valid."""
    changes: dict[str, Any] = {}
    if description is not None:
        changes["description"] = description
    if expires is not None:
        changes["expiration_date"] = _date(expires)
    if not changes:
        raise click.UsageError("name what to change: --description or --expires")
    _change(client, owner, identifier, changes, output)


@token.command(epilog="Example: orchestra token expire 0192f3a0-0000-7000-8000-000000000000 --user maya")
@click.argument("identifier", metavar="TOKEN_ID", type=TokenId())
@with_user
@with_output
@with_client
def expire(client: "Client", identifier: str, owner: str | None, output: str) -> None:
    """Make a token invalid now; what is open with it is cut off. It stays in the list, unlike with `delete`."""
    _change(client, owner, identifier, {"expiration_date": Moment().convert("now", None, None)}, output)


def _change(client: "Client", owner: str | None, identifier: str, changes: dict[str, Any], output: str) -> None:
    if owner is None:
        after = client.change_own_authentication(identifier, **changes)
    else:
        after = client.change_authentication(owner, identifier, **changes)
    if output == "json":
        print_json(after)
    else:
        click.echo(f"{after.identifier} of {after.user}: {after.description or 'no description'}, {_until(after)}")


def _until(one: "Authentication") -> str:
    if one.expiration_date is None:
        return "never expires"
    is_over = one.expiration_date <= datetime.now(one.expiration_date.tzinfo)
    return f"{'expired' if is_over else 'valid until'} {date(one.expiration_date)}"


@token.command(epilog="Example: orchestra token delete 0192f3a0-0000-7000-8000-000000000000")
@click.argument("identifier", metavar="TOKEN_ID", type=TokenId())
@with_user
@with_yes
@with_client
def delete(client: "Client", identifier: str, owner: str | None, yes: bool) -> None:
    """Delete a token (or a password): it is invalid at once, and the user's sessions end."""
    confirm(f"Delete {identifier}?", yes=yes)
    if owner is None:
        client.delete_own_authentication(identifier)
    else:
        client.delete_authentication(owner, identifier)
    click.echo(f"{identifier} is deleted")
