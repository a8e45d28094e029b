"""What a recorder does at the relay: long polls, and answers to what they brought."""

from __future__ import annotations

import asyncio
import re

from protocol.http_message import MEDIA_TYPE, REQUEST_TYPE, UNTYPED
from protocol.tokens import RelayPass
from streaming.relay import refusals
from streaming.relay.exchange import Exchange
from streaming.relay.http_door import authorization, raw_headers
from streaming.relay.hub import Hub
from streaming.relay.limits import DRAIN_S
from streaming.relay.refusals import Refusal
from streaming.relay.wire import HttpWire, Scope, ignore, nothing

_BOOT = re.compile(r"[A-Za-z0-9_-]{8,64}")
_RESPONSE_TYPE = re.compile(rf"{MEDIA_TYPE}\s*;\s*msgtype=\"?response\"?", re.IGNORECASE)


async def serve_next(hub: Hub, scope: Scope, wire: HttpWire) -> None:
    """`GET next`: one request for this recorder, or 204 after a while."""
    recorder = hub.verify_pass(authorization(scope))
    # Where a filter refuses our media type, the recorder asks for one that says nothing. (Asked
    # now: a held request forgets its headers.)
    media_type = UNTYPED if _header(scope, b"accept") == UNTYPED else REQUEST_TYPE
    exchange = await _poll(hub, recorder, boot_of(scope), wire)
    if wire.is_lost:
        if exchange is not None:
            hub.put_back(exchange)
        return
    await _send_next(hub, exchange, media_type, wire)


def boot_of(scope: Scope) -> str:
    """Which start of the recorder asks; raises Refusal 400."""
    boot = _header(scope, b"contera-boot")
    if not _BOOT.fullmatch(boot):
        raise Refusal(400, "bad_parameter", "Contera-Boot: 8 to 64 letters, digits, - or _.")
    return boot


async def _poll(hub: Hub, recorder: RelayPass, boot: str, wire: HttpWire) -> Exchange | None:
    poll = hub.open_poll(recorder.recorder_id, boot)
    wire.on_lost = lambda: poll.resolve(None)
    wire.take_body(ignore, nothing)  # a GET has none; from now on a lost connection shows
    wire.hold()
    try:
        return await poll.answer
    finally:
        hub.drop_poll(recorder.recorder_id, poll)
        wire.on_lost = nothing


async def _send_next(hub: Hub, exchange: Exchange | None, media_type: str, wire: HttpWire) -> None:
    if exchange is None:
        await wire.start(204, [(b"connection", b"close")] if hub.is_stopping else [])
    else:
        headers = [
            (b"content-type", media_type.encode()),
            (b"content-length", b"%d" % len(exchange.request)),
            (b"exchange-id", exchange.id.encode()),
            (b"cache-control", b"no-store"),
        ]
        await wire.start(200, headers)
        wire.write(exchange.request)
    await wire.finish()


async def serve_answer(hub: Hub, scope: Scope, wire: HttpWire, exchange_id: str) -> None:
    """`POST exchanges/{id}`: the recorder's answer, as it comes."""
    post = AnswerPost(wire)
    try:
        post.attach(_begin(hub, scope, exchange_id, post))
    except Refusal as refusal:
        post.stop(refusal)
    outcome = await post.serve()
    if outcome is None:
        await wire.start(204, [])
        await wire.finish()
    else:
        await _refuse_early(outcome, post, wire)


def _begin(hub: Hub, scope: Scope, exchange_id: str, post: AnswerPost) -> Exchange:
    recorder = hub.verify_pass(authorization(scope))
    if not _RESPONSE_TYPE.fullmatch(_header(scope, b"content-type")):
        raise Refusal(400, "bad_message", "The body must be message/http; msgtype=response.")
    return hub.begin_answer(exchange_id, recorder.recorder_id, post)


async def _refuse_early(refusal: Refusal, post: AnswerPost, wire: HttpWire) -> None:
    """Says so while the recorder still sends, and lets it finish its chunk: a connection closed
    with unread bytes would be reset, and the reason lost."""
    if wire.is_lost:
        return
    head = refusal.head()
    await wire.start(head.status, [*raw_headers(head), (b"connection", b"close")])
    wire.write(refusal.body())
    if await post.drained():
        await wire.finish()
    else:
        wire.abort()


class AnswerPost:
    """The Source of an exchange: a POST whose body is being read."""

    def __init__(self, wire: HttpWire) -> None:
        loop = asyncio.get_running_loop()
        self._wire = wire
        self._exchange: Exchange | None = None
        self._outcome: asyncio.Future[Refusal | None] = loop.create_future()
        self._ended: asyncio.Future[None] = loop.create_future()

    def attach(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def serve(self) -> Refusal | None:
        """Carries the body until it ends or nobody wants it; gives the reason in that case."""
        self._wire.on_lost = self._lose
        self._wire.take_body(self._take, self._end)
        if self._wire.is_lost:
            self._lose()
        return await self._outcome

    async def drained(self) -> bool:
        """True when the recorder stopped sending within DRAIN_S."""
        self._wire.resume_reading()
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._ended
        except TimeoutError:
            return False
        return not self._wire.is_lost

    def pause(self) -> None:
        self._wire.pause_reading()

    def resume(self) -> None:
        self._wire.resume_reading()

    def stop(self, refusal: Refusal) -> None:
        self._set_outcome(refusal)

    def _take(self, data: bytes) -> None:
        if self._exchange is None:
            return
        try:
            self._exchange.feed(data)
        except Refusal as refusal:
            self.stop(refusal)

    def _end(self) -> None:
        self._finish_body()
        try:
            if self._exchange is not None:
                self._exchange.close()
        except Refusal as refusal:
            self.stop(refusal)
        self._set_outcome(None)

    def _lose(self) -> None:
        self._finish_body()
        if self._exchange is not None:
            self._exchange.fail(Refusal(502, "recorder_lost", "The recorder's connection broke."))
        self._set_outcome(refusals.cancelled())

    def _finish_body(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def _set_outcome(self, refusal: Refusal | None) -> None:
        if not self._outcome.done():
            self._outcome.set_result(refusal)


def _header(scope: Scope, name: bytes) -> str:
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else ""
