"""The relay door: requests come by long polls, answers go by POST; this machine only dials out.

Contract: docs/design/contracts.md §5.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import socket
from typing import Any

import aiohttp

from cmr.api.message import ApiError
from cmr.api.routes import Api
from cmr.backoff import Backoff
from cmr.connector import Outgoing
from cmr.doors.relay_answers import Answers, Errand, authorization
from cmr.doors.relay_health import Health
from cmr.doors.relay_transport import Verdict
from cmr.doors.relay_words import LINK_ERRORS, RelayError, reason_of, refusal
from cmr.doors.sockets import keep_queues_short
from cmr.portal import read_bounded
from cmr.registration import Registration, RelayAccess
from protocol.errors import ProtocolError
from protocol.http_message import (
    MAX_HEAD_BYTES,
    MAX_REQUEST_BODY_BYTES,
    REQUEST_TYPE,
    UNTYPED,
    parse_request,
)

POLLS = 2  # so that a request finds one open while the other is being answered
MAX_EXCHANGES = 64
POLL_TIMEOUT_S = 30.0  # the relay holds a poll for 20 s; after 30 s the line is dead (R7: ≤ 45 s)
CONNECT_TIMEOUT_S = 10.0
KEEP_ALIVE_S = 3.0  # below any server's own: an answer must not start on a connection being closed
RETRY_BASE_S = 2.0  # 2,000 recorders that were cut at once come back 1,000 a second at most (R9)
RETRY_CAP_S = 8.0  # a restarted relay has its recorders, and their viewers, within 10 s (R8)
REPLACED_RETRY_S = 60.0  # another process has this identity; taking turns would serve nobody
MAX_REQUEST_BYTES = MAX_HEAD_BYTES + 4 + MAX_REQUEST_BODY_BYTES

_EXCHANGE_ID = re.compile(r"[0-9a-f]{32}")

log = logging.getLogger(__name__)


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
        self._answers = Answers(registration, self._boot)
        self._open = 0

    @property
    def words(self) -> str:
        """The state of the link, in a sentence."""
        if self._registration.identity is None:
            return "not registered with a portal"
        if self._registration.relay is None:
            return "waits for the portal to name a relay"
        verdict = self._answers.choice.verdict
        return f"{self._health.words}, {verdict.words}" if verdict.reason else self._health.words

    @property
    def transport(self) -> Verdict:
        """Which way answers take, and why not a better one."""
        return self._answers.choice.verdict

    def report(self) -> dict[str, Any]:
        """The same for the heartbeat (Any: JSON)."""
        if self._health.is_failing:
            return {"name": "none", "sealed": False, "reason": self._health.words}
        verdict = self.transport
        return {
            "name": str(verdict.transport),
            "sealed": self._health.is_sealed,
            "reason": verdict.reason,
        }

    async def run(self) -> None:
        """Returns at once when the recorder is not registered."""
        if self._registration.identity is None:
            return
        async with self._session() as session, asyncio.TaskGroup() as group:
            choosing = self._answers.keep_choosing(session, group, self._health.node)
            group.create_task(choosing)
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
        self._answers.choice.doubt()
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
        headers = self._poll_headers(access, node)
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

    def _poll_headers(self, access: RelayAccess, node: str) -> dict[str, str]:
        headers = {**authorization(access), "Contera-Boot": self._boot}
        if not self._answers.choice.is_proved(node):
            headers["Accept"] = UNTYPED  # a filter that refuses our media type eats a request
        return headers

    async def _accept(
        self, session: aiohttp.ClientSession, group: asyncio.TaskGroup, errand: Errand
    ) -> None:
        if self._open >= MAX_EXCHANGES:
            # Answered by the poll itself, which is all the back-pressure there is to give.
            busy = ApiError(503, "busy", "this recorder answers too many requests")
            await self._answers.send(session, errand, busy.response())
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
            await self._answers.send(session, errand, response)
        finally:
            await response.aclose()


def _short_queued_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    sock = socket.socket(family, kind, protocol)
    keep_queues_short(sock)
    return sock
