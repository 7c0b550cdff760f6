"""Commands that use `{results.…}`: they can only be prepared when they start.

Imported by an executor at the moment when a run needs it, for the template brings regular
expressions and dataclasses along; everything else is prepared by the worker (`requests`).
"""

from __future__ import annotations

import json

from orchestra.domain.template import BadTemplateError, prepare, prepare_environment
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
