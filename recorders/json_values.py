"""Reads values out of JSON that came from a network: checked, bounded, or refused by name."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from datetime import datetime
from typing import Any

from protocol.errors import ProtocolError
from protocol.times import parse_time

_WORD = re.compile(r"[a-z][a-z0-9_]{0,29}")


class BadValue(ProtocolError):
    """A value that cannot be accepted; the text names the field and the fact."""

    def __init__(self, field: str, fact: str) -> None:
        super().__init__("bad_value", f"{field}: {fact}")


class JsonObject:
    """A JSON object that knows its place in the message. Fields nobody asks for are ignored, so
    that a newer recorder can talk to an older portal."""

    def __init__(self, value: object, place: str = "") -> None:
        if not isinstance(value, dict):
            raise BadValue(place or "body", "must be an object")
        self._values: dict[str, Any] = value  # Any: JSON
        self._place = place

    def field(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else name

    def text(self, name: str, max_length: int, default: str | None = None) -> str:
        """Without control characters, which no name has and a database may refuse."""
        value = self._values.get(name, default)
        if not isinstance(value, str):
            raise BadValue(self.field(name), "must be text")
        if len(value) > max_length:
            raise BadValue(self.field(name), f"has more than {max_length} characters")
        if any(map(_is_control, value)):
            raise BadValue(self.field(name), "has a control character")
        return value.strip()

    def shown_text(self, name: str, max_length: int) -> str:
        """Words that are only shown, and may quote others: cut and cleaned rather than refused,
        empty when they are missing."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, str):
            raise BadValue(self.field(name), "must be text")
        plain = (" " if _is_control(character) else character for character in value or "")
        return "".join(plain)[:max_length].strip()

    def optional_flag(self, name: str) -> bool | None:
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            raise BadValue(self.field(name), "must be true or false")
        return value

    def word(self, name: str) -> str:
        return _as_word(self._values.get(name), self.field(name))

    def number(self, name: str, low: int, high: int) -> int:
        value = self._values.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise BadValue(self.field(name), f"must be a whole number from {low} to {high}")
        return value

    def optional_number(self, name: str, low: int, high: int) -> int | None:
        return None if self._values.get(name) is None else self.number(name, low, high)

    def optional_float(self, name: str, low: float, high: float) -> float | None:
        value = self._values.get(name)
        if value is None:
            return None
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or not low <= value <= high
        ):
            raise BadValue(self.field(name), f"must be a number from {low:g} to {high:g}")
        return float(value)

    def time(self, name: str) -> datetime:
        moment = self.optional_time(name)
        if moment is None:
            raise BadValue(self.field(name), "is missing")
        return moment

    def optional_time(self, name: str) -> datetime | None:
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise BadValue(self.field(name), "must be an RFC 3339 time")
        try:
            return parse_time(value)
        except ProtocolError as error:
            raise BadValue(self.field(name), error.message) from None

    def child(self, name: str) -> JsonObject:
        return JsonObject(self._values.get(name), self.field(name))

    def optional_child(self, name: str) -> JsonObject | None:
        return None if self._values.get(name) is None else self.child(name)

    def children(self, name: str, max_count: int) -> list[JsonObject]:
        rows = self._list(name, max_count)
        return [JsonObject(row, f"{self.field(name)}[{i}]") for i, row in enumerate(rows)]

    def named_children(self, name: str, max_count: int) -> dict[str, JsonObject]:
        values = self._values.get(name)
        if not isinstance(values, dict) or len(values) > max_count:
            raise BadValue(self.field(name), f"must be an object with at most {max_count} members")
        place = self.field(name)
        return {
            _as_word(key, place): JsonObject(row, f"{place}.{key}") for key, row in values.items()
        }

    def words(self, name: str, max_count: int) -> list[str]:
        return [_as_word(value, self.field(name)) for value in self._list(name, max_count)]

    def addresses(self, name: str, max_count: int) -> list[str]:
        """IP addresses in canonical form."""
        return [_as_address(value, self.field(name)) for value in self._list(name, max_count)]

    def raw(self, name: str) -> object:
        return self._values.get(name)

    def _list(self, name: str, max_count: int) -> list[Any]:  # Any: JSON
        value = self._values.get(name)
        if not isinstance(value, list) or len(value) > max_count:
            raise BadValue(self.field(name), f"must be a list of at most {max_count}")
        return value


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs")


def _as_word(value: object, field: str) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise BadValue(field, "must be a word of small letters")
    return value


def _as_address(value: object, field: str) -> str:
    try:
        return str(ipaddress.ip_address(value if isinstance(value, str) else ""))
    except ValueError:
        raise BadValue(field, "must be a list of IP addresses") from None
