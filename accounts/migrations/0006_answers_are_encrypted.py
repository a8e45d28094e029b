"""Answers of the API may hold a new token: they are kept encrypted."""

from __future__ import annotations

from django.db import migrations

import accounts.encrypted


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_people_rules")]

    operations = [
        migrations.RemoveField("idempotentanswer", "body"),
        migrations.AddField(
            "idempotentanswer",
            "body",
            accounts.encrypted.EncryptedTextField(blank=True, default=""),
        ),
    ]
