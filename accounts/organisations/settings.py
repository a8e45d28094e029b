"""Name and time zone of an organisation."""

from __future__ import annotations

import zoneinfo
from functools import cache

from django.db import transaction

from accounts.access import announce_change
from accounts.audit import Actor, record
from accounts.models import Organisation, User


@transaction.atomic
def change_settings(organisation: Organisation, name: str, time_zone: str, actor: Actor) -> None:
    """Hours of limited grants are in the organisation's time zone: running sessions ask again."""
    held = Organisation.objects.select_for_update().get(pk=organisation.pk)
    before = {"name": held.name, "time_zone": held.time_zone}
    after = {"name": name, "time_zone": time_zone}
    if before == after:
        return
    organisation.name, organisation.time_zone = name, time_zone
    organisation.save(update_fields=["name", "time_zone"])
    record(organisation, actor, "organisation.changed", organisation, before=before, after=after)
    if before["time_zone"] != time_zone:
        announce_change(User.objects.filter(memberships__organisation=organisation))


def is_time_zone(name: str) -> bool:
    return name in _time_zones()


@cache
def _time_zones() -> frozenset[str]:
    """Looking them up reads hundreds of files."""
    return frozenset(zoneinfo.available_timezones())
