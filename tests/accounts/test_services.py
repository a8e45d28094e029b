"""Changes to people and groups."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts import invitations, services
from accounts.audit import PORTAL
from accounts.errors import NotPossible
from accounts.models import AuditEntry, Membership, Organisation, User

pytestmark = pytest.mark.django_db


def membership_of(user: User) -> Membership:
    return Membership.objects.get(user=user)


def administrators(organisation: Organisation):
    return organisation.groups.get(built_in="administrators")


def test_an_organisation_begins_with_an_invited_administrator():
    invited = services.create_organisation("Harbour", " Ada@Harbour.test ", "Ada")
    assert invited.user.email == "ada@harbour.test"
    assert [group.is_administrators for group in invited.groups.all()] == [True]
    assert invited.state == "invited"
    assert not Organisation.objects.visible_to(invited.user)


def test_an_invitation_works_once_and_sets_the_first_password():
    """A8: single use, bound to one person and organisation."""
    invited = services.create_organisation("Harbour", "ada@harbour.test")
    services.accept_invitation(invited, PORTAL, "a long password")
    assert User.objects.get().check_password("a long password")
    assert Organisation.objects.administered_by(invited.user)
    with pytest.raises(NotPossible, match="used already"):
        services.accept_invitation(invited, PORTAL, "another password")


def test_an_invitation_never_changes_the_password_of_an_account(owner, stranger):
    """A8: an administrator who invites a person of another organisation does not get in."""
    invited = services.add_person(
        membership_of(stranger).organisation, owner.email, "O", [], PORTAL
    )
    with pytest.raises(NotPossible, match="in use already"):
        services.accept_invitation(invited, PORTAL, "stolen password")
    assert Membership.objects.get(pk=invited.pk).state == "invited"


@pytest.mark.parametrize("change", ["remove", "disable", "leave"])
def test_the_last_administrator_stays(owner, viewer, change):
    """A9"""
    last = membership_of(owner)
    changes = {
        "remove": lambda: services.remove_person(last, PORTAL),
        "disable": lambda: services.disable_person(last, PORTAL),
        "leave": lambda: services.set_groups(last, [], PORTAL),
    }
    with pytest.raises(NotPossible, match="at least one administrator"):
        changes[change]()
    assert Organisation.objects.administered_by(owner)


def test_members_of_administrators_cannot_all_be_taken_out(owner, organisation):
    """A9"""
    with pytest.raises(NotPossible, match="at least one administrator"):
        services.set_members(administrators(organisation), [], PORTAL)


def test_an_invited_administrator_does_not_replace_one(owner, organisation):
    """A9: somebody who never signs in cannot administer."""
    group = administrators(organisation)
    services.add_person(organisation, "new@harbour.test", "New", [group], PORTAL)
    with pytest.raises(NotPossible):
        services.remove_person(membership_of(owner), PORTAL)


def test_a_disabled_person_cannot_sign_in_until_enabled(viewer):
    membership = membership_of(viewer)
    services.disable_person(membership, PORTAL)
    viewer.refresh_from_db()
    assert not viewer.is_active
    services.enable_person(membership, PORTAL)
    viewer.refresh_from_db()
    assert viewer.is_active


def test_disabling_touches_no_other_organisation(viewer, stranger):
    elsewhere = membership_of(stranger).organisation
    invited = services.add_person(elsewhere, viewer.email, "V", [], PORTAL)
    services.accept_invitation(invited, PORTAL)
    here = Membership.objects.exclude(pk=invited.pk).get(user=viewer)
    services.disable_person(here, PORTAL)
    viewer.refresh_from_db()
    assert viewer.is_active
    assert list(Organisation.objects.visible_to(viewer)) == [elsewhere]


def test_a_group_of_another_organisation_is_refused(viewer, stranger):
    foreign = administrators(membership_of(stranger).organisation)
    with pytest.raises(NotPossible, match="not of"):
        services.set_groups(membership_of(viewer), [foreign], PORTAL)


def test_administrators_cannot_be_renamed_or_deleted(owner, organisation):
    group = administrators(organisation)
    with pytest.raises(NotPossible, match="built in"):
        services.rename_group(group, "Others", PORTAL)
    with pytest.raises(NotPossible, match="built in"):
        services.delete_group(group, PORTAL)


def test_two_groups_cannot_share_a_name(organisation, viewers):
    with pytest.raises(NotPossible, match="already"):
        services.create_group(organisation, "viewers", PORTAL)


def test_every_change_is_audited_with_before_and_after(viewer, organisation):
    """A4 of the requirements."""
    guards = services.create_group(organisation, "Guards", PORTAL)
    services.set_groups(membership_of(viewer), [guards], PORTAL)
    services.rename_group(guards, "Night guards", PORTAL)
    found = {entry.action: entry.detail for entry in AuditEntry.objects.all()}
    assert found["person.groups_changed"] == {"before": ["Viewers"], "after": ["Guards"]}
    assert found["group.renamed"] == {"before": "Guards", "after": "Night guards"}
    assert "group.created" in found


def test_an_invitation_link_dies_with_its_invitation(organisation):
    invited = services.add_person(organisation, "new@harbour.test", "New", [], PORTAL)
    token = invitations.token_of(invited)
    assert invitations.find(token, timezone.now()) == invited
    assert invitations.find(token + "x", timezone.now()) is None
    services.remove_person(invited, PORTAL)
    assert invitations.find(token, timezone.now()) is None
