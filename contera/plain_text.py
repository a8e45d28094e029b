"""Refuses requests whose address or cookies cannot be text of ours, before anything reads them."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse

from protocol.errors import PROBLEM_CONTENT_TYPE, problem


class PlainTextMiddleware:
    """400 for a NUL in the query or in a cookie, which PostgreSQL refuses to compare with, and for
    a `charset` other than UTF-8, in which Django would read the query.

    Forms and JSON check their own text.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_plain(request):
            return self.get_response(request)
        detail = "The request has a NUL character, or text that is not UTF-8."
        return JsonResponse(
            problem(400, "bad_text", detail), status=400, content_type=PROBLEM_CONTENT_TYPE
        )


def is_plain(request: HttpRequest) -> bool:
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    return (
        charset in ("utf-8", "utf8")
        and "%00" not in request.META.get("QUERY_STRING", "")
        and not any("\0" in value for value in request.COOKIES.values())
    )
