"""Both clients, by the same tests, against the real service: values, errors, pages, versions, logs and events."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from integration.service.rig import Rig
from orchestra.client import Client
from orchestra.client.entities import Event
from orchestra.domain.errors import (
    Conflict,
    InvalidContent,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PreconditionFailed,
)
from orchestra.domain.run import RunStatus
from support.both_clients import KINDS, connect

WAIT_S = 20.0
COMMANDS = {"type": "commands", "commands": ["true"]}


@pytest.fixture(params=KINDS)
def client(request: pytest.FixtureRequest, service: Rig) -> Iterator[Client]:
    with connect(request.param, service.url, service.first.token) as made:
        yield made


def in_background(work: Callable[[], Any]) -> Callable[[], Any]:
    """Start `work` on a thread; what is returned waits for its end and gives its result."""
    ended: list[Any] = []

    def run() -> None:
        try:
            ended.append(work())
        except BaseException as error:  # carried over to the test
            ended.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result() -> Any:
        thread.join(WAIT_S)
        assert ended, "it did not end"
        if isinstance(ended[0], BaseException):
            raise ended[0]
        return ended[0]

    return result


def test_what_is_made_is_read_changed_and_deleted_with_types(client: Client) -> None:
    project = client.put_project("core", display_name="Core", services={"repository": {"type": "git", "url": "x"}})
    assert (project.display_name, project.services["repository"]["type"]) == ("Core", "git")
    job = client.put_job("core", "build", definition=COMMANDS, parameters=[{"key": "branch", "default": "main"}])
    assert job.parameters[0].key == "branch" and job.creation_date.tzinfo is not None
    assert client.change_job("core", "build", group="nightly").group == "nightly"
    assert not client.set_job_enabled("core", "build", False).is_enabled
    schedule = client.put_schedule("core", "nightly", job="build", expression="30 2 * * *", misfire_window="2h")
    assert schedule.misfire_window == 7200.0
    assert not client.change_schedule("core", "nightly", is_enabled=False).is_enabled
    assert client.change_project("core", description="All of it").description == "All of it"
    assert [one.identifier for one in client.projects()] == ["core"]
    assert [one.identifier for one in client.jobs("core")] == ["build"]
    assert list(client.schedules("core")) == [client.schedule("core", "nightly")]
    assert client.job("core", "build").revision == job.revision
    client.delete_schedule("core", "nightly")
    client.delete_job("core", "build")
    client.delete_project("core")
    with pytest.raises(NotFound, match="core"):
        client.project("core")


def test_every_problem_of_bad_content_is_in_the_error(client: Client) -> None:
    client.put_project("core")
    with pytest.raises(InvalidContent) as raised:
        client.put_job("core", "build", definition={"type": "commands"}, parameters=[{"key": "1"}], group="/")
    assert len(raised.value.problems) >= 3


def test_a_change_of_what_somebody_else_changed_meanwhile_is_refused(client: Client) -> None:
    client.put_project("core")
    read = client.project("core")
    assert client.change_project("core", if_match=read, description="mine").description == "mine"
    for change in (
        lambda: client.change_project("core", if_match=read, description="theirs"),
        lambda: client.put_project("core", if_match=read.etag, description="theirs"),
        lambda: client.delete_project("core", if_match=read),
    ):
        with pytest.raises(PreconditionFailed):
            change()
    (listed,) = client.projects()
    with pytest.raises(ValueError, match="without a version"):
        client.delete_project("core", if_match=listed)
    written = client.change_project("core", description="again")
    client.delete_project("core", if_match=written)


def test_a_list_is_read_page_by_page_as_far_as_it_is_wanted(client: Client, service: Rig) -> None:
    service.job()
    made = [str(service.trigger()["identifier"]) for _ in range(130)]
    made.reverse()
    assert [one.identifier for one in client.runs()] == made
    assert [one.identifier for one in client.runs(limit=120)] == made[:120]
    assert [one.identifier for one in islice(client.runs(order="creation_date"), 2)] == made[:-3:-1]
    assert list(client.runs(limit=0)) == []


def test_filters_choose_runs(client: Client, service: Rig) -> None:
    service.job()
    service.job("other")
    run, other = client.trigger("core", "build"), client.trigger("core", "other", priority=7)
    client.cancel(other.identifier)

    def found(**filters: Any) -> list[str]:
        return [one.identifier for one in client.runs(**filters)]

    assert found(status=RunStatus.CANCELLED) == [other.identifier]
    assert found(status=["cancelled", "pending"], project="core") == [other.identifier, run.identifier]
    assert found(job="build") == found(project="core", job="build") == [run.identifier]
    assert found(created_after=datetime.now(UTC) + timedelta(hours=1)) == []
    assert found(source="user:admin") == [other.identifier, run.identifier]
    with pytest.raises(NotFound, match="no job core/nothing"):
        found(project="core", job="nothing")


def test_one_key_makes_one_run(client: Client, service: Rig) -> None:
    service.job()
    first = client.trigger("core", "build", {"count": 2}, priority=5, idempotency_key="k")
    assert client.trigger("core", "build", {"count": 2}, priority=5, idempotency_key="k").identifier == first.identifier
    assert client.trigger("core", "build").identifier != first.identifier
    assert (first.parameters["count"], first.priority, first.source) == (2, 5, {"type": "user", "user": "admin"})
    with pytest.raises(InvalidContent):
        client.trigger("core", "build", {"count": "x"})


def test_a_run_is_read_in_all_its_parts(client: Client, service: Rig) -> None:
    service.job()
    service.worker()
    run = service.done(b"one\ntwo\n", results={"answer": 42})
    found = client.run(run)
    assert found == client.run_by_number("core", "build", found.number)
    assert found.has_ended and found.definition["type"] == "commands" and found.cause.code == "succeeded"
    assert client.results(run) == {"answer": 42}
    (step,) = client.steps(run)
    assert (step.name, step.exit_code, step.log_end) == ("echo", 0, 8)
    assert client.run_events(run)[0].type == "run.created"
    assert client.log_info(run).lines == 2
    assert client.log_lines(run, -1).lines == ("two",)
    assert client.log_lines(run, columns=1).cut
    assert client.log_line(run, 1) == b"one"
    (section,) = client.log_sections(run)
    assert (section.first, section.last) == (1, 2)


def test_wishes_are_carried_out_or_refused(client: Client, service: Rig) -> None:
    service.job()
    service.worker()
    run = client.trigger("core", "build").identifier
    explanation = client.explain(run)
    assert (explanation.position, explanation.workers[0].verdict) == (1, "matches")
    assert client.cancel(run).status is RunStatus.CANCELLED
    assert client.cancel(run).should_cancel
    with pytest.raises(Conflict):
        client.abort(run)
    again = client.retry(run, {"count": 3})
    assert (again.parameters["count"], again.source["run"]) == (3, run)
    service.start(again.identifier)
    assert client.abort(again.identifier).should_abort


def test_workers_are_looked_at_and_switched(client: Client, service: Rig) -> None:
    service.worker("w1")
    (worker,) = client.workers()
    assert worker == client.worker("w1")
    assert client.change_worker("w1", is_enabled=False, note="new disk").note == "new disk"
    assert client.disconnect_worker("w1").should_disconnect
    with pytest.raises(Conflict):
        client.delete_worker("w1")


def test_users_and_their_tokens_are_managed(client: Client, service: Rig) -> None:
    user = client.put_user("maya", roles=["Viewer"])
    assert client.change_user("maya", if_match=client.user("maya"), roles=["Operator"]).roles == ("Operator",)
    assert {one.identifier for one in client.users()} == {"admin", user.identifier}
    soon = datetime.now(UTC) + timedelta(days=1)
    token = client.create_token("maya", description="laptop", expiration_date=soon)
    assert token.expiration_date == soon and token.secret not in repr(token)
    for text in (token.secret, f"maya:{token.secret}"):
        with Client(service.url, text) as own:
            assert own.me().user.identifier == "maya"
            assert "run.cancel" in own.me().permissions
    (listed,) = client.authentications("maya")
    assert (listed.identifier, listed.description) == (token.identifier, "laptop")
    client.delete_authentication("maya", token.identifier)
    with Client(service.url, token.secret) as own, pytest.raises(NotAuthenticated):
        own.me()
    client.delete_user("maya")


def test_the_own_tokens_are_managed(client: Client) -> None:
    token = client.create_own_token(description="for a script")
    assert token.identifier in [one.identifier for one in client.own_authentications()]
    client.delete_own_authentication(token.identifier)
    assert token.identifier not in [one.identifier for one in client.own_authentications()]


def test_files_are_planned_and_applied(client: Client) -> None:
    file = "projects: {core: {jobs: {build: {definition: {type: commands, commands: [true]}}}}}"
    files: list[Any] = [{"name": "a.yaml", "content": file.replace("true", "'true'")}]
    plan = client.plan(files)
    assert [(one.action, one.kind, one.path) for one in plan.changes] == [
        ("create", "project", "core"),
        ("create", "job", "core/build"),
    ]
    assert client.apply(files) == plan
    assert client.plan(files).changes == ()
    with pytest.raises(InvalidContent) as raised:
        client.apply([{"name": "b.yaml", "content": "projects: 5"}])
    assert raised.value.problems[0].file == "b.yaml"


# Logs


def test_a_log_is_read_whole_in_part_and_in_pieces(client: Client, service: Rig) -> None:
    service.job()
    service.worker()
    text = bytes(range(256)) * 8192
    run = service.done(text)
    assert client.log(run) == text
    assert client.log(run, 100, 50) == text[100:150]
    assert client.log(run, len(text)) == client.log(run, 5, 0) == b""
    assert b"".join(client.log_pieces(run, 1000)) == text[1000:]
    written = bytearray()
    assert client.write_log(run, written.extend) == len(text)
    assert bytes(written) == text
    pending = client.trigger("core", "build").identifier
    assert client.log(pending) == client.log(pending, 5) == b"".join(client.log_pieces(pending)) == b""
    with pytest.raises(ValueError, match="offset"):
        client.log(run, -1)
    with pytest.raises(NotFound):
        client.log("00000000-0000-0000-0000-000000000000")


def test_a_log_is_followed_byte_for_byte_until_the_run_ends(client: Client, service: Rig) -> None:
    service.job()
    service.worker()
    run = client.trigger("core", "build").identifier
    service.start(run)
    # U+2028 and U+0085 end lines for Python and not for server-sent events; the last bytes are no UTF-8.
    parts = ["début\n".encode(), "a\u2028b\u0085c\x0b".encode(), b"\xff\xfe\r\n\r", "é".encode()[:1]]
    service.append(run, parts[0])
    pieces = client.follow_log(run)
    read = next(pieces)
    assert read == parts[0]
    rest = in_background(lambda: b"".join(pieces))
    for part in parts[1:]:
        service.append(run, part)
    service.finish(run)
    assert read + rest() == b"".join(parts)
    assert b"".join(client.follow_log(run, 3)) == b"".join(parts)[3:]


def test_who_stops_following_leaves_nothing_open(client: Client, service: Rig) -> None:
    service.job()
    service.worker()
    run = client.trigger("core", "build").identifier
    service.start(run)
    service.append(run, b"first")
    with closing(client.follow_log(run)) as pieces:
        assert next(pieces) == b"first"
    assert client.run(run).status is RunStatus.RUNNING


# Waiting


def test_waiting_ends_with_the_run(client: Client, service: Rig) -> None:
    service.job()
    service.worker()
    run = client.trigger("core", "build").identifier
    ended = in_background(lambda: client.wait(run))
    service.start(run)
    service.append(run, b"printed while somebody waits")
    service.finish(run, RunStatus.FAILED)
    assert ended().status is RunStatus.FAILED
    assert client.wait(run, timeout_s=5).status is RunStatus.FAILED


def test_waiting_gives_up_when_its_time_is_over_and_the_run_goes_on(client: Client, service: Rig) -> None:
    service.job()
    run = client.trigger("core", "build").identifier
    with pytest.raises(TimeoutError, match=r"no end after 0\.2 s"):
        client.wait(run, timeout_s=0.2)
    assert client.run(run).status is RunStatus.PENDING


# Events


def test_events_are_followed_from_now_or_from_a_number(client: Client, service: Rig) -> None:
    service.job()
    topics = ["project:other"]
    stream = client.follow_events(topics, after=0)
    first = in_background(lambda: list(islice(stream, 2)))
    service.job(project="other")
    seen: list[Event] = first()
    assert [one.type for one in seen] == ["project.created", "job.created"]
    assert (seen[1].project, seen[1].job, seen[1].actor) == ("other", "build", "admin")
    with closing(client.follow_events(topics, after=seen[0].sequence)) as again:
        assert next(again) == seen[1]


def test_following_ends_when_the_authentication_does(client: Client, service: Rig) -> None:
    service.user("maya", "Viewer")
    kind = "synchronous" if isinstance(client, Client) else "asynchronous"
    token = client.create_token("maya")
    with connect(kind, service.url, token.secret) as own, closing(own.follow_events(["projects"], after=0)) as events:
        client.put_project("core")
        assert next(events).type == "project.created"
        ended = in_background(lambda: next(events))
        client.delete_authentication("maya", token.identifier)
        with pytest.raises(NotAuthenticated):
            ended()


# Connection


def test_a_session_can_be_begun_by_a_token_and_ended(client: Client, service: Rig) -> None:
    kind = "synchronous" if isinstance(client, Client) else "asynchronous"
    with connect(kind, service.url) as visitor:
        with pytest.raises(NotAuthenticated):
            visitor.me()
        assert visitor.sign_in("admin", service.first.token).user.identifier == "admin"
        assert visitor.put_project("core").identifier == "core"
        visitor.sign_out()
        with pytest.raises(NotAuthenticated):
            visitor.me()
        with pytest.raises(NotAuthenticated):
            visitor.sign_in("admin", "wrong")


def test_the_server_tells_about_itself(client: Client) -> None:
    assert client.is_live() and client.is_ready()
    assert client.openapi()["openapi"].startswith("3.1")


def test_the_environment_says_which_server(client: Client, service: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_SERVER", service.url)
    monkeypatch.setenv("ORCHESTRA_TOKEN", service.first.token)
    with Client.from_environment(timeout_s=5.0, retries=0) as made:
        assert made.me() == client.me()


PASSWORD, OTHER = "seven green kites over Oslo", "nine quiet lamps in Turin"


def test_a_user_is_invited_by_a_link_and_then_signs_in_by_password(client: Client, service: Rig) -> None:
    kind = "synchronous" if isinstance(client, Client) else "asynchronous"
    client.put_user("maya", roles=["Viewer"])
    link = client.create_link("maya")
    assert (link.purpose, link.path) == ("invitation", f"/set-password#{link.code}")
    assert link.code not in repr(link)
    with connect(kind, service.url) as visitor:
        assert visitor.set_password_by_code(link.code, PASSWORD).user.identifier == "maya"
        with pytest.raises(NotAuthenticated):
            visitor.set_password_by_code(link.code, PASSWORD)
        with pytest.raises(InvalidContent) as raised:
            visitor.set_own_password(OTHER)
        assert raised.value.problems[0].path == "current_password"
        with pytest.raises(NotAllowed):
            visitor.set_own_password(OTHER, current_password="wrong")
        visitor.set_own_password(OTHER, current_password=PASSWORD)
        visitor.reauthenticate(password=OTHER)
        token = visitor.create_own_token(description="made in a session")
        assert {one.type for one in visitor.own_authentications()} == {"password", "token"}
    with connect(kind, service.url, token.secret) as own:
        assert own.me().user.has_password
        (session,) = own.own_sessions()
        assert not session.is_current
        own.end_own_session(session.identifier)
        assert list(own.own_sessions()) == []


def test_sessions_are_looked_at_and_ended(client: Client, service: Rig) -> None:
    kind = "synchronous" if isinstance(client, Client) else "asynchronous"
    client.put_user("maya", roles=["Viewer"])
    client.set_password("maya", PASSWORD)
    with connect(kind, service.url) as first, connect(kind, service.url) as second:
        first.sign_in("maya", PASSWORD)
        second.sign_in("maya", PASSWORD)
        assert len(list(client.sessions("maya"))) == 2
        assert [one.is_current for one in first.own_sessions()].count(True) == 1
        first.end_own_sessions()
        with pytest.raises(NotAuthenticated):
            second.me()
        second.sign_in("maya", PASSWORD)
        client.end_sessions("maya")
        with pytest.raises(NotAuthenticated):
            second.me()


def test_tokens_are_limited_changed_and_ended(client: Client, service: Rig) -> None:
    client.put_user("maya", roles=["Operator"])
    token = client.create_token("maya", roles=["Viewer"])
    assert token.roles == ("Viewer",)
    whole = client.create_token("maya").secret
    with Client(service.url, whole) as own, Client(service.url, token.secret) as limited:
        assert limited.me().authentication.roles == ("Viewer",)
        assert own.change_own_authentication(token.identifier, description="mine").description == "mine"
        read = own.own_authentication(token.identifier)
        assert read == client.authentication("maya", token.identifier)
        client.change_authentication("maya", token.identifier, if_match=read, expiration_date=datetime.now(UTC))
        assert own.me().authentication.roles is None
        with pytest.raises(NotAuthenticated):
            limited.me()


def test_runs_are_found_by_a_query_whose_problems_are_all_told(client: Client, service: Rig) -> None:
    service.job()
    service.job("other")
    run = client.trigger("core", "build", {"count": 5})
    client.trigger("core", "other")
    assert [one.identifier for one in client.runs(q="job:bu* parameter.count:5")] == [run.identifier]
    with pytest.raises(InvalidContent) as raised:
        list(client.runs(project="core", q="status:nothing number:x"))
    assert len(raised.value.problems) == 2


def test_a_run_that_has_ended_can_be_deleted(client: Client, service: Rig) -> None:
    service.job()
    run = client.trigger("core", "build").identifier
    with pytest.raises(Conflict):
        client.delete_run(run)
    client.cancel(run)
    client.delete_run(run)
    with pytest.raises(NotFound):
        client.run(run)


def test_the_history_of_a_job_says_who_changed_what(client: Client, service: Rig) -> None:
    service.job()
    client.change_job("core", "build", properties={"os": "linux"}, policy={"priority": 3})
    newest, oldest = client.job_revisions("core", "build")
    assert (newest.revision, newest.changed, newest.creator) == (2, ("properties", "policy"), "admin")
    assert oldest.changed == ()
    assert client.job_revision("core", "build", 2).properties == {"os": "linux"}
    changes = client.job_changes("core", "build", 2)
    assert changes.since == 1
    assert ("properties.os", None, "linux") in [(one.path, one.before, one.after) for one in changes.changes]
    assert client.job_changes("core", "build", 1, since=2).changes[0].after is None
    with pytest.raises(NotFound):
        client.job_revision("core", "build", 3)


def test_one_action_is_rehearsed_and_done_on_many_runs(client: Client, service: Rig) -> None:
    service.job()
    made = [client.trigger("core", "build").identifier for _ in range(3)]
    client.cancel(made[0])
    rehearsed = client.bulk("cancel", q="job:build", dry_run=True)
    assert (rehearsed.matched, rehearsed.next_cursor) == (3, None)
    assert {one.run: one.outcome for one in rehearsed.items}[made[1]] == "would"
    assert client.run(made[1]).status is RunStatus.PENDING
    done = client.bulk("cancel", q="status:pending")
    assert {one.run: one.outcome for one in done.items} == {made[1]: "done", made[2]: "done"}
    (again,) = client.bulk("retry", ids=[made[0]]).items
    assert again.created is not None and client.run(again.created).source["run"] == made[0]
    (refused,) = client.bulk("abort", ids=[again.created]).items
    assert refused.outcome == "refused" and refused.reason


def test_names_are_searched(client: Client, service: Rig) -> None:
    service.job()
    run = client.trigger("core", "build")
    found = client.search("buil", types=["job", "run"])
    assert [(one.type, one.project, one.identifier) for one in found] == [("job", "core", "build")]
    (hit,) = client.search("build#1", limit=1)
    assert (hit.type, hit.identifier) == ("run", run.identifier)


def test_every_list_has_its_filters(client: Client, service: Rig) -> None:
    service.job(group="nightly/db")
    service.job("other", is_enabled=False)
    service.worker("w1")
    client.put_schedule("core", "nightly", job="build", expression="30 2 * * *")
    client.put_user("maya", roles=["Viewer@core"])

    def names(items: Iterable[Any]) -> list[str]:
        return [one.identifier for one in items]

    assert names(client.jobs("core", group="nightly")) == names(client.jobs("core", is_enabled=True)) == ["build"]
    assert names(client.jobs("core", managed_by="files")) == names(client.projects(managed_by="files")) == []
    assert names(client.jobs("core", order="-identifier", limit=1)) == ["other"]
    assert names(client.schedules("core", job="build", is_enabled=True)) == ["nightly"]
    assert names(client.schedules("core", job="other")) == []
    assert names(client.workers(owner="admin", is_active=True)) == ["w1"]
    assert names(client.workers(is_enabled=False)) == []
    assert names(client.users(role="Viewer@core", is_enabled=True)) == ["maya"]
