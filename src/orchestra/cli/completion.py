"""`orchestra completion`: the script that teaches a shell to complete commands, options, and names from the server."""

from typing import Final

import click
from click.shell_completion import get_completion_class

SHELLS: Final = ("bash", "zsh", "fish")


@click.command(epilog='Example: eval "$(orchestra completion bash)"')
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    For good:
      orchestra completion bash > ~/.local/share/bash-completion/completions/orchestra
      orchestra completion zsh > "${fpath[1]}/_orchestra"
      orchestra completion fish > ~/.config/fish/completions/orchestra.fish

    Names of projects, jobs, runs, workers and users come from the server that you are signed in to.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "orchestra", "_ORCHESTRA_COMPLETE").source())
