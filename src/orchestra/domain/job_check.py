"""What fields alone cannot say of a job: do templates name what exists, do two parameters share a variable?

Works on the tree as it was written, so that templates are checked (with their lines) although
something else is wrong, and so that a misspelt parameter is told together with a misspelt key.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from orchestra.domain.template import parameter_variable
from orchestra.domain.template_check import Flaw, Known, check_shell, check_text
from orchestra.domain.tree import Node, Report, joined

_BEFORE_RESULTS: Final = "the results are written by the commands, the variables are set before"
_BEFORE_WORKER: Final = "a group is known before a worker is chosen"


def check_job(node: Node, path: str, services: Mapping[str, Any] | None, report: Report) -> None:
    """Report what cannot work; `services` are the project's, None when not known."""
    _check_keys(child(node, "parameters"), joined(path, "parameters"), report)
    definition = child(node, "definition")
    variables = child(definition, "environment")
    names = tuple(variables.value) if variables is not None and isinstance(variables.value, dict) else ()
    types = _parameter_types(child(node, "parameters"))
    known = Known(parameters=types, services=services, environment=names)
    place = joined(path, "definition")
    for phase in ("commands", "finally"):
        for index, command in enumerate(_items(child(definition, phase))):
            _check_command(command, f"{place}.{phase}[{index}]", known, report)
            _check_surroundings(command, f"{place}.{phase}[{index}]", known, report)
    early = Known(parameters=types, services=services, environment=(), refused={"results": _BEFORE_RESULTS})
    for name, text in _entries(variables):
        _tell(text, f"{place}.environment.{name}", check_text, early, report)
    folder = child(definition, "directory")
    if folder is not None:
        _tell(folder, f"{place}.directory", check_text, replace(early, environment=names), report)
    container = child(definition, "container")
    if (image := child(container, "image")) is not None:
        _tell(image, f"{place}.container.image", check_text, replace(early, environment=names), report)
    for index, text in enumerate(_items(child(container, "options"))):
        _tell(text, f"{place}.container.options[{index}]", check_text, replace(early, environment=names), report)
    for index, text in enumerate(_items(child(definition, "artifacts"))):
        _tell(text, f"{place}.artifacts[{index}]", check_text, known, report)
    refused = dict.fromkeys(("results", "worker", "environment"), _BEFORE_WORKER)
    group = child(child(child(node, "policy"), "concurrency"), "group")
    if group is not None:
        waiting = Known(parameters=types, services=services, refused=refused)
        _tell(group, joined(path, "policy.concurrency.group"), check_text, waiting, report)


def _check_keys(node: Node | None, path: str, report: Report) -> None:
    """Refuse keys of parameters that are equal, or that give commands the same variable."""
    seen: dict[str, str] = {}
    for index, one in enumerate(_items(node)):
        key = child(one, "key")
        if key is None or not isinstance(key.value, str):
            continue
        variable = parameter_variable(key.value)
        if variable not in seen:
            seen[variable] = key.value
            continue
        says = f"two parameters have the key {key.value!r}"
        if seen[variable] != key.value:
            says = f"the keys {seen[variable]!r} and {key.value!r} would share the variable {variable}"
        report.add(key, f"{path}[{index}].key", says)


def _check_command(node: Node, path: str, known: Known, report: Report) -> None:
    run = child(node, "run") if isinstance(node.value, dict) else node
    place = f"{path}.run" if run is not node else path
    if run is None:
        return
    _tell(run, place, check_shell, known, report)
    for index, argument in enumerate(_items(run)):
        _tell(argument, f"{place}[{index}]", check_text, known, report)


def _check_surroundings(command: Node, path: str, known: Known, report: Report) -> None:
    """Check what a command in its long form says of itself beside what it runs."""
    for name, text in _entries(child(command, "environment")):
        _tell(text, f"{path}.environment.{name}", check_text, known, report)
    folder = child(command, "directory")
    if folder is not None:
        _tell(folder, f"{path}.directory", check_text, replace(known, refused={"results": _BEFORE_RESULTS}), report)


def _tell(node: Node, path: str, check: Any, known: Known, report: Report) -> None:
    if not isinstance(node.value, str) or "\0" in node.value:  # the field itself refuses a NUL
        return
    flaws: tuple[Flaw, ...] = check(node.value, known)
    for flaw in flaws:
        report.add(node, path, flaw.message, line_offset=node.value.count("\n", 0, flaw.offset))


def _parameter_types(node: Node | None) -> dict[str, str]:
    """Return key → type of the declared parameters, as far as they can be read."""
    types: dict[str, str] = {}
    for one in _items(node):
        key, kind = child(one, "key"), child(one, "type")
        if key is not None and isinstance(key.value, str):
            types[key.value] = kind.value if kind is not None and isinstance(kind.value, str) else "string"
    return types


def child(node: Node | None, key: str) -> Node | None:
    """Return the value under `key` if `node` is a mapping that has it."""
    return node.value.get(key) if node is not None and isinstance(node.value, dict) else None


def _items(node: Node | None) -> Iterable[Node]:
    return node.value if node is not None and isinstance(node.value, tuple) else ()


def _entries(node: Node | None) -> Iterable[tuple[str, Node]]:
    return node.value.items() if node is not None and isinstance(node.value, dict) else ()
