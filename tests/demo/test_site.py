"""The demo's recorder gets a configuration that a recorder accepts."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cmr.config import load_config
from demo.folder import Secrets
from demo.scenes import scenes
from demo.site import Site


@pytest.fixture
def made() -> Secrets:
    return Secrets.make(8000)


def configured(folder: Path, made: Secrets, before: Secrets) -> Site:
    site = Site(folder, made)
    site.configure(scenes(folder), before)
    return site


def test_the_recorder_accepts_it_with_all_cameras_in_both_profiles(tmp_path, made) -> None:
    config = load_config(configured(tmp_path, made, made).config)
    assert [camera.number for camera in config.cameras] == [1, 2, 3, 4]
    assert all(set(camera.urls) == {"hd", "sd"} for camera in config.cameras)
    assert config.web.host == "127.0.0.1"


def test_a_configuration_that_is_there_keeps_what_people_added(tmp_path, made) -> None:
    site = configured(tmp_path, made, made)
    own = '\n[[cameras]]\nnumber = 9\nhd = "rtsp://10.0.0.1/door"\n'
    site.config.write_text(site.config.read_text() + own)
    moved = replace(made, camera_port=made.camera_port + 7, recorder_port=made.recorder_port + 7)
    config = load_config(configured(tmp_path, moved, made).config)
    assert config.web.port == moved.recorder_port
    assert f":{moved.camera_port}/cam1/hd" in config.cameras[0].hd
    assert config.cameras[-1].hd == "rtsp://10.0.0.1/door"


def test_only_its_owner_may_read_it(tmp_path, made) -> None:
    assert configured(tmp_path, made, made).config.stat().st_mode & 0o077 == 0


def test_it_is_registered_once_it_has_an_identity(tmp_path, made) -> None:
    site = Site(tmp_path, made)
    assert site.recorder_id == ""
    (tmp_path / "identity.json").write_text('{"recorder_id": "7d4b"}')
    assert site.recorder_id == "7d4b"


def test_the_recorder_follows_a_portal_that_moved(tmp_path, made) -> None:
    site, identity = Site(tmp_path, made), tmp_path / "identity.json"
    site.follow_portal("http://localhost:8000")
    assert not identity.exists()
    identity.write_text(
        '{"recorder_id": "7d4b", "portal_url": "http://localhost:8000", "key": "k"}'
    )
    site.follow_portal("http://localhost:9000")
    kept = json.loads(identity.read_text())
    assert kept == {"recorder_id": "7d4b", "portal_url": "http://localhost:9000", "key": "k"}
