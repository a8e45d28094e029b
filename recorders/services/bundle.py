"""The on-site list of a recorder: who may sign in at its own page while the portal is away
(docs/design/access.md, section 5).

Only people of the recorder's own organisation: what its dealer may see, it sees through the portal.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Q

from accounts.models import Group, IdentityProvider, Membership, OnsiteSecret, Organisation
from accounts.signing import portal_signer
from protocol.bundle import (
    MAX_BUNDLE_BYTES,
    MAX_PEOPLE,
    Bundle,
    OnsiteGrant,
    OnsitePerson,
    sign_bundle,
    verifier_of,
)
from recorders.grants import ALL_RIGHTS, BUILT_IN, CAMERA_RIGHTS
from recorders.grants.limits import zone_of
from recorders.grants.values import limits_of
from recorders.models import Camera, Grant, HiddenCamera, Recorder
from recorders.onsite_hours import footage_of, holds_in

MIN_RENEW_S, MAX_RENEW_S = 300, 3600
RENEWALS = 12  # at least as often in its time: so much of it is left when the link is lost
RECORDER_RIGHTS = frozenset({"configure", "delete"})


def access_version(recorder: Recorder, cameras: Iterable[int], now: datetime) -> str | None:
    """Another one says that the list must be fetched anew: because access or the recorder changed,
    or to prolong it. None: nobody may sign in on site. No query when `organisation__access` was
    selected."""
    organisation = recorder.organisation
    if not organisation.onsite_hours:
        return None
    renew_s = organisation.onsite_hours * 3600 // RENEWALS
    renew_s = min(MAX_RENEW_S, max(MIN_RENEW_S, renew_s))
    # Not all recorders at the same moment.
    turn = (int(now.timestamp()) + recorder.pk.int % renew_s) // renew_s
    access = getattr(organisation, "access", None)
    facts = (
        organisation.pk,
        organisation.onsite_hours,
        organisation.time_zone,
        0 if access is None else access.number,
        recorder.location_id,
        sorted(cameras),
        turn,
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:20]


def signed_bundle(recorder: Recorder, now: datetime) -> str | None:
    """The list for this recorder, signed; None when nobody may sign in on site. As many people as
    there is room for."""
    bundle = build_bundle(recorder, now)
    while bundle is not None:
        text = sign_bundle(portal_signer(), str(recorder.pk), bundle)
        if len(text) <= MAX_BUNDLE_BYTES:
            return text
        kept = bundle.people[: len(bundle.people) * 3 // 4]
        left_out = bundle.left_out + len(bundle.people) - len(kept)
        bundle = replace(bundle, people=kept, left_out=left_out)
    return None


def build_bundle(recorder: Recorder, now: datetime) -> Bundle | None:
    cameras = _cameras(recorder)
    version = access_version(recorder, cameras.values(), now)
    if version is None:
        return None
    organisation = recorder.organisation
    until = now + timedelta(hours=organisation.onsite_hours)
    table = _Table(recorder, cameras, now, until)
    listed = _listed(recorder, table)
    return Bundle(
        version=version,
        issued_at=int(now.timestamp()),
        usable_until=int(until.timestamp()),
        organisation=organisation.name,
        grants=tuple(table.grants),
        people=tuple(_people(recorder, listed[:MAX_PEOPLE])),
        left_out=max(0, len(listed) - MAX_PEOPLE),
    )


def count_people(recorder: Recorder, now: datetime) -> int:
    """How many people may sign in at the recorder without the portal."""
    if not recorder.organisation.onsite_hours:
        return 0
    cameras = _cameras(recorder)
    until = now + timedelta(hours=recorder.organisation.onsite_hours)
    table = _Table(recorder, cameras, now, until)
    counting = Group.objects.filter(pk__in=table.groups, requires_mfa=False)
    members = Membership.objects.filter(groups__in=counting, state=Membership.State.ACTIVE)
    count: int = _secrets(recorder.organisation).filter(user__in=members.values("user")).count()
    return min(MAX_PEOPLE, count)


def _cameras(recorder: Recorder) -> dict[UUID, int]:
    """Numbers by id."""
    cameras = Camera.objects.filter(recorder=recorder, is_present=True)
    return dict(cameras.values_list("pk", "number"))


@dataclass(frozen=True)
class _Groups:
    """The groups of one person that count on site, and cameras that any group of theirs hides."""

    counting: frozenset[UUID]
    hidden: frozenset[int]
    is_administrator: bool


@dataclass(frozen=True)
class _Listed:
    """A person who has something to see here; `grants` as in the list."""

    user_id: UUID
    grants: tuple[int, ...]
    hidden: frozenset[int]


class _Table:
    """The grants of the organisation's groups at this recorder, each once."""

    def __init__(
        self, recorder: Recorder, cameras: Mapping[UUID, int], now: datetime, until: datetime
    ) -> None:
        numbers = frozenset(cameras.values())
        self.grants: list[OnsiteGrant] = []
        self._by_group: dict[UUID, list[int]] = defaultdict(list)
        zone = zone_of(recorder.organisation.time_zone)
        for group in Group.objects.filter(organisation=recorder.organisation_id).exclude(
            built_in=Group.BuiltIn.NO
        ):
            self._add(group.pk, _built_in(group, numbers))
        for grant in _grants_at(recorder, cameras):
            limits = limits_of(grant)
            self._add(
                grant.group_id,
                replace(
                    _plain(grant, numbers),
                    holds=holds_in(limits, now, until, zone),
                    clients=frozenset(limits.clients),
                    addresses=limits.addresses,
                    footage=footage_of(limits),
                ),
            )

    def _add(self, group_id: UUID, grant: OnsiteGrant) -> None:
        if grant.holds and (grant.recorder_rights or (grant.rights and grant.cameras)):
            self._by_group[group_id].append(len(self.grants))
            self.grants.append(grant)

    @property
    def groups(self) -> Collection[UUID]:
        """Those with a grant here."""
        return self._by_group.keys()

    def positions(self, groups: Collection[UUID]) -> tuple[int, ...]:
        return tuple(sorted(at for group in groups for at in self._by_group.get(group, ())))


def _grants_at(recorder: Recorder, cameras: Iterable[UUID]) -> Iterable[Grant]:
    """Grants of the recorder's own organisation that reach it or its cameras, whose ids are known
    already: by a join the database would look at every grant there is."""
    here = Q(location=None, recorder=None, camera=None)
    here |= Q(recorder=recorder) | Q(camera__in=list(cameras))
    if recorder.location_id is not None:
        here |= Q(location=recorder.location_id)
    mine = Grant.objects.filter(here, group__organisation=recorder.organisation_id)
    return mine.select_related("camera")


def _built_in(group: Group, numbers: frozenset[int]) -> OnsiteGrant:
    rights = ALL_RIGHTS if group.is_administrators else BUILT_IN[group.built_in]
    return OnsiteGrant(rights.intersection(CAMERA_RIGHTS), numbers, rights & RECORDER_RIGHTS)


def _plain(grant: Grant, numbers: frozenset[int]) -> OnsiteGrant:
    rights = grant.rights.intersection(CAMERA_RIGHTS)
    if grant.camera is not None:
        return OnsiteGrant(rights, numbers & {grant.camera.number})
    return OnsiteGrant(rights, numbers, grant.rights & RECORDER_RIGHTS)


def _listed(recorder: Recorder, table: _Table) -> list[_Listed]:
    """Administrators first, then who was here most recently."""
    groups = _groups_of_people(recorder)
    recent = _secrets(recorder.organisation).order_by(
        F("user__last_login").desc(nulls_last=True), "user"
    )
    known = [(pk, groups[pk]) for pk in recent.values_list("user", flat=True) if pk in groups]
    known.sort(key=lambda row: not row[1].is_administrator)
    rows = [_Listed(pk, table.positions(own.counting), own.hidden) for pk, own in known]
    return [row for row in rows if row.grants]


def _people(recorder: Recorder, listed: Sequence[_Listed]) -> Iterator[OnsitePerson]:
    ids = [row.user_id for row in listed]
    secrets = OnsiteSecret.objects.select_related("user").in_bulk(ids)
    members = Membership.objects.filter(organisation=recorder.organisation_id, user__in=ids)
    names = dict(members.values_list("user", "name"))
    for row in listed:
        if row.user_id in secrets:
            yield _person(recorder, secrets[row.user_id], names.get(row.user_id, ""), row)


def _secrets(organisation: Organisation) -> Any:  # Any: a queryset, generic in the stubs only
    """Of those who belong to the organisation now. Where single sign-on is forced, only codes that
    were made behind it; nowhere those that were made behind another organisation's."""
    members = Membership.objects.filter(organisation=organisation, state=Membership.State.ACTIVE)
    secrets = OnsiteSecret.objects.filter(
        user__in=members.values("user"), user__is_active=True, user__is_service=False
    )
    providers = IdentityProvider.objects.filter(organisation=organisation)
    if providers.filter(is_enabled=True, is_forced=True).exists():
        return secrets.filter(organisation=organisation)
    return secrets.filter(Q(organisation=None) | Q(organisation=organisation))


def _person(recorder: Recorder, secret: OnsiteSecret, name: str, listed: _Listed) -> OnsitePerson:
    return OnsitePerson(
        user_id=str(secret.user_id),
        login=secret.user.login,
        name=name or str(secret.user),
        secret=secret.origin,
        salt=secret.salt,
        verifier=verifier_of(base64.b64decode(secret.root), str(recorder.pk)),
        grants=listed.grants,
        hidden=listed.hidden,
    )


def _groups_of_people(recorder: Recorder) -> Mapping[UUID, _Groups]:
    """By person. Groups that ask for a second factor do not count: on site there is none. What
    they hide stays hidden."""
    hidden_from: dict[UUID, set[int]] = defaultdict(set)
    hides = HiddenCamera.objects.filter(camera__recorder=recorder)
    for group_id, number in hides.values_list("group", "camera__number"):
        hidden_from[group_id].add(number)
    kinds = {
        pk: (built_in, requires_mfa)
        for pk, built_in, requires_mfa in Group.objects.filter(
            organisation=recorder.organisation_id
        ).values_list("pk", "built_in", "requires_mfa")
    }
    members = Membership.objects.filter(
        organisation=recorder.organisation_id, state=Membership.State.ACTIVE
    )
    belongs: dict[UUID, set[UUID]] = defaultdict(set)
    for user_id, group_id in members.values_list("user", "groups"):
        if group_id is not None:
            belongs[user_id].add(group_id)
    return {user: _groups(own, kinds, hidden_from) for user, own in belongs.items()}


def _groups(
    own: set[UUID],
    kinds: Mapping[UUID, tuple[str, bool]],
    hidden_from: Mapping[UUID, set[int]],
) -> _Groups:
    counting = frozenset(group for group in own if not kinds[group][1])
    is_administrator = any(kinds[g][0] == Group.BuiltIn.ADMINISTRATORS for g in counting)
    hidden = frozenset(number for group in own for number in hidden_from.get(group, ()))
    return _Groups(counting, frozenset() if is_administrator else hidden, is_administrator)
