"""One preflight at a time: what it has found so far, and its result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from cmr.connector import Outgoing
from cmr.heartbeat import plain_url
from cmr.portal import PortalClient, PortalError, parse_portal_url
from cmr.preflight.check import Row, Verdict, run
from cmr.preflight.facts import Facts, ask, portal_alone
from cmr.preflight.plan import GROUPS, REQUIRED, stages
from cmr.registration import Registration
from protocol.times import TICKS_PER_S, format_time, from_90k

Asking = Callable[[], Awaitable[Facts]]


def preflight_of(registration: Registration, outgoing: Outgoing) -> Preflight | None:
    """Of a registered recorder; None before that."""
    identity = registration.identity
    if identity is None:
        return None
    url = parse_portal_url(identity.portal_url)

    async def ask_portal() -> Facts:
        now, signed_at = registration.clock(), registration.portal_now()
        async with PortalClient(url, outgoing, plain_url(identity)) as portal:
            return await ask(portal, identity, now, signed_at)

    return Preflight(ask_portal, portal_alone(url), outgoing)


class Preflight:
    """Started from the portal or the command line. Belongs to the event loop.

    `known` is what can be tried when `ask` fails, or when nobody can be asked (None).
    """

    def __init__(self, ask: Asking | None, known: Facts, outgoing: Outgoing) -> None:
        self._ask, self._known, self._outgoing = ask, known, outgoing
        self._rows: list[Row] = []
        self._task: asyncio.Task[None] | None = None
        self._started_at: float | None = None

    def start(self) -> bool:
        """False when one is under way already."""
        if self._task is not None and not self._task.done():
            return False
        self._rows, self._started_at = [], time.time()
        self._task = asyncio.get_running_loop().create_task(self._run())
        return True

    def as_json(self) -> dict[str, Any]:  # Any: JSON values
        """`{state, started_at, rows}`; state is never, running or done."""
        if self._task is None or self._started_at is None:
            return {"state": "never", "started_at": None, "rows": []}
        return {
            "state": "done" if self._task.done() else "running",
            "started_at": format_time(from_90k(int(self._started_at * TICKS_PER_S))),
            "rows": [row.as_json() for row in self._rows],
        }

    async def result(self) -> Sequence[Row]:
        """All rows, once there are all."""
        self.start()
        if self._task is not None:
            await self._task
        return self._rows

    async def _run(self) -> None:
        facts, portal = await self._facts()
        self._rows.append(Row("portal", REQUIRED, "The portal's answer", True, *_told(portal)))
        for stage in stages(facts, self._outgoing):
            self._rows += await asyncio.gather(*(run(check) for check in stage))
            self._rows.sort(key=lambda row: GROUPS.index(row.group))

    async def _facts(self) -> tuple[Facts, Verdict]:
        if self._ask is None:
            words = "register this recorder; the portal then names the other hosts to test"
            return self._known, Verdict.skipped(words)
        try:
            facts = await self._ask()
            return facts, Verdict.passed(f"it knows this recorder, reached as {facts.way}")
        except PortalError as error:
            advice = "The tests below show what in the network is in the way."
            return self._known, Verdict.failed(str(error), advice)


def _told(verdict: Verdict) -> tuple[str, str, str]:
    return verdict.state, verdict.detail, verdict.advice
