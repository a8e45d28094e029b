"""A token says and lasts no more than the limits of its grants; exports and incidents likewise."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.signing import portal_keys
from incidents.services import NewIncident, NotPossible, require_footage
from protocol.tokens import ACCESS_LIFETIME_S, renew_after_s, verify_access_token
from streaming.services import issue_token
from tests.conftest import give

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0)
HOUR = timedelta(hours=1)


def issued(person, recorder):
    token = issue_token(person, recorder, "s", NOW)
    return verify_access_token(portal_keys(), token.text, str(recorder.pk), int(NOW.timestamp()))


@pytest.mark.parametrize(
    ("left_s", "life_s"), [(None, ACCESS_LIFETIME_S), (600, ACCESS_LIFETIME_S), (20, 20), (1, 1)]
)
def test_a_token_ends_with_the_right_and_is_renewed_before(
    left_s, life_s, viewer, viewers, recorder
):
    until = left_s and NOW + timedelta(seconds=left_s)
    viewers.grants.update(holds_until=until)
    token = issue_token(viewer, recorder, "s", NOW)
    assert token.expires_at - NOW == timedelta(seconds=life_s)
    assert renew_after_s(life_s) <= max(1, life_s / 2)


def test_a_right_that_other_grants_give_for_longer_does_not_cut_it(viewer, viewers, recorder):
    give(viewers, "live", recorder=recorder, holds_until=NOW + timedelta(seconds=20))
    assert issued(viewer, recorder).expires_at == int(NOW.timestamp()) + ACCESS_LIFETIME_S


def test_a_token_says_which_footage_it_is_about(viewer, viewers, recorder):
    """History from the grant on."""
    viewers.grants.update(footage_from=NOW - HOUR)
    token = issued(viewer, recorder)
    start = int((NOW - HOUR).timestamp())
    assert list(token.spans("playback", 1)) == [(start, None)]
    assert token.allows("live", 1)
    assert not token.covers("playback", 1, start - 1, start + 60)
    assert token.covers("playback", 1, start, start + 60)


@pytest.mark.parametrize(
    ("earliest", "is_refused"), [(3 * HOUR, False), (2 * HOUR, False), (1.5 * HOUR, True)]
)
def test_an_incident_lies_inside_what_may_be_exported(
    earliest, is_refused, viewer, viewers, recorder, cameras
):
    give(viewers, "export", recorder=recorder, footage_from=NOW - earliest)
    wanted = NewIncident("Van", cameras, NOW - 2 * HOUR, NOW - HOUR)
    if not is_refused:
        require_footage(viewer, wanted)
        return
    with pytest.raises(NotPossible) as refused:
        require_footage(viewer, wanted)
    assert refused.value.code == "footage_not_granted"
