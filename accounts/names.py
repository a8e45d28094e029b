"""Names of people, groups, organisations, recorders, locations and tokens: one rule for all."""

from __future__ import annotations

import unicodedata

from django import forms
from django.core.exceptions import ValidationError

# Marks that turn text around make one name look like another: none of them is needed in a name,
# the letters of right-to-left scripts carry their direction themselves.
_DIRECTION_MARKS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_INVISIBLE = frozenset("\u00ad\u180e\u200b\u2060\u2061\u2062\u2063\u2064\ufeff")
_LINE_ENDS = ("Zl", "Zp")


def without_extra_space(name: str) -> str:
    return " ".join(name.split())


def validate_name(name: str) -> None:
    """Raises ValidationError for what cannot be seen or what turns text around."""
    if any(unicodedata.category(letter) == "Cc" for letter in name):
        raise ValidationError("A name has no line breaks or control characters.", "control")
    if _DIRECTION_MARKS & set(name):
        raise ValidationError("A name has no marks that change the direction of text.", "direction")
    unseen = any(letter in _INVISIBLE or _is_unseen(letter) for letter in name)
    if unseen or (name and not name.strip()):
        raise ValidationError("A name has no characters that cannot be seen.", "invisible")


def _is_unseen(letter: str) -> bool:
    """Line ends by other names, and halves of characters, which no database stores."""
    category = unicodedata.category(letter)
    return category in (*_LINE_ENDS, "Cs")


class NameField(forms.CharField):
    """A form's field for a name: the rule above, and single spaces."""

    default_validators = [validate_name]

    def to_python(self, value: object) -> str:
        return without_extra_space(str(super().to_python(value) or "").strip(" "))
