"""What an export leaves out follows by itself: reading it gives the same normal form again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestra.cli.sparse import sparse_job, sparse_project, sparse_schedule
from orchestra.cli.yaml_text import yaml_text
from orchestra.client.entities import Job, Project, Schedule
from orchestra.documents import Document, manifest_of, read
from orchestra.domain.entries import JobEntry
from orchestra.domain.manifest import job_from, schedule_from
from orchestra.domain.tree import Report, plain

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

FULL = {
    "display_name": "Build",
    "description": "Builds\nand tests",
    "group": "ci/nightly",
    "parameters": [
        {"key": "branch", "description": "Which", "default": "main", "pattern": r"[\w./-]+"},
        {"key": "count", "type": "integer", "is_required": True},
        {"key": "level", "type": "choice", "choices": ["low", "high"], "default": "low"},
        {"key": "deep", "type": "boolean", "default": False},
    ],
    "properties": {"os": "linux", "python": ">=3.11", "cores": [4, 8]},
    "policy": {
        "priority": 10,
        "on_worker_lost": {"fail_after": "2h"},
        "concurrency": {"group": "build-{parameters.branch}", "limit": 1, "overflow": "queue"},
        "expiration": "1d",
        "retry": {"limit": 2, "on": ["worker_lost"], "delay": "30s"},
    },
    "definition": {
        "type": "commands",
        "environment": {"CI": "true", "N": "010"},
        "workspace": "clean",
        "timeout": "30m",
        "silence_timeout": "10m",
        "grace": "5s",
        "commands": [
            "git clone source",
            ["python3", "-m", "pytest", "3.10", ""],
            {"name": "report", "run": "./report.sh", "timeout": "5m"},
            {"name": "own name", "run": "true"},
            {"run": "set -e\n\necho '\t tab' # trailing \n"},
        ],
        "finally": ["rm -rf source"],
        "artifacts": ["source/dist/**"],
    },
}

PIPELINE = {
    "definition": {
        "type": "pipeline",
        "elements": [
            {"identifier": "a", "job": "build"},
            {"identifier": "b", "job": "test", "after": [{"element": "a", "status": ["failed", "succeeded"]}]},
            {"identifier": "c", "job": "test", "matrix": {"os": ["linux", "macos"]}, "approval": {"message": "sure?"}},
        ],
    }
}


def a_job(content: dict[str, Any]) -> tuple[JobEntry, Job]:
    """The job that a file says, and the same as the API shows it."""
    entry = job_from(content, "core", "build")
    shown = {
        **{name: getattr(entry, name) for name in ("display_name", "description", "group", "definition", "properties")},
        "parameters": msgspec.to_builtins(entry.parameters),
        "policy": entry.policy,
        "project": "core",
        "identifier": "build",
        "revision": 1,
        "is_enabled": True,
        "managed_by": "api",
        "creation_date": NOW,
        "update_date": NOW,
    }
    return entry, msgspec.convert(shown, Job)


@pytest.mark.parametrize(
    "content",
    [FULL, PIPELINE, {"definition": {"type": "commands", "commands": ["true"]}}],
    ids=["full", "pipeline", "smallest"],
)
def test_a_sparse_job_is_the_same_job(content: dict[str, Any]) -> None:
    entry, job = a_job(content)
    assert job_from(sparse_job(job), "core", "build") == entry


def test_what_has_its_default_is_left_out() -> None:
    _, job = a_job({"definition": {"type": "commands", "commands": ["true", ["echo", "a"]]}})
    assert sparse_job(job) == {"definition": {"type": "commands", "commands": ["true", ["echo", "a"]]}}


def test_what_was_written_as_a_duration_is_one_again() -> None:
    _, job = a_job(FULL)
    sparse = sparse_job(job)
    assert sparse["definition"]["timeout"] == "30m"
    assert sparse["policy"]["expiration"] == "1d"
    assert sparse["policy"]["retry"]["delay"] == "30s"


def test_a_disabled_job_stays_disabled_and_an_enabled_one_is_not_managed() -> None:
    _, job = a_job(FULL)
    assert "is_enabled" not in sparse_job(job)
    assert sparse_job(msgspec.structs.replace(job, is_enabled=False))["is_enabled"] is False


def test_a_sparse_schedule_is_the_same_schedule() -> None:
    content = {"job": "build", "expression": "30 2 * * *", "time_zone": "Europe/Paris", "jitter": "5m"}
    jobs = {"build": ()}
    entry = schedule_from(content, "core", "nightly", jobs=jobs, zones=lambda: {"Europe/Paris"})
    shown = {
        **{name: getattr(entry, name) for name in ("display_name", "job", "parameters", "expression", "time_zone")},
        **{name: getattr(entry, name) for name in ("overlap", "misfire")},
        "misfire_window": entry.misfire_window_s,
        "jitter": entry.jitter_s,
        "last_run": None,
        "next_fire": None,
        "project": "core",
        "identifier": "nightly",
        "is_enabled": True,
        "managed_by": "api",
        "creation_date": NOW,
        "update_date": NOW,
    }
    sparse = sparse_schedule(msgspec.convert(shown, Schedule))
    assert sparse == content
    assert schedule_from(sparse, "core", "nightly", jobs=jobs, zones=lambda: {"Europe/Paris"}) == entry


def test_an_export_as_yaml_is_read_as_what_it_was() -> None:
    entry, job = a_job(FULL)
    project = Project(
        identifier="core",
        display_name="core",
        description="",
        services={"repository": {"url": "https://example.org", "depth": 1}},
        managed_by="api",
        creation_date=NOW,
        update_date=NOW,
    )
    text = yaml_text({"projects": {"core": {**sparse_project(project), "jobs": {"build": sparse_job(job)}}}})
    found = manifest_of([Document("export.yaml", text)])
    assert found.jobs == (entry,)
    assert found.projects[0].services == project.services
    assert "|-\n" in text or "|\n" in text, "programs keep their lines"


TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc")) | st.sampled_from("\n\t"), max_size=40)
TRICKY = st.sampled_from(
    ["true", "NULL", "~", "010", "0x1f", "1e5", ".5", "+1", "1_000", "2024-01-02", "1:30", "on", "yes", "=", "<<", ""]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS | TRICKY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS | TRICKY, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_yaml_is_read_back_as_it_was_written_by_us_and_by_others(value: Any) -> None:
    report = Report()
    (tree,) = read([Document("a.yaml", yaml_text({"value": value}))], report)
    report.raise_if_any("the file")
    assert plain(tree) == {"value": value}
    assert yaml.safe_load(yaml_text({"value": value})) == {"value": value}
