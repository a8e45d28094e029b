"""A9: two administrators who remove each other at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from django.db import connection

from accounts import services
from accounts.audit import PORTAL
from accounts.errors import NotPossible
from accounts.models import Membership

ROUNDS = 5


def _remove(start: Barrier, membership: Membership) -> str:
    try:
        start.wait(10)
        services.remove_person(membership, PORTAL)
    except NotPossible:
        return "refused"
    finally:
        connection.close()
    return "removed"


# SQLite lets one write transaction in at a time (IMMEDIATE), and the tests' own is in memory.
if connection.vendor == "postgresql":

    @pytest.mark.django_db(transaction=True)
    def test_two_administrators_cannot_remove_each_other_at_once(owner, viewer):
        organisation = owner.memberships.get().organisation
        administrators = organisation.groups.get(built_in="administrators")
        for _ in range(ROUNDS):
            for user in (owner, viewer):
                mine, _ = Membership.objects.get_or_create(user=user, organisation=organisation)
                mine.groups.add(administrators)
            remove = partial(_remove, Barrier(2))
            with ThreadPoolExecutor(2) as threads:
                outcomes = threads.map(remove, list(organisation.memberships.all()))
            assert sorted(outcomes) == ["refused", "removed"]
