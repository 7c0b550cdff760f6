"""Policy of a job, as files and requests declare it: priority, concurrency, expiration, retry, lost workers.

Normal form: `{"priority": 0, "concurrency": null, "expiration": null, "retry": null,
"on_worker_lost": {"fail_after": 86400.0}, "retention": {}}`, and `exclusive` where it is given;
`job.policy` reads it as a typed value.
"""

import re
from typing import Any, Final

from orchestra.domain.job import PRIORITY_HIGHEST, PRIORITY_LOWEST
from orchestra.domain.lease import LONGEST_S as LEASE_LONGEST_S
from orchestra.domain.lease import SHORTEST_S as LEASE_SHORTEST_S
from orchestra.domain.run import CauseCode
from orchestra.domain.shapes import Anything, Choice, Duration, Either, Field, Flag, Items, Record, Text, Whole
from orchestra.domain.tree import Node, Report, expected, joined, kind

RETRY_CAUSES: Final = tuple(
    str(code)
    for code in (
        CauseCode.EXIT_CODE,
        CauseCode.SIGNAL,
        CauseCode.TIMEOUT,
        CauseCode.SILENCE_TIMEOUT,
        CauseCode.NO_SUCH_PROGRAM,
        CauseCode.WORKER_LOST,
        CauseCode.HOST_REBOOTED,
        CauseCode.EXECUTOR_LOST,
        CauseCode.LEASE_LAPSED,
        CauseCode.DISK_FULL,
        CauseCode.OUTPUT_LIMIT,
    )
)
"""Causes after which a run can be tried again; those that somebody wished for are not among them."""

_EXIT_CODE: Final = re.compile(r"[1-9][0-9]{0,2}")


def _check_cause(value: Any, node: Node, path: str, report: Report) -> None:
    text = node.written if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and (text in RETRY_CAUSES or (_EXIT_CODE.fullmatch(text) and int(text) < 256)):
        return
    says = expected("cause", text, RETRY_CAUSES) if isinstance(text, str) else f"expected a cause, got {kind(node)}"
    report.add(node, path, f"{says} (exit codes from 1 to 255 may stand here too)")


def _write_causes(values: list[Any], node: Node, path: str, report: Report) -> None:
    """Normal form: exit codes as text, like causes."""
    values[:] = [str(value) for value in values]


_CAUSE: Final = Anything(
    says="a cause or an exit code",
    schema={"anyOf": [{"enum": list(RETRY_CAUSES)}, {"type": "integer", "minimum": 1, "maximum": 255}]},
    also=_check_cause,
)

CONCURRENCY: Final = Record(
    fields=(
        Field(
            name="group",
            shape=Text(longest=256, shortest=1, says="the name of a group"),
            doc="Runs of all jobs of the project that name this group share it; may hold substitutions.",
            required=True,
        ),
        Field(
            name="limit",
            shape=Whole(least=1, most=10_000),
            doc="A run starts only while fewer runs of the group are assigned or running.",
            default=1,
        ),
        Field(
            name="overflow",
            shape=Choice(choices=("queue",), what="overflow"),
            doc="What becomes of a run beyond the limit: it waits.",
            default="queue",
        ),
    )
)

RETRY: Final = Record(
    fields=(
        Field(name="limit", shape=Whole(least=1, most=100), doc="How many new runs at most.", default=1),
        Field(
            name="on",
            shape=Items(of=_CAUSE, least=1, most=50, also=_write_causes),
            doc="Causes and exit codes after which a new run starts; by default all of these causes.",
            default=list(RETRY_CAUSES),
        ),
        Field(name="delay", shape=Duration(), doc="How long the new run waits before it may start.", default=0.0),
    )
)

_FAIL_AFTER: Final = Record(
    fields=(
        Field(
            name="fail_after",
            shape=Duration(),
            doc="How long a worker may stay away until its runs end as exception, worker_lost.",
            required=True,
        ),
    )
)

_LEASE: Final = Record(
    fields=(
        Field(
            name="lease",
            shape=Duration(least=LEASE_SHORTEST_S, most=LEASE_LONGEST_S),
            doc="How long a run goes on without the server's word that its worker is in contact.",
            required=True,
        ),
    )
)


def _check_policy(value: dict[str, Any], node: Node, path: str, report: Report) -> None:
    concurrency = value.get("concurrency")
    if value.get("exclusive") and concurrency is not None and concurrency["limit"] > 1:
        report.add_key(
            node,
            "exclusive",
            joined(path, "exclusive"),
            f"runs of an exclusive job never overlap: expected a limit of 1, got {concurrency['limit']}",
        )


POLICY: Final = Record(
    fields=(
        Field(
            name="priority",
            shape=Whole(least=PRIORITY_LOWEST, most=PRIORITY_HIGHEST),
            doc="Higher starts first.",
            default=0,
        ),
        Field(name="concurrency", shape=CONCURRENCY, doc="Limits how many runs of a group run at once."),
        Field(
            name="expiration",
            shape=Duration(least=1.0),
            doc="A run that is pending for so long is cancelled with the cause expired.",
        ),
        Field(name="retry", shape=RETRY, doc="When a new run starts after one that did not succeed."),
        Field(
            name="on_worker_lost",
            shape=Either(
                shapes=(Choice(choices=("wait",), what="choice"), _FAIL_AFTER), says="wait or {fail_after: DURATION}"
            ),
            doc="What happens to a run whose worker stays away: wait for ever, or fail after a time.",
            default={"fail_after": 86_400.0},
        ),
        Field(
            name="exclusive",
            shape=Either(shapes=(Flag(), _LEASE), says="true, false or {lease: DURATION}"),
            doc="One run of the job at a time, whatever happens: a run without contact to the server ends by itself "
            "after the lease (60s), before another may start.",
            is_sparse=True,
        ),
        Field(name="retention", shape=Record(fields=()), doc="Takes no keys yet.", default={}),
    ),
    also=_check_policy,
)

DEFAULT: Final[dict[str, Any]] = {field.name: field.default for field in POLICY.fields if not field.is_sparse}
