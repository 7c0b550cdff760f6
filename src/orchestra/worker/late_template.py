"""What uses `{results.…}`: commands and patterns that can only be prepared when they are needed.

Imported by an executor at the moment when a run needs it, for the template brings regular
expressions and dataclasses along; everything else is prepared by the worker (`requests`).
"""

from __future__ import annotations

import json

from orchestra.domain.artifact import escape
from orchestra.domain.template import BadTemplateError, fill, prepare, prepare_environment
from orchestra.worker.process import CannotStart
from orchestra.worker.record import read_results

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def prepare_late(
    command: dict[str, Any], values: dict[str, Any], results_path: str, results_limit: int
) -> tuple[list[str], dict[str, str]]:
    """Argument vector and extra variables of a requested command; raises `CannotStart` with `bad_template`.

    `values` are the roots that the worker knew; the results are what the file holds now.
    """
    text, problem = read_results(results_path, results_limit)
    if problem is not None:
        raise CannotStart("bad_template", problem)
    try:
        whole = {**values, "results": {} if text is None else json.loads(text)}
        prepared = prepare(command["run"], whole)
        variables = prepare_environment(command.get("variables") or {}, whole)
    except BadTemplateError as error:
        raise CannotStart("bad_template", str(error)) from None
    return list(prepared.argv), {**variables, **prepared.environment}


def late_patterns(patterns: list[str], values: dict[str, Any], results: str | None) -> tuple[list[str], list[str]]:
    """Patterns of artifacts that name results, and what is wrong with those that cannot be made; `results` is JSON."""
    made: list[str] = []
    problems: list[str] = []
    known = {**values, "results": {} if results is None else json.loads(results)}
    for one in patterns:
        try:
            made.append(fill(one, known, escape))
        except BadTemplateError as error:
            problems.append(str(error))
    return made, problems
