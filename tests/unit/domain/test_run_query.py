"""The grammar of run queries: what is read, what is refused and where, and that what is written is read again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.domain.errors import InvalidContent
from orchestra.domain.run import CauseCode, Run, RunStatus
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
    Term,
    TookTerm,
    WordTerm,
    fits,
    is_settled,
    matches,
)
from orchestra.domain.run_query_parser import FIELDS, LENGTH, TERMS, VALUES, parse
from orchestra.domain.run_query_text import text
from support.queries import NOW, queries

MORE, LESS, EQUAL = Comparison.MORE, Comparison.LESS, Comparison.EQUAL

READ: dict[str, tuple[Term, ...]] = {
    "": (),
    "status:failed,exception": (StatusTerm((RunStatus.FAILED, RunStatus.EXCEPTION)),),
    "-status:succeeded": (StatusTerm((RunStatus.SUCCEEDED,), is_negated=True),),
    "cause:timeout": (CauseTerm((CauseCode.TIMEOUT,)),),
    "job:build-*": (NameTerm(NameField.JOB, (Pattern(("build-", "")),)),),
    'job:"build-*"': (NameTerm(NameField.JOB, (Pattern(("build-*",)),)),),
    'job:"a b"*c,d': (NameTerm(NameField.JOB, (Pattern(("a b", "c")), Pattern(("d",)))),),
    "job:a**b": (NameTerm(NameField.JOB, (Pattern(("a", "b")),)),),
    "worker:*": (NameTerm(NameField.WORKER, (Pattern(("", "")),)),),
    "project:web": (NameTerm(NameField.PROJECT, (Pattern(("web",)),)),),
    "source:schedule": (SourceTerm((SourcePattern(SourceType.SCHEDULE),)),),
    "source:user:maya,run": (
        SourceTerm((SourcePattern(SourceType.USER, Pattern(("maya",))), SourcePattern(SourceType.RUN))),
    ),
    "number:>10": (IntegerTerm(IntegerField.NUMBER, ((MORE, 10),)),),
    "number:3,=4": (IntegerTerm(IntegerField.NUMBER, ((EQUAL, 3), (EQUAL, 4))),),
    "priority:-5": (IntegerTerm(IntegerField.PRIORITY, ((EQUAL, -5),)),),
    "created:>-24h": (DateTerm(DateField.CREATED, (DateBound(MORE, Ago(86_400.0)),)),),
    "created:2026-11-01": (DateTerm(DateField.CREATED, (On(date(2026, 11, 1)),)),),
    "completed:<2026-11-01": (DateTerm(DateField.COMPLETED, (DateBound(LESS, datetime(2026, 11, 1, tzinfo=UTC)),)),),
    "started:>=2026-11-01T12:00+02:00": (
        DateTerm(DateField.STARTED, (DateBound(Comparison.MORE_OR_EQUAL, datetime(2026, 11, 1, 10, tzinfo=UTC)),)),
    ),
    "took:>5m": (TookTerm(((MORE, 300.0),)),),
    "parameter.branch:main": (ParameterTerm("branch", (Pattern(("main",)),)),),
    'parameter.a.b:""': (ParameterTerm("a.b", (Pattern(("",)),)),),
    "timeout": (WordTerm("timeout"),),
    'a-b  -"out of memory"\n': (WordTerm("a-b"), WordTerm("out of memory", is_negated=True)),
    '"say \\"hi\\" to \\\\ and \\n"': (WordTerm('say "hi" to \\ and \\n'),),
    '"status:failed"': (WordTerm("status:failed"),),
    'ab"c d"e': (WordTerm("abc de"),),
}


@pytest.mark.parametrize("source", READ)
def test_a_query_is_read_as_typed_terms(source: str) -> None:
    assert parse(source) == Query(READ[source])


WRONG = {
    "status:bad": [8],
    "status:failed,": [15],
    "status:": [8],
    "  foo:bar x status:nope": [3, 20],
    "number:0": [8],
    "number:>x": [8],
    "number:99999999999": [8],
    "priority:101": [10],
    "created:-24h": [9],
    "created:=-24h": [9],
    "created:2026-02-30": [9],
    "created:2026-02-03T12:00": [9],
    "created:>yesterday": [9],
    "created:>0001-01-01T00:00+10:00": [9],
    "took:long": [6],
    "took:>-5m": [6],
    "source:me": [8],
    "source:user:": [13],
    "parameter:x": [1],
    "parameter.:x": [1],
    "parameter.-:x": [1],
    'job:""': [5],
    '"open': [1],
    'a "open': [3],
    "-": [1],
    "a -": [3],
    '""': [1],
    "build-*": [7],
    ":x": [1],
    "a\0b": [2],
    '"a\x07"': [3],
    "a\ud800": [2],
}


@pytest.mark.parametrize("source", WRONG)
def test_every_problem_is_told_with_its_column(source: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        parse(source)
    assert [one.column for one in refused.value.problems] == WRONG[source]
    assert {one.path for one in refused.value.problems} == {"q"}


def test_an_unknown_field_is_answered_with_those_that_exist() -> None:
    with pytest.raises(InvalidContent) as refused:
        parse("branch:main")
    assert ", ".join(FIELDS) in refused.value.problems[0].message


def test_a_query_has_a_largest_size() -> None:
    assert len(parse(" ".join(["x"] * TERMS)).terms) == TERMS
    for source in ("x" * (LENGTH + 1), " ".join(["x"] * (TERMS + 1)), f"job:{','.join(['x'] * (VALUES + 1))}"):
        with pytest.raises(InvalidContent) as refused:
            parse(source)
        assert "at most" in refused.value.problems[0].message


@given(st.text(max_size=60) | st.text('ab:"\\*,-<>=.1 \n\0statusjobnumberparametercreatedtooksource', max_size=60))
def test_the_parser_raises_nothing_but_invalid_content(source: str) -> None:
    with suppress(InvalidContent):
        parse(source)


@given(queries(st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)))
def test_what_is_written_is_read_as_the_same_query(query: Query) -> None:
    written = text(query)
    if len(written) <= LENGTH:
        assert parse(written) == query


@given(st.text('ab:"\\*,-<>=.1 statusjobfailed', max_size=40))
def test_whatever_can_be_read_is_written_and_read_as_the_same(source: str) -> None:
    with suppress(InvalidContent):
        query = parse(source)
        assert parse(text(query)) == query


def a_run(**fields: object) -> Run:
    plain = Run(
        project="web",
        identifier="0190a0b1-0000-7000-8000-000000000001",
        number=7,
        job="build-web",
        job_revision=1,
        parameters={"branch": "main", "count": 3, "ratio": 2.0, "dry": True},
        source={"type": "user", "user": "maya"},
        worker="w1",
        status=RunStatus.FAILED,
        start_date=NOW - timedelta(minutes=10),
        completion_date=NOW - timedelta(minutes=4),
        creation_date=NOW - timedelta(hours=1),
        update_date=NOW,
    )
    return replace(plain, **fields)  # type: ignore[arg-type]


FIT = [
    "status:failed,exception job:build-* created:>-24h -parameter.branch:dev",
    "parameter.count:3 parameter.ratio:2 parameter.dry:true",
    "number:>6 number:<8 number:7 priority:0",
    "source:user:maya source:user source:user:m*",
    "took:>5m took:<=6m took:6m",
    "started:2026-03-01 completed:>=-4m",
    "MAIN build -master w1 0190A0B1",
    "-worker:w2,w3 -parameter.nothing:*",
]
UNFIT = [
    "status:succeeded",
    "job:build",
    "created:>-30m",
    "worker:W1",
    "source:schedule",
    "source:user:may",
    "-took:>5m",
    "parameter.branch:mai",
    "parameter.nothing:*",
    "190a",
    "cause:timeout",
]


@pytest.mark.parametrize("source", FIT)
def test_terms_fit_a_run(source: str) -> None:
    assert matches(parse(source), a_run(), NOW)


@pytest.mark.parametrize("source", UNFIT)
def test_terms_do_not_fit_a_run(source: str) -> None:
    assert not matches(parse(source), a_run(), NOW)


def test_what_has_not_happened_fits_only_a_negation() -> None:
    pending = a_run(worker=None, status=RunStatus.PENDING, start_date=None, completion_date=None)
    for source in ("worker:*", "started:<2030-01-01", "completed:<2030-01-01", "took:>=0"):
        assert not matches(parse(source), pending, NOW)
        assert matches(parse(f"-{source}"), pending, NOW)


def test_a_run_that_goes_on_takes_until_now() -> None:
    running = a_run(status=RunStatus.RUNNING, completion_date=None)
    assert matches(parse("took:10m"), running, NOW)
    assert matches(parse("took:>10m"), running, NOW + timedelta(microseconds=1))


@given(queries())
def test_a_term_and_its_negation_never_agree(query: Query) -> None:
    for term in query.terms:
        other = replace(term, is_negated=not term.is_negated)
        assert fits(term, a_run(), NOW) != fits(other, a_run(), NOW)


def test_settled_terms_are_those_of_what_never_changes() -> None:
    settled = parse("project:web job:b* number:1 priority:0 source:user parameter.x:y created:<2026-01-01")
    assert all(map(is_settled, settled.terms))
    moving = parse("status:failed cause:timeout worker:w1 started:2026-01-01 created:>-1h took:>1s word")
    assert not any(map(is_settled, moving.terms))
