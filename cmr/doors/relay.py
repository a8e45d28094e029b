"""The relay door: requests come by long polls, answers go by POST; this machine only dials out.

Contract: docs/design/contracts.md §5.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import socket
from dataclasses import dataclass

import aiohttp

from cmr.api.message import ApiError
from cmr.api.routes import Api
from cmr.backoff import Backoff
from cmr.doors.answer import Answer, answer_to
from cmr.doors.sockets import keep_queues_short
from cmr.portal import USER_AGENT, connection_words, read_bounded
from cmr.registration import Registration, RelayAccess
from protocol.errors import ProtocolError
from protocol.http_message import (
    MAX_HEAD_BYTES,
    MAX_REQUEST_BODY_BYTES,
    REQUEST_TYPE,
    RESPONSE_TYPE,
    parse_request,
)

POLLS = 2  # so that a request finds one open while the other is being answered
MAX_EXCHANGES = 64
POLL_TIMEOUT_S = 30.0  # the relay holds a poll for 20 s; after 30 s the line is dead (R7: ≤ 45 s)
CONNECT_TIMEOUT_S = 10.0
KEEP_ALIVE_S = 3.0  # below any server's own: an answer must not start on a connection being closed
RETRY_BASE_S = 0.5
RETRY_CAP_S = 8.0  # a restarted relay has its recorders, and their viewers, within 10 s (R8)
REPLACED_RETRY_S = 60.0  # another process has this identity; taking turns would serve nobody
MAX_REQUEST_BYTES = MAX_HEAD_BYTES + 4 + MAX_REQUEST_BODY_BYTES

_EXCHANGE_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")

log = logging.getLogger(__name__)


class RelayError(Exception):
    """A poll that brought nothing and must not be repeated at once. `code` is a problem's code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Errand:
    """A request that waits for its answer at one relay node."""

    node: str
    exchange_id: str
    request: bytes


class RelayDoor:
    """Keeps POLLS polls open and answers what they bring, until cancelled."""

    def __init__(self, api: Api, registration: Registration) -> None:
        self._api = api
        self._registration = registration
        self._boot = secrets.token_hex(16)
        self._health = Health()
        self._open = 0

    @property
    def words(self) -> str:
        """The state of the link, in a sentence."""
        if self._registration.identity is None:
            return "not registered with a portal"
        if self._registration.relay is None:
            return "waits for the portal to name a relay"
        return self._health.words

    async def run(self) -> None:
        """Returns at once when the recorder is not registered."""
        if self._registration.identity is None:
            return
        async with self._session() as session, asyncio.TaskGroup() as group:
            for _ in range(POLLS):
                group.create_task(self._keep_polling(session, group))

    def _session(self) -> aiohttp.ClientSession:
        # Streams each take a connection of their own; the pool is bounded by MAX_EXCHANGES.
        connector = aiohttp.TCPConnector(
            limit=0, keepalive_timeout=KEEP_ALIVE_S, socket_factory=_short_queued_socket
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
        )

    async def _keep_polling(self, session: aiohttp.ClientSession, group: asyncio.TaskGroup) -> None:
        backoff = Backoff(RETRY_BASE_S, RETRY_CAP_S)
        while True:
            access = await self._registration.relay_access()
            node = self._health.node(access)
            try:
                errand = await self._poll(session, access, node)
            except (RelayError, aiohttp.ClientError, OSError, ValueError) as error:
                await self._pause(node, error, backoff)
                continue
            backoff.reset()
            self._health.succeeded(node)
            if errand is not None:
                await self._accept(session, group, errand)

    async def _pause(self, node: str, error: Exception, backoff: Backoff) -> None:
        self._health.failed(node, _reason(error))
        code = error.code if isinstance(error, RelayError) else ""
        if code.startswith("token_"):
            self._registration.ask_for_heartbeat()
        if code == "replaced":
            await asyncio.sleep(REPLACED_RETRY_S)
        else:
            await self._registration.wait_for_relay_news(backoff.next_wait_s())

    async def _poll(
        self, session: aiohttp.ClientSession, access: RelayAccess, node: str
    ) -> Errand | None:
        """One long poll; None when nobody asked for anything."""
        headers = {"Authorization": f"Bearer {access.relay_pass}", "Contera-Boot": self._boot}
        async with (
            asyncio.timeout(POLL_TIMEOUT_S),
            session.get(f"{node}/relay/v1/next", headers=headers, allow_redirects=False) as answer,
        ):
            data = await read_bounded(answer.content, MAX_REQUEST_BYTES)
        if answer.status == 204:
            return None
        if answer.status != 200:
            raise refusal(answer.status, data)
        exchange_id = answer.headers.get("Exchange-Id", "")
        is_request = answer.headers.get("Content-Type", "").replace('"', "") == REQUEST_TYPE
        if not _EXCHANGE_ID.fullmatch(exchange_id) or not is_request:
            raise RelayError("bad_message", "answered with something that is no exchange")
        return Errand(node, exchange_id, data)

    async def _accept(
        self, session: aiohttp.ClientSession, group: asyncio.TaskGroup, errand: Errand
    ) -> None:
        if self._open >= MAX_EXCHANGES:
            # Answered by the poll itself, which is all the back-pressure there is to give.
            busy = ApiError(503, "busy", "this recorder answers too many requests")
            await self._post(session, errand, Answer(busy.response()))
            return
        self._open += 1
        task = group.create_task(self._exchange(session, errand))
        task.add_done_callback(self._exchange_done)

    def _exchange_done(self, _: asyncio.Task[None]) -> None:
        self._open -= 1

    async def _exchange(self, session: aiohttp.ClientSession, errand: Errand) -> None:
        try:
            response = await self._api.handle(parse_request(errand.request))
        except ProtocolError as error:
            response = ApiError(400, error.code, str(error)).response()
        try:
            await self._post(session, errand, Answer(response))
        finally:
            await response.aclose()

    async def _post(self, session: aiohttp.ClientSession, errand: Errand, answer: Answer) -> None:
        access = await self._registration.relay_access()
        url = f"{errand.node}/relay/v1/exchanges/{errand.exchange_id}"
        headers = {
            "Authorization": f"Bearer {access.relay_pass}",
            "Content-Type": RESPONSE_TYPE,
        }
        try:
            status = await answer_to(session, url, headers, answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The viewer asks again; the polls tell whether the relay is away.
            log.debug("relay: an answer was cut: %s", _reason(error))
        else:
            if status not in {204, 404, 409}:
                log.warning("relay: an answer was refused with status %d", status)


class Health:
    """Which node is used, and whether the link works; logs changes, counts repetitions."""

    def __init__(self) -> None:
        self.words = "connecting"
        self._urls: tuple[str, ...] = ()
        self._next = 0
        self._failures = 0
        self._is_linked = False

    def node(self, access: RelayAccess) -> str:
        """The address to use now."""
        if not self._urls:
            self.words = f"connecting to {access.urls[0]}"
        self._urls = access.urls
        return self._current()

    def _current(self) -> str:
        return self._urls[self._next % len(self._urls)]

    def succeeded(self, node: str) -> None:
        if not self._is_linked:
            tries = f" after {self._failures} failed tries" if self._failures else ""
            log.info("relay: linked through %s%s", node, tries)
        self._is_linked = True
        self._failures = 0
        self.words = f"linked through {node}"

    def failed(self, node: str, reason: str) -> None:
        if self._failures == 0:
            log.warning("relay: %s %s", node, reason)
        self._is_linked = False
        self._failures += 1
        if node == self._current():  # both polls fail together: one step to the next node
            self._next += 1
        self.words = f"{node} {reason}"


def refusal(status: int, body: bytes) -> RelayError:
    """A poll that was refused: code and sentence of the problem, or the bare status."""
    match = re.search(rb'"code": ?"([a-z0-9_]{1,60})"', body)
    code = match[1].decode() if match else ""
    if code == "replaced":
        return RelayError(code, "serves another recorder program with this identity")
    return RelayError(code, f"refused with status {status}{f' ({code})' if code else ''}")


def _reason(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "does not answer"
        case aiohttp.ClientConnectorError():
            return f"cannot be reached: {connection_words(error)}"
        case aiohttp.ServerDisconnectedError() | ConnectionError():
            return "closed the connection"
        case _:
            return str(error) or type(error).__name__


def _short_queued_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    sock = socket.socket(family, kind, protocol)
    keep_queues_short(sock)
    return sock
