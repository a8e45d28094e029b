"""Whether a grant can be given as it was filled in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_network

from accounts.circumstances import CLIENTS
from accounts.errors import NotPossible
from accounts.models import Group
from recorders.grants import FOOTAGE_RIGHTS, OFFERED, RECORDER_ONLY
from recorders.grants.values import WEEK_MINUTES, GrantValue, Limits, Scope
from recorders.models import Camera, Location, Recorder

MAX_SPANS = 50  # of hours, in one grant
MAX_ADDRESSES = 50


def require_editable(group: Group) -> None:
    """Raises NotPossible for built-in groups, whose rights are what they are."""
    if group.is_administrators:
        raise NotPossible("built_in", f"{group} have every right in the organisation.")
    if group.built_in:
        raise NotPossible("built_in", f"{group} is built in: its rights cannot be changed.")


def require_valid(group: Group, values: Collection[GrantValue]) -> None:
    """Raises NotPossible."""
    for value in values:
        _check_rights(value)
        _check_limits(value)
    _check_scopes(group, {value.scope for value in values})


def tidied(value: GrantValue) -> GrantValue:
    """As it is kept: whole seconds, networks and hours in order, nothing twice.

    Raises NotPossible when an address is none.
    """
    limits = value.limits
    kept = Limits(
        holds_from=_whole(limits.holds_from),
        holds_until=_whole(limits.holds_until),
        hours=tuple(sorted({(int(start), int(end)) for start, end in limits.hours})),
        clients=tuple(name for name in CLIENTS if name in limits.clients)
        + tuple(sorted(set(limits.clients) - set(CLIENTS))),
        addresses=tuple(dict.fromkeys(_network(text) for text in limits.addresses)),
        footage_from=_whole(limits.footage_from),
        footage_to=_whole(limits.footage_to),
    )
    return replace(value, limits=kept, reason=value.reason.strip())


def _whole(moment: datetime | None) -> datetime | None:
    return moment and moment.replace(microsecond=0)


def _network(text: str) -> str:
    try:
        return str(ip_network(text.strip(), strict=False))
    except ValueError:
        fact = f"{text} is no address or range like 10.0.0.0/8."
        raise NotPossible("bad_addresses", fact) from None


def _check_rights(value: GrantValue) -> None:
    wrong = value.rights - set(OFFERED)
    if value.scope.camera_id:
        wrong |= value.rights & RECORDER_ONLY
    if wrong:
        raise NotPossible("no_such_right", f"{', '.join(sorted(wrong))} cannot be given there.")
    if not value.rights:
        raise NotPossible("no_rights", "Choose at least one right.")
    if value.limits.has_footage and not value.rights & FOOTAGE_RIGHTS:
        raise NotPossible(
            "bad_footage", "A span of recorded video needs the right to play back or to export."
        )


def _check_limits(value: GrantValue) -> None:
    limits = value.limits
    if limits.holds_from and limits.holds_until and limits.holds_from >= limits.holds_until:
        raise NotPossible("bad_times", "The end must be after the start.")
    first, last = limits.footage_from, limits.footage_to
    if first and last and first >= last:
        raise NotPossible("bad_footage", "The recorded video must end after it begins.")
    if set(limits.clients) - set(CLIENTS):
        raise NotPossible("bad_clients", f"Clients are {', '.join(CLIENTS)}.")
    if len(limits.addresses) > MAX_ADDRESSES:
        raise NotPossible("bad_addresses", f"A grant has at most {MAX_ADDRESSES} addresses.")
    _check_hours(limits.hours)


def _check_hours(hours: Collection[tuple[int, int]]) -> None:
    if len(hours) > MAX_SPANS:
        raise NotPossible("bad_hours", f"A grant has at most {MAX_SPANS} spans of hours.")
    for start, end in hours:
        if not (0 <= start < WEEK_MINUTES and 0 < end <= WEEK_MINUTES) or start == end:
            raise NotPossible("bad_hours", "Hours are minutes of the week, 0 to 10080.")


def _check_scopes(group: Group, scopes: Collection[Scope]) -> None:
    """All in the group's organisation; removed recorders are not there."""
    organisation = group.organisation_id
    locations = {scope.location_id for scope in scopes if scope.location_id}
    recorders = {scope.recorder_id for scope in scopes if scope.recorder_id}
    cameras = {scope.camera_id for scope in scopes if scope.camera_id}
    own_recorders = Recorder.objects.present().filter(organisation=organisation)
    known = (
        Location.objects.filter(organisation=organisation, pk__in=locations).count(),
        own_recorders.filter(pk__in=recorders).count(),
        Camera.objects.filter(recorder__in=own_recorders, pk__in=cameras).count(),
    )
    several = any(
        sum(part is not None for part in (s.location_id, s.recorder_id, s.camera_id)) > 1
        for s in scopes
    )
    if several:
        raise NotPossible("bad_scope", "Name a location, a recorder or a camera, not several.")
    if known != (len(locations), len(recorders), len(cameras)):
        raise NotPossible("not_found", "There is no such location, recorder or camera here.")
