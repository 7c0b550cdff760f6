"""Settings: where they come from, which one wins, and that all that is wrong is told at once."""

from pathlib import Path

import pytest

from orchestra.config import ServerSettings, WorkerSettings, load
from orchestra.domain.errors import InvalidContent


def problems(kind: type[ServerSettings] | type[WorkerSettings], file: Path | None = None, **more: object) -> list[str]:
    with pytest.raises(InvalidContent) as caught:
        load(kind, file=file, **more)  # type: ignore[arg-type]
    return [str(problem) for problem in caught.value.problems]


def test_without_any_source_everything_has_its_default() -> None:
    assert load(ServerSettings) == ServerSettings()
    assert load(WorkerSettings) == WorkerSettings()


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "orchestra.toml"
    file.write_text('[server]\nport = 1\nhost = "file"\nbase_path = "/file"\n[worker]\nname = "w"\n')
    environment = {"ORCHESTRA_PORT": "2", "ORCHESTRA_HOST": "environment", "ORCHESTRA_JOB": "not ours"}
    settings = load(ServerSettings, file=file, environment=environment, overrides={"port": 3, "host": None})
    assert (settings.port, settings.host, settings.base_path) == (3, "environment", "/file")
    assert load(WorkerSettings, file=file).name == "w"


def test_durations_and_sizes_may_be_text() -> None:
    environment = {
        "ORCHESTRA_HEARTBEAT": "2m",
        "ORCHESTRA_WORKER_TIMEOUT": "5m",
        "ORCHESTRA_WINDOW": "1MiB",
        "ORCHESTRA_AUDIT": "30.5",
    }
    settings = load(ServerSettings, environment=environment)
    assert (settings.heartbeat_s, settings.window_bytes, settings.audit_s) == (120.0, 1 << 20, 30.5)


def test_properties_are_a_table_or_pairs(tmp_path: Path) -> None:
    file = tmp_path / "orchestra.toml"
    file.write_text('[worker.properties]\nos = "linux"\ncores = 4\n')
    assert load(WorkerSettings, file=file).properties == {"os": "linux", "cores": "4"}
    environment = {"ORCHESTRA_PROPERTIES": "gpu=true, zone=a=b"}
    assert load(WorkerSettings, environment=environment).properties == {"gpu": "true", "zone": "a=b"}


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "orchestra.toml"
    file.write_text('[server]\nport = "x"\nprt = 1\n[sever]\n')
    environment = {"ORCHESTRA_LOG_LEVEL": "loud", "ORCHESTRA_WORKER_TIMEOUT": "9h", "ORCHESTRA_HEARTBEAT": "soon"}
    assert problems(ServerSettings, file, environment=environment, overrides={"window": 5}) == [
        f"{file}: sever: unknown table, did you mean server?",
        f"{file}: prt: unknown setting, did you mean port?",
        f"{file}: port: expected a whole number, got 'x'",
        "ORCHESTRA_LOG_LEVEL: expected one of debug, info, warning, error, got 'loud'",
        "ORCHESTRA_HEARTBEAT: expected a duration such as 90s or 15m, got 'soon'",
        "ORCHESTRA_WORKER_TIMEOUT: expected 2s to 1200s, got '9h'",
        "--window: expected 128KiB to 128MiB, got 5",
    ]


def test_a_file_that_is_missing_or_no_toml_is_a_problem(tmp_path: Path) -> None:
    assert "cannot be read" in problems(ServerSettings, tmp_path / "missing.toml")[0]
    broken = tmp_path / "broken.toml"
    broken.write_text("[server")
    assert "is not TOML" in problems(ServerSettings, broken)[0]
    flat = tmp_path / "flat.toml"
    flat.write_text("server = 1\n")
    assert "must be a table" in problems(ServerSettings, flat)[0]


def test_values_of_another_type_are_refused() -> None:
    for key, value in {"port": True, "host": 1, "data": "", "heartbeat": []}.items():
        assert problems(ServerSettings, overrides={key: value})
    assert problems(WorkerSettings, overrides={"properties": "a"})
    assert problems(WorkerSettings, overrides={"properties": 3})


def test_settings_that_contradict_one_another_are_refused() -> None:
    assert problems(ServerSettings, overrides={"heartbeat": "20s"}) == [
        "worker_timeout: expected at least 30s, half as much again as heartbeat, got 20s"
    ]


def test_a_secret_is_never_shown() -> None:
    assert problems(WorkerSettings, overrides={"token": 12345}) == ["--token: expected text"]
