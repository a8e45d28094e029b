"""What recorders tell about their way to the world: web ports, NAT, proxy, relay link. Pure.

Words are kept as the recorder says them: a newer one may know words that this portal does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from protocol.times import format_time
from recorders.json_values import JsonObject

MAX_TEXT = 500
MAX_PLACE = 300  # host:port

JsonFacts = dict[str, Any]  # Any: JSON values, kept as they are shown


@dataclass(frozen=True)
class ConnectionReport:
    """The objects are empty when the recorder did not tell."""

    http_port: int | None = None
    https_port: int | None = None
    nat: JsonFacts = field(default_factory=dict)
    proxy: JsonFacts = field(default_factory=dict)
    relay_transport: JsonFacts = field(default_factory=dict)


def parse_connection(values: JsonObject) -> ConnectionReport:
    """Raises ProtocolError `bad_value`. Before `web` there was `web_port`, for http alone."""
    web, nat = values.optional_child("web"), values.optional_child("nat")
    proxy = values.optional_child("proxy")
    transport = values.optional_child("relay_transport")
    older = values.optional_number("web_port", 0, 65535) or None
    return ConnectionReport(
        http_port=web.optional_number("http_port", 1, 65535) if web else older,
        https_port=web.optional_number("https_port", 1, 65535) if web else None,
        nat=_nat(nat) if nat else {},
        proxy=_proxy(proxy) if proxy else {},
        relay_transport=_relay_transport(transport) if transport else {},
    )


def _nat(values: JsonObject) -> JsonFacts:
    """In the words of RFC 5780, and `blocked`, `no_nat`, `unknown`."""
    checked_at = values.optional_time("checked_at")
    return {
        "mapping": values.word("mapping"),
        "filtering": values.word("filtering"),
        "external": values.shown_text("external", MAX_PLACE) or None,
        "hairpin": values.optional_flag("hairpin"),
        "checked_at": format_time(checked_at) if checked_at else None,
        "detail": values.shown_text("detail", MAX_TEXT),
    }


def _proxy(values: JsonObject) -> JsonFacts:
    return {
        "scheme": values.word("scheme"),
        "via": values.shown_text("via", MAX_PLACE) or None,
        "detail": values.shown_text("detail", MAX_TEXT),
    }


def _relay_transport(values: JsonObject) -> JsonFacts:
    return {
        "name": values.word("name"),
        "sealed": values.optional_flag("sealed") or False,
        "reason": values.shown_text("reason", MAX_TEXT),
    }
