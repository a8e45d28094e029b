"""Keeps what is known of the NAT fresh, for the heartbeat, `status` and the peer-to-peer door."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from cmr.nat import BLOCKED, UNKNOWN
from cmr.nat_probe import Discovery, discover
from cmr.registration import Registration
from protocol.stun import Address
from protocol.times import TICKS_PER_S, format_time, from_90k

REPEAT_S = 600.0
REPEAT_FAILED_S = 60.0  # a portal that starts with us answers soon
LOOK_S = 5.0  # how often we look whether the network changed

START_S = 0.5  # how often we look for the first servers: viewers may be waiting

Discover = Callable[[Sequence[str], Callable[[Address], None]], Awaitable[Discovery]]

log = logging.getLogger(__name__)


class NatWatch:
    """The only writer of `registration.nat` and `registration.stun_server`."""

    def __init__(
        self,
        registration: Registration,
        addresses: Callable[[], Sequence[str]],
        find: Discover = discover,
    ) -> None:
        self._registration = registration
        self._addresses = addresses
        self._find = find

    @property
    def words(self) -> str:
        """For people."""
        report = self._registration.nat
        return "not examined yet" if report is None else str(report["detail"])

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not self._registration.stun:
                self._registration.nat = self._registration.stun_server = None
                await asyncio.sleep(START_S)
                continue
            network = self._network()
            found = await self._find(self._registration.stun, self._note_server)
            self._note(found)
            failed = found.report.mapping in {BLOCKED, UNKNOWN}
            await self._rest(REPEAT_FAILED_S if failed else REPEAT_S, network)

    def _network(self) -> object:
        """What the answer depends on."""
        return tuple(self._registration.stun), tuple(self._addresses())

    async def _rest(self, at_most_s: float, network: object) -> None:
        for _ in range(round(at_most_s / LOOK_S)):
            await asyncio.sleep(LOOK_S)
            if self._network() != network:
                return

    def _note_server(self, server: Address) -> None:
        self._registration.stun_server = server

    def _note(self, found: Discovery) -> None:
        before = self._registration.nat
        now = format_time(from_90k(int(time.time() * TICKS_PER_S)))
        report = found.report.as_json(now)
        self._registration.nat, self._registration.stun_server = report, found.server
        if before is None or _without_time(before) != _without_time(report):
            log.info("NAT: %s", found.report.words)
            self._registration.ask_for_heartbeat()


def _without_time(report: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in report.items() if name != "checked_at"}
