"""Where somebody is signed in, for how long, and how it ends."""

from __future__ import annotations

from importlib import import_module

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from accounts import sessions
from accounts.audit import PORTAL
from accounts.encrypted import decrypt
from accounts.models import AuditEntry, Membership
from accounts.session_store import SessionStore, copy_of
from accounts.user_agents import browser_in_words
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

DAY_S = 86_400
NOW = 1_795_420_800
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


def signed_in(user, **headers: str) -> Client:
    client = Client(headers=headers)
    client.post("/accounts/login/", {"login": user.login, "password": PASSWORD})
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, "Firefox on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (iPhone) Version/18.0 Mobile Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("curl/8.5", "A program without a name"),
        ("", "A program without a name"),
    ],
)
def test_browsers_have_names(user_agent, words):
    assert browser_in_words(user_agent) == words


def test_the_page_shows_every_browser_of_ones_own(viewer, stranger):
    mine, other = signed_in(viewer), signed_in(viewer, user_agent=FIREFOX)
    signed_in(stranger)
    page = mine.get("/account/sessions/").content.decode()
    assert page.count("Firefox on Windows") == 2  # its name, and its button's
    assert page.count("this browser") == 1
    assert page.count("signed in <time") == 2
    assert is_signed_in(other)


def row_of(user, client: Client):
    return next(
        s for s in sessions.sessions_of(user, None) if s.session_key == client.session.session_key
    )


def test_one_of_them_is_signed_out(viewer):
    """A6"""
    mine, other = signed_in(viewer), signed_in(viewer)
    mine.post(f"/account/sessions/{row_of(viewer, other).pk}/end/")
    assert (is_signed_in(mine), is_signed_in(other)) == (True, False)
    assert AuditEntry.objects.order_by("pk").last().action == "person.session_ended"


def overtake(monkeypatch, step: str, row: UserSession) -> None:
    """The session is ended right after a request's step on its row, before the request goes on."""
    real = getattr(db.SessionStore, step)

    def overtaken(store, *arguments, **options):
        done = real(store, *arguments, **options)
        monkeypatch.undo()
        sessions.end_session(row, PORTAL)
        return done

    monkeypatch.setattr(db.SessionStore, step, overtaken)


def test_who_reads_a_session_until_its_end_is_committed_keeps_nothing_of_it(viewer, monkeypatch):
    """A6: the row is still to be seen, though its copy is gone."""
    client = signed_in(viewer)
    row = row_of(viewer, client)
    cache.delete(copy_of(row.session_key))
    overtake(monkeypatch, "_get_session_from_db", row)
    assert SessionStore(row.session_key).load()
    assert copy_of(row.session_key) not in cache
    assert not is_signed_in(client)


def test_who_saved_a_session_before_its_end_keeps_nothing_of_it(viewer, monkeypatch):
    """A6"""
    client = signed_in(viewer)
    row = row_of(viewer, client)
    used = SessionStore(row.session_key)
    used["used"] = True
    overtake(monkeypatch, "save", row)
    used.save()
    assert copy_of(row.session_key) not in cache
    assert not is_signed_in(client)


def test_a_copy_of_a_session_that_was_ended_does_not_count(viewer):
    """A6: whoever kept it was stopped before it could take it away again."""
    client = signed_in(viewer)
    name = copy_of(client.session.session_key)
    kept = cache.get(name)
    sessions.end_session(row_of(viewer, client), PORTAL)
    cache.set(name, kept)
    assert not is_signed_in(client)


def test_a_session_whose_end_was_rolled_back_goes_on(viewer):
    client = signed_in(viewer)
    with transaction.atomic():
        sessions.end_session(row_of(viewer, client), PORTAL)
        transaction.set_rollback(True)
    assert is_signed_in(client)


def test_all_others_are_signed_out(viewer):
    mine, *others = [signed_in(viewer) for _ in range(3)]
    mine.post("/account/sessions/end/")
    assert [is_signed_in(client) for client in (mine, *others)] == [True, False, False]


def test_a_stranger_ends_nobodys_session(viewer, stranger):
    other = signed_in(viewer)
    row = row_of(viewer, other)
    assert signed_in(stranger).post(f"/account/sessions/{row.pk}/end/").status_code == 404
    assert is_signed_in(other)


def test_the_sign_in_gives_the_session_a_new_key(viewer):
    client = Client()
    client.get("/accounts/login/passkey/", headers={"accept": "application/json"})
    before = client.session.session_key
    client.post("/accounts/login/", {"login": viewer.login, "password": PASSWORD})
    assert client.session.session_key != before
    assert client.session.get_expiry_age() > DAY_S


def test_what_is_kept_of_a_session_opens_none(viewer):
    """D2: database and cache know a digest of the cookie."""
    client = signed_in(viewer)
    key = Session.objects.get().session_key
    assert UserSession.objects.get().session_key == key
    assert copy_of(key) in cache
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = key
    assert (is_signed_in(client), is_signed_in(thief)) == (True, False)


def test_what_a_session_holds_is_encrypted(viewer):
    """D2: links, codes and secrets that somebody is in the middle of using."""
    client = Client()
    session = client.session
    session["held"] = "canary" * 9
    session.save()
    stored = Session.objects.get().session_data
    assert cache.get(copy_of(session.session_key)).startswith("gAAAA")  # Fernet's own beginning
    assert stored.startswith("gAAAA")
    assert client.session["held"] == "canary" * 9
    cache.clear()
    assert client.session["held"] == "canary" * 9


def test_who_was_signed_in_with_a_key_in_clear_stays_so(viewer):
    client = signed_in(viewer)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    for model in (Session, UserSession):
        model.objects.update(session_key=cookie[:40])
    in_clear = decrypt(Session.objects.get().session_data)
    Session.objects.update(session_data=in_clear)
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie[:40]
    cache.clear()
    assert not is_signed_in(client)
    import_module("accounts.migrations.0015_session_keys_are_digests").digest(apps, None)
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie[:40]
    assert is_signed_in(client)
    assert sessions.sessions_of(viewer, None)


def test_a_session_ends_14_days_after_its_last_use(viewer):
    with time_machine.travel(NOW, tick=False) as clock:
        client = signed_in(viewer)
        for _ in range(2):
            clock.shift(13 * DAY_S)
            assert is_signed_in(client)
        clock.shift(14 * DAY_S + 60)
        assert not is_signed_in(client)


def test_a_session_ends_30_days_after_the_sign_in(viewer):
    with time_machine.travel(NOW, tick=False) as clock:
        client = signed_in(viewer)
        for _ in range(3):
            clock.shift(10 * DAY_S - 60)
            assert is_signed_in(client)
        clock.shift(300)
        assert not is_signed_in(client)


def test_an_administrator_signs_a_person_out(client, owner, viewer, organisation):
    """A6"""
    theirs = signed_in(viewer)
    client.force_login(owner)
    client.post(f"/users/{viewer.pk}/sign-out/")
    assert not is_signed_in(theirs)
    last = AuditEntry.objects.filter(organisation=organisation).order_by("pk").last()
    assert (last.action, last.target) == ("person.signed_out_by_administrator", viewer.login)
    assert is_signed_in(signed_in(viewer))


def test_signing_out_of_one_organisation_leaves_the_others(viewer, stranger, recorder):
    """What an administrator does reaches no further than the organisation."""
    elsewhere = stranger.memberships.get().organisation
    Membership.objects.create(user=viewer, organisation=elsewhere, name="V")
    theirs = signed_in(viewer)
    assert theirs.get(f"/recorders/{recorder.pk}/").status_code == 200
    sessions.sign_out_of_organisation(viewer.memberships.get(organisation__name="Harbour"), PORTAL)
    assert is_signed_in(theirs)
    assert theirs.get(f"/recorders/{recorder.pk}/").status_code == 404
    assert signed_in(viewer).get(f"/recorders/{recorder.pk}/").status_code == 200


def test_the_list_costs_the_same_for_one_and_for_many(viewer, django_assert_max_num_queries):
    client = signed_in(viewer)
    for number in (1, 12):
        for _ in range(number):
            signed_in(viewer)
        with django_assert_max_num_queries(9):
            client.get("/account/sessions/")
