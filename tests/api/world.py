"""A portal with one of everything, for the examples of the API's description.

In `contera/api_examples.json` things have the ids of IDS; here they have their own. What differs
with every run (new ids, times, secrets) is written there in one fixed form.
"""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.utils import timezone

from accounts.audit import PORTAL
from accounts.models import ApiToken, Consent, IdentityProvider, Organisation, Webhook
from accounts.organisations.dealers import create_customer
from accounts.service_accounts import add_service
from accounts.services import add_person
from protocol.tokens import Signer, jwk_thumbprint, public_jwk, sign_recorder_token
from recorders.codes import digest_of
from recorders.models import Location, Preflight, RegistrationCode, WhitelistMail

NAMES = (
    *("organisation_id", "user_id", "group_id", "service_id", "service_token_id", "token_id"),
    *("recorder_id", "camera_id", "location_id", "code_id", "mail_id", "incident_id"),
    *("export_id", "webhook_id", "delivery_id", "consent_id", "customer_id", "grant_id"),
    *("dealer_id", "invited_id", "new_customer_id", "failed_export_id", "done_export_id"),
)
IDS = {name: f"0199c0de-0000-7000-8000-{place:012d}" for place, name in enumerate(NAMES, 1)}
NEW_ID = "0199c0de-0000-7000-8000-0000000000ff"
TIME = "2026-03-01T09:00:00Z"
CODE = "7K3M-9QXA-0BCD-EFGH"
# What stands in requests of the file in place of something of this world that is no UUID.
SAMPLES = {
    "session": "c2Vzc2lvbi1vZi10aGUtZXhhbXBsZQ",
    "access_token": "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIuLi4ifQ.c2ln",
    "unix_time": "1772355600",
}
# One key for what applies as a new recorder, and another for the recorder that is there.
NEW_KEY, KEY = (Ed25519PrivateKey.from_private_bytes(bytes([n] * 32)) for n in (1, 2))

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
_SECRETS = (
    (re.compile(r"ctr_[\w-]{20,}"), "ctr_W8u2sDfnRkT5yqvXbZ0aLmPcEhJ1oGiN3tKxV4rYsQ7"),
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+"), SAMPLES["access_token"]),
    (re.compile(r"whsec_[\w+/=-]+"), "whsec_c2FtcGxlLXNlY3JldC1vZi10aGUtZG9jcw=="),
    (re.compile(r"\b[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}\b"), CODE),
)


def make_world(
    owner: Any, viewer: Any, recorder: Any, group: Any, dealer: Organisation
) -> dict[str, Any]:
    """The real id of each name of NAMES, and of what has a number (Any: rows of the cast)."""
    now, organisation = timezone.now(), recorder.organisation
    camera = recorder.cameras.first()
    service = add_service(organisation, "Backup", [group], PORTAL)
    webhook = Webhook.objects.create(
        organisation=organisation, url="https://vms.example.com/contera", secret="s"
    )
    location = Location.objects.create(organisation=organisation, name="Harbour gate")
    recorder.location, recorder.public_key = location, public_jwk(KEY.public_key())
    recorder.save(update_fields=["location", "public_key"])
    Preflight.objects.create(recorder=recorder, requested_at=now, state="done")
    code = RegistrationCode.objects.create(
        organisation=organisation,
        created_by=owner,
        digest=digest_of(CODE),
        expires_at=now + timedelta(hours=1),
    )
    IdentityProvider.objects.create(
        organisation=organisation,
        kind="saml",
        name="Harbour accounts",
        settings={"entity_id": "https://login.example.com/saml"},
    )
    mail = WhitelistMail.objects.create(
        recorder=recorder, recipient="network@example.com", state=WhitelistMail.State.FAILED
    )
    invited = add_person(organisation, "eve@example.com", "Eve", [], PORTAL)
    return {
        "organisation_id": organisation.pk,
        "user_id": viewer.pk,
        "invited_id": invited.user_id,
        "group_id": group.pk,
        "grant_id": group.grants.get().pk,
        "service_id": service.user_id,
        "service_token_id": ApiToken.issue(service.user, "nightly", now)[0].pk,
        "token_id": ApiToken.issue(owner, "script", now)[0].pk,
        "recorder_id": recorder.pk,
        "camera_id": camera.pk,
        "location_id": location.pk,
        "code_id": code.pk,
        "mail_id": mail.pk,
        "webhook_id": webhook.pk,
        "delivery_id": webhook.deliveries.create(event="webhook.test", state="failed").pk,
        "session_id": _session(owner),
        **_incident(owner, camera, now),
        **_customers(organisation, dealer),
        **_watching(owner, recorder, now),
    }


def _incident(owner: Any, camera: Any, now: datetime) -> dict[str, Any]:
    """With an export that waits, one that failed, and one whose files are stored."""
    from incidents.models import Export, ExportedClip, Incident, IncidentCamera

    incident = Incident.objects.create(
        organisation=camera.recorder.organisation,
        title="Van at the gate",
        start=now - timedelta(minutes=5),
        end=now,
        created_by=owner,
    )
    IncidentCamera.objects.create(incident=incident, camera=camera)
    waiting, failed, done = (
        Export.objects.create(incident=incident, requested_by=owner, state=state)
        for state in ("queued", "failed", "done")
    )
    clip = ExportedClip.objects.create(export=done, camera=camera, start=now, state="verified")
    _store(done, clip)
    return {
        "incident_id": incident.pk,
        "export_id": waiting.pk,
        "failed_export_id": failed.pk,
        "done_export_id": done.pk,
        "clip_id": clip.pk,
    }


def _store(export: Any, clip: Any) -> None:
    """Files as a worker leaves them."""
    from incidents import manifest, naming

    clip.key, export.manifest_key = naming.clip_key(export, clip), naming.manifest_key(export)
    clip.size_bytes = len(b"video")
    clip.save()
    export.save()
    for key, content in (
        (clip.key, b"video"),
        (export.manifest_key, manifest.build(export, [clip])),
        (export.signature_key, b"e30..c2ln"),
    ):
        path = settings.CONTERA_DATA / "exports" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _customers(organisation: Organisation, dealer: Organisation) -> dict[str, Any]:
    """The organisation is one of the dealer's; nobody has joined another."""
    new = create_customer(dealer, "Quay", "first@quay.example", "", False, PORTAL)
    consent = Consent.objects.create(
        organisation=organisation, dealer=dealer, live=True, reason="The gate is dark"
    )
    return {
        "dealer_id": dealer.pk,
        "customer_id": organisation.pk,
        "new_customer_id": new.pk,
        "consent_id": consent.pk,
    }


def _watching(owner: Any, recorder: Any, now: datetime) -> dict[str, Any]:
    """A session that is open, its token, and the time."""
    from streaming.broker.facts import Page, Viewer
    from streaming.services import Wanted, open_session

    wanted = Wanted("auto", "http://testserver", Viewer("192.0.2.1", Page.NONE))
    session = open_session(owner, recorder, wanted, PORTAL, now)
    token = session.token.text
    return {"session": session.id, "access_token": token, "unix_time": int(now.timestamp())}


def applicant_token() -> str:
    """By which a new recorder proves its key."""
    signer = Signer(NEW_KEY, jwk_thumbprint(public_jwk(NEW_KEY.public_key())))
    return sign_recorder_token(signer, int(time.time()))


def recorder_token(world: dict[str, Any]) -> str:
    return sign_recorder_token(Signer(KEY, str(world["recorder_id"])), int(time.time()))


def written(value: Any, world: dict[str, Any]) -> Any:  # Any: JSON
    """As the file of examples has it."""
    text = json.dumps(value)
    named = [(str(pk), IDS[name]) for name, pk in world.items() if name in IDS]
    known = dict(reversed(named))  # the organisation is a customer too
    text = _UUID.sub(lambda m: known.get(m[0], m[0] if m[0] in IDS.values() else NEW_ID), text)
    text = _TIME.sub(TIME, text)
    for pattern, sample in _SECRETS:
        text = pattern.sub(sample, text)
    return json.loads(text)


def meant(value: Any, world: dict[str, Any]) -> Any:  # Any: JSON
    """With the ids of this world in place of those of the file."""
    text = json.dumps(value)
    for name, sample in (*IDS.items(), *SAMPLES.items()):
        text = text.replace(sample, str(world.get(name, sample)))
    return json.loads(text)


def _session(owner: Any) -> int:
    from allauth.usersessions.models import UserSession

    kept = {"user": owner, "ip": "192.0.2.1", "session_key": "another"}
    return int(UserSession.objects.create(**kept).pk)
