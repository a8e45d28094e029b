from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("recorders", "0006_grants_data")]

    operations = [
        migrations.RemoveConstraint("grant", "grant_has_one_scope"),
        migrations.RemoveConstraint("grant", "grant_unique_everywhere"),
        migrations.RemoveConstraint("grant", "grant_unique_recorder"),
        migrations.RemoveConstraint("grant", "grant_unique_camera"),
        migrations.RemoveField("grant", "right"),
        migrations.AlterField("grant", "reason", models.TextField(max_length=500, blank=True)),
        migrations.AlterModelOptions("grant", {"ordering": ["pk"]}),
        migrations.AddIndex(
            "grant",
            models.Index(fields=["group"], condition=Q(is_judged=True), name="grant_judged"),
        ),
        migrations.AddConstraint(
            "grant",
            models.CheckConstraint(
                condition=Q(location=None, recorder=None)
                | Q(location=None, camera=None)
                | Q(recorder=None, camera=None),
                name="grant_has_one_scope",
            ),
        ),
        migrations.AddConstraint(
            "grant",
            models.CheckConstraint(
                condition=Q(camera=None) | Q(may_configure=False), name="grant_camera_no_configure"
            ),
        ),
        migrations.AddConstraint(
            "grant",
            models.CheckConstraint(
                condition=Q(footage_to__gt=F("footage_from"))
                | Q(footage_from=None)
                | Q(footage_to=None),
                name="grant_footage_in_order",
            ),
        ),
    ]
