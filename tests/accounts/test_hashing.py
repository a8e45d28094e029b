"""Passwords are expensive to guess, and cheap enough that asking does not stop the portal."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password

from accounts import hashing
from accounts.hashing import HASHES_AT_ONCE, BoundedArgon2


def test_only_few_are_computed_at_once():
    """A7: a hash takes 46 MiB."""
    for _ in range(HASHES_AT_ONCE):
        hashing._slots.acquire()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(BoundedArgon2().encode, "correct horse", "salty-salt")
        with pytest.raises(TimeoutError):
            waiting.result(0.1)
        for _ in range(HASHES_AT_ONCE):
            hashing._slots.release()
        assert waiting.result(10).startswith("argon2$argon2id$")


def test_what_django_kept_before_is_still_good_and_is_kept_anew(settings):
    settings.PASSWORD_HASHERS = ["accounts.hashing.BoundedArgon2"]
    kept = []
    former = Argon2PasswordHasher().encode("correct horse", "salty-salt")
    assert check_password("correct horse", former, kept.append)
    assert kept == ["correct horse"]
