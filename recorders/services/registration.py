"""Registers recorders with one-time codes (R4: used once, short life, the owner is told)."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.db import transaction

from accounts.audit import Actor, record
from accounts.models import Organisation, User
from accounts.webhooks.service import announce
from recorders import codes, tasks
from recorders.models import Location, Recorder, RegistrationCode
from recorders.reports import Application
from recorders.services.network import create_settings
from recorders.services.presence import recorder_facts

NAMELESS = "New recorder"


class CodeRefused(Exception):
    """A code that registers nothing; `code` is for programs, the text for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def make_registration_code(
    organisation: Organisation,
    created_by: User,
    name: str,
    location: Location | None,
    actor: Actor,
    now: datetime,
) -> tuple[RegistrationCode, str]:
    """The saved row and the code itself, which nobody can read again."""
    text = codes.make_code(secrets.token_bytes(codes.RANDOM_BYTES))
    with transaction.atomic():
        row = RegistrationCode.objects.create(
            organisation=organisation,
            created_by=created_by,
            digest=str(codes.digest_of(text)),
            name=name,
            location=location,
            expires_at=now + RegistrationCode.LIFETIME,
        )
        record(organisation, actor, "registration_code.created", name, code=str(row.pk))
    return row, text


def withdraw_registration_code(row: RegistrationCode, actor: Actor) -> bool:
    """False when it was used in the meantime, or somebody else withdrew it."""
    with transaction.atomic():
        unused = RegistrationCode.objects.filter(pk=row.pk, used_at=None)
        if not unused.delete()[0]:
            return False
        record(row.organisation, actor, "registration_code.withdrawn", row.name, code=str(row.pk))
    return True


def register(application: Application, address: str | None, now: datetime) -> Recorder:
    """A new recorder for a code, which is used up by it; raises CodeRefused.

    The caller has checked that the applicant holds the private key.
    """
    digest = codes.digest_of(application.code)
    with transaction.atomic():
        row = _claim(digest, now)
        recorder = _create(row, application, address)
        create_settings(recorder)
        row.recorder = recorder
        row.save(update_fields=["recorder"])
        _tell_owner(row, recorder, address)
    return recorder


def _claim(digest: str | None, now: datetime) -> RegistrationCode:
    """Of two recorders that come with one code, one gets it."""
    found = RegistrationCode.objects.select_related("organisation", "location").filter(
        digest=digest
    )
    row: RegistrationCode | None = found.first() if digest else None
    if row is None:
        raise CodeRefused("code_unknown", "This code is not known. Check it for typing mistakes.")
    is_claimed = found.filter(used_at=None, expires_at__gt=now).update(used_at=now) == 1
    if is_claimed:
        row.used_at = now
        return row
    if row.used_at is None and row.expires_at <= now:
        raise CodeRefused("code_expired", "This code has expired. Codes are good for one hour.")
    raise CodeRefused("code_used", "This code was already used. Each code registers one recorder.")


def _create(row: RegistrationCode, application: Application, address: str | None) -> Recorder:
    return Recorder.objects.create(
        organisation=row.organisation,
        location=row.location,
        name=row.name or application.name or NAMELESS,
        public_key=application.public_key,
        model=application.model,
        version=application.version,
        external_address=address,
    )


def _tell_owner(row: RegistrationCode, recorder: Recorder, address: str | None) -> None:
    actor = Actor(None, f"recorder {recorder.name}", address)
    record(
        recorder.organisation,
        actor,
        "recorder.registered",
        recorder,
        recorder=str(recorder.pk),
        code=str(row.pk),
        model=recorder.model,
        version=recorder.version,
    )
    announce(recorder.organisation_id, "recorder.registered", recorder_facts(recorder))
    transaction.on_commit(lambda: tasks.send_registration_notice.delay(str(row.pk)), robust=True)
