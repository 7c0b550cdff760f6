"""Options that narrow and order lists; the server does it."""

from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]


def with_order(command: Command) -> Command:
    """Add `--order`; it arrives as `order`."""
    return click.option("--order", metavar="FIELD", help="Sort by a field, -FIELD the other way.")(command)


def with_enabled(command: Command) -> Command:
    """Add `--enabled/--disabled`; it arrives as `is_enabled`, None for all."""
    return click.option("--enabled/--disabled", "is_enabled", default=None, help="Only those. [default: all]")(command)


def with_owner_source(command: Command) -> Command:
    """Add `--managed-by`; it arrives as `managed_by`."""
    option = click.option("--managed-by", metavar="SOURCE", help="Only what this source owns; `api`: made by hand.")
    return option(command)
