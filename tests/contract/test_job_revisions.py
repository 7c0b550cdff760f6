"""The history of jobs, on both databases: who, when, and what changed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from orchestra.documents import Document, manifest_of
from orchestra.domain.job import Parameter
from orchestra.storage import configuration, job_revisions, jobs, projects
from support.stored import T0, a_job, a_project, at

CHANGES: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"properties": {"os": "linux"}}, ("properties",)),
    ({"properties": {"os": "linux"}, "policy": {"priority": 1}}, ("policy",)),
    ({"parameters": (Parameter(key="x"),), "policy": {"priority": 2}}, ("parameters", "properties", "policy")),
    ({"definition": {"type": "commands", "commands": []}}, ("definition", "parameters", "policy")),
]


@pytest.fixture(autouse=True)
def history(connection: Connection) -> None:
    projects.save(connection, a_project(), T0)
    jobs.save(connection, a_job(), T0, actor="ada")
    for index, (fields, _) in enumerate(CHANGES, start=1):
        jobs.save(connection, a_job(**fields), at(index), actor=None if index == 2 else "bob")


def test_each_revision_tells_who_made_it_when_and_what_changed(connection: Connection) -> None:
    found = job_revisions.page(connection, ("web", "build")).items
    assert [one.revision for one in found] == [5, 4, 3, 2, 1]
    assert [one.changed for one in found] == [*(changed for _, changed in CHANGES[::-1]), ()]
    assert [one.creator for one in found] == ["bob", "bob", None, "bob", "ada"]
    assert [one.creation_date for one in found] == [at(4), at(3), at(2), at(1), T0]
    assert job_revisions.summary(connection, "web", "build", 3) == found[2]
    assert job_revisions.summary(connection, "web", "build", 6) is None


def test_the_history_comes_in_pages_and_both_ways(connection: Connection) -> None:
    first = job_revisions.page(connection, ("web", "build"), limit=2)
    rest = job_revisions.page(connection, ("web", "build"), None, first.next_cursor)
    assert [one.revision for one in (*first.items, *rest.items)] == [5, 4, 3, 2, 1]
    assert rest.items[0].changed == CHANGES[1][1], "the revision before it lies on another page"
    assert [one.revision for one in job_revisions.page(connection, ("web", "build"), "revision").items] == [
        1,
        2,
        3,
        4,
        5,
    ]


def test_the_history_outlives_the_job_and_goes_on_when_it_comes_back(connection: Connection) -> None:
    jobs.delete(connection, "web", "build", at(9))
    assert len(job_revisions.page(connection, ("web", "build")).items) == 5
    jobs.save(connection, a_job(), at(10), actor="eve")
    newest = job_revisions.page(connection, ("web", "build")).items[0]
    assert (newest.revision, newest.creator, newest.changed) == (6, "eve", ("definition",))


def test_what_does_not_decide_how_runs_go_is_no_revision(connection: Connection) -> None:
    jobs.save(connection, a_job(**CHANGES[-1][0], description="new", group="ci"), at(9))
    assert len(job_revisions.page(connection, ("web", "build")).items) == 5


def test_another_order_of_keys_is_no_change_also_beside_one(connection: Connection) -> None:
    jobs.save(connection, a_job("keys", properties={"os": "linux", "arch": "arm"}), T0)
    jobs.save(connection, a_job("keys", properties={"arch": "arm", "os": "linux"}, policy={"priority": 1}), at(1))
    assert job_revisions.page(connection, ("web", "keys")).items[0].changed == ("policy",)


def test_whoever_applies_files_is_the_creator_of_what_they_change(connection: Connection) -> None:
    text = "projects: {web: {jobs: {build: {definition: {type: commands, commands: [x]}}}}}"
    manifest = manifest_of([Document("f.yaml", text)])
    configuration.apply(connection, manifest, "files", at(20), prune=False, actor="carol")
    newest = job_revisions.page(connection, ("web", "build")).items[0]
    assert (newest.revision, newest.creator, newest.creation_date) == (6, "carol", at(20))
