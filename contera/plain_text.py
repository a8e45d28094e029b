"""Refuses requests whose address, headers or cookies cannot be text of ours, before anything reads
them."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse

from protocol.errors import PROBLEM_CONTENT_TYPE, problem

# RFC 9110 §5.5 allows a tab and no other control character. Python's `strip` and `split` take
# \x0b, \x0c and \x1c to \x1e for spaces, so that two readers of one header could differ (P3).
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# Those above ASCII occur inside UTF-8, which a cookie of somebody else may have; here never.
_ASCII_HEADERS = ("HTTP_AUTHORIZATION", "HTTP_HOST", "HTTP_X_FORWARDED_FOR", "CONTENT_TYPE")


class PlainTextMiddleware:
    """400 for a NUL in the query or in a cookie, which PostgreSQL refuses to compare with, for a
    control character in a header, and for a `charset` other than UTF-8, in which Django would read
    the query.

    Forms and JSON check their own text.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_plain(request):
            return self.get_response(request)
        detail = "The request has a control character, or text that is not UTF-8."
        return JsonResponse(
            problem(400, "bad_text", detail), status=400, content_type=PROBLEM_CONTENT_TYPE
        )


def is_plain(request: HttpRequest) -> bool:
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    return (
        charset in ("utf-8", "utf8")
        and "%00" not in request.META.get("QUERY_STRING", "")
        and not any("\0" in value for value in request.COOKIES.values())
        and _has_plain_headers(request)
    )


def _has_plain_headers(request: HttpRequest) -> bool:
    values = (str(value) for name, value in request.META.items() if name.startswith("HTTP_"))
    ascii_ones = (str(request.META.get(name, "")) for name in _ASCII_HEADERS)
    return not any(map(_CONTROLS.search, values)) and all(map(str.isascii, ascii_ones))
