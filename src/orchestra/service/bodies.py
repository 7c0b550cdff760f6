"""Bodies that the domain checks: which operation takes which, and their schemas for the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final

INPUTS: Final[Mapping[str, str]] = {
    "putProject": "ProjectInput",
    "changeProject": "ProjectChange",
    "putJob": "JobInput",
    "changeJob": "JobChange",
    "putSchedule": "ScheduleInput",
    "changeSchedule": "ScheduleChange",
}
"""Operation → the name of its body's schema."""


def schema_of(name: str) -> dict[str, Any]:
    """Return the schema of a body; of a change nothing is required."""
    return {"type": "object", "description": name}
