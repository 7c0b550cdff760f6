"""Run queries and runs made by chance, from pools so small that they meet."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from orchestra.domain.run import TERMINAL, Cause, CauseCode, Run, RunStatus
from orchestra.domain.run_query import (
    Ago,
    CauseTerm,
    Comparison,
    DateBound,
    DateField,
    DateTerm,
    IntegerField,
    IntegerTerm,
    NameField,
    NameTerm,
    On,
    ParameterTerm,
    Pattern,
    Query,
    SourcePattern,
    SourceTerm,
    SourceType,
    StatusTerm,
    TookTerm,
    WordTerm,
)
from support.stored import run_id

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
PROJECTS = ("web", "api", "Web")
JOBS = ("build", "build-web", "Build", "b[ui]ld?", "a_b%c", "a\\b", "straße", "x*y")
WORKERS = ("w1", "W1", "w-2")
USERS = ("ada", "Ada", "bob_%")
KEYS = ("branch", "a.b", "n")
VALUES: tuple[Any, ...] = (
    "main",
    "Main",
    "",
    'say "hi", \\o/',
    "ÄÖ Éa",
    "true",
    "3",
    True,
    False,
    3,
    -7,
    0,
    0.5,
    3.0,
    1e-5,
    2.5e-5,
    -1.25e-05,
    1e16,
    1e22,
    1e-7,
)
SECONDS = (0.0, 0.5, 1e-6, 60.0, 61.000001, 3600.0, 86_400.0)


def a_random_run(chance: random.Random, index: int) -> Run:
    """A run of any kind, created within two days before `NOW`."""

    def some_time() -> timedelta:
        return timedelta(seconds=chance.choice((*SECONDS, chance.uniform(0, 90_000))))

    created = NOW - some_time()
    status = chance.choice(tuple(RunStatus))
    started = None if status is RunStatus.PENDING or chance.random() < 0.2 else created + some_time() / 4
    kind = chance.choice(("user", "schedule", "run", "webhook"))
    keys = chance.sample(KEYS, chance.randrange(len(KEYS) + 1))
    return Run(
        project=chance.choice(PROJECTS),
        identifier=run_id(chance.randrange(1 << 40) << 8 | index),
        number=index + 1,
        job=chance.choice(JOBS),
        job_revision=1,
        parameters={key: chance.choice(VALUES) for key in keys},
        source={"type": kind, kind: chance.choice(USERS)},
        worker=None if status is RunStatus.PENDING else chance.choice(WORKERS),
        status=status,
        cause=Cause(chance.choice(tuple(CauseCode)), "because"),
        priority=chance.choice((-100, -1, 0, 1, 100)),
        start_date=started,
        completion_date=(started or created) + some_time() if status in TERMINAL else None,
        creation_date=created,
        update_date=created,
    )


def _terms(make: Callable[..., Any], *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(make, *parts, st.booleans())


def _several(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, min_size=1, max_size=3).map(tuple)


def _patterns(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Pattern]:
    """Exact texts, and pieces of them with something left out between."""
    piece = texts.flatmap(lambda text: st.integers(0, len(text)).map(lambda end: text[:end]))
    tail = texts.flatmap(lambda text: st.integers(0, len(text)).map(lambda start: text[start:]))
    exact = texts.map(lambda text: Pattern((text,)))
    globs = st.tuples(piece, st.lists(st.sampled_from(("u", "_", "%", "[", "b")), max_size=1), tail)
    return exact | globs.map(lambda three: Pattern((three[0], *three[1], three[2])))


def queries(texts: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[Query]:
    """Queries over the pools above; with `texts`, over those texts instead."""

    def of(*pool: str) -> st.SearchStrategy[str]:
        return st.sampled_from(pool) if texts is None else texts.filter(bool)

    comparisons = st.sampled_from(Comparison)
    names = {NameField.PROJECT: PROJECTS, NameField.JOB: JOBS, NameField.WORKER: WORKERS}
    name = st.sampled_from(NameField).flatmap(
        lambda field: _terms(NameTerm, st.just(field), _several(_patterns(of(*names[field]))))
    )
    values = st.sampled_from([text for text in VALUES if isinstance(text, str)] + ["3", "0.5", "-7", "false"])
    source = st.builds(
        SourcePattern, st.sampled_from(SourceType), st.none() | _patterns(of(*USERS).filter(lambda text: text != ""))
    ).filter(lambda one: one.name is None or one.name.pieces != ("",))
    integers = {IntegerField.NUMBER: st.integers(1, 70), IntegerField.PRIORITY: st.sampled_from((-100, -1, 0, 1, 100))}
    integer = st.sampled_from(IntegerField).flatmap(
        lambda field: _terms(IntegerTerm, st.just(field), _several(st.tuples(comparisons, integers[field])))
    )
    moment = st.sampled_from(SECONDS).map(lambda seconds: NOW - timedelta(seconds=seconds)) | st.builds(
        Ago, st.sampled_from(SECONDS)
    )
    bound = st.builds(DateBound, comparisons.filter(lambda one: one is not Comparison.EQUAL), moment)
    day = st.builds(On, st.sampled_from((date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 2))))
    word = of("build", "BUILD", "main", "w1", "true", "3", "öx", "É", "%", 'say "hi"', run_id(1)[:5], "0000")
    term = (
        _terms(StatusTerm, _several(st.sampled_from(RunStatus)))
        | _terms(CauseTerm, _several(st.sampled_from(CauseCode)))
        | name
        | _terms(ParameterTerm, st.sampled_from(KEYS), _several(_patterns(values if texts is None else texts)))
        | _terms(SourceTerm, _several(source))
        | integer
        | _terms(DateTerm, st.sampled_from(DateField), _several(bound | day))
        | _terms(TookTerm, _several(st.tuples(comparisons, st.sampled_from(SECONDS))))
        | _terms(WordTerm, word)
    )
    return st.lists(term, max_size=3).map(lambda terms: Query(tuple(terms)))
