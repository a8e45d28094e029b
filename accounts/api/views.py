"""What every view of the API is: scopes, parameters, limits and idempotency, in one place.

tests/api/test_every_view.py fails for a route below /api/v1/ whose view is not one of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import idempotency, limits
from accounts.api.problems import Problem
from accounts.models import IdempotentAnswer, User
from accounts.scopes import Scope, allows

OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")


class ApiView(APIView):
    """`scopes`: what a token needs, for each method that the view has. `parameters`: the names
    that its address takes behind the `?`, besides those of its pages; others are refused."""

    scopes: ClassVar[Mapping[str, Scope]] = {}
    parameters: ClassVar[frozenset[str]] = frozenset()

    _answer: IdempotentAnswer | None = None  # what this request's answer must be kept in

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:  # DRF's signature
        _refuse_override(request)
        super().initial(request, *args, **kwargs)
        self._check_parameters(request)
        if request.method not in limits.SAFE_METHODS:
            self._answer = idempotency.begin(request, timezone.now())

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        needed = self.scopes.get("GET" if request.method == "HEAD" else str(request.method))
        held = request.user.circumstances.scopes if isinstance(request.user, User) else None
        if request.method != "OPTIONS" and not allows(held, needed):
            raise Problem(403, "scope_missing", _words(needed))

    def check_throttles(self, request: Request) -> None:
        limits.check(request)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """The methods, in `Allow`; nothing about the thing, which may be somebody else's."""
        return Response(status=204)

    def handle_exception(self, error: Exception) -> Response:
        if isinstance(error, idempotency.Replay):
            return error.response
        try:
            return super().handle_exception(error)
        except Exception:
            if self._answer is not None:  # a bug of ours: what it did was undone with its error
                idempotency.give_free(self._answer)
            raise

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        if self._answer is not None and isinstance(final, Response):
            idempotency.finish(self._answer, final)
        return final

    def _check_parameters(self, request: Request) -> None:
        known = self.parameters
        if request.method in limits.SAFE_METHODS:
            pages = getattr(self, "pagination_class", None)
            known |= getattr(pages, "parameters", frozenset())
        for name, values in request.query_params.lists():
            if name not in known:
                raise Problem(400, "unknown_parameter", f"{name}: there is no such parameter.")
            if len(values) > 1:
                raise Problem(400, "doubled_parameter", f"{name}: it is there more than once.")


def _refuse_override(request: Request) -> None:
    """A filter in front that allows only some methods must not be talked past (P3)."""
    for name in OVERRIDES:
        if name in request.headers:
            raise Problem(400, "method_override", f"{name}: send the request with its own method.")


def _words(needed: Scope | None) -> str:
    if isinstance(needed, tuple):
        return f"The token has none of the scopes {', '.join(needed)}."
    if not needed or needed == "*":
        return "Only a token without limited scopes can do this."
    return f"The token lacks the scope `{needed}`."
