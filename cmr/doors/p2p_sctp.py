"""SCTP towards a viewer that may be hostile: aiortc's, with limits that it leaves to the peer."""

from __future__ import annotations

import contextlib

from aiortc import RTCDtlsTransport, RTCSctpTransport
from aiortc.rtcsctptransport import USERDATA_MAX_LENGTH, Chunk, DataChunk

INITIAL_WINDOW_PACKETS = 10  # as TCP begins (RFC 6928): a key frame needs four round trips less
MAX_STREAM_ID = 15  # a viewer opens one channel
MAX_INCOMPLETE_CHUNKS = 2048  # of messages not yet whole; a session message has 300


class BoundedSctp(RTCSctpTransport):
    """Raises ConnectionError, which ends the DTLS connection, when the viewer overruns us."""

    def __init__(self, dtls: RTCDtlsTransport) -> None:
        super().__init__(dtls)
        self._cwnd = INITIAL_WINDOW_PACKETS * USERDATA_MAX_LENGTH

    async def _transmit(self) -> None:
        """As much as the congestion window allows. aiortc alone sends four packets for each
        acknowledgement, so that every key frame began anew with a slow start of five round trips.
        """
        sent = -1
        while sent < self._flight_size < self._cwnd:
            sent = self._flight_size
            await super()._transmit()
            if not self._outbound_queue:
                return

    async def _receive_data_chunk(self, chunk: DataChunk) -> None:
        if chunk.stream_id > MAX_STREAM_ID:
            raise ConnectionError("the viewer uses a stream it never opened")
        waiting = len(self._get_inbound_stream(chunk.stream_id).reassembly)
        misordered = len(self._sack_misordered)
        if self._advertised_rwnd < 0 or max(waiting, misordered) > MAX_INCOMPLETE_CHUNKS:
            raise ConnectionError("the viewer sends more than our window allows")
        await super()._receive_data_chunk(chunk)

    async def _send_chunk(self, chunk: Chunk) -> None:
        """Timers and `send` call this in tasks that nobody awaits: when the line is gone, DTLS says
        so to whom it concerns."""
        with contextlib.suppress(ConnectionError):
            await super()._send_chunk(chunk)
