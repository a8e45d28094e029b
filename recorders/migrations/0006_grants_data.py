"""One row for each right becomes one row for each scope."""

from __future__ import annotations

from typing import Any

from django.db import migrations


def merge(apps: Any, schema_editor: Any) -> None:  # Django's historical models
    grants = apps.get_model("recorders", "Grant").objects
    first: dict[tuple[Any, ...], Any] = {}
    for grant in grants.order_by("pk").iterator():
        scope = (grant.group_id, grant.recorder_id, grant.camera_id)
        kept = first.setdefault(scope, grant)
        if kept is not grant:
            grants.filter(pk=grant.pk).delete()
        # On a camera "configure" said nothing; a row with nothing else goes.
        if not (grant.right == "configure" and grant.camera_id):
            setattr(kept, f"may_{grant.right}", True)
            grants.filter(pk=kept.pk).update(**{f"may_{grant.right}": True})
    nothing = {f"may_{right}": False for right in ("live", "playback", "export", "ptz", "audio")}
    grants.filter(may_configure=False, may_delete=False, **nothing).delete()


class Migration(migrations.Migration):
    dependencies = [("recorders", "0005_grants")]

    operations = [migrations.RunPython(merge, migrations.RunPython.noop)]
