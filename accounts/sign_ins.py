"""Sign-ins, failed ones, sign-outs, new passwords and second factors: audited, and what must end
with them, ended.

A sign-in is no matter of one organisation: each one that the person belongs to gets the line.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.signals import password_changed, password_reset
from allauth.mfa import signals as mfa_signals
from allauth.mfa.models import Authenticator
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.http import HttpRequest
from kombu.exceptions import OperationalError

from accounts import second_factor, sign_in_tasks, tasks
from accounts.access import announce_change
from accounts.audit import Actor, record
from accounts.client_address import client_address
from accounts.models import Membership, Organisation, User

logger = logging.getLogger(__name__)

MAX_LOGIN = 254  # longer ones nobody has
_KINDS = {"totp": "app", "webauthn": "passkey", "recovery_codes": "recovery code"}


def connect() -> None:
    """Called once, when the app is ready."""
    for signal, receiver in (
        (user_logged_in, _signed_in),
        (user_logged_out, _signed_out),
        (user_login_failed, _failed),
        (password_changed, _password_changed),
        (password_reset, _password_reset),
        (mfa_signals.authenticator_added, _factor_added),
        (mfa_signals.authenticator_removed, _factor_removed),
        (mfa_signals.authenticator_reset, _codes_made),
    ):
        signal.connect(receiver, dispatch_uid="accounts.sign_ins")


def record_for_person(user: User, actor: Actor, action: str, **detail: Any) -> None:
    """The line in the audit trail of every organisation that knows the person (Any: JSON). What is
    done in a session of an organisation's identity provider is of that one alone."""
    known = Membership.objects.filter(user=user).exclude(state=Membership.State.INVITED)
    if (provider_of := user.circumstances.provider_of) is not None:
        known = known.filter(organisation=provider_of)
    for organisation in Organisation.objects.filter(memberships__in=known).order_by("pk"):
        record(organisation, actor, action, user.login, **detail)


# Django's and allauth's signals pass more than is used here, hence the keywords (Any: theirs).


def _signed_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    from accounts import sessions

    sessions.begin(request.session, time.time())
    record_for_person(user, _actor(user, request), "person.signed_in", by=_ways(request, user))


def _signed_out(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        record_for_person(user, _actor(user, request), "person.signed_out")
        announce_change([user])


def _failed(credentials: dict[str, Any], request: HttpRequest | None, **kwargs: Any) -> None:
    """The worker looks up whether anybody is called so."""
    login = str(credentials.get("login", ""))[:MAX_LOGIN]
    if request is None or not login:
        return
    try:
        sign_in_tasks.record_failed_sign_in.delay(login, client_address(request))
    except (OperationalError, OSError) as error:
        logger.warning("a failed sign-in is not in the audit trail: %s", error)


def _password_changed(request: HttpRequest, user: User, **kwargs: Any) -> None:
    tell_new_password(user, _actor(user, request), "person.password_changed")


def _password_reset(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Whoever resets it may have lost it to somebody: what was made with it goes too."""
    from accounts.api_tokens import withdraw_all

    withdraw_all(user, _actor(user, request))
    tell_new_password(user, _actor(user, request), "person.password_reset")


def _factor_added(
    request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any
) -> None:
    kind = authenticator.type
    if kind == second_factor.Type.RECOVERY_CODES:
        return  # they come with the first of the others
    action = "person.passkey_added" if kind == second_factor.Type.WEBAUTHN else "person.app_added"
    _protection_changed(user, request, action)
    announce_change([user])


def _factor_removed(
    request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any
) -> None:
    """What was shown by it no longer counts: not here, and other sessions end."""
    from accounts import sessions

    kind = authenticator.type
    if kind == second_factor.Type.RECOVERY_CODES:
        return
    second_factor.forget_in_session(request)
    second_factor.weaken_tokens(user)
    sessions.end_other_sessions(user, request.session.session_key, _actor(user, request))
    is_passkey = kind == second_factor.Type.WEBAUTHN
    action = "person.passkey_removed" if is_passkey else "person.app_removed"
    _protection_changed(user, request, action)
    announce_change([user])


def _codes_made(request: HttpRequest, user: User, **kwargs: Any) -> None:
    _protection_changed(user, request, "person.recovery_codes_made")


def _protection_changed(user: User, request: HttpRequest, action: str) -> None:
    record_for_person(user, _actor(user, request), action)
    notify(user, action, client_address(request))


def notify(user: User, action: str, address: str | None, to: str = "") -> None:
    """The person hears of it by mail."""
    send = sign_in_tasks.send_notice.delay
    transaction.on_commit(lambda: send(str(user.pk), action, address, to), robust=True)


def _actor(user: User, request: HttpRequest) -> Actor:
    """Themselves, or whoever types their password: the address says more than the name."""
    return Actor(user, user.login, client_address(request))


def _ways(request: HttpRequest, user: User) -> list[str]:
    """`["password", "app"]`: what was shown, in this order."""
    records = get_authentication_records(request, user)
    ways = (_KINDS.get(r.get("type", ""), r["method"]) for r in records)
    return list(dict.fromkeys(ways))


def tell_new_password(user: User, actor: Actor, action: str) -> None:
    """Django ends the other browser sessions by itself; running streams end here (A6)."""
    record_for_person(user, actor, action)
    announce_change([user])
    transaction.on_commit(lambda: tasks.send_password_changed.delay(str(user.pk)), robust=True)
