"""Bodies of API requests: JSON of a bounded size, in which every text is one and every field is
known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer, Field, ListField, ListSerializer, Serializer

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
    value = json.loads(
        data.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_once_each
    )
    if b"\\u" in data:
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON (RFC 8259 §6)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values for one name, two programs would believe different ones (P3)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def checked(shape: type[BaseSerializer[Any]], request: Request, **how: Any) -> dict[str, Any]:
    """What the body says, in the shape's own types; raises ValidationError. A field that the shape
    does not take is an error too: nobody sets what they were not offered (P1)."""
    wanted = shape(data=request.data, **how)
    unknown = _unknown(wanted, request.data)
    if unknown:
        raise ValidationError(unknown)
    wanted.is_valid(raise_exception=True)
    values: dict[str, Any] = wanted.validated_data
    return values


def _unknown(field: Field[Any, Any, Any, Any] | None, data: Any) -> dict[Any, Any]:
    """Errors by name (or place in a list) for what the field does not take."""
    if isinstance(field, ListField | ListSerializer) and isinstance(data, list):
        items = enumerate(_unknown(field.child, item) for item in data)
        return {place: found for place, found in items if found}
    if not isinstance(field, Serializer) or not isinstance(data, Mapping):
        return {}
    taken = {name: one for name, one in field.fields.items() if not one.read_only}
    errors: dict[Any, Any] = {name: ["Unknown field."] for name in data if name not in taken}
    for name in data.keys() & taken.keys():
        if found := _unknown(taken[name], data[name]):
            errors[name] = found
    return errors
