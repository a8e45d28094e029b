"""`manage.py seal_audit harbour > harbour.seal`: something for an auditor to keep.

`manage.py verify_audit --seal harbour.seal` shows later whether the trail still is the same.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.audit_seals import make_seal, seal_text
from accounts.models import Organisation


class Command(BaseCommand):
    help = "Prints a signed seal of the newest line of an organisation's audit trail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("organisation", metavar="HANDLE")

    def handle(self, *args: Any, **options: Any) -> None:  # Django's signature
        organisation = Organisation.objects.filter(handle=options["organisation"]).first()
        if organisation is None:
            raise CommandError("there is no such organisation here", returncode=2)
        self.stdout.write(seal_text(make_seal(organisation, timezone.now())), ending="")
