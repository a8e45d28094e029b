"""The pages of the audit trail: what is shown, to whom, and what may be taken away as a file."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client
from django.utils import timezone

from accounts import audit_check_jobs, audit_files
from accounts.audit import Actor, Line, record, record_lines
from accounts.audit_check import check_trail
from accounts.audit_seals import read_seal, take_seal
from accounts.models import AuditEntry

ADA = Actor(None, "ada@harbour.test", "192.0.2.1")
BOB = Actor(None, "bob@harbour.test", "192.0.2.2")


@pytest.fixture
def trail(organisation):
    record(organisation, ADA, "video.watched", "Door, Gate", kind="live", path="lan")
    record(organisation, BOB, "recorder.changed", "Gate", before={"name": "A"}, after={"name": "B"})
    record(organisation, ADA, "person.signed_in", "ada")
    return organisation


@pytest.fixture
def signed_in(client, owner, trail):
    client.force_login(owner)

    return client


def _shown(client, **query):
    page = client.get("/audit/", query)
    assert page.status_code == 200
    return [line["entry"].action for line in page.context["lines"]]


def test_people_are_found_by_the_name_they_have_here(signed_in, owner, viewer, stranger, trail):
    """In another organisation they may have another one, which is nobody's business (A3)."""
    viewer.memberships.update(name="Vera Voss")
    record(trail, Actor(viewer, viewer.login), "person.signed_in", viewer.login)
    record(trail, ADA, "person.changed", viewer.login)
    stranger.memberships.update(name="Vera Voss")
    record(trail, Actor(stranger, stranger.login), "recorder.changed", "Gate")
    assert _shown(signed_in, who="vera v") == ["person.signed_in"]
    assert _shown(signed_in, target="voss") == ["person.changed", "person.signed_in"]
    viewer.memberships.update(name="")
    assert _shown(signed_in, who="vera v") == []


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"who": "ADA", "group": "watching"}, ["video.watched"]),
        ({"who": "bob"}, ["recorder.changed"]),
        ({"target": "door"}, ["video.watched"]),
        ({"target": "gate", "address": "192.0.2.2"}, ["recorder.changed"]),
        ({"address": "192.0.2.9"}, []),
        ({"address": "nonsense"}, []),
        ({"group": "nonsense"}, []),
        ({"since": "2099-01-01"}, []),
        ({"until": "1999-01-01"}, []),
    ],
    ids=str,
)
def test_filters_narrow_what_is_shown(signed_in, query, shown):
    assert _shown(signed_in, **query) == shown


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Pacific/Kiritimati", "2026-03-02"),  # UTC+14
        ("Pacific/Honolulu", "2026-03-01"),
        ("", "2026-03-01"),
        ("Nonsense/../etc", "2026-03-01"),
    ],
)
def test_days_are_those_of_the_reader(signed_in, trail, zone, day):
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("accounts.audit.timezone.now", lambda: at)
        record(trail, BOB, "thing.changed")
    for wanted in ("2026-03-01", "2026-03-02"):
        shown = _shown(signed_in, since=wanted, until=wanted, zone=zone)
        assert shown == (["thing.changed"] if wanted == day else [])


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Honolulu"])
def test_no_day_is_too_far_away(signed_in, day, zone):
    _shown(signed_in, since=day, until=day, zone=zone)


def test_a_line_says_what_was_before_and_after(signed_in):
    text = signed_in.get("/audit/", {"who": "bob"}).content.decode()
    assert '<td data-label="Before">A</td><td data-label="After">B</td>' in text


def test_older_lines_are_on_other_pages(signed_in, trail):
    record_lines(trail, [Line(BOB, "recorder.changed", number) for number in range(60)])
    first = signed_in.get("/audit/", {"who": "bob"})
    second = signed_in.get("/audit/" + first.context["older"])
    assert [len(page.context["lines"]) for page in (first, second)] == [50, 11]
    assert second.context["older"] == ""


def test_the_query_count_does_not_grow_with_lines(signed_in, trail, django_assert_max_num_queries):
    signed_in.get("/audit/")
    for count in (1, 49):
        record_lines(trail, [Line(BOB, "recorder.changed")] * count)
        with django_assert_max_num_queries(14):
            signed_in.get("/audit/")


def test_a_stranger_sees_nothing_of_it(client, trail, stranger):
    client.force_login(stranger)
    assert "ada@harbour.test" not in client.get("/audit/").content.decode()
    assert {line["entry"].actor_name for line in client.get("/audit/").context["lines"]} <= {
        stranger.login
    }


# --- Files ----------------------------------------------------------------------------------------


async def _file(user, kind, **query):
    client, browser = AsyncClient(), Client()
    await sync_to_async(browser.force_login)(user)
    client.cookies = browser.cookies
    answer = await client.get(f"/audit/lines.{kind}", query)
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    return b"".join([chunk async for chunk in answer.streaming_content]).decode()


@pytest.mark.django_db(transaction=True)
async def test_files_hold_every_line_that_the_filter_lets_through(owner, trail, monkeypatch):
    monkeypatch.setattr(audit_files, "READ_AT_ONCE", 2)
    lines = json.loads(await _file(owner, "json", who="harbour", target="e"))
    assert [line["number"] for line in lines] == sorted(
        (line["number"] for line in lines), reverse=True
    )
    rows = list(csv.DictReader(io.StringIO(await _file(owner, "csv", group="watching"))))
    [row] = rows
    assert (row["what"], row["address"]) == ("Video watched", "192.0.2.1")
    assert json.loads(row["detail"]) == {"kind": "live", "path": "lan"}
    told = AuditEntry.objects.filter(action="audit.exported").order_by("number")
    assert [line.detail async for line in told] == [
        {"file": "json", "filters": {"who": "harbour", "target": "e"}},
        {"file": "csv", "filters": {"group": "watching"}},
    ]


@pytest.mark.django_db(transaction=True)
async def test_a_file_without_lines_is_whole(owner, trail):
    assert json.loads(await _file(owner, "json", who="nobody at all")) == []
    assert len((await _file(owner, "csv", who="nobody at all")).splitlines()) == 1


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "＝1"])  # noqa: RUF001
def test_no_cell_is_a_formula(text):
    assert audit_files._cell(text) == f"'{text}"


@pytest.mark.parametrize("address", ["/audit/lines.xml", "/audit/lines.csv?since=nonsense"])
def test_a_file_that_there_is_not_is_not_found(signed_in, address):
    assert signed_in.get(address).status_code == 404


# --- Keeping --------------------------------------------------------------------------------------


def test_an_administrator_says_how_long_lines_are_kept(signed_in, trail):
    assert signed_in.post("/audit/keeping/", {"kept": "365"}).status_code == 302
    trail.refresh_from_db()
    assert trail.audit_kept_days == 365
    line = AuditEntry.objects.get(action="audit.retention_changed")
    assert line.detail == {"before": "for ever", "after": "1 year"}
    signed_in.post("/audit/keeping/", {"kept": ""})
    trail.refresh_from_db()
    assert trail.audit_kept_days is None


def test_a_retention_that_is_not_offered_is_refused(signed_in, trail):
    assert signed_in.post("/audit/keeping/", {"kept": "5"}).status_code == 200
    trail.refresh_from_db()
    assert trail.audit_kept_days is None


def test_a_seal_is_downloaded_and_its_download_is_a_line(signed_in, trail):
    seal = read_seal(signed_in.post("/audit/keeping/seal/").content.decode())
    line = AuditEntry.objects.get(action="audit.sealed")
    assert (seal.organisation_id, seal.number, seal.hash) == (trail.pk, line.number, line.hash)
    assert check_trail(trail, {seal.number: seal.hash}).fault is None


@pytest.mark.django_db(transaction=True)
def test_no_line_comes_between_that_of_a_seal_and_the_seal(trail, monkeypatch):
    """Both are one transaction, which holds the lock of the chain from the line on."""

    def fails(organisation):
        raise RuntimeError("no seal")

    monkeypatch.setattr("accounts.audit_seals.read_head", fails)
    with pytest.raises(RuntimeError):
        take_seal(trail, ADA, timezone.now())
    assert not AuditEntry.objects.filter(action="audit.sealed").exists()


def _work(trail):
    """What a worker does."""
    assert audit_check_jobs.due(timezone.now()) == [trail.pk]
    assert audit_check_jobs.take_turn() is False


def test_the_page_says_that_the_trail_is_in_order_once_it_was_checked(signed_in, trail):
    """Beat wakes a worker for a trail that nobody checked yet, and then for a day no more."""
    assert "Not checked yet" in signed_in.get("/audit/").content.decode()
    _work(trail)
    assert "is as it was written" in signed_in.get("/audit/").content.decode()
    assert audit_check_jobs.due(timezone.now() + timedelta(hours=23)) == []
    assert audit_check_jobs.due(timezone.now() + timedelta(hours=25)) == [trail.pk]


def test_a_check_on_request_is_a_workers_and_the_page_says_how_far_it_is(signed_in, trail):
    _work(trail)
    assert signed_in.post("/audit/keeping/check/").status_code == 302
    now = timezone.now()
    for words in ("Waiting for a worker", "Being checked"):
        page = signed_in.get("/audit/keeping/").content.decode()
        assert words in page
        assert 'hx-get="/audit/keeping/state/' in page
        assert '<div aria-live="polite"><div class="stack" id="audit-check"' in page.replace(
            "\n", ""
        )
        audit_check_jobs.claim(trail.pk, now)
    audit_check_jobs.check(trail, now)
    part = signed_in.get("/audit/keeping/state/").content.decode()
    assert "is as it was written" in part
    assert "hx-get" not in part


def test_the_page_that_waits_is_told_what_changes_alone(signed_in, trail):
    """So that nobody hears the same words again and again."""
    _work(trail)
    audit_check_jobs.ask(trail, timezone.now())
    asked = signed_in.get("/audit/keeping/").content.decode()
    assert 'hx-get="/audit/keeping/state/?shown=waiting"' in asked
    assert signed_in.get("/audit/keeping/state/?shown=waiting").status_code == 204
    audit_check_jobs.claim(trail.pk, timezone.now())
    begun = signed_in.get("/audit/keeping/state/?shown=waiting")
    assert 'hx-get="/audit/keeping/state/?shown=checking"' in begun.content.decode()
    assert "aria-live" not in begun.content.decode()


def test_one_worker_checks_a_trail_until_its_lease_is_over(trail):
    now = timezone.now()
    audit_check_jobs.ask(trail, now)
    assert audit_check_jobs.claim(trail.pk, now) == trail
    assert audit_check_jobs.claim(trail.pk, now) is None
    assert audit_check_jobs.due(now) == []
    assert audit_check_jobs.claim(trail.pk, now + audit_check_jobs.LEASE) == trail


def test_the_page_says_plainly_that_the_trail_is_broken(signed_in, trail):
    from tests.accounts.test_audit_chain import _without_guards

    _without_guards("UPDATE accounts_auditentry SET target = 'x' WHERE number = 2")
    _work(trail)
    for address in ("/audit/", "/audit/keeping/"):
        assert "line 2 was changed" in signed_in.get(address).content.decode()


def test_a_broken_trail_is_evidence_and_keeps_its_lines(trail):
    from tests.accounts.test_audit_chain import _without_guards

    trail.audit_kept_days = 90
    trail.save()
    _without_guards("UPDATE accounts_auditentry SET at = '2020-01-01' WHERE number = 1")
    _work(trail)
    assert AuditEntry.objects.filter(organisation=trail).count() == 3
