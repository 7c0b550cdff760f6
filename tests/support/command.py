"""The program `orchestra` inside the process of a test: as fast as a function, for what needs no process of its own.

    orchestra = Command(tmp_path, server=address, token=token)
    assert orchestra("runs", "--status", "failed").code == 0

Standard input is what `stdin` says and never a terminal; `terminal` has one. The environment is that of a
fresh home, and nothing of the user's own.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from orchestra.cli.app import run
from support.installation import PROGRAM, Done, clean_environment

DEADLINE_S = 60.0


@dataclass
class Command:
    """Commands of one user of one server; `home` is a folder of its own, where `login` stores."""

    home: Path
    server: str | None = None
    token: str | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        """What the program finds in its environment."""
        given = {"ORCHESTRA_SERVER": self.server, "ORCHESTRA_TOKEN": self.token}
        named = {name: value for name, value in given.items() if value is not None}
        return clean_environment(self.home, XDG_CONFIG_HOME=str(self.home / "config"), **named, **self.environment)

    def __call__(self, *arguments: str, stdin: str = "") -> Done:
        """Run one command to its end."""
        absent = {name: None for name in os.environ if name.startswith(("ORCHESTRA_", "XDG_"))}
        runner = CliRunner()
        with runner.isolation(input=stdin, env={**absent, **self.variables()}) as (out, err, _):
            code = run(list(arguments))
            sys.stdout.flush()
            return Done(code, out.getvalue(), err.getvalue().decode())

    def json(self, *arguments: str) -> Any:
        """What a command that must succeed prints as JSON."""
        done = self(*arguments, "--output", "json")
        assert done.code == 0, done
        return json.loads(done.out)

    def text(self, *arguments: str, stdin: str = "") -> str:
        """What a command that must succeed prints."""
        done = self(*arguments, stdin=stdin)
        assert done.code == 0, done
        return done.text

    def terminal(self, *arguments: str, answers: tuple[tuple[str, str], ...] = ()) -> tuple[int, str]:
        """Run a command in a process at a terminal; type each answer once its question stands there.

        Returns the exit code and everything that the terminal showed.
        """
        ours, theirs = pty.openpty()
        # A session's leader that opens a terminal has it from then on (tty(4)): passwords are asked at /dev/tty.
        process = subprocess.Popen(
            ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(theirs), PROGRAM, *arguments],
            env={**self.variables(), "TERM": "xterm-256color"},
            start_new_session=True,
        )
        screen = Screen(ours)
        for question, answer in answers:
            screen.wait(question)
            os.write(ours, answer.encode() + b"\n")
        code = process.wait(DEADLINE_S)
        os.close(theirs)
        return code, screen.close()


class Screen:
    """What a terminal shows, read by a thread of its own so that the program never waits for us."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._shown = b""
        self._looked = 0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        # Linux: nobody holds the other end any more (EIO)
        with suppress(OSError):
            while piece := os.read(self._descriptor, 65_536):
                with self._changed:
                    self._shown += piece
                    self._changed.notify_all()

    def wait(self, text: str) -> None:
        """Wait until `text` is shown, after what was waited for before."""
        with self._changed:
            found = self._changed.wait_for(lambda: text.encode() in self._shown[self._looked :], DEADLINE_S)
            assert found, f"expected {text!r}, got {self._shown!r}"
            self._looked = self._shown.index(text.encode(), self._looked) + len(text.encode())

    def close(self) -> str:
        """Everything that was shown, once nobody holds the terminal."""
        self._thread.join(DEADLINE_S)
        os.close(self._descriptor)
        return self._shown.decode()
