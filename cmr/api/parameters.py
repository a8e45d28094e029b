"""Query parameters: each at most once, none unknown, and every error names the parameter."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import unquote

from cmr.api.message import ApiError
from protocol.errors import ProtocolError
from protocol.times import parse_time, to_90k

PROFILES = ("hd", "sd")
MAX_QUERY_LENGTH = 1000  # the longest honest one has about 120 characters

_TICKS = re.compile(r"[0-9]{1,16}")  # 90 kHz since 1970 has 15 digits until 2286
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class Parameters:
    """The query of one request. Raises ApiError 400 for what it cannot be."""

    def __init__(self, query: str, allowed: Collection[str]) -> None:
        if len(query) > MAX_QUERY_LENGTH:
            raise ApiError(400, "bad_parameter", f"the query has {len(query)} characters")
        self._values: dict[str, str] = {}
        for part in filter(None, query.split("&")):
            name, _, value = part.partition("=")
            self._add(name, value, allowed)

    def _add(self, name: str, value: str, allowed: Collection[str]) -> None:
        if name not in allowed:
            raise ApiError.bad_parameter(unquote(name)[:40], "is not a parameter of this request")
        if name in self._values:
            raise ApiError.bad_parameter(name, "is given twice")
        # Not unquote_plus: people write times with a bare "+02:00", and no value has spaces.
        self._values[name] = unquote(value)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def time_90k(self, name: str) -> int:
        """An RFC 3339 time in 90 kHz ticks since the Unix epoch."""
        try:
            return to_90k(parse_time(self._required(name)))
        except ProtocolError as error:
            raise ApiError(400, error.code, f"{name}: {error}", parameter=name) from None

    def range_90k(self, max_s: float, max_words: str) -> tuple[int, int]:
        """`start` and `end`, in order and at most `max_s` seconds apart."""
        start, end = self.time_90k("start"), self.time_90k("end")
        if end <= start:
            raise ApiError.bad_parameter("end", "is not after start")
        if end - start > max_s * 90_000:
            raise ApiError.bad_parameter("end", f"is more than {max_words} after start")
        return start, end

    def number(self, name: str, lowest: float, highest: float) -> float:
        text = self._required(name)
        if not _NUMBER.fullmatch(text) or not lowest <= float(text) <= highest:
            fact = f"must be a number from {lowest:g} to {highest:g}, not {text[:20]!r}"
            raise ApiError.bad_parameter(name, fact)
        return float(text)

    def whole_number(self, name: str, lowest: int, highest: int) -> int:
        value = self.number(name, lowest, highest)
        if value != int(value):
            raise ApiError.bad_parameter(name, "must be a whole number")
        return int(value)

    def ticks_90k(self, name: str) -> int | None:
        """A media time as it is in fragments; None when it is not given."""
        text = self._values.get(name)
        if text is None:
            return None
        if not _TICKS.fullmatch(text):
            fact = f"must be ticks of 90 kHz since 1970, not {text[:20]!r}"
            raise ApiError.bad_parameter(name, fact)
        return int(text)

    def profile(self) -> str:
        """`profile`, hd when it is not given."""
        value = self._values.get("profile", "hd")
        if value not in PROFILES:
            raise ApiError.bad_parameter("profile", f"must be hd or sd, not {value[:20]!r}")
        return value

    def _required(self, name: str) -> str:
        value = self._values.get(name)
        if value is None:
            raise ApiError.bad_parameter(name, "is missing")
        return value
