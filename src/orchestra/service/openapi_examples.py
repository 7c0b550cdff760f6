"""Examples for the OpenAPI document, made from the schemas themselves.

One small world stands behind all of them: the project `website` with its job `build`, the user `maya`,
the worker `worker-1`. A field's example is, in this order: what `_OF` says for its schema, what `_FIELDS`
says for its name if it fits the field's type, its default or first choice, else the plainest value of its
type. So a new entity has a complete example without a line here, and one with meaning by a line or two.
"""

from collections.abc import Mapping
from typing import Any, Final

RUN: Final = "0199d3a4-5b6c-7d8e-9f01-23456789abcd"
AUTHENTICATION: Final = "0199d3a4-0000-7000-8000-000000000001"
TOKEN: Final = "orcu_2x4Gk8Jq1Yw9Zr3Vb5Nc7M_…"
BEFORE, AFTER, LATER = (f"2026-01-31T{time}.000000Z" for time in ("11:58:00", "12:00:00", "12:00:41"))

DEFINITION: Final = {"type": "commands", "commands": ["make build BRANCH={parameters.branch}"]}
PARAMETERS: Final = {"branch": "main"}

_FIELDS: Final[Mapping[str, tuple[Any, ...]]] = {
    "project": ("website",),
    "job": ("build",),
    "schedule": ("nightly",),
    "worker": ("worker-1",),
    "nearest": ("worker-1",),
    "user": ("maya",),
    "owner": ("admin",),
    "actor": ("maya",),
    "creator": ("maya",),
    "run": (RUN,),
    "display_name": ("Website",),
    "description": ("Builds and tests one branch",),
    "note": ("in the rack by the window",),
    "group": ("ci",),
    "managed_by": ("api",),
    "services": ({"repository": {"type": "git", "url": "https://git.example.org/website.git"}},),
    "definition": (DEFINITION,),
    "parameters": (PARAMETERS, [{"key": "branch", "description": "Branch to build", "default": "main"}]),
    "properties": ({"os": "linux"},),
    "worker_properties": ({"os": "linux"},),
    "policy": ({"priority": 10},),
    "source": ({"type": "user", "user": "maya"}, "files"),
    "results": ({"tests": 128, "failed": 0},),
    "expression": ("30 2 * * *",),
    "time_zone": ("Europe/Paris",),
    "roles": (["Operator@website"],),
    "permissions": (["project.read", "run.read"],),
    "projects": ({"website": ["job.trigger"]},),
    "secret": (TOKEN,),
    "token": (TOKEN,),
    "code": ("exit_code", "V0x3kq9"),
    "password": ("correct horse battery staple",),
    "current_password": ("incorrect donkey battery pin",),
    "message": ("the command exited with 1",),
    "reason": ("retry",),
    "type": ("run.started",),
    "command": ("make build",),
    "commands": (["make build"],),
    "name": ("make build",),
    "version": ("1.0.0",),
    "verdict": ("matches",),
    "csrf_token": ("8f14e45fceea167a5a36dedd4bea2543",),
    "next_cursor": (None,),
    "number": (42,),
    "job_revision": (3,),
    "revision": (3,),
    "since": (2, BEFORE),
    "deadline": ("2026-02-01T11:58:00.000000Z",),
    "changed": (["definition"],),
    "priority": (0,),
    "concurrency": (4,),
    "misfire_window": (86400,),
    "jitter": (0,),
    "q": ("status:failed created:>-24h",),
    "ids": ([RUN],),
    "path": ("definition.commands[0]",),
    "client": ("Firefox on Linux",),
    "start_date": (AFTER,),
    "completion_date": (LATER,),
    "expiration_date": ("2026-05-01T12:00:00.000000Z",),
    "creation_date": (BEFORE,),
    "date": (AFTER,),
}
"""Field → values; the first that fits the field's type is its example."""

_FILE: Final = {"name": "website.yaml", "content": "projects: {website: {display_name: Website}}"}
_OF: Final[Mapping[str, Mapping[str, Any]]] = {
    "Project": {"identifier": "website", "description": "What customers see"},
    "Job": {"identifier": "build", "display_name": "Build"},
    "JobInput": {"display_name": "Build"},
    "Run": {"identifier": RUN, "status": "succeeded"},
    "RunInList": {"identifier": RUN, "status": "succeeded"},
    "RunSummary": {"identifier": RUN, "status": "succeeded"},
    "Cause": {"code": "succeeded", "message": "every command exited with 0"},
    "Schedule": {"identifier": "nightly", "display_name": "Nightly"},
    "ScheduleInput": {"display_name": "Nightly"},
    "Worker": {"identifier": "worker-1", "display_name": "The machine by the window"},
    "WorkerChange": {"display_name": "The machine by the window"},
    "User": {"identifier": "maya", "display_name": "Maya"},
    "UserInput": {"display_name": "Maya"},
    "UserChange": {"display_name": "Maya"},
    "MeUser": {"identifier": "maya", "display_name": "Maya"},
    "Authentication": {"identifier": AUTHENTICATION, "description": "continuous integration"},
    "NewToken": {"identifier": AUTHENTICATION, "description": "continuous integration"},
    "TokenInput": {"description": "continuous integration"},
    "SignIn": {"user": "maya", "password": "correct horse battery staple", "token": None, "code": None},
    "ConfigurationInput": {"files": [_FILE], "prune": False, "source": "files"},
    "JobOrchestraImport": {"files": [{"name": "project.json", "content": "[]"}], "dry_run": True},
    "Parameter": {"key": "branch", "description": "Branch to build", "default": "main"},
    "Change": {"action": "update", "kind": "job", "path": "website/build"},
    "FieldChange": {"path": "policy.priority", "old": 0, "new": 10},
    "Mismatch": {"property": "os", "wanted": "linux", "has": "darwin"},
}
"""Schema → fields whose example says more than their name's."""

_LEFT_OUT: Final[Mapping[str, tuple[str, ...]]] = {"TokenInput": ("expiration_date",)}
"""Schema → optional fields that an example had better not have: a date to come is past one day."""

_PLAIN: Final[Mapping[str, Any]] = {
    "string": "text",
    "integer": 1,
    "number": 1.0,
    "boolean": True,
    "null": None,
}
_DEPTH: Final = 8


def example(schema: Any, schemas: Mapping[str, Any]) -> Any:
    """Return an example that fits `schema`; `schemas` are the document's, by name."""
    return _Maker(schemas).make(schema, "", "", _DEPTH)


class _Maker:
    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas

    def make(self, schema: Any, owner: str, field: str, depth: int) -> Any:
        """An example of `schema`, which is the `field` of the schema named `owner`."""
        if not isinstance(schema, Mapping):
            return next(iter(_FIELDS.get(field, ("text",))))
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self.make(self._schemas[name], name, field, depth)
        if field and owner in _OF and field in _OF[owner]:
            return _OF[owner][field]
        for value in _FIELDS.get(field, ()):
            if self._fits(value, schema):
                return value
        if "default" in schema and "properties" not in schema:
            return schema["default"]
        if "enum" in schema or "const" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        for word in ("oneOf", "anyOf"):
            if word in schema:
                return self.make(schema[word][0], owner, field, depth)
        return self._of_type(schema, owner, field, depth)

    def _of_type(self, schema: Mapping[str, Any], owner: str, field: str, depth: int) -> Any:
        kind = schema.get("type")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object" or "properties" in schema:
            if depth == 0:
                return {}
            fields = schema.get("properties", {}).items()
            left_out = _LEFT_OUT.get(owner, ())
            return {name: self.make(inner, owner, name, depth - 1) for name, inner in fields if name not in left_out}
        if kind == "array":
            inner = schema.get("prefixItems") or [schema.get("items", {})] * max(1, schema.get("minItems", 1))
            return [] if depth == 0 or not inner[0] else [self.make(one, owner, "", depth - 1) for one in inner]
        if schema.get("format") == "date-time":
            return AFTER
        if kind in ("integer", "number"):
            return schema.get("minimum", _PLAIN[kind])
        return _PLAIN.get(str(kind), "text") if kind else next(iter(_FIELDS.get(field, ("text",))))

    def _fits(self, value: Any, schema: Mapping[str, Any]) -> bool:
        """Whether `value` may stand there: its type only, and the choices."""
        if "$ref" in schema:
            return self._fits(value, self._schemas[schema["$ref"].rpartition("/")[2]])
        for word in ("oneOf", "anyOf"):
            if word in schema:
                return any(self._fits(value, one) for one in schema[word])
        if "enum" in schema or "const" in schema:
            return value in schema.get("enum", [schema.get("const")])
        if "properties" in schema and schema.get("required"):
            return isinstance(value, dict) and set(schema["required"]) <= value.keys() <= set(schema["properties"])
        if isinstance(value, list) and value and "items" in schema:
            return schema.get("type") == "array" and all(self._fits(one, schema["items"]) for one in value)
        kinds = schema.get("type", [])
        return not kinds or any(_is(value, kind) for kind in (kinds if isinstance(kinds, list) else [kinds]))


_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "object": (dict,),
    "array": (list,),
}


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
