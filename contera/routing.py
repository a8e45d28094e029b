"""Who answers what: the relay by raw ASGI, WebSockets by Channels, everything else by Django.

The relay stands before Django because recorders send video in: a Django view would see a body only
after all of it had arrived, and a Channels consumer costs 45 µs a message.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from channels.auth import AuthMiddleware
from channels.routing import URLRouter
from channels.sessions import CookieMiddleware
from django.conf import settings
from django.urls import path, re_path

from accounts.session_cookie import SocketSession
from accounts.signing import portal_keys, portal_signer
from contera.body_limit import Application, limited
from contera.sealed_http import SealedHost, SealedHttp
from incidents.routing import websocket_urlpatterns as incident_sockets
from protocol.sealed_http import PORTAL_HOST_ID
from protocol.session import CLOSE_NOT_FOUND
from streaming.consumers import SessionConsumer
from streaming.relay.asgi import LINK_PATH, PREFIX, RelayApp
from streaming.relay.hub import Hub
from streaming.stun_server import serving, stun_places
from streaming.viewings import deliver


def portal_origins() -> list[str]:
    """The origins our pages come from: scheme and port of the base address, any allowed host."""
    base = urlsplit(settings.CONTERA_BASE_URL)
    port = f":{base.port}" if base.port else ""
    return [f"{base.scheme}://{host}{port}" for host in settings.ALLOWED_HOSTS]


def build_application(django: Application) -> Application:
    relay = RelayApp(Hub(portal_keys), portal_origins(), deliver)
    sockets = _websockets(relay.hub)
    pages = limited(django, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(relay, scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] != LINK_PATH:
            await sockets(scope, receive, send)
        elif scope["path"].startswith(PREFIX):
            await relay(scope, receive, send)
        else:
            await pages(scope, receive, send)

    return SealedHttp(inner, SealedHost(PORTAL_HOST_ID, portal_signer))


def _websockets(hub: Hub) -> Application:
    sessions = path(
        f"{PREFIX[1:]}recorders/<str:recorder_id>/session",
        SessionConsumer.as_asgi(hub=hub, portal_origins=frozenset(portal_origins())),
    )
    people = CookieMiddleware(SocketSession(AuthMiddleware(URLRouter(incident_sockets))))
    pages: Any = OfOurPages(people, portal_origins())
    # Any: the stubs know no ASGI applications here. A prefix by re_path: path() would want the
    # whole address before a middleware.
    unknown: Any = _close_unknown
    routes = [sessions, re_path(r"^ws/", pages), re_path("", unknown)]
    router: Application = URLRouter(routes)
    return router


class OfOurPages:
    """WebSockets that use the cookie: opened by pages of the portal alone, by their exact origin.
    (Channels' own validator fails on an origin whose port is no number.)"""

    def __init__(self, application: Application, origins: Collection[str]) -> None:
        self.application = application
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        shown = [value for name, value in scope["headers"] if name == b"origin"]
        is_ours = len(shown) == 1 and shown[0] in self._origins
        await (self.application if is_ours else _close_unknown)(scope, receive, send)


async def _close_unknown(scope: Any, receive: Any, send: Any) -> None:
    """A WebSocket at an address that does not exist (HTTP 403 before the handshake)."""
    await receive()
    await send({"type": "websocket.close", "code": CLOSE_NOT_FOUND})


async def _lifespan(relay: RelayApp, scope: Any, receive: Any, send: Any) -> None:
    if not settings.CONTERA_STUN_PORT:
        await relay.lifespan(scope, receive, send)
        return
    async with serving(stun_places()):
        await relay.lifespan(scope, receive, send)
