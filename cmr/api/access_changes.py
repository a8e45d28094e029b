"""Rights that change while answers are under way (A6).

The portal tells: it sends a token of that person without any grants through the relay. All that a
token from before that moment sustains on a direct way must show a newer one, or end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from cmr.api.message import Body
from protocol.tokens import AccessToken


class Holder(Protocol):
    """Something that goes on because a token allowed it."""

    @property
    def user_id(self) -> str | None:
        """Whose token it is; None while there is none."""

    def access_changed(self, at: float) -> None:
        """The person's rights changed: a token issued until `at` (Unix seconds) does not do any
        more. Never waits and never raises."""


class Holders:
    """All that goes on by direct ways. Bounded by who keeps holders: sessions and open answers."""

    def __init__(self) -> None:
        self._holders: set[Holder] = set()

    def __len__(self) -> int:
        return len(self._holders)

    def keep(self, holder: Holder) -> None:
        self._holders.add(holder)

    def release(self, holder: Holder) -> None:
        """Safe to call twice."""
        self._holders.discard(holder)

    def tell(self, user_id: str, at: float) -> None:
        """The rights of this person changed at `at`."""
        for holder in list(self._holders):
            if holder.user_id == user_id:
                holder.access_changed(at)


class AccessWithdrawn(OSError):
    """A body broken off because its reader's rights changed."""


class HeldBody:
    """A finite answer on plain HTTP: broken off when its reader's rights change."""

    def __init__(self, holders: Holders, body: Body, token: AccessToken) -> None:
        self.user_id: str | None = token.user_id
        self._holders = holders
        self._body = body
        self._chunks = aiter(body)
        self._issued_at = token.issued_at
        self._is_over = False
        self._waiting: asyncio.Timeout | None = None
        holders.keep(self)

    def access_changed(self, at: float) -> None:
        if self._issued_at > at:
            return
        self._is_over = True
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._is_over:
            try:
                async with asyncio.timeout(None) as self._waiting:
                    return await anext(self._chunks)
            except TimeoutError:
                pass
            finally:
                self._waiting = None
        raise AccessWithdrawn("the reader's rights changed")

    async def aclose(self) -> None:
        self._holders.release(self)
        await self._body.aclose()
