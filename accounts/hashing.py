"""How passwords are kept."""

from __future__ import annotations

from contextlib import AbstractContextManager
from threading import BoundedSemaphore

from django.contrib.auth.hashers import Argon2PasswordHasher

HASHES_AT_ONCE = 4  # of one process; others wait some 50 ms each
_slots = BoundedSemaphore(HASHES_AT_ONCE)


def hashing_slot() -> AbstractContextManager[bool]:
    """Held while one password is hashed."""
    return _slots


class BoundedArgon2(Argon2PasswordHasher):
    """Argon2id as OWASP recommends it (46 MiB, one pass, one thread).

    Django's own takes 100 MiB, and the sign-in page is open to everybody: the thirty tries a minute
    that an address has, sent at once, would take 3 GB. So few run at a time.
    """

    time_cost = 1
    memory_cost = 46 * 1024  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _slots:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _slots:
            return super().verify(password, encoded)
