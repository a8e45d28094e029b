"""Opens and renews viewing sessions: the one place where access tokens are made."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.utils.crypto import salted_hmac

from accounts.audit import Actor, record
from accounts.models import User
from accounts.signing import portal_signer
from protocol.tokens import ACCESS_LIFETIME_S, AccessToken, sign_access_token
from recorders.models import Camera, Recorder
from recorders.policy import NO_RIGHTS, camera_rights, recorder_rights
from streaming.broker.offers import Facts, Offer, Refusal, offers

VIEWING_RIGHTS = frozenset({"live", "playback", "export", "ptz", "audio"})


class SessionUnknown(Exception):
    """Nobody opened this session, or another person did, or at another recorder."""


@dataclass(frozen=True)
class Token:
    text: str
    expires_at: datetime


@dataclass(frozen=True)
class Wanted:
    """What a viewer asks for: a path or `auto`, at the origin it knows the portal by."""

    path: str
    origin: str


@dataclass(frozen=True)
class Session:
    id: str
    recorder: Recorder
    token: Token
    offers: list[Offer]
    refusals: list[Refusal]
    cameras: Mapping[Camera, frozenset[str]]


def open_session(
    user: User, recorder: Recorder, wanted: Wanted, actor: Actor, now: datetime
) -> Session:
    """A session at a recorder the user may see, with every right the user has there now."""
    nonce = secrets.token_urlsafe(16)
    rights = camera_rights(user, recorder)
    offered, refused = offers(_facts(recorder, wanted, now))
    session_id = f"{nonce}.{_seal(nonce, user, recorder)}"
    if offered:
        record(
            recorder.organisation,
            actor,
            "session.opened",
            recorder,
            recorder=str(recorder.pk),
            path=wanted.path,
            cameras=[camera.name for camera in rights],
        )
        token = issue_token(user, recorder, session_id, now)
    else:  # nothing to use it for, and no line in the trail: a waiting page asks again and again
        session_id = nonce
        token = _sign(user, recorder, session_id, now, {}, NO_RIGHTS)
    return Session(session_id, recorder, token, offered, refused, rights)


def renew_session(user: User, recorder: Recorder, session_id: str, now: datetime) -> Token:
    """A fresh token of a session that was opened, and so is in the audit trail, with the rights of
    this moment: none once the owner has switched every path off. Raises SessionUnknown."""
    nonce, _, seal = session_id.partition(".")
    if not secrets.compare_digest(seal.encode(), _seal(nonce, user, recorder).encode()):
        raise SessionUnknown
    if recorder.network.enabled_paths() & set(recorder.capabilities):
        return issue_token(user, recorder, session_id, now)
    return _sign(user, recorder, session_id, now, {}, NO_RIGHTS)


def issue_token(user: User, recorder: Recorder, session_id: str, now: datetime) -> Token:
    """A fresh access token; the rights are read anew each time, so a withdrawn one ends here."""
    grants = {
        camera.number: rights & VIEWING_RIGHTS
        for camera, rights in camera_rights(user, recorder).items()
    }
    own = recorder_rights(user, recorder) & {"configure"}
    return _sign(user, recorder, session_id, now, grants, own)


def _sign(
    user: User,
    recorder: Recorder,
    session_id: str,
    now: datetime,
    grants: Mapping[int, frozenset[str]],
    own: frozenset[str],
) -> Token:
    seconds = int(now.timestamp())
    access = AccessToken(
        session_id=session_id,
        user_id=str(user.pk),
        organisation_id=str(recorder.organisation_id),
        recorder_id=str(recorder.pk),
        expires_at=seconds + ACCESS_LIFETIME_S,
        grants=grants,
        recorder_rights=own,
    )
    text = sign_access_token(portal_signer(), access, seconds)
    return Token(text, datetime.fromtimestamp(access.expires_at, UTC))


def _seal(nonce: str, user: User, recorder: Recorder) -> str:
    """Tells a session of this person at this recorder from one that nobody opened."""
    digest = salted_hmac(__name__, f"{nonce} {user.pk} {recorder.pk}", algorithm="sha256").digest()
    return urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def _facts(recorder: Recorder, wanted: Wanted, now: datetime) -> Facts:
    relays = [wanted.origin] if settings.IS_RELAY_EMBEDDED else settings.CONTERA_RELAY_URLS
    return Facts(
        recorder_id=str(recorder.pk),
        is_online=recorder.is_online(now),
        capabilities=frozenset(recorder.capabilities),
        enabled_paths=recorder.network.enabled_paths(),
        relay_urls=[_websocket_url(url) for url in relays],
        wanted_path=wanted.path,
    )


def _websocket_url(url: str) -> str:
    return "ws" + url.removeprefix("http")
