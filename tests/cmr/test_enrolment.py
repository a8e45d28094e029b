"""Registration against a portal on loopback: what works, and what people are told otherwise."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cmr.enrolment import EnrolmentError, enrol
from cmr.identity import IdentityError, load_identity, save_identity
from cmr.portal import PortalError, parse_portal_url
from protocol.tokens import KeyRing, Signer
from tests.fakes.portal import RECORDER_ID, ScriptedPortal


@pytest.fixture
async def scripted(portal: Signer) -> AsyncIterator[ScriptedPortal]:
    made = ScriptedPortal(portal)
    async with made.running():
        yield made


async def register(scripted: ScriptedPortal, code: str = "GOOD-CODE") -> object:
    return await enrol(parse_portal_url(scripted.url), code, "Gate", time.time())


async def refusal(scripted: ScriptedPortal, code: str = "GOOD-CODE") -> str:
    with pytest.raises(EnrolmentError) as caught:
        await register(scripted, code)
    return str(caught.value)


async def test_a_code_becomes_an_identity_that_is_kept(
    scripted: ScriptedPortal, tmp_path: Path, portal: Signer
) -> None:
    url = parse_portal_url(scripted.url + "/")
    made = await enrol(url, " GOOD-CODE ", "Gate", time.time())
    save_identity(tmp_path, made)
    kept = load_identity(tmp_path)
    assert kept is not None
    assert (kept.recorder_id, kept.portal_url) == (RECORDER_ID, scripted.url)
    assert kept.keys.jwks == KeyRing({"keys": [portal.jwk]}).jwks
    assert kept.signer.jwk["x"] == scripted.applications[0]["public_key"]["x"]
    assert (tmp_path / "identity.json").stat().st_mode & 0o777 == 0o600


async def test_the_private_key_stays_here(scripted: ScriptedPortal, tmp_path: Path) -> None:
    made = await enrol(parse_portal_url(scripted.url), "GOOD-CODE", "Gate", time.time())
    save_identity(tmp_path, made)
    assert set(scripted.applications[0]["public_key"]) <= {"kty", "crv", "x", "kid", "alg", "use"}
    assert "private" not in repr(made)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((400, "code_unknown"), "does not know this code"),
        ((410, "code_used"), "already used"),
        ((410, "code_expired"), "has expired"),
        ((429, "throttled"), "Wait ten minutes"),
        ((500, "broken"), "The portal says broken"),
    ],
)
async def test_a_refusal_says_why_and_what_to_do(
    scripted: ScriptedPortal, answer: tuple[int, str], words: str
) -> None:
    scripted.refusal = answer
    assert words in await refusal(scripted)


async def test_a_mistyped_code_is_unknown(scripted: ScriptedPortal) -> None:
    assert "typing mistake" in await refusal(scripted, "BAD-CODE")


async def test_a_clock_that_is_hours_off_is_named(scripted: ScriptedPortal) -> None:
    with pytest.raises(EnrolmentError, match="clock is 3 h behind the portal's"):
        await enrol(parse_portal_url(scripted.url), "GOOD-CODE", "G", time.time() - 3 * 3600)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ((200, "<html>Welcome to nginx!</html>", {}), "not a Contera portal"),
        ((302, "", {"Location": "https://elsewhere.test/"}), "moved to https://elsewhere.test/"),
        ((201, '{"recorder_id": "x"}', {}), "does not understand"),
        ((201, "[" * 100_000, {}), "not a Contera portal"),
        ((201, "x" * 300_000, {}), "more than 262144 bytes"),
    ],
)
async def test_something_else_at_that_address_is_no_portal(
    scripted: ScriptedPortal, raw: tuple[int, str, dict[str, str]], words: str
) -> None:
    scripted.raw = raw
    assert words in await refusal(scripted)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1", "connection refused"),
        ("http://portal.invalid", "no host is called portal.invalid"),
    ],
)
async def test_a_portal_that_cannot_be_reached_is_named(url: str, words: str) -> None:
    with pytest.raises(EnrolmentError, match=words):
        await enrol(parse_portal_url(url), "CODE", "Gate", time.time())


async def test_a_server_without_tls_is_refused_for_https(scripted: ScriptedPortal) -> None:
    url = parse_portal_url(scripted.url.replace("http:", "https:"))
    with pytest.raises(EnrolmentError, match="does not speak TLS"):
        await enrol(url, "CODE", "Gate", time.time())


async def test_an_untrusted_certificate_is_refused(tmp_path: Path) -> None:
    """L12: named, and never plain text instead."""
    import asyncio

    from tests.fakes.certificate import self_signed

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    server = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(
        EnrolmentError, match=r"certificate of 127\.0\.0\.1 is refused: self-signed"
    ):
        await enrol(parse_portal_url(f"https://127.0.0.1:{port}"), "C", "Gate", time.time())
    server.close()


async def test_a_silent_portal_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmr.portal.REQUEST_TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = parse_portal_url(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(EnrolmentError, match=r"did not answer within 0\.1 s"):
            await enrol(url, "CODE", "Gate", time.time())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "portal.test",
        "ftp://portal.test",
        "https://",
        "https://u:p@x",
        "https://x?y",
        "http://x:y",
    ],
)
def test_an_address_that_is_no_portals_is_refused(text: str) -> None:
    with pytest.raises(PortalError):
        parse_portal_url(text)


@pytest.mark.parametrize(
    ("text", "is_protected"),
    [
        ("https://portal.test/", True),
        ("http://localhost:8000", True),
        ("http://127.0.0.1", True),
        ("http://10.0.0.1", False),
        ("http://127.0.0.1.evil.test", False),
    ],
)
def test_only_tls_or_loopback_is_protected(text: str, is_protected: bool) -> None:
    assert parse_portal_url(text).is_protected is is_protected


def test_a_damaged_identity_is_named_without_its_content(tmp_path: Path) -> None:
    (tmp_path / "identity.json").write_text('{"private_key": "c2VjcmV0"}')
    with pytest.raises(IdentityError, match=r"identity\.json: is damaged") as caught:
        load_identity(tmp_path)
    assert "c2VjcmV0" not in str(caught.value)
