"""The body of a request at the web door, bounded in size and time."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from cmr.api.message import ApiError
from protocol.http_message import MAX_REQUEST_BODY_BYTES

BODY_TIMEOUT_S = 10.0


async def read_body(request: web.BaseRequest, limit: int = MAX_REQUEST_BODY_BYTES) -> bytes:
    """All of it; raises ApiError for a body that is too large, slow or malformed."""
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.content.iter_any():
                data += chunk
                if len(data) > limit:
                    fact = f"the body has more than {limit} bytes"
                    raise ApiError(413, "body_too_large", fact)
    except TimeoutError:
        raise ApiError(408, "body_too_slow", "the body did not arrive in time") from None
    except HttpProcessingError:
        raise ApiError(400, "bad_message", "the body is malformed") from None
    return bytes(data)
