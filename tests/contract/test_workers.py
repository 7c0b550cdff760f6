"""Workers: sessions that fence one another, names that belong to one data folder, and runs of the absent."""

from typing import Any

import pytest
from sqlalchemy import Connection

from orchestra.domain.errors import Conflict, NotFound
from orchestra.domain.run import GivenBack, Started
from orchestra.storage import events, jobs, projects, runs, users, workers
from orchestra.storage.workers import Absence
from support.stored import (
    T0,
    a_hello,
    a_job,
    a_project,
    a_user,
    assign,
    assignment,
    at,
    insert,
    known_worker,
)


@pytest.fixture(autouse=True)
def furnished(connection: Connection) -> None:
    users.save(connection, a_user(), T0)
    users.save(connection, a_user("bob"), T0)


def test_the_first_connection_makes_the_worker(connection: Connection) -> None:
    hello = a_hello(properties={"os": "linux", "cores": 8}, concurrency=4)
    before, after = workers.connect(connection, hello, "ada", at(1))
    assert before is None
    assert (after.owner, after.session, after.is_active, after.concurrency) == ("ada", 1, True, 4)
    assert (after.connection_date, after.last_seen_date, after.display_name) == (at(1), at(1), "w1")
    assert workers.get(connection, "w1") == after


def test_the_next_connection_returns_what_the_last_session_left(connection: Connection) -> None:
    _, first = workers.connect(connection, a_hello(), "ada", at(1))
    workers.patch(connection, "w1", at(2), note="mine", is_enabled=False, display_name="One")
    before, after = workers.connect(connection, a_hello(boot="boot 2", version="2"), "ada", at(3))
    assert before is not None
    assert (before.boot, before.installation) == (first.boot, first.installation)
    assert (after.session, after.boot, after.version) == (2, "boot 2", "2")
    assert (after.note, after.is_enabled, after.display_name) == ("mine", False, "One"), "what people wrote stays"
    assert after.creation_date == at(1)


def test_the_same_data_folder_supersedes_its_own_session_at_once(connection: Connection) -> None:
    workers.connect(connection, a_hello(), "ada", at(1))
    _, after = workers.connect(connection, a_hello(), "ada", at(2))
    assert after.session == 2
    assert not workers.is_current_session(connection, "w1", 1)
    assert workers.is_current_session(connection, "w1", 2)
    assert not workers.is_current_session(connection, "w2", 1)


def test_a_superseded_session_cannot_disconnect_the_newer_one(connection: Connection) -> None:
    workers.connect(connection, a_hello(), "ada", at(1))
    workers.connect(connection, a_hello(), "ada", at(2))
    assert not workers.disconnect(connection, "w1", 1, at(3))
    assert known_worker(connection).is_active
    assert workers.disconnect(connection, "w1", 2, at(4))
    assert not workers.disconnect(connection, "w1", 2, at(5)), "once is enough"
    worker = known_worker(connection)
    assert (worker.is_active, worker.last_seen_date) == (False, at(4))
    workers.connect(connection, a_hello(), "ada", at(6))
    assert workers.disconnect(connection, "w1", 3, at(9), heard=at(7))
    worker = known_worker(connection)
    assert (worker.last_seen_date, worker.update_date) == (at(7), at(9))


def test_another_data_folder_is_refused_while_the_name_is_connected(connection: Connection) -> None:
    workers.connect(connection, a_hello(), "ada", at(1))
    with pytest.raises(Conflict, match="another data folder is connected"):
        workers.connect(connection, a_hello(installation="other"), "ada", at(2))
    workers.disconnect(connection, "w1", 1, at(3))
    _, after = workers.connect(connection, a_hello(installation="other"), "ada", at(4))
    assert after.session == 2


def test_another_data_folder_is_refused_while_the_name_has_runs(connection: Connection) -> None:
    furnish_job(connection)
    workers.connect(connection, a_hello(), "ada", at(1))
    run = assign(connection, insert(connection))
    workers.disconnect(connection, "w1", 1, at(2))
    with pytest.raises(Conflict, match="has runs in another data folder"):
        workers.connect(connection, a_hello(installation="other"), "ada", at(3))
    runs.record(connection, run.identifier, GivenBack(epoch=1, reason="gone"), at(4))
    workers.connect(connection, a_hello(installation="other"), "ada", at(5))


def furnish_job(connection: Connection, **values: Any) -> None:
    projects.save(connection, a_project(), T0)
    jobs.save(connection, a_job(**values), T0)


def test_the_name_of_another_users_worker_is_refused(connection: Connection) -> None:
    workers.connect(connection, a_hello(), "ada", at(1))
    with pytest.raises(Conflict, match="another user"):
        workers.connect(connection, a_hello(), "bob", at(2))


def test_a_wish_to_disconnect_clears_with_the_connection(connection: Connection) -> None:
    workers.connect(connection, a_hello(), "ada", at(1))
    assert workers.patch(connection, "w1", at(2), should_disconnect=True, actor="ada").should_disconnect
    workers.disconnect(connection, "w1", 1, at(3))
    assert not known_worker(connection).should_disconnect


def test_at_the_start_of_a_server_nobody_is_connected(connection: Connection) -> None:
    workers.connect(connection, a_hello("w1"), "ada", at(1))
    workers.connect(connection, a_hello("w2"), "ada", at(1))
    workers.disconnect(connection, "w2", 1, at(2))
    assert workers.deactivate_all(connection, at(9)) == ["w1"]
    first, second = known_worker(connection, "w1"), known_worker(connection, "w2")
    assert (first.is_active, first.last_seen_date) == (False, at(9)), "nobody could have seen it meanwhile"
    assert (second.is_active, second.last_seen_date) == (False, at(2))


def test_being_seen_makes_no_event_and_counts_for_the_newest_session_only(connection: Connection) -> None:
    workers.connect(connection, a_hello(), "ada", at(1))
    last = events.last_sequence(connection)
    workers.seen(connection, {"w1": 1}, at(5))
    workers.seen(connection, {"w1": 7}, at(6))
    workers.seen(connection, {}, at(7))
    assert known_worker(connection).last_seen_date == at(5)
    assert events.last_sequence(connection) == last


def test_connections_and_changes_are_told(connection: Connection) -> None:
    since = events.last_sequence(connection)
    workers.connect(connection, a_hello(), "ada", at(1))
    workers.patch(connection, "w1", at(2), is_enabled=False, actor="ada")
    workers.disconnect(connection, "w1", 1, at(3))
    workers.delete(connection, "w1", at(4), actor="ada")
    told = events.after(connection, since)
    assert [(one.type.value, one.worker, one.actor) for one in told] == [
        ("worker.connected", "w1", "ada"),
        ("worker.updated", "w1", "ada"),
        ("worker.disconnected", "w1", None),
        ("worker.deleted", "w1", "ada"),
    ]
    assert told[0].data == {"session": 1, "version": "1", "is_new": True}
    assert told[1].data == {"changed": ["is_enabled"], "is_enabled": False}


def test_a_worker_with_active_runs_is_not_deleted(connection: Connection) -> None:
    furnish_job(connection)
    workers.connect(connection, a_hello(), "ada", at(1))
    with pytest.raises(Conflict, match="is connected"):
        workers.delete(connection, "w1", at(1))
    assign(connection, insert(connection))
    workers.disconnect(connection, "w1", 1, at(2))
    with pytest.raises(Conflict, match="1 run that has not ended"):
        workers.delete(connection, "w1", at(3))


def test_an_unknown_worker_is_not_found(connection: Connection) -> None:
    with pytest.raises(NotFound):
        workers.patch(connection, "nobody", T0, note="x")
    with pytest.raises(NotFound):
        workers.delete(connection, "nobody", T0)
    assert not workers.disconnect(connection, "nobody", 1, T0)


@pytest.mark.parametrize(
    ("policy", "fail_after_s"),
    [
        ({}, 86_400.0),
        ({"on_worker_lost": "wait"}, None),
        ({"on_worker_lost": {"fail_after": 90.0}}, 90.0),
    ],
)
def test_runs_of_workers_that_are_away_come_with_their_grace(
    connection: Connection, policy: dict[str, object], fail_after_s: float | None
) -> None:
    furnish_job(connection, policy=policy)
    workers.connect(connection, a_hello(), "ada", at(1))
    workers.connect(connection, a_hello("here"), "ada", at(1))
    first, _ = assign(connection, insert(connection, 1)), assign(connection, insert(connection, 2), "here")
    runs.record(connection, first.identifier, Started(epoch=1, date=at(2)), at(2))
    assert workers.inactive_with_runs(connection) == []
    workers.disconnect(connection, "w1", 1, at(5))
    (absence,) = workers.inactive_with_runs(connection)
    assert absence == Absence(
        run=first.identifier, epoch=1, worker="w1", last_seen_date=at(5), fail_after_s=fail_after_s
    )


def test_free_slots_are_those_of_enabled_connected_workers(connection: Connection) -> None:
    furnish_job(connection)
    for name in ("w1", "off", "away", "other"):
        workers.connect(connection, a_hello(name), "ada", at(1))
    workers.patch(connection, "off", at(2), is_enabled=False)
    workers.disconnect(connection, "away", 1, at(2))
    runs.claim(connection, [assignment(insert(connection))], at(3))
    assert workers.free_slots(connection, ["w1", "off", "away", "nobody"]) == {"w1": 1}
