"""A part that the portal needs is away: said in words, with 503, not as an error of ours (R10)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

RETRY_AFTER_S = 5  # a restarted Redis is used again within a second


class OutageMiddleware:
    """Pages that cannot be answered without Redis. The API has `accounts.api.problems`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The page 503 for a lost Redis; None for everything else."""
        if not isinstance(error, RedisError):
            return None
        logger.warning("%s cannot be answered: Redis: %s", request.path, error)
        response = render(request, "503.html", status=503)
        response["Retry-After"] = str(RETRY_AFTER_S)
        return response
