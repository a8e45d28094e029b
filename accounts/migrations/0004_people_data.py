"""What the new fields hold for rows that were there: handles, built-in groups, the audit chain."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.utils.text import slugify

from accounts.audit_chain import line_hash


def fill(apps: Any, schema_editor: Any) -> None:  # Django's historical models
    _name_organisations(apps.get_model("accounts", "Organisation"))
    groups = apps.get_model("accounts", "Group")
    groups.objects.filter(is_administrators=True).update(built_in="administrators")
    for organisation in apps.get_model("accounts", "Organisation").objects.all():
        _chain(apps, organisation)


def _name_organisations(organisations: Any) -> None:
    taken: set[str] = set()
    for organisation in organisations.objects.order_by("created_at"):
        base = slugify(organisation.name)[:30].strip("-") or "org"
        handle = base if base not in taken else f"{base}-{str(organisation.pk)[:8]}"
        taken.add(handle)
        organisations.objects.filter(pk=organisation.pk).update(handle=handle)


def _chain(apps: Any, organisation: Any) -> None:
    entries = apps.get_model("accounts", "AuditEntry").objects
    previous, number = "", 0
    for entry in entries.filter(organisation=organisation).order_by("pk").iterator():
        number += 1
        names = ("actor_name", "action", "target", "detail", "address")
        facts = {name: getattr(entry, name) for name in names}
        digest = line_hash(previous, organisation.pk, number, entry.at, entry.actor_id, facts)
        entries.filter(pk=entry.pk).update(number=number, previous=previous, hash=digest)
        previous = digest
    heads = apps.get_model("accounts", "AuditHead").objects
    heads.create(organisation=organisation, number=number, hash=previous)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_people")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
