"""The heartbeat: what the portal says is believed, and its absence changes nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cmr import heartbeat as beat
from cmr.heartbeat import Heartbeat, relay_access, updated_identity
from cmr.identity import Identity, load_identity
from cmr.registration import PortalStanding, Registration
from protocol.tokens import PATHS, Signer
from tests.cmr.doors.conftest import until
from tests.fakes.portal import ScriptedPortal


@pytest.fixture
async def scripted(portal: Signer, identity: Identity) -> AsyncIterator[ScriptedPortal]:
    made = ScriptedPortal(portal, public_key=identity.signer.jwk)
    async with made.running():
        yield made


@pytest.fixture
def registration(identity: Identity, scripted: ScriptedPortal) -> Registration:
    return Registration(replace(identity, portal_url=scripted.url, heartbeat_s=1))


@pytest.fixture
def states() -> dict[str, str]:
    """What the recorder has to tell."""
    return {"camera 1": "connecting"}


@dataclass
class Kept:
    """An on-site list that believes everything: its text is its version."""

    version: str | None = None
    was_forgotten: bool = False
    notes: int = 0

    async def keep(self, text: str) -> None:
        self.version = text

    def forget(self) -> None:
        self.version, self.was_forgotten = None, True

    def note_time(self) -> None:
        self.notes += 1


@pytest.fixture
def onsite() -> Kept:
    return Kept()


@pytest.fixture
async def start(
    states: dict[str, str],
    registration: Registration,
    onsite: Kept,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Callable[[], asyncio.Task[None]]]:
    monkeypatch.setattr(beat, "ASKED_AFTER_S", 0.01)
    monkeypatch.setattr(beat, "RETRY_BASE_S", 0.01)
    monkeypatch.setattr(beat, "NEWS_S", 0.01)
    tasks: list[asyncio.Task[None]] = []

    async def report() -> dict[str, Any]:
        return {"capabilities": ["relay"], "local_addresses": [], "cameras": [], "storage": {}}

    def make() -> asyncio.Task[None]:
        heartbeat = Heartbeat(registration, tmp_path, report, lambda: dict(states), onsite=onsite)
        tasks.append(asyncio.create_task(heartbeat.run()))
        return tasks[0]

    yield make
    for task in tasks:
        task.cancel()
        await asyncio.wait([task])


async def test_it_learns_the_relay_and_the_clock(
    start: Callable[[], object], registration: Registration, scripted: ScriptedPortal
) -> None:
    scripted.clock_s = 120
    start()
    access = await asyncio.wait_for(registration.relay_access(), 5)
    assert access.urls == ("https://relay.test",)
    assert registration.standing is PortalStanding.ONLINE
    assert registration.clock_offset_s == -120
    assert abs(registration.portal_now() - time.time() - 120) < 2
    assert scripted.heartbeats[0]["capabilities"] == ["relay"]
    assert registration.is_path_on("p2p")


async def test_the_remote_network_settings_are_applied(
    start: Callable[[], object], registration: Registration, scripted: ScriptedPortal
) -> None:
    lan, p2p = {"enabled": True, "ranges": []}, {"enabled": False}
    scripted.answer = {"settings": {"lan": lan, "p2p": p2p, "balloon": {"enabled": False}}}
    start()
    await until(lambda: registration.standing is PortalStanding.ONLINE)
    assert [path for path in PATHS if not registration.is_path_on(path)] == ["p2p"]


async def test_the_stun_servers_are_kept(
    start: Callable[[], object], registration: Registration, scripted: ScriptedPortal
) -> None:
    servers = ["stun.test:3478", "[2001:db8::1]:3479", "nonsense", 7]
    scripted.answer = {"stun": [*servers, *["stun.test:1"] * 100]}
    start()
    await until(lambda: registration.standing is PortalStanding.ONLINE)
    assert registration.stun[:2] == ("stun.test:3478", "[2001:db8::1]:3479")
    assert len(registration.stun) <= 8


async def test_new_keys_and_names_are_kept(
    start: Callable[[], object],
    registration: Registration,
    scripted: ScriptedPortal,
    tmp_path: Path,
) -> None:
    new = Signer(Ed25519PrivateKey.generate(), "portal")
    scripted.answer = {"jwks": {"keys": [new.jwk]}, "name": "North gate"}
    start()
    await until(lambda: registration.standing is PortalStanding.ONLINE)
    kept = load_identity(tmp_path)
    assert kept is not None
    assert (kept.name, kept.keys.jwks["keys"][0]["kid"]) == ("North gate", new.jwk["kid"])


def test_the_plain_address_and_the_keys_are_kept(identity: Identity, portal: Signer) -> None:
    """Every answer is protected: by TLS, by a seal, or because it never left the machine."""
    new = Signer(Ed25519PrivateKey.generate(), "portal")
    answer = {
        "recorder_id": identity.recorder_id,
        "name": "Gate",
        "jwks": {"keys": [new.jwk, portal.jwk]},
        "heartbeat_s": 15,
        "http_url": "http://portal.test/",
    }
    updated = updated_identity(identity, answer)
    assert updated.http_url == "http://portal.test"
    assert updated.keys.jwks["keys"][0]["kid"] == new.jwk["kid"]


async def test_a_removed_recorder_says_so_and_asks_rarely(
    start: Callable[[], object],
    registration: Registration,
    scripted: ScriptedPortal,
    caplog: pytest.LogCaptureFixture,
) -> None:
    start()
    await until(lambda: registration.relay)
    scripted.refusal = (401, "recorder_unknown")
    registration.ask_for_heartbeat()
    await until(lambda: registration.standing is PortalStanding.REMOVED)
    assert "was removed" in registration.detail
    assert registration.relay is None  # so that no door has its pass refused, and asks for another
    assert "it keeps recording" in caplog.text


async def test_a_portal_that_is_away_is_logged_once_and_found_again(
    start: Callable[[], object],
    registration: Registration,
    portal: Signer,
    identity: Identity,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """K3."""
    caplog.set_level("INFO")
    away = ScriptedPortal(portal, public_key=identity.signer.jwk)
    async with away.running():
        registration.identity = replace(identity, portal_url=away.url, heartbeat_s=0.05)
        away.answer = {"heartbeat_s": 1}
    start()
    await until(lambda: registration.standing is PortalStanding.UNREACHABLE)
    await asyncio.sleep(0.3)
    async with away.running(int(away.url.rpartition(":")[2])):
        await until(lambda: registration.standing is PortalStanding.ONLINE)
    lines = [line for line in caplog.messages if line.startswith("portal:")]
    assert len(lines) == 2
    assert "recording goes on" in lines[0]
    assert "failed tries" in lines[1]


async def test_a_clock_hours_off_is_told_by_the_portal_and_overcome(
    start: Callable[[], object], registration: Registration, scripted: ScriptedPortal
) -> None:
    """K7: the first token is refused; the next is signed by the portal's time."""
    scripted.clock_s = 5 * 3600
    start()
    await until(lambda: registration.standing is PortalStanding.ONLINE)
    assert registration.clock_offset_s == -5 * 3600


@pytest.mark.parametrize(
    "answer",
    [
        {"recorder_id": "another"},
        {"jwks": {"keys": []}},
        {"jwks": None},
        {"heartbeat_s": "15"},
        {"relay": {"urls": [], "pass": "x"}},
        {"relay": {"urls": ["ftp://x"], "pass": "x"}},
        {"relay": None},
        {"clock_offset_s": None},
        {"settings": []},
        {"settings": {"p2p": False}},
        {"settings": {"p2p": {"enabled": "no"}}},
        {"stun": {"server": "stun.test:3478"}},
    ],
)
async def test_a_malformed_answer_changes_nothing(
    start: Callable[[], object],
    registration: Registration,
    scripted: ScriptedPortal,
    answer: dict[str, Any],
) -> None:
    identity = registration.identity
    scripted.answer = answer
    start()
    await until(lambda: registration.standing is not PortalStanding.CONNECTING)
    assert registration.standing is PortalStanding.UNREACHABLE
    assert (registration.identity, registration.relay) == (identity, None)


async def test_asked_for_it_comes_early(
    start: Callable[[], object], registration: Registration, scripted: ScriptedPortal
) -> None:
    scripted.answer = {"heartbeat_s": 300}
    start()
    await until(lambda: len(scripted.heartbeats) == 1)
    registration.ask_for_heartbeat()
    await until(lambda: len(scripted.heartbeats) == 2)


async def test_news_comes_early_and_once(
    start: Callable[[], object],
    registration: Registration,
    scripted: ScriptedPortal,
    states: dict[str, str],
) -> None:
    """The first heartbeat after a start is sent before the cameras are connected."""
    scripted.answer = {"heartbeat_s": 300}
    start()
    await until(lambda: registration.standing is PortalStanding.ONLINE)
    states["camera 1"] = "streaming"
    await until(lambda: len(scripted.heartbeats) == 2)
    await asyncio.sleep(0.1)
    assert len(scripted.heartbeats) == 2


def test_the_keys_of_nodes_are_kept_by_their_addresses(portal: Signer) -> None:
    urls = ["https://r1.test", "http://r1.test:80"]
    told = {"urls": urls, "keys": {"http://r1.test:80/": portal.jwk}, "pass": "p"}
    assert relay_access(told).keys == {"http://r1.test": portal.jwk}


def test_relay_addresses_lose_their_slash() -> None:
    access = relay_access({"urls": ["https://r1.test/", "http://r2.test"], "pass": "p"})
    assert access.urls == ("https://r1.test", "http://r2.test")


async def test_a_newer_on_site_list_is_fetched_once(
    start: Callable[[], object],
    registration: Registration,
    scripted: ScriptedPortal,
    onsite: Kept,
) -> None:
    scripted.answer, scripted.bundle = {"access_version": "v1"}, "v1"
    start()
    await until(lambda: onsite.version == "v1")
    registration.ask_for_heartbeat()
    await until(lambda: len(scripted.heartbeats) > 1)
    scripted.answer, scripted.bundle = {"access_version": "v2"}, "v2"
    registration.ask_for_heartbeat()
    await until(lambda: onsite.version == "v2")
    assert scripted.bundles_fetched == 2


async def test_a_portal_that_lets_nobody_in_on_site_takes_the_list_away(
    start: Callable[[], object], scripted: ScriptedPortal, onsite: Kept
) -> None:
    onsite.version, scripted.answer = "v1", {"access_version": None}
    start()
    await until(lambda: onsite.was_forgotten)
    assert scripted.bundles_fetched == 0


async def test_a_removed_recorder_lets_nobody_of_the_portal_in(
    start: Callable[[], object], scripted: ScriptedPortal, onsite: Kept
) -> None:
    onsite.version, scripted.refusal = "v1", (401, "recorder_unknown")
    start()
    await until(lambda: onsite.was_forgotten)


async def test_the_time_is_noted_while_the_portal_is_away(
    start: Callable[[], object], scripted: ScriptedPortal, onsite: Kept
) -> None:
    onsite.version, scripted.refusal = "v1", (503, "busy")
    start()
    await until(lambda: onsite.notes > 1)
    assert onsite.version == "v1"
