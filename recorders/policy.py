"""The one answer to "what may this person do here?", behind page, API, websocket and token.

`explain` loads what concerns one recorder, in a fixed number of queries; `recorders.explanation`
decides. Lists are decided in SQL by `recorders.reach`: tests keep both equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts.circumstances import Circumstances
from accounts.models import Consent, Group, IdentityProvider, Membership, Organisation
from accounts.querysets import CONSENT_RIGHTS, MAX_DEALER_LEVELS, is_signed_in
from recorders.explanation import Entitlement, Explanation, Source
from recorders.grants import ALL_RIGHTS, BUILT_IN
from recorders.grants.limits import judge, zone_of
from recorders.grants.values import value_of
from recorders.models import Camera, Grant, HiddenCamera, Recorder

if TYPE_CHECKING:
    from accounts.models import User

ACTING = (Group.BuiltIn.ADMINISTRATORS, Group.BuiltIn.MANAGERS)  # for a dealer


def is_administrator(user: User, organisation: Organisation) -> bool:
    return Organisation.objects.administered_by(user).filter(pk=organisation.pk).exists()


def recorder_rights(user: User, recorder: Recorder) -> frozenset[str]:
    """Rights on the recorder as a whole (`configure` is only ever here). Empty when invisible."""
    return explain(user, recorder).recorder_rights()


def camera_rights(user: User, recorder: Recorder) -> dict[Camera, frozenset[str]]:
    """Rights on each present camera of the recorder that the person sees; those of others are left
    out."""
    found = explain(user, recorder)
    return {camera: found.rights_on(camera) for camera in found.cameras if found.is_listed(camera)}


def entitlement(user: User, recorder: Recorder, now: datetime) -> Entitlement:
    """Everything that a token says of it."""
    return explain(user, recorder, now).entitlement()


def explain(user: User, recorder: Recorder, now: datetime | None = None) -> Explanation:
    """Each source of rights there that the person has or would have, and why it does not hold."""
    return explain_many(user, [recorder], now or timezone.now())[0]


def explain_many(user: User, recorders: Sequence[Recorder], now: datetime) -> list[Explanation]:
    """The same for each of these, in as many queries as for one of each organisation."""
    present = [recorder for recorder in recorders if recorder.removed_at is None]
    belongings = _belongings(user)
    grants = _grants(present, [belonging.group.pk for belonging in belongings])
    dealers = {
        organisation: list(_dealer_sources(organisation, belongings, now))
        for organisation in {recorder.organisation for recorder in present}
    }
    cameras = _cameras(present)
    hidden = _hidden(user, present)
    found = []
    for recorder in recorders:
        if recorder.removed_at is not None:
            found.append(Explanation(recorder, [], [], {}))
            continue
        own = _own_sources(user, recorder, belongings, grants, now)
        sources = [*own, *dealers[recorder.organisation]]
        seen = cameras.get(recorder.pk, [])
        found.append(Explanation(recorder, seen, sources, hidden, user.circumstances))
    return found


def _cameras(recorders: Sequence[Recorder]) -> dict[UUID, list[Camera]]:
    """Present ones by recorder, by number."""
    found: dict[UUID, list[Camera]] = {}
    present = Camera.objects.filter(recorder__in=recorders, is_present=True)
    for camera in present.order_by("recorder", "number"):
        found.setdefault(camera.recorder_id, []).append(camera)
    return found


# --- Where the person belongs ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Belonging:
    """The person in a group, and why that does not count now, if it does not."""

    group: Group
    reason: str


def _belongings(user: User) -> list[_Belonging]:
    person = user.circumstances.viewed_as or user
    memberships = list(
        Membership.objects.filter(user=person)
        .select_related("organisation", "organisation__identity_provider")
        .prefetch_related("groups__organisation")
    )
    administered = _administered_when_viewing(user)
    found = []
    for membership in memberships:
        groups = list(membership.groups.all())
        reason = _membership_reason(user, membership, groups, administered)
        found += [_Belonging(group, reason or _group_reason(user, group)) for group in groups]
    return found


def _administered_when_viewing(user: User) -> frozenset[UUID] | None:
    """Where somebody may look through another person's eyes; None: they do not."""
    if user.circumstances.viewed_as is None:
        return None
    viewing = Membership.objects.in_force(user)
    return frozenset(viewing.values_list("organisation", flat=True))


def _membership_reason(
    user: User,
    membership: Membership,
    groups: Iterable[Group],
    administered: frozenset[UUID] | None,
) -> str:
    person = user.circumstances.viewed_as or user
    if not is_signed_in(person) or not is_signed_in(user):
        return "inactive"
    if membership.state != Membership.State.ACTIVE:
        return str(membership.state)
    if administered is not None:
        return "" if membership.organisation_id in administered else "other_organisation"
    return _sign_in_reason(user, membership, groups)


def _sign_in_reason(user: User, membership: Membership, groups: Iterable[Group]) -> str:
    """Whether the way the person is here counts in the organisation."""
    how, organisation = user.circumstances, membership.organisation_id
    signed_out = membership.signed_out_at
    if how.signed_in_at is not None and signed_out is not None and signed_out >= how.signed_in_at:
        return "signed_out"
    if how.provider_of not in (None, organisation):
        return "other_sign_in"
    if how.only_organisation not in (None, organisation):
        return "other_organisation"
    if how.provider_of is not None or user.is_service:
        return ""
    may_pass = how.is_strong and any(group.is_administrators for group in groups)
    return "sso_required" if _is_sso_forced(membership.organisation) and not may_pass else ""


def _is_sso_forced(organisation: Organisation) -> bool:
    try:
        provider = organisation.identity_provider
    except IdentityProvider.DoesNotExist:
        return False
    return provider.is_enabled and provider.is_forced


def _group_reason(user: User, group: Group) -> str:
    is_strong = user.circumstances.is_strong or user.circumstances.viewed_as is not None
    return "needs_mfa" if group.requires_mfa and not is_strong else ""


# --- What that gives ------------------------------------------------------------------------------


def _own_sources(
    user: User,
    recorder: Recorder,
    belongings: Sequence[_Belonging],
    grants: Sequence[Grant],
    now: datetime,
) -> Iterator[Source]:
    own = [b for b in belongings if b.group.organisation_id == recorder.organisation_id]
    for belonging in own:
        group = belonging.group
        if group.is_administrators:
            yield Source("administrators", ALL_RIGHTS, group, reason=belonging.reason)
        elif group.built_in:
            yield Source("built_in", BUILT_IN[group.built_in], group, reason=belonging.reason)
    reasons = {belonging.group.pk: belonging for belonging in own}
    for grant in grants:
        if grant.group_id in reasons and _concerns(grant, recorder):
            yield _grant_source(grant, reasons[grant.group_id], user.circumstances, now)


def _grants(recorders: Sequence[Recorder], groups: Sequence[UUID]) -> list[Grant]:
    """All grants of these groups that concern the recorders or their cameras."""
    places = {recorder.location_id for recorder in recorders} - {None}
    concerning = (
        Q(location=None, recorder=None, camera=None)
        | Q(recorder__in=recorders)
        | Q(camera__recorder__in=recorders)
        | Q(location__in=places)
    )
    found = Grant.objects.filter(concerning, group__in=groups)
    return list(found.select_related("location", "camera"))


def _concerns(grant: Grant, recorder: Recorder) -> bool:
    """Or one of its cameras; a location counts only in its own organisation."""
    if grant.camera is not None:
        return grant.camera.recorder_id == recorder.pk
    if grant.location is not None:
        is_there = grant.location_id == recorder.location_id
        return is_there and grant.location.organisation_id == recorder.organisation_id
    return grant.recorder_id in (None, recorder.pk)


def _grant_source(grant: Grant, belonging: _Belonging, how: Circumstances, now: datetime) -> Source:
    value = value_of(grant)
    verdict = judge(value.limits, how, now, zone_of(belonging.group.organisation.time_zone))
    return Source(
        "grant",
        value.rights,
        belonging.group,
        scope=value.scope,
        reason=belonging.reason or verdict.reason,
        ends_at=verdict.ends_at,
        limits=value.limits,
        grant_id=grant.pk,
        why=value.reason,
    )


def _dealer_sources(
    organisation: Organisation, belongings: Sequence[_Belonging], now: datetime
) -> Iterator[Source]:
    acting = [b for b in belongings if b.group.built_in in ACTING]
    if not acting:
        return
    above = _dealers_above(organisation)
    for belonging in acting:
        dealer = belonging.group.organisation
        if dealer in above and dealer.is_dealer:
            rights = frozenset({"configure"})
            yield Source("dealer", rights, belonging.group, reason=belonging.reason, dealer=dealer)
    dealers = {b.group.organisation_id: b for b in sorted(acting, key=_refused_first)}
    consents = Consent.objects.filter(
        organisation=organisation, dealer__in=dealers, state=Consent.State.GIVEN
    )
    for consent in consents.order_by("-ends_at"):
        belonging = dealers[consent.dealer_id]
        dealer = belonging.group.organisation
        if dealer in above and dealer.is_dealer:
            yield _consent_source(consent, belonging, now)


def _refused_first(belonging: _Belonging) -> bool:
    return not belonging.reason


def _consent_source(consent: Consent, belonging: _Belonging, now: datetime) -> Source:
    reason = ""
    if consent.starts_at is None or now < consent.starts_at:
        reason = "not_yet"
    elif consent.ends_at is None or now >= consent.ends_at:
        reason = "over"
    return Source(
        "consent",
        frozenset(right for right in CONSENT_RIGHTS if getattr(consent, right)),
        belonging.group,
        reason=belonging.reason or reason,
        ends_at=consent.ends_at,
        why=consent.reason,
        dealer=belonging.group.organisation,
    )


def _dealers_above(organisation: Organisation) -> list[Organisation]:
    """The dealer, then those above it."""
    path = "__".join(["dealer"] * MAX_DEALER_LEVELS)
    here = Organisation.objects.select_related(path).get(pk=organisation.pk)
    found: list[Organisation] = []
    while len(found) < MAX_DEALER_LEVELS and here.dealer is not None:
        here = here.dealer
        found.append(here)
    return found


def _hidden(user: User, recorders: Sequence[Recorder]) -> dict[UUID, list[Group]]:
    """By camera: the groups that do not see it."""
    found: dict[UUID, list[Group]] = {}
    rows = HiddenCamera.objects.of(user).filter(camera__recorder__in=recorders)
    for row in rows.select_related("group"):
        found.setdefault(row.camera_id, []).append(row.group)
    return found
