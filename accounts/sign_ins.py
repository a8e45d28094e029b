"""Sign-ins, failed ones, sign-outs and new passwords: audited, and streams that must end, ended.

A sign-in is no matter of one organisation: each one that the person belongs to gets the line.
"""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.signals import password_changed, password_reset
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.http import HttpRequest

from accounts import tasks
from accounts.access import announce_change
from accounts.audit import Actor, record
from accounts.client_address import client_address
from accounts.models import Membership, Organisation, User

logger = logging.getLogger(__name__)


def connect() -> None:
    """Called once, when the app is ready."""
    user_logged_in.connect(_signed_in, dispatch_uid="accounts.sign_ins")
    user_logged_out.connect(_signed_out, dispatch_uid="accounts.sign_ins")
    user_login_failed.connect(_failed, dispatch_uid="accounts.sign_ins")
    password_changed.connect(_password_changed, dispatch_uid="accounts.sign_ins")
    password_reset.connect(_password_reset, dispatch_uid="accounts.sign_ins")


def record_for_person(user: User, actor: Actor, action: str, **detail: Any) -> None:
    """The line in the audit trail of every organisation that knows the person (Any: JSON)."""
    known = Membership.objects.filter(user=user).exclude(state=Membership.State.INVITED)
    for organisation in Organisation.objects.filter(memberships__in=known):
        record(organisation, actor, action, user.login, **detail)


# Django's and allauth's signals pass more than is used here, hence the keywords (Any: theirs).


def _signed_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    record_for_person(user, _actor(user, request), "person.signed_in")


def _signed_out(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        record_for_person(user, _actor(user, request), "person.signed_out")


def _failed(credentials: dict[str, Any], request: HttpRequest | None, **kwargs: Any) -> None:
    email = str(credentials.get("email", "")).lower()
    user = User.objects.filter(email=email).first()
    if user is None or request is None:
        logger.info("sign-in failed for an unknown address")
        return
    record_for_person(user, _actor(user, request), "person.sign_in_failed")


def _password_changed(request: HttpRequest, user: User, **kwargs: Any) -> None:
    _new_password(user, request, "person.password_changed")


def _password_reset(request: HttpRequest, user: User, **kwargs: Any) -> None:
    _new_password(user, request, "person.password_reset")


def _actor(user: User, request: HttpRequest) -> Actor:
    """Themselves, or whoever types their password: the address says more than the name."""
    return Actor(user, user.login, client_address(request))


def _new_password(user: User, request: HttpRequest, action: str) -> None:
    """Django ends the other browser sessions by itself; running streams end here (A6)."""
    record_for_person(user, _actor(user, request), action)
    announce_change([user])
    transaction.on_commit(lambda: tasks.send_password_changed.delay(str(user.pk)), robust=True)
