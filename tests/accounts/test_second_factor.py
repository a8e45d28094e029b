"""Authenticator app, recovery codes, and what groups that ask for a second factor do."""

from __future__ import annotations

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core import mail
from django.test import Client

from accounts import second_factor, sign_in_tasks
from accounts.models import ApiToken, AuditEntry, Group, Membership
from accounts.password_links import password_link
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SECURITY = "/account/security/"
NEW = "another long password"


def code(secret: str = SECRET, steps: int = 0) -> str:
    """What the app shows, or showed that many times 30 s later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def sign_in(client: Client, login: str, password: str = PASSWORD):
    return client.post("/accounts/login/", {"login": login, "password": password})


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


@pytest.fixture
def protected(viewer):
    """The viewer, with an authenticator app."""
    TOTP.activate(viewer, SECRET)
    return viewer


@pytest.fixture
def waiting(viewers: Group) -> Group:
    viewers.requires_mfa = True
    viewers.save()
    return viewers


def test_the_password_alone_does_not_sign_in(client, protected):
    assert sign_in(client, protected.email)["Location"] == "/accounts/login/code/"
    assert client.get("/account/").status_code == 302
    assert client.post("/accounts/login/code/", {"code": code()})["Location"] == "/recorders/"
    assert client.get("/account/").status_code == 200
    assert AuditEntry.objects.order_by("pk").last().detail["by"] == ["password", "app"]


def test_a_code_works_once(client, protected):
    """A8: also within the time for which the app's code is taken."""
    used = code()
    for browser, expected in ((client, 302), (Client(), 200)):
        sign_in(browser, protected.email)
        assert browser.post("/accounts/login/code/", {"code": used}).status_code == expected


@pytest.mark.parametrize(("steps", "status"), [(-1, 302), (1, 302), (-3, 200), (3, 200)])
def test_a_clock_may_be_half_a_minute_off(client, protected, steps, status):
    sign_in(client, protected.email)
    answer = client.post("/accounts/login/code/", {"code": code(steps=steps)})
    assert answer.status_code == status


def test_five_wrong_codes_are_the_most(client, protected):
    """A7, A8"""
    sign_in(client, protected.email)
    for _ in range(5):
        client.post("/accounts/login/code/", {"code": "000000"})
    page = client.post("/accounts/login/code/", {"code": code()}).content.decode()
    assert "Too many wrong codes" in page


def test_a_half_made_sign_in_can_be_given_up(client, protected):
    sign_in(client, protected.email)
    client.post("/accounts/login/again/")
    assert client.get("/accounts/login/").status_code == 200
    assert client.post("/accounts/login/code/", {"code": code()})["Location"] == "/accounts/login/"


@pytest.fixture
def set_up(django_capture_on_commit_callbacks):
    """Signs in, sets the app up; gives the recovery codes that the next page shows."""

    def doing(client: Client, user) -> list[str]:
        sign_in(client, user.email)
        page = client.get(f"{SECURITY}app/").content.decode()
        secret = re.search(r'id="app-secret">(\w+)<', page).group(1)
        with django_capture_on_commit_callbacks(execute=True):
            answer = client.post(f"{SECURITY}app/", {"code": code(secret)})
        assert answer["Location"] == f"{SECURITY}codes/"
        shown = client.get(answer["Location"]).content.decode()
        return re.search(r'id="codes">([\d\s]+)<', shown).group(1).split()

    return doing


def test_an_app_is_set_up_and_its_secret_is_encrypted(client, viewer, set_up):
    codes = set_up(client, viewer)
    assert len(set(codes)) == 10
    app = Authenticator.objects.get(user=viewer, type="totp")
    assert second_factor.has_one(viewer)
    assert app.data["secret"].startswith("gAAAA")
    assert "person.app_added" in actions()


def test_recovery_codes_are_shown_once_and_work_once(client, viewer, set_up):
    """A8"""
    codes = set_up(client, viewer)
    assert codes[0] not in client.get(f"{SECURITY}codes/").content.decode()
    for expected in (302, 200):
        browser = Client()
        sign_in(browser, viewer.email)
        assert browser.post("/accounts/login/code/", {"code": codes[0]}).status_code == expected
    assert "9 left" in client.get(SECURITY).content.decode()


def test_setting_up_asks_for_a_fresh_sign_in(client, viewer):
    """A8: a page that somebody left open changes nothing."""
    client.force_login(viewer)
    for path in ("app/", "passkeys/add/", "codes/new/"):
        answer = client.get(f"{SECURITY}{path}")
        assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert client.get("/account/email/")["Location"].startswith("/accounts/reauthenticate/")


def test_removing_the_app_weakens_this_session_and_ends_others(client, viewer, waiting, set_up):
    codes = set_up(client, viewer)
    other = Client()
    sign_in(other, viewer.email)
    other.post("/accounts/login/code/", {"code": codes[0]})
    assert "Set up a second factor" not in client.get(SECURITY).content.decode()
    client.post(f"{SECURITY}app/remove/")
    assert not Authenticator.objects.filter(user=viewer).exists()
    assert "Set up a second factor" in client.get(SECURITY).content.decode()
    assert other.get("/account/").status_code == 302
    assert "person.app_removed" in actions()


def test_a_group_that_asks_for_it_waits_for_the_second_factor(
    client, viewer, waiting, recorder, set_up
):
    """Its rights do not count before; the page says which groups wait, and setting one up is
    enough."""
    assert sign_in(client, viewer.email)["Location"] == SECURITY
    page = client.get(SECURITY).content.decode()
    assert f"{waiting.name} of Harbour" in page
    assert client.get(f"/recorders/{recorder.pk}/").status_code == 404
    set_up(client, viewer)
    assert client.get(f"/recorders/{recorder.pk}/").status_code == 200
    assert "does not count" not in client.get(SECURITY).content.decode()


def test_who_has_a_second_factor_but_did_not_show_it_is_asked_to(client, protected, waiting):
    client.force_login(protected)
    assert "Show your second factor" in client.get(SECURITY).content.decode()
    client.post(f"/accounts/reauthenticate/code/?next={SECURITY}", {"code": code()})
    assert "Show your second factor" not in client.get(SECURITY).content.decode()


def test_a_new_password_by_mail_does_not_bypass_it(client, protected, settings):
    """A8"""
    path = password_link(protected).removeprefix(settings.CONTERA_BASE_URL)
    client.post(client.get(path)["Location"], {"password1": NEW, "password2": NEW})
    assert sign_in(client, protected.email, NEW)["Location"] == "/accounts/login/code/"
    assert client.get("/account/").status_code == 302


def test_an_invitation_does_not_bypass_it(client, protected, stranger, settings):
    """A8: somebody with an account signs in, second factor included."""
    from accounts import invitations, services
    from accounts.audit import PORTAL

    elsewhere = stranger.memberships.get().organisation
    invited = services.add_person(elsewhere, protected.email, "V", [], PORTAL)
    client.get(invitations.link_of(invited).removeprefix(settings.CONTERA_BASE_URL))
    client.post("/invitation/", {"new_password1": NEW, "new_password2": NEW})
    sign_in(client, protected.email)
    client.post("/invitation/")
    assert Membership.objects.get(pk=invited.pk).state == "invited"


def test_the_person_hears_of_changes_by_mail(viewer):
    sign_in_tasks.send_notice(str(viewer.pk), "person.app_added", "203.0.113.9")
    assert mail.outbox[0].to == [viewer.email]
    assert "203.0.113.9" in mail.outbox[0].body


def test_who_is_signed_in_by_a_provider_changes_nothing(client, viewer, provider_session):
    """The provider speaks for its organisation, not for the account."""
    provider_session(client, viewer)
    for path in (SECURITY, f"{SECURITY}app/", "/account/email/", "/accounts/password/change/"):
        assert client.get(path).status_code == 403


@pytest.fixture
def provider_session():
    """Signs a person in as a provider of their organisation would."""
    from accounts.models import Federation, IdentityProvider
    from accounts.single_sign_on import sessions

    def begin(client: Client, user) -> None:
        membership = user.memberships.get()
        provider = IdentityProvider.objects.create(
            organisation=membership.organisation, kind="oidc", name="Harbour", is_enabled=True
        )
        federation = Federation.objects.create(
            provider=provider, subject="v", membership=membership
        )
        client.force_login(user)
        session = client.session
        until = time.time() + 600
        session[sessions.KEY] = {"federation": federation.pk, "is_strong": False, "until": until}
        session.save()

    return begin


# --- The API --------------------------------------------------------------------------------------


def ask_for_token(browser: Client, user, **more: str):
    body = {"email": user.login, "password": PASSWORD, "name": "vms", **more}
    return browser.post("/api/v1/token/", body, content_type="application/json")


def test_the_api_asks_for_the_second_factor_too(client, protected):
    """A8"""
    answer = ask_for_token(client, protected)
    assert (answer.status_code, answer.json()["code"]) == (401, "mfa_required")
    answer = ask_for_token(client, protected, code="000000")
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_code")
    used = code()
    assert ask_for_token(client, protected, code=used).status_code == 201
    assert ask_for_token(client, protected, code=used).status_code == 401
    assert ApiToken.objects.get().is_strong


def test_a_token_without_it_is_not_strong(client, viewer):
    assert ask_for_token(client, viewer, client="vms").status_code == 201
    token = ApiToken.objects.get()
    assert (token.is_strong, token.client) == (False, "vms")


def test_wrong_codes_of_page_and_api_count_together(client, protected):
    for _ in range(5):
        ask_for_token(client, protected, code="000000")
    assert ask_for_token(client, protected, code=code()).status_code == 429
