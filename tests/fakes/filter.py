"""A box between a recorder and its relay that spoils HTTP the ways such boxes do (L13)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

MAX_HEAD_BYTES = 32 * 1024
MAX_HELD_BYTES = 8 * 1024 * 1024
FORBIDDEN = (
    b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 23\r\n"
    b"Connection: close\r\n\r\n<h1>Policy, page 7</h1>"
)


@dataclass
class Filter:
    """`rules`, which may change while it runs:

    `hold`: bodies of requests go on when they have ended. `refuse`: requests of type message/http
    are answered 403 (`refuse_once`: the first of them). `refuse_answers`: so are answers of that
    type. `strip`: no Upgrade.
    """

    upstream_port: int
    rules: set[str] = field(default_factory=set)
    url: str = ""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Filter]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=MAX_HEAD_BYTES)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request per connection: the answer always says close, unless it is an upgrade."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            await self._pass_on(head, reader, writer)
        writer.close()

    async def _pass_on(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        is_typed = b"content-type: message/http" in head.lower()
        if is_typed and self.rules & {"refuse", "refuse_once"}:
            self.rules.discard("refuse_once")
            writer.write(FORBIDDEN)
            await writer.drain()
            return
        is_upgrade = b"upgrade: websocket" in head.lower() and "strip" not in self.rules
        if not is_upgrade:
            head = _without(head, b"connection", b"upgrade")[:-2] + b"Connection: close\r\n\r\n"
        if "hold" in self.rules and not is_upgrade:
            head += await _whole_body(head, reader)
        from_relay, to_relay = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        to_relay.write(head)
        try:
            await self._carry(reader, to_relay, from_relay, writer)
        finally:
            to_relay.close()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        to_relay: asyncio.StreamWriter,
        from_relay: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        upwards = asyncio.create_task(_copy(reader, to_relay))
        try:
            answer = await from_relay.readuntil(b"\r\n\r\n")
            is_typed = b"content-type: message/http" in answer.lower()
            if "refuse_answers" in self.rules and is_typed:
                writer.write(FORBIDDEN)
                await writer.drain()
                return
            writer.write(answer)
            downwards = asyncio.create_task(_copy(from_relay, writer))
            await asyncio.wait([upwards, downwards], return_when=asyncio.FIRST_COMPLETED)
            downwards.cancel()
        finally:
            upwards.cancel()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(64 * 1024):
            writer.write(data)
            await writer.drain()


async def _whole_body(head: bytes, reader: asyncio.StreamReader) -> bytes:
    """As it came, chunks included."""
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        body = b""
        while not body.endswith(b"0\r\n\r\n"):
            body += await _next(reader, len(body))
        return body
    _, found, rest = lower.partition(b"content-length:")
    length = int(rest.split(b"\r\n")[0]) if found else 0
    return await reader.readexactly(length)


async def _next(reader: asyncio.StreamReader, held: int) -> bytes:
    data = await reader.read(64 * 1024)
    if not data or held + len(data) > MAX_HELD_BYTES:
        raise ConnectionResetError("the body did not end")
    return data


def _without(head: bytes, *names: bytes) -> bytes:
    lines = head.split(b"\r\n")
    kept = [line for line in lines if line.partition(b":")[0].lower() not in names]
    return b"\r\n".join(kept)
