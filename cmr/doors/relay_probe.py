"""What a filter between this recorder and the relay lets through: tried, never guessed (L13).

A body is begun and held open; what the relay says it has received of it is the verdict.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping

import aiohttp

from cmr.doors.relay_words import RelayError, reason_of, refusal
from cmr.portal import read_bounded
from protocol.http_message import RESPONSE_TYPE

PROBE_BYTES = 4096  # more than a proxy holds to look at; 300 ms of a line that nine streams share
STREAM_S = 3.0  # with SOCKET_S below the 5 s in which a filter must show
ASK_S = 0.1
AGAIN_S = 0.5
MAX_SAID_BYTES = 16 * 1024

HOLDS = "a filter on the way holds request bodies until their end"


def probe_url(node: str) -> str:
    """Where a new probe goes."""
    return f"{node}/relay/v1/probes/{secrets.token_hex(16)}"


async def probe_stream(
    session: aiohttp.ClientSession, node: str, authorization: Mapping[str, str]
) -> str | None:
    """None when long POSTs of our media type pass, else what stops them.

    Raises LINK_ERRORS when the relay itself cannot be had, which tells nothing about filters.
    """
    found = await _try(session, node, authorization)
    if found is not None and found != HOLDS:
        await asyncio.sleep(AGAIN_S)  # a proxy or relay that stops at this moment looks the same
        found = await _try(session, node, authorization)
    return found


async def _try(
    session: aiohttp.ClientSession, node: str, authorization: Mapping[str, str]
) -> str | None:
    url = probe_url(node)
    is_over = asyncio.Event()
    post = asyncio.create_task(_post(session, url, authorization, is_over))
    try:
        return await _verdict(session, url, authorization, post)
    finally:
        is_over.set()
        post.cancel()
        await asyncio.gather(post, return_exceptions=True)


async def _verdict(
    session: aiohttp.ClientSession,
    url: str,
    authorization: Mapping[str, str],
    post: asyncio.Task[str | None],
) -> str | None:
    was_answered = False
    try:
        async with asyncio.timeout(STREAM_S):
            while True:
                received = await probe_received(session, url, authorization)
                was_answered = True
                if isinstance(received, str):
                    return received
                if received >= PROBE_BYTES:
                    return None
                await asyncio.wait([post], timeout=ASK_S)
                if post.done():
                    return post.result()
    except TimeoutError:
        if not was_answered:
            raise
        return HOLDS


async def _post(
    session: aiohttp.ClientSession,
    url: str,
    authorization: Mapping[str, str],
    is_over: asyncio.Event,
) -> str | None:
    """What stopped the body; None when it passed. Raises RelayError when the relay refused it."""

    async def body() -> AsyncIterator[bytes]:
        yield bytes(PROBE_BYTES)
        await is_over.wait()

    headers = {**authorization, "Content-Type": RESPONSE_TYPE}
    try:
        async with session.post(url, headers=headers, data=body(), allow_redirects=False) as answer:
            if answer.status == 204:
                return None
            said = refusal(answer.status, await read_bounded(answer.content, MAX_SAID_BYTES))
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return f"a filter on the way breaks long requests off ({reason_of(error)})"
    if said.code:
        raise said
    return f"a filter on the way refuses long requests of type message/http ({said})"


async def probe_received(
    session: aiohttp.ClientSession, url: str, authorization: Mapping[str, str]
) -> int | str:
    """How much of the probe has arrived, or what stops answers of our media type. Raises
    LINK_ERRORS."""
    async with session.get(url, headers=authorization, allow_redirects=False) as answer:
        data = await read_bounded(answer.content, MAX_SAID_BYTES)
        is_ours = answer.headers.get("Content-Type", "").startswith("message/http")
    if answer.status == 200 and is_ours:
        return _number(data.partition(b"\r\n\r\n")[2])
    said = refusal(answer.status, data)
    if said.code == "not_found":
        return PROBE_BYTES  # an older relay, which knows no other way either
    if said.code:
        raise said
    return f"a filter on the way refuses answers of type message/http ({said})"


def _number(said: bytes) -> int:
    try:
        return int(json.loads(said)["received"])
    except (KeyError, TypeError, ValueError):
        raise RelayError("bad_message", "answered a probe with something else") from None
