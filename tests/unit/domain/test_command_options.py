"""What a job may say of how its commands are executed: checked when it is applied, all problems at once."""

from __future__ import annotations

from typing import Any

import pytest

from orchestra.cli.sparse import sparse_definition
from orchestra.domain.errors import InvalidContent
from orchestra.domain.manifest import job_from


def definition(**fields: Any) -> dict[str, Any]:
    """The normal form of a definition with these fields."""
    whole = {"type": "commands", "commands": ["true"], **fields}
    return job_from({"definition": whole, "parameters": [{"key": "part"}]}, "web", "build").definition


def problems(**fields: Any) -> dict[str, str]:
    with pytest.raises(InvalidContent) as caught:
        definition(**fields)
    return {one.path: one.message for one in caught.value.problems}


def test_what_is_not_said_does_not_appear_so_that_jobs_of_an_older_release_do_not_change() -> None:
    assert set(definition()) == {
        "type", "commands", "finally", "environment", "workspace", "timeout", "silence_timeout", "grace", "artifacts",
    }  # fmt: skip
    assert set(definition()["commands"][0]) == {"name", "run", "timeout"}


OPTIONS: dict[str, Any] = {
    "output_limit": {"size": "2GiB", "action": "fail"},
    "directory": "source/{parameters.part}",
    "memory_limit": "512MiB",
    "user": "build",
    "terminal": True,
    "container": {"image": "python:{parameters.part}", "options": ["--network=none"], "engine": "podman"},
    "commands": [{"run": "make", "directory": "docs", "environment": {"A": "{parameters.part}", "B": "1"}}],
}


def test_normal_forms_are_complete_and_read_again_as_they_are() -> None:
    normal = definition(**OPTIONS)
    assert normal["output_limit"] == {"size": 2 << 30, "action": "fail"}
    assert normal["commands"][0]["environment"] == {"A": "{parameters.part}", "B": "1"}
    assert definition(**normal) == normal
    assert definition(output_limit={"size": 5})["output_limit"] == {"size": 5, "action": "cut"}


def test_what_is_exported_reads_as_what_it_was() -> None:
    normal = definition(**OPTIONS)
    sparse = sparse_definition(normal)
    assert sparse["output_limit"] == {"size": "2GiB", "action": "fail"}
    assert definition(**sparse) == normal


def test_all_problems_are_told_at_once() -> None:
    found = problems(
        output_limit={"size": "much", "action": "stop"},
        directory="/etc",
        memory_limit=5,
        nice=-1,
        user="../root",
        terminal="yes",
        commands=[{"run": "x", "directory": "a/../..", "environment": {"ORCHESTRA_RUN": "1", "A": "{parameters.x}"}}],
    )
    at = "definition."
    assert "a size such as 500MB" in found[f"{at}output_limit.size"]
    assert "cut, fail" in found[f"{at}output_limit.action"]
    assert "below the workspace" in found[f"{at}directory"]
    assert "below the workspace" in found[f"{at}commands[0].directory"]
    assert "a size from 1MiB" in found[f"{at}memory_limit"]
    assert "a whole number from 0 to 19" in found[f"{at}nice"]
    assert "the name of an OS user" in found[f"{at}user"]
    assert "true or false" in found[f"{at}terminal"]
    assert "given by Orchestra" in found[f"{at}commands[0].environment.ORCHESTRA_RUN"]
    assert "unknown name" in found[f"{at}commands[0].environment.A"]


def test_nice_and_a_container_do_not_go_together() -> None:
    assert definition(nice=10)["nice"] == 10
    assert "no effect on containers" in problems(nice=10, container={"image": "x"})["definition.nice"]


def test_a_container_needs_an_image_and_an_engine_that_is_known() -> None:
    found = problems(container={"engine": "lxc", "options": ["{parameters.x}"]})
    assert "missing" in found["definition.container.image"]
    assert "podman" in found["definition.container.engine"]
    assert "unknown name" in found["definition.container.options[0]"]
    assert definition(container={"image": "x"})["container"] == {"image": "x", "options": [], "engine": "auto"}


def test_a_limit_above_what_a_log_may_have_is_refused() -> None:
    assert "from 1 to 10GiB" in problems(output_limit={"size": "11GiB"})["definition.output_limit.size"]
