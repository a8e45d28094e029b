"""A viewer who does what the page does: the relay at once, everything else offered beside it.

The path of a session is the best one that was proved (docs/design/connection.md §6). Offers come
in order of preference. Runs in a thread that is on the viewer's machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import WebSocketException

from protocol.errors import ProtocolError
from tests.natlab.portal import Portal
from tests.viewers.p2p import NotConnected, over_session, p2p_session
from tests.viewers.relay import relay_session
from tests.viewers.sealed import sealed_session
from tests.viewers.session import SessionClosed, ViewerSession

LIVE = "/v1/cameras/1/live?profile=hd"
FRAME_S = 10.0
# After the first picture: what will work at all mostly has by now, the rest may be waited for
# beside other viewers.
CALM_S = 1.5

Json = Any  # as the API gives it


@dataclass
class Attempt:
    """How one offer went: `proved`, or why not."""

    path: str
    result: str = "abandoned"
    first_frame_ms: int | None = None
    frames: int = 0  # seen on it, as long as the race lasted
    longest_gap_ms: int = 0  # between two of them


@dataclass
class Outcome:
    """Where a session ended. Times count from asking the portal for the session."""

    path: str = "none"
    first_frame_ms: int | None = None  # by whichever path was first
    path_first_frame_ms: int | None = None  # by the path that it ended on
    attempts: list[Attempt] = field(default_factory=list)
    not_offered: dict[str, str] = field(default_factory=dict)

    def describe(self) -> str:
        tried = [f"{attempt.path} {attempt.result}" for attempt in self.attempts]
        refused = [f"{path} not offered: {code}" for path, code in self.not_offered.items()]
        return "; ".join(tried + refused)


class Race:
    """One viewer and one recorder. `calm` is called once, when others may begin undisturbed."""

    def __init__(self, portal: Portal, recorder: str, calm: Callable[[], None]) -> None:
        self._portal, self._recorder, self._calm = portal, recorder, calm
        self._began = time.monotonic()
        self._token = ""
        self._control: asyncio.Future[ViewerSession] = asyncio.get_running_loop().create_future()

    async def run(self) -> Outcome:
        """Tries everything that is offered until the best path is known."""
        session = await asyncio.to_thread(self._open)
        self._token = session["token"]
        outcome = Outcome(not_offered={r["path"]: r["code"] for r in session["not_offered"]})
        outcome.attempts = [Attempt(offer["path"]) for offer in session["offers"]]
        tries = [
            asyncio.create_task(self._try(offer, attempt))
            for offer, attempt in zip(session["offers"], outcome.attempts, strict=True)
        ]
        if not any(offer["via"] == "relay_socket" for offer in session["offers"]):
            tries.append(asyncio.create_task(self._hold_control(session["control"])))
        calming = asyncio.create_task(self._tell_when_calm(outcome))
        try:
            await self._settle(outcome, tries)
        finally:
            self._calm()
            await _cancel([*tries, calming])
        _conclude(outcome)
        return outcome

    def _open(self) -> Json:
        address = f"/api/v1/recorders/{self._recorder}/session/"
        return self._portal.ask_from_here("POST", address, {})

    async def _settle(self, outcome: Outcome, tries: list[asyncio.Task[None]]) -> None:
        """Returns when the best of the attempts still possible shows video."""
        pending = set(tries)
        while pending and not _is_settled(outcome.attempts, tries):
            _, pending = await asyncio.wait(pending, timeout=0.02)

    async def _tell_when_calm(self, outcome: Outcome) -> None:
        while all(attempt.first_frame_ms is None for attempt in outcome.attempts):
            await asyncio.sleep(0.02)
        await asyncio.sleep(CALM_S)
        self._calm()

    async def _try(self, offer: Json, attempt: Attempt) -> None:
        """Stays on the channel once it is proved, until it is cancelled."""
        try:
            async with contextlib.AsyncExitStack() as stack:
                async with asyncio.timeout(offer["deadline_s"]):
                    session = await stack.enter_async_context(self._channel(offer))
                    await self._prove(session)
                attempt.result = "proved"
                if offer["via"] == "relay_socket":
                    self._control.set_result(session)
                await self._show(session, attempt)
        except TimeoutError:
            attempt.result = f"nothing after {offer['deadline_s']} s"
        except (OSError, SessionClosed, NotConnected, ProtocolError, WebSocketException) as error:
            attempt.result = f"{type(error).__name__}: {error}"

    def _channel(self, offer: Json) -> AbstractAsyncContextManager[ViewerSession]:
        if offer["via"] == "relay_socket":
            return relay_session(offer["urls"][0], self._portal.trust)
        if offer["via"] == "sealed_socket":
            return sealed_session(offer["urls"][0], offer["host_id"], offer["host_key"])
        return self._peer_to_peer(offer)

    @asynccontextmanager
    async def _peer_to_peer(self, offer: Json) -> AsyncIterator[ViewerSession]:
        control = await asyncio.shield(self._control)
        servers = [url for server in offer["ice_servers"] for url in server["urls"]]
        mode = "lan" if offer["path"] == "lan" else "p2p"
        async with p2p_session(over_session(control), mode, servers) as session:
            yield session

    async def _hold_control(self, offer: Json) -> None:
        async with relay_session(offer["urls"][0], self._portal.trust) as session:
            await self._prove(session)
            self._control.set_result(session)
            await session.end()

    async def _prove(self, session: ViewerSession) -> None:
        await session.renew(self._token)
        status, body = await session.ask("/v1/")
        if status != 200:
            raise ConnectionError(f"{status} {body[:200]!r}")

    async def _show(self, session: ViewerSession, attempt: Attempt) -> None:
        """Live video to the end: the initialisation segment, then a fragment for each picture."""
        stream = await session.open(LIVE)
        parts = aiter(stream)
        async with asyncio.timeout(FRAME_S):
            await anext(parts)
            await anext(parts)
        attempt.first_frame_ms = last_ms = self._now_ms()
        async for _ in parts:
            now_ms = self._now_ms()
            attempt.frames += 1
            attempt.longest_gap_ms = max(attempt.longest_gap_ms, now_ms - last_ms)
            last_ms = now_ms
        raise ConnectionError("the video ended")

    def _now_ms(self) -> int:
        return round((time.monotonic() - self._began) * 1000)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    """Raises what none of them should have."""
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended


def _is_settled(attempts: list[Attempt], tries: list[asyncio.Task[None]]) -> bool:
    """Whether the first attempt of those still possible shows video."""
    for attempt, task in zip(attempts, tries, strict=False):
        if attempt.first_frame_ms is not None:
            return True
        if not task.done():
            return False
    return True


def _conclude(outcome: Outcome) -> None:
    shown = [a for a in outcome.attempts if a.first_frame_ms is not None]
    if shown:
        outcome.path, outcome.path_first_frame_ms = shown[0].path, shown[0].first_frame_ms
        outcome.first_frame_ms = min(a.first_frame_ms or 0 for a in shown)


def run_race(portal: Portal, recorder: str, calm: Callable[[], None]) -> Outcome:
    """A whole session, from where the calling thread is."""

    async def race() -> Outcome:
        return await Race(portal, recorder, calm).run()

    return asyncio.run(race())
