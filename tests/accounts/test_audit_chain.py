"""The audit trail as a chain: the same when it is read back, and refused to change."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from threading import Barrier

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import audit_check_jobs, audit_guards, audit_retention
from accounts.audit import PORTAL, Actor, Line, record, record_in_each, record_lines
from accounts.audit_check import Head, check_trail, find_fault
from accounts.audit_seals import BadSeal, make_seal, read_seal, seal_text
from accounts.errors import NotPossible
from accounts.models import AuditEntry, AuditHead, Organisation

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HARD = {
    "float": [1.0, 1e20, 1e16, -0.0, 0.1, 1e-7, 1.5e300, float("inf"), float("nan")],
    "int": [0, -1, 2**53 + 1, 2**80, 10**40],
    "text": ["\0", "\ud800", "é", "😀", "\u2028", '"\\'],
    "z": {"b": 1, "a": {"\0key": True, 7: None}},
    "when": datetime(2026, 1, 1, tzinfo=UTC),
    "set": {"b", "a"},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def trail(organisation):
    for number in range(5):
        record(organisation, PORTAL, "thing.changed", f"thing {number}", after=number)
    return organisation


def _fault(organisation, sealed=None):
    fault = check_trail(organisation, sealed).fault
    return None if fault is None else str(fault)


def _without_guards(sql: str, *values: object) -> None:
    """What somebody with the database in hand may do."""
    with connection.cursor() as cursor:
        for statement in audit_guards.remove(connection.vendor):
            cursor.execute(statement)
        cursor.execute(sql, values)


# --- Writing --------------------------------------------------------------------------------------


def test_lines_are_numbered_and_follow_each_other(trail):
    lines = AuditEntry.objects.filter(organisation=trail).order_by("number")
    assert [line.number for line in lines] == [1, 2, 3, 4, 5]
    assert [line.previous for line in lines] == ["", *(line.hash for line in lines)][:5]
    assert check_trail(trail).last == 5
    assert _fault(trail) is None


@pytest.mark.parametrize(
    "address", [None, "192.0.2.1", "2001:DB8::1", "::ffff:192.0.2.7", "::192.0.2.7", "fe80::1%eth0"]
)
def test_a_line_is_the_same_when_the_database_gives_it_back(organisation, address):
    record(organisation, Actor(None, "A\0da\udfff", address), "thing.changed", "x" * 400, **HARD)
    assert _fault(organisation) is None


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(detail=st.dictionaries(st.text(), JSON, max_size=3))
def test_any_detail_is_the_same_when_the_database_gives_it_back(organisation, detail):
    record_lines(organisation, [Line(PORTAL, "thing.changed", "", detail)])
    assert _fault(organisation) is None


def test_a_line_that_is_told_twice_is_written_once(organisation):
    line = Line(PORTAL, "video.watched", once="one")
    assert record_lines(organisation, [line, line]) == 1
    assert record_lines(organisation, [line, Line(PORTAL, "video.watched")]) == 1
    assert _fault(organisation) is None


def test_a_line_costs_the_same_however_many_there_are(trail, django_assert_num_queries):
    with django_assert_num_queries(3):
        record(trail, PORTAL, "thing.changed")
    record_lines(trail, [Line(PORTAL, "thing.changed")] * 50)
    with django_assert_num_queries(3):
        record(trail, PORTAL, "thing.changed")


def test_an_action_in_several_organisations_has_a_line_in_each(organisation, stranger):
    both = list(Organisation.objects.all())
    record_in_each(both, PORTAL, "person.signed_in", "Ada")
    assert [one.audit_entries.count() for one in both] == [1, 1]


# --- The database refuses -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE accounts_auditentry SET actor_name = 'nobody' WHERE number = 3",
        "DELETE FROM accounts_auditentry WHERE number = 5",
        "DELETE FROM accounts_auditentry",
        "DELETE FROM accounts_audithead",
        "UPDATE accounts_audithead SET number = 4",
        "UPDATE accounts_audithead SET hash = 'other'",
        "UPDATE accounts_audithead SET kept_from = 9",
        "UPDATE accounts_audithead SET kept_after = 'other'",
    ],
)
def test_the_database_refuses_to_change_the_trail(trail, sql):
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert _fault(trail) is None


def test_the_database_refuses_a_line_in_another_place(trail):
    line = AuditEntry.objects.get(organisation=trail, number=3)
    line.pk, line.number = None, 9
    with pytest.raises(IntegrityError), transaction.atomic():
        line.save(force_insert=True)


if connection.vendor == "postgresql":

    def test_the_database_refuses_to_empty_the_trail_at_once(trail):
        sql = "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE accounts_auditentry"
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)

    @pytest.mark.django_db(transaction=True)
    def test_writers_at_once_make_one_chain(owner, stranger):
        """Also writers of several trails, whichever they name first, without a deadlock."""
        ours, theirs = (user.memberships.get().organisation for user in (owner, stranger))
        start = Barrier(4)

        def write(which: int) -> None:
            try:
                start.wait(10)
                for _ in range(25):
                    both = [ours, theirs] if which % 2 else [theirs, ours]
                    record_in_each(both, PORTAL, "thing.changed", which)
                    record(both[0], PORTAL, "thing.changed", which)
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(write, range(4)))
        assert [check_trail(one).last for one in (ours, theirs)] == [150, 150]
        assert [_fault(one) for one in (ours, theirs)] == [None, None]


# --- Whoever gets past the database is found out --------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("UPDATE accounts_auditentry SET target = 'x' WHERE number = 3", "line 3 was changed"),
        ("UPDATE accounts_auditentry SET at = '2020-01-01' WHERE number = 2", "line 2 was changed"),
        (
            "UPDATE accounts_auditentry SET hash = 'x' WHERE number = 2",
            "line 2 was changed",
        ),
        ("DELETE FROM accounts_auditentry WHERE number = 3", "line 3 is missing"),
        (
            "DELETE FROM accounts_auditentry WHERE number >= 4",
            "line 4 and what follows it are missing at the end",
        ),
        ("DELETE FROM accounts_auditentry WHERE number = 1", "line 1 is missing"),
        (
            "UPDATE accounts_auditentry SET number = number + 100 WHERE number = 5",
            "line 5 and what follows it are missing at the end",
        ),
        ("UPDATE accounts_audithead SET number = 4", "line 4 is not the newest line"),
        ("UPDATE accounts_audithead SET kept_from = 3", "line 3 does not follow"),
    ],
)
def test_the_first_line_that_is_not_as_written_is_named(trail, sql, fault):
    _without_guards(sql)
    assert (_fault(trail) or "").startswith(fault)


def test_lines_in_another_order_are_found(trail):
    _without_guards("UPDATE accounts_auditentry SET number = 102 WHERE number = 2")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_auditentry SET number = 2 WHERE number = 3")
        cursor.execute("UPDATE accounts_auditentry SET number = 3 WHERE number = 102")
    assert _fault(trail) == "line 2 does not follow the line before it"


def test_a_line_put_in_between_is_found(trail):
    line = AuditEntry.objects.get(organisation=trail, number=5)
    _without_guards("UPDATE accounts_auditentry SET number = 6 WHERE number = 5")
    line.pk, line.target = None, "made up"
    line.save(force_insert=True)
    assert _fault(trail) == "line 5 was changed"


def test_a_beginning_that_retention_did_not_set_is_found(trail):
    kept_after = AuditEntry.objects.get(organisation=trail, number=2).hash
    _without_guards("UPDATE accounts_audithead SET kept_from = 3, kept_after = %s", kept_after)
    assert _fault(trail) == "line 3 is not where retention says the trail begins"


# --- Seals ----------------------------------------------------------------------------------------


def _rewritten(organisation):
    """The whole trail anew, hashes and head included: nothing inside it tells."""
    _without_guards("DELETE FROM accounts_auditentry")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_audithead")
    for number in range(5):
        record(organisation, PORTAL, "thing.changed", f"other {number}")


def test_a_seal_shows_a_trail_that_was_written_anew(trail, tmp_path):
    file = tmp_path / "seal"
    file.write_text(seal_text(make_seal(trail, NOW)))
    record(trail, PORTAL, "thing.changed")
    out = StringIO()
    call_command("verify_audit", seal=[file], stdout=out)
    assert "in order, lines 1 to 6" in out.getvalue()
    _rewritten(trail)
    assert _fault(trail) is None
    with pytest.raises(CommandError):
        call_command("verify_audit", seal=[file], stdout=out)
    assert "line 5 is not the line that was sealed" in out.getvalue()


def test_a_seal_shows_a_trail_that_lost_its_end_and_its_head(trail):
    sealed = make_seal(trail, NOW)
    _without_guards("DELETE FROM accounts_auditentry WHERE number > 3")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_audithead SET number = 3, hash = "
            "(SELECT hash FROM accounts_auditentry WHERE number = 3)"
        )
    assert _fault(trail) is None
    assert _fault(trail, {sealed["number"]: sealed["hash"]}) == "line 5 was sealed and is gone"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"number": 4}, "not signed by this portal"),
        ({"signature": "a..b"}, "not signed by this portal"),
        ({"organisation": "x"}, "no seal"),
    ],
)
def test_a_seal_that_was_changed_is_none(trail, change, words):
    with pytest.raises(BadSeal, match=words):
        read_seal(json.dumps(make_seal(trail, NOW) | change))


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000, "null"])
def test_what_is_no_seal_is_refused(text):
    with pytest.raises(BadSeal):
        read_seal(text)


# --- The commands ---------------------------------------------------------------------------------


def test_verify_names_each_organisation_and_fails_for_a_broken_one(trail, stranger):
    record(stranger.memberships.get().organisation, PORTAL, "thing.changed")
    _without_guards("DELETE FROM accounts_auditentry WHERE number = 3")
    out = StringIO()
    with pytest.raises(CommandError, match="1 of 2") as raised:
        call_command("verify_audit", stdout=out)
    assert raised.value.returncode == 1
    assert "NOT IN ORDER, line 3 is missing" in out.getvalue()
    assert "Elsewhere" in out.getvalue()


def test_verify_and_seal_refuse_an_organisation_that_is_not_there(db):
    for command in (("verify_audit", "--organisation", "nobody"), ("seal_audit", "nobody")):
        with pytest.raises(CommandError) as raised:
            call_command(*command)
        assert raised.value.returncode == 2


def test_verify_says_that_a_seal_is_too_old(trail, tmp_path):
    file = tmp_path / "seal"
    call_command("seal_audit", trail.handle, stdout=file.open("w"))
    record_lines(trail, [Line(PORTAL, "thing.changed")] * 2)
    trail.audit_kept_days = 90
    audit_retention.prune(trail, datetime.now(UTC) + timedelta(days=100))
    out = StringIO()
    call_command("verify_audit", seal=[file], stdout=out)
    assert "says nothing any more" in out.getvalue()


# --- Retention ------------------------------------------------------------------------------------


def test_retention_takes_the_oldest_lines_and_the_rest_can_still_be_verified(trail, monkeypatch):
    monkeypatch.setattr(audit_retention, "BATCH", 2)
    later = datetime.now(UTC) + timedelta(days=91)
    audit_retention.set_retention(trail, 90, PORTAL)
    assert audit_retention.prune(trail, later) == 6
    [left] = AuditEntry.objects.filter(organisation=trail)
    assert (left.action, left.detail["lines"], left.number) == ("audit.pruned", 6, 7)
    assert _fault(trail) is None
    record(trail, PORTAL, "thing.changed")
    assert (check_trail(trail).first, check_trail(trail).last) == (7, 8)


def test_nothing_goes_before_its_time_or_when_kept_for_ever(trail):
    assert audit_retention.prune(trail, datetime.now(UTC) + timedelta(days=9_999)) == 0
    trail.audit_kept_days = 90
    assert audit_retention.prune(trail, datetime.now(UTC) + timedelta(days=89)) == 0


@pytest.mark.parametrize("days", [0, 89, -1, 10**9])
def test_a_retention_that_is_too_short_is_refused(trail, days):
    with pytest.raises(NotPossible):
        audit_retention.set_retention(trail, days, PORTAL)


def test_the_check_keeps_what_it_found(trail):
    assert audit_check_jobs.claim(trail.pk, NOW)
    assert audit_check_jobs.check(trail, NOW)
    head = AuditHead.objects.get(organisation=trail)
    assert (head.checked_number, head.checked_at, head.fault) == (5, NOW, "")
    _without_guards("DELETE FROM accounts_auditentry WHERE number = 3")
    later = NOW + audit_check_jobs.CHECK_EVERY
    assert audit_check_jobs.claim(trail.pk, later)
    assert not audit_check_jobs.check(trail, later)
    head.refresh_from_db()
    assert (head.checked_number, head.fault) == (5, "line 3 is missing")


def test_an_empty_trail_is_in_order(organisation):
    assert find_fault(Head(organisation.pk, 0, ""), []) is None
    assert _fault(organisation) is None
