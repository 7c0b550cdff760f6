"""How a run ends, and what the end of one command means for it.

Imported by executors.
"""

from __future__ import annotations

import os
import signal


class Verdict:
    """How the run ends: a status, and why (a cause code and a sentence)."""

    __slots__ = ("code", "message", "status")

    def __init__(self, status: str, code: str, message: str) -> None:
        self.status = status
        self.code = code
        self.message = message


def exit_code(status: int) -> int:
    """The exit code, and 128 + signal for a command that a signal ended, as shells say it."""
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def judge(name: str, status: int) -> Verdict | None:
    """What a wait status says about the run: None for exit code 0."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            text = f"signal {number} ({signal.Signals(number).name})"
        except ValueError:
            text = f"signal {number}"
        hint = "; the machine may have run out of memory" if number == signal.SIGKILL else ""
        return Verdict("failed", "signal", f"{name}: ended by {text}{hint}")
    code = os.WEXITSTATUS(status)
    return None if code == 0 else Verdict("failed", "exit_code", f"{name}: exited with code {code}")
