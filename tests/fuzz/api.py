"""Fuzzing of the whole API, made from its OpenAPI document by schemathesis, as one of several users.

All checks are on: no server error, status, media type, headers and schema as described, wrong requests
refused, right ones accepted, authentication enforced, deleted things gone. Streams are read for a moment,
then left.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.openapi.checks import RejectedPositiveData, UseAfterFree

from fuzz.world import FUZZING, admit
from integration.service.rig import Rig

REQUEST_S: Final = 20.0
STREAMS: Final = ("streamEvents", "streamLog")
STREAM_S: Final = 0.3
"""How long a stream is read that does not end."""
ACCEPTED: Final = ("2xx", "3xx", 401, 403, 404, 409, 429)
REFUSED: Final = (400, 401, 403, 404, 405, 409, 415, 422, 429)
MEANING: Final = re.compile(
    "|".join(
        (
            r"cursor: (.*(not one that this server has given|belongs to the order)|a cursor goes on with a query)",
            r"order: expected one of [a-z_]+, -",
            r"topic: expected one of runs, ",
            r"q: ",
            r".*: (contains )?the character U\+",
            r".*: not readable as YAML or JSON",
            r"source: expected a name",
            r".*: expected an integer.* got a number",
            r".*: the elements wait in a circle",
            r".*: expected a whole number .* got the number -?\d+\.0$",
            r".*: expected an integer of at most 64 bits",
            r".*: expected a (duration|size)",
            r".*: only who has the permission",
            r".*: a second .* is named",
            r".*: two parameters have the key",
            r"files: .* stands twice",
            r"parameters\[\d+\]\.(choices|default|pattern)",
            r"expression: expected ",
            r"after: expected a date in the years ",
            r"time_zone: ",
            r"expiration_date: expected a date (to come|at most 366 days)",
            r"roles\[\d+\]: expected ",
            r"(current_)?password: ",
            r"If-Match: expected \* or entity tags in double quotes, got '0'",
            r"Idempotency-Key: the key was used with another body",
            r": expected (either |the key 'projects')",
            r".*: unknown [a-z ]+['\"{]",
            r": and \d+ more problems",
        )
    ),
    re.DOTALL,
)
"""What is wrong by its meaning: no JSON Schema can say it, so such a request fits the document and is still refused."""


@dataclass
class Findings:
    """What one user's requests found: how many cases, how they were answered, and what is wrong."""

    user: str
    cases: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    failures: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """(operation, check, what) → how to do it again."""
    errors: list[str] = field(default_factory=list)
    """What the fuzzer could not do."""

    def report(self) -> str:
        """All that is wrong, for people."""
        return "\n\n".join(f"{': '.join(what)}\n{how}" for what, how in sorted(self.failures.items()))

    def add(self, recorder: ScenarioRecorder) -> None:
        """Count the cases of a scenario, and keep what failed."""
        self.cases += len(recorder.interactions)
        for interaction in recorder.interactions.values():
            if interaction.response is not None:
                self.answers[interaction.response.status_code] += 1
        for case, checks in recorder.checks.items():
            for check in checks:
                self.checks[check.name] += 1
                if check.status is not Status.SUCCESS and check.failure_info is not None:
                    failure: Failure = check.failure_info.failure
                    what = (str(failure.operation or recorder.label), check.name, failure.title)
                    answer = recorder.interactions[failure.case_id or case].response
                    seen = f"{answer.status_code} {answer.content[:600]!r}" if answer is not None else "no answer"
                    self.failures.setdefault(
                        what, f"{failure.message}\n{check.failure_info.code_sample[:2000]}\n→ {seen}"
                    )


def fuzz(
    rig: Rig,
    user: str | None,
    *,
    seed: int,
    examples: int,
    seconds: int | None = None,
    phases: dict[str, Any] | None = None,
) -> Findings:
    """Send at most `examples` generated requests of each kind to each operation, beside those that the document
    itself makes; as `user`, or as nobody. `phases` are schemathesis' own settings."""
    document = _without_pairs(rig.api.get("/api/v1/openapi.json").raise_for_status().json())
    token = None if user is None else admit(rig, user)
    schema = schemathesis.openapi.from_dict(
        document, config=_configuration(rig, token, seed, examples, seconds, phases or {})
    )
    schema.hook("filter_failure")(_is_a_finding)
    if user is not None:

        def after_call(context: Any, case: Any, response: Any) -> None:
            """A request that was allowed has ended the token, or disabled its user: that is no reason to stop."""
            is_ended = response.status_code == 401 or (
                response.status_code == 403 and b" is disabled" in response.content
            )
            if is_ended and response.request.headers.get("Authorization") == f"Bearer {token}":
                admit(rig, user)

        schema.hook(after_call)
    found = Findings(user or "anonymous")
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            found.add(event.recorder)
        elif isinstance(event, events.NonFatalError):
            found.errors.append(f"{event.label}: {event.value!r}")
        elif isinstance(event, events.FatalError):
            found.errors.append(f"stopped: {event.exception!r}")
    return found


def _is_a_finding(context: Any, failure: Failure, case: Any, response: Any) -> bool:
    """Whether a failure counts: a request that fits the schema may be wrong by its meaning."""
    if isinstance(failure, UseAfterFree) and response.json().get("description") == FUZZING:
        # The token that asks: it was made anew, so that the others go on.
        return False
    if not isinstance(failure, RejectedPositiveData) or response.status_code not in (400, 422):
        return True
    problems = response.json().get("errors", [])
    # What is wrong inside a file that was sent as text is wrong by its meaning, always.
    return not problems or not all(
        "file" in one or MEANING.match(f"{one['path']}: {one['message']}") for one in problems
    )


def _without_pairs(value: Any) -> Any:
    """The document with lists where it has pairs: schemathesis 4.32 writes `prefixItems` anew in the form of an older
    draft, and then refuses its own schema."""
    if isinstance(value, dict):
        found = {key: _without_pairs(inner) for key, inner in value.items()}
        if isinstance(found.get("prefixItems"), list):
            found["items"] = {"anyOf": found.pop("prefixItems")}
        return found
    return [_without_pairs(one) for one in value] if isinstance(value, list) else value


def _headers(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def _configuration(
    rig: Rig, token: str | None, seed: int, examples: int, seconds: int | None, phases: dict[str, Any]
) -> SchemathesisConfig:
    settings: dict[str, Any] = {
        "base-url": rig.url,
        "seed": seed,
        "headers": _headers(token),
        "request-timeout": REQUEST_S,
        "continue-on-failure": True,
        "generation": {"max-examples": examples, "database": "none"},
        "checks": {
            "enabled": True,
            "positive_data_acceptance": {"expected-statuses": [*ACCEPTED, 412, 416]},
            "negative_data_rejection": {"expected-statuses": [*REFUSED, 412, 413, 416]},
        },
        "operations": [{"include-operation-id": name, "request-timeout": STREAM_S} for name in STREAMS],
        "phases": phases,
        "cache": {"enabled": False},
    }
    if seconds is not None:
        settings["max-time"] = seconds
    return SchemathesisConfig.from_dict(settings)
