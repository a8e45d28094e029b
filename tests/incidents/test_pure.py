"""Names, sizes, archives and words: values in, values out."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents import estimate, zip_stream
from incidents.duration import duration_words
from incidents.naming import MAX_WORDS, clean_name, content_disposition

MOMENT = datetime(2026, 11, 23, 8, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Lobby", "Lobby"),
        ("../../etc/passwd", "-..-etc-passwd"),
        ("a\x00b\r\nSet-Cookie: x", "a b Set-Cookie- x"),
        ("gpj.\u202eexe", "gpj.exe"),
        ("C:\\Windows|*?", "C--Windows---"),
        (".hidden ", "hidden"),
        ("Büro Süd", "Büro Süd"),
        ("", "video"),
        ("\u200b", "video"),
    ],
)
def test_a_name_becomes_harmless(name, expected) -> None:
    """J5"""
    assert clean_name(name) == expected


@given(st.text(max_size=200))
def test_no_name_leaves_its_folder_or_its_header(name) -> None:
    """J5"""
    clean = clean_name(name)
    assert 0 < len(clean) <= MAX_WORDS
    assert not set(clean) & set('/\\\0\r\n"<>|?*:')
    assert clean not in (".", "..")
    header = content_disposition(f"{clean}.mp4")
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2


def test_a_download_has_an_ascii_name_and_the_real_one() -> None:
    header = content_disposition("Büro 1.mp4")
    assert header == "attachment; filename=\"Buro 1.mp4\"; filename*=UTF-8''B%C3%BCro%201.mp4"


@pytest.mark.parametrize(
    ("profiles", "expected"),
    [
        ({"hd": {"kbps": 2000, "width": 1920}}, 2000),
        ({"hd": {"width": 1920}}, estimate.EXPORT_KBPS),
        ({"hd": {"width": 640}}, estimate.EXPORT_SMALL_KBPS),
        ({}, estimate.EXPORT_KBPS),
        ({"hd": {"kbps": "fast"}}, estimate.EXPORT_KBPS),
        ({"hd": None}, estimate.EXPORT_KBPS),
    ],
)
def test_what_is_measured_wins_over_the_plan(profiles, expected) -> None:
    found = estimate.estimate([profiles], 60)
    assert found.expected_bytes == expected * 125 * 60
    assert found.viewing_plan_bytes == 5000 * 125 * 60


def entry(name: str, content: bytes) -> zip_stream.Entry:
    async def read() -> AsyncIterator[bytes]:
        yield content

    return zip_stream.Entry(name, len(content), zlib.crc32(content), MOMENT, read)


async def test_an_archive_opens_everywhere_and_has_the_length_it_said() -> None:
    entries = [entry("Büro.mp4", b"one" * 1000), entry("empty", b""), entry("b", b"two")]
    content = b"".join([chunk async for chunk in zip_stream.stream(entries)])
    assert len(content) == zip_stream.length(entries)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["Büro.mp4", "empty", "b"]
        assert archive.getinfo("b").date_time == (2026, 11, 23, 8, 15, 30)


async def test_an_archive_above_4_gib_is_zip64(tmp_path: Path) -> None:
    """The zeros of the large file are a hole on the disk: only their number matters here."""
    large = 5 * 1024**3
    zeros = memoryview(bytearray(64 * 1024 * 1024))

    async def read() -> AsyncIterator[bytes]:
        for _ in range(large // len(zeros)):
            yield zeros

    entries = [zip_stream.Entry("large", large, 0, MOMENT, read), entry("after", b"small")]
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        async for chunk in zip_stream.stream(entries):
            if chunk is zeros:
                file.seek(len(chunk), 1)
            else:
                file.write(chunk)
    assert path.stat().st_size == zip_stream.length(entries)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("large").file_size == large
        assert archive.read("after") == b"small"


async def test_an_archive_of_a_changed_file_breaks_off() -> None:
    short = zip_stream.Entry("short", 10, 0, MOMENT, entry("x", b"less").read)
    with pytest.raises(zip_stream.EntryChanged):
        [chunk async for chunk in zip_stream.stream([short])]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (40, "40 seconds"),
        (60, "1 minute"),
        (90, "1 minute 30 seconds"),
        (7500, "2 hours 5 minutes"),
        (86_400, "1 day"),
    ],
)
def test_a_length_of_time_is_said_in_words(seconds: int, words: str) -> None:
    assert duration_words(timedelta(seconds=seconds)) == words
