"""Every organisation gets the built-in groups Managers and Viewers; a group of its own that is
called so is called "Viewers (own)" from now on."""

from __future__ import annotations

from typing import Any

from django.db import migrations

NAMES = {"managers": "Managers", "viewers": "Viewers"}


def make(apps: Any, schema_editor: Any) -> None:  # Django's historical models
    groups = apps.get_model("accounts", "Group").objects
    for organisation in apps.get_model("accounts", "Organisation").objects.all():
        for kind, name in NAMES.items():
            mine = groups.filter(organisation=organisation)
            if mine.filter(built_in=kind).exists():
                continue
            for clashing in mine.filter(name__iexact=name):
                mine.filter(pk=clashing.pk).update(name=_free_name(mine, clashing.name))
            groups.create(organisation=organisation, name=name, built_in=kind)


def _free_name(groups: Any, name: str) -> str:
    words, number = f"{name} (own)", 1
    while groups.filter(name__iexact=words).exists():
        number += 1
        words = f"{name} (own {number})"
    return words


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_access_version")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
