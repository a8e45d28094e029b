"""How lists of the API are divided."""

from __future__ import annotations

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination, LimitOffsetPagination
from rest_framework.request import Request

_MAX_DIGITS = 18  # what a row number of 64 bits surely holds


class BoundedPages(LimitOffsetPagination):
    """Nobody gets more than this at once, whatever `limit` says."""

    max_limit = 500


class ByRowNumber(CursorPagination):
    """Newest first, without counting: what it lists grows for years."""

    ordering = "-id"
    page_size = 100

    def decode_cursor(self, request: Request) -> Cursor | None:
        """DRF would hand on any text as a row number."""
        cursor: Cursor | None = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            position = str(cursor.position)
            if not position.isdecimal() or len(position) > _MAX_DIGITS:
                raise NotFound(self.invalid_cursor_message)
        return cursor
