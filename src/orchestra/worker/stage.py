"""The stage of a run: the folder that its commands start in, and how each of them is started.

Most jobs ask for nothing special: then a command is one `posix_spawn`. What others ask for (another
user, a terminal, a container, limits) is imported when a run needs it.

Imported by executors.
"""

from __future__ import annotations

import os

from orchestra.worker.process import CannotStart, spawn
from orchestra.worker.record import RESULTS
from orchestra.worker.workspace import WorkspaceError, empty, enter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchestra.worker.containers import Containers
    from orchestra.worker.launch import Launcher


ENGINE_FAILED = 125
"""What podman-run(1) and docker-run exit with when no container came to be."""


class Stage:
    """What one run's commands need to start; `results` is the path of their results file."""

    def __init__(self, folder: str, request: dict[str, Any]) -> None:
        self._request = request
        self._options: dict[str, Any] | None = request.get("options")
        self._directory = ""
        self._launcher: Launcher | None = None
        self._containers: Containers | None = None
        self.results: str = request.get("results") or f"{folder}/{RESULTS}"

    @property
    def owner(self) -> dict[str, Any] | None:
        """The user that the commands run as (`name`, `uid`, `gid`); None for the worker's own."""
        return None if self._options is None else self._options["user"]

    @property
    def has_terminal(self) -> bool:
        return self._options is not None and self._options["terminal"]

    def enter(self) -> None:
        """Go to the workspace, made or cleaned as the job says. Raises `WorkspaceError` or `CannotStart`."""
        owner = self.owner
        ids = None if owner is None else (owner["uid"], owner["gid"])
        enter(self._request["workspace"], clean=self._request["clean"], owner=ids)
        if self._request.get("results"):
            _make_results_folder(os.path.dirname(self.results), ids)
        if self._options is not None:
            from orchestra.worker.launch import Launcher  # noqa: PLC0415

            self._launcher = Launcher(self._options)
            if self._options["container"] is not None:
                from orchestra.worker.containers import Containers  # noqa: PLC0415

                self._containers = Containers(self._request, self.results)

    def start(self, index: int, command: dict[str, Any], output: int) -> int:
        """Start the command number `index`, which writes to `output`; return its pid. Raises `CannotStart`."""
        argv, own = self._prepare(command)
        environment: dict[str, str] = self._request["environment"]
        self._enter_directory(command.get("directory", ""))
        if self._containers is not None:
            argv, environment = self._containers.wrap(index, argv, own, os.getcwd())
        elif own:
            environment = {**environment, **own}
        if self._launcher is None:
            return spawn(argv, environment, output)
        return self._launcher.start(argv, environment, output, is_terminal=self.has_terminal)

    def remark(self, status: int | None) -> str:
        """What the stage knows of a failure beside its wait status, to be added to the cause."""
        if self._launcher is not None and self._launcher.has_run_out_of_memory():
            limit = self._request["options"]["memory_limit"]
            return f"; the kernel ended processes beyond the memory limit of {limit} bytes"
        if self._containers is not None and status is not None and status == ENGINE_FAILED << 8:
            return " (the container engine itself failed, as the log says)"
        return ""

    @property
    def engine(self) -> str | None:
        """The container engine's program; None for a run without containers."""
        return None if self._containers is None else self._containers.engine

    def end_containers(self) -> list[str]:
        """Remove what the run has left of containers; return what cannot be removed."""
        return [] if self._containers is None else self._containers.end()

    def close(self) -> None:
        """The run is over."""
        if self._launcher is not None:
            self._launcher.close()

    def _enter_directory(self, directory: str) -> None:
        if directory != self._directory:
            try:
                os.chdir(os.path.join(self._request["workspace"], directory))
            except OSError as error:
                message = f"the directory {directory} of the workspace: {os.strerror(error.errno or 0)}"
                raise CannotStart("cannot_start", message) from None
            self._directory = directory

    def _prepare(self, command: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
        """Argument vector and the command's own variables; what depends on results is only known now."""
        argv, own = command["argv"], command["environment"]
        if argv is None:
            # Templates bring dataclasses and regular expressions along, which few runs need here.
            from orchestra.worker.late_template import prepare_late  # noqa: PLC0415

            argv, own = prepare_late(command, self._request["values"], self.results, self._request["results_limit"])
        return argv, own


def _make_results_folder(path: str, owner: tuple[int, int] | None) -> None:
    """A folder for the results alone, which another user or a container may write; what an earlier run left goes."""
    try:
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            empty(path)
        if owner is not None:
            os.chown(path, *owner)
    except OSError as error:
        raise WorkspaceError(error, path) from None
