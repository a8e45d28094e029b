"""What lets a receiver know that a delivery is ours, and fresh (pure).

`Contera-Signature: t=<Unix seconds>,v1=<hex>`, where v1 is HMAC-SHA-256 with the webhook's secret
over `<t>.<body>`.
"""

from __future__ import annotations

import hashlib
import hmac

HEADER = "Contera-Signature"
MAX_AGE_S = 300  # what a receiver should accept


def signature(secret: str, at: int, body: bytes) -> str:
    """The value of the header."""
    return f"t={at},v1={_digest(secret, at, body)}"


def is_signed(secret: str, header: str, body: bytes, now: int) -> bool:
    """What a receiver checks: ours, unchanged, and not from long ago."""
    parts = [part.partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t" and value.isdecimal()]
    if len(times) != 1 or abs(now - int(times[0])) > MAX_AGE_S:
        return False
    wanted = _digest(secret, int(times[0]), body)
    return any(hmac.compare_digest(value, wanted) for name, _, value in parts if name == "v1")


def _digest(secret: str, at: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
