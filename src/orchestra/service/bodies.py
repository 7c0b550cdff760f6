"""Bodies that the domain checks: which operation takes which, and their schemas for the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final

from orchestra.domain.entries import JOB, PROJECT, SCHEDULE
from orchestra.domain.shapes import Record, json_schema

INPUTS: Final[Mapping[str, str]] = {
    "putProject": "ProjectInput",
    "changeProject": "ProjectChange",
    "putJob": "JobInput",
    "changeJob": "JobChange",
    "putSchedule": "ScheduleInput",
    "changeSchedule": "ScheduleChange",
}
"""Operation → the name of its body's schema."""

_SHAPES: Final[Mapping[str, Record]] = {"Project": PROJECT, "Job": JOB, "Schedule": SCHEDULE}


def schema_of(name: str) -> dict[str, Any]:
    """Return the schema of a body; of a change nothing is required, and what is absent stays."""
    schema = json_schema(_SHAPES[name.removesuffix("Input").removesuffix("Change")])
    if name.endswith("Change"):
        schema.pop("required", None)
        for field in schema["properties"].values():
            field.pop("default", None)
    return schema
