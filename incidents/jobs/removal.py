"""Removes objects that nobody may have any more; each stays in a row until it is gone."""

from __future__ import annotations

from datetime import datetime, timedelta

from incidents import naming
from incidents.models import Export, ExportedClip, Removal
from incidents.storage import open_storage
from incidents.storage.errors import StorageError

BATCH = 200
RETRY_S = 30  # doubled with each failure
MAX_RETRY_S = 3600
LAST_CALL = timedelta(seconds=10)


def give_up_objects(export: Export, now: datetime) -> None:
    """Everything this export may have stored is to go.

    Not before its worker's lease is over: by then its last call to the storage has ended, so
    nothing appears after the removal.
    """
    when = max(now, export.lease_until + LAST_CALL) if export.lease_until else now
    clips = ExportedClip.objects.filter(export=export)
    keys = {naming.clip_key(export, clip): clip.upload_id for clip in clips}
    manifest = naming.manifest_key(export)
    keys |= {manifest: "", f"{manifest}.jws": ""}
    Removal.objects.bulk_create(
        Removal(key=key, upload_id=upload_id, not_before=when) for key, upload_id in keys.items()
    )


def remove_due_objects(now: datetime) -> None:
    for removal in Removal.objects.filter(not_before__lte=now).order_by("not_before")[:BATCH]:
        try:
            open_storage().delete(removal.key, removal.upload_id)
        except StorageError:
            wait_s = min(RETRY_S * 2 ** min(removal.failures, 10), MAX_RETRY_S)
            Removal.objects.filter(pk=removal.pk).update(
                failures=removal.failures + 1, not_before=now + timedelta(seconds=wait_s)
            )
            return  # the storage fails, not the object: the others would fail too
        removal.delete()
