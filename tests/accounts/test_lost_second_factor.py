"""An administrator takes a lost second factor away, and nobody is weakened by others."""

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.utils import timezone

from accounts.audit import PORTAL
from accounts.circumstances import Circumstances
from accounts.errors import NotPossible
from accounts.lost_second_factor import may_be_removed, remove_second_factor
from accounts.models import ApiToken, AuditEntry, Membership
from accounts.tasks import send_second_factor_removed

pytestmark = pytest.mark.django_db


@pytest.fixture
def lost(viewer):
    Authenticator.objects.create(user=viewer, type=Authenticator.Type.TOTP, data={})
    Authenticator.objects.create(user=viewer, type=Authenticator.Type.RECOVERY_CODES, data={})
    return viewer.memberships.get()


def test_it_takes_everything_away_and_is_in_the_trail(lost, owner):
    owner.circumstances = Circumstances(is_strong=True)
    token, _ = ApiToken.issue(lost.user, "strong", timezone.now())
    ApiToken.objects.update(is_strong=True)
    remove_second_factor(lost, owner, PORTAL)
    assert not Authenticator.objects.exists()
    token.refresh_from_db()
    assert not token.is_strong
    assert AuditEntry.objects.filter(action="person.second_factor_removed").exists()
    lost.refresh_from_db()
    assert lost.signed_out_at is not None


def test_the_person_is_told(viewer):
    send_second_factor_removed(str(viewer.pk), "owner@harbour.test")
    assert "owner@harbour.test took the second factor" in mail.outbox[0].body


def test_an_administrator_without_a_second_factor_cannot(lost, owner):
    """A8"""
    with pytest.raises(NotPossible, match="second factor of your own"):
        remove_second_factor(lost, owner, PORTAL)
    assert Authenticator.objects.count() == 2


def test_nobody_weakens_an_account_that_others_use_too(lost, owner, viewer, stranger):
    elsewhere = stranger.memberships.get().organisation
    Membership.objects.create(user=viewer, organisation=elsewhere, name="V")
    assert not may_be_removed(lost, owner)


def test_nor_ones_own(lost, viewer):
    assert not may_be_removed(lost, viewer)
