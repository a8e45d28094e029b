"""Groups: their people, picked by search, and whether they ask for a second factor."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.test import Client

from accounts import services
from accounts.audit import PORTAL, Actor
from accounts.errors import NotPossible
from accounts.models import AuditEntry, Group, Membership, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(client, owner) -> Client:
    """The owner's browser."""
    client.force_login(owner)
    return client


@pytest.fixture
def guards(organisation) -> Group:
    return services.create_group(organisation, "Guards", PORTAL)


def text(response) -> str:
    return response.content.decode()


def crowd(organisation, number: int, *groups: Group) -> list[Membership]:
    users = [User(email=f"p{n}@harbour.test", password="!") for n in range(number)]
    User.objects.bulk_create(users)
    made = Membership.objects.bulk_create(
        Membership(user=user, organisation=organisation, name=f"Person {n:03}")
        for n, user in enumerate(users)
    )
    for group in groups:
        group.memberships.add(*made)
    return made


def test_a_group_is_made_renamed_and_deleted(office, organisation):
    office.post("/groups/add/", {"name": "Guards"})
    group = organisation.groups.get(name="Guards")
    office.post(f"/groups/{group.pk}/", {"name": "Night  guards"})
    group.refresh_from_db()
    assert group.name == "Night guards"
    office.post(f"/groups/{group.pk}/delete/")
    assert not Group.objects.filter(pk=group.pk).exists()


def test_people_join_and_leave_one_by_one(office, organisation, guards, viewer, owner):
    crowd(organisation, 1, guards)
    office.post(f"/groups/{guards.pk}/people/", {"person": [viewer.pk, owner.pk]})
    assert guards.memberships.count() == 3
    office.post(f"/groups/{guards.pk}/people/remove/", {"person": owner.pk})
    assert not guards.memberships.filter(user=owner).exists()
    assert guards.memberships.count() == 2
    line = AuditEntry.objects.filter(action="group.members_changed").latest("number")
    assert line.detail == {"added": [], "removed": [owner.email]}


def test_people_are_picked_by_search_page_by_page(office, organisation, guards):
    crowd(organisation, 60)
    address = f"/groups/{guards.pk}/people/"
    assert "Person 059" not in text(office.get(address))
    assert "Person 059" in text(office.get(address, {"page": 2}))
    found = text(office.get(address, {"q": "p59@harbour"}))
    assert "Person 059" in found
    assert "Person 001" not in found


def test_who_is_in_the_group_is_not_offered_again(office, organisation, guards):
    crowd(organisation, 2, guards)
    assert "Person 001" not in text(office.get(f"/groups/{guards.pk}/people/"))
    assert "Person 001" in text(office.get(f"/groups/{guards.pk}/"))


@pytest.mark.parametrize("person", ["x", "00000000-0000-0000-0000-000000000000"])
def test_who_is_not_there_cannot_be_added(office, guards, person):
    assert office.post(f"/groups/{guards.pk}/people/", {"person": person}).status_code == 404


def test_members_of_another_organisation_cannot_be_added(office, guards, stranger):
    """A2"""
    answer = office.post(f"/groups/{guards.pk}/people/", {"person": stranger.pk})
    assert answer.status_code == 404
    assert not guards.memberships.exists()


def test_the_last_administrator_cannot_be_taken_out(office, organisation, owner):
    """A9"""
    group = organisation.groups.get(built_in="administrators")
    address = f"/groups/{group.pk}/people/remove/"
    page = office.post(address, {"person": owner.pk}, follow=True)
    assert "needs at least one administrator" in text(page)
    assert group.memberships.filter(user=owner).exists()


def test_a_built_in_group_says_what_it_may_do_and_keeps_its_name(office, organisation):
    group = organisation.groups.get(built_in="administrators")
    page = text(office.post(f"/groups/{group.pk}/", {"name": "Rulers"}, follow=True))
    assert "every right in Harbour" in page
    group.refresh_from_db()
    assert group.name == "Administrators"


def test_a_group_can_ask_for_a_second_factor(office, guards):
    office.post(f"/groups/{guards.pk}/", {"name": "Guards", "requires_mfa": "on"})
    guards.refresh_from_db()
    assert guards.requires_mfa
    line = AuditEntry.objects.get(action="group.second_factor_changed")
    assert line.detail == {"before": False, "after": True}
    assert "Second factor" in text(office.get("/groups/"))


def test_nobody_shuts_themselves_out_of_administering(office, organisation, owner):
    """A9: who asks administrators for a second factor has one."""
    group = organisation.groups.get(built_in="administrators")
    page = office.post(f"/groups/{group.pk}/", {"requires_mfa": "on"})
    assert "Sign in with a second factor of your own first" in text(page)
    owner.circumstances = replace(owner.circumstances, is_strong=True)
    services.set_requires_mfa(group, True, Actor(owner, owner.login))
    assert Group.objects.get(pk=group.pk).requires_mfa


def test_the_rule_holds_for_the_service_too(organisation, owner):
    group = organisation.groups.get(built_in="administrators")
    with pytest.raises(NotPossible, match="second factor"):
        services.set_requires_mfa(group, True, Actor(owner, owner.login))


def test_groups_are_found_by_name_and_paged(office, organisation):
    Group.objects.bulk_create(
        Group(organisation=organisation, name=f"Team {n:03}") for n in range(60)
    )
    assert "Team 055" not in text(office.get("/groups/"))
    assert "Team 055" in text(office.get("/groups/", {"page": 2}))
    assert "Team 055" in text(office.get("/groups/", {"q": "team 055"}))
    assert "No group is called" in text(office.get("/groups/", {"q": "nothing"}))


@pytest.mark.parametrize("path", ["/groups/{}/", "/groups/{}/people/", "/groups/"])
def test_query_counts_do_not_grow(
    office, organisation, guards, path, django_assert_max_num_queries
):
    address = path.format(guards.pk)
    crowd(organisation, 2, guards)
    with django_assert_max_num_queries(10) as few:
        office.get(address)
    other = services.create_group(organisation, "Others", PORTAL)
    User.objects.filter(email__startswith="p").delete()
    crowd(organisation, 40, other)
    guards.memberships.set(organisation.memberships.all()[:20])
    with django_assert_max_num_queries(len(few)):
        office.get(address)
