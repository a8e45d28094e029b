"""Server time of pages and API lists on the generated data, as JSON in the file argv[1].

Run by `bench.scale` as a program of its own, with DATABASE_URL.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.timing import times_ms

if TYPE_CHECKING:
    from bench.population import Population

PAGE = 200  # cameras of the list that is measured beside django-guardian's
COMPARED = "groups with locations"


def addresses(population: Population, viewer: Any) -> Iterator[tuple[str, bool]]:
    """What is asked for, and whether it is for administrators alone."""
    from recorders.models import Recorder

    recorder, group = Recorder.objects.visible_to(viewer).first().pk, population.group.pk
    person = population.people["groups with locations"].pk
    yield "/recorders/", False
    yield "/recorders/?q=camera+7", False
    yield f"/recorders/{recorder}/", False
    yield "/live/", False
    yield "/recorded/?pick=1&q=site+004", False
    yield "/incidents/", False
    yield "/incidents/new/", False
    yield "/api/v1/recorders/?limit=100", False
    yield f"/api/v1/recorders/{recorder}/cameras/", False
    yield "/api/v1/incidents/", False
    yield "/groups/", True
    yield f"/groups/{group}/", True
    yield f"/groups/{group}/access/", True
    yield "/users/", True
    yield "/users/?q=person+49", True
    yield f"/users/{person}/", True
    yield "/audit/", True
    yield "/api/v1/users/?limit=100", True
    yield "/api/v1/groups/?limit=100", True
    yield f"/api/v1/groups/{group}/grants/", True
    yield "/api/v1/audit/", True


def measure() -> dict[str, Any]:
    from django.urls import get_resolver

    from bench.population import populate
    from contera.garbage import collect_rarely

    population = populate()
    _analyse()
    _ = get_resolver().url_patterns  # as the portal does when it starts
    collect_rarely()
    rows = []
    for words, person in population.people.items():
        for address, is_administration in addresses(population, person):
            if words == "administrator" or not is_administration:
                rows.append({"person": words, **_address(person, address)})
                sys.stderr.write(f"{rows[-1]}\n")
    return {"rows": rows, **_cameras_of(population.people[COMPARED])}


def _cameras_of(person: Any) -> dict[str, Any]:
    """The cameras that somebody may watch live: how many, and the names of the first of them."""
    from recorders.models import Camera

    def ask() -> None:
        mine = Camera.objects.with_right(person, "live")
        list(mine.order_by("name").only("name")[:PAGE])

    return {
        "reach": Camera.objects.with_right(person, "live").count(),
        "list": times_ms(ask),
    }


def _analyse() -> None:
    """What autovacuum does for a database in service."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _address(person: Any, address: str) -> dict[str, Any]:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(raise_request_exception=False)
    client.force_login(person)
    status = client.get(address).status_code
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    return {
        "address": address,
        "status": status,
        "queries": len(queries),
        **times_ms(lambda: client.get(address)),
    }


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contera.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from contera import embedded_redis
    from tests.services.django_client import sessions_by_cookie

    # Pages name static files as they are: no collectstatic for a measurement.
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    settings.ALLOWED_HOSTS = ["testserver"]
    sessions_by_cookie()
    call_command("migrate", verbosity=0)
    with embedded_redis.running(Path(settings.EMBEDDED_REDIS_SOCKET)):
        Path(sys.argv[1]).write_text(json.dumps(measure()))


if __name__ == "__main__":
    main()
