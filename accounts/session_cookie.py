"""The cookie of a browser session: what alone opens it, and is kept nowhere but in the browser."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse

from accounts.session_store import SessionStore


class SessionCookieMiddleware(SessionMiddleware):
    """Django's, whose cookie is the session's key."""

    def process_request(self, request: HttpRequest) -> None:
        request.session = SessionStore.of_cookie(request.COOKIES.get(settings.SESSION_COOKIE_NAME))

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        answer = super().process_response(request, response)
        sent = answer.cookies.get(settings.SESSION_COOKIE_NAME)
        if sent is not None and sent.value:
            session = cast("SessionStore", request.session)
            answer.cookies[settings.SESSION_COOKIE_NAME] = session.cookie  # keeps its age
        return answer


class SocketSession:
    """The same for WebSockets, behind what parses their cookies; they set none."""

    def __init__(self, application: Any) -> None:  # Any: ASGI's shapes, here and below
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        shown = scope["cookies"].get(settings.SESSION_COOKIE_NAME)
        await self.application({**scope, "session": SessionStore.of_cookie(shown)}, receive, send)
