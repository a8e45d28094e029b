"""Secrets at rest: what the database holds of them is useless without the installation's keys.

`CONTERA_SECRETS_KEY_FILE` has one key a line, the newest first: it encrypts, the others still
decrypt. `manage.py rotate_secrets` adds a new one and encrypts everything anew.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from protocol import private_file


def encrypt(text: str) -> str:
    return _fernet(settings.CONTERA_SECRETS_KEY_FILE).encrypt(text.encode()).decode()


def decrypt(sealed: str) -> str:
    """Raises ImproperlyConfigured when no key of this installation opens it."""
    try:
        return _fernet(settings.CONTERA_SECRETS_KEY_FILE).decrypt(sealed.encode()).decode()
    except InvalidToken:
        fact = f"{settings.CONTERA_SECRETS_KEY_FILE} has no key that opens a stored secret"
        raise ImproperlyConfigured(fact) from None


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]  # no generic at run time
    """Text that is encrypted in the database; empty text stays empty. Cannot be searched."""

    def get_prep_value(self, value: Any) -> Any:  # Django's signature
        return encrypt(value) if value else ""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:  # Django's
        return decrypt(value) if value else value


def read_keys(path: Path) -> list[str]:
    """The keys, the newest first; one is made on first use."""
    if not path.exists():
        private_file.create_once(path, Fernet.generate_key() + b"\n")
    return [line for line in path.read_text().split() if line]


@lru_cache(maxsize=4)
def _fernet(path: Path) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in read_keys(path)])
    except ValueError:
        raise ImproperlyConfigured(f"{path}: holds something that is no key") from None
