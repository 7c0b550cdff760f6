"""Who a process is, where a program is found, what belongs to a tree."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestra.worker.process import CannotStart, Identity, Stat, boot_id, find_program, identify, inherited, is_alive
from orchestra.worker.tree import descendants, describe
from orchestra.worker.workspace import WorkspaceError, choose, empty, enter


def line(pid: int, name: str, state: str, parent: int, session: int = 1, start: int = 100) -> Stat:
    """A process as its line in /proc tells it."""
    rest = " ".join(["0"] * 15)
    return Stat(pid, f"{pid} ({name}) {state} {parent} {pid} {session} {rest} {start} 0 0\n".encode())


def test_a_stat_line_is_read_whatever_the_process_calls_itself() -> None:
    found = line(5, ") S 1 (evil) 99", "R", 4, session=3, start=777)
    assert (found.name, found.state, found.parent, found.session, found.start) == (") S 1 (evil) 99", "R", 4, 3, 777)


def test_an_identity_is_pid_start_and_boot() -> None:
    one = Identity(5, 77, "boot-1")
    assert Identity.parse(str(one)) == one
    assert one != Identity(5, 78, "boot-1")
    assert one != Identity(5, 77, "boot-2")
    assert [Identity.parse(text) for text in ("", "closed", "5:77", "5:77:", "x:1:b", "5:x:b")] == [None] * 6


def test_this_process_is_alive_and_its_double_is_not() -> None:
    boot = boot_id()
    me = identify(os.getpid(), boot)
    assert me is not None
    assert is_alive(me, boot)
    assert not is_alive(Identity(me.pid, me.start + 1, boot), boot), "the pid was given to another process (C20)"
    assert not is_alive(Identity(me.pid, me.start, "earlier"), boot)
    assert identify(0x3FFFFF, boot) is None


def test_descendants_are_found_at_any_depth_and_zombies_left_out() -> None:
    processes = [
        line(1, "init", "S", 0),
        line(10, "executor", "S", 1),
        line(11, "sh", "S", 10),
        line(12, "sleep", "S", 11),
        line(13, "gone", "Z", 11),
        line(14, "below a zombie", "S", 13),
        line(20, "stranger", "S", 1),
    ]
    found = descendants(10, processes)
    assert sorted(one.pid for one in found) == [11, 12, 14]
    assert describe(found[:1]) == "11 (sh)"


def test_programs_are_found_as_execvp_finds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (first / "tool").write_text("not executable")
    (second / "tool").write_text("")
    (second / "tool").chmod(0o755)
    (first / "folder").mkdir()
    path = {"PATH": f"{first}:{second}"}
    assert find_program("tool", path) == f"{second}/tool"
    assert find_program(f"{second}/tool", {}) == f"{second}/tool"
    assert find_program("sh", {}) in ("/bin/sh", "/usr/bin/sh")
    monkeypatch.chdir(second)
    assert find_program("tool", {"PATH": ""}) == "./tool"
    for name, why in (("folder", "folder"), ("nothing", "no program 'nothing'"), (f"{first}/tool", "chmod")):
        with pytest.raises(CannotStart, match=why):
            find_program(name, path)


def test_what_is_inherited_is_a_short_list() -> None:
    given = {"PATH": "p", "HOME": "h", "LC_CTYPE": "c", "LD_PRELOAD": "x", "ORCHESTRA_TOKEN": "t", "PYTHONPATH": "x"}
    assert inherited(given) == {"PATH": "p", "HOME": "h", "LC_CTYPE": "c"}


def test_a_workspace_has_the_first_number_that_is_free() -> None:
    assert choose("/w", "p", "j", ()) == "/w/p/j/1"
    assert choose("/w", "p", "j", {"/w/p/j/1", "/w/p/j/2", "/w/p/other/3"}) == "/w/p/j/3"


def test_a_folder_is_emptied_however_deep_it_is(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(300):
        deep /= "d"
    deep.mkdir(parents=True)
    (tmp_path / "link").symlink_to("/etc")
    empty(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_workspace_that_cannot_be_entered_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="Not a directory") as caught:
        enter(str(tmp_path / "file" / "p" / "1"), clean=False)
    assert caught.value.code == "cannot_start"
