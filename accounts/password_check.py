"""Whether a password is right: the same work for people who exist and for those who do not (A7)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.db.models import Q
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from accounts import onsite
from accounts.models import User


class PasswordBackend(ModelBackend):
    """By e-mail address or user name. A disabled person is found too: what becomes of them is
    decided after the password (accounts.adapter), so that nobody else learns of it."""

    @sensitive_variables("password")
    def authenticate(  # type: ignore[override]  # `login` is either of two fields
        self, request: HttpRequest | None, login: str = "", password: str = "", **others: Any
    ) -> User | None:
        user = person_with(login)
        if user is None or not user.password:
            make_password(password)  # one hash, as below
            return None
        if not user.check_password(password):
            return None
        onsite.password_seen(user, password)
        return user


def person_with(login: str) -> User | None:
    """In one query, whichever it is; services have no password and are nobody here."""
    wanted = login.strip().lower()
    if not wanted or "\x00" in wanted:  # PostgreSQL knows no such text
        return None
    return User.objects.filter(Q(email=wanted) | Q(username=wanted), is_service=False).first()
