"""Every error below /api/ is `application/problem+json`, also one that Django itself answers."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.defaults import page_not_found

from protocol.errors import PROBLEM_CONTENT_TYPE, problem

PREFIX = "/api/"

_WORDS = {
    400: ("bad_request", "The request is not one that the portal reads."),
    403: ("not_allowed", "You may not do this."),
    404: ("not_found", "There is no such address. Addresses below /api/v1/ end with a slash."),
    405: ("method_not_allowed", "The address does not take this method."),
    413: ("too_large", "The body is too large."),
    500: ("internal_error", "The portal failed. What went wrong stands in its log."),
    503: ("service_unavailable", "A part that the portal needs is away; try again in a moment."),
}
_KEPT_HEADERS = ("Allow", "Retry-After")


class ApiErrorsMiddleware:
    """Stands first, so that it sees what the others refuse, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not request.path.startswith(PREFIX) or response.status_code < 400:
            return response
        if response.get("Content-Type", "").startswith(PROBLEM_CONTENT_TYPE):
            return response
        return _as_problem(response)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404: no page is made for a program that reads none."""
    return _problem(404) if request.path.startswith(PREFIX) else page_not_found(request, exception)


def _as_problem(response: HttpResponseBase) -> HttpResponse:
    answer = _problem(response.status_code)
    for name in _KEPT_HEADERS:
        if response.has_header(name):
            answer[name] = response[name]
    response.close()
    return answer


def _problem(status: int) -> HttpResponse:
    code, detail = _WORDS.get(status, ("error", "The request cannot be answered."))
    answer = JsonResponse(
        problem(status, code, detail), status=status, content_type=PROBLEM_CONTENT_TYPE
    )
    answer["Cache-Control"] = "private, no-store"
    return answer
