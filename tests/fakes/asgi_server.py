"""An ASGI application behind our real server on loopback, and the recorder's way to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cmr.connector import Outgoing
from cmr.sealed_http import HostTrust
from contera.listening import Server, listen, server_config
from protocol.tokens import Signer

# 127.0.0.1 under a name that is not known to be this machine: plain HTTP there is sealed.
ELSEWHERE = "127.1"
PORTAL = Signer(Ed25519PrivateKey.generate(), "portal")


@contextlib.asynccontextmanager
async def serving(app: Any, port: int = 0) -> AsyncIterator[int]:
    """Its port while it runs (Any: an ASGI application)."""
    listener = listen("127.0.0.1", port)
    server = Server(server_config(app))
    task = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task


def trusting(signer: Signer = PORTAL) -> Outgoing:
    """Believes this portal at every plain address."""
    return Outgoing(trust=lambda _: HostTrust.portal({"keys": [signer.jwk]}))


def session_of(outgoing: Outgoing) -> aiohttp.ClientSession:
    return outgoing.session(aiohttp.ClientTimeout(total=20))


class Echo:
    """Answers with what it was asked; `/slow` streams what comes, `/wait` waits for the end."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []  # Any: ASGI's
        self.lost = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        self.scopes.append(scope)
        match scope["path"]:
            case "/relay/v1/stream":
                await self._stream(receive, send)
            case "/wait":
                await self._wait(receive)
            case "/endless":
                await self._endless(receive, send)
            case "/early":
                await _answer(send, 409, b"enough")
            case "/none":
                await _answer(send, 204, b"")
            case _:
                await self._echo(scope, receive, send)

    async def _echo(self, scope: Any, receive: Any, send: Any) -> None:
        body, has_more = b"", True
        while has_more:
            message = await receive()
            body += message.get("body", b"")
            has_more = message.get("more_body", False)
        facts = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "scheme": scope["scheme"],
            "headers": {key.decode(): value.decode() for key, value in scope["headers"]},
            "body": body.decode(),
        }
        await _answer(send, 200, json.dumps(facts).encode())

    async def _stream(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        has_more = True
        while has_more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.lost.set()
                return
            has_more = message.get("more_body", False)
            await send(_part(message.get("body", b""), has_more))

    async def _wait(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.lost.set()

    async def _endless(self, receive: Any, send: Any) -> None:
        self.sent_bytes = 0
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(100_000):
            await send(_part(b"x" * 10_000, True))
            self.sent_bytes += 10_000


def _part(body: bytes, has_more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": has_more}


async def _answer(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-length", b"%d" % len(body))] if status != 204 else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send(_part(body, False))


async def _lifespan(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
