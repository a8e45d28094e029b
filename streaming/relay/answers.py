"""Which answers of a recorder reach a viewer, and which headers travel with a request (pure)."""

from __future__ import annotations

from protocol.errors import ProtocolError
from protocol.http_message import Headers, ResponseHead

_HEADERS = frozenset({"content-type", "content-length", "content-range", "accept-ranges", "etag"})
_PREFIX = "contera-"
_MEDIA_TYPES = frozenset(
    {
        "video/mp4",
        "image/jpeg",
        "application/json",
        "application/problem+json",
        "application/sdp",
    }
)
_BODILESS = frozenset({204, 304})
_REQUEST_HEADERS = frozenset({"accept", "range", "if-range", "if-none-match", "content-type"})

# A recorder's page can never run in the portal's origin, and no cache keeps anybody's video.
SECURITY_HEADERS: Headers = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "sandbox; default-src 'none'"),
)


def filter_head(head: ResponseHead) -> ResponseHead:
    """The head with the headers on the allow-list only.

    Raises ProtocolError `bad_answer` for redirects and for media types that are not ours (R12).
    """
    if 300 <= head.status < 400 and head.status != 304:
        raise ProtocolError("bad_answer", f"status {head.status} is a redirect")
    media_type = (head.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type not in _MEDIA_TYPES and not _needs_no_type(head):
        raise ProtocolError("bad_answer", f"media type {media_type[:40]!r} is not relayed")
    return ResponseHead(head.status, tuple(h for h in head.headers if _passes(h[0].lower())))


def filter_request_headers(headers: Headers) -> Headers:
    """What a viewer may say to a recorder beside the request line."""
    return tuple(pair for pair in headers if pair[0].lower() in _REQUEST_HEADERS)


def _needs_no_type(head: ResponseHead) -> bool:
    if head.header("content-type") is not None:
        return False
    return head.status in _BODILESS or head.content_length == 0


def _passes(name: str) -> bool:
    return name in _HEADERS or name.startswith(_PREFIX)
