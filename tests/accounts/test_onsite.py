"""On-site secrets: made where a password is seen, gone when it changes, encrypted at rest."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import onsite
from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.models import AccessVersion, AuditEntry, OnsiteSecret
from accounts.services import disable_person
from protocol.bundle import OnsitePerson, verifier_of
from tests.conftest import PASSWORD

if TYPE_CHECKING:
    from accounts.models import Organisation, User

pytestmark = pytest.mark.django_db
ACTOR = Actor(None, "test")


def opens(user: User, secret: str) -> bool:
    """Whether a recorder would let the person in with this."""
    row = OnsiteSecret.objects.get(user=user)
    verifier = verifier_of(base64.b64decode(row.root), "gate")
    person = OnsitePerson("u", "l", "n", row.origin, row.salt, verifier, ())
    return person.has_secret(secret, "gate")


def version(organisation: Organisation) -> int:
    found = AccessVersion.objects.filter(organisation=organisation).first()
    return found.number if found else 0


def test_a_sign_in_makes_the_secret_once(viewer: User, organisation: Organisation) -> None:
    before = version(organisation)
    onsite.password_seen(viewer, PASSWORD)
    row = OnsiteSecret.objects.get(user=viewer)
    assert opens(viewer, PASSWORD)
    assert version(organisation) > before
    onsite.password_seen(viewer, PASSWORD)
    assert OnsiteSecret.objects.get(user=viewer).made_at == row.made_at


def test_the_sign_in_page_makes_it(client: Client, viewer: User) -> None:
    client.post("/accounts/login/", {"login": viewer.login, "password": "wrong password"})
    assert not OnsiteSecret.objects.exists()
    client.post("/accounts/login/", {"login": viewer.login, "password": PASSWORD})
    assert opens(viewer, PASSWORD)


def test_a_new_password_replaces_it(viewer: User) -> None:
    onsite.password_seen(viewer, PASSWORD)
    viewer.set_password("another horse battery")
    viewer.save()
    assert opens(viewer, "another horse battery")
    assert not opens(viewer, PASSWORD)


def test_nothing_is_made_where_nobody_may_sign_in_on_site(
    viewer: User, organisation: Organisation
) -> None:
    onsite.password_seen(viewer, PASSWORD)
    onsite.set_hours(organisation, 0, ACTOR)
    assert not OnsiteSecret.objects.exists()
    onsite.password_seen(viewer, PASSWORD)
    assert not OnsiteSecret.objects.exists()
    with pytest.raises(NotPossible):
        onsite.make_code(viewer, ACTOR, timezone.now())


def test_what_is_stored_opens_nothing_without_the_installations_keys(viewer: User) -> None:
    onsite.password_seen(viewer, PASSWORD)
    with connection.cursor() as cursor:
        cursor.execute("SELECT root FROM accounts_onsitesecret")
        (stored,) = cursor.fetchone()
    assert stored.startswith("gAAAA")
    assert OnsiteSecret.objects.get(user=viewer).root not in stored


def test_a_disabled_account_has_none(viewer: User) -> None:
    onsite.password_seen(viewer, PASSWORD)
    disable_person(viewer.memberships.get(), ACTOR)
    assert not OnsiteSecret.objects.exists()


def test_a_code_replaces_the_password_until_it_is_withdrawn(viewer: User) -> None:
    onsite.password_seen(viewer, PASSWORD)
    code = onsite.make_code(viewer, Actor(viewer, viewer.login), timezone.now())
    assert opens(viewer, code.upper().replace("-", " "))
    assert not opens(viewer, PASSWORD)
    onsite.password_seen(viewer, PASSWORD)  # a sign-in does not take the code away
    assert opens(viewer, code)
    onsite.withdraw_code(viewer, Actor(viewer, viewer.login))
    assert not OnsiteSecret.objects.exists()
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"person.onsite_code_made", "person.onsite_code_withdrawn"} <= actions
    assert code not in str(list(AuditEntry.objects.values("detail", "target")))


def test_the_hours_are_bounded_and_audited(organisation: Organisation) -> None:
    for hours in (-1, 169):
        with pytest.raises(NotPossible):
            onsite.set_hours(organisation, hours, ACTOR)
    onsite.set_hours(organisation, 72, ACTOR)
    line = AuditEntry.objects.get(action="organisation.onsite_changed")
    assert (line.detail["before"], line.detail["after"]) == (24, 72)
