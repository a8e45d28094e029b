"""`manage.py create_organisation "Harbour Ltd" admin@example.com`: for a first install."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts import invitations
from accounts.emails import validate_email
from accounts.services import create_organisation


class Command(BaseCommand):
    help = "Creates an organisation and prints the link by which its administrator joins it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="of the organisation")
        parser.add_argument("email", help="of its first administrator")
        parser.add_argument("--person-name", default="", help="how the administrator is called")
        parser.add_argument(
            "--dealer", action="store_true", help="it may create and manage customers"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # Django's signature
        try:
            validate_email(options["email"])
        except ValidationError:
            raise CommandError(f"{options['email']}: not an e-mail address") from None
        invited = create_organisation(
            options["name"],
            options["email"],
            options["person_name"],
            is_dealer=options["dealer"],
        )
        days = invitations.LIFETIME.days
        self.stdout.write(f"{invited.organisation} is there. {invited.user.login} joins it with")
        self.stdout.write(f"  {invitations.link_of(invited)}")
        self.stdout.write(f"The link works once, for {days} days.")
