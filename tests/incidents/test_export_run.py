"""An export from its claim to its manifest, against a relay over real HTTP."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import time_machine
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.signing import portal_keys
from incidents.jobs import clip_job, export_run, relay_client, spool
from incidents.jobs.claim import LEASE, Claim
from incidents.jobs.export_run import MAX_FAILURES, OFFLINE_PATIENCE, run_export
from incidents.manifest import SIGNATURE_TYPE
from incidents.models import Export, ExportedClip, Removal
from incidents.progress import clip_progress, export_trouble
from protocol.times import format_time, parse_time
from tests.streaming.real_site import running_site
from tests.streaming.slow_recorder import dripping_clip, silent

pytestmark = pytest.mark.django_db


def stored(data: Path) -> dict[str, bytes]:
    folder = data / "exports"
    return {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def run(export: Export, after: timedelta = timedelta()) -> Export:
    with time_machine.travel(timezone.now() + after):
        run_export(export.pk)
    return Export.objects.get(pk=export.pk)


def before_token(monkeypatch, count: int, action) -> None:
    """Do something in the worker's own thread before it asks for its token number `count`."""
    asked = iter(range(1, 1000))
    real = clip_job.fresh_token

    def wrapped(*args) -> str:
        if next(asked) == count:
            action()
        return real(*args)

    monkeypatch.setattr(clip_job, "fresh_token", wrapped)


def test_an_export_stores_each_clip_and_a_signed_manifest(export, videos, cameras, data) -> None:
    assert run(export).state == "done"
    files = stored(data)
    assert [files[f"{camera.pk}-1.mp4"] for camera in cameras] == videos
    manifest = files["manifest.json"]
    portal_keys().verify_detached(files["manifest.json.jws"].decode(), SIGNATURE_TYPE, manifest)
    clips = json.loads(manifest)["clips"]
    assert [clip["sha256"] for clip in clips] == [hashlib.sha256(v).hexdigest() for v in videos]
    assert clips[0]["gaps"][0]["reason"] == "camera unreachable"
    assert len(files) == 4
    assert list((data / "spool").iterdir()) == []


def test_the_trail_names_the_hashes(export, videos) -> None:
    run(export)
    entry = AuditEntry.objects.get(action="export.finished")
    expected = {hashlib.sha256(video).hexdigest() for video in videos}
    assert set(entry.detail["clips"]) == expected


def test_a_second_message_has_no_effect(export, videos, relay, data) -> None:
    """J2: the same message twice, and once more days later."""
    run(export)
    before, asked = stored(data), len(relay.requests)
    assert run(export).attempt == 1
    assert run(export, timedelta(days=3)).attempt == 1
    assert (stored(data), len(relay.requests)) == (before, asked)


def test_one_of_two_workers_gets_the_claim(export) -> None:
    assert Claim.take(export.pk) is not None
    assert Claim.take(export.pk) is None


def test_a_lost_lease_is_taken_over_within_a_minute(export, videos) -> None:
    """J1: lease and beat together are below 60 s."""
    assert LEASE + timedelta(seconds=15) < timedelta(seconds=60)
    Claim.take(export.pk)
    assert run(export).state == "running"
    assert run(export, LEASE + timedelta(seconds=1)).state == "done"


def test_a_worker_that_was_overtaken_writes_nothing(export, videos) -> None:
    slow = Claim.take(export.pk)
    run(export, LEASE + timedelta(seconds=1))
    with pytest.raises(export_run.ClaimLost):
        slow.save(error="too late")
    assert Export.objects.get(pk=export.pk).error == ""


def test_a_broken_connection_resumes_where_it_broke(export, videos, relay, data) -> None:
    relay.faults = ["cut:100000"]
    waiting = run(export)
    assert waiting.state == "queued"
    assert "broke" in waiting.error
    assert run(export, timedelta(minutes=1)).state == "done"
    assert relay.requests[-1]["range"].startswith("bytes=65536-")
    assert sorted(map(len, stored(data).values()))[-2:] == [150_000, 300_000]


def test_a_recorder_offline_in_mid_export_is_waited_for(
    export, videos, relay, small_pieces
) -> None:
    """J4: what is fetched stays, and the other camera goes on; it is no failure."""
    relay.faults = ["ok", "offline", "ok"]
    waiting = run(export)
    assert (waiting.state, waiting.failures) == ("queued", 0)
    assert waiting.error == "Recorder “Gate” is offline."
    first, second = waiting.clips.all()
    assert (first.fetched_bytes, second.state) == (small_pieces, "verified")
    assert run(export, timedelta(minutes=1)).state == "done"
    assert {r["range"].split("-")[0] for r in relay.requests[2:]} >= {f"bytes={small_pieces}"}


@pytest.mark.parametrize(
    ("answer", "words"), [(silent, "does not answer"), (dripping_clip, "sends too slowly")]
)
def test_a_slow_recorder_gives_the_worker_back(
    export, cameras, settings, monkeypatch, answer, words
) -> None:
    """P4: it is waited for once, whatever it has of cameras; the export goes on later."""
    monkeypatch.setattr(relay_client, "ANSWER_S", 0.4)
    with running_site(str(cameras[0].recorder_id), answer) as site:
        settings.CONTERA_RELAY_URLS = [site.relay.url]
        began = time.monotonic()
        waiting = run(export)
        assert time.monotonic() - began < 8  # the relay itself takes 10 s, or never ends
    assert (waiting.state, waiting.failures) == ("queued", 0)
    assert waiting.error == f"Recorder “Gate” {words}."
    assert waiting.not_before > timezone.now()
    assert [bool(clip.error) for clip in waiting.clips.all()] == [True, False]


def test_a_recorder_that_stays_away_ends_the_export_after_a_day(export, videos, relay) -> None:
    relay.faults = ["offline"] * 6
    run(export)
    assert run(export, timedelta(hours=1)).state == "queued"
    ended = run(export, OFFLINE_PATIENCE + timedelta(minutes=1))
    assert (ended.state, ended.error[:27]) == ("failed", "Recorder “Gate” is offline.")


def test_a_clip_that_changed_starts_over(
    export, videos, relay, cameras, small_pieces, data
) -> None:
    other = os.urandom(200_000)

    def change() -> None:
        relay.clips[str(cameras[0].recorder_id), 1].content = other

    relay.faults = ["ok", change]
    assert run(export).state == "done"
    assert stored(data)[f"{cameras[0].pk}-1.mp4"] == other


def test_the_fifth_failure_in_a_row_is_the_last(export, videos, relay) -> None:
    relay.faults = ["500"] * 20
    for number in range(1, MAX_FAILURES):
        queued = run(export, timedelta(hours=number))
        assert (queued.state, queued.failures) == ("queued", number)
    failed = run(export, timedelta(hours=9))
    assert failed.state == "failed"
    assert failed.error == (
        "Failed after five tries: Recorder “Gate” refused: broken (500). "
        "Check that the recorder is online, then try again."
    )


def test_a_failure_waits_before_the_next_try(export, videos, relay) -> None:
    relay.faults = ["500", "500"]
    run(export)
    assert run(export, timedelta(seconds=5)).attempt == 1
    assert run(export, timedelta(seconds=16)).attempt == 2


def test_withdrawn_rights_stop_the_export_and_remove_its_objects(
    export, videos, owner, small_pieces, data, monkeypatch
) -> None:
    """J5: in mid-job, after the first camera is stored."""
    from incidents.jobs.removal import remove_due_objects

    def disable() -> None:
        owner.is_active = False
        owner.save()

    before_token(monkeypatch, 8, disable)
    stopped = run(export)
    assert (stopped.state, stopped.error) == (
        "cancelled",
        "Stopped: Owner no longer has an account here.",
    )
    assert len(stored(data)) == 1
    remove_due_objects(timezone.now() + LEASE * 2)
    spool.sweep(timezone.now())
    assert stored(data) == {}
    assert list((data / "spool").iterdir()) == []
    assert AuditEntry.objects.filter(action="export.withdrawn").exists()


def test_a_removed_recorder_stops_the_export(export, videos, recorder) -> None:
    """J5"""
    recorder.removed_at = timezone.now()
    recorder.save()
    assert run(export).error == "Stopped: Recorder “Gate” was removed from My Recorders."


def test_a_cancelled_export_leaves_nothing(
    export, videos, owner, small_pieces, data, monkeypatch
) -> None:
    from accounts.audit import Actor
    from incidents.jobs.removal import remove_due_objects
    from incidents.services import cancel_export

    cancel = partial(cancel_export, export, Actor(owner, ""), timezone.now())
    before_token(monkeypatch, 8, cancel)
    assert run(export).state == "cancelled"
    remove_due_objects(timezone.now() + LEASE * 2)
    assert stored(data) == {}
    assert not Removal.objects.exists()


def test_a_deleted_incident_takes_its_files_along(export, videos, owner, data) -> None:
    from accounts.audit import Actor
    from incidents.jobs.removal import remove_due_objects
    from incidents.services import delete_incident

    run(export)
    delete_incident(owner, export.incident, Actor(owner, owner.email), timezone.now())
    remove_due_objects(timezone.now() + LEASE)
    assert stored(data) == {}
    assert list((data / "exports").iterdir()) == []


def test_a_camera_without_recording_is_named_as_missing(export, videos, relay, cameras) -> None:
    del relay.clips[str(cameras[1].recorder_id), 2]
    assert run(export).state == "done"
    assert [clip.state for clip in export.clips.all()] == ["verified", "missing"]


def test_no_recording_at_all_fails_with_the_reason(export, relay) -> None:
    failed = run(export)
    assert (failed.state, failed.failures) == ("queued", 1)
    assert failed.error == "No camera of the incident has a recording in this range."
    assert re.fullmatch(
        r".*in this range\. Trying again at \d\d:\d\d UTC\.", export_trouble(failed)
    )


def test_a_change_of_resolution_makes_a_second_part(export, videos, relay, cameras, data) -> None:
    """The recorder ends a clip there; the rest of the range is not lost."""
    change = export.incident.start + timedelta(minutes=3)
    clip = relay.clips[str(cameras[0].recorder_id), 1]
    clip.end, clip.parts = format_time(change), {format_time(change): b"second part"}
    assert run(export).state == "done"
    assert stored(data)[f"{cameras[0].pk}-2.mp4"] == b"second part"
    part = ExportedClip.objects.get(camera=cameras[0], part=2)
    assert part.start == parse_time(format_time(change))


def test_a_stored_file_that_differs_is_stored_again(export, videos, data, monkeypatch) -> None:
    """J3: 200 and the wrong bytes; only the read-back notices."""
    from incidents.storage.folder import FolderStorage

    put = FolderStorage.put

    def lying(self, source, key, *rest) -> None:
        put(self, source, key, *rest)
        path = self._path(key)
        path.write_bytes(path.read_bytes()[:-1] + b"?")

    with monkeypatch.context() as patched:
        patched.setattr(FolderStorage, "put", lying)
        assert "differs" in run(export).error
    assert run(export, timedelta(minutes=1)).state == "done"
    assert max(stored(data).values(), key=len) == videos[0]


def test_a_full_spool_is_a_failure_in_words(export, videos, monkeypatch) -> None:
    monkeypatch.setattr(spool, "RESERVE_BYTES", 10**18)
    assert "spool folder needs" in run(export).error


def test_a_long_export_gives_way_to_others(export, videos, small_pieces, monkeypatch) -> None:
    monkeypatch.setattr(export_run, "SLICE", timedelta())
    assert run_export(export.pk) is True
    assert Export.objects.get(pk=export.pk).state == "queued"


def test_a_worker_that_always_dies_gives_up(export, videos) -> None:
    for number in range(MAX_FAILURES):
        assert Claim.take(export.pk, lambda n=number: timezone.now() + LEASE * 2 * n)
    ended = run(export, LEASE * 2 * MAX_FAILURES)
    assert ended.state == "failed"
    assert ended.error.startswith("Failed after five tries: The worker died")


def test_what_holds_up_all_clips_is_said_once(export, videos, relay) -> None:
    relay.faults = ["500", "500"]
    queued = run(export)
    said = [clip_progress(clip, queued).status.words for clip in queued.clips.all()]
    assert said == ["Waiting for the next try"] * 2
    assert "refused" in export_trouble(queued)
