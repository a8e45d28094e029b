"""What the worker does about sign-ins: no page answers faster for a name nobody has (A7)."""

from __future__ import annotations

from smtplib import SMTPException

from celery import shared_task
from django.conf import settings
from django.template.loader import render_to_string

from accounts import mail
from accounts.audit import Actor
from accounts.models import User
from accounts.organisations.brands import brand_of
from accounts.password_check import person_with

# What the person is told of: the audit trail's word for it, in a sentence.
NOTICES = {
    "person.app_added": "An authenticator app was set up for your account",
    "person.app_removed": "The authenticator app of your account was removed",
    "person.passkey_added": "A passkey was added to your account",
    "person.passkey_removed": "A passkey was removed from your account",
    "person.recovery_codes_made": "New recovery codes were made for your account",
    "person.email_changed": "The e-mail address of your account was changed",
    "person.email_asked": "Somebody asked to change the e-mail address of your account",
}


_mail_task = shared_task(
    autoretry_for=(SMTPException, OSError),
    retry_backoff=5,
    retry_backoff_max=300,
    max_retries=6,
)


@shared_task
def record_failed_sign_in(login: str, address: str | None) -> None:
    from accounts.sign_ins import record_for_person

    user = person_with(login)
    if user is not None:
        record_for_person(user, Actor(user, user.login, address), "person.sign_in_failed")


@_mail_task
def send_email_link(user_pk: str, email: str) -> None:
    """To the new address: the link, or that it has an account already (A7)."""
    from accounts import email_change

    for user in User.objects.filter(pk=user_pk, is_active=True):
        is_taken = User.objects.filter(email=email).exists()
        organisation = None if is_taken else mail.organisation_for(user)
        facts = {
            "user": user,
            "email": email,
            "link": email_change.link_of(user, email),
            "hours": email_change.LINK_HOURS,
        }
        template = "accounts/mail/email_taken" if is_taken else "accounts/mail/email_link"
        mail.rendered(organisation, "Your e-mail address", template, facts, [email]).send()


@_mail_task
def send_notice(user_pk: str, action: str, address: str | None, to: str = "") -> None:
    """To the person's address, or to `to`, which was theirs."""
    for user in User.objects.filter(pk=user_pk):
        receiver = to or user.email
        if not receiver:  # who signs in by user name sees it on the account page
            continue
        organisation = mail.organisation_for(user)
        facts = {
            "user": user,
            "what": NOTICES[action],
            "from_address": address,
            "link": f"{settings.CONTERA_BASE_URL}/account/security/",
            "brand": brand_of(organisation),
        }
        text = render_to_string("accounts/mail/notice.txt", facts)
        mail.message(organisation, NOTICES[action], text, [receiver]).send()
