"""Registration of a recorder: a one-time code is exchanged for an identity."""

from __future__ import annotations

from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cmr import __version__
from cmr.connector import MODEL, Outgoing
from cmr.identity import Identity
from cmr.portal import PortalClient, PortalError, PortalUrl, parse_portal_url
from cmr.proxy import Proxy
from cmr.sealed_http import ask_keys
from protocol.errors import ProtocolError
from protocol.sealed_http import PORTAL_HOST_ID
from protocol.tokens import (
    RECORDER_LEEWAY_S,
    KeyRing,
    Signer,
    jwk_thumbprint,
    public_jwk,
    sign_recorder_token,
)

PATH = "/api/v1/recorder/enrol"
MIN_HEARTBEAT_S, MAX_HEARTBEAT_S = 1.0, 300.0  # whatever a portal says, neither flood nor silence

_SENTENCES = {
    "code_unknown": "The portal does not know this code. Codes are used once: check for a typing "
    "mistake, or make a new one on the portal's My Recorders page.",
    "code_used": "This code was already used. Make a new one on the portal's My Recorders page.",
    "code_expired": "This code has expired. Make a new one on the portal's My Recorders page.",
    "throttled": "The portal has seen too many wrong codes from this address. Wait ten minutes.",
}


class EnrolmentError(Exception):
    """The recorder is not registered; the text says why and what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


async def enrol(
    url: PortalUrl, code: str, name: str, now: float, proxy: Proxy | None = None
) -> Identity:
    """A new identity at the portal; raises EnrolmentError.

    The caller keeps it at once: the code is used up. `now` is the clock in Unix seconds.
    """
    key = Ed25519PrivateKey.generate()
    jwk = public_jwk(key.public_key())
    # The issuer is the key's thumbprint: proof that whoever enrols holds the key.
    token = sign_recorder_token(Signer(key, jwk_thumbprint(jwk)), int(now))
    body = {
        "code": code.strip(),
        "public_key": jwk,
        "model": MODEL,
        "version": __version__,
        "name": name,
    }
    try:
        outgoing = await _outgoing(url, proxy)
        async with PortalClient(url, outgoing) as portal:
            answer = await portal.post(PATH, token, body, now)
        return _identity(url, key, answer)
    except PortalError as error:
        raise EnrolmentError(error.code, _sentence(error)) from None


async def _outgoing(url: PortalUrl, proxy: Proxy | None) -> Outgoing:
    """Over plain HTTP whoever answers first is believed to be the portal, and nobody else after."""
    outgoing = Outgoing(proxy)
    if not url.is_protected:
        try:
            trust = await ask_keys(outgoing.outer, url.text)
        except (aiohttp.ClientError, OSError) as error:
            raise PortalError(getattr(error, "code", "portal_unreachable"), str(error)) from None
        outgoing.trust = lambda _: trust if trust.host_id == PORTAL_HOST_ID else None
    return outgoing


def heartbeat_interval_s(value: object) -> float:
    """The interval a portal asks for, within bounds; raises ValueError or TypeError."""
    if not isinstance(value, int | float):
        raise TypeError("heartbeat_s is not a number")
    return min(MAX_HEARTBEAT_S, max(MIN_HEARTBEAT_S, float(value)))


def _identity(url: PortalUrl, key: Ed25519PrivateKey, answer: dict[str, Any]) -> Identity:
    try:
        return Identity(
            recorder_id=str(answer["recorder_id"]),
            name=str(answer["name"]),
            organisation=str(answer["organisation"]),
            portal_url=url.text,  # the one that is known to work from here
            key=key,
            keys=KeyRing(answer["jwks"]),
            heartbeat_s=heartbeat_interval_s(answer["heartbeat_s"]),
            http_url=plain_address(answer.get("http_url")),
        )
    except (KeyError, TypeError, ValueError, AttributeError, ProtocolError):
        fact = f"{url.text} gave an answer that this recorder does not understand"
        raise PortalError("portal_failed", fact) from None


def plain_address(value: object) -> str | None:
    """The portal's own http address as an answer names it; raises TypeError, PortalError."""
    if value is None:
        return None
    if not isinstance(value, str) or not value.startswith("http://"):
        raise TypeError("http_url is no http address")
    return parse_portal_url(value).text


def _sentence(error: PortalError) -> str:
    if error.code in _SENTENCES:
        return _SENTENCES[error.code]
    offset = error.clock_offset_s
    if error.code.startswith("token_") and offset and abs(offset) > RECORDER_LEEWAY_S:
        return f"This machine's clock is {clock_words(offset)} the portal's. Set it and try again."
    return f"The portal cannot be used: {error}"


def clock_words(offset_s: float) -> str:
    """`3 h ahead of`, `12 min behind`: how this clock stands to another."""
    size = abs(offset_s)
    amount = f"{size / 3600:.0f} h" if size >= 5400 else f"{size / 60:.0f} min"
    return f"{amount} {'ahead of' if offset_s > 0 else 'behind'}"
