"""`manage.py rotate_secrets`, then the same with `--forget`: a new key for secrets at rest.

The first adds a key that only decrypts; where portal, worker and beat run on several hosts, copy
the file to all of them then. The second encrypts everything with it and drops the old keys.
Programs take the file up as it changes, without a restart.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction

from accounts.encrypted import EncryptedTextField, decrypt, encrypt, read_keys
from protocol import private_file

MFA_SECRETS = ("secret", "seed")  # of one-time codes, of recovery codes


class Command(BaseCommand):
    help = "Adds a key for stored secrets and encrypts them anew; --forget drops the old keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--forget",
            action="store_true",
            help="encrypt with the newest key and drop the others, once every host has it",
        )

    def handle(self, *args: Any, **options: Any) -> None:  # Django's signature
        path = settings.CONTERA_SECRETS_KEY_FILE
        keys = read_keys(path)
        if not options["forget"]:
            # Last: nobody encrypts with it before every host has it.
            private_file.replace(path, _lines([*keys, Fernet.generate_key().decode()]))
            self.stdout.write(f"{path} has a new key. Copy it to other hosts, if there are any,")
            self.stdout.write("then run `manage.py rotate_secrets --forget`.")
            return
        if len(keys) == 1:
            raise CommandError("There is one key alone: run the command without --forget first.")
        private_file.replace(path, _lines([keys[-1], *keys[:-1]]))
        count = encrypt_everything_anew()
        private_file.replace(path, _lines([keys[-1]]))
        self.stdout.write(f"{count} secrets are encrypted with the new key; the old ones are gone.")
        self.stdout.write("Copy the file to other hosts, if there are any.")


def _lines(keys: list[str]) -> bytes:
    return "".join(f"{key}\n" for key in keys).encode()


@transaction.atomic
def encrypt_everything_anew() -> int:
    """With the first key; the number of secrets. All of them or, on an error, none."""
    count = 0
    for row, name in _encrypted_fields():
        row.save(update_fields=[name])
        count += 1
    for authenticator in Authenticator.objects.select_for_update():
        for name in set(MFA_SECRETS) & set(authenticator.data):
            authenticator.data[name] = encrypt(decrypt(authenticator.data[name]))
            count += 1
        authenticator.save(update_fields=["data"])
    return count + _encrypt_sessions_anew()


def _encrypt_sessions_anew() -> int:
    """One that is used meanwhile is saved with the new key anyway."""
    count = 0
    for session in Session.objects.iterator():
        sealed = session.session_data
        try:
            anew = encrypt(decrypt(sealed))
        except ImproperlyConfigured:  # of a release before they were encrypted: it ends by itself
            continue
        same = Session.objects.filter(pk=session.pk, session_data=sealed)
        count += same.update(session_data=anew)
    return count


def _encrypted_fields() -> Iterator[tuple[models.Model, str]]:
    for model in apps.get_models():
        names = [f.name for f in model._meta.fields if isinstance(f, EncryptedTextField)]
        for name in names:
            rows = model._default_manager.exclude(**{name: ""}).select_for_update()
            for row in rows.only("pk", name).iterator():
                yield row, name
