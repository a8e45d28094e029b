import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

RIGHTS = ("live", "playback", "export", "ptz", "audio", "configure", "delete")
LIMITS = {
    "holds_from": models.DateTimeField(null=True, blank=True),
    "holds_until": models.DateTimeField(null=True, blank=True),
    "hours": models.JSONField(default=list, blank=True),
    "clients": models.JSONField(default=list, blank=True),
    "addresses": models.JSONField(default=list, blank=True),
    "footage_from": models.DateTimeField(null=True, blank=True),
    "footage_to": models.DateTimeField(null=True, blank=True),
    "is_judged": models.BooleanField(default=False, editable=False),
    "reason": models.TextField(max_length=500, blank=True, default=""),
    "created_at": models.DateTimeField(default=django.utils.timezone.now, editable=False),
}


def fields() -> dict[str, models.Field]:
    return {f"may_{right}": models.BooleanField(default=False) for right in RIGHTS} | LIMITS


class Migration(migrations.Migration):
    dependencies = [
        ("recorders", "0004_told"),
        ("accounts", "0005_people_rules"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        *[migrations.AddField("grant", name, field) for name, field in fields().items()],
        migrations.AddField(
            "grant",
            "location",
            models.ForeignKey(
                to="recorders.location",
                on_delete=django.db.models.deletion.CASCADE,
                null=True,
                blank=True,
                related_name="grants",
            ),
        ),
        migrations.AddField(
            "grant",
            "created_by",
            models.ForeignKey(
                to=settings.AUTH_USER_MODEL,
                on_delete=django.db.models.deletion.SET_NULL,
                null=True,
                related_name="+",
            ),
        ),
        migrations.CreateModel(
            "HiddenCamera",
            [
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "camera",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hidden_from",
                        to="recorders.camera",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hidden_cameras",
                        to="accounts.group",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["group", "camera"], name="hidden_camera_once")
                ]
            },
        ),
    ]
