"""What commands write arrives byte for byte, whatever it is, and every step knows its own bytes."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import msgspec
import pytest

from support.executor_rig import Execution, Rig, with_rig

PYTHON = sys.executable


def _write(code: str) -> list[str]:
    """A command that writes to the binary `out` as `code` says."""
    return [PYTHON, "-c", f"import os, sys; out = sys.stdout.buffer\n{code}"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("out.write(b'')", b"", id="nothing"),
        pytest.param("out.write(b'no newline at the end')", b"no newline at the end", id="no final newline"),
        pytest.param(
            "out.write(b'a\\0b\\xff\\xfe\\x80\\r\\n\\x1b[31m')", b"a\0b\xff\xfe\x80\r\n\x1b[31m", id="any byte"
        ),
        pytest.param("out.write(b'\\n' * 100_000)", b"\n" * 100_000, id="empty lines"),
        pytest.param("out.write(b'x' * 70_000 + b'\\n')", b"x" * 70_000 + b"\n", id="a line beyond 64 KiB"),
        pytest.param(
            "[(os.write(1, b'o'), os.write(2, b'e')) for _ in range(500)]", b"oe" * 500, id="both streams in order"
        ),
    ],
)
def test_the_log_is_what_the_command_wrote(code: str, expected: bytes) -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run(_write(code))
        assert rig.log(run) == expected
        assert run.finished["status"] == "succeeded"
        assert run.finished["log_size"] == len(expected)
        assert run.finished["log_sha256"] == hashlib.sha256(expected).hexdigest()

    with_rig(scenario)


def test_a_hundred_megabytes_of_lines_are_stored_exactly() -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run(["seq", "-f", "line %012.0f of a log that is long", "1", "2600000"])
        digest, count = hashlib.sha256(), 0
        with (rig.spool.folder(run.key) / "log").open("rb") as file:
            for number, line in enumerate(file, start=1):
                assert line == b"line %012d of a log that is long\n" % number
                digest.update(line)
                count = number
        assert count == 2_600_000
        assert run.finished["log_sha256"] == digest.hexdigest()
        assert run.finished["log_size"] == 2_600_000 * 40

    with_rig(scenario)


def test_twenty_megabytes_of_random_bytes_without_a_newline_are_stored_exactly() -> None:
    code = (
        "import hashlib, random, sys\n"
        "data = random.Random(7).randbytes(20 << 20).replace(b'\\n', b'-')\n"
        "open('sum', 'w').write(hashlib.sha256(data).hexdigest())\n"
        "sys.stdout.buffer.write(data)\n"
    )

    async def scenario(rig: Rig) -> None:
        run = await rig.run([PYTHON, "-c", code])
        truth = (rig.data / "workspaces/tests/job/1/sum").read_text()
        assert run.finished["log_sha256"] == truth
        assert hashlib.sha256(rig.log(run)).hexdigest() == truth
        assert run.finished["log_size"] == 20 << 20

    with_rig(scenario)


def test_every_step_knows_exactly_the_bytes_that_it_wrote() -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run("printf one", "printf twotwo", ["true"], "printf '\\0end'", cleanup=["printf bye"])
        log = rig.log(run)
        pieces = [log[a["log_start"] : b["log_end"]] for a, b in zip(run.all("began"), run.all("ended"), strict=True)]
        assert pieces == [b"one", b"twotwo", b"", b"\0end", b"bye"]
        assert log == b"onetwotwo\0endbye"

    with_rig(scenario)


def test_what_a_background_process_writes_later_is_in_the_log_too() -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run(
            'mkfifo go done; (read -r line < go; echo "from behind: $line"; echo > done) &',
            "echo hello > go; read -r _ < done",
        )
        assert rig.log(run) == b"from behind: hello\n"

    with_rig(scenario)


def test_times_say_when_bytes_arrived() -> None:
    async def scenario(rig: Rig) -> None:
        run = rig.start(rig.request("mkfifo go; echo first; read -r _ < go; echo second"))
        await run.until(lambda one: one.log_size == 6)
        between = rig.spool.read_times(run.key, 0, 6)
        (rig.data / "workspaces/tests/job/1/go").write_text("\n")
        await run.until(lambda one: one.all("finished"))
        times = rig.spool.read_times(run.key, 0, 13)
        assert times[: len(between)] == between
        assert between[0][0] == 0
        assert [offset for offset, _ in times] == sorted(offset for offset, _ in times)
        began, ended = run.all("began")[0]["date"] // 1000, run.all("ended")[0]["date"] // 1000
        assert all(began <= milliseconds <= ended for _, milliseconds in times)
        assert rig.spool.read_times(run.key, 6, 13) == [one for one in times if one[0] >= 6]

    with_rig(scenario)


def test_beyond_its_limit_a_log_is_cut_and_says_so_while_the_run_goes_on() -> None:
    async def scenario(rig: Rig) -> None:
        request = msgspec.structs.replace(
            rig.request(_write("out.write(b'x' * 300_000)"), "echo more"), log_limit=100_000
        )
        run = rig.start(request)
        await run.until(lambda one: one.all("finished"))
        assert rig.log(run) == b"x" * 100_000
        assert run.finished["status"] == "succeeded"
        assert run.finished["log_error"] == "the log reached its limit and ends after 100000 bytes"

    with_rig(scenario)


NASTY = 'it\'s "quoted" $(touch pwned) `touch pwned` ; touch pwned\nline two {parameters.x} %s \\ ünï \t{}'


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("printf %s {parameters.x}", id="unquoted in a string"),
        pytest.param('printf %s "{parameters.x}"', id="in double quotes"),
        pytest.param("printf %s '{parameters.x}'", id="in single quotes"),
        pytest.param(["printf", "%s", "{parameters.x}"], id="in a vector"),
        pytest.param('printf %s "$ORCHESTRA_PARAMETER_X"', id="as a variable"),
    ],
)
def test_a_parameter_arrives_unharmed(command: str | list[str]) -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run(command, parameters={"x": NASTY})
        assert rig.log(run) == NASTY.encode()
        assert not (rig.data / "workspaces/tests/job/1/pwned").exists()

    with_rig(scenario)


def test_results_are_the_json_that_the_commands_left() -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run('echo \'{"a": [1, "é"]}\' > "$ORCHESTRA_RESULTS"')
        assert json.loads(run.finished["results"]) == {"a": [1, "é"]}
        assert run.finished["result_error"] is None

    with_rig(scenario)


@pytest.mark.parametrize(
    ("command", "error"),
    [
        pytest.param('echo "{not json" > "$ORCHESTRA_RESULTS"', "the results are not JSON", id="no JSON"),
        pytest.param('echo NaN > "$ORCHESTRA_RESULTS"', "NaN is not JSON", id="NaN"),
        pytest.param('printf \'"\\\\ud800"\' > "$ORCHESTRA_RESULTS"', "surrogates", id="half a character"),
        pytest.param('printf "\\377" > "$ORCHESTRA_RESULTS"', "not JSON", id="not UTF-8"),
        pytest.param('mkfifo "$ORCHESTRA_RESULTS"', "not an ordinary file", id="a pipe"),
        pytest.param('ln -s /etc/passwd "$ORCHESTRA_RESULTS"', "symbolic link", id="a link"),
        pytest.param('mkdir "$ORCHESTRA_RESULTS"', "not an ordinary file", id="a folder"),
        pytest.param('yes | head -c 1048577 > "$ORCHESTRA_RESULTS"', "longer than 1048576 bytes", id="too long"),
        pytest.param('yes "[" | head -c 200000 > "$ORCHESTRA_RESULTS"', "nested too deeply", id="nested without end"),
    ],
)
def test_results_that_cannot_be_used_change_no_status(command: str, error: str) -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run(command)
        assert run.finished["status"] == "succeeded"
        assert run.finished["results"] is None
        assert error in run.finished["result_error"]

    with_rig(scenario)


def test_a_command_sees_the_results_as_they_are_when_it_starts() -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run(
            'echo \'{"version": "1.2 beta"}\' > "$ORCHESTRA_RESULTS"',
            ["printf", "%s,", "{results.version}"],
            'echo \'{"version": 2}\' > "$ORCHESTRA_RESULTS"; printf %s "v{results.version}"',
        )
        assert rig.log(run) == b"1.2 beta,v1.2 beta"

    with_rig(scenario)


def test_results_that_are_missing_when_a_command_needs_them_end_the_run_with_that_cause() -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run("true", ["echo", "{results.version}"], ["echo", "never"])
        assert run.finished["status"] == "exception"
        assert run.finished["code"] == "bad_template"
        assert "{results.version}" in run.finished["message"]
        assert len(run.all("began")) == 2

    with_rig(scenario)


def test_commands_see_what_is_promised_of_the_environment_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_TOKEN", "orcw_secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("LC_TIME", "C.UTF-8")

    async def scenario(rig: Rig) -> None:
        run = await rig.run(["env", "-0"], environment={"CI": "true"}, parameters={"my.key": "v"})
        seen = dict(one.split("=", 1) for one in rig.log(run).decode().split("\0") if one)
        allowed = {"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "LC_TIME", "CI"}
        assert {name for name in seen if not name.startswith(("ORCHESTRA_", "LC_"))} <= allowed
        assert seen["CI"] == "true"
        assert seen["LC_TIME"] == "C.UTF-8"
        assert seen["ORCHESTRA_PARAMETER_MY_KEY"] == "v"
        assert seen["ORCHESTRA_PROJECT"] == "tests"
        assert seen["ORCHESTRA_RUN"] == run.key.run
        assert Path(seen["ORCHESTRA_WORKSPACE"]) == rig.data / "workspaces/tests/job/1"
        assert "secret" not in rig.log(run).decode()

    with_rig(scenario)


def test_a_workspace_is_kept_or_emptied_as_the_job_says() -> None:
    mess = "mkdir -p deep/er locked && touch deep/er/file .hidden locked/file && ln -s /etc link && chmod 000 locked"

    async def look(rig: Rig, workspace: str) -> Execution:
        return await rig.run("ls -A", workspace=workspace)

    async def scenario(rig: Rig) -> None:
        await rig.run(mess)
        assert rig.log(await look(rig, "reuse")).split() == [b".hidden", b"deep", b"link", b"locked"]
        assert rig.log(await look(rig, "clean")) == b""
        assert rig.log(await rig.run(["ls", "/etc/passwd"])) == b"/etc/passwd\n"
        assert (rig.data / "workspaces").stat().st_mode & 0o777 == 0o700
        assert (rig.data / "workspaces/tests").stat().st_mode & 0o777 == 0o700

    with_rig(scenario)
