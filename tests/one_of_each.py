"""One thing of each kind, for tests that walk all addresses of the portal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone


def one_of_each(owner: Any, viewer: Any, viewers: Any, recorder: Any) -> dict[str, Any]:
    """For each argument that addresses have, something of the owner's organisation (Any: rows of
    the cast, ids of any kind)."""
    from accounts.audit import PORTAL
    from accounts.models import ApiToken, Webhook
    from accounts.service_accounts import add_service
    from incidents.models import Export, ExportedClip, Incident, IncidentCamera
    from recorders.models import Grant, Location, RegistrationCode, WhitelistMail

    now, organisation = timezone.now(), recorder.organisation
    cameras = list(recorder.cameras.order_by("number"))
    service = add_service(organisation, "Backup", [], PORTAL)
    code = RegistrationCode.objects.create(
        organisation=organisation, created_by=owner, digest="d", expires_at=now + timedelta(hours=1)
    )
    incident = Incident.objects.create(
        organisation=organisation, title="Van", start=now - timedelta(minutes=5), end=now
    )
    IncidentCamera.objects.create(incident=incident, camera=cameras[0])
    webhook = Webhook.objects.create(organisation=organisation, url="https://a.test/", secret="s")
    export = Export.objects.create(incident=incident, requested_by=owner)
    return {
        "user_id": viewer.pk,
        "group_id": viewers.pk,
        "recorder_id": recorder.pk,
        "camera_id": cameras[0].pk,
        "code_id": code.pk,
        "mail_id": WhitelistMail.objects.create(recorder=recorder, recipient="a@b.test").pk,
        "token_id": ApiToken.issue(owner, "script", now)[0].pk,
        "location_id": Location.objects.create(organisation=organisation, name="Quay").pk,
        "incident_id": incident.pk,
        "export_id": export.pk,
        "grant_id": Grant.objects.create(group=viewers, may_export=True, holds_until=now).pk,
        "clip_id": ExportedClip.objects.create(export=export, camera=cameras[0], start=now).pk,
        "service_id": service.user_id,
        "service_token_id": ApiToken.issue(service.user, "script", now)[0].pk,
        "webhook_id": webhook.pk,
        "delivery_id": webhook.deliveries.create(event="webhook.test").pk,
        "customer_id": organisation.pk,
        "organisation_id": organisation.pk,
        "consent_id": _consent(organisation).pk,
        "light": "0b6a86",
        "dark": "58c1de",
        "digest": "0" * 64,
        "uidb36": "x",
        "handle": organisation.handle,
        "key": "set-password",
        "token": "forged",
        "pk": _passkey_of_nobody_here(),
        "session_id": _session(owner),
    }


def _passkey_of_nobody_here() -> int:
    from allauth.mfa.models import Authenticator

    from accounts.models import User

    person = User.objects.create_user("passkey@elsewhere.test")
    passkey = Authenticator(user=person, type="webauthn", data={"name": "Key", "credential": {}})
    passkey.save()
    return int(passkey.pk)


def _session(owner: Any) -> int:
    from allauth.usersessions.models import UserSession

    kept = {"user": owner, "ip": "192.0.2.1", "session_key": "another"}
    return int(UserSession.objects.create(**kept).pk)


def _consent(organisation: Any) -> Any:
    """One that the owner's dealer asks for."""
    from accounts.models import Consent, Organisation

    dealer = Organisation.objects.create(name="North Security", is_dealer=True)
    return Consent.objects.create(
        organisation=organisation, dealer=dealer, live=True, reason="The gate is dark"
    )
