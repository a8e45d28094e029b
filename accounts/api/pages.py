"""How lists of the API are divided."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination, LimitOffsetPagination
from rest_framework.request import Request

from accounts.api.problems import Problem

_ADDRESS = {"type": ["string", "null"], "format": "uri"}
_MAX_DIGITS = 18  # what a row number of 64 bits surely holds


class BoundedPages(LimitOffsetPagination):
    """Nobody gets more than this at once, whatever `limit` says."""

    max_limit = 500
    parameters = frozenset({"limit", "offset"})  # for accounts.api.views.ApiView

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any] | None:  # DRF's signature
        for name in self.parameters:
            text = request.query_params.get(name, "0")
            if not (text.isascii() and text.isdecimal()):
                raise Problem(400, "bad_parameter", f"{name}: must be a whole number from 0 on.")
        return super().paginate_queryset(queryset, request, view)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """As OpenAPI 3.1 says null; DRF's own is of 3.0."""
        return _page_schema(schema, {"count": {"type": "integer"}})


class ByRowNumber(CursorPagination):
    """Newest first, without counting: what it lists grows for years."""

    ordering = "-id"
    page_size = 100
    parameters = frozenset({"cursor"})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return _page_schema(schema, {})

    def decode_cursor(self, request: Request) -> Cursor | None:
        """DRF would hand on any text as a row number."""
        cursor: Cursor | None = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            position = str(cursor.position)
            if not position.isdecimal() or len(position) > _MAX_DIGITS:
                raise NotFound(self.invalid_cursor_message)
        return cursor


def _page_schema(results: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    fields = {**more, "next": _ADDRESS, "previous": _ADDRESS, "results": results}
    return {"type": "object", "required": list(fields), "properties": fields}
