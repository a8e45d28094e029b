"""Sample cameras: RTSP over TCP, playing the scenes at the position `wall clock mod 60 s`.

`/cam1/hd`, `/cam1/sd`, `/cam2/hd` and so on. As with real cameras a password is asked for (Digest
or Basic), a stream starts at a key frame, and who reads too slowly is cut off.

    CONTERA_CAMERA_PASSWORD=… python -m demo.cameras --scenes var/scenes --port 8554
"""

import argparse
import asyncio
import contextlib
import os
import random
import secrets
import signal
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

from demo import rtp, rtsp
from demo.minute import Minute
from demo.overlay import FPS
from demo.scenes import PROFILES, scenes

USER = "camera"
METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"
SESSION_TIMEOUT_S = 60
# Clients speak at half the session's time-out; one that stays silent half as long again is gone.
SILENCE_LIMIT_S = 90
# Four seconds of HD: who is that far behind will not catch up.
MAX_BACKLOG_BYTES = 1_000_000
REPORT_EVERY_FRAMES = 5 * FPS
TICKS_PER_FRAME = rtp.CLOCK_RATE // FPS


@dataclass(eq=False)
class Track:
    """One camera profile: what it shows, and who watches."""

    name: str
    minute: Minute
    kbps: int
    ssrc: int = field(default_factory=lambda: random.getrandbits(32))
    sequence: int = field(default_factory=lambda: random.getrandbits(16))
    packets: int = 0
    octets: int = 0
    viewers: set["Connection"] = field(default_factory=set)

    def description(self) -> str:
        return rtsp.description(self.name, self.minute.parameter_sets, self.kbps, FPS)

    def send(self, frame: int) -> None:
        """Send the frame with this number since 1970 to everybody who watches."""
        is_key = self.minute.is_key(frame)
        ready = [viewer for viewer in self.viewers if viewer.is_ready(starts=is_key)]
        if not ready:
            return
        packets = self._packets(frame)
        for viewer in ready:
            if viewer.needs_report(frame):
                viewer.send(viewer.channels[1], [self.report(frame)])
            viewer.send(viewer.channels[0], packets)

    def _packets(self, frame: int) -> list[bytes]:
        packets = []
        for payload, marker in rtp.payloads(self.minute.nal_units(frame)):
            packets.append(
                rtp.packet(
                    payload,
                    marker=marker,
                    sequence=self.sequence,
                    timestamp=frame * TICKS_PER_FRAME,
                    ssrc=self.ssrc,
                )
            )
            self.sequence = self.sequence + 1 & 0xFFFF
            self.octets += len(payload)
        self.packets += len(packets)
        return packets

    def report(self, frame: int) -> bytes:
        return rtp.sender_report(
            ssrc=self.ssrc,
            time_s=frame / FPS,
            timestamp=frame * TICKS_PER_FRAME,
            packets=self.packets,
            octets=self.octets,
        )


class Connection:
    """One client: answers its requests and passes the packets of the track it plays."""

    def __init__(self, server: "CameraServer", writer: asyncio.StreamWriter) -> None:
        self.server, self.writer = server, writer
        self.nonce = secrets.token_hex(16)
        self.session = secrets.token_hex(8)
        self.channels = (0, 1)
        self.track: Track | None = None
        self.has_started = False
        self.reported_frame = 0

    # --- sending, called by the track ---

    def is_ready(self, *, starts: bool) -> bool:
        """Whether frames may be sent: a client's first frame is a key frame."""
        self.has_started = self.has_started or starts
        return self.has_started

    def needs_report(self, frame: int) -> bool:
        if frame - self.reported_frame < REPORT_EVERY_FRAMES:
            return False
        self.reported_frame = frame
        return True

    def send(self, channel: int, packets: list[bytes]) -> None:
        self.writer.write(b"".join(rtp.interleaved(channel, packet) for packet in packets))
        if self.writer.transport.get_write_buffer_size() > MAX_BACKLOG_BYTES:
            self.writer.transport.abort()

    # --- requests ---

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Answer requests until the client goes away or breaks the protocol."""
        try:
            while request := await self._next_request(reader):
                answer = self.answer(request)
                self.writer.write(answer.encode(request.headers.get("cseq", "0")))
                if request.method == "PLAY" and answer.status == 200:
                    self._join()
                if request.method == "TEARDOWN":
                    return
        except rtsp.BadRequest:
            self.writer.write(rtsp.Answer(400).encode("0"))
        finally:
            self.leave()

    async def _next_request(self, reader: asyncio.StreamReader) -> rtsp.Request | None:
        """The next request; receiver reports between requests are read and dropped."""
        async with asyncio.timeout(SILENCE_LIMIT_S) as silence:
            while first := await reader.read(1):
                silence.reschedule(asyncio.get_running_loop().time() + SILENCE_LIMIT_S)
                if first == b"$":
                    length = int.from_bytes((await reader.readexactly(3))[1:])
                    await reader.readexactly(length)
                elif not first.isspace():
                    head = first + await reader.readuntil(b"\r\n\r\n")
                    request = rtsp.parse_request(head)
                    await reader.readexactly(request.body_length)
                    return request
        return None

    def answer(self, request: rtsp.Request) -> rtsp.Answer:
        handler = getattr(self, f"_{request.method.lower()}", None)
        if request.method not in METHODS.split(", ") or handler is None:
            return rtsp.Answer(501, [("Public", METHODS)])
        if request.method != "OPTIONS" and not self.server.admits(request, self.nonce):
            return rtsp.Answer(401, rtsp.challenges(self.nonce))
        answer: rtsp.Answer = handler(request)
        return answer

    def _options(self, request: rtsp.Request) -> rtsp.Answer:
        return rtsp.Answer(headers=[("Public", METHODS)])

    def _get_parameter(self, request: rtsp.Request) -> rtsp.Answer:
        return rtsp.Answer(headers=[("Session", self.session)])

    def _describe(self, request: rtsp.Request) -> rtsp.Answer:
        track = self.server.tracks.get(request.path)
        if track is None:
            return rtsp.Answer(404)
        headers = [("Content-Base", f"{request.url}/"), ("Content-Type", "application/sdp")]
        return rtsp.Answer(headers=headers, body=track.description())

    def _setup(self, request: rtsp.Request) -> rtsp.Answer:
        track = self.server.tracks.get(request.path)
        if track is None:
            return rtsp.Answer(404)
        pair = rtsp.channels(request.headers.get("transport", ""))
        if pair is None:
            return rtsp.Answer(461)
        self.leave()
        self.track, self.channels = track, pair
        transport = f"RTP/AVP/TCP;unicast;interleaved={pair[0]}-{pair[1]};ssrc={track.ssrc:08X}"
        session = f"{self.session};timeout={SESSION_TIMEOUT_S}"
        return rtsp.Answer(headers=[("Transport", transport), ("Session", session)])

    def _play(self, request: rtsp.Request) -> rtsp.Answer:
        if self.track is None:
            return rtsp.Answer(455)
        return rtsp.Answer(headers=[("Session", self.session), ("Range", "npt=now-")])

    def _teardown(self, request: rtsp.Request) -> rtsp.Answer:
        self.leave()
        return rtsp.Answer(headers=[("Session", self.session)])

    def _join(self) -> None:
        if self.track is not None:
            self.track.viewers.add(self)

    def leave(self) -> None:
        """Get no more packets."""
        if self.track is not None:
            self.track.viewers.discard(self)
        self.track, self.has_started = None, False


class CameraServer:
    """All cameras behind one port, with one password."""

    def __init__(self, tracks: dict[str, Track], password: str) -> None:
        self.tracks, self.password = tracks, password
        self.writers: set[asyncio.StreamWriter] = set()

    def admits(self, request: rtsp.Request, nonce: str) -> bool:
        return rtsp.is_authorized(request, user=USER, password=self.password, nonce=nonce)

    async def run(self, host: str, port: int) -> None:
        """Serve until cancelled."""
        server = await asyncio.start_server(self._connected, host, port, limit=rtsp.MAX_HEAD_BYTES)
        async with server:
            try:
                await self._play()
            finally:
                for writer in self.writers:
                    writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.writers.add(writer)
        try:
            await Connection(self, writer).serve(reader)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client went away, fell silent, or sent no end of a request
        finally:
            self.writers.discard(writer)
            writer.close()

    async def _play(self) -> None:
        """Send every frame at the moment that its clock shows."""
        frame = int(time.time() * FPS)
        while True:
            frame = max(frame + 1, int(time.time() * FPS))
            await asyncio.sleep(frame / FPS - time.time())
            for track in self.tracks.values():
                track.send(frame)


def load_tracks(folder: Path) -> dict[str, Track]:
    """The tracks of the scenes in this folder, by their RTSP path."""
    return {
        f"/cam{scene.camera}/{profile.name}": Track(
            scene.name, Minute.load(scene.file(profile)), profile.bit_rate // 1000
        )
        for scene in scenes(folder)
        for profile in PROFILES
    }


async def run(server: CameraServer, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    task = asyncio.create_task(server.run(host, port))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.cameras", description=__doc__)
    parser.add_argument("--scenes", type=Path, required=True, help="folder with the scenes")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8554)
    options = parser.parse_args()
    password = os.environ.get("CONTERA_CAMERA_PASSWORD")
    if not password:
        parser.error("CONTERA_CAMERA_PASSWORD is not set; cameras have a password")
    server = CameraServer(load_tracks(options.scenes), password)
    asyncio.run(run(server, options.host, options.port))


if __name__ == "__main__":
    main()
