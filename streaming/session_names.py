"""What a session is called: `<random>.<wanted path>.<client>.<seal>`. The seal makes it one that
this person opened at this recorder, so nothing has to be kept of it."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from django.utils.crypto import salted_hmac

from accounts.circumstances import CLIENTS


@dataclass(frozen=True)
class SessionName:
    """`client`: one of `CLIENTS`, or "" where nobody knew."""

    path: str
    client: str


def make(path: str, client: str, user_pk: object, recorder_pk: object) -> str:
    text = f"{secrets.token_urlsafe(16)}.{path}.{client}"
    return f"{text}.{_seal(text, user_pk, recorder_pk)}"


def read(session_id: str, user_pk: object, recorder_pk: object) -> SessionName | None:
    """None for a session that this person did not open at this recorder."""
    text, _, seal = session_id.rpartition(".")
    expected = _seal(text, user_pk, recorder_pk)
    if not secrets.compare_digest(seal.encode(), expected.encode()):
        return None
    _, path, client = text.split(".")
    return SessionName(path, client if client in CLIENTS else "")


def _seal(text: str, user_pk: object, recorder_pk: object) -> str:
    sealed = f"{text} {user_pk} {recorder_pk}"
    digest = salted_hmac(__name__, sealed, algorithm="sha256").digest()
    return urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
