from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_answers_are_encrypted")]

    operations = [
        migrations.AddField(
            model_name="auditentry",
            name="once",
            field=models.CharField(editable=False, max_length=64, null=True, unique=True),
        ),
        migrations.AddField(
            model_name="audithead",
            name="checked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="audithead",
            name="checked_number",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="audithead",
            name="fault",
            field=models.CharField(blank=True, max_length=254),
        ),
    ]
