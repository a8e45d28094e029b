"""Secrets at rest: what the database holds of them is useless without the installation's keys.

`CONTERA_SECRETS_KEY_FILE` has one key a line: the first encrypts, all of them decrypt.
`manage.py rotate_secrets` replaces them.
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


class SecretLost(ImproperlyConfigured):
    """No key of this installation opens a stored secret."""


def encrypt(text: str) -> str:
    return _fernet().encrypt(text.encode()).decode()


def decrypt(sealed: str) -> str:
    """Raises SecretLost when no key of this installation opens it."""
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken:
        fact = f"{settings.CONTERA_SECRETS_KEY_FILE} has no key that opens a stored secret"
        raise SecretLost(fact) from None


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]  # no generic at run time
    """Text that is encrypted in the database; empty text stays empty. Cannot be searched."""

    def get_prep_value(self, value: Any) -> Any:  # Django's signature
        return encrypt(value) if value else ""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:  # Django's
        return decrypt(value) if value else value


def make_first_key(path: Path) -> None:
    if not path.exists():
        private_file.create_once(path, Fernet.generate_key() + b"\n")


def read_keys(path: Path) -> list[str]:
    """The keys as the file has them; one is made on first use."""
    make_first_key(path)
    return path.read_text().split()


def _fernet() -> MultiFernet:
    """Of the file as it is now: programs that run take up a new key by themselves."""
    path: Path = settings.CONTERA_SECRETS_KEY_FILE
    make_first_key(path)
    return _fernet_of(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _fernet_of(path: Path, changed_at: int) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in read_keys(path)])
    except ValueError:
        raise ImproperlyConfigured(f"{path}: holds something that is no key") from None
