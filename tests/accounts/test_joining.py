"""Invitations that are replaced or run out, people without e-mail, new passwords and addresses."""

from __future__ import annotations

import re

import pytest
import time_machine
from django.core import mail
from django.core.exceptions import ValidationError
from django.test import Client

from accounts import email_change, invitations, services, sign_in_tasks
from accounts.audit import PORTAL, Actor
from accounts.errors import NotPossible
from accounts.models import ApiToken, AuditEntry, Membership, User
from accounts.names import validate_name
from accounts.password_rules import NotOfKnownWords
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

NEW = "another long password"
JOIN = {"new_password1": NEW, "new_password2": NEW}


@pytest.fixture
def invited(organisation) -> Membership:
    return services.add_person(organisation, "new@harbour.test", "New", [], PORTAL)


def path_of(link: str, settings) -> str:
    return link.removeprefix(settings.CONTERA_BASE_URL)


def test_inviting_again_voids_the_older_link(client, invited, settings):
    """A8"""
    older = path_of(invitations.link_of(invited), settings)
    services.invite_again(invited, PORTAL)
    assert client.get(older).status_code == 404
    assert client.get(path_of(invitations.link_of(invited), settings)).status_code == 302


def test_an_invitation_runs_out(client, invited, settings):
    link = path_of(invitations.link_of(invited), settings)
    with time_machine.travel(invited.invitation_ends_at, tick=False):
        assert client.get(link).status_code == 404


def test_a_link_is_for_the_address_it_was_made_for(client, invited, settings):
    link = path_of(invitations.link_of(invited), settings)
    User.objects.filter(pk=invited.user_id).update(email="other@harbour.test")
    assert client.get(link).status_code == 404


def test_inviting_again_has_a_limit(invited):
    """A7: nobody's mailbox is filled."""
    for _ in range(5):
        services.invite_again(invited, PORTAL)
    with pytest.raises(NotPossible, match="Wait"):
        services.invite_again(invited, PORTAL)


# --- Without e-mail -------------------------------------------------------------------------------


@pytest.fixture
def guard(organisation) -> Membership:
    """Has joined by user name."""
    membership = services.add_person(
        organisation, f"guard@{organisation.handle}", "Guard", [], PORTAL
    )
    services.accept_invitation(membership, PORTAL, PASSWORD)
    return membership


def test_somebody_without_email_joins_by_a_link_that_is_handed_over(client, owner, organisation):
    client.force_login(owner)
    answer = client.post("/users/add/", {"name": "Guard", "username": "Guard.1"})
    page = client.get(answer["Location"]).content.decode()
    link = re.search(r'id="invitation-link">\S+?(/invitation/[^<]+)<', page).group(1)
    assert "data:image/svg+xml" in page
    theirs = Client()
    theirs.get(link)
    assert theirs.post("/invitation/", JOIN)["Location"] == "/recorders/"
    login = f"guard.1@{organisation.handle}"
    again = Client().post("/accounts/login/", {"login": login.upper(), "password": NEW})
    assert again["Location"] == "/recorders/"
    assert mail.outbox == []


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"email": "a@b.test", "username": "a1"},
        {"username": "a b"},
        {"username": "-a"},
        {"username": "a@elsewhere"},
        {"username": "x" * 80},
    ],
)
def test_a_person_has_an_address_or_a_user_name(client, owner, fields):
    client.force_login(owner)
    page = client.post("/users/add/", {"name": "Guard", **fields})
    assert page.status_code == 200
    assert "field-error" in page.content.decode()


def test_an_administrator_hands_over_a_link_for_a_new_password(client, owner, guard):
    client.force_login(owner)
    page = client.post(f"/users/{guard.user_id}/password/").content.decode()
    link = re.search(r'id="password-link">\S+?(/accounts/[^<]+)<', page).group(1)
    theirs = Client()
    theirs.post(theirs.get(link)["Location"], {"password1": NEW, "password2": NEW})
    guard.user.refresh_from_db()
    assert guard.user.check_password(NEW)
    assert Client().get(link, follow=True).content.decode().count("no longer works")


def test_nobody_elses_account_is_opened_so(client, owner, viewer, guard, stranger):
    """Of people with e-mail, or who belong elsewhere too, an administrator gets no link."""
    client.force_login(owner)
    elsewhere = stranger.memberships.get().organisation
    Membership.objects.create(user=guard.user, organisation=elsewhere, state="invited")
    for user in (viewer, guard.user):
        answer = client.post(f"/users/{user.pk}/password/", follow=True)
        assert "gets a new password by mail" in answer.content.decode()


# --- Passwords ------------------------------------------------------------------------------------


def test_a_new_password_withdraws_api_tokens_unless_they_are_kept(client, viewer):
    """A8"""
    for keep, left in ({"keep_tokens": "on"}, 1), ({}, 0):
        ApiToken.objects.filter(user=viewer).delete()
        ApiToken.issue(viewer, "script", viewer.date_joined)
        client.force_login(viewer)
        fields = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW, **keep}
        assert client.post("/accounts/password/change/", fields).status_code == 302
        assert viewer.api_tokens.count() == left
        viewer.set_password(PASSWORD)
        viewer.save()
    assert AuditEntry.objects.filter(action="api_token.withdrawn").count() == 1


@pytest.mark.parametrize(
    ("password", "is_refused"),
    [
        ("Harbour2026!!", True),
        ("viewer-harbour-1", True),
        ("contera12345!", True),
        ("harbour crane sunset 7", False),
        ("9173046285113", False),
        ("zebra crossing", False),
    ],
)
def test_what_anybody_would_try_is_no_password(viewer, password, is_refused):
    if is_refused:
        with pytest.raises(ValidationError):
            NotOfKnownWords().validate(password, viewer)
    else:
        NotOfKnownWords().validate(password, viewer)


@pytest.mark.parametrize("password", ["x" * 257, "123456789", "qwertyuiop"])
def test_too_long_too_short_and_common_ones_are_refused(client, viewer, password):
    client.force_login(viewer)
    fields = {"oldpassword": PASSWORD, "password1": password, "password2": password}
    assert client.post("/accounts/password/change/", fields).status_code == 200


# --- E-mail address -------------------------------------------------------------------------------


@pytest.fixture
def fresh(client, viewer) -> Client:
    client.post("/accounts/login/", {"login": viewer.email, "password": PASSWORD})
    return client


def link_in(message: mail.EmailMessage) -> str:
    return re.search(r"(/account/email/\S+/)", str(message.body)).group(1)


def test_the_address_changes_by_a_link_to_the_new_one(fresh, viewer):
    assert "on its way" in fresh.post("/account/email/", {"email": "V2@x.test"}).content.decode()
    sign_in_tasks.send_email_link(str(viewer.pk), "v2@x.test")
    assert mail.outbox[0].to == ["v2@x.test"]
    path = link_in(mail.outbox[0])
    fresh.get(path)
    viewer.refresh_from_db()
    assert viewer.email == "viewer@harbour.test"
    fresh.post(path)
    viewer.refresh_from_db()
    assert viewer.email == "v2@x.test"
    entry = AuditEntry.objects.get(action="person.email_changed")
    assert entry.detail == {"before": "viewer@harbour.test", "after": "v2@x.test"}
    assert fresh.get(path).status_code == 404


def test_a_link_for_the_address_works_for_its_person_alone(viewer, stranger):
    path = email_change.link_of(viewer, "v2@x.test").partition("/account/")[2]
    client = Client()
    client.force_login(stranger)
    assert client.get(f"/account/{path}").status_code == 404


def test_an_address_that_is_taken_hears_of_it_and_the_page_says_nothing(fresh, viewer, stranger):
    """A7"""
    pages = []
    for email in (stranger.email, "nobody@x.test"):
        page = fresh.post("/account/email/", {"email": email}).content.decode()
        page = page.replace(email, "")
        pages.append(re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page))
    assert pages[0] == pages[1]
    sign_in_tasks.send_email_link(str(viewer.pk), stranger.email)
    assert "has an account already" in mail.outbox[0].body
    assert viewer.email not in mail.outbox[0].body


def test_two_people_cannot_take_the_same_address(viewer, stranger):
    change = email_change.EmailChange(str(viewer.pk), viewer.email, stranger.email)
    with pytest.raises(NotPossible, match="another account"):
        email_change.confirm(viewer, change, Actor(viewer, viewer.login))


# --- Names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["a\nb", "a\x00b", "a\x1bb", "a\u202eb", "a\u2066b", "a\u200bb", "\u2028a", "a\x7f", "\ud800"],
)
def test_names_have_no_hidden_characters(name):
    with pytest.raises(ValidationError):
        validate_name(name)


@pytest.mark.parametrize("name", ["Zoë", "محمد", "שער", "山田", "O'Neil, North", "👩‍🔧 Ana", ""])
def test_names_of_all_scripts_are_names(name):
    validate_name(name)


def test_a_name_that_turns_text_around_is_refused(client, owner):
    client.force_login(owner)
    for path in ("/account/", "/users/add/"):
        page = client.post(path, {"name": "Ada\u202e", "email": "a@b.test"}).content.decode()
        assert "change the direction" in page
