"""Bodies of API requests: JSON of a bounded size, in which every text is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from accounts.api.problems import Problem


class JsonParser(BaseParser):
    """DRF's own reads whatever comes, in whatever encoding the request names (`charset=zlib`
    unpacks), and lets deep nesting and half characters end in a server error."""

    media_type = "application/json"
    max_bytes: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:  # DRF's signature
        data = stream.read(self.max_bytes + 1)
        if len(data) > self.max_bytes:
            raise Problem(413, "too_large", f"The body has more than {self.max_bytes} bytes.")
        try:
            return parse_json(data)
        except (ValueError, RecursionError):
            raise ParseError("The body is not JSON.") from None


def parse_json(data: bytes) -> Any:  # Any: JSON
    """Raises ValueError or RecursionError. A lone surrogate (`"\\ud800"`) is no character: no
    database keeps it, and no answer can repeat it (RFC 8259 §8.2)."""
    value = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    if b"\\u" in data:
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON (RFC 8259 §6)
