"""Names for the shell's completion, asked from the server: quickly, or not at all.

Rules: a shell that waits or prints an error while somebody types is worse than one that completes
nothing. So every failure is silence, and a server that does not answer within a second is let be.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

import click
from click.shell_completion import CompletionItem

from orchestra.cli.connection import find_target
from orchestra.cli.names import MOST, Candidate
from orchestra.client import Client
from orchestra.domain.errors import OrchestraError

PATIENCE_S: Final = 1.0


def complete(
    ctx: click.Context, candidates: Callable[[Client], Iterable[Candidate]], incomplete: str
) -> list[CompletionItem]:
    """What of `candidates` begins with `incomplete`; nothing when the server does not answer at once."""
    try:
        with ctx.scope(cleanup=False):
            return _fitting(ctx, candidates, incomplete)
    except OrchestraError:
        return []


def _fitting(
    ctx: click.Context, candidates: Callable[[Client], Iterable[Candidate]], incomplete: str
) -> list[CompletionItem]:
    target = find_target(ctx.params.get("server"), ctx.params.get("token"))
    with Client(target.server, target.token, timeout_s=PATIENCE_S, retries=0) as client:
        fitting = (one for one in candidates(client) if one.name.startswith(incomplete))
        return [CompletionItem(one.name, help=one.help or None) for one in islice(fitting, MOST)]
