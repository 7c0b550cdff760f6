"""Commands in containers: each is one `podman run` or `docker run`, and all of them are gone when the run is over.

    engine run --rm --init --name … --label orchestra.run=… --volume WORKSPACE --workdir … --env … OPTIONS IMAGE argv
    engine kill, rm --force, ps         after a stop: until the engine says that the run has no container left

The engine's client is an ordinary process of the run: its output is the log, a termination signal to
it reaches the container, its exit code is the container's. What survives its client is not in our
process tree, so a stop asks the engine by the run's label. Variables are handed to the client by
name, so that no value (the run's token) stands in a list of processes; those that the client itself
needs (PATH, HOME) are handed over with their value.

Imported by executors whose job runs in containers.
"""

from __future__ import annotations

import os
import select
import signal
import time

from orchestra.worker.process import CannotStart, find_program, is_inherited, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

ENGINES = ("podman", "docker")
LABEL = "orchestra.run"
ASK_LIMIT_S = 10.0
"""How long one question to the engine may take: its daemon may be dead."""
END_LIMIT_S = 5.0
"""How long killed containers may take to go, until they are named as survivors."""
_ANSWER_BYTES = 1 << 16


class Containers:
    """The containers of one run. `container` is `requests.Container` as JSON, `request` that of the run."""

    def __init__(self, request: Mapping[str, Any], results: str) -> None:
        """Find the engine. Raises `CannotStart` with `no_such_program`."""
        self._container: dict[str, Any] = request["options"]["container"]
        self._key = f"{request['run']}.{request['epoch']}"
        self._request = request
        self._folders = (request["workspace"], os.path.dirname(results))
        self._environment: dict[str, str] = request["environment"]
        self.engine = find_engine(self._container["engine"], self._environment)

    def wrap(
        self, index: int, argv: list[str], own: Mapping[str, str], folder: str
    ) -> tuple[list[str], dict[str, str]]:
        """The engine's argument vector and environment for the command number `index`; `own` are its variables."""
        options = self._request["options"]
        names = [*self._container["names"], *(name for name in own if not is_inherited(name))]
        inline = {**self._container["inline"], **{name: text for name, text in own.items() if is_inherited(name)}}
        environment = {**self._environment, **{name: text for name, text in own.items() if not is_inherited(name)}}
        words = [self.engine, "run", "--rm", "--init", "--name", f"orchestra-{self._key}-{index}"]
        words += ["--label", f"{LABEL}={self._key}", "--workdir", folder]
        for path in self._folders:
            words += ["--volume", f"{path}:{path}"]
        for name in dict.fromkeys(names):
            words += ["--env", name]
        for name, text in inline.items():
            words += ["--env", f"{name}={text}"]
        if options["memory_limit"] is not None:
            words += ["--memory", str(options["memory_limit"])]
        if options["terminal"]:
            words.append("--tty")
        return [*words, *self._container["options"], self._container["image"], *argv], environment

    def end(self) -> list[str]:
        """Remove what is left of the run's containers; return what cannot be removed, or why nobody can tell."""
        deadline, pause = time.monotonic() + END_LIMIT_S, 0.05
        while True:
            code, text = self._ask("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={LABEL}={self._key}")
            if code != 0:
                return [f"containers of the run, if any: {self.engine} does not answer ({text.strip()[:200]})"]
            found = text.split()
            if not found or time.monotonic() >= deadline:
                return [f"container {one}" for one in found]
            # Not `rm --force` alone: podman's would give them ten seconds more after their grace.
            self._ask("kill", *found)
            self._ask("rm", "--force", *found)
            pause *= 2
            # The run is over, so nothing else waits for this; engines say "removed" before `ps` agrees.
            time.sleep(min(pause, 1.0))

    def _ask(self, *words: str) -> tuple[int, str]:
        """Ask the engine; return its exit code (128 + signal) and what it said."""
        read_end, write_end = os.pipe2(os.O_CLOEXEC)
        try:
            pid = spawn([self.engine, *words], self._environment, write_end)
        except CannotStart as error:
            os.close(read_end)
            return 127, str(error)
        finally:
            os.close(write_end)
        text = _read_all(read_end, time.monotonic() + ASK_LIMIT_S)
        os.close(read_end)
        if text is None:
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        return (code, text) if text is not None else (124, f"no answer within {ASK_LIMIT_S:g} s")


def find_engine(wanted: str, environment: Mapping[str, str]) -> str:
    """The path of the engine: the one that is wanted, or the first that there is. Raises `CannotStart`."""
    for name in ENGINES if wanted == "auto" else (wanted,):
        try:
            return find_program(name, environment)
        except CannotStart:
            continue
    names = "neither podman nor docker" if wanted == "auto" else f"no {wanted}"
    where = environment.get("PATH", os.defpath)
    raise CannotStart("no_such_program", f"the job runs in a container, and {names} is on PATH ({where})")


def _read_all(descriptor: int, deadline: float) -> str | None:
    """What comes until the end; None when that does not come in time."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    data = b""
    while (left := deadline - time.monotonic()) > 0:
        if not poll.poll(int(left * 1000) + 1):
            break
        more = os.read(descriptor, _ANSWER_BYTES)
        if not more:
            return data.decode("utf-8", "replace")
        data += more[: max(0, _ANSWER_BYTES - len(data))]
    return None
