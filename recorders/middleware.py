"""Per request: what only reads is decided for one moment."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from recorders.reach import one_moment

READING = ("GET", "HEAD")


class OneMomentMiddleware:
    """A page asks many questions about the same person. Bodies that are streamed come after it,
    so they ask anew."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in READING:
            return self.get_response(request)
        with one_moment():
            return self.get_response(request)
