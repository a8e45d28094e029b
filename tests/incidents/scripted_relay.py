"""A relay with recorders behind it, as an export sees them: real HTTP, scripted faults."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from protocol.tokens import KeyRing, TokenError, bearer, verify_access_token
from tests.services.process import free_ports

_PATH = re.compile(r"/relay/v1/recorders/([0-9a-f-]{36})/v1/cameras/(\d+)/(clip\.mp4|recordings)")


REFUSALS = {
    "offline": (503, "recorder_offline"),
    "silent": (504, "recorder_silent"),
    "500": (500, "broken"),
}


@dataclass
class Clip:
    content: bytes
    end: str = ""  # Contera-End
    parts: dict[str, bytes] = field(default_factory=dict)  # by start, after a change of resolution

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:16]}"'


class ScriptedRelay:
    """`clips` by (recorder id, camera number); `faults` are taken one per clip request, in order:
    `ok`, one of REFUSALS, `cut:<bytes>`, or a callable that runs before a normal answer."""

    def __init__(self, keys: KeyRing | None, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.clips: dict[tuple[str, int], Clip] = {}
        self.faults: list = []
        self.requests: list[dict[str, str]] = []
        self.keys = keys

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        match = _PATH.fullmatch(parts.path)
        recorder, number, name = match.groups()
        try:
            token = verify_access_token(
                self.keys, bearer(handler.headers["Authorization"]), recorder, int(time.time())
            )
        except TokenError as error:
            return _problem(handler, 401, error.code)
        right = "export" if name == "clip.mp4" else "playback"
        if not token.allows(right, int(number)):
            return _problem(handler, 403, "not_granted")
        if name == "recordings":
            gap = {"start": "2026-01-01T00:00:00.000Z", "end": "2026-01-01T00:00:05.000Z"}
            body = {"runs": [], "gaps": [{**gap, "reason": "camera unreachable"}]}
            return _json(handler, 200, body)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.requests.append({**query, "range": handler.headers.get("Range", "")})
        clip = self.clips.get((recorder, int(number)))
        fault = self.faults.pop(0) if self.faults else "ok"
        if callable(fault):
            fault = fault() or "ok"
        return self._clip(handler, clip, query, fault)

    def _clip(self, handler, clip, query, fault) -> None:
        if fault in REFUSALS:
            return _problem(handler, *REFUSALS[fault])
        content = clip and clip.parts.get(query["start"], clip.content)
        if content is None or (clip.end == query["start"] and not clip.parts):
            return _problem(handler, 404, "no_recording")
        end = "" if query["start"] in clip.parts else clip.end
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        first, last = (int(n) for n in handler.headers["Range"].removeprefix("bytes=").split("-"))
        headers = {"Content-Type": "video/mp4", "ETag": etag, "Contera-Gaps": "1"}
        if end:
            headers["Contera-End"] = end
        if handler.headers.get("If-Range", etag) != etag:
            return _send(handler, 200, headers, content)
        if first >= len(content):
            return _problem(handler, 416, "bad_range")
        piece = content[first : last + 1]
        headers["Content-Range"] = f"bytes {first}-{first + len(piece) - 1}/{len(content)}"
        cut = int(fault.removeprefix("cut:")) if fault.startswith("cut:") else None
        return _send(handler, 206, headers, piece, cut)


def _problem(handler, status: int, code: str) -> None:
    _json(handler, status, {"status": status, "code": code, "detail": ""})


def _json(handler, status: int, body: object) -> None:
    import json

    _send(handler, status, {"Content-Type": "application/json"}, json.dumps(body).encode())


def _send(handler, status: int, headers: dict, body: bytes, cut: int | None = None) -> None:
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        handler.send_header(name, value)
    handler.end_headers()
    with contextlib.suppress(OSError):  # the other side has what it wants
        handler.wfile.write(body if cut is None else body[:cut])
    if cut is not None:
        handler.close_connection = True


@contextlib.contextmanager
def scripted_relay(keys: KeyRing | None = None) -> Iterator[ScriptedRelay]:
    port = free_ports(1)[0]
    relay = ScriptedRelay(keys, port)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the library's name
            relay.answer(self)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
