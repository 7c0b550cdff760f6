"""The command line: one file per command, imported only when the command is called.

`orchestra --help` must answer at once, so this package imports click and nothing else; what a
command needs (HTTP client, tables, the server itself) is imported inside its own file.
"""

from orchestra.cli.app import main

__all__ = ["main"]
