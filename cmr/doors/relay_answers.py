"""Answers on their way to the relay, by whichever transport passes (L13)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

import aiohttp

from cmr.api.message import ApiError, Response
from cmr.backoff import Backoff
from cmr.doors.answer import Answer, answer_to
from cmr.doors.relay_probe import probe_stream
from cmr.doors.relay_segments import answer_in_parts
from cmr.doors.relay_socket import RelaySocket, SocketRefused
from cmr.doors.relay_transport import Transport, TransportChoice, Verdict
from cmr.doors.relay_words import LINK_ERRORS, reason_of
from cmr.registration import Registration, RelayAccess
from protocol.http_message import RESPONSE_TYPE

RETRY_BASE_S = 2.0  # as the polls'
RETRY_CAP_S = 8.0
# 404 and 409 and their codes: the viewer left, or its time was over.
WANTED_NO_MORE = frozenset({204, 404, 409, "cancelled", "exchange_not_found"})

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Errand:
    """A request that waits for its answer at one relay node."""

    node: str
    exchange_id: str
    request: bytes


class Answers:
    """Sends answers; `keep_choosing` must run beside it. `boot` is this start of the recorder."""

    def __init__(self, registration: Registration, boot: str) -> None:
        self.choice = TransportChoice()
        self._registration = registration
        self._boot = boot
        self._socket: RelaySocket | None = None
        self._posts: set[asyncio.Timeout] = set()  # long ones that are under way

    async def send(
        self, session: aiohttp.ClientSession, errand: Errand, response: Response
    ) -> None:
        """Sends an answer the way that passes now."""
        verdict = await self.choice.settled(errand.node)
        if response.is_live:
            self.choice.live_begins()
        try:
            status = await self._send(session, errand, response, verdict.transport)
            if status is None:  # held by a filter: the viewer shall ask again now, not in a while
                response = ApiError(503, "way_changed", "ask again: a filter held this").response()
                status = await self._send(session, errand, response, self.choice.verdict.transport)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The viewer asks again; the polls tell whether the relay is away.
            log.debug("relay: an answer was cut: %s", reason_of(error))
            self.choice.doubt()
        else:
            if status not in WANTED_NO_MORE:
                log.warning("relay: an answer was refused with status %s", status)
                self.choice.doubt()

    async def _send(
        self,
        session: aiohttp.ClientSession,
        errand: Errand,
        response: Response,
        transport: Transport,
    ) -> int | str | None:
        """How the relay took it: a status or a code; None when a filter was found to hold it."""
        access = await self._registration.relay_access()
        url = f"{errand.node}/relay/v1/exchanges/{errand.exchange_id}"
        if transport is Transport.SOCKET and self._socket is not None:
            pass_ = access.relay_pass
            return await self._socket.answer(errand.exchange_id, response, pass_) or 204
        if transport is Transport.SEGMENTS:
            return await answer_in_parts(session, url, self._authorization, response)
        headers = {**authorization(access), "Content-Type": RESPONSE_TYPE}
        return await self._post(answer_to(session, url, headers, Answer(response)))

    async def _post(self, posting: Coroutine[None, None, int]) -> int | None:
        held: asyncio.Timeout | None = None
        try:
            async with asyncio.timeout(None) as held:
                self._posts.add(held)
                return await posting
        except TimeoutError:
            if held is not None and held.expired():
                return None
            raise
        finally:
            if held is not None:
                self._posts.discard(held)

    def _give_up_posts(self) -> None:
        now = asyncio.get_running_loop().time()
        for held in self._posts:
            if not held.expired():
                held.reschedule(now)

    def _authorization(self) -> dict[str, str]:
        """With the newest pass: an answer in parts may outlast the one it began with."""
        access = self._registration.relay
        return {} if access is None else authorization(access)

    async def keep_choosing(
        self,
        session: aiohttp.ClientSession,
        group: asyncio.TaskGroup,
        node_of: Callable[[RelayAccess], str],
    ) -> None:
        """Finds out which way answers pass: at the start, after failures, and every hour while it
        is not the best one (L13)."""
        backoff = Backoff(RETRY_BASE_S, RETRY_CAP_S)
        while True:
            access = await self._registration.relay_access()
            node = node_of(access)
            try:
                verdict = await self._choose(session, group, access, node)
            except LINK_ERRORS:
                self.choice.keep(node)
                await self._registration.wait_for_relay_news(backoff.next_wait_s())
                continue
            backoff.reset()
            self.choice.decide(node, verdict)
            if verdict.transport is not Transport.STREAM:
                self._give_up_posts()
            await self.choice.until_due()

    async def _choose(
        self,
        session: aiohttp.ClientSession,
        group: asyncio.TaskGroup,
        access: RelayAccess,
        node: str,
    ) -> Verdict:
        reason = await probe_stream(session, node, authorization(access))
        socket = self._socket
        if reason is None:
            if socket is not None:
                await socket.retire()
            return Verdict(Transport.STREAM)
        if socket is not None and self.choice.is_for(node):
            return Verdict(Transport.SOCKET, reason)
        headers = {**authorization(access), "Contera-Boot": self._boot}
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
                if self.choice.verdict.transport is Transport.SOCKET:
                    self.choice.lose()


def authorization(access: RelayAccess) -> dict[str, str]:
    """What shows the relay who answers."""
    return {"Authorization": f"Bearer {access.relay_pass}"}
