"""Sign-in, its limits, passwords, and what ends with them."""

from __future__ import annotations

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts import services, tasks
from accounts.audit import PORTAL
from accounts.models import ApiToken, AuditEntry, Membership
from accounts.password_links import password_link
from accounts.sign_in_tasks import record_failed_sign_in
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"
NEW = "another long password"


def sign_in(client: Client, email: str, password: str = PASSWORD, **extra: str):
    return client.post(LOGIN, {"login": email, "password": password}, **extra)


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_sign_in_and_out_are_audited_with_the_address(client, viewer):
    assert sign_in(client, "Viewer@Harbour.test")["Location"] == "/recorders/"
    client.post("/accounts/logout/")
    assert actions() == ["person.signed_in", "person.signed_out"]
    assert AuditEntry.objects.first().address == "127.0.0.1"


def test_a_wrong_password_is_audited_where_the_person_belongs(viewer, stranger):
    """By the worker, so that the page looks nobody up (A7)."""
    record_failed_sign_in(viewer.email.upper(), "203.0.113.9")
    record_failed_sign_in("nobody@harbour.test", "203.0.113.9")
    entry = AuditEntry.objects.get()
    assert entry.action == "person.sign_in_failed"
    assert entry.organisation == viewer.memberships.get().organisation


def test_there_is_no_sign_up_and_no_page_for_addresses(client):
    for path in ("signup/", "email/", "confirm-email/", "password/set/", "login/code/confirm/"):
        assert client.get(f"/accounts/{path}").status_code == 404


def test_a_disabled_person_is_signed_out_everywhere(client, viewer):
    """A6: pages, API and tokens."""
    client.force_login(viewer)
    _, key = ApiToken.issue(viewer, "script", viewer.date_joined)
    services.disable_person(viewer.memberships.get(), PORTAL)
    assert client.get("/account/").status_code == 302
    headers = {"Authorization": f"Token {key}"}
    assert Client().get("/api/v1/me/", headers=headers).status_code == 401
    assert "match" in sign_in(Client(), viewer.email, "wrong").content.decode()
    assert sign_in(Client(), viewer.email)["Location"] == "/accounts/inactive/"


def test_a_password_change_ends_other_sessions_and_keeps_this_one(client, viewer):
    """A6"""
    other = Client()
    sign_in(other, viewer.email)
    sign_in(client, viewer.email)
    fields = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert client.post("/accounts/password/change/", fields)["Location"] == "/account/"
    assert client.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302
    assert "person.password_changed" in actions()


def test_asking_for_a_new_password_answers_alike(
    client, viewer, django_capture_on_commit_callbacks
):
    """A7: the page does not look anybody up; the worker does."""
    for email in (viewer.email, "nobody@harbour.test"):
        with django_capture_on_commit_callbacks() as callbacks:
            answer = client.post("/accounts/password/reset/", {"email": email})
        assert answer["Location"] == "/accounts/password/reset/done/"
        assert len(callbacks) == 1


def test_only_people_who_may_sign_in_get_a_link(viewer, organisation):
    services.add_person(organisation, "new@harbour.test", "New", [], PORTAL)
    for email in ("nobody@harbour.test", "new@harbour.test", viewer.email.upper()):
        tasks.send_password_reset(email)
    assert [message.to for message in mail.outbox] == [[viewer.email]]


def test_a_link_sets_a_new_password_once(client, viewer, settings):
    path = password_link(viewer).removeprefix(settings.CONTERA_BASE_URL)
    form = client.get(path)["Location"]
    answer = client.post(form, {"password1": NEW, "password2": NEW})
    assert answer["Location"] == "/accounts/password/reset/key/done/"
    viewer.refresh_from_db()
    assert viewer.check_password(NEW)
    assert "person.password_reset" in actions()
    assert "no longer works" in Client().get(path, follow=True).content.decode()


def test_passwords_that_everybody_uses_are_refused(client, viewer):
    sign_in(client, viewer.email)
    fields = {"oldpassword": PASSWORD, "password1": "password123", "password2": "password123"}
    assert "too common" in client.post("/accounts/password/change/", fields).content.decode()


# --- Invitations ----------------------------------------------------------------------------------


@pytest.fixture
def invited(organisation) -> Membership:
    return services.add_person(organisation, "new@harbour.test", "New", [], PORTAL)


def link_in_mail(membership: Membership, settings) -> str:
    tasks.send_invitation(membership.pk)
    body = mail.outbox[-1].body
    start = body.index(f"{settings.CONTERA_BASE_URL}/invitation/")
    return body[start:].split()[0].removeprefix(settings.CONTERA_BASE_URL)


def test_a_person_joins_by_the_link_in_the_mail(client, invited, settings):
    path = link_in_mail(invited, settings)
    assert "Join Harbour" in client.get(path, follow=True).content.decode()
    answer = client.post("/invitation/", {"new_password1": NEW, "new_password2": NEW})
    assert answer["Location"] == "/recorders/"
    assert client.get("/account/").status_code == 200
    assert Client().get(path, follow=True).status_code == 404


def test_who_has_an_account_signs_in_to_join(client, stranger, organisation, settings):
    """A8: the link alone opens no account."""
    invited = services.add_person(organisation, stranger.email, "S", [], PORTAL)
    path = link_in_mail(invited, settings)
    assert "Sign in with your password" in client.get(path, follow=True).content.decode()
    client.post("/invitation/", {"new_password1": NEW, "new_password2": NEW})
    invited.refresh_from_db()
    assert invited.state == "invited"
    sign_in(client, stranger.email)
    client.post("/invitation/")
    invited.refresh_from_db()
    assert invited.state == "active"


def test_an_invitation_is_for_one_person(client, viewer, invited, settings):
    """A8: bound."""
    client.force_login(viewer)
    assert (
        "This invitation is for"
        in client.get(link_in_mail(invited, settings), follow=True).content.decode()
    )
    client.post("/invitation/", {"new_password1": NEW, "new_password2": NEW})
    invited.refresh_from_db()
    assert invited.state == "invited"


def test_a_withdrawn_invitation_sends_no_mail(invited):
    pk = invited.pk
    services.remove_person(invited, PORTAL)
    tasks.send_invitation(pk)
    assert mail.outbox == []


def test_a_name_cannot_add_headers_to_the_mail(owner, organisation):
    organisation.name = "Evil\nBcc: all@x.test"
    organisation.save()
    tasks.send_invitation(services.add_person(organisation, "n@x.test", "N", [], PORTAL).pk)
    assert mail.outbox[0].subject == "Join Evil Bcc: all@x.test on Contera"
    assert mail.outbox[0].recipients() == ["n@x.test"]


def test_the_command_prints_a_link_that_works(client, db, capsys, settings):
    from django.core.management import call_command

    call_command("create_organisation", "Harbour", "ada@harbour.test")
    link = next(line for line in capsys.readouterr().out.split() if "/invitation/" in line)
    page = client.get(link.removeprefix(settings.CONTERA_BASE_URL), follow=True)
    assert page.redirect_chain[-1][0] == reverse("invitation")
    assert "Join Harbour" in page.content.decode()
