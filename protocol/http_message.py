"""HTTP/1.1 messages carried as data (`message/http`, RFC 9112 §10.1), parsed strictly.

A message inside another message never decides the framing around it, so everything that two
parsers could read differently is refused (request smuggling, RFC 9112 §11.2): bare CR or LF,
NUL, folded lines, spaces before a colon, `Transfer-Encoding`, repeated `Content-Length`.
The body of a response is delimited by `Content-Length`, or by the end of what carries it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from protocol.errors import ProtocolError

MEDIA_TYPE = "message/http"
REQUEST_TYPE = "message/http; msgtype=request"
RESPONSE_TYPE = "message/http; msgtype=response"
UNTYPED = "application/octet-stream"  # for the same bytes where a filter refuses the types above

MAX_HEAD_BYTES = 16 * 1024  # what nginx and most proxies accept
MAX_HEADERS = 64
MAX_REQUEST_BODY_BYTES = 256 * 1024  # an SDP offer has 64 KiB at most; nothing else comes near

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_TARGET = re.compile(r"/[!-~]*")  # origin-form only (RFC 9112 §3.2.1): never a host, never a space
_VALUE = re.compile(r"[\t\x20-\x7e]*")  # visible ASCII: obs-text helps nobody but attackers
_STATUS_LINE = re.compile(r"HTTP/1\.1 ([1-5][0-9]{2}) ([\t\x20-\x7e]{0,100})")
_LENGTH = re.compile(r"[0-9]{1,15}")
_BODILESS = frozenset({204, 304})

Headers = tuple[tuple[str, str], ...]


def header(headers: Headers, name: str) -> str | None:
    """The first value of the header called `name` (any case), or None."""
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), None)


@dataclass(frozen=True)
class Request:
    """A whole request; `target` is origin-form (`/v1/cameras?x=1`)."""

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        return header(self.headers, name)


@dataclass(frozen=True)
class ResponseHead:
    """Status line and headers of a response; the body follows separately."""

    status: int
    headers: Headers = ()
    reason: str = field(default="", compare=False)

    def header(self, name: str) -> str | None:
        return header(self.headers, name)

    @property
    def content_length(self) -> int | None:
        """Bytes of body announced, or None when the body lasts until the carrier ends."""
        if self.status in _BODILESS:
            return 0
        value = self.header("content-length")
        return None if value is None else int(value)


def format_request(request: Request) -> bytes:
    """The request as bytes; sets Content-Length when there is a body.

    Raises ProtocolError when a part would not survive `parse_request`.
    """
    headers = _without_length(request.headers)
    if request.body:
        headers = (*headers, ("Content-Length", str(len(request.body))))
    _check_method_and_target(request.method, request.target)
    return _format_head(f"{request.method} {request.target} HTTP/1.1", headers) + request.body


def format_response_head(head: ResponseHead) -> bytes:
    """Status line, headers and the empty line, as bytes."""
    return _format_head(f"HTTP/1.1 {head.status} {head.reason}", head.headers)


def parse_request(data: bytes) -> Request:
    """A whole request message; raises ProtocolError `bad_message`, `head_too_large`,
    `body_too_large`."""
    head, _, body = data.partition(b"\r\n\r\n")
    if len(head) > MAX_HEAD_BYTES:
        raise ProtocolError("head_too_large", f"request head has {len(head)} bytes")
    if len(body) > MAX_REQUEST_BODY_BYTES:
        raise ProtocolError("body_too_large", f"request body has {len(body)} bytes")
    if len(head) == len(data):
        raise _bad("request head does not end")
    line, headers = _parse_head(head)
    method, target = _parse_request_line(line)
    expected = int(header(headers, "content-length") or 0)
    if expected != len(body):
        raise _bad(f"request announces {expected} bytes of body and carries {len(body)}")
    return Request(method, target, headers, body)


def parse_response_head(head: bytes) -> ResponseHead:
    """Status line and headers, without the empty line that ends them."""
    if len(head) > MAX_HEAD_BYTES:
        raise ProtocolError("head_too_large", f"response head has {len(head)} bytes")
    line, headers = _parse_head(head)
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise _bad("status line is not HTTP/1.1")
    status = int(match[1])
    if status < 200:
        raise _bad(f"interim status {status} inside a message")
    if status in _BODILESS and header(headers, "content-length") not in (None, "0"):
        raise _bad(f"status {status} announces a body")
    return ResponseHead(status, headers, match[2])


class ResponseReader:
    """Takes the bytes of one response message as they come; sans-IO.

    Call `feed` with each chunk: it gives the body bytes of that chunk, and `head` is set as soon as
    the head is complete. Call `close` when the carrier ended: it raises when bytes are missing.
    """

    def __init__(self) -> None:
        self.head: ResponseHead | None = None
        self._buffer = b""
        self._remaining: int | None = None

    def feed(self, data: bytes) -> bytes:
        """Body bytes in `data`; raises ProtocolError on a bad head or trailing bytes."""
        if self.head is not None:
            return self._take_body(data)
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise ProtocolError("head_too_large", "response head does not end")
            return b""
        self.head = parse_response_head(self._buffer[:end])
        self._remaining = self.head.content_length
        body, self._buffer = self._buffer[end + 4 :], b""
        return self._take_body(body)

    def close(self) -> None:
        """The carrier ended; raises ProtocolError `truncated` when the message had not."""
        if self.head is None:
            raise ProtocolError("truncated", "response ended inside its head")
        if self._remaining:
            raise ProtocolError("truncated", f"response ended {self._remaining} bytes early")

    @property
    def is_complete(self) -> bool:
        """True when an announced body has fully arrived (never for an open-ended one)."""
        return self._remaining == 0

    def _take_body(self, data: bytes) -> bytes:
        if self._remaining is None:
            return data
        if len(data) > self._remaining:
            raise _bad(f"{len(data) - self._remaining} bytes after the end of the response")
        self._remaining -= len(data)
        return data


def _bad(message: str) -> ProtocolError:
    return ProtocolError("bad_message", message)


def _without_length(headers: Headers) -> Headers:
    return tuple(pair for pair in headers if pair[0].lower() != "content-length")


def _format_head(line: str, headers: Iterable[tuple[str, str]]) -> bytes:
    lines = [line]
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise _bad(f"header {name[:40]!r} has characters that HTTP does not allow")
        lines.append(f"{name}: {value}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _parse_head(head: bytes) -> tuple[str, Headers]:
    try:
        text = head.decode("ascii")
    except UnicodeDecodeError:
        raise _bad("head has bytes outside ASCII") from None
    lines = text.split("\r\n")
    if any("\r" in line or "\n" in line or "\0" in line for line in lines):
        raise _bad("head has a bare CR, LF or NUL")
    if len(lines) - 1 > MAX_HEADERS:
        raise ProtocolError("head_too_large", f"head has {len(lines) - 1} headers")
    headers = tuple(_parse_header(line) for line in lines[1:])
    _check_framing(headers)
    return lines[0], headers


def _parse_header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    value = value.strip(" \t")
    if not colon or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
        raise _bad(f"header line {line[:40]!r} is malformed")
    return name, value


def _check_framing(headers: Headers) -> None:
    if header(headers, "transfer-encoding") is not None:
        raise _bad("Transfer-Encoding inside a message")
    lengths = [value for name, value in headers if name.lower() == "content-length"]
    if len(lengths) > 1:
        raise _bad("more than one Content-Length")
    if lengths and not _LENGTH.fullmatch(lengths[0]):
        raise _bad(f"Content-Length {lengths[0][:20]!r} is not a number")


def _parse_request_line(line: str) -> tuple[str, str]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[2] != "HTTP/1.1":
        raise _bad("request line is not HTTP/1.1")
    _check_method_and_target(parts[0], parts[1])
    return parts[0], parts[1]


def _check_method_and_target(method: str, target: str) -> None:
    if not _TOKEN.fullmatch(method) or not _TARGET.fullmatch(target):
        raise _bad("method or target has characters that are not allowed")
