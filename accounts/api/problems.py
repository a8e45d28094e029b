"""Errors of the API as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from accounts.errors import NotPossible
from accounts.outages import lost_part
from protocol.errors import PROBLEM_CONTENT_TYPE, ProtocolError, problem


class Problem(exceptions.APIException):
    """An error with our own stable code: `raise Problem(410, "code_used", "…")`."""

    def __init__(self, status: int, code: str, detail: str, **extra: Any) -> None:
        super().__init__(detail, code)
        self.status_code = status
        self.extra = extra


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: the same shape for every error, None for our own bugs."""
    from rest_framework.views import exception_handler  # which loads our authentication, and so us

    if isinstance(error, ProtocolError):
        error = Problem(400, error.code, error.message)
    if isinstance(error, NotPossible):
        error = Problem(409, error.code, error.message)
    if part := lost_part(error):
        words = f"{part[0].upper()}{part[1:]} does not answer; try again in a moment."
        error = Problem(503, "service_unavailable", words)
    response = exception_handler(error, context)
    if response is None:
        return None
    response.data = problem(response.status_code, *_words(error), **_extra(error))
    response.content_type = PROBLEM_CONTENT_TYPE
    return response


def _words(error: Exception) -> tuple[str, str]:
    if isinstance(error, Http404):
        return "not_found", "There is no such thing, or you may not see it."
    if isinstance(error, PermissionDenied):
        return "not_allowed", str(error) or "You may not do this."
    if isinstance(error, exceptions.ValidationError):
        return "invalid", "The request has values that cannot be accepted."
    if isinstance(error, exceptions.APIException):
        return str(error.get_codes()), str(error.detail)
    return "error", "The request cannot be answered."


def _extra(error: Exception) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        return {"errors": error.detail}
    return error.extra if isinstance(error, Problem) else {}
