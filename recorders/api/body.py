"""Bodies of recorders' requests: a smaller bound than for people."""

from __future__ import annotations

from accounts.api.body import JsonParser
from recorders.reports import MAX_BODY_BYTES


class BoundedJsonParser(JsonParser):
    max_bytes = MAX_BODY_BYTES
