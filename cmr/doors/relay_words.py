"""What goes wrong between this recorder and a relay, in words."""

from __future__ import annotations

import re

import aiohttp

from cmr.connector import UntrustedCertificate
from cmr.portal import connection_words


class RelayError(Exception):
    """A request that brought nothing and must not be repeated at once. `code` is a problem's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


# What talking to a relay raises when the line, the relay or its pass is the reason.
LINK_ERRORS = (RelayError, aiohttp.ClientError, OSError, ValueError)


def refusal(status: int, body: bytes) -> RelayError:
    """A request that was refused: code and sentence of the problem, or the bare status, which then
    something else than our relay has said."""
    match = re.search(rb'"code": ?"([a-z0-9_]{1,60})"', body)
    code = match[1].decode() if match else ""
    if code == "replaced":
        return RelayError(code, "serves another recorder program with this identity")
    return RelayError(code, f"refused with status {status}{f' ({code})' if code else ''}")


def reason_of(error: Exception) -> str:
    """The fact behind an exception."""
    match error:
        case UntrustedCertificate():
            return str(error)
        case TimeoutError():
            return "does not answer"
        case aiohttp.ClientConnectorError():
            return f"cannot be reached: {connection_words(error)}"
        case aiohttp.ServerDisconnectedError() | ConnectionError():
            return "closed the connection"
        case _:
            return str(error) or type(error).__name__
