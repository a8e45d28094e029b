"""Runs exports in worker processes that are killed (SIGKILL) at marked points (J1).

A program of its own: it forks workers, which a test process with threads must not do. Prints one
JSON object: point → what was found after the next worker.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path


def kill_myself(*args: object, **kwargs: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dies(before_call: int, real: Callable) -> Callable:
    """`real`, but the process dies instead of call number `before_call`."""
    calls = iter(range(1, 10_000))

    def wrapped(*args, **kwargs):
        if next(calls) == before_call:
            kill_myself()
        return real(*args, **kwargs)

    return wrapped


def dies_after(call: int, real: Callable) -> Callable:
    calls = iter(range(1, 10_000))

    def wrapped(*args, **kwargs):
        result = real(*args, **kwargs)
        if next(calls) == call:
            kill_myself()
        return result

    return wrapped


def points() -> dict[str, tuple[object, str, Callable]]:
    """Where a worker dies: owner of a function, its name, how it is wrapped."""
    from django.core.mail.backends.filebased import EmailBackend

    from incidents import manifest
    from incidents.jobs import clip_job, export_run, mail, spool
    from incidents.jobs.claim import Claim
    from incidents.storage.folder import FolderStorage

    job, run = clip_job.ClipJob, export_run._ExportRun
    return {
        "after the claim": (run, "run", lambda f: dies(1, f)),
        "before the first piece": (spool, "append", lambda f: dies(1, f)),
        "between two pieces": (spool, "append", lambda f: dies(3, f)),
        "piece on disk, row not": (spool, "append", lambda f: dies_after(2, f)),
        "in the middle of a piece": (clip_job._Deadline, "__call__", lambda f: dies(2, f)),
        "fetched, not hashed": (job, "_hash", lambda f: dies(1, f)),
        "hashed, not stored": (job, "_store", lambda f: dies(1, f)),
        "in the middle of storing": (job, "_moved", lambda f: dies(1, f)),
        "stored, row not": (FolderStorage, "put", lambda f: dies_after(1, f)),
        "stored, not verified": (job, "_verify", lambda f: dies(1, f)),
        "one camera done": (job, "_fetch", lambda f: dies(2, f)),
        "before the manifest": (manifest, "build", lambda f: dies(1, f)),
        "between manifest and signature": (run, "_store_small", lambda f: dies(2, f)),
        "sealed, not done": (export_run, "_finish", lambda f: dies(1, f)),
        "done, not announced": (Claim, "release", lambda f: dies_after(1, f)),
        "before the mail is claimed": (mail, "get_connection", lambda f: dies(1, f)),
        "mail handed over": (EmailBackend, "send_messages", lambda f: dies_after(1, f)),
    }


def in_a_process(work: Callable[[], None]) -> int:
    """Signal that ended it, or 0."""
    from django.db import connections

    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def worker(export_id: object) -> None:
    """What a worker does on a message, without the broker."""
    from django.utils import timezone

    from incidents.jobs import mail
    from incidents.jobs.export_run import run_export

    run_export(export_id)
    mail.send_mail(export_id, timezone.now())


def try_point(where: tuple, make_export: Callable, data: Path) -> dict:
    from django.utils import timezone

    from incidents.models import Export

    export = make_export()

    def dying() -> None:
        owner, attribute, wrap = where
        setattr(owner, attribute, wrap(getattr(owner, attribute)))
        worker(export.pk)

    died = in_a_process(dying)
    # 40 s later the lease is lost, and the beat queues the export again.
    lost = timezone.now() - timedelta(seconds=1)
    Export.objects.filter(pk=export.pk, state="running").update(lease_until=lost)
    in_a_process(lambda: worker(export.pk))
    in_a_process(lambda: worker(export.pk))  # the same message once more
    return {"died": died, **found(Export.objects.get(pk=export.pk), data)}


def found(export, data: Path) -> dict:
    folder = data / "exports" / str(export.incident.organisation_id) / str(export.incident_id)
    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    clips = [content for name, content in files.items() if name.endswith(".mp4")]
    mails = [path.read_text() for path in (data / "mail").glob("*")]
    return {
        "state": export.state,
        "error": export.error,
        "files": len(files),
        "hashes": sorted(hashlib.sha256(clip).hexdigest() for clip in clips),
        "rows": sorted(clip.sha256 for clip in export.clips.all()),
        "mails": sum(f"export-{export.pk}-" in mail for mail in mails),
        "spool": sum(path.name.startswith(str(export.pk)) for path in (data / "spool").glob("*")),
    }


def say(result: dict) -> None:
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


def main() -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.utils import timezone

    from accounts.audit import Actor
    from contera import embedded_redis
    from incidents.jobs import clip_job
    from incidents.services import NewIncident, create_incident
    from recorders.models import Camera
    from tests.conftest import _join, _organisation, _reordered, make_recorder

    call_command("migrate", verbosity=0)
    clip_job.PIECE_BYTES = 100_000
    owner = _join(*_reordered(_organisation("Harbour"), "owner@harbour.test"))
    recorder = make_recorder(owner.memberships.get().organisation, "Gate")
    cameras = list(Camera.objects.filter(recorder=recorder))
    end = timezone.now() - timedelta(hours=1)

    def make_export():
        wanted = NewIncident("Broken window", cameras, end - timedelta(minutes=1), end)
        incident = create_incident(owner, wanted, Actor(owner, owner.email), timezone.now())
        return incident.exports.get()

    say({"recorder": str(recorder.pk)})
    sys.stdin.readline()  # the relay has the video now
    data = settings.CONTERA_DATA
    with embedded_redis.running(settings.EMBEDDED_REDIS_SOCKET):
        say({name: try_point(where, make_export, data) for name, where in points().items()})


if __name__ == "__main__":
    main()
