"""What the worker does for people. Mails are sent here, so that no page waits for a mail server and
none answers faster for an address that nobody has."""

from __future__ import annotations

from smtplib import SMTPException
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit_check_jobs, invitations, mail
from accounts.models import Membership, Organisation, User
from accounts.organisations import consent_mails, consents
from accounts.organisations.brands import brand_of
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
    invited = Membership.objects.select_related("user", "organisation__branding").filter(
        pk=membership_pk, state=Membership.State.INVITED
    )
    for membership in invited:
        context = {
            "membership": membership,
            "link": invitations.link_of(membership),
            "days": invitations.LIFETIME.days,
        }
        organisation = membership.organisation
        subject = f"Join {organisation} on {brand_of(organisation).name}"
        _send("invitation", subject, membership.user, organisation, context)


@_mail_task
def send_password_reset(email: str) -> None:
    """A link to choose a new password, if somebody with this address may sign in."""
    from accounts.services import is_in_use  # which wakes these tasks

    for user in User.objects.filter(email=email.strip().lower(), is_active=True):
        if is_in_use(user):
            context = {"user": user, "link": password_link(user)}
            organisation = mail.organisation_for(user)
            subject = f"Choose a new password for {brand_of(organisation).name}"
            _send("password_reset", subject, user, organisation, context)


@_mail_task
def send_second_factor_removed(user_pk: str, administrator: str) -> None:
    for user in User.objects.filter(pk=user_pk):
        link = f"{settings.CONTERA_BASE_URL}/account/security/"
        facts = {"user": user, "administrator": administrator, "link": link}
        organisation = mail.organisation_for(user)
        _send("second_factor_removed", "Your second factor was removed", user, organisation, facts)


@_mail_task
def send_password_changed(user_pk: str) -> None:
    for user in User.objects.filter(pk=user_pk):
        link = f"{settings.CONTERA_BASE_URL}/accounts/password/reset/"
        organisation = mail.organisation_for(user)
        subject = f"Your {brand_of(organisation).name} password was changed"
        _send("password_changed", subject, user, organisation, {"user": user, "link": link})


@shared_task(ignore_result=True)
def tell_about_consents() -> None:
    """Beat's, and woken by each step of a consent: ends what is over, writes about what is due."""
    now = timezone.now()
    consents.end_due(now)
    for consent_pk, event in consent_mails.due(now):
        with transaction.atomic():  # told again later when the queue does not take it
            if consent_mails.claim(consent_pk, event):
                for user_pk in consent_mails.recipients(consent_pk):
                    send_consent_mail.delay(str(consent_pk), event, str(user_pk))


@_mail_task
def send_consent_mail(consent_pk: str, event: str, user_pk: str) -> None:
    if found := consent_mails.compose(UUID(consent_pk), event, UUID(user_pk)):
        found.send()


@shared_task
def deliver_webhooks() -> None:
    """Woken by what happens, by the turn before, and by beat."""
    from accounts.webhooks import postman  # which wakes us

    if postman.take_turn():
        deliver_webhooks.delay()


@shared_task
def forget_webhook_deliveries() -> None:
    from accounts.webhooks import delivery

    delivery.forget_old(timezone.now())


def _send(
    template: str,
    subject: str,
    user: User,
    organisation: Organisation | None,
    context: dict[str, object],
) -> None:
    if user.email:  # who signs in by user name hears it from an administrator
        template = f"accounts/mail/{template}"
        mail.rendered(organisation, subject, template, context, [user.email]).send()


@shared_task(
    expires=60,  # beat's next comes then
    soft_time_limit=audit_check_jobs.TURN_S,
    time_limit=audit_check_jobs.KILLED_AFTER_S,
)
def keep_audit_trails() -> None:
    """Woken by beat, by who wants a check, and by the turn before."""
    if audit_check_jobs.take_turn():
        keep_audit_trails.delay()
