"""A portal with one of everything, for the examples of the API's description.

In `contera/api_examples.json` things have the ids of IDS; here they have their own. What differs
with every run (new ids, times, secrets) is written there in one fixed form.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.audit import PORTAL
from accounts.models import ApiToken, Consent, Organisation, Webhook
from accounts.service_accounts import add_service
from recorders.models import Location, Preflight, RegistrationCode, WhitelistMail

NAMES = (
    *("organisation_id", "user_id", "group_id", "service_id", "service_token_id", "token_id"),
    *("recorder_id", "camera_id", "location_id", "code_id", "mail_id", "incident_id"),
    *("export_id", "webhook_id", "delivery_id", "consent_id", "customer_id", "grant_id"),
)
IDS = {name: f"0199c0de-0000-7000-8000-{place:012d}" for place, name in enumerate(NAMES, 1)}
NEW_ID = "0199c0de-0000-7000-8000-0000000000ff"
TIME = "2026-03-01T09:00:00Z"

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
_SECRETS = (
    (re.compile(r"ctr_[\w-]{20,}"), "ctr_W8u2sDfnRkT5yqvXbZ0aLmPcEhJ1oGiN3tKxV4rYsQ7"),
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+"), "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIuLi4ifQ.c2ln"),
    (re.compile(r"whsec_[\w+/=-]+"), "whsec_c2FtcGxlLXNlY3JldC1vZi10aGUtZG9jcw=="),
    (re.compile(r"\b[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}\b"), "7K3M-9QXA-0BCD-EFGH"),
)


def make_world(owner: Any, viewer: Any, recorder: Any, group: Any) -> dict[str, Any]:
    """The real id of each name of NAMES, and of what has a number (Any: rows of the cast)."""
    from incidents.models import Export, Incident, IncidentCamera

    now, organisation = timezone.now(), recorder.organisation
    camera = recorder.cameras.first()
    service = add_service(organisation, "Backup", [group], PORTAL)
    incident = Incident.objects.create(
        organisation=organisation,
        title="Van at the gate",
        start=now - timedelta(minutes=5),
        end=now,
        created_by=owner,
    )
    IncidentCamera.objects.create(incident=incident, camera=camera)
    export = Export.objects.create(incident=incident, requested_by=owner)
    webhook = Webhook.objects.create(
        organisation=organisation, url="https://vms.example.com/contera", secret="s"
    )
    location = Location.objects.create(organisation=organisation, name="Harbour gate")
    recorder.location = location
    recorder.save(update_fields=["location"])
    Preflight.objects.create(recorder=recorder, requested_at=now, state="done")
    code = RegistrationCode.objects.create(
        organisation=organisation, created_by=owner, digest="d", expires_at=now + timedelta(hours=1)
    )
    mail = WhitelistMail.objects.create(
        recorder=recorder, recipient="network@example.com", state=WhitelistMail.State.FAILED
    )
    return {
        "organisation_id": organisation.pk,
        "user_id": viewer.pk,
        "group_id": group.pk,
        "service_id": service.user_id,
        "service_token_id": ApiToken.issue(service.user, "nightly", now)[0].pk,
        "token_id": ApiToken.issue(owner, "script", now)[0].pk,
        "recorder_id": recorder.pk,
        "camera_id": camera.pk,
        "location_id": location.pk,
        "code_id": code.pk,
        "mail_id": mail.pk,
        "incident_id": incident.pk,
        "export_id": export.pk,
        "webhook_id": webhook.pk,
        "delivery_id": webhook.deliveries.create(event="webhook.test", state="failed").pk,
        "consent_id": _consent(organisation).pk,
        "session_id": _session(owner),
    }


def written(value: Any, world: dict[str, Any]) -> Any:  # Any: JSON
    """As the file of examples has it."""
    text = json.dumps(value)
    known = {str(pk): IDS[name] for name, pk in world.items() if name in IDS}
    text = _UUID.sub(lambda m: known.get(m[0], m[0] if m[0] in IDS.values() else NEW_ID), text)
    text = _TIME.sub(TIME, text)
    for pattern, sample in _SECRETS:
        text = pattern.sub(sample, text)
    return json.loads(text)


def meant(value: Any, world: dict[str, Any]) -> Any:  # Any: JSON
    """With the ids of this world in place of those of the file."""
    text = json.dumps(value)
    for name, pk in world.items():
        if name in IDS:
            text = text.replace(IDS[name], str(pk))
    return json.loads(text)


def _consent(organisation: Organisation) -> Consent:
    dealer = Organisation.objects.create(name="North Security", is_dealer=True)
    organisation.dealer = dealer
    organisation.save(update_fields=["dealer"])
    return Consent.objects.create(
        organisation=organisation, dealer=dealer, live=True, reason="The gate is dark"
    )


def _session(owner: Any) -> int:
    from allauth.usersessions.models import UserSession

    kept = {"user": owner, "ip": "192.0.2.1", "session_key": "another"}
    return int(UserSession.objects.create(**kept).pk)
