"""The portal on a port, listening as its program does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from threading import Thread
from typing import Any

from tests.fakes.asgi_server import serving


@contextlib.asynccontextmanager
async def served(portal: Any) -> AsyncIterator[int]:
    """Its port. Its lifespan, which is the STUN server's, is left out (Any: ASGI's shapes)."""

    async def without_lifespan(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await portal(scope, receive, send)
            return
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    async with serving(without_lifespan) as port:
        yield port


@contextlib.contextmanager
def running_portal() -> Iterator[int]:
    """The portal's port; it runs in a thread, for tests that block."""
    from contera.asgi import application

    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    place = served(application)
    try:
        yield asyncio.run_coroutine_threadsafe(place.__aenter__(), loop).result(20)
    finally:
        leaving = place.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(leaving, loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()
