from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0016_audit_check_jobs")]

    operations = [
        migrations.AddField(
            model_name="webhook",
            name="rests_until",
            field=models.DateTimeField(null=True),
        ),
    ]
