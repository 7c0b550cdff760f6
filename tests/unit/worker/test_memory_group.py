"""Where a cgroup with a memory limit can be made: by what the kernel's files say, of both versions."""

from __future__ import annotations

from pathlib import Path

from orchestra.worker.memory_group import MemoryGroup, find_parent


def tree(root: Path, own: str, files: dict[str, str]) -> tuple[str, str]:
    """Files as the kernel would show them; the folder of cgroups and the list of our own."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "own").write_text(own)
    return str(root), str(root / "own")


def test_version_1_has_a_hierarchy_of_its_own_for_memory(tmp_path: Path) -> None:
    found = find_parent(*tree(tmp_path, "4:memory:/a/b\n0::/\n", {"memory/a/b/memory.limit_in_bytes": "9"}))
    assert found is not None
    assert (found.path, found.version) == (f"{tmp_path}/memory/a/b", 1)


def test_inside_of_a_container_version_1_begins_at_our_own_group(tmp_path: Path) -> None:
    found = find_parent(*tree(tmp_path, "4:memory:/docker/abc\n", {"memory/memory.limit_in_bytes": "9"}))
    assert found is not None
    assert found.path == f"{tmp_path}/memory"


def test_version_2_needs_memory_delegated_to_children(tmp_path: Path) -> None:
    delegated = {"unit/cgroup.subtree_control": "cpu memory\n"}
    found = find_parent(*tree(tmp_path / "a", "0::/unit\n", delegated))
    assert found is not None
    assert (found.path, found.version) == (f"{tmp_path}/a/unit", 2)
    assert find_parent(*tree(tmp_path / "b", "0::/unit\n", {"unit/cgroup.subtree_control": "cpu\n"})) is None


def test_the_delegated_unit_above_us_serves_too(tmp_path: Path) -> None:
    unit = "system.slice/orchestra-worker.service"
    files = {f"{unit}/cgroup.controllers": "cpu memory", f"{unit}/cgroup.subtree_control": "", f"{unit}/worker/x": ""}
    found = find_parent(*tree(tmp_path, f"0::/{unit}/worker\n", files))
    assert found is not None
    assert found.path == f"{tmp_path}/{unit}"
    (tmp_path / unit / "orchestra-7").mkdir()
    (tmp_path / unit / "orchestra-7" / "memory.max").write_text("")
    MemoryGroup(found, 1 << 20, 7)
    assert (tmp_path / unit / "cgroup.subtree_control").read_text() == "+memory"


def test_without_cgroups_there_is_none(tmp_path: Path) -> None:
    assert find_parent(str(tmp_path), str(tmp_path / "missing")) is None
    assert find_parent(*tree(tmp_path, "0::/\n", {})) is None


def test_a_kill_for_want_of_memory_is_told_once(tmp_path: Path) -> None:
    root, own = tree(tmp_path, "0::/unit\n", {"unit/cgroup.subtree_control": "memory\n"})
    group_path = tmp_path / "unit" / "orchestra-7"
    for name in ("memory.max", "memory.swap.max", "cgroup.procs"):
        group_path.mkdir(exist_ok=True)
        (group_path / name).write_text("")
    (group_path / "memory.events").write_text("oom 0\noom_kill 0\n")
    parent = find_parent(root, own)
    assert parent is not None
    group = MemoryGroup(parent, 1 << 20, 7)
    assert (group_path / "memory.max").read_text() == "1048576"
    assert not group.has_killed()
    (group_path / "memory.events").write_text("oom 2\noom_kill 1\n")
    assert group.has_killed()
    assert not group.has_killed()
