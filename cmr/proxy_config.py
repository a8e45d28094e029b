"""The HTTP proxy between this recorder and the Internet, as configured."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

SCHEMES = ("null", "basic", "digest")
DEFAULT_PORT = 3128  # squid's
MAX_LENGTH = 256  # of user and password


@dataclass(frozen=True)
class ProxyConfig:
    """`scheme` is how we say who we are: "null" does not; the password is in no `repr`."""

    host: str
    port: int
    scheme: str = "null"
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def via(self) -> str:
        """`host:port`, as messages name it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class ProxyConfigError(ValueError):
    """What is wrong with one key of `[proxy]`."""

    def __init__(self, key: str, fact: str) -> None:
        super().__init__(fact)
        self.key = key


def proxy_config(url: str, scheme: str, user: str, password: str) -> ProxyConfig | None:
    """The proxy, None when there is none (no address); raises ProxyConfigError, which never
    repeats the password."""
    if scheme not in SCHEMES:
        raise ProxyConfigError("scheme", 'must be "null", "basic" or "digest"')
    if not url:
        if user or password or scheme != "null":
            raise ProxyConfigError("url", "is missing; user and password are for a proxy")
        return None
    host, port = _address(url)
    _check_credentials(scheme, user, password)
    return ProxyConfig(host, port, scheme, user, password)


def _address(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ProxyConfigError("url", "must be like http://proxy.example:3128") from None
    if parts.username is not None:
        raise ProxyConfigError("url", "must not hold a password; use user and password")
    is_bare = parts.path in ("", "/") and not parts.query and not parts.fragment
    if parts.scheme != "http" or not host or not is_bare or port == 0:
        raise ProxyConfigError("url", "must be like http://proxy.example:3128")
    if not re.fullmatch(r"[0-9A-Za-z.:_-]{1,253}", host):
        raise ProxyConfigError("url", "names no host")
    return host, port or DEFAULT_PORT


def _check_credentials(scheme: str, user: str, password: str) -> None:
    if scheme == "null":
        if user or password:
            raise ProxyConfigError("scheme", 'is "null": user and password would not be used')
        return
    if not user:
        raise ProxyConfigError("user", f"is missing; scheme {scheme} needs one")
    for key, text in (("user", user), ("password", password)):
        if len(text) > MAX_LENGTH or not text.isprintable():
            fact = f"must have at most {MAX_LENGTH} characters, none of them control characters"
            raise ProxyConfigError(key, fact)
    if ":" in user:
        raise ProxyConfigError("user", "must not have a colon")  # RFC 7617 §2
