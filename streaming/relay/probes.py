"""What a filter lets through: a recorder sends the beginning of a body, and asks what arrived."""

from __future__ import annotations

import asyncio
import json

from protocol.http_message import RESPONSE_TYPE, ResponseHead, format_response_head
from streaming.relay import refusals
from streaming.relay.http_door import authorization
from streaming.relay.hub import Hub
from streaming.relay.limits import (
    MAX_PROBE_BYTES,
    MAX_PROBES,
    MAX_RECORDER_PROBES,
    PROBE_S,
)
from streaming.relay.wire import HttpWire, Scope

ProbeKey = tuple[str, str]  # recorder, probe


class Probes:
    """How many bytes of each probe that is under way have arrived."""

    def __init__(self) -> None:
        self._received: dict[ProbeKey, int] = {}

    def begin(self, key: ProbeKey) -> None:
        """Raises Refusal 503 when there are too many at once, of this recorder or of all."""
        own = sum(recorder == key[0] for recorder, _ in self._received)
        if own >= MAX_RECORDER_PROBES or len(self._received) >= MAX_PROBES:
            raise refusals.too_busy("probes")
        self._received[key] = 0

    def add(self, key: ProbeKey, size_bytes: int) -> None:
        if key in self._received:
            self._received[key] += size_bytes

    def end(self, key: ProbeKey) -> None:
        self._received.pop(key, None)

    def received(self, key: ProbeKey) -> int:
        """0 also for a probe that did not arrive."""
        return self._received.get(key, 0)


async def serve_probe(
    hub: Hub, probes: Probes, scope: Scope, wire: HttpWire, probe_id: str
) -> None:
    """`POST probes/{id}`: counts until the body ends, MAX_PROBE_BYTES came or PROBE_S are over."""
    key = (hub.verify_pass(authorization(scope)).recorder_id, probe_id)
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end() -> None:
        if not ended.done():
            ended.set_result(None)

    def take(data: bytes) -> None:
        probes.add(key, len(data))
        if probes.received(key) > MAX_PROBE_BYTES:
            end()

    probes.begin(key)
    wire.on_lost = end
    try:
        wire.take_body(take, end)
        async with asyncio.timeout(PROBE_S):
            await ended
    except TimeoutError:
        wire.abort()
        return
    finally:
        probes.end(key)
    if not wire.is_lost:
        await wire.start(204, [])
        await wire.finish()


async def tell_probe(hub: Hub, probes: Probes, scope: Scope, wire: HttpWire, probe_id: str) -> None:
    """`GET probes/{id}`: `{received}`, inside a message: that shows whether answers of this media
    type pass as well."""
    recorder_id = hub.verify_pass(authorization(scope)).recorder_id
    said = json.dumps({"received": probes.received((recorder_id, probe_id))}).encode()
    head = ResponseHead(200, (("Content-Type", "application/json"),))
    data = format_response_head(head) + said
    headers = [
        (b"content-type", RESPONSE_TYPE.encode()),
        (b"content-length", b"%d" % len(data)),
        (b"cache-control", b"no-store"),
    ]
    await wire.start(200, headers)
    wire.write(data)
    await wire.finish()
