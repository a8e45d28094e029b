"""Recorded video, clips and pictures."""

from __future__ import annotations

import errno
import io

import pytest
from PIL import Image

from cmr.api.routes import Api
from protocol.fragments import SegmentReader
from tests.cmr.api.asking import END, START, ask, body, content, problem, value
from tests.cmr.conftest import Token
from tests.fakes.archive import ETAG, MemoryArchive

VIDEO = f"/v1/cameras/1/video?start={START}&duration=2"
CLIP = f"/v1/cameras/1/clip.mp4?start={START}&end={END}"
LONG_AGO = "2026-12-31T23:00:00Z"


async def test_it_lists_runs_and_gaps(api: Api, token: Token) -> None:
    listed = body(await ask(api, f"/v1/cameras/1/recordings?start={START}&end={END}", token()))
    assert listed["runs"][0]["profiles"] == ["hd"]
    assert listed["gaps"][0]["reason"] == "camera unreachable"


async def test_a_piece_is_as_long_as_announced_and_well_formed(api: Api, token: Token) -> None:
    response = await ask(api, VIDEO, token())
    data = await content(response)
    assert len(data) == int(value(response, "Content-Length") or 0)
    segments = SegmentReader().feed(data)
    assert (segments[0].is_init, len(segments)) == (True, 31)
    assert value(response, "Contera-Start") == "2027-01-15T08:00:00.000000Z"
    assert value(response, "Contera-End") == "2027-01-15T08:00:02.000000Z"


async def test_where_nothing_was_recorded_it_says_what_comes_next(api: Api, token: Token) -> None:
    target = f"/v1/cameras/1/video?start={LONG_AGO}&duration=2"
    response = await ask(api, target, token())
    assert problem(response) == (404, "no_recording")
    assert body(response)["next"] == "2027-01-15T08:00:00.000000Z"
    response = await ask(api, f"{target}&profile=sd", token())
    assert body(response)["next"] is None


async def test_a_piece_is_given_back_when_its_reader_leaves(
    api: Api, archive: MemoryArchive, token: Token
) -> None:
    response = await ask(api, VIDEO, token())
    await anext(aiter(response.body))
    await response.aclose()
    await response.aclose()
    assert archive.parts[0].is_closed


async def test_a_failing_disk_ends_the_body_early(
    api: Api, archive: MemoryArchive, token: Token, caplog: pytest.LogCaptureFixture
) -> None:
    """Never a short body that looks whole."""
    archive.error = OSError(errno.EIO, "Input/output error")
    with pytest.raises(OSError, match="cannot be read"):
        await content(await ask(api, VIDEO, token()))
    assert archive.parts[0].is_closed
    assert "Input/output error" in caplog.text


async def test_a_clip_comes_whole_or_in_ranges(api: Api, token: Token) -> None:
    whole = await ask(api, CLIP, token())
    data = await content(whole)
    part = await ask(api, CLIP, token(), Range="bytes=100-2499", If_Range=ETAG)
    assert (whole.status, value(whole, "ETag"), value(whole, "Accept-Ranges")) == (
        200,
        ETAG,
        "bytes",
    )
    assert (part.status, value(part, "Content-Range")) == (206, f"bytes 100-2499/{len(data)}")
    assert await content(part) == data[100:2500]


async def test_a_range_outside_the_clip_is_refused(
    api: Api, archive: MemoryArchive, token: Token
) -> None:
    response = await ask(api, CLIP, token(), Range="bytes=99999999-")
    assert problem(response) == (416, "bad_range")
    assert value(response, "Content-Range") == f"bytes */{archive.parts[0].size_bytes}"
    assert archive.parts[0].is_closed


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("", (320, 240)),
        ("?width=64", (64, 48)),
        ("?width=1000", (320, 240)),
        (f"?time={END}", (320, 240)),
        (f"?time={END}&width=160", (160, 120)),
    ],
)
async def test_a_picture_is_made_smaller_and_never_larger(
    api: Api, token: Token, query: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cmr.api.snapshots.SMALL_WIDTH", 0)  # the sd profile sends nothing here
    response = await ask(api, f"/v1/cameras/1/snapshot.jpg{query}", token())
    picture = Image.open(io.BytesIO(await content(response)))
    assert (picture.format, picture.size) == ("JPEG", size)


async def test_there_is_no_picture_of_a_time_before_the_recording(api: Api, token: Token) -> None:
    response = await ask(api, f"/v1/cameras/1/snapshot.jpg?time={LONG_AGO}", token())
    assert problem(response) == (404, "no_recording")


async def test_a_key_frame_that_cannot_be_decoded_is_no_picture(
    api: Api, archive: MemoryArchive, token: Token
) -> None:
    archive.init = type(archive.init)(b"\x00" * 100, True, False, 0)
    response = await ask(api, f"/v1/cameras/1/snapshot.jpg?time={END}", token())
    assert problem(response) == (503, "camera_unavailable")
