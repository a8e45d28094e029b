"""A part that the portal needs is away: said in words, with 503 (R10, D2)."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

from accounts.organisations.brands import CONTERA
from accounts.outages import lost_part
from contera.database_wait import as_a_request

logger = logging.getLogger(__name__)

RETRY_AFTER_S = 5  # a restarted Redis or database is used again within a second


class OutageMiddleware:
    """Pages that cannot be answered without Redis or the database. The API has
    `accounts.api.problems`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with as_a_request():
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The page 503 for a lost part; None for everything else."""
        return _answer(request, error)


def answer_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: also what a middleware could not do without the lost part."""
    error = sys.exc_info()[1]
    return (error and _answer(request, error)) or server_error(request)


def _answer(request: HttpRequest, error: BaseException) -> HttpResponse | None:
    part = lost_part(error)
    if not part:
        return None
    logger.warning("%s cannot be answered: %s: %s", request.path, part, error)
    # Without the request: who is signed in is not known without the database.
    page = render_to_string("503.html", {"part": part, "brand": CONTERA})
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
