"""The relay as a raw ASGI application, and the checks a WebSocket must pass before it is one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection

from protocol import link
from protocol.session import SUBPROTOCOL
from streaming.relay import refusals
from streaming.relay.http_door import HttpDoor, authorization, raw_headers
from streaming.relay.hub import Hub
from streaming.relay.link_socket import LinkSocket
from streaming.relay.parts import serve_part
from streaming.relay.probes import Probes, serve_probe, tell_probe
from streaming.relay.recorder_door import boot_of, serve_answer, serve_next
from streaming.relay.refusals import Refusal
from streaming.relay.session import SessionDoor
from streaming.relay.viewings import Deliver
from streaming.relay.wire import (
    HttpWire,
    Receive,
    Scope,
    Send,
    SocketWire,
    with_http_wire,
    with_socket_wire,
)

PREFIX = "/relay/v1/"
LINK_PATH = f"{PREFIX}link"
_RECORDER = re.compile(r"recorders/([^/]{1,64})(/.*)")
_EXCHANGE = re.compile(r"exchanges/([0-9a-f]{32})")
_PART = re.compile(r"exchanges/([0-9a-f]{32})/parts/([0-9]{1,9})")
_PROBE = re.compile(r"probes/([0-9a-f]{32})")
_SESSION_PATH = "/session"


class RelayApp:
    """Serves everything below `/relay/v1/`. In the portal, HTTP and recorders' sockets come here
    before Django and viewers' sessions go to `streaming.consumers`; a node has nothing else.

    Whoever runs it must run `hub.run()`; `lifespan` does, for servers that speak it.
    """

    def __init__(
        self,
        hub: Hub,
        portal_origins: Collection[str] = (),
        deliver_viewings: Deliver | None = None,
    ) -> None:
        self.hub = hub
        self._deliver_viewings = deliver_viewings
        self._portal_origins = frozenset(portal_origins)
        self._probes = Probes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = _Request(self.hub, self._probes, scope)
            await with_http_wire(scope, receive, send, request.serve)
        elif scope["type"] == "websocket" and relay_path(scope) == "link":
            await _serve_link(self.hub, scope, receive, send)
        elif scope["type"] == "websocket":
            await self._serve_session(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self.lifespan(scope, receive, send)

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the hub as long as the server does. `contera.listening` drains it before a planned
        stop, because servers announce the stop only when all connections have ended."""
        await receive()
        scope.get("state", {})["before_stop"] = self.hub.drain
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self.hub.run())]
            if self._deliver_viewings is not None:
                telling = self.hub.viewings.tell(self._deliver_viewings)
                running.append(tasks.create_task(telling))
            await send({"type": "lifespan.startup.complete"})
            await receive()
            for task in running:
                task.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve_session(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        recorder_id = session_recorder(scope)
        if recorder_id is None or not may_connect(scope, self._portal_origins):
            await _refuse_socket(send)
            return
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})

        async def serve(wire: SocketWire) -> None:
            await _receive_all(SessionDoor(self.hub, recorder_id, wire), receive)

        await with_socket_wire(scope, send, serve)


async def _serve_link(hub: Hub, scope: Scope, receive: Receive, send: Send) -> None:
    """A recorder's socket: as with its polls, the pass is in a header."""
    await receive()  # websocket.connect
    try:
        recorder, boot = hub.verify_pass(authorization(scope)), boot_of(scope)
    except Refusal:
        return await _refuse_socket(send)
    if link.SUBPROTOCOL not in scope.get("subprotocols", []) or _origins(scope):
        return await _refuse_socket(send)
    await send({"type": "websocket.accept", "subprotocol": link.SUBPROTOCOL})

    async def serve(wire: SocketWire) -> None:
        await _receive_all(LinkSocket(hub, recorder, boot, wire), receive)

    return await with_socket_wire(scope, send, serve)


async def _refuse_socket(send: Send) -> None:
    """HTTP 403 before the handshake."""
    await send({"type": "websocket.close", "code": 4403})


async def _receive_all(door: SessionDoor | LinkSocket, receive: Receive) -> None:
    door.open()
    try:
        while (message := await receive())["type"] == "websocket.receive":
            if (data := message.get("bytes")) is not None:
                door.receive(data)
            else:
                door.receive_text()
    finally:
        door.disconnected()


class _Request:
    """One HTTP request: which door, and what a refusal looks like."""

    def __init__(self, hub: Hub, probes: Probes, scope: Scope) -> None:
        self._hub = hub
        self._probes = probes
        self._scope = scope

    async def serve(self, wire: HttpWire) -> None:
        if self._scope["method"] == "HEAD":
            await _refuse_head(wire)
            return
        try:
            await self._route(wire)
        except Refusal as refusal:
            await _refuse(refusal, wire)

    async def _route(self, wire: HttpWire) -> None:
        scope, method, path = self._scope, self._scope["method"], relay_path(self._scope)
        if path == "next" and method == "GET":
            await serve_next(self._hub, scope, wire)
        elif (match := _EXCHANGE.fullmatch(path)) and method == "POST":
            await serve_answer(self._hub, scope, wire, match[1])
        elif (match := _PART.fullmatch(path)) and method == "POST":
            await serve_part(self._hub, scope, wire, match[1], int(match[2]))
        elif match := _PROBE.fullmatch(path):
            serve = {"POST": serve_probe, "GET": tell_probe}.get(method, _unknown)
            await serve(self._hub, self._probes, scope, wire, match[1])
        elif match := _RECORDER.fullmatch(path):
            await HttpDoor(self._hub, scope, wire).serve(match[1], match[2])
        else:
            raise refusals.not_found()


async def _unknown(*_: object) -> None:
    raise refusals.not_found()


async def _refuse_head(wire: HttpWire) -> None:
    """Nothing here answers HEAD, and the body of a refusal would be taken for the next answer on
    the connection (RFC 9110 §9.3.2)."""
    headers = [(b"allow", b"GET, POST"), (b"content-length", b"0")]
    await wire.start(405, headers)
    await wire.finish()


async def _refuse(refusal: Refusal, wire: HttpWire) -> None:
    head = refusal.head()
    await wire.start(head.status, raw_headers(head))
    wire.write(refusal.body())
    await wire.finish()


def relay_path(scope: Scope) -> str:
    """The path below the prefix, exactly as it was sent: nothing is decoded twice."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("latin-1").removeprefix(PREFIX)


def session_recorder(scope: Scope) -> str | None:
    """The recorder id of a session's address, or None."""
    match = _RECORDER.fullmatch(relay_path(scope))
    return match[1] if match and match[2] == _SESSION_PATH else None


def may_connect(scope: Scope, portal_origins: Collection[str]) -> bool:
    """Browsers must come from the portal's pages; native clients send no Origin. All must speak
    our subprotocol, so that no page of somebody else's can be tricked into it."""
    origins = _origins(scope)
    is_ours = not origins or (len(origins) == 1 and origins[0].decode("latin-1") in portal_origins)
    return is_ours and SUBPROTOCOL in scope.get("subprotocols", [])


def _origins(scope: Scope) -> list[bytes]:
    return [value for name, value in scope["headers"] if name == b"origin"]
