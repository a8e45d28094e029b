"""`manage.py backup FOLDER`: the database and the keys, while everything runs."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from contera.backup import KEEP, BackupFailed, back_up


class Command(BaseCommand):
    help = f"Makes a backup in a new folder inside FOLDER, where the newest {KEEP} stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="where backups are kept")

    def handle(self, *args: Any, **options: Any) -> None:  # Django's signature
        try:
            made = back_up(options["folder"].resolve(), timezone.now())
        except BackupFailed as error:
            raise CommandError(str(error)) from None
        self.stdout.write(str(made))
