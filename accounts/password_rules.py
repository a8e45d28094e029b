"""Which passwords are taken, beside Django's own rules (ASVS 5.0, V6.2)."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import Membership, User

MAX_LENGTH = 256  # a passphrase of any length that somebody types; more is only work for the hash
OUR_WORDS = ("contera", "password", "passwort", "recorder", "camera", "kamera", "welcome")
SHORT_REST = 5  # letters besides such words that make it a password of one's own
MIN_WORD = 3


class MaximumLength:
    def validate(self, password: str, user: User | None = None) -> None:
        if len(password) > MAX_LENGTH:
            raise ValidationError(f"At most {MAX_LENGTH} characters.", "too_long")

    def get_help_text(self) -> str:
        return f"At most {MAX_LENGTH} characters."


class NotOfKnownWords:
    """What anybody who knows the person or the organisation would try: its name and a year."""

    def validate(self, password: str, user: User | None = None) -> None:
        rest = _letters(password)
        words = sorted({*OUR_WORDS, *_words_about(user)}, key=len, reverse=True)
        for word in words:
            rest = rest.replace(word, "")
        if rest != _letters(password) and len(rest) < SHORT_REST:
            raise ValidationError(
                "Too easy to guess: it is made of your name or your organisation's.", "known_words"
            )

    def get_help_text(self) -> str:
        return "Not your name or your organisation's with some digits."


def _words_about(user: Any) -> set[str]:  # Any: None, or allauth's unsaved one
    if not isinstance(user, User):
        return set()
    names = [user.name, *user.login.split("@")]
    for membership in Membership.objects.filter(user=user).select_related("organisation"):
        names += [membership.name, membership.organisation.name, membership.organisation.handle]
    words = {_letters(word) for name in names for word in re.split(r"[\s.@_-]+", name)}
    return {word for word in words | {_letters(name) for name in names} if len(word) >= MIN_WORD}


def _letters(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalpha())
