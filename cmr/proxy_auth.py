"""Who we are towards an HTTP proxy: Basic (RFC 7617) and Digest (RFC 7616), pure.

Basic is never sent where Digest was configured: a proxy, or whoever poses as one, that offers
nothing better would otherwise be given the password.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

# A parameter of a challenge, or the name of the next scheme (RFC 9110 §11.6.1).
_PARAMETER = re.compile(
    r"[\s,]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]*))\s*(?=,|$)"
)
_SCHEME = re.compile(r"[\s,]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?=[\s,]|$)")
_ESCAPED = re.compile(r"\\(.)")


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# The strongest first: the first that a proxy offers is taken (RFC 7616 §3.7).
_ALGORITHMS: dict[str, Callable[[bytes], str]] = {"sha-256": _sha256, "md5": _md5}


@dataclass(frozen=True)
class Challenge:
    """One scheme that a proxy offers, with its parameters."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """The challenges in `Proxy-Authenticate` headers; what is not understood is left out."""
    return [challenge for value in values for challenge in _parse(value)]


def _parse(value: str) -> list[Challenge]:
    found: list[Challenge] = []
    at = 0
    while at < len(value):
        if found and (match := _PARAMETER.match(value, at)):
            text = match[3] if match[2] is None else _ESCAPED.sub(r"\1", match[2])
            found[-1].parameters.setdefault(match[1].lower(), text)
        elif match := _SCHEME.match(value, at):
            found.append(Challenge(match[1].lower()))
        else:
            break
        at = match.end()
    return found


class UnusableChallenge(Exception):
    """No challenge that the configured scheme can answer; the text says what was offered."""


@dataclass
class DigestNonce:
    """A challenge of a proxy, and how often it was answered."""

    realm: str
    nonce: str
    opaque: str | None
    algorithm: str | None  # as it was written, to be repeated; None: MD5, unsaid
    has_qop: bool
    is_stale: bool
    count: int = 0

    def answer(self, user: str, password: str, method: str, uri: str, cnonce: str) -> str:
        """The `Proxy-Authorization` of the next request made with this nonce."""
        self.count += 1
        digest = _ALGORITHMS[(self.algorithm or "md5").lower()]
        secret = digest(f"{user}:{self.realm}:{password}".encode())
        request = digest(f"{method}:{uri}".encode())
        count = f"{self.count:08x}"
        middle = f"{self.nonce}:{count}:{cnonce}:auth" if self.has_qop else self.nonce
        quoted = {
            "username": user,
            "realm": self.realm,
            "nonce": self.nonce,
            "uri": uri,
            "response": digest(f"{secret}:{middle}:{request}".encode()),
            **({} if self.opaque is None else {"opaque": self.opaque}),
            **({"cnonce": cnonce} if self.has_qop else {}),
        }
        bare = {
            **({} if self.algorithm is None else {"algorithm": self.algorithm}),
            **({"qop": "auth", "nc": count} if self.has_qop else {}),
        }
        parts = [f'{name}="{_escape(text)}"' for name, text in quoted.items()]
        return "Digest " + ", ".join(parts + [f"{name}={text}" for name, text in bare.items()])


def choose_digest(challenges: Iterable[Challenge]) -> DigestNonce:
    """The best Digest challenge; raises UnusableChallenge."""
    offered = list(challenges)
    usable = [nonce for challenge in offered if (nonce := _digest_nonce(challenge)) is not None]
    if not usable:
        raise UnusableChallenge(f"it offers {offered_words(offered)}")
    order = list(_ALGORITHMS)
    return min(usable, key=lambda nonce: order.index((nonce.algorithm or "md5").lower()))


def _digest_nonce(challenge: Challenge) -> DigestNonce | None:
    said = challenge.parameters
    qops = [qop.strip().lower() for qop in said.get("qop", "").split(",") if qop.strip()]
    is_known = said.get("algorithm", "md5").lower() in _ALGORITHMS
    if challenge.scheme != "digest" or not said.get("nonce") or not is_known:
        return None
    if qops and "auth" not in qops:
        return None
    return DigestNonce(
        realm=said.get("realm", ""),
        nonce=said["nonce"],
        opaque=said.get("opaque"),
        algorithm=said.get("algorithm"),
        has_qop=bool(qops),
        is_stale=said.get("stale", "").lower() == "true",
    )


def basic_answer(user: str, password: str) -> str:
    """The `Proxy-Authorization` of scheme Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def offered_words(challenges: Iterable[Challenge]) -> str:
    """`Basic and Negotiate`: the schemes in a sentence."""
    names = list(dict.fromkeys(_scheme_words(challenge)[:40] for challenge in challenges))
    return " and ".join(names[:6]) or "no way to sign in"


def _scheme_words(challenge: Challenge) -> str:
    algorithm = challenge.parameters.get("algorithm", "md5")
    if challenge.scheme == "digest" and algorithm.lower() not in _ALGORITHMS:
        return f"Digest with {algorithm}"
    return challenge.scheme.capitalize()


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
