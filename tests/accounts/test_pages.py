"""Users, groups, audit trail and the own account, as pages."""

from __future__ import annotations

import pytest
import time_machine
from django.test import Client

from accounts import services
from accounts.audit import PORTAL, record
from accounts.forms.passwords import FirstPasswordForm
from accounts.models import ApiToken
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(client, owner) -> Client:
    """The owner's browser."""
    client.force_login(owner)
    return client


def text(response) -> str:
    return response.content.decode()


def test_an_administrator_invites_a_person(office, organisation, viewers):
    fields = {"name": "Nia  Roe", "email": "Nia@Harbour.test", "groups": [viewers.pk]}
    page = office.post("/users/add/", fields, follow=True)
    invited = organisation.memberships.get(user__email="nia@harbour.test")
    assert (invited.name, list(invited.groups.all())) == ("Nia Roe", [viewers])
    assert "Nia Roe is invited." in text(page)


def test_without_mail_the_page_shows_the_link_to_hand_over(office, organisation, settings):
    invited = services.add_person(organisation, "n@harbour.test", "N", [], PORTAL)
    address = f"/users/{invited.user_id}/"
    assert "/invitation/" in text(office.get(address))
    settings.IS_MAIL_CONFIGURED = True
    assert f"{settings.CONTERA_BASE_URL}/invitation/" not in text(office.get(address))


@time_machine.travel("2026-05-04", tick=False)
def test_inviting_tells_nothing_about_accounts_elsewhere(office, organisation, stranger):
    """A3 of the requirements: the same words, state and last sign-in for everybody."""
    stranger.last_login = stranger.date_joined
    stranger.save()
    pages = []
    for email in (stranger.email, "nobody@elsewhere.test"):
        page = text(office.post("/users/add/", {"name": "Sam", "email": email}, follow=True))
        user = organisation.memberships.get(user__email=email).user_id
        row = text(office.get("/users/", {"q": email}))
        neutral = [part.replace(email, "E").replace(str(user), "U") for part in (page, row)]
        pages.append([line for part in neutral for line in part.splitlines() if "csrf" not in line])
    secret = ("/invitation/", "data:image")  # the link, and the same as a picture
    hidden = [[line for line in page if not any(s in line for s in secret)] for page in pages]
    assert hidden[0] == hidden[1]


def test_a_person_of_the_organisation_cannot_be_added_twice(office, viewer):
    page = office.post("/users/add/", {"name": "V", "email": viewer.email})
    assert "already belongs to Harbour" in text(page)


def test_name_and_groups_are_saved_together_or_not_at_all(office, owner, organisation):
    page = office.post(f"/users/{owner.pk}/", {"name": "New name", "groups": []})
    assert "needs at least one administrator" in text(page)
    assert organisation.memberships.get(user=owner).name == owner.name


def test_people_are_found_by_parts_of_name_and_address(office, viewer):
    page = text(office.get("/users/", {"q": "VIEW harbour"}))
    assert viewer.email in page
    assert page.count("<tbody>") == page.count('scope="row"') == 1


def test_the_list_of_people_takes_the_same_queries_for_many(
    office, organisation, viewers, django_assert_max_num_queries, django_assert_num_queries
):
    office.get("/users/")
    with django_assert_max_num_queries(8) as few:
        office.get("/users/")
    for n in range(20):
        services.add_person(organisation, f"p{n}@x.test", f"P{n}", [viewers], PORTAL)
    with django_assert_num_queries(len(few)):
        office.get("/users/")


def test_a_page_costs_three_queries_for_who_and_where(office, django_assert_num_queries):
    """The person, their organisations, and which they administer; the session is in the cache."""
    office.get("/account/")
    with django_assert_num_queries(4):  # and the API tokens, which the page lists
        office.get("/account/")


def test_the_audit_trail_can_be_narrowed(office, organisation):
    record(organisation, PORTAL, "recorder.renamed", "Gate", before="Gate", after="Main <gate>")
    record(organisation, PORTAL, "group.created", "Guards")
    page = text(office.get("/audit/", {"group": "recorders", "who": "PORT"}))
    assert "Recorder renamed: Gate" in page
    assert "Main &lt;gate&gt;" in page
    assert "Guards" not in page
    assert "No line is like that" in text(office.get("/audit/", {"until": "2001-01-01"}))
    assert "Enter a valid date" in text(office.get("/audit/", {"since": "yesterday"}))


def test_the_audit_trail_goes_back_page_by_page(office, organisation):
    for n in range(60):
        record(organisation, PORTAL, "thing.done", f"number {n:02}")
    page = office.get("/audit/", {"action": "thing.done"})
    assert "number 59" in text(page)
    assert "number 09" not in text(page)
    assert "number 09" in text(office.get("/audit/" + page.context["older"]))


def test_no_line_of_another_organisation_is_shown(office, organisation, stranger):
    record(stranger.memberships.get().organisation, PORTAL, "thing.done", "foreign")
    assert "foreign" not in text(office.get("/audit/"))


def test_a_new_token_is_shown_once_after_the_password(client, viewer):
    """A8: a fresh sign-in before something that lasts."""
    client.post("/accounts/login/", {"login": viewer.email, "password": PASSWORD})
    client.cookies["x"] = "y"
    session = client.session
    session["account_authentication_methods"] = []  # the sign-in was long ago
    session.save()
    asked = client.post(
        "/account/tokens/", {"program": "Script", "client": "program", "days": 30, "extent": "all"}
    )
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    page = client.post(asked["Location"], {"password": PASSWORD}, follow=True)
    token = ApiToken.objects.get(user=viewer)
    key = next(
        word
        for word in text(page).replace("<", " ").replace(">", " ").split()
        if word.startswith("ctr_")
    )
    assert ApiToken.digest_of(key) == token.digest
    assert key not in text(client.get("/account/"))


def test_a_withdrawn_token_is_gone(client, viewer):
    token, _ = ApiToken.issue(viewer, "script", viewer.date_joined)
    client.force_login(viewer)
    client.post(f"/account/tokens/{token.pk}/withdraw/")
    assert not ApiToken.objects.exists()


def test_a_person_of_two_organisations_switches(client, viewer, stranger):
    elsewhere = stranger.memberships.get().organisation
    invited = services.add_person(elsewhere, viewer.email, "V", [], PORTAL)
    services.accept_invitation(invited, PORTAL)
    client.force_login(viewer)
    assert client.get("/account/").context["organisation"].name == "Elsewhere"
    home = viewer.memberships.exclude(pk=invited.pk).get().organisation
    client.post("/account/organisation/", {"organisation": home.pk})
    assert client.get("/account/").context["organisation"] == home


def test_a_switch_to_a_foreign_organisation_is_not_found(client, viewer, stranger):
    client.force_login(viewer)
    foreign = stranger.memberships.get().organisation_id
    answer = client.post("/account/organisation/", {"organisation": foreign})
    assert answer.status_code == 404


def test_a_weak_password_is_marked_where_it_is_typed_first(owner):
    form = FirstPasswordForm(owner, {"new_password1": "short", "new_password2": "short"})
    assert list(form.errors) == ["new_password1"]
