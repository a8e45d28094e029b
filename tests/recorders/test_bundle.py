"""The on-site list of a recorder: nobody gets more from it than from the portal (A6, A9)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import onsite
from accounts.audit import Actor
from accounts.circumstances import Circumstances
from accounts.models import Group, IdentityProvider, Organisation
from accounts.services import disable_person, remove_person, set_groups
from accounts.signing import portal_keys
from protocol.bundle import Bundle, OnsiteRights, verify_bundle
from protocol.footage import covers
from recorders.grants.limits import judge
from recorders.grants.values import WEEK_MINUTES, Limits
from recorders.models import HiddenCamera
from recorders.onsite_hours import holds_in
from recorders.services import bundle as service
from tests.conftest import PASSWORD, give, make_recorder

if TYPE_CHECKING:
    from accounts.models import User
    from recorders.models import Camera, Recorder

pytestmark = pytest.mark.django_db
ACTOR = Actor(None, "test")


def list_of(recorder: Recorder) -> Bundle:
    recorder.organisation.refresh_from_db()
    text = service.signed_bundle(recorder, timezone.now())
    assert text is not None
    return verify_bundle(portal_keys(), text, str(recorder.pk), int(time.time()))


def rights(
    recorder: Recorder, user: User, client: str = "browser", address: str = "192.168.1.5"
) -> OnsiteRights | None:
    """None when the person is not on the list."""
    found = list_of(recorder)
    person = found.person(user.login)
    return person and found.rights_of(person, time.time(), client, address)


@pytest.fixture
def seen(viewer: User, owner: User) -> None:
    """Both have signed in with their password."""
    for user in (viewer, owner):
        onsite.password_seen(user, PASSWORD)


def test_people_have_their_rights_on_site(
    recorder: Recorder, viewer: User, owner: User, seen: None
) -> None:
    found = rights(recorder, viewer)
    assert found is not None
    assert found.cameras == dict.fromkeys((1, 2), frozenset({"live", "playback"}))
    assert found.recorder == frozenset()
    all_of_it = rights(recorder, owner)
    assert all_of_it is not None
    assert all_of_it.recorder == {"configure", "delete"}


def test_the_password_of_the_portal_opens_it_here_alone(
    recorder: Recorder, viewer: User, seen: None
) -> None:
    person = list_of(recorder).person("VIEWER@harbour.test")
    assert person is not None
    assert person.has_secret(PASSWORD, str(recorder.pk))
    assert not person.has_secret(PASSWORD, "another")


def test_nobody_of_another_organisation_is_on_it(
    recorder: Recorder, stranger: User, seen: None
) -> None:
    onsite.password_seen(stranger, PASSWORD)
    assert {p.login for p in list_of(recorder).people} == {
        "owner@harbour.test",
        "viewer@harbour.test",
    }
    theirs = make_recorder(Organisation.objects.get(memberships__user=stranger), "Theirs")
    assert [p.login for p in list_of(theirs).people] == ["stranger@elsewhere.test"]


def test_a_dealer_is_not_on_its_customers_list(
    recorder: Recorder, organisation: Organisation, stranger: User, seen: None
) -> None:
    """A5: what a dealer sees, it sees through the portal."""
    onsite.password_seen(stranger, PASSWORD)
    dealer = Organisation.objects.get(memberships__user=stranger)
    Organisation.objects.filter(pk=dealer.pk).update(is_dealer=True)
    Organisation.objects.filter(pk=organisation.pk).update(dealer=dealer)
    assert list_of(recorder).person(stranger.login) is None


@pytest.mark.parametrize("leave", [disable_person, remove_person])
def test_who_leaves_is_off_the_list_and_the_recorder_hears_of_it(
    recorder: Recorder, viewer: User, seen: None, leave: Any
) -> None:
    """A6."""
    now = timezone.now()
    before = service.access_version(_fresh(recorder), [1, 2], now)
    leave(viewer.memberships.get(), ACTOR)
    assert rights(recorder, viewer) is None
    assert service.access_version(_fresh(recorder), [1, 2], now) != before


def _fresh(recorder: Recorder) -> Recorder:
    found: Recorder = type(recorder).objects.select_related("organisation__access").get()
    return found


def test_the_version_changes_with_access_cameras_place_and_time(
    recorder: Recorder, viewer: User, organisation: Organisation
) -> None:
    now = timezone.now()

    def version(cameras: tuple[int, ...] = (1, 2), later_s: int = 0) -> str | None:
        moment = now + timedelta(seconds=later_s)
        return service.access_version(_fresh(recorder), cameras, moment)

    first = version()
    assert version((2, 1)) == first
    assert version((1, 2, 3)) != first
    assert version(later_s=service.MAX_RENEW_S) != first
    set_groups(viewer.memberships.get(), [], ACTOR)
    assert version() != first
    onsite.set_hours(organisation, 0, ACTOR)
    assert version() is None


def test_a_group_that_asks_for_a_second_factor_does_not_count(
    recorder: Recorder, viewer: User, viewers: Group, seen: None
) -> None:
    viewers.requires_mfa = True
    viewers.save()
    assert rights(recorder, viewer) is None


def test_what_is_hidden_stays_hidden_but_for_administrators(
    recorder: Recorder,
    viewer: User,
    owner: User,
    organisation: Organisation,
    cameras: list[Camera],
    seen: None,
) -> None:
    strict = Group.objects.create(organisation=organisation, name="Strict", requires_mfa=True)
    HiddenCamera.objects.create(group=strict, camera=cameras[0])
    for user in (viewer, owner):
        user.memberships.get().groups.add(strict)
    found, all_of_it = rights(recorder, viewer), rights(recorder, owner)
    assert found is not None
    assert found.cameras.keys() == {2}
    assert all_of_it is not None
    assert all_of_it.cameras.keys() == {1, 2}


def test_limits_go_with_the_list(
    recorder: Recorder, viewer: User, viewers: Group, cameras: list[Camera], seen: None
) -> None:
    viewers.grants.all().delete()
    since = datetime(2026, 1, 1, tzinfo=UTC)
    give(viewers, "live", camera=cameras[0], clients=["vms"])
    give(viewers, "live", camera=cameras[1], addresses=["10.0.0.0/8"])
    give(viewers, "playback", recorder=recorder, footage_from=since)
    give(viewers, "export", holds_from=timezone.now() + timedelta(hours=1))
    found = rights(recorder, viewer)
    assert found is not None
    assert set(found.cameras.values()) == {frozenset({"playback"})}
    assert found.footage[("playback", 1)] == ((int(since.timestamp()), None),)
    assert "live" in rights(recorder, viewer, client="vms").cameras[1]
    assert "live" in rights(recorder, viewer, address="10.1.1.1").cameras[2]
    listed = list_of(recorder)
    later = listed.rights_of(listed.people[0], time.time() + 3700, "browser", "::1")
    assert "export" in later.cameras[1]


def test_where_single_sign_on_is_forced_only_codes_count(
    recorder: Recorder, viewer: User, owner: User, organisation: Organisation, seen: None
) -> None:
    IdentityProvider.objects.create(organisation=organisation, is_enabled=True, is_forced=True)
    assert not list_of(recorder).people
    onsite.make_code(viewer, ACTOR, timezone.now())
    assert not list_of(recorder).people, "a code made with the password is no way past it"
    viewer.circumstances = Circumstances(provider_of=organisation.pk)
    onsite.make_code(viewer, ACTOR, timezone.now())
    assert [person.login for person in list_of(recorder).people] == [viewer.login]


def test_a_code_made_behind_one_provider_opens_nothing_of_another_organisation(
    recorder: Recorder, viewer: User, organisation: Organisation, seen: None
) -> None:
    """A1: an organisation's provider speaks for that organisation alone."""
    elsewhere = Organisation.objects.create(name="Elsewhere")
    viewer.circumstances = Circumstances(provider_of=elsewhere.pk)
    onsite.make_code(viewer, ACTOR, timezone.now())
    assert list_of(recorder).person(viewer.login) is None


def test_of_too_many_people_the_administrators_stay(
    recorder: Recorder, viewer: User, owner: User, seen: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer.last_login = timezone.now()
    viewer.save()
    monkeypatch.setattr(service, "MAX_PEOPLE", 1)
    found = list_of(recorder)
    assert ([person.login for person in found.people], found.left_out) == ([owner.login], 1)
    assert service.count_people(recorder, timezone.now()) == 1


def test_a_list_that_is_too_large_loses_people_and_says_so(
    recorder: Recorder, seen: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(service.signed_bundle(recorder, timezone.now()) or "")
    monkeypatch.setattr(service, "MAX_BUNDLE_BYTES", size - 1)
    found = list_of(recorder)
    assert (len(found.people), found.left_out) == (1, 1)


def test_it_costs_the_same_for_many_people(
    recorder: Recorder,
    organisation: Organisation,
    viewers: Group,
    django_assert_max_num_queries: Any,
) -> None:
    from tests.conftest import _join

    for number in range(12):
        user = _join(organisation, f"person{number}@harbour.test", viewers)
        onsite.password_seen(user, PASSWORD)
        if number in (2, 11):
            with django_assert_max_num_queries(12):
                assert len(list_of(recorder).people) == number + 1


def test_the_recorder_fetches_it_with_its_own_key(
    enrolled: Any, recorder: Recorder, viewer: User, seen: None
) -> None:
    address = "/api/v1/recorder/bundle"
    headers = {"Authorization": f"Bearer {enrolled.token(enrolled.recorder_id)}"}
    text = enrolled.client.get(address, headers=headers).json()["bundle"]
    found = verify_bundle(portal_keys(), text, str(recorder.pk), int(time.time()))
    assert found.person(viewer.login)
    assert enrolled.beat().json()["access_version"] == found.version
    assert enrolled.client.get(address).status_code == 401
    onsite.set_hours(recorder.organisation, 0, ACTOR)
    assert enrolled.client.get(address, headers=headers).json() == {"bundle": None}
    assert enrolled.beat().json()["access_version"] is None


minutes = st.integers(0, WEEK_MINUTES - 1)
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


@settings(max_examples=60)
@given(
    hours=st.lists(st.tuples(minutes, minutes), min_size=1, max_size=5),
    begins=st.integers(0, 30),
    ends=st.integers(31, 160),
    asked=st.lists(st.integers(0, 100 * 60), max_size=20),
)
def test_hours_on_site_are_those_of_the_portal(
    hours: list[tuple[int, int]], begins: int, ends: int, asked: list[int]
) -> None:
    zone = ZoneInfo("America/New_York")
    limits = Limits(
        holds_from=MONDAY + timedelta(hours=begins),
        holds_until=MONDAY + timedelta(hours=ends),
        hours=tuple(hours),
    )
    spans = holds_in(limits, MONDAY, MONDAY + timedelta(hours=168), zone)
    for minute in asked:
        at = MONDAY + timedelta(minutes=minute, seconds=30)
        second = int(at.timestamp())
        judged = judge(limits, Circumstances(client="browser"), at, zone).holds
        assert covers(spans, second, second + 1) == judged
