"""One clip of an export: fetch, hash, store, read back; each step starts where the last ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from incidents import naming
from incidents.jobs import spool
from incidents.jobs.claim import Claim
from incidents.jobs.outcomes import Failure, SliceOver
from incidents.jobs.relay_client import ClipChanged, ClipPiece, NoRecording, Range, RelayClient
from incidents.jobs.rights import fresh_token
from incidents.models import ExportedClip
from incidents.storage import Storage
from incidents.storage.errors import StorageError

PIECE_BYTES = 8 * 1024 * 1024
PIECE_TIME = timedelta(seconds=30)  # then the rights are read again; what arrived is kept
MAX_RESTARTS = 3  # of a clip whose bytes change while they are fetched, in one run
MAX_PARTS = 50  # of one camera; each change of its resolution begins one
PART_TOLERANCE = timedelta(seconds=2)  # a clip ends with a whole picture, not at the very moment

State = ExportedClip.State


class ClipJob:
    """Brings one clip to VERIFIED or MISSING, or raises one of `outcomes`."""

    def __init__(
        self,
        claim: Claim,
        clip: ExportedClip,
        relay: RelayClient,
        storage: Storage,
        slice_ends: datetime,
    ) -> None:
        self._claim = claim
        self._clip = clip
        self._relay = relay
        self._storage = storage
        self._slice_ends = slice_ends

    def run(self) -> None:
        try:
            self._to_the_end()
        except StorageError as error:
            raise Failure(str(error)) from error

    def _to_the_end(self) -> None:
        if self._clip.state in (State.WAITING, State.FETCHING):
            if not self._fetch():
                return
            self._hash()
        if self._clip.state == State.STORING:
            self._store()
        if self._clip.state == State.VERIFYING:
            self._verify()

    def _fetch(self) -> bool:
        """Every byte is in the spool; False when there is nothing to fetch."""
        restarts = 0
        while not self._is_fetched():
            self._leave_if_slice_is_over()
            try:
                self._fetch_piece()
            except NoRecording:
                self._settle_as_missing()
                return False
            except ClipChanged:
                restarts += 1
                if restarts > MAX_RESTARTS:
                    raise Failure("The recording kept changing while it was fetched.") from None
                spool.restart(self._clip)
                self._claim.save_clip(self._clip, fetched_bytes=0, etag="", size_bytes=None)
        return True

    def _is_fetched(self) -> bool:
        return (
            self._clip.size_bytes is not None and spool.fetched(self._clip) >= self._clip.size_bytes
        )

    def _leave_if_slice_is_over(self) -> None:
        if self._claim.now >= self._slice_ends:
            raise SliceOver

    def _fetch_piece(self) -> None:
        clip, incident = self._clip, self._claim.export.incident
        token = fresh_token(self._claim.export, clip.camera_id, self._claim.now)
        first = spool.fetched(clip)
        wanted = Range(first, first + PIECE_BYTES - 1, clip.etag if first else "")
        with self._relay.clip(clip.camera, token, clip.start, incident.end, wanted) as answer:
            piece, chunks = answer
            self._note_head(piece)
            try:
                spool.append(clip, chunks, self._keep_going())
            finally:
                self._claim.progress(clip, fetched_bytes=clip.fetched_bytes)

    def _keep_going(self) -> _Deadline:
        return _Deadline(self._claim, self._claim.now + PIECE_TIME)

    def _note_head(self, piece: ClipPiece) -> None:
        clip = self._clip
        if clip.size_bytes not in (None, piece.total):
            raise ClipChanged
        spool.check_room(clip, piece.total)
        if clip.state == State.FETCHING and clip.etag == piece.etag:
            return
        self._claim.save_clip(
            clip,
            state=State.FETCHING,
            etag=piece.etag,
            size_bytes=piece.total,
            video_start=piece.video_start,
            video_end=piece.video_end,
            gap_count=piece.gap_count,
        )

    def _settle_as_missing(self) -> None:
        spool.restart(self._clip)
        if self._clip.part > 1:  # there was no more after the change of resolution
            self._claim.keep()
            self._clip.delete()
            return
        self._claim.progress(self._clip, state=State.MISSING, size_bytes=None, fetched_bytes=0)

    def _hash(self) -> None:
        clip, incident = self._clip, self._claim.export.incident
        found = spool.digest(spool.path_of(clip), self._claim.keep)
        if found.size_bytes != clip.size_bytes:
            spool.restart(clip)
            raise Failure("The fetched file does not have the announced size.")
        token = fresh_token(self._claim.export, clip.camera_id, self._claim.now)
        self._add_next_part()
        self._claim.progress(
            clip,
            state=State.STORING,
            sha256=found.sha256,
            crc32=found.crc32,
            gaps=self._relay.gaps(clip.camera, token, clip.start, clip.video_end or incident.end),
            key=naming.clip_key(self._claim.export, clip),
        )

    def _add_next_part(self) -> None:
        """The recorder ends a clip where the picture changes its size: the rest is another file."""
        clip, end = self._clip, self._claim.export.incident.end
        resumes = clip.video_end
        if resumes is None or resumes >= end - PART_TOLERANCE or clip.part >= MAX_PARTS:
            return
        if resumes <= clip.start:
            return
        self._claim.keep()
        ExportedClip.objects.get_or_create(
            export=self._claim.export,
            camera=clip.camera,
            part=clip.part + 1,
            defaults={"start": resumes},
        )

    def _store(self) -> None:
        clip = self._clip
        path = spool.path_of(clip)
        if not path.exists() and self._storage.size(clip.key) != clip.size_bytes:
            # Another machine had the spool, or somebody emptied it.
            self._claim.save_clip(clip, state=State.WAITING, fetched_bytes=0, etag="", upload_id="")
            raise Failure("The fetched file is gone; it is fetched again.")
        if path.exists():
            self._storage.put(path, clip.key, clip.upload_id, self._remember_upload, self._moved)
        self._claim.progress(
            clip, state=State.VERIFYING, stored_bytes=clip.size_bytes, upload_id=""
        )

    def _remember_upload(self, upload_id: str) -> None:
        self._claim.save_clip(self._clip, upload_id=upload_id, stored_bytes=0)

    def _moved(self, done: int) -> None:
        self._claim.keep()
        if self._should_show(done):
            self._claim.progress(self._clip, stored_bytes=done)

    def _should_show(self, done: int) -> bool:
        step = max(PIECE_BYTES, (self._clip.size_bytes or 0) // 50)
        return done - self._clip.stored_bytes >= step

    def _verify(self) -> None:
        clip = self._clip
        found = spool.digest_of(self._read_back(), self._claim.keep)
        if (found.size_bytes, found.sha256) != (clip.size_bytes, clip.sha256):
            self._storage.delete(clip.key)
            self._claim.save_clip(clip, state=State.STORING, stored_bytes=0, upload_id="")
            raise Failure("The stored file differs from what was fetched; it is stored again.")
        self._claim.progress(clip, state=State.VERIFIED)
        spool.path_of(clip).unlink(missing_ok=True)

    def _read_back(self) -> Iterator[bytes]:
        if self._storage.size(self._clip.key) is None:
            return iter(())
        return self._storage.read(self._clip.key)


class _Deadline:
    """Says when a piece has taken long enough, and renews the lease on the way."""

    def __init__(self, claim: Claim, ends: datetime) -> None:
        self._claim = claim
        self._ends = ends

    def __call__(self) -> bool:
        self._claim.keep()
        return self._claim.now < self._ends
