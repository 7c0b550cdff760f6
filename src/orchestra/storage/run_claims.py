"""Claims: a plan of placement becomes assignments, one by one, where everything still holds.

The plan was made from a snapshot that may be a moment old. Inside the writing transaction it is
checked again: the run is pending under the planned epoch and nobody wishes to stop it, its job is
enabled, the worker is enabled, connected and has a free slot, the concurrency group has room. What no longer
holds is a lost race and a normal result: the run stays pending.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, select

from orchestra.domain.placement import Assignment
from orchestra.domain.run import Assigned, Run, RunStatus
from orchestra.storage import schema
from orchestra.storage.run_queue import group_counts, group_limit
from orchestra.storage.run_rows import SHAPE, parts
from orchestra.storage.run_status import Batch
from orchestra.storage.statements import ListStatement
from orchestra.storage.workers import free_slots

_RUN: Final = schema.run
_CANDIDATES: Final = ListStatement(
    lambda listed: (
        select(*SHAPE.columns, _RUN.c.concurrency_group, schema.job.c.is_enabled, schema.job_revision.c.policy)
        .join(schema.job, (schema.job.c.project == _RUN.c.project) & (schema.job.c.identifier == _RUN.c.job))
        .join(
            schema.job_revision,
            (schema.job_revision.c.project == _RUN.c.project)
            & (schema.job_revision.c.job == _RUN.c.job)
            & (schema.job_revision.c.revision == _RUN.c.job_revision),
        )
        .where(_RUN.c.identifier.in_(listed))
    )
)
_OF_RUN: Final = len(SHAPE.columns)

_CLAIMED: Final = select(*SHAPE.columns, _RUN.c.token_hash).where(
    _RUN.c.identifier.in_(bindparam("identifiers", expanding=True)), _RUN.c.status == RunStatus.ASSIGNED
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    run: Run
    group: tuple[str, str] | None
    limit: int
    is_job_enabled: bool


def claim(
    connection: Connection,
    assignments: Sequence[Assignment],
    now: datetime,
    token_hashes: Mapping[str, str] | None = None,
) -> list[Run]:
    """Assign what of `assignments` still holds; return the runs that were assigned, in the given order.

    `token_hashes` gives by run the hash of the token that its commands will receive (`tokens.digest`).
    """
    candidates = _candidates(connection, [one.run for one in assignments])
    free = free_slots(connection, {one.worker for one in assignments})
    in_groups = any(one.group is not None for one in candidates.values())
    active = Counter(group_counts(connection) if in_groups else {})
    batch = Batch({one.run.identifier: one.run for one in candidates.values()}, now)
    won: list[Run] = []
    for assignment in assignments:
        one = candidates.get(assignment.run)
        if one is None or not _holds(one, assignment) or free.get(assignment.worker, 0) < 1:
            continue
        if one.group is not None and active[one.group] >= one.limit:
            continue
        fact = Assigned(worker=assignment.worker, worker_properties=assignment.worker_properties)
        after = batch.apply(assignment.run, fact, token_hash=(token_hashes or {}).get(assignment.run))
        if isinstance(after, Run):
            won.append(after)
            free[assignment.worker] -= 1
            active.update([one.group] if one.group is not None else [])
    batch.write(connection)
    return won


def claimed_with(connection: Connection, token_hashes: Mapping[str, str]) -> list[Run]:
    """Return the runs that are assigned by exactly the claim that gave them these tokens, for a claim whose commit
    was not confirmed: the tokens are random, so nobody else's assignment is taken for it."""
    found: list[Run] = []
    for part in parts(token_hashes):
        for row in connection.execute(_CLAIMED, {"identifiers": part}):
            if row.token_hash == token_hashes[row.identifier]:
                found.append(SHAPE.make(row))
    return found


def _holds(one: _Candidate, assignment: Assignment) -> bool:
    run = one.run
    return run.epoch == assignment.epoch and one.is_job_enabled and not run.should_cancel and not run.should_abort


def _candidates(connection: Connection, identifiers: Sequence[str]) -> dict[str, _Candidate]:
    found: dict[str, _Candidate] = {}
    for row in _CANDIDATES.all(connection, identifiers):
        run = SHAPE.make(row)
        group, is_enabled, policy = row[_OF_RUN:]
        found[run.identifier] = _Candidate(
            run, None if group is None else (run.project, group), group_limit(policy), is_enabled
        )
    return found
