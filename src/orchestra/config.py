"""Every setting of the server and the worker: its type, unit, default, and why it is so.

Sources, the later one wins: the default, the file (TOML, tables `[server]` and `[worker]`), the
environment (`ORCHESTRA_` and the key in upper case), the command line. `load` reports everything
that is wrong at once. Durations are seconds or text (`90s`, `15m`, `2h`, `1d`), sizes bytes or text
(`64KiB`, `4MiB`, `1GiB`). `make docs` writes what `document` returns into `docs/settings.md`.

A setting is a field of `ServerSettings` or `WorkerSettings`; its key is the field's name without
the unit at its end. To add one: add the field with its `why`, then `make docs`.
"""
# ruff: noqa: RUF009 - `setting` is `dataclasses.field` with the facts that users need.

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, TypeVar

from orchestra.domain.artifact import ArtifactLimits
from orchestra.domain.errors import InvalidContent, Problem

PREFIX: Final = "ORCHESTRA_"
LOOPBACK: Final = "127.0.0.1, ::1"


def setting(
    default: Any,
    why: str,
    *,
    lowest: float | None = None,
    highest: float | None = None,
    choices: tuple[str, ...] = (),
    is_secret: bool = False,
    normal: Callable[[Any], Any] | None = None,
) -> Any:
    """Return the dataclass field of one setting; `lowest` and `highest` are in the field's unit, inclusive.

    `normal` takes the converted value to its normal form, or raises ValueError with the fact.
    """
    metadata = {
        "why": why,
        "lowest": lowest,
        "highest": highest,
        "choices": choices,
        "is_secret": is_secret,
        "normal": normal,
    }
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def _base_path(text: str) -> str:
    """Return the prefix with a slash at its front and none at its end; empty for the root."""
    parts = text.strip("/").split("/") if text.strip("/") else []
    if not all(re.fullmatch(r"[A-Za-z0-9_~.-]+", part) and set(part) != {"."} for part in parts):
        raise ValueError(f"expected a path such as /orchestra, of letters, digits, '_', '~', '.' and '-', got {text!r}")
    return "".join(f"/{part}" for part in parts)


def _networks(text: str) -> str:
    """Return addresses and networks in their usual form, separated by commas."""
    try:
        return ", ".join(str(ipaddress.ip_network(one.strip())) for one in text.split(",") if one.strip())
    except ValueError:
        raise ValueError(f"expected addresses and networks such as {LOOPBACK}, 10.0.0.0/8, got {text!r}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What both programs say about themselves."""

    log_level: str = setting(
        "info",
        "What is worth a line; `debug` tells every assignment and every look at the queue.",
        choices=("debug", "info", "warning", "error"),
    )
    log_format: str = setting(
        "auto",
        "`text` for people, `json` for machines, `auto`: text on a terminal, JSON otherwise.",
        choices=("auto", "text", "json"),
    )

    def contradictions(self) -> tuple[Problem, ...]:
        """Return what is wrong between settings that are each in order."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings(LogSettings):
    """`orchestra server` and `orchestra up`."""

    data: Path | None = setting(None, "The folder for everything that is kept; default: the user's data folder.")
    database: str | None = setting(
        None, "URL of the database; default: the file `orchestra.db` in the data folder.", is_secret=True
    )
    database_wait_s: float = setting(
        60.0,
        "How long the start waits for a PostgreSQL server that does not answer yet, as after a reboot of both; 0: not.",
        lowest=0.0,
        highest=86_400.0,
    )
    host: str = setting(
        "127.0.0.1", "The address to listen on: nothing is reachable from outside until someone says so."
    )
    port: int = setting(8300, "The port to listen on; 0 chooses a free one.", lowest=0, highest=65_535)
    base_path: str = setting(
        "", "The path prefix under which a proxy shows us, such as `/orchestra`.", normal=_base_path
    )
    trusted_proxies: str = setting(
        LOOPBACK,
        "Addresses and networks of proxies whose `X-Forwarded-For` is believed: who failed to sign in is counted by "
        "address, and all who come through a proxy that is not named here are one. Empty: none.",
        normal=_networks,
    )
    heartbeat_s: float = setting(
        10.0, "How often an idle connection to a worker says that it lives.", lowest=1.0, highest=300.0
    )
    worker_timeout_s: float = setting(
        20.0,
        "How long a worker may be silent until it counts as away: two heartbeats. Its runs go on.",
        lowest=2.0,
        highest=1200.0,
    )
    hello_timeout_s: float = setting(
        10.0, "How long a new connection may take to say hello.", lowest=1.0, highest=300.0
    )
    window_bytes: int = setting(
        1 << 22,
        "How much of a run's log may be on its way without being durable: 150 MB/s during a commit of 20 ms take 3 MB.",
        lowest=1 << 17,
        highest=1 << 27,
    )
    inbox_bytes: int = setting(
        1 << 24,
        "How much from one worker may wait to be stored; then its connection is not read, and it waits by itself.",
        lowest=1 << 20,
        highest=1 << 30,
    )
    authority_s: float = setting(
        3.0,
        "How often the tokens of connected workers are checked: a revoked one must be gone within 5 s.",
        lowest=0.5,
        highest=60.0,
    )
    audit_s: float = setting(
        60.0,
        "When the dispatcher and the reaper look again although no hint and no deadline told them to.",
        lowest=1.0,
        highest=3600.0,
    )

    disk_free_bytes: int = setting(
        1 << 26,
        "How much must be free on the disk of the data folder (or a twentieth of it, if that is less) for new runs. "
        "Below, triggers are refused (507), and what was accepted has that space to end in. 0 never refuses.",
        lowest=0,
        highest=1 << 40,
    )
    artifact_count: int = setting(
        10_000,
        "How many files one run may leave as artifacts; what is beyond is not kept, and the run says so.",
        lowest=0,
        highest=100_000,
    )
    artifact_file_bytes: int = setting(
        2 << 30,
        "How large one artifact may be; a larger file is not kept, and the run says so.",
        lowest=0,
        highest=1 << 40,
    )
    artifact_total_bytes: int = setting(
        10 << 30,
        "How large the artifacts of one run may be together: the disks of workers and server hold many runs.",
        lowest=0,
        highest=1 << 44,
    )

    @property
    def artifact_limits(self) -> ArtifactLimits:
        """What one run may leave."""
        return ArtifactLimits(
            count=self.artifact_count,
            file_bytes=self.artifact_file_bytes,
            total_bytes=self.artifact_total_bytes,
        )

    def contradictions(self) -> tuple[Problem, ...]:
        """A worker counts as silent only after it could have missed a heartbeat."""
        if self.heartbeat_s * 1.5 <= self.worker_timeout_s:
            return ()
        expected = f"at least {self.heartbeat_s * 1.5:g}s, half as much again as heartbeat"
        return (Problem(path="worker_timeout", message=f"expected {expected}, got {self.worker_timeout_s:g}s"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings(LogSettings):
    """`orchestra worker`."""

    server: str | None = setting(None, "The server's address, such as `https://orchestra.example.org`.")
    token: str | None = setting(None, "A token of a user with the role Worker.", is_secret=True)
    token_file: Path | None = setting(None, "A file that holds the token, for what must not stand on a command line.")
    name: str | None = setting(None, "The worker's identifier; default: the machine's name.")
    concurrency: int | None = setting(
        None, "How many runs at once; default: the number of cores.", lowest=1, highest=1000
    )
    properties: dict[str, str] = setting({}, "What jobs may ask for, beside what the worker finds out by itself.")
    data: Path | None = setting(None, "The folder for runs and logs; default: the user's data folder.")
    run_as: str = setting("", "OS users, such as `build,deploy`, as whom jobs may run; the worker must be root then.")
    workspace_free_bytes: int = setting(
        0, "How much must be free where workspaces are; else a run is given back.", lowest=0, highest=1 << 50
    )
    reconnect_first_s: float = setting(
        0.5,
        "The first wait after a lost connection; each further one is twice as long, jittered.",
        lowest=0.05,
        highest=60.0,
    )
    reconnect_longest_s: float = setting(
        30.0, "The longest wait: a server that is back is found within this time.", lowest=1.0, highest=600.0
    )


TABLES: Final[Mapping[str, type[LogSettings]]] = {"server": ServerSettings, "worker": WorkerSettings}

S = TypeVar("S", bound=LogSettings)


def load(
    kind: type[S],
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> S:
    """Return the settings of `kind` from all sources. `overrides` are the command line's, None meaning not given.

    Raises InvalidContent with every problem: unreadable file, unknown keys, wrong types, out of range.
    """
    problems: list[Problem] = []
    known = {key_of(one): one for one in fields(kind)}
    given: dict[str, tuple[Any, Problem]] = {}
    for key, value in _from_file(kind, file, known, problems).items():
        given[key] = value, Problem(path=key, message="", file=None if file is None else str(file))
    for key in known:
        name = variable_of(key)
        if environment is not None and environment.get(name):
            given[key] = environment[name], Problem(path=name, message="")
    for key, value in (overrides or {}).items():
        if value is not None:
            given[key] = value, Problem(path=f"--{key.replace('_', '-')}", message="")
    values: dict[str, Any] = {}
    for key, (value, place) in given.items():
        try:
            values[known[key].name] = _convert(known[key], value)
        except ValueError as error:
            problems.append(Problem(path=place.path, message=str(error), file=place.file))
    settings = None if problems else kind(**values)
    if settings is not None:
        problems.extend(settings.contradictions())
    if settings is None or problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise InvalidContent(f"the settings do not fit: {count}", tuple(problems))
    return settings


def key_of(one: "Field[Any]") -> str:
    """Return the key under which users write the setting."""
    return re.sub(r"_(s|bytes)$", "", one.name)


def variable_of(key: str) -> str:
    """Return the environment variable of a key."""
    return PREFIX + key.upper()


def document() -> str:
    """Return the tables of all settings, in Markdown."""
    parts: list[str] = []
    for table, kind in TABLES.items():
        parts += [f"## `[{table}]`", "", kind.__doc__ or "", ""]
        parts += ["| key | environment | default | range | what and why |", "|---|---|---|---|---|"]
        for one in fields(kind):
            key = key_of(one)
            default, allowed = _show_default(one), _show_range(one)
            parts.append(f"| `{key}` | `{variable_of(key)}` | {default} | {allowed} | {one.metadata['why']} |")
        parts.append("")
    return "\n".join(parts).rstrip()


def _from_file(
    kind: type[LogSettings], file: Path | None, known: Mapping[str, Any], problems: list[Problem]
) -> dict[str, Any]:
    """Return the table of `kind`; what cannot be read or is unknown becomes a problem."""
    if file is None:
        return {}
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(Problem(path="", message=f"cannot be read: {error.strerror}", file=str(file)))
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(Problem(path="", message=f"is not TOML: {error}", file=str(file)))
        return {}
    for name in tree:
        if name not in TABLES:
            problems.append(Problem(path=name, message=f"unknown table, {_expected(name, TABLES)}", file=str(file)))
    table = tree.get(next(name for name, one in TABLES.items() if one is kind), {})
    if not isinstance(table, dict):
        problems.append(Problem(path="", message="the settings must be a table", file=str(file)))
        return {}
    for key in table:
        if key not in known:
            problems.append(Problem(path=key, message=f"unknown setting, {_expected(key, known)}", file=str(file)))
    return {key: value for key, value in table.items() if key in known}


def _expected(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else f"expected one of {', '.join(sorted(known))}"


def _convert(one: "Field[Any]", value: Any) -> Any:
    """Return `value` as the field's type. Raises ValueError with the fact."""
    types = [part.strip() for part in str(_annotation(one)).split("|")]
    try:
        converted = _CONVERTERS[types[0]](value, one.name)
    except ValueError as error:
        raise ValueError(str(error).partition(", got ")[0]) if one.metadata["is_secret"] else error from None
    lowest, highest, choices = one.metadata["lowest"], one.metadata["highest"], one.metadata["choices"]
    if (lowest is not None and converted < lowest) or (highest is not None and converted > highest):
        raise ValueError(f"expected {_show_range(one)}, got {_show(one, value)}")
    if choices and converted not in choices:
        raise ValueError(f"expected one of {', '.join(choices)}, got {_show(one, value)}")
    normal = one.metadata["normal"]
    return converted if normal is None else normal(converted)


def _annotation(one: "Field[Any]") -> str:
    kind = one.type
    text = kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)
    return text.replace("pathlib._local.", "").replace("pathlib.", "")


def _text(value: Any, _: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {value!r}")
    return value


def _path(value: Any, _: str) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError(f"expected a path, got {value!r}")
    return Path(value).expanduser()


_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "": 1}
_SIZES: Final = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "": 1}


def _integer(value: Any, name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    sizes = _SIZES if name.endswith("_bytes") else {"": 1}
    found = re.fullmatch(r"(\d{1,18})\s*([A-Za-z]*)", value.strip()) if isinstance(value, str) else None
    if found is None or found[2] not in sizes:
        what = "a size such as 4MiB" if name.endswith("_bytes") else "a whole number"
        raise ValueError(f"expected {what}, got {value!r}")
    return int(found[1]) * sizes[found[2]]


def _number(value: Any, name: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    units = _UNITS if name.endswith("_s") else {"": 1}
    found = re.fullmatch(r"(\d{1,15}(?:\.\d+)?)\s*([a-z]*)", value.strip()) if isinstance(value, str) else None
    if found is None or found[2] not in units:
        what = "a duration such as 90s or 15m" if name.endswith("_s") else "a number"
        raise ValueError(f"expected {what}, got {value!r}")
    return float(found[1]) * units[found[2]]


def _pairs(value: Any, _: str) -> dict[str, str]:
    """A table, or text such as `os=linux,gpu=true`."""
    if isinstance(value, str):
        parts = [part.partition("=") for part in value.split(",") if part.strip()]
        if not all(equals and key.strip() for key, equals, _ in parts):
            raise ValueError(f"expected key=value,key=value, got {value!r}")
        return {key.strip(): text.strip() for key, _, text in parts}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: text if isinstance(text, str) else str(text) for key, text in value.items()}
    raise ValueError(f"expected a table of texts, got {value!r}")


_CONVERTERS: Final[Mapping[str, Any]] = {
    "str": _text,
    "Path": _path,
    "int": _integer,
    "float": _number,
    "dict[str, str]": _pairs,
}


def _show(one: "Field[Any]", value: Any) -> str:
    return "another value" if one.metadata["is_secret"] else repr(value)


def _show_default(one: "Field[Any]") -> str:
    default = one.default
    if default is MISSING or default is None or default == "":
        return ""
    if one.name.endswith("_s"):
        return f"`{default:g}s`"
    if one.name.endswith("_bytes"):
        return f"`{_size(default)}`"
    return f"`{default}`"


def _show_range(one: "Field[Any]") -> str:
    lowest, highest, choices = one.metadata["lowest"], one.metadata["highest"], one.metadata["choices"]
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    if lowest is None or highest is None:
        return ""
    if one.name.endswith("_s"):
        return f"{lowest:g}s to {highest:g}s"
    return f"{_size(lowest)} to {_size(highest)}" if one.name.endswith("_bytes") else f"{lowest:g} to {highest:g}"


def _size(count: float) -> str:
    for unit in ("GiB", "MiB", "KiB"):
        if count >= _SIZES[unit] and count % _SIZES[unit] == 0:
            return f"{int(count) // _SIZES[unit]}{unit}"
    return str(int(count))
