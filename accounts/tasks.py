"""Mails to people. Sent by the worker, so that no page waits for a mail server and none answers
faster for an address that nobody has."""

from __future__ import annotations

from smtplib import SMTPException

from celery import shared_task
from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string

from accounts import invitations
from accounts.models import Membership, User
from accounts.password_links import password_link

# A mail server may be away for a while; a person asks again sooner than that.
_mail_task = shared_task(
    autoretry_for=(SMTPException, OSError),
    retry_backoff=5,
    retry_backoff_max=300,
    max_retries=6,
)


@_mail_task
def send_invitation(membership_pk: int) -> None:
    """Twice is harmless: the link works once. Nothing is sent once it was used or withdrawn."""
    invited = Membership.objects.select_related("user", "organisation").filter(
        pk=membership_pk, state=Membership.State.INVITED
    )
    for membership in invited:
        context = {
            "membership": membership,
            "link": invitations.link_of(membership),
            "days": invitations.LIFETIME.days,
        }
        _send("invitation", f"Join {membership.organisation} on Contera", membership.user, context)


@_mail_task
def send_password_reset(email: str) -> None:
    """A link to choose a new password, if somebody with this address may sign in."""
    for user in User.objects.filter(email=email.strip().lower(), is_active=True):
        if user.has_usable_password():
            context = {"user": user, "link": password_link(user)}
            _send("password_reset", "Choose a new password for Contera", user, context)


@_mail_task
def send_password_changed(user_pk: str) -> None:
    for user in User.objects.filter(pk=user_pk):
        link = f"{settings.CONTERA_BASE_URL}/accounts/password/reset/"
        _send(
            "password_changed",
            "Your Contera password was changed",
            user,
            {"user": user, "link": link},
        )


def _send(template: str, subject: str, user: User, context: dict[str, object]) -> None:
    body = render_to_string(f"accounts/mail/{template}.txt", context)
    one_line = " ".join(subject.split())  # an organisation's name never starts a header
    if user.email:  # who signs in by user name hears it from an administrator
        send_mail(one_line, body, settings.DEFAULT_FROM_EMAIL, [user.email])
