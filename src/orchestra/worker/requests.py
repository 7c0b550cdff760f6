"""From an assignment to a request: everything that an executor needs, so that it asks nobody any more.

The request is what the spool keeps: after a restart of the worker it is all that is known of a run.
Commands are prepared here, with the values in their place; those that use `{results.…}` wait until
they start (`late_template`). It does not know where requests are kept.
"""

import os
import pwd
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from orchestra.domain.artifact import ArtifactLimits, escape
from orchestra.domain.ids import USER_PATTERN, is_identifier
from orchestra.domain.run import CauseCode
from orchestra.domain.template import (
    BadTemplateError,
    fill,
    parameter_environment,
    placeholders,
    prepare,
    prepare_environment,
)
from orchestra.wire.messages import RESULTS_BYTES, Assign
from orchestra.worker.process import is_inherited
from orchestra.worker.record import RESULTS
from orchestra.worker.tree import RUN_MARK

LOG_BYTES: Final = 10 << 30
"""Most bytes of one run's log: beyond it the log is cut and says so, the run goes on (security.md, sizes)."""


class RunKey(msgspec.Struct, frozen=True, order=True):
    """One assignment of a run: what the worker holds and names folders after."""

    run: str
    epoch: int

    def __str__(self) -> str:
        return f"{self.run}.{self.epoch}"

    def __hash__(self) -> int:
        return hash((self.run, self.epoch))

    @classmethod
    def parse(cls, text: str) -> "RunKey | None":
        """Read what `str` wrote; None when it is something else."""
        run, _, epoch = text.rpartition(".")
        return cls(run, int(epoch)) if run and epoch.isdecimal() else None


class RequestedCommand(msgspec.Struct, frozen=True, kw_only=True):
    """One command; `run` as the job's author wrote it, `argv` None when it can only be prepared at its start."""

    name: str
    run: str | list[str]
    phase: str
    argv: list[str] | None
    environment: dict[str, str]
    timeout: float | None
    directory: str = ""
    """Where it runs, below the workspace."""
    variables: dict[str, str] | None = None
    """Its own environment as written, where that can only be prepared at its start (as `argv`)."""


class RunUser(msgspec.Struct, frozen=True, kw_only=True):
    """An OS user as whom commands run, with its number, its first group's, and its home."""

    name: str
    uid: int
    gid: int
    home: str


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """The container of each command: variables handed over by `names`, and `inline` those that the engine has, too."""

    engine: str
    image: str
    options: list[str]
    names: list[str]
    inline: dict[str, str]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What few jobs ask of the way in which their commands start; sizes in bytes."""

    user: RunUser | None = None
    terminal: bool = False
    nice: int = 0
    memory_limit: int | None = None
    container: Container | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What an executor is asked to do; durations in seconds, sizes in bytes, paths absolute."""

    run: str
    epoch: int
    workspace: str
    clean: bool
    environment: dict[str, str]
    commands: list[RequestedCommand]
    values: dict[str, Any] | None
    timeout: float | None
    silence_timeout: float | None
    grace: float
    log_limit: int = LOG_BYTES
    fails_at_log_limit: bool = False
    results_limit: int = RESULTS_BYTES
    results: str = ""
    """The path of the results file, where it is not in the run's own folder."""
    options: Options | None = None
    artifacts: list[str] = []
    """Patterns of files that are kept, values in their place."""
    late_artifacts: list[str] = []
    """Patterns that name results: they are made when the results are there."""
    artifact_limits: tuple[int, int, int] = (0, 0, 0)
    """Most files, most bytes of one, most bytes of all."""
    lease: float | None = None
    """The run is exclusive: it ends when the server was not heard for so long."""
    boot: str = ""
    """The machine's boot id when the spool accepted it: after another boot nobody can prove that it did not start."""

    @property
    def key(self) -> RunKey:
        return RunKey(self.run, self.epoch)


class UnusableAssignmentError(Exception):
    """The run can never start here; `code` and the text are its cause."""

    def __init__(self, code: CauseCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What every run of this worker sees: `inherited` variables, the worker's name and properties, the server."""

    inherited: dict[str, str]
    worker: str
    properties: dict[str, Any]
    server: str
    python: str
    server_data: str | None = None
    run_as: tuple[str, ...] = ()
    """The other OS users as whom jobs may run here."""


def build(assign: Assign, surroundings: Surroundings, folder: Path, workspace: str) -> Request:
    """Return the request for an assignment; `folder` is the run's folder in the spool.

    Raises `UnusableAssignmentError` with `bad_definition` or `bad_template`.
    """
    definition = assign.definition
    if definition.get("type") != "commands":
        kind = definition.get("type")
        raise UnusableAssignmentError(
            CauseCode.BAD_DEFINITION, f"a worker cannot execute a definition of type {kind!r}"
        )
    if not definition.get("commands"):
        raise UnusableAssignmentError(CauseCode.BAD_DEFINITION, "the definition has no commands")
    values = _values(assign, surroundings)
    try:
        options = _options(definition, surroundings)
        is_apart = options is not None and (options.user is not None or options.container is not None)
        results = f"{workspace}.results/{RESULTS}" if is_apart else ""
        environment = _environment(assign, surroundings, values, results or f"{folder}/{RESULTS}", workspace)
        if options is not None and options.user is not None:
            environment |= _home(options.user, definition)
        values["environment"] = dict(environment)
        if options is not None and options.container is not None:
            options = _contained(options, options.container, environment, surroundings.inherited, values)
        commands = [
            _command(one, phase, values, definition.get("directory"))
            for phase, key in (("commands", "commands"), ("finally", "finally"))
            for one in definition.get(key) or ()
        ]
        output = definition.get("output_limit") or {}
        patterns = definition.get("artifacts") or ()
        late = [one for one in patterns if _needs_results(one)]
        limits = assign.artifact_limits or ArtifactLimits()
        return Request(
            run=assign.run,
            epoch=assign.epoch,
            workspace=workspace,
            clean=definition.get("workspace") == "clean",
            environment=environment,
            commands=commands,
            values=values if late or any(one.argv is None for one in commands) else None,
            timeout=definition.get("timeout"),
            silence_timeout=definition.get("silence_timeout"),
            grace=float(definition.get("grace", 10.0)),
            log_limit=min(LOG_BYTES, output.get("size", LOG_BYTES)),
            fails_at_log_limit=output.get("action") == "fail",
            results=results,
            options=options,
            artifacts=[fill(one, values, escape) for one in patterns if one not in late],
            late_artifacts=late,
            artifact_limits=(limits.count, limits.file_bytes, limits.total_bytes),
            lease=assign.lease_s,
        )
    except BadTemplateError as error:
        raise UnusableAssignmentError(CauseCode.BAD_TEMPLATE, str(error)) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnusableAssignmentError(CauseCode.BAD_DEFINITION, f"the definition cannot be read: {error!r}") from None


def is_safe(assign: Assign) -> bool:
    """Tell whether the names in the assignment may become names of folders (S-53: the server is not trusted either)."""
    user = user_of(assign)
    is_user = user is None or re.fullmatch(USER_PATTERN, user) is not None
    return is_identifier(assign.project) and is_identifier(assign.job) and assign.epoch >= 0 and is_user


def user_of(assign: Assign) -> str | None:
    """The OS user as whom the job wants to run; None for the worker's own."""
    user = assign.definition.get("user")
    return None if user is None else str(user)


def _options(definition: Mapping[str, Any], surroundings: Surroundings) -> Options | None:
    """What the job asks beyond the usual; None when it asks nothing. Raises `UnusableAssignmentError`."""
    user = definition.get("user")
    options = Options(
        user=None if user is None else _find_user(str(user), surroundings),
        terminal=definition.get("terminal") is True,
        nice=int(definition.get("nice") or 0),
        memory_limit=definition.get("memory_limit"),
        container=None if definition.get("container") is None else _container(definition["container"]),
    )
    return None if options == Options() else options


def _container(written: Mapping[str, Any]) -> Container:
    engine, more = written.get("engine") or "auto", written.get("options") or []
    return Container(engine=engine, image=written["image"], options=list(more), names=[], inline={})


def _contained(
    options: Options,
    container: Container,
    environment: dict[str, str],
    inherited: Mapping[str, str],
    values: Mapping[str, Any],
) -> Options:
    """Fill the container's templates, and part the variables: `environment` becomes the engine's own."""
    home = {} if options.user is None else {"HOME": options.user.home, "USER": options.user.name}
    inline: dict[str, str] = {}
    for name in [one for one in environment if is_inherited(one)]:
        engines = home.get(name, inherited.get(name))
        if environment[name] != engines:
            inline[name] = environment.pop(name)
            if engines is not None:
                environment[name] = engines
    contained = msgspec.structs.replace(
        container,
        image=fill(container.image, values),
        options=[fill(one, values) for one in container.options],
        names=[name for name in environment if not is_inherited(name)],
        inline=inline,
    )
    return msgspec.structs.replace(options, container=contained)


def _find_user(name: str, surroundings: Surroundings) -> RunUser | None:
    """Look the user up; None when it is the worker's own. Raises `UnusableAssignmentError`."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise UnusableAssignmentError(
            CauseCode.CANNOT_START, f"the job runs as the user {name}, which this machine does not have"
        ) from None
    if found.pw_uid == os.geteuid():
        return None
    if name not in surroundings.run_as or os.geteuid() != 0:
        allowed = ", ".join(surroundings.run_as) or "no other"
        raise UnusableAssignmentError(
            CauseCode.CANNOT_START,
            f"the job runs as the user {name}, and {surroundings.worker} runs jobs as {allowed}: "
            f"start the worker as root with --run-as {name}",
        )
    return RunUser(name=name, uid=found.pw_uid, gid=found.pw_gid, home=found.pw_dir)


def _home(user: RunUser, definition: Mapping[str, Any]) -> dict[str, str]:
    """What the worker's own HOME and USER are replaced with, as far as the job does not say otherwise."""
    own = definition.get("environment") or {}
    there = {"HOME": user.home, "USER": user.name, "LOGNAME": user.name}
    return {name: text for name, text in there.items() if name not in own}


def _values(assign: Assign, surroundings: Surroundings) -> dict[str, Any]:
    """The roots of substitutions; what the server sent wins where it knows more than the names."""
    known: dict[str, Any] = {
        "parameters": assign.parameters,
        "project": {"identifier": assign.project},
        "job": {"identifier": assign.job},
        "run": {"identifier": assign.run, "number": assign.number},
        "services": {},
        "worker": {"identifier": surroundings.worker, "properties": surroundings.properties},
    }
    for root in ("project", "job", "run", "services"):
        if isinstance(given := assign.context.get(root), dict):
            known[root] = {**known[root], **given}
    return known


def _environment(
    assign: Assign, surroundings: Surroundings, values: dict[str, Any], results: str, workspace: str
) -> dict[str, str]:
    """The variables of every command. What Orchestra says of the run comes last: nothing can lie about it."""
    given = {
        RUN_MARK: assign.run,
        **parameter_environment(assign.parameters),
        "ORCHESTRA_SERVER": surroundings.server,
        **assign.environment,
        "ORCHESTRA_PROJECT": assign.project,
        "ORCHESTRA_JOB": assign.job,
        "ORCHESTRA_RUN_NUMBER": str(assign.number),
        "ORCHESTRA_RESULTS": results,
        "ORCHESTRA_WORKSPACE": workspace,
        "ORCHESTRA_PYTHON": surroundings.python,
    }
    if surroundings.server_data is not None:
        given["ORCHESTRA_DATA"] = surroundings.server_data
    before = {**surroundings.inherited, **given}
    own = prepare_environment(assign.definition.get("environment") or {}, {**values, "environment": before})
    # The mark first, so that whoever looks for a run's processes finds it at the front of a huge environment, too.
    return {RUN_MARK: assign.run, **surroundings.inherited, **own, **given}


def _command(one: Mapping[str, Any], phase: str, values: Mapping[str, Any], directory: str | None) -> RequestedCommand:
    run, variables = one["run"], one.get("environment") or {}
    argv, environment = None, {}
    if not _needs_results(run) and not _needs_results([*variables.values()]):
        prepared = prepare(run, values)
        argv = list(prepared.argv)
        environment = {**prepare_environment(variables, values), **prepared.environment}
    return RequestedCommand(
        name=one["name"],
        run=run,
        phase=phase,
        argv=argv,
        environment=environment,
        timeout=one.get("timeout"),
        directory=_directory(one.get("directory") or directory or "", values),
        variables=variables if argv is None and variables else None,
    )


def _directory(written: str, values: Mapping[str, Any]) -> str:
    """A path below the workspace, with its values."""
    path = fill(written, values)
    if path.startswith("/") or ".." in path.split("/"):
        raise BadTemplateError(f"the directory {path!r} is not below the workspace")
    return path


def _needs_results(run: str | Sequence[str]) -> bool:
    texts: Iterable[str] = (run,) if isinstance(run, str) else run
    return any("{results." in text and any(one.root == "results" for one in placeholders(text)) for text in texts)
