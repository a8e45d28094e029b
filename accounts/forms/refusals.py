"""What the rules refuse becomes an error of the form that asked for it."""

from __future__ import annotations

from collections.abc import Callable

from django import forms

from accounts.errors import NotPossible


def accepts(form: forms.Form, change: Callable[[], object]) -> bool:
    """Whether the change was made; if not, the form says why."""
    try:
        change()
    except NotPossible as error:
        form.add_error(None, error.message)
        return False
    return True
