"""Artifacts through the API: lists, bytes and ranges, archives, and names that lead nowhere."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import zipfile
from urllib.parse import quote

import pytest

from integration.service.rig import WAIT_S, Rig
from orchestra.domain.artifact import ArtifactFile, ArtifactState
from orchestra.service.archive import safe_name
from orchestra.storage import artifacts
from orchestra.storage.artifact_store import Piece

BIG = bytes(range(256)) * 4000


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def leave(service: Rig, run: str, files: dict[str, bytes], state: ArtifactState = ArtifactState.STORED) -> None:
    """Have the server store what a run left."""
    listed = [ArtifactFile(path, len(data), sha(data)) for path, data in files.items()]
    service.write(lambda rows: artifacts.list_files(rows, run, listed))
    if state is ArtifactState.STORED:
        pieces = [Piece(sha(data), 0, data, len(data)) for data in files.values()]
        service.run(service.artifacts.receive(run, pieces))
    if state is not ArtifactState.AWAITED:
        service.write(lambda rows: artifacts.mark(rows, run, {one.sha256: state for one in listed}))


@pytest.fixture
def run(service: Rig) -> str:
    """A run that ended and left three files."""
    service.job()
    service.worker()
    identifier = service.done(b"printed\n", results={"n": 1}, artifact_count=3)
    leave(service, identifier, {"dist/big": BIG, "dist/a b": b"<script>alert(1)</script>", "empty": b""})
    return identifier


def at(run: str, path: str = "") -> str:
    return f"/api/v1/runs/{run}/artifacts" + (f"/{quote(path, safe='/')}" if path else "")


def test_files_are_listed_by_path_in_pages(service: Rig, run: str) -> None:
    first = service.api.get(at(run), params={"limit": 2}).json()
    assert [one["path"] for one in first["items"]] == ["dist/a b", "dist/big"]
    assert first["items"][1] == {"path": "dist/big", "size": len(BIG), "sha256": sha(BIG), "state": "stored"}
    rest = service.api.get(at(run), params={"cursor": first["next_cursor"]}).json()
    assert [one["path"] for one in rest["items"]] == ["empty"]
    assert rest["next_cursor"] is None
    assert service.api.get(at(run), params={"order": "-size"}).json()["items"][0]["path"] == "dist/big"


def test_bytes_come_back_exactly_and_no_browser_takes_them_for_a_page(service: Rig, run: str) -> None:
    answer = service.api.get(at(run, "dist/a b"))
    assert (answer.status_code, answer.content) == (200, b"<script>alert(1)</script>")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="a b"'
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["etag"] == f'"{sha(answer.content)}"'
    assert service.api.get(at(run, "dist/big")).content == BIG
    empty = service.api.get(at(run, "empty"))
    assert (empty.status_code, empty.content, empty.headers["content-length"]) == (200, b"", "0")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-9", BIG[:10]),
        ("bytes=500000-", BIG[500_000:]),
        ("bytes=-3", BIG[-3:]),
        ("bytes=1-700000", BIG[1:700_001]),
    ],
)
def test_a_range_is_answered_with_exactly_its_bytes(service: Rig, run: str, asked: str, expected: bytes) -> None:
    answer = service.api.get(at(run, "dist/big"), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["content-range"].endswith(f"/{len(BIG)}")


def test_a_range_beyond_the_end_is_416(service: Rig, run: str) -> None:
    answer = service.api.get(at(run, "dist/big"), headers={"Range": f"bytes={len(BIG)}-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(BIG)}")


def test_what_a_client_has_already_is_not_sent_again(service: Rig, run: str) -> None:
    etag = f'"{sha(BIG)}"'
    for known in (etag, f"W/{etag}", f'"x", {etag}'):
        answer = service.api.get(at(run, "dist/big"), headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert service.api.get(at(run, "dist/big"), headers={"If-None-Match": '"other"'}).status_code == 200
    headers = {"Range": "bytes=0-4", "If-Range": etag}
    assert service.api.get(at(run, "dist/big"), headers=headers).status_code == 206
    assert service.api.get(at(run, "dist/big"), headers=headers | {"If-Range": '"other"'}).content == BIG


def test_bytes_that_are_on_the_worker_or_lost_say_so(service: Rig, run: str) -> None:
    leave(service, run, {"later": b"later"}, ArtifactState.AWAITED)
    leave(service, run, {"never": b"never"}, ArtifactState.LOST)
    later = service.api.get(at(run, "later"))
    assert (later.status_code, later.json()["detail"]) == (409, "the bytes of 'later' are still on the worker w1")
    assert service.api.get(at(run, "never")).status_code == 404
    assert service.api.get(at(run, "dist")).status_code == 404
    assert service.api.get(at("0199d3a4-5b6c-7d8e-9f01-23456789abcd", "empty")).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "../../../etc/passwd",
        "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "%2Fetc%2Fpasswd",
        "....//....//etc/passwd",
        "..\\..\\etc\\passwd",
        "%5c..%5cetc%5cpasswd",
        "%00",
        "empty%00.txt",
        "%ff%fe",
        "%ed%b3%a9",
        "%c0%ae%c0%ae/etc/passwd",
        "x" * 5000,
        "file:///etc/passwd",
        "?",
        "*",
        "dist/*",
    ],
)
def test_s24_no_path_reaches_another_file(service: Rig, run: str, path: str) -> None:
    # Byte by byte as it stands here: no client puts it in order.
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=WAIT_S)
    connection.putrequest("GET", f"/api/v1/runs/{run}/artifacts/{path}")
    connection.putheader("Authorization", service.api.headers["Authorization"])
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status in (400, 404, 414) or path == "?", body[:200]
    assert b"root:" not in body


@pytest.mark.parametrize("name", ["two\nlines", "日本", "100%", "q?x#y", "a&b=c", "-rf", '"quoted"', "ü" * 300, "a\\b"])
def test_a_name_of_any_kind_is_found_by_exactly_its_path(service: Rig, run: str, name: str) -> None:
    leave(service, run, {name: name.encode()})
    answer = service.api.get(at(run, name))
    assert answer.content == name.encode()
    assert "\n" not in answer.headers["content-disposition"]
    assert answer.headers["content-disposition"].startswith("attachment; filename=")


def test_an_archive_holds_all_that_is_kept_of_a_run(service: Rig, run: str) -> None:
    leave(service, run, {"later": b"later"}, ArtifactState.AWAITED)
    answer = service.api.get(f"/api/v1/runs/{run}/archive")
    assert answer.headers["content-disposition"] == 'attachment; filename="core-build-1.zip"'
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        assert opened.testzip() is None
        names = opened.namelist()
        assert all(name.startswith("core-build-1/") for name in names)
        assert opened.read("core-build-1/artifacts/dist/big") == BIG
        assert opened.read("core-build-1/log.txt") == b"printed\n"
        assert json.loads(opened.read("core-build-1/results.json")) == {"n": 1}
        assert json.loads(opened.read("core-build-1/run.json"))["identifier"] == run
        listed = json.loads(opened.read("core-build-1/artifacts.json"))
        assert [one["path"] for one in listed] == ["dist/a b", "dist/big", "empty", "later"]
        assert "core-build-1/artifacts/later" not in names


def test_s24_names_in_an_archive_are_safe_on_every_system(service: Rig, run: str) -> None:
    hostile = {
        "a\\..\\b": b"1",
        "C:x": b"2",
        "c_x": b"3",
        "C_X": b"4",
        "two\nlines": b"5",
        "dots. ": b"6",
        "nul|": b"7",
    }
    leave(service, run, hostile)
    answer = service.api.get(f"/api/v1/runs/{run}/archive")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        names = [name.removeprefix("core-build-1/artifacts/") for name in opened.namelist() if "/artifacts/" in name]
        assert len({name.casefold() for name in names}) == len(names) == 10
        for info in opened.infolist():
            assert info.external_attr >> 16 == 0o100600, "an ordinary file, no link"
            assert not set(info.filename) & set('\\:\n|"<>?*')
            assert ".." not in info.filename.split("/")


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("../a", "_/a"),
        ("a/./b", "a/_/b"),
        ("/a", "_/a"),
        ("a\0b", "a_b"),
        ("ü/日本", "ü/日本"),
        ("a.", "a"),
        ("...", "_"),
    ],
)
def test_s24_a_name_is_made_safe_whatever_the_database_holds(path: str, safe: str) -> None:
    assert safe_name(path) == safe


def test_a_run_that_is_deleted_takes_its_files_along_but_for_shared_ones(service: Rig, run: str) -> None:
    other = service.done()
    leave(service, other, {"same": BIG})
    folder = service.data / "artifacts"
    assert service.api.delete(f"/api/v1/runs/{run}").status_code == 204
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [sha(BIG)]
    assert service.api.get(at(other, "same")).content == BIG
    assert service.api.delete(f"/api/v1/runs/{other}").status_code == 204
    assert not [path for path in folder.rglob("*") if path.is_file()]
