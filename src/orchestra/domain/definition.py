"""Definitions of jobs: commands, or a pipeline of other jobs. Their fields, and what fields alone cannot say.

Normal form of commands: each command is `{"name", "run", "timeout"}`, durations are seconds. Sizes
are limited so that an assignment fits into one frame of the protocol.
"""

import json
import re
from typing import Any, Final

from orchestra.domain.ids import IDENTIFIER_PATTERN, USER_PATTERN
from orchestra.domain.parameters import KEY, KEY_SAYS
from orchestra.domain.run import TERMINAL
from orchestra.domain.shapes import (
    BAD,
    Anything,
    Choice,
    Duration,
    Either,
    Field,
    Flag,
    Items,
    Record,
    Size,
    Table,
    Tagged,
    Text,
    Whole,
    check,
)
from orchestra.domain.tree import Node, Report, expected

IDENTIFIER: Final = re.compile(IDENTIFIER_PATTERN)
IDENTIFIER_SAYS: Final = "a letter or digit, then up to 127 letters, digits, '_', '.' or '-'"
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
COMMAND_LENGTH: Final = 65_536
"""Characters of a command: half of what Linux takes as one argument; longer programs belong into a file."""
DEFINITION_BYTES: Final = 98_304
"""An assignment fits into one frame of 256 KiB: this, 64 KiB of parameters, 32 KiB of services, two descriptions."""
NAME_LENGTH: Final = 80
OUTPUT_BYTES: Final = 10 << 30
"""Most bytes of one run's log (security.md, sizes)."""


# Commands -----------------------------------------------------------------------------------------

_SHELL_TEXT: Final = Text(longest=COMMAND_LENGTH, shortest=1, lines=True, says="a command")
_ARGUMENT: Final = Text(longest=COMMAND_LENGTH, lines=True, as_written=True, says="an argument")
_VECTOR: Final = Items(of=_ARGUMENT, least=1, most=1000)
_RUN: Final = Either(shapes=(_SHELL_TEXT, _VECTOR), says="a command as text, or a list of arguments")
_ENVIRONMENT_VALUE: Final = Text(longest=65_536, lines=True, as_written=True)


def _check_environment(values: dict[str, str], node: Node, path: str, report: Report) -> None:
    for name in values:
        if name.startswith("ORCHESTRA_"):
            report.add_key(node, name, f"{path}.{name}", "names that begin with ORCHESTRA_ are given by Orchestra")


def _check_below(value: str, node: Node, path: str, report: Report) -> None:
    if value.startswith("/") or ".." in value.split("/"):
        report.add(node, path, "expected a path below the workspace: no leading '/', no '..'")


_ENVIRONMENT: Final = Table(
    of=_ENVIRONMENT_VALUE, key=VARIABLE, key_says="a name of letters, digits and '_'", also=_check_environment
)
_DIRECTORY: Final = Text(longest=1024, shortest=1, says="a path below the workspace", also=_check_below)

LONG_COMMAND: Final = Record(
    fields=(
        Field(
            name="name",
            shape=Text(longest=200),
            doc="What the step is called; by default the beginning of the command.",
        ),
        Field(name="run", shape=_RUN, doc="Text for sh -c, or a list: program and arguments.", required=True),
        Field(name="timeout", shape=Duration(least=0.1), doc="How long this command may take."),
        Field(
            name="directory",
            shape=_DIRECTORY,
            doc="Where this command runs, instead of the job's `directory`; it must exist then.",
            is_sparse=True,
        ),
        Field(
            name="environment",
            shape=_ENVIRONMENT,
            doc="Variables for this command alone, before the job's; values may hold substitutions.",
            is_sparse=True,
        ),
    )
)


def _complete_command(value: Any, node: Node, path: str, report: Report) -> None:
    """Give a command in its long form a name."""
    if value["name"] is None:
        value["name"] = command_name(value["run"])


COMMAND: Final = Either(
    shapes=(_SHELL_TEXT, _VECTOR, Record(fields=LONG_COMMAND.fields, also=_complete_command)),
    says="a command: text, a list of arguments, or a mapping with 'run'",
)


def _normal_commands(values: list[Any], node: Node, path: str, report: Report) -> None:
    """Normal form: every command in its long form."""
    values[:] = [
        value if isinstance(value, dict) else {"name": command_name(value), "run": value, "timeout": None}
        for value in values
    ]


def command_name(run: str | list[str]) -> str:
    """Return what a command is called that has no name: its first line that is no comment, cut."""
    text = run if isinstance(run, str) else " ".join(run)
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "command")
    first = re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", first)
    return first if len(first) <= NAME_LENGTH else f"{first[: NAME_LENGTH - 1]}…"


def _check_artifact(value: str, node: Node, path: str, report: Report) -> None:
    parts = value.split("/")
    if value.startswith("/") or ".." in parts:
        report.add(node, path, "expected a pattern below the workspace: no leading '/', no '..'")


def _check_size(value: dict[str, Any], node: Node, path: str, report: Report) -> None:
    size = len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    if size > DEFINITION_BYTES:
        says = f"the definition has {size} bytes, more than {DEFINITION_BYTES}: put long programs into files"
        report.add(node, path, says)


OUTPUT_LIMIT: Final = Record(
    fields=(
        Field(
            name="size", shape=Size(least=1, most=OUTPUT_BYTES), doc="How many bytes the log may have.", required=True
        ),
        Field(
            name="action",
            shape=Choice(choices=("cut", "fail"), what="action"),
            doc="cut: what comes after is left out, and `log_error` says so; fail: the run ends, exception.",
            default="cut",
        ),
    )
)

CONTAINER: Final = Record(
    fields=(
        Field(
            name="image",
            shape=Text(longest=1024, shortest=1, says="the name of an image"),
            doc="The image of each command's container; may hold substitutions.",
            required=True,
        ),
        Field(
            name="options",
            shape=Items(of=Text(longest=4096, shortest=1, as_written=True, says="an option"), most=100),
            doc="Further options of the engine's `run`, each word an item; may hold substitutions.",
            default=[],
        ),
        Field(
            name="engine",
            shape=Choice(choices=("auto", "podman", "docker"), what="engine"),
            doc="auto: podman, else docker.",
            default="auto",
        ),
    )
)


def _check_commands(value: dict[str, Any], node: Node, path: str, report: Report) -> None:
    """What fields of a definition say of each other, and its size."""
    if value.get("container") is not None and value.get("nice"):
        says = "nice has no effect on containers; give the engine's own option, such as --cpu-shares"
        report.add_key(node, "nice", f"{path}.nice", says)
    _check_size(value, node, path, report)


COMMANDS: Final = Record(
    fields=(
        Field(name="type", shape=Choice(choices=("commands",)), doc="commands: a list of commands.", required=True),
        Field(
            name="commands",
            shape=Items(of=COMMAND, least=1, also=_normal_commands),
            doc="Executed one after the other, until one fails.",
            required=True,
        ),
        Field(
            name="finally",
            shape=Items(of=COMMAND, also=_normal_commands),
            doc="Executed afterwards in any case: after success, failure, timeout and abort.",
            default=[],
        ),
        Field(
            name="environment",
            shape=_ENVIRONMENT,
            doc="Variables for all commands; values may hold substitutions.",
            default={},
        ),
        Field(
            name="workspace",
            shape=Choice(choices=("reuse", "clean"), what="workspace"),
            doc="Whether the folder in which the commands run keeps what earlier runs left.",
            default="reuse",
        ),
        Field(
            name="directory",
            shape=_DIRECTORY,
            doc="Where the commands run, below the workspace; it must exist when a command starts.",
            is_sparse=True,
        ),
        Field(name="timeout", shape=Duration(least=0.1), doc="How long all commands together may take."),
        Field(name="silence_timeout", shape=Duration(least=0.1), doc="How long nothing may be printed."),
        Field(
            name="grace",
            shape=Duration(most=3600.0),
            doc="How long processes have to end after the termination signal before they are killed.",
            default=10.0,
        ),
        Field(
            name="output_limit",
            shape=OUTPUT_LIMIT,
            doc="How much the commands may print; without it 10 GiB, and the log is cut there.",
            is_sparse=True,
        ),
        Field(
            name="memory_limit",
            shape=Size(least=1 << 20, most=1 << 50),
            doc="How much memory the commands may use: together where the worker has cgroups, else each process.",
            is_sparse=True,
        ),
        Field(
            name="nice",
            shape=Whole(least=0, most=19),
            doc="How much less of the processor the commands get when others want it (nice(1)).",
            is_sparse=True,
        ),
        Field(
            name="user",
            shape=Text(longest=32, shortest=1, pattern=re.compile(USER_PATTERN), says="the name of an OS user"),
            doc="The OS user as whom the commands run; the worker must be root and allow it (`--run-as`).",
            is_sparse=True,
        ),
        Field(
            name="terminal",
            shape=Flag(),
            doc="Whether the commands' output is a pseudo-terminal of 120 columns and 40 rows.",
            is_sparse=True,
        ),
        Field(
            name="container",
            shape=CONTAINER,
            doc="The container in which each command runs, by podman or docker of the worker's machine.",
            is_sparse=True,
        ),
        Field(
            name="artifacts",
            shape=Items(of=Text(longest=1024, shortest=1, says="a pattern of paths", also=_check_artifact), most=100),
            doc="Patterns of files in the workspace that are kept, such as `dist/**`.",
            default=[],
        ),
    ),
    also=_check_commands,
)


# Pipelines ----------------------------------------------------------------------------------------

_STATUSES: Final = tuple(sorted(str(status) for status in TERMINAL))
_SCALAR: Final = Anything(
    says="a text, a number or a boolean", schema={"type": ["string", "number", "boolean", "null"]}
)
_VALUES: Final = Table(of=_SCALAR, key=KEY, key_says=KEY_SAYS, most=200)
_IDENTIFIER: Final = Text(longest=128, pattern=IDENTIFIER, says=IDENTIFIER_SAYS)

_AFTER: Final = Record(
    fields=(
        Field(name="element", shape=_IDENTIFIER, doc="The element that must have ended.", required=True),
        Field(
            name="status",
            shape=Items(of=Choice(choices=_STATUSES, what="status"), least=1),
            doc="One of these must be its status.",
            default=["succeeded"],
        ),
    )
)
_APPROVAL: Final = Record(
    fields=(Field(name="message", shape=Text(longest=1000, lines=True), doc="What is asked.", default=""),)
)
_ELEMENT: Final = Record(
    fields=(
        Field(name="identifier", shape=_IDENTIFIER, doc="The name inside the pipeline.", required=True),
        Field(name="job", shape=_IDENTIFIER, doc="The job that it runs.", required=True),
        Field(name="project", shape=_IDENTIFIER, doc="The job's project; by default the pipeline's own."),
        Field(name="parameters", shape=_VALUES, doc="Values for the job's parameters.", default={}),
        Field(
            name="after", shape=Items(of=_AFTER), doc="Conditions; all of them must hold before it starts.", default=[]
        ),
        Field(
            name="matrix",
            shape=Table(of=Items(of=_SCALAR, least=1, most=256), key=KEY, key_says=KEY_SAYS, most=10),
            doc="One run for each combination of these values.",
        ),
        Field(
            name="for_each",
            shape=Either(
                shapes=(Text(longest=1000, shortest=1), Items(of=_SCALAR, most=1000)),
                says="a list, or a text that names one",
            ),
            doc="One run for each value.",
        ),
        Field(
            name="approval",
            shape=Either(shapes=(Flag(), _APPROVAL), says="true, false or {message: TEXT}"),
            doc="Whether a person must agree before it starts.",
            default=False,
        ),
    )
)


def _check_graph(values: list[dict[str, Any]], node: Node, path: str, report: Report) -> None:
    """Check that names are unique, that conditions name elements, and that there is no cycle."""
    assert isinstance(node.value, tuple)
    names = [value["identifier"] for value in values]
    before = len(report)
    for index, value in enumerate(values):
        place = f"{path}[{index}]"
        if names.index(value["identifier"]) < index:
            report.add(node.value[index], f"{place}.identifier", f"a second element is named {value['identifier']!r}")
        for number, condition in enumerate(value["after"]):
            if condition["element"] not in names:
                says = expected("element", condition["element"], names)
                report.add(node.value[index], f"{place}.after[{number}].element", says)
    if len(report) == before and (cycle := _cycle({one["identifier"]: one["after"] for one in values})):
        index = names.index(cycle[0])
        report.add(node.value[index], f"{path}[{index}].after", f"the elements wait in a circle: {' → '.join(cycle)}")


def _cycle(after: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Return the names of a circle, its first name again at the end; empty when there is none."""
    waiting = {name: {one["element"] for one in conditions} for name, conditions in after.items()}
    while free := [name for name, others in waiting.items() if not others]:
        for name in free:
            del waiting[name]
        for others in waiting.values():
            others.difference_update(free)
    if not waiting:
        return []
    path = [next(iter(waiting))]
    while path[-1] not in path[:-1]:
        path.append(min(waiting[path[-1]]))
    return path[path.index(path[-1]) :]


PIPELINE: Final = Record(
    fields=(
        Field(name="type", shape=Choice(choices=("pipeline",)), doc="pipeline: a graph of other jobs.", required=True),
        Field(
            name="elements",
            shape=Items(of=_ELEMENT, least=1, also=_check_graph),
            doc="What the pipeline runs; elements without conditions start at once.",
            required=True,
        ),
    ),
    also=_check_size,
)

DEFINITION: Final = Tagged(tag="type", records={"commands": COMMANDS, "pipeline": PIPELINE})


def check_definition(node: Node, path: str, report: Report) -> dict[str, Any] | None:
    """Return the normal form; None after problems were reported."""
    value: Any = check(DEFINITION, node, path, report)
    return None if value is BAD else value
