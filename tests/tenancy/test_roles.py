"""A2: the people that the table of tests/route_policy.py has no column for: dealers, services,
people of two organisations, administrators who view as somebody, people who were disabled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.audit import PORTAL
from accounts.models import ApiToken, Federation, Group, IdentityProvider, Membership
from accounts.organisations import consents
from accounts.organisations.consents import Wish
from accounts.view_as import ALLOWED
from tests.route_policy import POLICY, Line
from tests.tenancy.walk import browser, outcomes, signed_in
from tests.test_routes import NAMED

pytestmark = pytest.mark.django_db

# What is about whoever asks tells nothing of borders.
OWN = {"own-token-withdraw", "own-session-end", "api-session", "api-token", "api-tokens"}
OF_THE_OWNER = [
    line
    for line in POLICY
    if line.outcomes["stranger"] in ("403", "404")
    and line.outcomes["owner"] == "ok"
    and line.name not in OWN
]
READS_OF_THE_OWNER = [line for line in OF_THE_OWNER if line.method == "GET"]
API = [line for line in POLICY if NAMED[line.name].path.startswith("api/v1/")]


def let_in(client: Client, things: dict[str, Any], lines: list[Line] = OF_THE_OWNER) -> set[str]:
    return {name for name, found in outcomes(client, lines, things).items() if found == "ok"}


def as_written(role: str, lines: list[Line] = POLICY) -> dict[str, str]:
    return {str(line): line.outcomes[role] for line in lines}


# --- Dealers --------------------------------------------------------------------------------------

A_DEALERS = {
    *("GET recorder", "GET recorder-state", "GET recorder-edit", "POST recorder-edit"),
    *("GET network", "POST network", "POST network-test"),
    *("GET preflight", "POST preflight", "GET preflight-part"),
    *("GET whitelist", "POST whitelist", "GET whitelist-mails"),
    *("GET whitelist-mail-retry", "POST whitelist-mail-retry"),
    *("GET whitelist-csv", "GET whitelist-txt"),
    *("GET registration-code-state", "GET api-registration-code", "DELETE api-registration-code"),
    *("PATCH api-location", "DELETE api-location"),
    *("GET api-recorder", "PATCH api-recorder", "GET api-cameras"),
    *("GET api-network", "PUT api-network", "POST api-network-test", "POST api-preflight"),
    *("GET api-whitelist", "GET api-whitelist-txt", "GET api-whitelist-csv"),
    *("GET api-whitelist-mails", "POST api-whitelist-mails", "POST api-whitelist-mail-retry"),
    *("POST session", "POST session-token"),  # for settings and tests: they name no camera
}
A_CONSENTS = {
    *("GET incident", "GET incident-exports", "POST export-again"),
    *("POST export-cancel", "POST export-retry"),
    *("GET api-incident", "GET api-exports", "POST api-exports", "GET api-export"),
    *("POST api-export-cancel", "POST api-export-retry"),
}


def test_a_dealer_gets_what_is_written_here_and_by_consent_video(
    things, boss, organisation, dealership
):
    """A5: without a consent settings alone; one for everything adds video and nothing else."""
    client = signed_in(boss)
    assert let_in(client, things) == A_DEALERS
    wish = Wish(frozenset({"live", "playback", "export"}), 24, "The gate is dark")
    consents.give(organisation, dealership, wish, PORTAL, timezone.now())
    rest = [line for line in OF_THE_OWNER if str(line) not in A_DEALERS]
    assert let_in(client, things, rest) == A_CONSENTS


# --- Two organisations ----------------------------------------------------------------------------


@pytest.fixture
def both(owner, stranger) -> Any:
    """The stranger, who is an administrator of the owner's organisation, too."""
    harbour = Group.objects.get(memberships__user=owner, built_in="administrators")
    mine = Membership.objects.create(user=stranger, organisation=harbour.organisation)
    mine.groups.add(harbour)
    return stranger


def elsewhere(person: Any) -> Any:
    return Membership.objects.get(user=person, organisation__name="Elsewhere").organisation


def test_a_token_for_one_organisation_gives_nothing_of_the_other(things, both):
    _, key = ApiToken.issue(both, "bound", timezone.now(), organisation=elsewhere(both))
    client = browser(Authorization=f"Token {key}")
    lines = [line for line in API if line.name not in OWN]
    assert outcomes(client, lines, things) == as_written("stranger", lines)


def test_one_providers_session_gives_nothing_of_the_other_organisation(things, both):
    """A1: the identity provider of one organisation speaks for that one alone."""
    there = Membership.objects.get(user=both, organisation=elsewhere(both))
    provider = IdentityProvider.objects.create(
        organisation=there.organisation,
        kind="oidc",
        name="Sign in",
        is_enabled=True,
        settings={"issuer": "https://id.test"},
    )
    federation = Federation.objects.create(provider=provider, subject="s", membership=there)
    until = (timezone.now() + timedelta(hours=1)).timestamp()
    kept = {"federation": federation.pk, "is_strong": True, "until": until}
    assert let_in(signed_in(both, sign_on=kept), things, READS_OF_THE_OWNER) == set()


def test_forced_single_sign_on_leaves_a_password_nothing_there(things, viewer, organisation):
    """A6: only administrators may still use theirs, with a second factor."""
    IdentityProvider.objects.create(
        organisation=organisation, kind="oidc", name="Sign in", is_enabled=True, is_forced=True
    )
    assert let_in(signed_in(viewer), things, READS_OF_THE_OWNER) == set()


# --- Disabled, removed, required second factor ----------------------------------------------------


def test_a_person_whom_the_organisation_disabled_gets_nothing_there(things, owner):
    """A6"""
    Membership.objects.filter(user=owner).update(state=Membership.State.DISABLED)
    assert let_in(signed_in(owner), things, READS_OF_THE_OWNER) == set()


def test_a_disabled_account_is_as_nobody(things, owner):
    """A6"""
    client = signed_in(owner)
    type(owner).objects.filter(pk=owner.pk).update(is_active=False)
    assert outcomes(client, OF_THE_OWNER, things) == as_written("anonymous", OF_THE_OWNER)


def test_a_group_that_asks_for_a_second_factor_gives_nothing_without(things, owner, viewers):
    """A6"""
    Group.objects.filter(memberships__user=owner).update(requires_mfa=True)
    assert let_in(signed_in(owner), things, READS_OF_THE_OWNER) == set()


# --- View as, services ----------------------------------------------------------------------------


def test_who_views_as_somebody_reads_what_they_do_and_changes_nothing(things, owner, viewer):
    kept = {
        "user": str(viewer.pk),
        "login": viewer.login,
        "organisation": str(viewer.memberships.get().organisation_id),
        "until": (timezone.now() + timedelta(minutes=5)).isoformat(),
    }
    client = signed_in(owner, view_as=kept)
    expected = as_written("viewer", READS_OF_THE_OWNER)
    assert outcomes(client, READS_OF_THE_OWNER, things) == expected
    changes = [line for line in OF_THE_OWNER if line.method != "GET" and line.name not in ALLOWED]
    assert let_in(client, things, changes) == set()


def test_a_service_gets_what_its_groups_give(things, viewers):
    Membership.objects.get(user=things["service_id"]).groups.set([viewers])
    service = Membership.objects.get(user=things["service_id"]).user
    _, key = ApiToken.issue(service, "script", timezone.now())
    client = browser(Authorization=f"Token {key}")
    lines = [line for line in API if line.name not in OWN]
    assert outcomes(client, lines, things) == as_written("viewer", lines)
