"""One preflight at a time: what it has found so far, and its result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from cmr.connector import Outgoing
from cmr.portal import PortalError
from cmr.preflight.check import Check, Row, Verdict, run
from cmr.preflight.facts import Facts
from cmr.preflight.plan import GROUPS, REQUIRED, Test, stages
from protocol.times import TICKS_PER_S, format_time, from_90k

Asking = Callable[[], Awaitable[Facts]]


class Preflight:
    """Started from the portal or the command line. Belongs to the event loop."""

    def __init__(self, ask: Asking, known: Facts, outgoing: Outgoing, udp: Test) -> None:
        self._ask, self._known = ask, known
        self._outgoing, self._udp = outgoing, udp
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
        facts, portal = self._known, Verdict.skipped("not registered with a portal")
        try:
            facts = await self._ask()
            portal = Verdict.passed("the portal knows this recorder")
        except PortalError as error:
            advice = "The tests below show what of the network is in the way."
            portal = Verdict.failed(str(error), advice)
        self._rows.append(Check("portal", REQUIRED, "Portal", _given(portal)).row(portal))
        for stage in stages(facts, self._outgoing, self._udp):
            self._rows += await asyncio.gather(*(run(check) for check in stage))
            self._rows.sort(key=lambda row: GROUPS.index(row.group))


def _given(verdict: Verdict) -> Test:
    async def test() -> Verdict:
        return verdict

    return test
