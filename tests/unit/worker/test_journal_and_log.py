"""What an executor writes can be read back exactly, whatever an earlier run or a crash left behind it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.worker import record
from orchestra.worker.record import Clock, Journal, Log, NotMine, Reserve, claim, journal_line, read_journal, unclaim

KEY = "00000000-0000-7000-8000-000000000001.1"


class FixedClock(Clock):
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.us = 1_000_000_000

    def now_us(self) -> int:
        return self.us


def journal(folder: Path, key: str = KEY) -> Journal:
    return Journal(str(folder), key, Reserve(str(folder / "reserve")), lambda _: None)


def test_records_come_back_in_order(tmp_path: Path) -> None:
    told: list[str] = []
    written = Journal(str(tmp_path), KEY, Reserve(str(tmp_path / "reserve")), told.extend)
    written.write([{"type": "started", "date": 1}, {"type": "began", "step": 0}])
    written.write([{"type": "finished", "message": "naïve\nline"}])
    written.close()
    records, end = read_journal(KEY, (tmp_path / "journal").read_bytes())
    assert [one["type"] for one in records] == ["started", "began", "finished"]
    assert records[2]["message"] == "naïve\nline"
    assert end == (tmp_path / "journal").stat().st_size
    assert [json.loads(one) for one in told] == records


def test_what_an_earlier_run_left_in_the_file_is_not_read(tmp_path: Path) -> None:
    before = journal(tmp_path, "another.1")
    before.write([{"type": "finished", "number": number} for number in range(50)])
    before.close()
    now = journal(tmp_path)
    now.write([{"type": "started"}])
    now.close()
    assert [one["type"] for one in read_journal(KEY, (tmp_path / "journal").read_bytes())[0]] == ["started"]


@given(cut=st.integers(0, 200), stale=st.binary(max_size=120))
def test_a_torn_end_is_never_taken_for_a_record(cut: int, stale: bytes) -> None:
    lines = [journal_line(KEY, json.dumps({"type": "ended", "step": number})).encode() for number in range(4)]
    whole = b"".join(lines)
    records, end = read_journal(KEY, whole[:cut] + stale)
    assert [one["step"] for one in records] == list(range(len(records)))
    assert whole.startswith(b"".join(lines[: len(records)]))
    assert end == sum(len(line) for line in lines[: len(records)])


def test_only_the_first_may_claim_a_run(tmp_path: Path) -> None:
    one, other = tmp_path / "one.identity", tmp_path / "other.identity"
    one.write_text("1:2:boot")
    other.write_text("3:4:boot")
    folder = tmp_path / "run"
    folder.mkdir()
    claim(str(folder), str(one))
    with pytest.raises(NotMine):
        claim(str(folder), str(other))
    assert (folder / "marker").read_text() == "1:2:boot"
    one.unlink()
    assert (folder / "marker").read_text() == "1:2:boot", "it outlives its executor's own file"
    unclaim(str(folder))
    claim(str(folder), str(other))
    with pytest.raises(NotMine, match="folder is gone"):
        claim(str(tmp_path / "missing"), str(other))


def test_the_log_is_what_was_appended_and_its_hash(tmp_path: Path) -> None:
    log = Log(str(tmp_path), 1 << 20, FixedClock())
    for piece in (b"one\n", b"\0\xff", b"x" * 5000):
        log.append(memoryview(piece))
    log.close()
    whole = b"one\n\0\xff" + b"x" * 5000
    assert (tmp_path / "log").read_bytes() == whole
    assert (log.size, log.digest(), log.error) == (len(whole), hashlib.sha256(whole).hexdigest(), None)
    assert record.INDEX_RECORD.unpack((tmp_path / "log.index").read_bytes()[:16]) == (len(whole), 1)


def test_a_log_without_output_has_no_file_and_the_hash_of_nothing(tmp_path: Path) -> None:
    log = Log(str(tmp_path), 10, FixedClock())
    log.close()
    assert (log.size, log.digest()) == (0, hashlib.sha256().hexdigest())
    assert not (tmp_path / "log").exists()


def test_times_are_kept_every_twenty_milliseconds(tmp_path: Path) -> None:
    clock = FixedClock()
    log = Log(str(tmp_path), 100, clock)
    for _ in range(5):
        log.append(memoryview(b"ab"))
        clock.us += 10_000
    log.close()
    index = (tmp_path / "log.index").read_bytes()
    records = [record.INDEX_RECORD.unpack_from(index, 16 * place) for place in range(1, len(index) // 16)]
    assert records == [(0, 1_000_000), (4, 1_000_020), (8, 1_000_040)]


def test_a_log_is_cut_at_its_limit_and_stays_a_prefix(tmp_path: Path) -> None:
    log = Log(str(tmp_path), 5, FixedClock())
    log.append(memoryview(b"abc"))
    log.append(memoryview(b"defg"))
    log.append(memoryview(b"h"))
    log.close()
    assert (tmp_path / "log").read_bytes() == b"abcde"
    assert log.digest() == hashlib.sha256(b"abcde").hexdigest()
    assert log.error == "the log reached its limit and ends after 5 bytes"


def test_the_clock_never_runs_backwards() -> None:
    clock = Clock()
    dates = [clock.now_us() for _ in range(1000)]
    assert dates == sorted(dates)


def test_the_reserve_has_blocks_of_its_own_and_is_made_again(tmp_path: Path) -> None:
    reserve = Reserve(str(tmp_path / "reserve"))
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= record.RESERVE_BYTES
    descriptor = reserve.move_to(str(tmp_path / "journal.reserve"))
    os.write(descriptor, journal_line(KEY, '{"type":"finished"}').encode())
    os.close(descriptor)
    records, _ = read_journal(KEY, (tmp_path / "journal.reserve").read_bytes())
    assert records == [{"type": "finished"}], "the zeros behind it are no records"
    assert not (tmp_path / "reserve").exists()
    reserve.refill()
    assert (tmp_path / "reserve").exists()
    reserve.drop()
    assert not (tmp_path / "reserve").exists()
