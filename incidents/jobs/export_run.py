"""One go at an export: claim it, bring each clip on, seal it with the manifest, or say why not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.audit import PORTAL, record
from accounts.signing import portal_signer
from accounts.webhooks.service import announce
from incidents import manifest, naming
from incidents.jobs import spool
from incidents.jobs.claim import Claim
from incidents.jobs.clip_job import ClipJob
from incidents.jobs.outcomes import (
    ClaimLost,
    Failure,
    RecorderFailure,
    Silent,
    SliceOver,
    Waiting,
    Withdrawn,
)
from incidents.jobs.relay_client import RelayClient
from incidents.jobs.removal import give_up_objects
from incidents.jobs.rights import fresh_token
from incidents.models import Export, ExportedClip
from incidents.storage import Storage, open_storage
from incidents.storage.errors import StorageError

logger = logging.getLogger(__name__)

SLICE = timedelta(seconds=120)  # then others have their turn, and a stopping worker is free soon
MAX_FAILURES = 5
_COUNT_WORDS = "five"
BACK_OFF_S = (15, 30, 60, 120)
OFFLINE_RETRY = timedelta(seconds=30)
OFFLINE_PATIENCE = timedelta(hours=24)


def run_export(export_id: UUID, clock: Callable[[], datetime] = timezone.now) -> bool:
    """Work on an export for a while. True when it should go on at once (its time was up)."""
    claim = Claim.take(export_id, clock)
    if claim is None:
        return False
    try:
        return _work(claim)
    except ClaimLost:
        logger.info("export %s: the claim is gone", export_id)
        return False


def _work(claim: Claim) -> bool:
    try:
        _ExportRun(claim, open_storage()).run()
    except SliceOver:
        claim.release(state=Export.State.QUEUED, not_before=None)
        return True
    except Withdrawn as reason:
        _withdraw(claim, str(reason))
    except Waiting as reason:
        _wait(claim, str(reason))
    except (Failure, StorageError) as reason:
        _fail(claim, str(reason), is_recorders=isinstance(reason, RecorderFailure))
    return False


class _ExportRun:
    def __init__(self, claim: Claim, storage: Storage) -> None:
        self._claim = claim
        self._storage = storage
        self._relay = RelayClient(settings.CONTERA_RELAY_URLS)
        self._slice_ends = claim.now + SLICE
        self._held_up: set[int] = set()
        self._silent: set[UUID] = set()  # recorders

    def run(self) -> None:
        if self._claim.export.failures >= MAX_FAILURES:
            raise Failure("The worker died each time it worked on this export.")
        trouble = self._bring_clips_on()
        if trouble is not None:
            raise trouble
        clips = self._clips()
        if all(clip.state == ExportedClip.State.MISSING for clip in clips):
            raise Failure("No camera of the incident has a recording in this range.")
        for clip in clips:  # the last look before it is handed out
            fresh_token(self._claim.export, clip.camera_id, self._claim.now)
        self._seal(clips)
        _finish(self._claim, clips)

    def _bring_clips_on(self) -> Waiting | Failure | None:
        """What stops a camera does not stop the others; a storage that fails stops all, a silent
        recorder its own."""
        trouble: Waiting | Failure | None = None
        while (clip := self._next_clip()) is not None:
            try:
                ClipJob(self._claim, clip, self._relay, self._storage, self._slice_ends).run()
            except (Waiting, Failure) as error:
                if isinstance(error.__cause__, StorageError):
                    raise
                self._claim.save_clip(clip, error=str(error)[:500])
                self._held_up.add(clip.pk)
                if isinstance(error, Silent):
                    self._silent.add(clip.camera.recorder_id)
                trouble = error if trouble is None or isinstance(error, Failure) else trouble
        return trouble

    def _next_clip(self) -> ExportedClip | None:
        clips = (clip for clip in self._clips() if not clip.is_settled)
        return next((clip for clip in clips if not self._must_wait(clip)), None)

    def _must_wait(self, clip: ExportedClip) -> bool:
        return clip.pk in self._held_up or clip.camera.recorder_id in self._silent

    def _clips(self) -> list[ExportedClip]:
        found = ExportedClip.objects.filter(export=self._claim.export)
        return list(found.select_related("camera__recorder"))

    def _seal(self, clips: list[ExportedClip]) -> None:
        """Store manifest and signature, read back like a clip."""
        export = self._claim.export
        content = manifest.build(export, clips)
        signature = portal_signer().sign_detached(manifest.SIGNATURE_TYPE, content).encode()
        key = naming.manifest_key(export)
        self._store_small(content, key)
        self._store_small(signature, f"{key}.jws")
        self._claim.save(
            manifest_key=key,
            manifest_bytes=len(content),
            manifest_sha256=sha256(content).hexdigest(),
        )

    def _store_small(self, content: bytes, key: str) -> None:
        path = (
            spool.folder()
            / f"{self._claim.export.pk}-{self._claim.export.attempt}{Path(key).suffix}"
        )
        path.write_bytes(content)
        try:
            self._storage.delete(key)  # what a run that died left half done
            self._storage.put(path, key, "", lambda _: self._claim.keep(), lambda _: None)
            if b"".join(self._storage.read(key)) != content:
                raise Failure("The stored manifest differs from what was written.")
        finally:
            path.unlink(missing_ok=True)


def _finish(claim: Claim, clips: list[ExportedClip]) -> None:
    export = claim.export
    with transaction.atomic():
        claim.release(
            state=Export.State.DONE,
            finished_at=claim.now,
            not_before=None,
            stalled_since=None,
            failures=0,
            error="",
        )
        _audit(
            export,
            "export.finished",
            manifest_sha256=export.manifest_sha256,
            clips=[clip.sha256 for clip in clips if clip.sha256],
        )
        _tell(export, "export.done")


def _wait(claim: Claim, reason: str) -> None:
    """Not a failure: the recorder may be back any moment."""
    since = claim.export.stalled_since or claim.now
    if claim.now - since >= OFFLINE_PATIENCE:
        _give_up(claim, f"{reason} Nothing moved for 24 hours.")
        return
    later = claim.now + OFFLINE_RETRY
    claim.release(
        state=Export.State.QUEUED, not_before=later, stalled_since=since, error=reason[:500]
    )


def _fail(claim: Claim, reason: str, *, is_recorders: bool) -> None:
    failures = claim.export.failures + 1
    logger.warning("export %s: failure %d: %s", claim.export.pk, failures, reason)
    if failures >= MAX_FAILURES:
        advice = " Check that the recorder is online, then try again." if is_recorders else ""
        _give_up(claim, f"Failed after {_COUNT_WORDS} tries: {reason}{advice}")
        return
    later = claim.now + timedelta(seconds=BACK_OFF_S[failures - 1])
    claim.release(
        state=Export.State.QUEUED, not_before=later, failures=failures, error=reason[:500]
    )


def _give_up(claim: Claim, reason: str) -> None:
    with transaction.atomic():
        claim.release(
            state=Export.State.FAILED,
            finished_at=claim.now,
            not_before=None,
            stalled_since=None,
            error=reason[:500],
        )
        _audit(claim.export, "export.failed", reason=reason)
        _tell(claim.export, "export.failed", error=reason[:500])


def _withdraw(claim: Claim, reason: str) -> None:
    """Rights ended in mid-job (J5): what was stored goes, and the trail says why."""
    with transaction.atomic():
        give_up_objects(claim.export, claim.now)
        claim.release(
            state=Export.State.CANCELLED,
            finished_at=claim.now,
            not_before=None,
            error=f"Stopped: {reason}"[:500],
        )
        _audit(claim.export, "export.withdrawn", reason=reason)


def _audit(export: Export, action: str, **detail: object) -> None:
    organisation = export.incident.organisation
    record(organisation, PORTAL, action, export.incident, export=str(export.pk), **detail)


def _tell(export: Export, event: str, **facts: str) -> None:
    """The customer's webhooks."""
    incident = {"id": str(export.incident_id), "title": export.incident.title}
    address = f"{settings.CONTERA_BASE_URL}/incidents/{export.incident_id}/"
    body = {"export": str(export.pk), "incident": incident, "address": address, **facts}
    announce(export.incident.organisation_id, event, body)
