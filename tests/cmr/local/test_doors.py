"""The streaming port, and how VMS and apps use it: both schemes, password or token."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import subprocess

import aiohttp
import pytest

from cmr.cameras.camera import Camera
from cmr.config import WebConfig
from cmr.doors import ports
from cmr.doors import web as web_door
from cmr.doors.ports import Speech, open_ports
from cmr.local import access as access_module
from cmr.local.who import LocalPerson
from protocol.fragments import SegmentReader
from tests.cmr.doors.conftest import until
from tests.cmr.local.conftest import ADMIN, Site

BASIC = {"Authorization": aiohttp.encode_basic_auth(*ADMIN)}
LIVE = "/v1/cameras/1/live"


@pytest.mark.parametrize("port", ["http", "https", "both", "streaming"])
async def test_every_port_answers_in_its_own_way(
    site: Site, visitor: aiohttp.ClientSession, port: str
) -> None:
    answer = await visitor.get(f"{getattr(site, port)}/v1/", headers=BASIC)
    assert (answer.status, (await answer.json())["cameras"]) == (200, [1])


async def test_a_port_of_one_scheme_does_not_speak_the_other(
    site: Site, visitor: aiohttp.ClientSession
) -> None:
    for url in (site.http.replace("http", "https"), site.https.replace("https", "http")):
        with pytest.raises(aiohttp.ClientError):
            await visitor.get(f"{url}/v1/")


async def test_who_sends_no_password_is_asked_for_one(
    site: Site, visitor: aiohttp.ClientSession
) -> None:
    """Players send it after that alone (RFC 7617 §2)."""
    answer = await visitor.get(site.both + LIVE)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    bad = await visitor.get(site.both + LIVE, headers={"Authorization": "Bearer x"})
    assert (bad.status, "WWW-Authenticate" in bad.headers) == (401, False)


@pytest.mark.parametrize("value", ["Basic", "Basic ?", "Basic YQ==", "Basic /w==", "basic é"])
async def test_credentials_that_are_none_are_refused(
    site: Site, visitor: aiohttp.ClientSession, value: str
) -> None:
    answer = await visitor.get(f"{site.both}/v1/", headers={"Authorization": value})
    assert answer.status in {400, 401}


async def test_a_page_from_elsewhere_cannot_use_a_kept_password(
    site: Site, visitor: aiohttp.ClientSession
) -> None:
    """Browsers keep basic credentials and send them with pictures of any page."""
    url = f"{site.both}/v1/"
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.test"}):
        assert (await visitor.get(url, headers={**BASIC, **headers})).status == 403
    assert (await visitor.get(url, headers={**BASIC, "Origin": site.both})).status == 200


async def test_a_stream_with_a_password_lasts_as_long_as_the_account(
    site: Site, visitor: aiohttp.ClientSession, sending: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_module.LocalAccess, "renew_after_s", lambda *_: 0.05)
    async with visitor.get(site.both + LIVE, headers=BASIC) as answer:
        await until(lambda: len(site.api.streams) == 1)
        stream = next(iter(site.api.streams._streams.values()))
        ends = stream._deadline
        await until(lambda: stream._deadline > ends + 0.1)
        site.access.accounts.remove("admin")
        await asyncio.sleep(0.15)  # what was under way ends
        ends = stream._deadline
        await asyncio.sleep(0.2)
        assert stream._deadline == ends
        assert answer.status == 200


async def test_a_stream_counts_its_fragments_from_the_start(
    site: Site, visitor: aiohttp.ClientSession, sending: Camera
) -> None:
    """VLC 3 does not play it otherwise."""
    reader, numbers = SegmentReader(), []
    async with visitor.get(site.both + LIVE, headers=BASIC) as answer:
        while len(numbers) < 20:
            for segment in reader.feed(await answer.content.readany()):
                at = segment.data.find(b"mfhd")
                if at > 0:
                    numbers.append(int.from_bytes(segment.data[at + 8 : at + 12]))
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_ffmpeg_plays_the_streaming_port(site: Site, sending: Camera, scheme: str) -> None:
    """With the password in the address, as VMS are configured."""
    name, password = ADMIN
    place = site.both.partition("//")[2]
    url = f"{scheme}://{name}:{password.replace(' ', '%20')}@{place}{LIVE}"
    frames = await _frames(url)
    assert frames >= 30


async def test_ffmpeg_plays_with_a_token(site: Site, sending: Camera) -> None:
    account = site.access.accounts.get("admin")
    assert account is not None
    token, _ = site.access.token(LocalPerson(account), "0" * 32)
    assert await _frames(site.both + LIVE, "-headers", f"Authorization: Bearer {token}\r\n") >= 30


async def _frames(url: str, *options: str) -> int:
    """How many frames ffmpeg decodes of the first 30."""
    command = ("ffmpeg", "-v", "error", *options, "-i", url, "-frames:v", "30")
    process = await asyncio.create_subprocess_exec(
        *command, "-f", "framecrc", "-", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(40):
        out, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    return sum(not line.startswith(b"#") for line in out.splitlines())


async def test_a_silent_connection_holds_nothing_for_long(
    site: Site, monkeypatch: pytest.MonkeyPatch, visitor: aiohttp.ClientSession
) -> None:
    """P2, slow-loris: on the port that waits for the first byte."""
    monkeypatch.setattr(ports, "FIRST_BYTE_S", 0.1)
    monkeypatch.setattr(ports, "MAX_GREETED", 4)
    number = int(site.both.rpartition(":")[2])
    pairs = [await asyncio.open_connection("127.0.0.1", number) for _ in range(8)]
    async with asyncio.timeout(10):
        assert [await reader.read(1) for reader, _ in pairs] == [b""] * 8
    assert (await visitor.get(f"{site.both}/sign-in/")).status == 200
    for _, writer in pairs:
        writer.close()


async def test_silent_connections_keep_nobody_out(
    site: Site, monkeypatch: pytest.MonkeyPatch, visitor: aiohttp.ClientSession
) -> None:
    """P2: the one that has been silent longest makes room."""
    monkeypatch.setattr(ports, "MAX_GREETED", 4)
    monkeypatch.setattr(ports, "FIRST_BYTE_S", 60)
    number = int(site.both.rpartition(":")[2])
    pairs = [await asyncio.open_connection("127.0.0.1", number) for _ in range(8)]
    for scheme in ("http", "https"):
        url = f"{scheme}://127.0.0.1:{number}/sign-in/"
        assert (await visitor.get(url)).status == 200
    async with asyncio.timeout(10):
        assert await pairs[0][0].read(1) == b""
    for _, writer in pairs:
        writer.close()


@pytest.mark.parametrize("start", [b"\x16", b"\x16\x03\x01\x00\x05hello", b"\x80\x2e\x01", b"\x00"])
async def test_what_is_neither_tls_nor_http_harms_nobody(
    site: Site, visitor: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(ports, "TLS_HANDSHAKE_S", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(site.both.rpartition(":")[2]))
    writer.write(start + b"\r\n\r\n")
    async with asyncio.timeout(10):
        await reader.read(-1)
    writer.close()
    assert (await visitor.get(f"{site.streaming}/sign-in/")).status == 200


async def test_connections_with_tls_are_bounded(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R14."""
    monkeypatch.setattr(web_door, "MAX_TLS_CONNECTIONS", 2)
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    number = int(site.https.rpartition(":")[2])
    pairs = [await asyncio.open_connection("127.0.0.1", number, ssl=trusting) for _ in range(3)]
    async with asyncio.timeout(10):
        assert await _is_cut(pairs[2][0])
    assert not pairs[0][0].at_eof()
    for _, writer in pairs:
        writer.close()


async def test_an_idle_connection_with_tls_holds_little(site: Site) -> None:
    """R14: asyncio alone would keep 256 KiB for what a viewer might send."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    number = int(site.https.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", number, ssl=trusting)
    assert len(writer.transport._ssl_protocol._ssl_buffer) == ports.TLS_READ_BYTES
    writer.close()


async def _is_cut(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read(1) == b""
    except ConnectionError:
        return True


def test_an_extra_port_that_is_taken_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        socket.create_server(("127.0.0.1", 0)) as free,
    ):
        number = free.getsockname()[1]
        free.close()
        config = WebConfig("127.0.0.1", number, taken.getsockname()[1], 0)
        with caplog.at_level(logging.WARNING):
            found = open_ports(config)
    assert [port.speaks for port in found] == [Speech.HTTP]
    assert f"port {config.https_port}: Address already in use; the recorder goes on" in caplog.text
    for port in found:
        port.sock.close()


async def test_a_certificate_that_changes_is_shown_to_the_next_who_comes(site: Site) -> None:
    number = int(site.https.rpartition(":")[2])
    first = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", number))
    site.tls._own.unlink()
    site.tls.refresh()
    second = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", number))
    assert first != second
