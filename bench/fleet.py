"""Load as processes of their own: recorders, an origin server for nginx, and viewers.

`python -m bench.fleet ROLE …` prints one line of JSON when it is ready and one when it is done. The
loops are raw sockets on purpose: a load generator that needs more CPU than what it measures shows
its own limits.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import functools
import json
import os
import select
import signal
import socket
import ssl
import sys
import time
from dataclasses import dataclass, field

import uvloop

from bench import media

HEAD_BYTES = 64 * 1024
CONNECT_AT_ONCE = 32
SETTLE_S = 1.5


def say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


@dataclass
class Pacer:
    """Sends every socket one fragment each 1/15 s, evenly spread over that time."""

    sockets: list[socket.socket] = field(default_factory=list)
    sent: int = 0
    kept: list[object] = field(default_factory=list)
    refused: int = 0  # the socket buffer was full: the server did not keep up

    async def run(self) -> None:
        templates = [media.fragment(index) for index in range(media.GROUP)]
        began, position = time.monotonic(), 0
        while True:
            await asyncio.sleep(0.004)
            count = len(self.sockets)
            due = int((time.monotonic() - began) * media.MESSAGES_PER_S * max(count, 1))
            if due - position > count:  # sockets were added: begin anew from here
                began, position, due = time.monotonic(), 0, 0
            for number in range(position, due):
                if count:
                    self._send(self.sockets[number % count], templates[number // count % 15])
            position = due

    def _send(self, sock: socket.socket, template: bytes) -> None:
        data = media.as_chunk(media.stamped(template))
        try:
            is_whole = sock.send(data) == len(data)
        except (BlockingIOError, ConnectionError):
            is_whole = False
        self.sent += is_whole
        self.refused += not is_whole


# Recorders.


async def recorders(arguments: argparse.Namespace) -> None:
    """As many recorders as passes on stdin, each answering every request with live video."""
    passes: list[str] = json.loads(sys.stdin.readline())
    pacer = Pacer()
    async with asyncio.TaskGroup() as tasks:
        pacing = tasks.create_task(pacer.run())
        gate, opened = asyncio.Semaphore(CONNECT_AT_ONCE), asyncio.Semaphore(0)
        polls = [
            tasks.create_task(poll(arguments, text, pacer, gate, opened))
            for text in passes
            for _ in range(2)
        ]
        for _ in polls:
            await opened.acquire()
        say(ready=len(polls))
        await stopped()
        for task in [pacing, *polls]:
            task.cancel()
    say(sent=pacer.sent, refused=pacer.refused)


async def poll(
    arguments: argparse.Namespace,
    text: str,
    pacer: Pacer,
    gate: asyncio.Semaphore,
    opened: asyncio.Semaphore,
) -> None:
    port = arguments.port
    async with gate:
        tls = trusting_nobody() if arguments.tls else None
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    opened.release()
    request = (
        f"GET /relay/v1/next HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer {text}\r\n"
        "Contera-Boot: 0123456789abcdef\r\n\r\n"
    ).encode()
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            fields = parse_fields(head)
            await reader.readexactly(int(fields.get("content-length", 0)))
            if "exchange-id" in fields:
                pacer.sockets.append(await answer(port, text, fields["exchange-id"]))


async def answer(port: int, text: str, exchange_id: str) -> socket.socket:
    sock = await connected(port)
    head = (
        f"POST /relay/v1/exchanges/{exchange_id} HTTP/1.1\r\nHost: relay\r\n"
        f"Authorization: Bearer {text}\r\nContent-Type: message/http; msgtype=response\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    ).encode()
    embedded = (
        b'HTTP/1.1 200 OK\r\nContent-Type: video/mp4; codecs="avc1.64001f"\r\n'
        b"Contera-Stream: bench\r\n\r\n"
    )
    data = head + media.as_chunk(embedded) + media.as_chunk(media.init_segment())
    await asyncio.get_running_loop().sock_sendall(sock, data)
    return sock


# Origin.


async def origin(arguments: argparse.Namespace) -> None:
    """An HTTP server that answers every request with live video: what nginx proxies."""
    pacer = Pacer()
    server = await asyncio.start_server(
        lambda reader, writer: greet(reader, writer, pacer),
        "127.0.0.1",
        arguments.port,
        backlog=1024,
    )
    say(ready=server.sockets[0].getsockname()[1])
    pacing = asyncio.create_task(pacer.run())
    await stopped()
    pacing.cancel()
    say(sent=pacer.sent, refused=pacer.refused)
    os._exit(0)  # open streams would be waited for


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pacer: Pacer) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nTransfer-Encoding: chunked\r\n\r\n"
        + media.as_chunk(media.init_segment())
    )
    await writer.drain()
    sock = writer.get_extra_info("socket")
    pacer.sockets.append(socket.socket(fileno=os.dup(sock.fileno())))
    pacer.kept.append((reader, writer))  # or the collector would close them


# Viewers.


async def viewers(arguments: argparse.Namespace) -> None:
    """Opens one stream per line of work on stdin, then counts for `seconds` and reports."""
    work: list[dict[str, str]] = json.loads(sys.stdin.readline())
    gate = asyncio.Semaphore(CONNECT_AT_ONCE)
    began = time.monotonic()
    socks = await asyncio.gather(*(open_stream(arguments.port, item, gate) for item in work))
    say(ready=len(socks), opened_s=round(time.monotonic() - began, 2))
    count_for(socks, SETTLE_S)  # takes what piled up while the others connected
    say(counting=True)
    say(**count_for(socks, arguments.seconds))


async def open_stream(port: int, item: dict[str, str], gate: asyncio.Semaphore) -> socket.socket:
    async with gate:
        sock = await connected(port)
        loop = asyncio.get_running_loop()
        is_session = item["kind"] == "session"
        async with asyncio.timeout(20):
            await loop.sock_sendall(sock, ws_opening(item) if is_session else http_opening(item))
            head = await loop.sock_recv(sock, HEAD_BYTES)
            if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 101")):
                raise SystemExit(f"refused: {head[:200]!r}")
            if is_session:
                await loop.sock_sendall(sock, ws_messages(item))
        return sock


def http_opening(item: dict[str, str]) -> bytes:
    return (
        f"GET {item['path']} HTTP/1.1\r\nHost: relay\r\n"
        f"Authorization: Bearer {item['token']}\r\n\r\n"
    ).encode()


def ws_opening(item: dict[str, str]) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {item['path']} HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\n"
        f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Protocol: contera.session.v1\r\n\r\n"
    ).encode()


def ws_messages(item: dict[str, str]) -> bytes:
    """RENEW and one REQUEST."""
    request = f"GET {item['target']} HTTP/1.1\r\n\r\n".encode()
    renew = ws_frame(b"\x05\0\0\0\0" + item["token"].encode())
    return renew + ws_frame(b"\x01\0\0\0\x01" + request)


def ws_frame(payload: bytes) -> bytes:
    """A client's frame with an all-zero mask, which leaves the payload as it is."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return b"\x82" + length + bytes(4) + payload


def count_for(socks: list[socket.socket], seconds: float) -> dict[str, object]:
    poller = select.epoll()
    by_fd = {sock.fileno(): sock for sock in socks}
    for fd in by_fd:
        poller.register(fd, select.EPOLLIN)
    received, closed, reads = 0, 0, 0
    delays: list[float] = []
    deadline = time.monotonic() + seconds
    while (now := time.monotonic()) < deadline:
        for fd, _ in poller.poll(min(0.1, deadline - now)):
            data = by_fd[fd].recv(HEAD_BYTES)
            received += len(data)
            reads += 1
            if not data:
                closed += 1
                poller.unregister(fd)
            elif reads % 8 == 0 and (sent := media.latest_stamp(data)) is not None:
                delays.append(time.monotonic() - sent)
    return {"bytes": received, "closed": closed, "delays_ms": percentiles(delays)}


def percentiles(delays: list[float]) -> dict[str, float]:
    ordered = sorted(delays) or [float("nan")]
    return {
        name: round(ordered[int((len(ordered) - 1) * share)] * 1000, 2)
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    }


# Shared.


@functools.cache
def trusting_nobody() -> ssl.SSLContext:
    """TLS whose certificate nobody checks: it is the bench's own."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def connected(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return sock


def parse_fields(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return {name.lower(): value.strip() for name, _, value in pairs}


async def stopped() -> None:
    """Until SIGTERM."""
    done = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, done.set)
    await done.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fleet")
    parser.add_argument("role", choices=("recorders", "origin", "viewers"))
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--tls", action="store_true", help="recorders: poll by https")
    arguments = parser.parse_args()
    role = {"recorders": recorders, "origin": origin, "viewers": viewers}[arguments.role]
    run = uvloop.run if arguments.tls else asyncio.run  # asyncio's TLS takes 282 KiB each
    run(role(arguments))


if __name__ == "__main__":
    main()
