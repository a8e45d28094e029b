from __future__ import annotations

import pytest

from cmr.archive.store import Usage
from cmr.cameras.camera import Camera
from cmr.config import WebConfig
from cmr.live import State
from cmr.report import gist, local_addresses, storage_report


@pytest.mark.parametrize(
    ("host", "addresses"), [("127.0.0.1", ["127.0.0.1"]), ("::1", ["::1"]), ("gate.local", [])]
)
def test_an_address_that_is_bound_is_the_only_one(host: str, addresses: list[str]) -> None:
    assert local_addresses(WebConfig(host, 80)) == addresses


def test_an_archive_that_is_not_counted_yet_is_not_reported_as_empty() -> None:
    usage = Usage(0, 2, None, is_counted=False)
    assert storage_report(usage) is None


def test_a_stream_that_comes_up_is_news(camera: Camera) -> None:
    usage = Usage(0, 2, None)
    before = gist({1: camera}, usage)
    assert gist({1: camera}, usage) == before
    camera.streams["sd"].report(State.STREAMING, "streaming")
    assert gist({1: camera}, usage) != before


def test_storage_is_reported_as_the_heartbeat_has_it() -> None:
    report = storage_report(Usage(1, 2, 90_000))
    expected = {"used_bytes": 1, "capacity_bytes": 2, "oldest": "1970-01-01T00:00:01.000Z"}
    assert report == expected
