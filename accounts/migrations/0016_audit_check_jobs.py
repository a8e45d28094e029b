from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0015_session_keys_are_digests")]

    operations = [
        migrations.AddField(
            model_name="audithead",
            name="check_asked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="audithead",
            name="check_began_at",
            field=models.DateTimeField(null=True),
        ),
    ]
