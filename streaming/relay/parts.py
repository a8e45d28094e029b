"""A recorder's answer in bounded requests, where nothing else passes:
`POST exchanges/{id}/parts/{n}`, each with its length announced; the last with `?last`."""

from __future__ import annotations

import asyncio

from streaming.relay import refusals
from streaming.relay.exchange import Exchange
from streaming.relay.http_door import authorization, read_body
from streaming.relay.hub import Hub
from streaming.relay.limits import MAX_PART_BYTES, PART_S, STALL_S
from streaming.relay.refusals import Refusal
from streaming.relay.wire import HttpWire, Scope


async def serve_part(hub: Hub, scope: Scope, wire: HttpWire, exchange_id: str, number: int) -> None:
    """204 when the part was taken and the next one is welcome; raises Refusal."""
    recorder_id = hub.verify_pass(authorization(scope)).recorder_id
    is_last = scope.get("query_string", b"") == b"last"
    data = await read_body(wire, MAX_PART_BYTES, PART_S)
    if wire.is_lost:
        return
    if number == 0:
        parts = _begin(hub, exchange_id, recorder_id)
    else:
        parts = _find(hub, exchange_id, recorder_id)
    parts.take(number, data, is_last)
    if not is_last:
        await parts.wait_for_room()
    await wire.start(204, [])
    await wire.finish()


def _begin(hub: Hub, exchange_id: str, recorder_id: str) -> Parts:
    running = hub.answer_of(exchange_id, recorder_id)
    if isinstance(running, Parts):  # the first part once more: its answer was lost on the way
        return running
    parts = Parts()
    parts.exchange = hub.begin_answer(exchange_id, recorder_id, parts)
    return parts


def _find(hub: Hub, exchange_id: str, recorder_id: str) -> Parts:
    running = hub.answer_of(exchange_id, recorder_id)
    if not isinstance(running, Parts):
        raise refusals.exchange_not_found()
    return running


class Parts:
    """The Source of an exchange that is answered part by part; set `exchange` at once."""

    exchange: Exchange

    def __init__(self) -> None:
        self._next = 0
        self._refusal: Refusal | None = None
        self._room: asyncio.Future[None] | None = None  # while the viewer is slow

    def take(self, number: int, data: bytes, is_last: bool) -> None:
        """The same part once more is taken for a repetition; any other disorder is refused."""
        if number == self._next - 1:
            return
        if number != self._next:
            raise Refusal(409, "part_out_of_order", f"Part {self._next} was expected.")
        if self._room is not None:  # whoever does not wait would fill our memory
            raise Refusal(409, "part_out_of_order", "The part before was not answered yet.")
        self._next += 1
        self.exchange.feed(data)
        if is_last:
            self.exchange.close()

    async def wait_for_room(self) -> None:
        """Returns when the viewer has taken enough; raises Refusal when it wants no more."""
        if self._room is not None:
            try:
                async with asyncio.timeout(STALL_S):
                    await asyncio.shield(self._room)
            except TimeoutError:
                self.exchange.fail(refusals.silent())
        if self._refusal is not None:
            raise self._refusal

    def pause(self) -> None:
        self._room = self._room or asyncio.get_running_loop().create_future()

    def resume(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None

    def stop(self, refusal: Refusal) -> None:
        self._refusal = refusal
        self.resume()
