"""What a consent's mails were about last stands in one field."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_audit_guards")]

    operations = [
        migrations.RemoveField("consent", "told_start_at"),
        migrations.RemoveField("consent", "told_end_at"),
        migrations.AddField("consent", "told", models.CharField(blank=True, max_length=10)),
        migrations.AlterField(
            "consent",
            "state",
            models.CharField(
                choices=[
                    ("requested", "Requested"),
                    ("given", "Given"),
                    ("declined", "Declined"),
                    ("withdrawn", "Withdrawn"),
                    ("ended", "Ended"),
                ],
                default="requested",
                max_length=10,
            ),
        ),
    ]
