"""A second factor: an authenticator app, passkeys, recovery codes (allauth.mfa keeps them)."""

from __future__ import annotations

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import (
    AUTHENTICATION_METHODS_SESSION_KEY,
    record_authentication,
)
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import sign_in_limits
from accounts.circumstances import Circumstances
from accounts.models import Group, User
from accounts.querysets import with_circumstances

Type = Authenticator.Type
FACTORS = (Type.TOTP, Type.WEBAUTHN)  # recovery codes only stand in for one of these
CODE_REMEMBERED_S = 180  # longer than the app's code is taken for (A8)


class TooManyTries(Exception):
    """No code is looked at for now."""


def is_strong(request: HttpRequest, user: User) -> bool:
    """Whether this session showed a second factor or a passkey."""
    return any(r.get("method") == "mfa" for r in get_authentication_records(request, user))


def has_one(user: User) -> bool:
    return bool(Authenticator.objects.filter(user=user, type__in=FACTORS).exists())


def waiting_groups(user: User) -> QuerySet[Group]:
    """Those whose rights do not count before the person shows a second factor."""
    how = Circumstances(
        provider_of=user.circumstances.provider_of,
        only_organisation=user.circumstances.only_organisation,
        is_strong=True,
    )
    if user.circumstances.is_strong:
        return Group.objects.none()
    counting = Group.objects.in_force(with_circumstances(user, how))
    return counting.filter(requires_mfa=True).select_related("organisation")


def must_be_set_up(request: HttpRequest, user: User) -> bool:
    return not is_strong(request, user) and waiting_groups(user).exists()


def use_code(request: HttpRequest, user: User, code: str) -> Authenticator | None:
    """The one that the code is of, or None; a code works once. Raises TooManyTries."""
    counted = sign_in_limits.consume(request, user.login, "code")
    if counted is None:
        raise TooManyTries
    for authenticator in _with_codes(user):
        if authenticator.wrap().validate_code(code) and is_first_use(user, code):
            counted.give_back()
            return authenticator
    return None


def is_first_use(user: User, code: str) -> bool:
    """The app's codes are taken for a while; each of them once in that time (A8)."""
    plain = "".join(letter for letter in code if letter.isalnum())
    return bool(cache.add(f"code-used:{user.pk}:{plain}", True, timeout=CODE_REMEMBERED_S))


def codes_left(user: User) -> int | None:
    """Of the recovery codes; None without any."""
    codes = Authenticator.objects.filter(user=user, type=Type.RECOVERY_CODES).first()
    return len(codes.wrap().get_unused_codes()) if codes else None


def note_shown(request: HttpRequest, user: User, kind: str) -> None:
    """Setting one up showed it: from now on this session is as strong as one that signed in so."""
    record_authentication(request, user, "mfa", type=kind)


def forget_in_session(request: HttpRequest) -> None:
    """A session is as strong as what still is there: after a removal it is not."""
    records = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
    request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [
        record for record in records if record.get("method") != "mfa"
    ]


def weaken_tokens(user: User) -> None:
    """API tokens that were made after a factor which is gone now are like any other."""
    user.api_tokens.filter(is_strong=True).update(is_strong=False)


def _with_codes(user: User) -> QuerySet[Authenticator]:
    """The app first: its codes are the usual ones."""
    mine: QuerySet[Authenticator] = Authenticator.objects.filter(user=user)
    return mine.exclude(type=Type.WEBAUTHN).order_by("-type")


def wrong_code() -> ValidationError:
    return ValidationError("This code is not right, or it was used already.", "incorrect_code")
