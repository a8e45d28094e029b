"""A proxy that answers as told: each connection's request goes to `script`, which says what to do.

The connection is carried on to the target when the answer is "tunnel".
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

HTML = b"<html><body>Please sign in to use the Internet</body></html>"
OK = b"HTTP/1.1 200 Connection established\r\n\r\n"

# Gives raw bytes, or None for "tunnel".
Script = Callable[["Asked"], bytes | None]


@dataclass(frozen=True)
class Asked:
    """One request to the proxy; `number` counts from 1."""

    number: int
    line: str
    headers: dict[str, str]

    @property
    def said(self) -> str:
        return self.headers.get("proxy-authorization", "")


def refusal(*challenges: str, status: str = "407 Proxy Authentication Required") -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Length: 5", "Connection: close"]
    lines += [f"Proxy-Authenticate: {challenge}" for challenge in challenges]
    return ("\r\n".join(lines) + "\r\n\r\nnope\n").encode()


def digest(nonce: str, more: str = "") -> str:
    return f'Digest realm="firm", nonce="{nonce}", qop="auth"{more}'


@dataclass
class HostileProxy:
    script: Script
    target: int = 0
    port: int = 0
    asked: list[Asked] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[HostileProxy]:
        tasks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is not None:
                tasks.add(task)
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._serve(reader, writer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = [line.partition(": ") for line in head[1:] if line]
        headers = {name.lower(): value for name, _, value in pairs}
        asked = Asked(len(self.asked) + 1, head[0], headers)
        self.asked.append(asked)
        answer = self.script(asked)
        writer.write(OK if answer is None else answer)
        await writer.drain()
        if answer is None:
            await self._tunnel(reader, writer)
        elif b"close" not in answer:
            await reader.read()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward, back = await asyncio.open_connection("127.0.0.1", self.target)
        ways = [_carry(reader, back), _carry(onward, writer)]
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            back.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(64 * 1024):
            writer.write(data)
            await writer.drain()
