"""An RTSP server that misbehaves as told: real sockets, scripted answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

H265 = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=control:track1\r\n"
H264 = (
    "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 packetization-mode=1;"
    "sprop-parameter-sets=Z01ADOygoP2AiAAAAwAIAAADAPB4oUyw,aOvvIA==\r\n"
    "a=control:track1\r\n"
)


class BadCamera:
    """Answers each request by its method: `answers` maps it to a status, DESCRIBE gives `sdp`.

    `noise` is sent after PLAY; without any, it stays silent.
    """

    def __init__(self, sdp: str = H264, status: int = 200, noise: bytes = b"") -> None:
        self.sdp = sdp
        self.status = status
        self.noise = noise
        self.connections = 0
        self.port = 0

    @property
    def address(self) -> str:
        return f"rtsp://admin:hunter2@127.0.0.1:{self.port}/stream"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[BadCamera]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                writer.write(self._answer(request.decode("latin-1")))
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass  # the recorder hung up
        finally:
            writer.close()

    def _answer(self, request: str) -> bytes:
        method = request.split(" ", 1)[0]
        number = request.split("CSeq:", 1)[1].split("\r\n", 1)[0].strip()
        status = self.status if method == "DESCRIBE" else 200
        head = f"RTSP/1.0 {status} As told\r\nCSeq: {number}\r\nSession: 1\r\n"
        if status == 401:
            head += 'WWW-Authenticate: Basic realm="x"\r\n'
        body = self.sdp if method == "DESCRIBE" and status == 200 else ""
        if method == "SETUP":
            head += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        if body:
            head += "Content-Type: application/sdp\r\n"
        answer = f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
        return answer + (self.noise if method == "PLAY" else b"")
