"""How much of a key frame goes out at once."""

from __future__ import annotations

from collections import deque

import pytest
from aiortc import RTCSctpTransport

from cmr.doors.p2p_sctp import BoundedSctp

PACKET = 1200


@pytest.mark.parametrize(("waiting", "sent"), [(30, 10), (3, 3), (0, 0)])
async def test_all_of_the_congestion_window_is_used_at_once(
    monkeypatch: pytest.MonkeyPatch, waiting: int, sent: int
) -> None:
    async def four_packets(sctp: RTCSctpTransport) -> None:
        for _ in range(4):
            if sctp._outbound_queue and sctp._flight_size < sctp._cwnd:
                sctp._outbound_queue.popleft()
                sctp._flight_size += PACKET

    monkeypatch.setattr(RTCSctpTransport, "_transmit", four_packets)
    sctp = BoundedSctp.__new__(BoundedSctp)
    sctp._flight_size, sctp._cwnd, sctp._outbound_queue = 0, 10 * PACKET, deque(range(waiting))
    await sctp._transmit()
    assert sctp._flight_size == sent * PACKET
