"""Differences: what distinguishes two JSON values, each with its path, for people to read.

    policy.retry.limit   1 → 2        definition.commands[2]   (nothing) → {…}        parameters.branch.default

Rules. Objects are compared key by key. Of two lists the equal beginning and the equal end are set aside;
what is left is compared one by one, and what one list has more is there or is not there: an insertion is
one difference, not a change of all that follows. Parameters of jobs are compared by their keys. None
stands for "not there", and for null. Nothing is told of values that are equal.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestra.domain.job import Parameter


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs, at `path`; None is "not there". An index counts in the list that has the value."""

    path: str
    before: Any
    after: Any


def differences(path: str, before: Any, after: Any) -> Iterator[Difference]:
    """Give what differs between two values that stand at `path` (empty: the whole)."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in (*before, *(key for key in after if key not in before)):
            yield from differences(f"{path}.{key}" if path else key, before.get(key), after.get(key))
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple):
        yield from _of_lists(path, before, after)
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield Difference(path, before, after)


def _of_lists(path: str, before: Sequence[Any], after: Sequence[Any]) -> Iterator[Difference]:
    shorter = min(len(before), len(after))
    start = 0
    while start < shorter and before[start] == after[start]:
        start += 1
    end = 0
    while end < shorter - start and before[-1 - end] == after[-1 - end]:
        end += 1
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    for index in range(max(len(old), len(new))):
        place = f"{path}[{start + index}]"
        if index >= len(old):
            yield Difference(place, None, new[index])
        elif index >= len(new):
            yield Difference(place, old[index], None)
        else:
            yield from differences(place, old[index], new[index])


def of_parameters(before: Sequence[Parameter], after: Sequence[Parameter]) -> Iterator[Difference]:
    """Give what differs between the parameters of a job; a new order of the same ones is one difference."""
    old, new = ({one.key: _as_json(one) for one in parameters} for parameters in (before, after))
    if old != new:
        yield from differences("parameters", old, new)
    elif list(old) != list(new):
        yield Difference("parameters", list(old), list(new))


def _as_json(parameter: Parameter) -> dict[str, Any]:
    """What a file would say of a parameter."""
    values = {
        "description": parameter.description,
        "type": str(parameter.type),
        "default": parameter.default,
        "is_required": parameter.is_required,
        "choices": list(parameter.choices),
        "pattern": parameter.pattern,
    }
    return {name: value for name, value in values.items() if value not in (None, "", [], False) or name == "type"}
