"""Signed-in browsers: a random id in a cookie, everything else here.

The cookie is signed so that made-up ids cost nothing; what is kept is only a digest, so that the
file is no key to anything.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cmr.local.who import LISTED, LOCAL, Who
from protocol import private_file

FILE_NAME = "sessions.json"
LIFETIME_S = {LOCAL: 14 * 86_400, LISTED: 3600}  # seconds, by who knows the person
MAX_SESSIONS = 128  # the oldest goes first
MAX_PER_ACCOUNT = 32
_ID_BYTES = 32

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BrowserSession:
    """`digest` of the id; `version` of the person's secret at the sign-in; `ends_at` in Unix
    seconds. Whether the person still may be here is another's to say."""

    digest: str
    name: str
    version: str
    ends_at: float
    kind: str = LOCAL


class Sessions:
    """Kept in a file, so that a restart signs nobody out. `secret` signs cookies."""

    def __init__(self, folder: Path, secret: bytes) -> None:
        self._file = folder / FILE_NAME
        self._secret = secret
        self._sessions = {session.digest: session for session in _read(self._file)}

    def open(self, who: Who, now: float) -> str:
        """A new session; the value of its cookie."""
        text = secrets.token_urlsafe(_ID_BYTES)
        ends_at = now + LIFETIME_S[who.kind]
        session = BrowserSession(_digest(text), who.name, who.version, ends_at, who.kind)
        self._sessions[session.digest] = session
        self._forget(now, session)
        self._save()
        return f"{text}.{self._signature(text)}"

    def find(self, cookie: str, now: float) -> BrowserSession | None:
        """The session of this cookie; None when it is over."""
        session = self._find(cookie)
        return None if session is None or session.ends_at <= now else session

    def close(self, cookie: str) -> None:
        session = self._find(cookie)
        if session is not None:
            del self._sessions[session.digest]
            self._save()

    def _find(self, cookie: str) -> BrowserSession | None:
        text, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(text).encode()):
            return None
        return self._sessions.get(_digest(text))

    def _signature(self, text: str) -> str:
        content = b"contera browser session 1\0" + text.encode(errors="replace")
        return hmac.new(self._secret, content, hashlib.sha256).hexdigest()

    def _forget(self, now: float, new: BrowserSession) -> None:
        rows = [session for session in self._sessions.values() if session.ends_at > now]
        own = [s for s in rows if (s.name, s.kind) == (new.name, new.kind)]
        gone = {session.digest for session in own[:-MAX_PER_ACCOUNT]}
        rows = [session for session in rows if session.digest not in gone][-MAX_SESSIONS:]
        self._sessions = {session.digest: session for session in rows}

    def _save(self) -> None:
        rows = [asdict(session) for session in self._sessions.values()]
        try:
            private_file.replace(self._file, json.dumps(rows).encode())
        except OSError as error:
            # They hold until a restart; a full disk must not keep an administrator out.
            log.warning("%s: cannot be written: %s", self._file, error.strerror)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _read(file: Path) -> list[BrowserSession]:
    try:
        rows = json.loads(file.read_bytes())
        return [_session(row) for row in rows][-MAX_SESSIONS:]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _session(row: dict[str, Any]) -> BrowserSession:  # Any: JSON
    kind = str(row.get("kind", LOCAL))  # files of older versions have none
    if kind not in LIFETIME_S:
        raise ValueError("unknown kind")
    name, version = str(row["name"]), str(row["version"])
    return BrowserSession(str(row["digest"]), name, version, float(row["ends_at"]), kind)
