"""Who watches what at this recorder: noted at the API, kept on disk, told to the portal."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from cmr.api.door import Door
from cmr.api.live import SustainedStream
from cmr.api.message import Body, Response
from cmr.api.routes import Call
from cmr.backoff import Backoff
from cmr.connector import Outgoing
from cmr.heartbeat import plain_url
from cmr.portal import PortalClient, PortalError, parse_portal_url
from cmr.registration import PortalStanding, Registration
from cmr.viewing_log import ViewingLog
from protocol.http_message import header
from protocol.times import TICKS_PER_S, parse_time
from protocol.tokens import AccessToken, sign_recorder_token
from protocol.viewing_book import ViewingBook, Watching
from protocol.viewings import DIRECT, MAX_TOLD, Span, Viewing, Watcher, as_json

PATH = "/api/v1/recorder/viewings"
KEEP_S = 1.0  # how often what is over goes to disk
OPEN_S = 30.0  # how often what is open does: a crash loses no more of it
TELL_S = 5.0
RETRY_BASE_S = 5.0
RETRY_CAP_S = 300.0
MAX_WAITING = 10_000  # for a disk that takes nothing
EXPORT = "export-"  # sessions of the portal's own jobs; an export has lines of its own

log = logging.getLogger(__name__)


class Viewings:
    """Belongs to the event loop. `kind` and so on: `protocol.viewings`."""

    def __init__(self, registration: Registration, kept: ViewingLog) -> None:
        self._registration = registration
        self._log = kept
        self._book = ViewingBook()
        self._waiting: list[Viewing] = []
        self._is_failing = False
        self._kept_open_at = 0.0

    def note(self, response: Response, kind: str, call: Call) -> Response:
        """The answer, whose viewing lasts until it is closed. Live video by the relay is not
        noted here: only the relay knows who watches it."""
        token, door = call.token, call.door
        is_fan_out = kind == "live" and not door.paths
        if response.status not in (200, 206) or is_fan_out or token.session_id.startswith(EXPORT):
            return response
        watcher = Watcher(
            session_id=token.session_id,
            user_id=token.user_id,
            camera=call.the_camera.number,
            kind=kind,
            path=way_of(door, token, self._is_local(token)),
            address=token.address or door.peer,
        )
        watching = self._book.begin(watcher, self._now(), recorded_span(call, response))
        return self._until_closed(response, watching)

    async def run(self) -> None:
        """Keeps what is over on disk until cancelled, and then what is left. Exactly one task
        runs this."""
        try:
            await self._try(self._log.recover)
            while True:
                await asyncio.sleep(KEEP_S)
                self._book.tick(self._now())
                await self._keep()
        finally:
            self._book.close_all(self._now())
            await self._keep()

    async def tell(self, outgoing: Outgoing | None = None) -> None:
        """Tells the portal, in order, until cancelled; returns at once without a portal."""
        identity = self._registration.identity
        if identity is None:
            return
        backoff = Backoff(RETRY_BASE_S, RETRY_CAP_S)
        async with PortalClient(parse_portal_url(identity.portal_url), outgoing) as portal:
            while True:
                wait_s = TELL_S
                try:
                    if self._registration.standing is PortalStanding.ONLINE:
                        while await self._tell_some(portal):
                            backoff.reset()
                except PortalError as error:
                    log.debug("viewings: not told yet: %s", error)
                    wait_s = RETRY_BASE_S + backoff.next_wait_s()
                except (sqlite3.Error, OSError) as error:
                    self._tell_failure(error)
                await asyncio.sleep(wait_s)

    async def _tell_some(self, portal: PortalClient) -> bool:
        """Whether there may be more."""
        identity = self._registration.identity
        if identity is None:
            return False
        viewings = await asyncio.to_thread(self._log.untold, identity.recorder_id, MAX_TOLD)
        if not viewings:
            return False
        body = {"viewings": [as_json(viewing) for viewing in viewings]}
        token = sign_recorder_token(identity.signer, self._registration.portal_now())
        portal.plain = plain_url(identity)
        answer = await portal.post(PATH, token, body, self._registration.clock())
        if answer.get("seen") != viewings[-1].number:
            raise PortalError("portal_failed", "the portal did not take the viewings")
        await asyncio.to_thread(self._log.forget, viewings[-1].number)
        return len(viewings) == MAX_TOLD

    def _now(self) -> float:
        """By the portal's clock."""
        return self._registration.clock() - self._registration.clock_offset_s

    def _is_local(self, token: AccessToken) -> bool:
        identity = self._registration.identity
        return identity is None or token.recorder_id != identity.recorder_id

    def _until_closed(self, response: Response, watching: Watching) -> Response:
        if isinstance(response.body, bytes):
            self._end(watching)
            return response
        if isinstance(response.body, SustainedStream):
            response.body.when_closed(lambda: self._end(watching))
            return response
        return replace(response, body=_WatchedBody(response.body, lambda: self._end(watching)))

    def _end(self, watching: Watching) -> None:
        self._book.end(watching, self._now())

    async def _keep(self) -> None:
        over = (self._waiting + self._book.take())[-MAX_WAITING:]
        self._waiting = over
        now = asyncio.get_running_loop().time()
        is_due = len(self._book) and now - self._kept_open_at > OPEN_S
        if not over and not is_due:
            return
        identity = self._registration.identity
        owner = "" if identity is None else identity.recorder_id
        is_open = self._book.open_viewings(self._now())

        def keep() -> None:
            self._log.keep(owner, over, is_open)
            self._waiting, self._kept_open_at = [], now

        await self._try(keep)

    async def _try(self, blocking: Callable[[], None]) -> None:
        """In a thread, to its end also when this is cancelled: nothing is written twice."""
        working = asyncio.ensure_future(asyncio.to_thread(blocking))
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait([working])
            raise
        except (sqlite3.Error, OSError) as error:
            self._tell_failure(error)
        else:
            self._is_failing = False

    def _tell_failure(self, error: Exception) -> None:
        if not self._is_failing:
            log.warning("viewings: the log cannot be used: %s", error)
        self._is_failing = True


class _WatchedBody:
    """A finite body, and somebody who wants to know when it is closed."""

    def __init__(self, body: Body, on_closed: Callable[[], None]) -> None:
        self._body = body
        self._on_closed: Callable[[], None] | None = on_closed

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._body)

    async def aclose(self) -> None:
        if self._on_closed is not None:
            self._on_closed()
            self._on_closed = None
        await self._body.aclose()


def way_of(door: Door, token: AccessToken, is_local: bool) -> str:
    """By which way video goes to this viewer. One port serves LAN and Manual NAT: the token may
    name one of them alone, else a viewer with a private address is on the LAN."""
    if is_local:
        return DIRECT
    ways = door.paths & token.paths
    if not door.paths:
        return "relay"
    if len(ways) == 1:
        return next(iter(ways))
    return "lan" if _is_near(door.peer) else "manual_nat"


def _is_near(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return found.is_private or found.is_link_local


def recorded_span(call: Call, response: Response) -> Span | None:
    """Which recorded video an answer holds (`Contera-Start`, `Contera-End`; contracts.md §2)."""
    if "time" in call.parameters:  # of a picture
        at = call.parameters.time_90k("time") / TICKS_PER_S
        return at, at
    start, end = (header(response.headers, name) for name in ("contera-start", "contera-end"))
    if start is None or end is None:
        return None
    return parse_time(start).timestamp(), parse_time(end).timestamp()
