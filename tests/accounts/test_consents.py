"""A5: video of a customer for its dealer by consent alone: timed, told to both sides, withdrawn at
once, in the customer's audit trail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts import tasks
from accounts.audit import PORTAL, Actor
from accounts.errors import NotPossible
from accounts.models import AuditEntry, Consent, Membership
from accounts.organisations import consent_mails, consents, dealers
from accounts.organisations.consents import Wish

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
WISH = Wish(frozenset({"live", "playback"}), 24, "The gate camera is dark")


@pytest.fixture
def asked(organisation, dealership, installer) -> Consent:
    return consents.ask(organisation, dealership, WISH, Actor(installer, installer.login), NOW)


def actions(organisation) -> list[tuple[str, str]]:
    rows = AuditEntry.objects.filter(organisation=organisation, action__startswith="consent.")
    return list(rows.order_by("number").values_list("action", "actor_name"))


def test_a_consent_that_was_asked_for_begins_when_it_is_given(asked, organisation, owner):
    assert not Consent.objects.in_force(NOW).exists()
    consents.accept(asked, ["live"], 72, Actor(owner, owner.login), NOW)
    assert (asked.rights, asked.ends_at) == (["live"], NOW + timedelta(days=3))
    assert Consent.objects.in_force(NOW).get() == asked
    assert not Consent.objects.in_force(NOW + timedelta(days=3)).exists()
    assert actions(organisation) == [
        ("consent.requested", "Ines of North Security"),
        ("consent.given", owner.login),
    ]


def test_more_than_was_asked_for_cannot_be_given(asked):
    with pytest.raises(NotPossible, match="asked for"):
        consents.accept(asked, ["live", "export"], 24, PORTAL, NOW)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Wish(frozenset({"live"}), 48, "Why"), "wrong_time"),
        (Wish(frozenset({"live"}), 10_000, "Why"), "wrong_time"),
        (Wish(frozenset(), 24, "Why"), "no_rights"),
        (Wish(frozenset({"configure"}), 24, "Why"), "no_rights"),
        (Wish(frozenset({"live"}), 24, "  "), "no_reason"),
    ],
)
def test_a_consent_has_a_right_a_time_and_a_reason(organisation, dealership, wish, code):
    with pytest.raises(NotPossible) as refused:
        consents.give(organisation, dealership, wish, PORTAL, NOW)
    assert refused.value.code == code


def test_only_a_dealer_above_the_customer_can_have_one(organisation, stranger):
    elsewhere = stranger.memberships.get().organisation
    with pytest.raises(NotPossible, match="no dealer of"):
        consents.ask(organisation, elsewhere, WISH, PORTAL, NOW)


def test_there_is_one_open_request_and_three_a_day(organisation, dealership, asked):
    with pytest.raises(NotPossible, match="not answered"):
        consents.ask(organisation, dealership, WISH, PORTAL, NOW)
    for _ in range(consents.REQUESTS_A_DAY - 1):
        consents.decline(Consent.objects.get(state="requested"), PORTAL)
        consents.ask(organisation, dealership, WISH, PORTAL, NOW)
    consents.decline(Consent.objects.get(state="requested"), PORTAL)
    with pytest.raises(NotPossible, match="3 times"):
        consents.ask(organisation, dealership, WISH, PORTAL, NOW)


def test_a_withdrawn_consent_ends_at_once_and_for_good(asked, organisation):
    consents.accept(asked, ["live"], 720, PORTAL, NOW)
    consents.withdraw(asked, PORTAL, NOW + timedelta(hours=1))
    assert not Consent.objects.in_force(NOW + timedelta(hours=1)).exists()
    with pytest.raises(NotPossible, match="withdrawn already"):
        consents.accept(asked, ["live"], 24, PORTAL, NOW)
    with pytest.raises(NotPossible, match="withdrawn already"):
        consents.withdraw(asked, PORTAL, NOW)


def test_parting_from_the_dealer_ends_consents_and_requests(asked, organisation, dealership, owner):
    given = consents.give(organisation, dealership, WISH, PORTAL, NOW)
    dealers.end_relation(organisation, Actor(owner, owner.login), NOW)
    assert set(Consent.objects.values_list("state", flat=True)) == {"withdrawn"}
    assert given in Consent.objects.filter(organisation=organisation)


def test_running_sessions_of_the_dealers_people_hear_of_it(
    organisation, dealership, boss, installer, monkeypatch, django_capture_on_commit_callbacks
):
    """A6: withdrawn, and their streams renew at once."""
    told = []
    monkeypatch.setattr("accounts.access._signal", told.extend)
    consent = consents.give(organisation, dealership, WISH, PORTAL, NOW)
    with django_capture_on_commit_callbacks(execute=True):
        consents.withdraw(consent, PORTAL, NOW)
    assert set(told) == {str(boss.pk), str(installer.pk)}


# --- On pages -------------------------------------------------------------------------------------


def test_who_may_answer_a_request_reads_of_it_on_every_page(client, asked, owner, organisation):
    """Not everybody has mail."""
    client.force_login(owner)
    for address in ("/recorders/", "/account/", "/organisation/"):
        page = client.get(address).content.decode()
        assert "asks to see video of" in page
        assert f'href="/organisation/consents/{asked.pk}/"' in page
    consents.decline(asked, PORTAL)
    assert "asks to see video of" not in client.get("/recorders/").content.decode()


def test_who_may_not_answer_it_does_not(client, asked, viewer, boss):
    for person in (viewer, boss):
        client.force_login(person)
        assert "asks to see video of" not in client.get("/account/").content.decode()


# --- Mails ----------------------------------------------------------------------------------------


@pytest.fixture
def post(monkeypatch, settings) -> list[tuple[str, str]]:
    """What `beat` has sent: recipient and subject. The queue is a direct call here."""
    sent: list[tuple[str, str]] = []

    def send(consent: str, event: str, user: str) -> None:
        from uuid import UUID

        found = consent_mails.compose(UUID(consent), event, UUID(user))
        sent.append((found.to[0], found.subject))

    monkeypatch.setattr(tasks.send_consent_mail, "delay", send)
    return sent


def beat(monkeypatch, now: datetime) -> None:
    monkeypatch.setattr("accounts.tasks.timezone.now", lambda: now)
    tasks.tell_about_consents()
    tasks.tell_about_consents()  # again: nothing goes out twice


def test_both_sides_are_told_of_request_start_end_to_come_and_end(
    asked, owner, boss, post, monkeypatch
):
    consents.accept(asked, ["live"], 24, PORTAL, NOW)
    asked.told = ""
    moments = [NOW, NOW + timedelta(hours=21), NOW + timedelta(hours=22), NOW + timedelta(days=1)]
    told = []
    for moment in moments:
        beat(monkeypatch, moment)
        told.append([subject for _, subject in post])
        assert {to for to, _ in post} in (set(), {owner.email, boss.email})
        post.clear()
    may = "North Security may see video of Harbour"
    assert told == [
        [f"{may} now"] * 2,
        [],
        [f"{may} until 2026-05-02 12:00 UTC"] * 2,
        ["North Security can no longer see video of Harbour"] * 2,
    ]
    asked.refresh_from_db()
    assert asked.state == "ended"


def test_the_end_of_a_long_consent_is_told_a_day_before(
    organisation, dealership, monkeypatch, post
):
    consents.give(organisation, dealership, Wish(WISH.rights, 720, "Handover"), PORTAL, NOW)
    beat(monkeypatch, NOW + timedelta(days=28, hours=23))
    assert len(post) == 2
    beat(monkeypatch, NOW + timedelta(days=29))
    assert len(post) == 4


def test_an_answer_that_was_late_tells_the_start_before_the_end(
    organisation, dealership, monkeypatch, post
):
    consents.give(organisation, dealership, WISH, PORTAL, NOW)
    beat(monkeypatch, NOW + timedelta(hours=23))
    assert [subject.rsplit(" ", 1)[1] for _, subject in post] == ["now", "now", "UTC", "UTC"]


def test_a_mail_that_the_queue_does_not_take_is_tried_again(
    organisation, dealership, monkeypatch, post
):
    """D2: Redis is away for a moment."""
    consents.give(organisation, dealership, WISH, PORTAL, NOW)

    def refuse(*arguments: str) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(tasks.send_consent_mail, "delay", refuse)
        with pytest.raises(ConnectionError):
            beat(monkeypatch, NOW)
    beat(monkeypatch, NOW)
    assert len(post) == 2


def test_a_mail_says_who_what_and_why_and_where_to_end_it(asked, owner, boss):
    mine = consent_mails.compose(asked.pk, "requested", owner.pk)
    theirs = consent_mails.compose(asked.pk, "requested", boss.pk)
    assert "live video, recorded video" in mine.body
    assert "Reason: The gate camera is dark" in mine.body
    assert "/organisation/consents/" in mine.body
    assert f"/customers/{asked.organisation_id}/" in theirs.body


def test_who_has_left_both_sides_is_not_written_to(asked, owner):
    services_state = Membership.State.DISABLED
    owner.memberships.update(state=services_state)
    assert owner.pk not in consent_mails.recipients(asked.pk)
    owner.memberships.all().delete()
    assert consent_mails.compose(asked.pk, "requested", owner.pk) is None
