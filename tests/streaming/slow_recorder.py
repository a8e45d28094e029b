"""What hostile recorders answer, to a relay that is a real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from cmr.api.message import Response


class _Drip:
    """A byte now and then, without end."""

    def __init__(self) -> None:
        self._is_over = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self._is_over:
            yield b" "
            await asyncio.sleep(0.05)

    async def aclose(self) -> None:
        self._is_over = True


async def silent(*_: object) -> Response:
    """Takes every request and says nothing."""
    await asyncio.Event().wait()
    raise AssertionError


async def dripping(*_: object) -> Response:
    return Response(200, (("Content-Type", "application/json"),), _Drip())


async def dripping_clip(*_: object) -> Response:
    headers = (
        ("Content-Type", "video/mp4"),
        ("Content-Range", "bytes 0-99999/100000"),
        ("ETag", '"one"'),
    )
    return Response(206, headers, _Drip())


SLOW: dict[str, Callable[..., Awaitable[Response]]] = {"silent": silent, "dripping": dripping}
