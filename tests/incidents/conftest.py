"""An incident with two cameras, and a relay that has video of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.incidents.scripted_relay import Clip, ScriptedRelay, scripted_relay


@pytest.fixture
def data(settings, tmp_path: Path, private_redis: str) -> Iterator[Path]:
    """A data folder of this test's own, with storage and spool in it."""
    from incidents.storage import open_storage

    settings.CONTERA_DATA = tmp_path
    settings.CONTERA_STORAGE = f"file://{tmp_path / 'exports'}"
    open_storage.cache_clear()
    yield tmp_path
    open_storage.cache_clear()


@pytest.fixture
def relay(settings, data: Path) -> Iterator[ScriptedRelay]:
    from accounts.signing import portal_keys

    with scripted_relay(portal_keys()) as running:
        settings.CONTERA_RELAY_URLS = [running.url]
        yield running


@pytest.fixture
def videos(relay: ScriptedRelay, cameras) -> list[bytes]:
    """What the recorder has of each camera."""
    contents = [os.urandom(300_000), os.urandom(150_000)]
    for camera, content in zip(cameras, contents, strict=True):
        relay.clips[str(camera.recorder_id), camera.number] = Clip(content)
    return contents


@pytest.fixture
def incident(owner, cameras, data: Path):
    """Ten minutes, an hour ago, of both cameras; its first export is queued."""
    from django.utils import timezone

    from accounts.audit import Actor
    from incidents.services import NewIncident, create_incident

    end = timezone.now().replace(microsecond=0) - timedelta(hours=1)
    wanted = NewIncident("Broken window", cameras, end - timedelta(minutes=10), end, "North side")
    return create_incident(owner, wanted, Actor(owner, owner.email), timezone.now())


@pytest.fixture
def export(incident):
    return incident.exports.get()


@pytest.fixture
def small_pieces(monkeypatch) -> int:
    """A clip of a test has many pieces."""
    from incidents.jobs import clip_job

    monkeypatch.setattr(clip_job, "PIECE_BYTES", 64_000)
    return 64_000
