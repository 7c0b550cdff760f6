"""Collecting files of a workspace: what is kept, what is told, and that nothing leads out of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestra.worker import collect as module
from orchestra.worker.collect import Collection, read_kept, read_list

LIMITS = (100, 1 << 20, 1 << 22)


class Bench:
    """A workspace, and a run's folder beside it."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / "workspace"
        self.run = folder / "run"
        self.outside = folder / "outside"
        for one in (self.workspace, self.run, self.outside):
            one.mkdir()

    def put(self, path: str, content: bytes = b"x") -> Path:
        target = self.workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return target

    def collect(
        self, *patterns: str, limits: tuple[int, int, int] = LIMITS, pause: Callable[[], bool] = lambda: False
    ) -> Collection:
        found = Collection(str(self.run), limits, pause)
        found.collect(str(self.workspace), patterns)
        return found

    def kept(self) -> dict[str, bytes]:
        """Every file that is listed, with its bytes; hashes and sizes fit."""
        found: dict[str, bytes] = {}
        for path, size, sha256 in read_list(str(self.run)):
            data = read_kept(str(self.run), sha256, 0, size + 1)
            assert (len(data), hashlib.sha256(data).hexdigest()) == (size, sha256)
            found[path] = data
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_files_that_fit_are_kept_with_their_bytes(bench: Bench) -> None:
    bench.put("dist/a", b"one")
    bench.put("dist/deep/b", b"two")
    bench.put("source/c", b"three")
    bench.put("empty", b"")
    found = bench.collect("dist/**", "empty")
    assert bench.kept() == {"dist/a": b"one", "dist/deep/b": b"two", "empty": b""}
    assert (found.count, found.error) == (3, None)


def test_a_file_that_fits_two_patterns_is_kept_once(bench: Bench) -> None:
    bench.put("a.txt")
    assert bench.collect("*.txt", "a*", "**").count == 1


def test_the_next_run_cannot_change_what_is_kept(bench: Bench) -> None:
    file = bench.put("a", b"mine")
    bench.collect("a")
    with file.open("r+b") as opened:
        opened.write(b"YOURS")
    assert bench.kept() == {"a": b"mine"}


def test_the_same_bytes_are_kept_once(bench: Bench) -> None:
    for number in range(5):
        bench.put(f"{number}", b"same")
    assert bench.collect("*").count == 5
    assert len(list((bench.run / "artifacts").iterdir())) == 2, "the content and the list"


def test_a_pattern_without_a_file_is_told(bench: Bench) -> None:
    bench.put("a")
    found = bench.collect("a", "dist/*.whl")
    assert (found.count, found.error) == (1, "'dist/*.whl' fits no file")


@pytest.mark.parametrize("target", ["../outside/secret", "{outside}/secret", "/etc/passwd", "a"])
def test_s24_a_link_is_never_followed(bench: Bench, target: str) -> None:
    (bench.outside / "secret").write_bytes(b"secret")
    bench.put("a")
    (bench.workspace / "link").symlink_to(target.format(outside=bench.outside))
    found = bench.collect("link")
    assert bench.kept() == {}
    assert found.error == "link is a symbolic link, which is not followed or read"


def test_s24_a_folder_that_is_a_link_is_not_entered(bench: Bench) -> None:
    (bench.outside / "secret").write_bytes(b"secret")
    (bench.workspace / "dist").symlink_to(bench.outside)
    found = bench.collect("dist/**", "dist/secret", "**/secret")
    assert bench.kept() == {}
    assert "fits no file" in str(found.error)


def test_s24_a_pattern_that_leads_out_keeps_nothing(bench: Bench) -> None:
    (bench.outside / "secret").write_bytes(b"secret")
    found = bench.collect("../outside/*", "/etc/passwd")
    assert bench.kept() == {}
    assert "'../outside/*' is no pattern below the workspace" in str(found.error)


def test_a_pipe_a_socket_and_a_device_are_not_read(bench: Bench) -> None:
    os.mkfifo(bench.workspace / "pipe")
    found = bench.collect("*")
    assert (found.count, found.error) == (0, "pipe is a special file, which is not followed or read")


def test_names_with_newlines_and_other_scripts_are_kept_as_they_are(bench: Bench) -> None:
    names = ["two\nlines", "tab\there", "ü", "日本", "a b", "-rf", '"', "\x7f", "line\u2028separator"]
    for name in names:
        bench.put(name)
    assert bench.collect("*").error is None
    assert sorted(bench.kept()) == sorted(names)


def test_a_name_that_is_not_utf8_is_told_and_not_kept(bench: Bench) -> None:
    Path(os.fsdecode(os.fsencode(bench.workspace) + b"/caf\xe9")).write_bytes(b"x")
    bench.put("b")
    found = bench.collect("*")
    assert list(bench.kept()) == ["b"]
    assert found.error == "caf\\udce9 has a name that is not UTF-8, or too long"
    found.error.encode()


def test_limits_keep_what_fits_and_tell_the_rest(bench: Bench) -> None:
    for number in range(5):
        bench.put(f"f{number}", bytes([number]) * 100)
    assert bench.collect("*", limits=(3, 1000, 1000)).error == (
        "f3 is beyond the limit of 3 files; f4 is beyond the limit of 3 files"
    )
    assert sorted(bench.kept()) == ["f0", "f1", "f2"]


def test_a_file_that_is_too_large_is_not_kept(bench: Bench) -> None:
    bench.put("big", bytes(101))
    bench.put("small", bytes(100))
    found = bench.collect("*", limits=(10, 100, 1000))
    assert list(bench.kept()) == ["small"]
    assert found.error == "big has 101 bytes, more than the 100 of one artifact"


def test_all_files_together_have_a_limit(bench: Bench) -> None:
    bench.put("a", b"1" * 60)
    bench.put("b", b"2" * 60)
    bench.put("c", b"3" * 40)
    found = bench.collect("*", limits=(10, 100, 100))
    assert sorted(bench.kept()) == ["a", "c"]
    assert found.error == "b is beyond the limit of 100 bytes together"


def test_a_full_disk_is_told_and_leaves_room_for_logs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.put("a")
    monkeypatch.setattr(module, "SPARE_BYTES", 1 << 60)
    found = bench.collect("*")
    assert (found.count, found.error) == (0, "no space left for artifacts on the worker")


def test_a_file_that_changes_while_it_is_read_is_begun_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    file = bench.put("a", bytes(1 << 16))
    monkeypatch.setattr(module, "PAUSE_BYTES", 1 << 15)
    left = [b"later"]

    def grow_once() -> bool:
        if left:
            file.write_bytes(left.pop())
        return False

    assert bench.collect("a", pause=grow_once).error is None
    assert bench.kept() == {"a": b"later"}


def test_a_file_that_never_rests_is_told_and_not_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    file = bench.put("a", bytes(1 << 16))
    monkeypatch.setattr(module, "PAUSE_BYTES", 1 << 15)

    def grow() -> bool:
        with file.open("ab") as opened:
            opened.write(b"x")
        return False

    found = bench.collect("a", pause=grow)
    assert (found.count, found.error) == (0, "a changes while it is read")


def test_a_wish_to_stop_ends_collecting_and_keeps_what_was_whole(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_BYTES", 1 << 10)
    bench.put("a", bytes(100))
    bench.put("b", bytes(1 << 16))
    found = bench.collect("*", pause=lambda: True)
    assert list(bench.kept()) == ["a"]
    assert found.error == "not all files were collected: the run was stopped meanwhile"
    assert not (bench.run / "artifacts" / ".new").exists()


def test_a_folder_that_cannot_be_opened_hides_only_itself(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEPTH", 3)
    bench.put("a/b/c/d/e/deep")
    bench.put("near")
    found = bench.collect("**")
    assert list(bench.kept()) == ["near"]
    assert found.error == "a/b/c/d is nested more than 3 folders deep"


def test_s24_a_file_of_another_user_is_not_read_for_a_run_with_a_user_of_its_own(bench: Bench) -> None:
    file = bench.put("a")
    found = Collection(str(bench.run), LIMITS, lambda: False, file.stat().st_uid + 1)
    found.collect(str(bench.workspace), ["a"])
    assert (found.count, found.error) == (0, "a does not belong to the run's user")


def test_a_list_that_was_torn_loses_lines_and_nothing_else(bench: Bench) -> None:
    bench.put("a")
    bench.put("b")
    bench.collect("*")
    path = bench.run / "artifacts" / "list"
    path.write_bytes(path.read_bytes()[:-5])
    assert [one[0] for one in read_list(str(bench.run))] == ["a"]


@pytest.mark.parametrize("sha256", ["../../../etc/passwd", "a" * 63, "/" * 64])
def test_s24_a_hash_from_the_server_opens_nothing_else(bench: Bench, sha256: str) -> None:
    with pytest.raises((OSError, ValueError)):
        read_kept(str(bench.run), sha256, 0, 1)
