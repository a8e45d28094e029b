import django.db.models.functions.text
from django.db import migrations, models

import accounts.ids


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_people_data")]

    operations = [
        migrations.AlterField(
            model_name="organisation",
            name="handle",
            field=models.SlugField(default=accounts.ids.random_handle, max_length=40, unique=True),
        ),
        migrations.AlterModelOptions(
            name="group",
            options={
                "ordering": [
                    models.Case(models.When(built_in="", then=1), default=0),
                    django.db.models.functions.text.Lower("name"),
                ]
            },
        ),
        migrations.RemoveField(
            model_name="group",
            name="is_administrators",
        ),
        migrations.AddConstraint(
            model_name="auditentry",
            constraint=models.UniqueConstraint(
                fields=("organisation", "number"), name="audit_number_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="group",
            constraint=models.UniqueConstraint(
                condition=models.Q(("built_in", ""), _negated=True),
                fields=("organisation", "built_in"),
                name="group_built_in_once",
            ),
        ),
    ]
