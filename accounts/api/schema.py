"""The OpenAPI description: what every operation has in common, and how our ways to sign in are
called."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from accounts.api import idempotency
from accounts.api.limits import SAFE_METHODS
from accounts.scopes import ANY_TOKEN, SCOPES, WHOLE_TOKEN, Scope
from protocol.errors import PROBLEM_CONTENT_TYPE

_SENTENCE = re.compile(r"(.+?)(?:[.:;](?:\s|$)|$)", re.DOTALL)
_METHOD = re.compile(r"^(?:GET|POST|PUT|PATCH|DELETE): ")

_KEY = OpenApiParameter(
    idempotency.HEADER,
    str,
    OpenApiParameter.HEADER,
    description="1 to 255 characters of your choice. The same request with the same key has one "
    "effect; for 24 hours it gets the same answer, with `Idempotent-Replayed: true`.",
)


class LimitSerializer(serializers.Serializer[Any]):  # Any: DRF's own generic
    name = serializers.CharField()
    requests = serializers.IntegerField()
    period_s = serializers.IntegerField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457. `code` is stable and for programs, `detail` is a sentence for people."""

    type = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    errors = serializers.DictField(  # type: ignore[assignment]  # DRF's attribute of that name
        required=False, help_text="By field, when `code` is `invalid`"
    )
    limit = LimitSerializer(required=False, help_text="Which one, when `code` is `throttled`")


class Schema(AutoSchema):
    """Summary from the docstring; scope, errors and the idempotency key from the view."""

    def get_summary(self) -> str | None:
        words = " ".join((super().get_description() or "").split())
        found = _SENTENCE.match(_METHOD.sub("", words))
        return found.group(1) if found else None

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular itself
        words = super().get_description() or ""
        return "\n\n".join(part for part in (words, _scope_words(self._scope())) if part)

    def get_override_parameters(self) -> list[Any]:  # drf-spectacular's own
        parameters: list[Any] = super().get_override_parameters()
        return [*parameters, _KEY] if self._is_write_of_somebody() else parameters

    def get_extensions(self) -> dict[str, Any]:
        scope = self._scope()
        names = [scope] if isinstance(scope, str) else list(scope or ())
        return {"x-scopes": [name for name in names if name in SCOPES]}

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self._errors():
            if status not in bodies:
                found = self._get_response_for_code(  # type: ignore[no-untyped-call]  # no types there
                    ProblemSerializer, status, [PROBLEM_CONTENT_TYPE]
                )
                bodies[status] = {**found, "description": _STATUS_WORDS[status]}
        return bodies

    def _errors(self) -> list[str]:
        errors = ["400", "429", "default"]
        if self.view.authentication_classes:
            errors += ["401", "403"]
        if "{" in self.path:
            errors.append("404")
        if self._is_write_of_somebody():
            errors += ["409", "422"]
        return sorted(errors)

    def _is_write_of_somebody(self) -> bool:
        return self.method not in SAFE_METHODS and self._scope() is not None

    def _scope(self) -> Scope | None:
        """None for views that no API token opens."""
        scope: Scope | None = getattr(self.view, "scopes", {}).get(self.method)
        return scope


_STATUS_WORDS = {
    "400": "The request has values, fields or parameters that cannot be accepted",
    "401": "No token, or one that is unknown, expired or withdrawn",
    "403": "Known, but not allowed, or the token lacks the scope",
    "404": "There is no such thing, or you may not see it",
    "409": "The rules or the state of the thing refuse it; `code` says why",
    "422": "The idempotency key was used for another request",
    "429": "Too many requests; `Retry-After` says when to come again",
    "default": "Any other error has the same shape",
}


def _scope_words(scope: Scope | None) -> str:
    if scope == WHOLE_TOKEN:
        return "Needs a token without limited scopes."
    if scope is None or scope == ANY_TOKEN:
        return ""
    names = [scope] if isinstance(scope, str) else scope
    return f"Scope: {' or '.join(f'`{name}`' for name in names)}."


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # no types there
    target_class = "accounts.api.authentication.ApiTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token ctr_…`, from `POST /api/v1/token/` or the page of the account.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # as above
    target_class = "accounts.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "Our own pages; everything but GET needs the CSRF token too.",
        }
