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

from cmr.api.message import ApiError, Response
from cmr.api.routes import Api
from cmr.backoff import Backoff
from cmr.connector import Outgoing, is_sealed
from cmr.doors.answer import Answer, answer_to
from cmr.doors.relay_probe import probe_stream
from cmr.doors.relay_segments import answer_in_parts
from cmr.doors.relay_socket import RelaySocket, SocketRefused
from cmr.doors.relay_transport import Transport, TransportChoice, Verdict
from cmr.doors.relay_words import LINK_ERRORS, RelayError, reason_of, refusal
from cmr.doors.sockets import keep_queues_short
from cmr.portal import read_bounded
from cmr.registration import Registration, RelayAccess
from protocol.errors import ProtocolError
from protocol.http_message import (
    MAX_HEAD_BYTES,
    MAX_REQUEST_BODY_BYTES,
    REQUEST_TYPE,
    RESPONSE_TYPE,
    UNTYPED,
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

# 404 and 409 and their codes: the viewer left, or its time was over.
WANTED_NO_MORE = frozenset({204, 404, 409, "cancelled", "exchange_not_found"})

_EXCHANGE_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Errand:
    """A request that waits for its answer at one relay node."""

    node: str
    exchange_id: str
    request: bytes


class RelayDoor:
    """Keeps POLLS polls open and answers what they bring, until cancelled."""

    def __init__(
        self, api: Api, registration: Registration, outgoing: Outgoing | None = None
    ) -> None:
        self._api = api
        self._outgoing = outgoing or Outgoing(trust=registration.trust)
        self._registration = registration
        self._boot = secrets.token_hex(16)
        self._health = Health()
        self._choice = TransportChoice()
        self._socket: RelaySocket | None = None
        self._open = 0

    @property
    def words(self) -> str:
        """The state of the link, in a sentence."""
        if self._registration.identity is None:
            return "not registered with a portal"
        if self._registration.relay is None:
            return "waits for the portal to name a relay"
        verdict = self._choice.verdict
        return f"{self._health.words}, {verdict.words}" if verdict.reason else self._health.words

    @property
    def transport(self) -> Verdict:
        """Which way answers take, and why not a better one."""
        return self._choice.verdict

    async def run(self) -> None:
        """Returns at once when the recorder is not registered."""
        if self._registration.identity is None:
            return
        async with self._session() as session, asyncio.TaskGroup() as group:
            group.create_task(self._keep_choosing(session, group))
            for _ in range(POLLS):
                group.create_task(self._keep_polling(session, group))

    def _session(self) -> aiohttp.ClientSession:
        # Streams each take a connection of their own; the pool is bounded by MAX_EXCHANGES.
        return self._outgoing.session(
            aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
            limit=0,
            keepalive_timeout=KEEP_ALIVE_S,
            socket_factory=_short_queued_socket,
        )

    async def _keep_polling(self, session: aiohttp.ClientSession, group: asyncio.TaskGroup) -> None:
        backoff = Backoff(RETRY_BASE_S, RETRY_CAP_S)
        while True:
            access = await self._registration.relay_access()
            node = self._health.node(access)
            try:
                errand = await self._poll(session, access, node)
            except LINK_ERRORS as error:
                await self._pause(node, error, backoff)
                continue
            backoff.reset()
            self._health.succeeded(node)
            if errand is not None:
                await self._accept(session, group, errand)

    async def _pause(self, node: str, error: Exception, backoff: Backoff) -> None:
        self._health.failed(node, reason_of(error))
        self._choice.doubt()
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
        headers = self._poll_headers(access)
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
        media_type = answer.headers.get("Content-Type", "").replace('"', "")
        is_request = media_type in (REQUEST_TYPE, UNTYPED)
        if not _EXCHANGE_ID.fullmatch(exchange_id) or not is_request:
            raise RelayError("bad_message", "answered with something that is no exchange")
        return Errand(node, exchange_id, data)

    def _poll_headers(self, access: RelayAccess) -> dict[str, str]:
        headers = {**_authorization(access), "Contera-Boot": self._boot}
        if self._choice.verdict.transport is not Transport.STREAM:
            headers["Accept"] = UNTYPED  # what stops our media type one way may stop it the other
        return headers

    async def _accept(
        self, session: aiohttp.ClientSession, group: asyncio.TaskGroup, errand: Errand
    ) -> None:
        if self._open >= MAX_EXCHANGES:
            # Answered by the poll itself, which is all the back-pressure there is to give.
            busy = ApiError(503, "busy", "this recorder answers too many requests")
            await self._answer(session, errand, busy.response())
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
            await self._answer(session, errand, response)
        finally:
            await response.aclose()

    async def _answer(
        self, session: aiohttp.ClientSession, errand: Errand, response: Response
    ) -> None:
        """Sends an answer the way that passes now."""
        verdict = await self._choice.settled(errand.node)
        if response.is_live:
            self._choice.live_begins()
        try:
            status = await self._send(session, errand, response, verdict.transport)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The viewer asks again; the polls tell whether the relay is away.
            log.debug("relay: an answer was cut: %s", reason_of(error))
            self._choice.doubt()
        else:
            if status not in WANTED_NO_MORE:
                log.warning("relay: an answer was refused with status %s", status)
                self._choice.doubt()

    async def _send(
        self,
        session: aiohttp.ClientSession,
        errand: Errand,
        response: Response,
        transport: Transport,
    ) -> int | str:
        """A status or a code: how the relay took it."""
        access = await self._registration.relay_access()
        url = f"{errand.node}/relay/v1/exchanges/{errand.exchange_id}"
        if transport is Transport.SOCKET and self._socket is not None:
            pass_ = access.relay_pass
            return await self._socket.answer(errand.exchange_id, response, pass_) or 204
        if transport is Transport.SEGMENTS:
            return await answer_in_parts(session, url, self._authorization, response)
        headers = {**_authorization(access), "Content-Type": RESPONSE_TYPE}
        return await answer_to(session, url, headers, Answer(response))

    def _authorization(self) -> dict[str, str]:
        """With the newest pass: an answer in parts may outlast the one it began with."""
        access = self._registration.relay
        return {} if access is None else _authorization(access)

    async def _keep_choosing(
        self, session: aiohttp.ClientSession, group: asyncio.TaskGroup
    ) -> None:
        """Finds out which way answers pass: at the start, after failures, and every hour while it
        is not the best one (L13)."""
        backoff = Backoff(RETRY_BASE_S, RETRY_CAP_S)
        while True:
            access = await self._registration.relay_access()
            node = self._health.node(access)
            try:
                verdict = await self._choose(session, group, access, node)
            except LINK_ERRORS:
                self._choice.keep(node)
                await self._registration.wait_for_relay_news(backoff.next_wait_s())
                continue
            backoff.reset()
            self._choice.decide(node, verdict)
            await self._choice.until_due()

    async def _choose(
        self,
        session: aiohttp.ClientSession,
        group: asyncio.TaskGroup,
        access: RelayAccess,
        node: str,
    ) -> Verdict:
        reason = await probe_stream(session, node, _authorization(access))
        socket = self._socket
        if reason is None:
            if socket is not None:
                await socket.retire()
            return Verdict(Transport.STREAM)
        if socket is not None and self._choice.is_for(node):
            return Verdict(Transport.SOCKET, reason)
        headers = {**_authorization(access), "Contera-Boot": self._boot}
        try:
            made = await RelaySocket.connect(session, node, headers, access.relay_pass)
        except SocketRefused as refused:
            words = f"{reason}, and lets no WebSocket through ({refused})"
            return Verdict(Transport.SEGMENTS, words)
        if socket is not None:
            await socket.retire()
        self._socket = made
        group.create_task(self._run_socket(made))
        return Verdict(Transport.SOCKET, reason)

    async def _run_socket(self, made: RelaySocket) -> None:
        try:
            await made.run()
        finally:
            if self._socket is made:
                self._socket = None
                if self._choice.verdict.transport is Transport.SOCKET:
                    self._choice.lose()


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
        self.words = f"linked through {node}{', sealed' if is_sealed(node) else ''}"

    def failed(self, node: str, reason: str) -> None:
        if self._failures == 0:
            log.warning("relay: %s %s", node, reason)
        self._is_linked = False
        self._failures += 1
        if node == self._current():  # both polls fail together: one step to the next node
            self._next += 1
        self.words = f"{node} {reason}"


def _authorization(access: RelayAccess) -> dict[str, str]:
    return {"Authorization": f"Bearer {access.relay_pass}"}


def _short_queued_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    sock = socket.socket(family, kind, protocol)
    keep_queues_short(sock)
    return sock
