"""What the relay says instead of an answer: a status, a stable code and a sentence."""

from __future__ import annotations

import json

from protocol.errors import PROBLEM_CONTENT_TYPE, ProtocolError, problem
from protocol.http_message import Headers, ResponseHead


class Refusal(ProtocolError):
    """An exchange, poll or session that ends without the recorder's answer."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.status = status

    def body(self) -> bytes:
        return json.dumps(problem(self.status, self.code, self.message)).encode()

    def head(self) -> ResponseHead:
        headers: Headers = (
            ("Content-Type", PROBLEM_CONTENT_TYPE),
            ("Content-Length", str(len(self.body()))),
        )
        return ResponseHead(self.status, headers)


def not_found() -> Refusal:
    """The same for what does not exist and what is somebody else's (R3)."""
    return Refusal(404, "not_found", "There is nothing at this address.")


def exchange_not_found() -> Refusal:
    return Refusal(404, "exchange_not_found", "No exchange of this recorder waits for this answer.")


def offline() -> Refusal:
    return Refusal(503, "recorder_offline", "The recorder is not connected to this relay.")


def unauthorized(error: ProtocolError) -> Refusal:
    return Refusal(401, error.code, error.message)


def not_granted(right: str) -> Refusal:
    return Refusal(403, "not_granted", f"The token does not grant {right} on this camera.")


def not_the_portal() -> Refusal:
    return Refusal(403, "not_granted", "The portal alone tells of changed rights.")


def renewal_required() -> Refusal:
    return Refusal(401, "renewal_required", "Rights have changed; ask again with a new token.")


def relay_off() -> Refusal:
    return Refusal(403, "relay_off", "Video of this recorder does not go through the relay.")


def bad_answer(error: ProtocolError) -> Refusal:
    return Refusal(502, "bad_answer", f"The recorder's answer was refused: {error.message}.")


def silent() -> Refusal:
    return Refusal(504, "recorder_silent", "The recorder did not answer in time.")


def cancelled() -> Refusal:
    return Refusal(409, "cancelled", "Nobody waits for this answer any more.")


def replaced() -> Refusal:
    return Refusal(409, "replaced", "A newer start of this recorder took its place.")


def stopping() -> Refusal:
    return Refusal(503, "relay_stopping", "This relay is being stopped; connect again.")


def too_busy(what: str) -> Refusal:
    return Refusal(503, "too_busy", f"The relay serves no more {what} for now.")
