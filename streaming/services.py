"""Opens and renews viewing sessions: the one place where access tokens are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.conf import settings

from accounts.audit import Actor, record
from accounts.models import User
from accounts.signing import portal_signer
from protocol.tokens import (
    ACCESS_LIFETIME_S,
    PATHS,
    AccessToken,
    renew_after_s,
    sign_access_token,
)
from recorders.grants import NO_RIGHTS
from recorders.models import Camera, Recorder, RemoteNetworkSettings
from recorders.network_settings import range_spans
from recorders.policy import camera_rights, entitlement
from recorders.services.network import stun_servers
from streaming import session_names
from streaming.broker.facts import Facts, ManualAddress, Plan, Viewer
from streaming.broker.offers import offers
from streaming.viewing import is_first_lately, note_viewing

ALL_PATHS = frozenset(PATHS)
NO_PATHS: frozenset[str] = frozenset()
VIEWING_RIGHTS = frozenset({"live", "playback", "export", "ptz", "audio"})


class SessionUnknown(Exception):
    """Nobody opened this session, or another person did, or at another recorder."""


@dataclass(frozen=True)
class Token:
    text: str
    expires_at: datetime
    renew_after_s: int


@dataclass(frozen=True)
class Wanted:
    """What a viewer asks for: a path or `auto`, at the origin it knows the portal by."""

    path: str
    origin: str
    viewer: Viewer


@dataclass(frozen=True)
class Session:
    id: str
    recorder: Recorder
    token: Token
    plan: Plan
    cameras: Mapping[Camera, frozenset[str]]


def open_session(
    user: User, recorder: Recorder, wanted: Wanted, actor: Actor, now: datetime
) -> Session:
    """A session at a recorder the user may see, with every right the user has there now."""
    rights = camera_rights(user, recorder)
    plan = offers(_facts(recorder, wanted, now))
    client = user.circumstances.client
    session_id = session_names.make(wanted.path, client, user.pk, recorder.pk)
    if plan.offers:
        if is_first_lately(user.pk, recorder.pk, wanted.path):
            record(
                recorder.organisation,
                actor,
                "session.opened",
                recorder,
                recorder=str(recorder.pk),
                path=wanted.path,
                client=user.circumstances.client,
                session=session_id.partition(".")[0],
                cameras=[camera.name for camera in rights],
            )
        paths = _allowed_paths(recorder, wanted.path)
        token = issue_token(user, recorder, session_id, now, paths)
        note_viewing(user.pk, recorder.pk)
    else:  # nothing to use it for, and no line in the trail: a waiting page asks again and again
        session_id = session_id.partition(".")[0]
        token = powerless_token(user, recorder, session_id, now)
    return Session(session_id, recorder, token, plan, rights)


def renew_session(user: User, recorder: Recorder, session_id: str, now: datetime) -> Token:
    """A fresh token of a session that was opened, and so is in the audit trail, with the rights
    and ways of this moment: none once the owner has switched every path off.
    Raises SessionUnknown."""
    opened = session_names.read(session_id, user.pk, recorder.pk)
    if opened is None:
        raise SessionUnknown
    paths = _allowed_paths(recorder, opened.path)
    if paths & set(recorder.capabilities):
        note_viewing(user.pk, recorder.pk)
        return issue_token(user, recorder, session_id, now, paths)
    return powerless_token(user, recorder, session_id, now)


def issue_token(
    user: User,
    recorder: Recorder,
    session_id: str,
    now: datetime,
    paths: frozenset[str] = ALL_PATHS,
) -> Token:
    """A fresh access token; the rights are read anew each time, so a withdrawn one ends here.

    `paths` may carry video: any for the portal's own jobs, the owner's choice for viewers.
    """
    held = entitlement(user, recorder, now)
    grants = {
        camera.number: viewing
        for camera, rights in held.cameras.items()
        if (viewing := rights & VIEWING_RIGHTS)
    }
    access = replace(
        _access(user, recorder, session_id, now),
        grants=grants,
        recorder_rights=held.recorder_rights & {"configure"},
        paths=paths,
        footage=held.footage,
    )
    return _signed(access, now, _life_s(held.ends_at, now))


def _life_s(ends_at: datetime | None, now: datetime) -> int:
    """Of a token: it ends before anything that it says does."""
    if ends_at is None:
        return ACCESS_LIFETIME_S
    return max(0, min(ACCESS_LIFETIME_S, int(ends_at.timestamp()) - int(now.timestamp())))


def powerless_token(user: User, recorder: Recorder, session_id: str, now: datetime) -> Token:
    """Says who somebody is and nothing else: enough for signals of that person's own."""
    access = _access(user, recorder, session_id, now)
    return _signed(replace(access, recorder_rights=NO_RIGHTS, paths=NO_PATHS), now)


def _access(user: User, recorder: Recorder, session_id: str, now: datetime) -> AccessToken:
    return AccessToken(
        session_id=session_id,
        user_id=str(user.pk),
        organisation_id=str(recorder.organisation_id),
        recorder_id=str(recorder.pk),
        expires_at=0,  # said when it is signed
        address=user.circumstances.address,
    )


def _signed(access: AccessToken, now: datetime, life_s: int = ACCESS_LIFETIME_S) -> Token:
    text = sign_access_token(portal_signer(), access, now.timestamp(), life_s)
    ends_at = datetime.fromtimestamp(int(now.timestamp()) + life_s, UTC)
    return Token(text, ends_at, renew_after_s(life_s))


def _allowed_paths(recorder: Recorder, wanted: str) -> frozenset[str]:
    """What may carry video: the owner's choice, cut by what the viewer forced."""
    enabled = recorder.network.enabled_paths()
    return enabled if wanted == "auto" else enabled & {wanted}


def _facts(recorder: Recorder, wanted: Wanted, now: datetime) -> Facts:
    relays = [wanted.origin] if settings.IS_RELAY_EMBEDDED else settings.CONTERA_RELAY_URLS
    network = recorder.network
    return Facts(
        recorder_id=str(recorder.pk),
        is_online=recorder.is_online(now),
        capabilities=frozenset(recorder.capabilities),
        enabled_paths=network.enabled_paths(),
        relay_urls=[_websocket_url(url) for url in relays],
        wanted_path=wanted.path,
        viewer=wanted.viewer,
        host_key=recorder.public_key,
        external_address=recorder.external_address,
        local_addresses=recorder.local_addresses,
        http_port=recorder.http_port,
        lan_ranges=range_spans(network.lan_ranges),
        manual_address=_manual_address(network),
        nat_mapping=(recorder.nat or {}).get("mapping", "unknown"),
        stun=stun_servers(),
    )


def _manual_address(network: RemoteNetworkSettings) -> ManualAddress | None:
    if not network.manual_nat_address:
        return None
    return ManualAddress(
        network.manual_nat_address, network.manual_nat_port, network.is_manual_nat_https
    )


def _websocket_url(url: str) -> str:
    return "ws" + url.removeprefix("http")
