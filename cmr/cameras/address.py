"""Camera addresses: which are allowed, and how they are written where people see them."""

from __future__ import annotations

from urllib.parse import urlsplit

SCHEMES = ("rtsp", "rtsps", "http", "https")
_MAX_LENGTH = 2048


def check_address(address: str) -> None:
    """Raise ValueError, with a sentence without credentials, unless this is a camera address."""
    if len(address) > _MAX_LENGTH or any(ord(c) <= 32 or ord(c) == 127 for c in address):
        raise ValueError("the address has spaces or control characters, or is too long")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("the address is not a URL") from None
    if parts.scheme not in SCHEMES:
        raise ValueError(
            f"the address must begin with one of {', '.join(s + '://' for s in SCHEMES)}"
        )
    if not host:
        raise ValueError("the address names no host")


def without_credentials(address: str) -> str:
    """Scheme, host, port and path only: user, password and query may hold secrets."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "(unreadable address)"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"
