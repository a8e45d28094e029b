"""Sessions are known by a digest of their cookie: who is signed in stays so."""

from __future__ import annotations

from hashlib import sha256

from django.db import migrations


def digest(apps, schema_editor):
    for label, model in (("sessions", "Session"), ("usersessions", "UserSession")):
        rows = apps.get_model(label, model).objects
        for cookie in rows.values_list("session_key", flat=True):
            key = sha256(cookie.encode()).hexdigest()[:40]
            rows.filter(session_key=cookie).update(session_key=key)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0014_api_token_by_provider"),
        ("sessions", "0001_initial"),
        ("usersessions", "0001_initial"),
    ]

    operations = [migrations.RunPython(digest, migrations.RunPython.noop)]
