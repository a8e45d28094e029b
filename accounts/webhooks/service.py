"""Changes to webhooks, and events on their way to them: checked, audited."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts import tasks
from accounts.audit import Actor, record
from accounts.errors import NotPossible
from accounts.limits import Limit, require
from accounts.models import Organisation, User, Webhook, WebhookDelivery
from accounts.outgoing.web import NotReached, checked
from accounts.webhooks import EVENTS, TEST
from accounts.webhooks.delivery import reach

MAX_WEBHOOKS = 10  # of an organisation
TESTS = Limit("webhook-tests", 60, 3600)  # of an organisation
MAX_WAITING = 1_000  # deliveries of a webhook: what comes after is lost, and said
SECRET_PREFIX = "whsec_"  # noqa: S105  so that scanners of leaked secrets know it

State = WebhookDelivery.State


@transaction.atomic
def add_webhook(
    organisation: Organisation, url: str, events: Collection[str], actor: Actor
) -> Webhook:
    """Its `secret` is to be shown now; it can be replaced, not read again. No events: all."""
    _require_fit(url, events)
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    if organisation.webhooks.count() >= MAX_WEBHOOKS:
        raise NotPossible("too_many_webhooks", f"There are {MAX_WEBHOOKS} webhooks already.")
    webhook = Webhook.objects.create(
        organisation=organisation,
        url=url,
        events=sorted(events),
        secret=_new_secret(),
        created_by=actor.user,
    )
    record(organisation, actor, "webhook.added", url, events=webhook.events)
    return webhook


@transaction.atomic
def change_webhook(
    webhook: Webhook, url: str, events: Collection[str], actor: Actor, *, is_enabled: bool
) -> None:
    _require_fit(url, events)
    before = _facts(webhook)
    webhook.url, webhook.events, webhook.is_enabled = url, sorted(events), is_enabled
    after = _facts(webhook)
    if before == after:
        return
    if is_enabled:
        webhook.failing_since = webhook.rests_until = None
    webhook.save(update_fields=["url", "events", "is_enabled", "failing_since", "rests_until"])
    record(webhook.organisation, actor, "webhook.changed", url, before=before, after=after)


@transaction.atomic
def replace_secret(webhook: Webhook, actor: Actor) -> str:
    """The new secret; the old one is void at once."""
    webhook.secret = secret = _new_secret()
    webhook.save(update_fields=["secret"])
    record(webhook.organisation, actor, "webhook.secret_replaced", webhook.url)
    return secret


@transaction.atomic
def remove_webhook(webhook: Webhook, actor: Actor) -> None:
    record(webhook.organisation, actor, "webhook.removed", webhook.url)
    webhook.delete()


def send_test(webhook: Webhook, user: User) -> WebhookDelivery:
    """A delivery like any other, also while the webhook is switched off. Raises NotPossible."""
    require(TESTS, webhook.organisation_id, "tests")
    return _enqueue(webhook, TEST, {"requested_by": user.login})


def send_again(delivery: WebhookDelivery) -> bool:
    """False when it is under way."""
    ended = WebhookDelivery.objects.filter(pk=delivery.pk, state__in=(State.DONE, State.FAILED))
    if not ended.update(state=State.QUEUED, attempt=0, not_before=None, error="", done_at=None):
        return False
    Webhook.objects.filter(pk=delivery.webhook_id).update(rests_until=None)
    _wake()
    return True


def announce(organisation_id: UUID, event: str, facts: Mapping[str, Any]) -> None:
    """Tells every webhook that listens to it; call it in the transaction of what happened."""
    listening = Webhook.objects.filter(organisation=organisation_id, is_enabled=True)
    for webhook in listening.defer("secret"):  # which is the postman's: nothing stops without a key
        if webhook.events and event not in webhook.events:
            continue
        waiting = webhook.deliveries.filter(state=State.QUEUED)
        if waiting.count() < MAX_WAITING:
            _enqueue(webhook, event, facts)


def _enqueue(webhook: Webhook, event: str, facts: Mapping[str, Any]) -> WebhookDelivery:
    delivery = WebhookDelivery.objects.create(webhook=webhook, event=event, payload=dict(facts))
    _wake()
    return delivery


def _wake() -> None:
    transaction.on_commit(tasks.deliver_webhooks.delay, robust=True)


def _require_fit(url: str, events: Collection[str]) -> None:
    try:
        checked(url, reach())
    except NotReached as error:
        raise NotPossible("bad_url", str(error)) from None
    if unknown := sorted(set(events) - set(EVENTS)):
        raise NotPossible("no_such_event", f"There is no event called {unknown[0][:60]}.")


def _new_secret() -> str:
    return SECRET_PREFIX + secrets.token_urlsafe(32)


def _facts(webhook: Webhook) -> dict[str, Any]:
    return {"url": webhook.url, "events": webhook.events, "enabled": webhook.is_enabled}
