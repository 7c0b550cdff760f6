"""Definitions: commands and pipelines of the ancestor → ours.

    job       setup_commands + commands → commands        teardown_commands → finally
    pipeline  elements → elements; a pipeline here has no commands of its own

What cannot be the same is told: as a remark where the job still does its work, as a reason against it
where it could do something else. The result is what a PUT of the job would take; `translation` has it
checked by the same code.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from orchestra.domain.definition import VARIABLE
from orchestra.domain.job_orchestra.format_string import BRACE, Context, NoEqualError, Used, translate

_COMMANDS: Final = ("type", "setup_commands", "commands", "teardown_commands")
_PIPELINE: Final = ("type", "setup_commands", "elements", "teardown_commands")
_ELEMENT: Final = ("identifier", "project", "job", "parameters", "after")
_CONDITION: Final = ("element", "status")


@dataclass(slots=True)
class Definition:
    """What became of a definition. `value` None: it cannot run here, and `reasons` say why.

    `remarks` say what differs; `is_incomplete`: it must not run as it is, so its job comes disabled.
    """

    value: dict[str, Any] | None = None
    reasons: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    used: Used = field(default_factory=Used)
    is_incomplete: bool = False


def definition_of(given: Mapping[str, Any]) -> Definition:
    """Translate a job's definition."""
    made = Definition()
    kind = given.get("type")
    if kind == "job":
        _commands(given, made)
    elif kind == "pipeline":
        _pipeline(given, made)
    else:
        got = "has no type" if kind is None else f"is of the type {kind!r}"
        made.reasons.append(f"the definition {got}; expected job or pipeline")
    made.remarks += made.used.remarks
    if made.reasons:
        made.value = None
    return made


# Commands -----------------------------------------------------------------------------------------


def _commands(given: Mapping[str, Any], made: Definition) -> None:
    _unknown("definition", given, _COMMANDS, made)
    setup = _vectors(given, "setup_commands", made)
    commands = _vectors(given, "commands", made)
    teardown = _vectors(given, "teardown_commands", made)
    if setup:
        made.remarks.append(
            "setup_commands come first among the commands: when one fails, the run ends as failed, "
            "there as exception; and what was teardown_commands is executed as well"
        )
    if teardown:
        made.remarks.append(
            "teardown_commands are under 'finally': all of them are executed, also after an abort, "
            "and one that fails makes the run failed, there an exception"
        )
    if not setup and not commands:
        commands = [["true"]]
        made.remarks.append("there were no commands; `true` stands in, because a job has at least one")
    if made.used.settings:
        names = " ".join(f"--property {name}=VALUE" for name in made.used.settings)
        made.remarks.append(
            f"uses environment.json of the worker's machine: start workers with {names}; without it the run says so"
        )
    made.value = {
        "type": "commands",
        "commands": setup + commands,
        "finally": teardown,
        "environment": _environment(made.used),
    }


def _environment(used: Used) -> dict[str, str]:
    """Variables by which commands reach the worker's properties; what can be no variable is reached directly."""
    variables = {name: f"{{worker.properties.{name}}}" for name in used.settings if VARIABLE.fullmatch(name)}
    return {**({BRACE: "{"} if used.needs_brace else {}), **variables}


def _vectors(given: Mapping[str, Any], key: str, made: Definition) -> list[list[str]]:
    value = given.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        made.reasons.append(f"{key}: expected a list of commands")
        return []
    return [_vector(command, f"{key}[{index}]", made) for index, command in enumerate(value)]


def _vector(command: Any, place: str, made: Definition) -> list[str]:
    if not isinstance(command, list) or not command:
        made.reasons.append(f"{place}: expected a list of at least one argument")
        return []
    return [text for index, one in enumerate(command) for text in _argument(one, f"{place}[{index}]", made, Context())]


def _argument(given: Any, place: str, made: Definition, context: Context) -> Iterator[str]:
    if not isinstance(given, str):
        made.reasons.append(f"{place}: expected a text")
        return
    try:
        yield translate(given, made.used, context)
    except NoEqualError as error:
        made.reasons.append(f"{place}: {error}")


# Pipelines ----------------------------------------------------------------------------------------


def _pipeline(given: Mapping[str, Any], made: Definition) -> None:
    _unknown("definition", given, _PIPELINE, made)
    for key in ("setup_commands", "teardown_commands"):
        if given.get(key):
            made.is_incomplete = True
            made.remarks.append(
                f"{key} of a pipeline are left out, and the job is disabled: make a job of them, and an element of it"
            )
    elements = given.get("elements")
    if not isinstance(elements, list):
        made.reasons.append("elements: expected a list")
        return
    made.value = {
        "type": "pipeline",
        "elements": [_element(one, f"elements[{index}]", made) for index, one in enumerate(elements)],
    }
    if made.used.has_results:
        made.is_incomplete = True
        made.remarks.append("its elements use results of the pipeline's own commands; the job is disabled")
    if made.used.settings:
        made.is_incomplete = True
        made.remarks.append(
            "its elements use environment.json of a machine, which no pipeline has; the job is disabled"
        )


def _element(given: Any, place: str, made: Definition) -> dict[str, Any]:
    if not isinstance(given, dict):
        made.reasons.append(f"{place}: expected a mapping")
        return {}
    _unknown(place, given, _ELEMENT, made)
    element = {key: given[key] for key in ("identifier", "project", "job") if given.get(key) is not None}
    parameters = given.get("parameters") or {}
    if not isinstance(parameters, dict):
        made.reasons.append(f"{place}.parameters: expected a mapping")
        parameters = {}
    context = Context(has_result_file=False)
    element["parameters"] = {
        key: text
        for key, one in parameters.items()
        for text in _argument(one, f"{place}.parameters.{key}", made, context)
    }
    after = given.get("after") or []
    if not isinstance(after, list) or not all(isinstance(one, dict) for one in after):
        made.reasons.append(f"{place}.after: expected a list of mappings")
        after = []
    for index, condition in enumerate(after):
        _unknown(f"{place}.after[{index}]", condition, _CONDITION, made)
    element["after"] = [{key: one[key] for key in _CONDITION if key in one} for one in after]
    return element


def _unknown(place: str, given: Mapping[str, Any], known: tuple[str, ...], made: Definition) -> None:
    made.remarks += [
        f"{place}: the key {key!r} has no meaning here and is left out" for key in given if key not in known
    ]
