"""Headers that every answer of Django's carries, whatever it is: pages, files, API, refusals."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

HEADERS = {
    # No page of another site embeds ours, or reads them through a picture or script.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # What no page of ours asks a browser for.
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), display-capture=(), usb=(), "
    "serial=(), midi=(), payment=()",
}


class HeadersMiddleware:
    """Stands before all others, so that it sees what they refuse, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response
