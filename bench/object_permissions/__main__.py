"""Times guardian's list of the cameras that a person may watch; writes JSON to the file argv[3].

DATABASE_URL is argv[1]; the person's groups reach argv[2] cameras.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

import django
from django.conf import settings

from bench.timing import times_ms

CAMERAS, GROUPS, PEOPLE_GROUPS, PAGE = 16_000, 200, 3, 200


def configure(url: str) -> None:
    parts = urlsplit(url)
    settings.configure(
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "guardian",
            "bench.object_permissions",
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": parts.path.lstrip("/"),
                "USER": parts.username,
                "HOST": parts.hostname,
                "PORT": parts.port,
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        SECRET_KEY="bench",  # noqa: S106  signs nothing
        USE_TZ=True,
    )
    django.setup()


def populate(reach: int) -> object:
    """The person; their groups reach `reach` cameras, each other group its own 480."""
    from django.contrib.auth.models import Group, Permission, User
    from django.core.management import call_command
    from django.db import connection
    from guardian.models import GroupObjectPermission

    from bench.object_permissions.models import Camera

    call_command("migrate", verbosity=0, run_syncdb=True)
    cameras = Camera.objects.bulk_create(Camera(name=f"Camera {n:05}") for n in range(CAMERAS))
    groups = Group.objects.bulk_create(Group(name=f"Group {n:03}") for n in range(GROUPS))
    permissions = Permission.objects.filter(
        content_type__model="camera", codename__endswith="_camera"
    )
    wanted = [p for p in permissions if p.codename in ("live_camera", "playback_camera")]
    rows = []
    for n, group in enumerate(groups):
        count = reach // PEOPLE_GROUPS if n < PEOPLE_GROUPS else 480
        for k in range(count):
            camera = cameras[(n * 480 + k) % CAMERAS]
            rows += [
                GroupObjectPermission(
                    group=group,
                    permission=permission,
                    content_type_id=permission.content_type_id,
                    object_pk=str(camera.pk),
                )
                for permission in wanted
            ]
    GroupObjectPermission.objects.bulk_create(rows, batch_size=5_000)
    user = User.objects.create(username="person")
    user.groups.set(groups[:PEOPLE_GROUPS])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return user


def main() -> None:
    configure(sys.argv[1])
    user = populate(int(sys.argv[2]))
    from guardian.shortcuts import get_objects_for_user

    def ask() -> None:
        mine = get_objects_for_user(
            user, "object_permissions.live_camera", accept_global_perms=False
        )
        list(mine.order_by("name")[:PAGE])

    Path(sys.argv[3]).write_text(json.dumps(times_ms(ask)))


if __name__ == "__main__":
    main()
