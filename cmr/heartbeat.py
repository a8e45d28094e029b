"""The heartbeat: tells the portal how this recorder is doing, and hears keys, relay and clock.

The portal being away changes nothing for the recording (K3).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from yarl import URL

from cmr import __version__
from cmr.backoff import Backoff
from cmr.connector import MODEL, Outgoing
from cmr.enrolment import clock_words, heartbeat_interval_s, plain_address
from cmr.identity import Identity, save_identity
from cmr.nat import parse_server
from cmr.portal import PortalClient, PortalError, PortalUrl, parse_portal_url
from cmr.registration import PortalStanding, Registration, RelayAccess
from protocol.bundle import MAX_BUNDLE_BYTES
from protocol.errors import ProtocolError
from protocol.times import TICKS_PER_S, format_time, from_90k
from protocol.tokens import PATHS, KeyRing, sign_recorder_token

PATH = "/api/v1/recorder/heartbeat"
LIST_PATH = "/api/v1/recorder/bundle"
REMOVED_RETRY_S = 300.0  # a removed recorder may be brought back; nobody waits for it in seconds
ASKED_AFTER_S = 3.0  # soonest repetition when asked for: a relay that refuses all passes asks often
NEWS_S = 1.0  # how often we look whether cameras or archive changed since the last one
RETRY_BASE_S = 1.0
RETRY_CAP_S = 8.0  # a restarted portal knows its recorders again within 10 s
MAX_CLOCK_ERROR_S = 2.0  # below it nobody notices; above it people are told
MAX_RELAY_URLS = 16
MAX_STUN_SERVERS = 8

# What this machine reports: capabilities, addresses, ports, cameras, storage (Any: JSON).
Report = Callable[[], Awaitable[dict[str, Any]]]
# The part of it that the portal should hear of soon: two that differ are news.
Gist = Callable[[], object]


class OnsiteKeeper(Protocol):
    """Keeps the portal's on-site list up to date; never raises."""

    @property
    def version(self) -> str | None:
        """Of the list that is kept and good; None without one."""

    async def keep(self, text: str) -> None:
        """A newer list."""

    def forget(self) -> None:
        """The portal lets nobody sign in here any more."""

    def note_time(self) -> None:
        """Called with every heartbeat, also those that fail."""


log = logging.getLogger(__name__)


class Heartbeat:
    """Checks in until cancelled. The only writer of `registration`."""

    def __init__(
        self,
        registration: Registration,
        folder: Path,
        report: Report,
        gist: Gist,
        outgoing: Outgoing | None = None,
        onsite: OnsiteKeeper | None = None,
    ) -> None:
        self._registration = registration
        self._folder = folder
        self._report = report
        self._gist = gist
        self._outgoing = outgoing
        self._onsite = onsite
        self._told: object = None
        self._failures = 0
        self._failed_by: str | None = None  # the code of the failure that was logged
        self._clock_was_off = False

    async def run(self) -> None:
        """Returns at once when the recorder is not registered."""
        identity = self._registration.identity
        if identity is None:
            return
        url = parse_portal_url(identity.portal_url)
        async with PortalClient(url, self._outgoing) as portal, asyncio.TaskGroup() as group:
            group.create_task(self._keep_beating(portal))
            group.create_task(self._watch_for_news())

    async def _keep_beating(self, portal: PortalClient) -> None:
        backoff = Backoff(RETRY_BASE_S, RETRY_CAP_S)
        while True:
            wait_s = await self._beat(portal, backoff)
            await self._pause(wait_s)

    async def _watch_for_news(self) -> None:
        """After a start the first heartbeat comes before cameras and archive are known."""
        while True:
            await asyncio.sleep(NEWS_S)
            is_online = self._registration.standing is PortalStanding.ONLINE
            if is_online and self._gist() != self._told:
                self._registration.ask_for_heartbeat()

    async def _beat(self, portal: PortalClient, backoff: Backoff) -> float:
        """One heartbeat; returns how long to wait for the next."""
        try:
            identity = await self._check_in(portal)
        except PortalError as error:
            self._failed(portal.url, error)
            is_removed = self._registration.standing is PortalStanding.REMOVED
            return REMOVED_RETRY_S if is_removed else RETRY_BASE_S + backoff.next_wait_s()
        finally:
            if self._onsite is not None:
                self._onsite.note_time()
        backoff.reset()
        # Jitter, so that recorders started by the same power cut do not stay in step.
        return identity.heartbeat_s * random.uniform(0.9, 1.0)  # noqa: S311  no secret

    async def _pause(self, wait_s: float) -> None:
        await asyncio.sleep(min(wait_s, ASKED_AFTER_S))
        try:
            async with asyncio.timeout(max(0.0, wait_s - ASKED_AFTER_S)):
                await self._registration.heartbeat_wanted()
        except TimeoutError:
            pass

    async def _check_in(self, portal: PortalClient) -> Identity:
        registration, identity = self._registration, self._registration.identity
        if identity is None:
            raise PortalError("recorder_unknown", "not registered")
        now = registration.clock()
        self._told = self._gist()  # before the report: what changes meanwhile is told again
        body = {
            "version": __version__,
            "model": MODEL,
            "time": format_time(from_90k(int(now * TICKS_PER_S))),
            **await self._report(),
        }
        token = sign_recorder_token(identity.signer, self._registration.portal_now())
        portal.plain = plain_url(identity)
        answer = await portal.post(PATH, token, body, now)
        identity = self._apply(portal.url, identity, answer)
        self._succeeded(portal.way)
        await self._update_list(portal, identity, answer.get("access_version"))
        return identity

    async def _update_list(self, portal: PortalClient, identity: Identity, wanted: object) -> None:
        """Fetches the on-site list when the portal has another one; the next heartbeat tries
        again what fails."""
        onsite = self._onsite
        if onsite is None or wanted == onsite.version:
            return
        if not isinstance(wanted, str):
            onsite.forget()
            return
        now = self._registration.clock()
        token = sign_recorder_token(identity.signer, self._registration.portal_now())
        try:
            answer = await portal.get(LIST_PATH, token, now, MAX_BUNDLE_BYTES + 1024)
        except PortalError as error:
            log.info("on-site list: %s", error)
            return
        text = answer.get("bundle")
        if isinstance(text, str):
            await onsite.keep(text)

    def _apply(self, url: PortalUrl, identity: Identity, answer: dict[str, Any]) -> Identity:
        """Believes what the portal said (Any: JSON); raises PortalError when it is malformed."""
        try:
            updated = updated_identity(identity, answer)
            relay = relay_access(answer["relay"])
            offset_s = float(answer["clock_offset_s"])
            off = paths_off(answer.get("settings", {}))
            stun = stun_servers(answer.get("stun", []))
        except (KeyError, TypeError, ValueError, AttributeError, ProtocolError) as error:
            fact = f"{url.text} gave a heartbeat answer that is not understood: {error!r}"
            raise PortalError("portal_failed", fact) from None
        self._registration.clock_offset_s = offset_s
        self._registration.paths_off = off
        self._registration.stun = stun
        self._registration.set_relay(relay)
        self._registration.identity = updated
        if _is_changed(identity, updated):
            self._save(updated)
        return updated

    def _save(self, identity: Identity) -> None:
        try:
            save_identity(self._folder, identity)
        except OSError as error:
            # Believed anyway; after a restart the portal says it again.
            log.warning("identity: cannot be saved: %s", error.strerror)

    def _succeeded(self, way: str) -> None:
        if self._registration.standing is not PortalStanding.ONLINE:
            tries = f" after {self._failures} failed tries" if self._failures else ""
            log.info("portal: connected to %s%s", way, tries)
        self._failures = 0
        self._failed_by = None
        self._registration.standing = PortalStanding.ONLINE
        self._registration.detail = f"connected to {way}"
        self._tell_clock()

    def _tell_clock(self) -> None:
        offset_s = self._registration.clock_offset_s
        is_off = abs(offset_s) > MAX_CLOCK_ERROR_S
        if is_off and not self._clock_was_off:
            log.warning(
                "clock: this machine is %s the portal (%.1f s)", clock_words(offset_s), offset_s
            )
        self._clock_was_off = is_off

    def _failed(self, url: PortalUrl, error: PortalError) -> None:
        if error.code.startswith("token_") and error.clock_offset_s:
            # A token signed by a clock that is hours off is refused; the next uses the portal's.
            self._registration.clock_offset_s = error.clock_offset_s
        is_removed = error.code in {"recorder_unknown", "recorder_removed"}
        standing = PortalStanding.REMOVED if is_removed else PortalStanding.UNREACHABLE
        detail = failure_words(url, error)
        if (self._registration.standing, self._failed_by) != (standing, error.code):
            log.warning("portal: %s", detail)
        self._failed_by = error.code
        if is_removed:
            self._registration.forget_relay()
            if self._onsite is not None:
                self._onsite.forget()
        self._failures += 1
        self._registration.standing = standing
        self._registration.detail = detail


def failure_words(url: PortalUrl, error: PortalError) -> str:
    """A heartbeat that failed, in a sentence that also says what goes on."""
    if error.code in {"recorder_unknown", "recorder_removed"}:
        return f"this recorder was removed from {url.text}; it keeps recording"
    offset_s = error.clock_offset_s
    if error.code.startswith("token_") and offset_s and abs(offset_s) > 60:
        return f"this machine's clock is {clock_words(offset_s)} the portal's; recording goes on"
    return f"{str(error).rstrip('.')}; recording goes on"


def updated_identity(identity: Identity, answer: dict[str, Any]) -> Identity:
    """The identity with name, interval and keys as the portal gives them now (Any: JSON).

    New keys are believed because every answer comes by TLS, sealed by a key that is known
    already, or from this very machine. Raises KeyError, TypeError, ValueError, ProtocolError or
    PortalError for what it cannot be.
    """
    if answer["recorder_id"] != identity.recorder_id:
        raise ValueError("the answer is for another recorder")
    return identity.with_portal_facts(
        name=str(answer["name"]),
        keys=KeyRing(answer["jwks"]),
        heartbeat_s=heartbeat_interval_s(answer["heartbeat_s"]),
        http_url=plain_address(answer.get("http_url")),
    )


def plain_url(identity: Identity) -> PortalUrl | None:
    """The portal's plain address, for when TLS does not get through."""
    return parse_portal_url(identity.http_url) if identity.http_url else None


def relay_access(relay: dict[str, Any]) -> RelayAccess:
    """The relay part of an answer (Any: JSON); raises KeyError, TypeError, ValueError."""
    urls = [str(url).rstrip("/") for url in relay["urls"]][:MAX_RELAY_URLS]
    if not urls or not all(url.startswith(("https://", "http://")) for url in urls):
        raise ValueError("relay addresses must begin with https:// or http://")
    keys = {str(URL(url).origin()): dict(jwk) for url, jwk in relay.get("keys", {}).items()}
    return RelayAccess(tuple(urls), str(relay["pass"]), keys)


def paths_off(settings: dict[str, Any]) -> frozenset[str]:
    """The paths that the remote network settings switch off (Any: JSON); a path that is not named
    is on. Raises TypeError, AttributeError."""
    enabled = {path: settings.get(path, {}).get("enabled", True) for path in PATHS}
    if not all(isinstance(value, bool) for value in enabled.values()):
        raise TypeError("a path is either enabled or not")
    return frozenset(path for path, is_on in enabled.items() if not is_on)


def stun_servers(servers: list[Any]) -> tuple[str, ...]:
    """The STUN servers of an answer (Any: JSON), `host:port`; what is none is left out."""
    return tuple(str(one) for one in servers[:MAX_STUN_SERVERS] if parse_server(str(one)))


def _is_changed(old: Identity, new: Identity) -> bool:
    return _kept(old) != _kept(new)


def _kept(identity: Identity) -> object:
    return identity.name, identity.heartbeat_s, identity.keys.jwks, identity.http_url
