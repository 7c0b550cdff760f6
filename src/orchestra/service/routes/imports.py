"""Import of other systems' exports: the content of the files, translated, reported, and stored as one."""

import asyncio
from typing import Annotated, Final

import msgspec
from litestar import post
from litestar.params import JSONBody

from orchestra.domain.access import Permission
from orchestra.domain.errors import InvalidContent, Problem
from orchestra.domain.job_orchestra.exported import Export, Table
from orchestra.domain.job_orchestra.plan import Action, Plan
from orchestra.domain.job_orchestra.reading import read
from orchestra.domain.job_orchestra.translation import Support
from orchestra.service.authorization import needs
from orchestra.service.entities import Entity
from orchestra.service.parts import IMPORT_BODY_BYTES
from orchestra.service.request import ApiRequest
from orchestra.service.sign_in import check_fresh
from orchestra.storage import hints, imports

FILES: Final = 100


class ImportFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of an export: `user.json` and so on, and its text."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    content: str


class JobOrchestraImport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files of an export of Job Orchestra.

    Runs may come in several requests, oldest first; each of these also holds `project.json` and `job.json`.
    """

    files: Annotated[list[ImportFile], msgspec.Meta(min_length=1, max_length=FILES)]
    dry_run: bool = False


class ImportItem(Entity, frozen=True):
    """What became of one record. `reasons` say what is not taken over, what differs, or why nothing was stored."""

    table: Table
    path: str
    support: Support
    action: Action
    reasons: list[str]


class ImportCounts(Entity, frozen=True):
    """How many records of a table: by how much of them is taken over, and by what the import does with them."""

    full: int
    partial: int
    not_supported: int
    create: int
    unchanged: int
    conflict: int


class ImportReport(Entity, frozen=True):
    """`items` in the order of the tables; `missing` are tables without a file, `notes` hold for all of the import."""

    dry_run: bool
    items: list[ImportItem]
    counts: dict[Table, ImportCounts]
    missing: list[Table]
    notes: list[str]


@post(
    "/import/job-orchestra",
    operation_id="importJobOrchestra",
    tags=["configuration"],
    opt=needs(Permission.CONFIGURATION_APPLY),
    status_code=200,
    request_max_body_size=IMPORT_BODY_BYTES,
)
async def import_job_orchestra(request: ApiRequest, data: JSONBody[JobOrchestraImport]) -> ImportReport:
    """Import files of a Job Orchestra export; answer what became of each record.

    What is here stays as it is: existing objects that differ are reported as conflicts, and a second import
    changes nothing. With `dry_run` the answer is the same, and nothing is stored. 422 names every problem of
    all files, with file and line or place.
    """
    parts = request.parts
    if not data.dry_run and (refusal := check_fresh(request)) is not None:
        raise refusal
    export = await _export(data)
    if data.dry_run:
        return _show(await parts.database.read(lambda rows: imports.plan_of(rows, export)), dry_run=True)
    now, actor = parts.clock.now(), request.principal.user
    done = await parts.database.write(lambda rows: imports.carry_out(rows, export, now, actor=actor))
    parts.hints.publish(hints.EVENT)
    return _show(done, dry_run=False)


async def _export(data: JobOrchestraImport) -> Export:
    names = [file.name for file in data.files]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        problems = tuple(Problem("files", f"{name} stands twice") for name in twice)
        raise InvalidContent("the import does not fit", problems)
    # Off the event loop: a history of thousands of runs takes seconds.
    return await asyncio.to_thread(read, {file.name: file.content for file in data.files})


def _show(plan: Plan, *, dry_run: bool) -> ImportReport:
    return ImportReport(
        dry_run=dry_run,
        items=[
            ImportItem(
                table=one.table,
                path=one.path,
                support=one.support,
                action=one.action,
                reasons=list(one.reasons),
            )
            for one in plan.items
        ],
        counts={table: msgspec.convert(counts, ImportCounts) for table, counts in plan.counts().items()},
        missing=list(plan.missing),
        notes=list(plan.notes),
    )


HANDLERS = [import_job_orchestra]
