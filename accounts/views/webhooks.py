"""Webhooks of an organisation, and how their deliveries went."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.forms.refusals import accepts
from accounts.forms.webhooks import WebhookChangeForm, WebhookForm
from accounts.models import Organisation, Webhook, WebhookDelivery
from accounts.permissions import for_administrators, person_of
from accounts.querysets import OrganisationOwnedQuerySet
from accounts.webhooks import service

SHOWN = 50  # of the newest deliveries


@require_safe
@for_administrators
def webhooks(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    return render(request, "accounts/webhooks.html", {"webhooks": _mine(request, organisation)})


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def add(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    form = WebhookForm(request.POST or None)
    made: list[Webhook] = []

    def save() -> None:
        data, actor = form.cleaned_data, Actor.of(request)
        made.append(service.add_webhook(organisation, data["url"], data["events"], actor))

    if form.is_valid() and accepts(form, save):
        return _secret(request, made[0], made[0].secret)
    return render(request, "accounts/webhook_add.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def webhook(request: HttpRequest, organisation: Organisation, webhook_id: UUID) -> HttpResponse:
    found = _webhook(request, organisation, webhook_id)
    initial = {"url": found.url, "events": found.events, "is_enabled": found.is_enabled}
    form = WebhookChangeForm(request.POST or None, initial=initial)

    def save() -> None:
        service.change_webhook(found, actor=Actor.of(request), **form.cleaned_data)

    if form.is_valid() and accepts(form, save):
        messages.success(request, "Saved.")
        return redirect("webhook", found.pk)
    facts = {
        "webhook": found,
        "rests": found.rests(timezone.now()),
        "form": form,
        "deliveries": found.deliveries.all()[:SHOWN],
    }
    return render(request, "accounts/webhook.html", facts)


@require_POST
@for_administrators
def test(request: HttpRequest, organisation: Organisation, webhook_id: UUID) -> HttpResponse:
    try:
        service.send_test(_webhook(request, organisation, webhook_id), person_of(request))
    except NotPossible as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "A test is on its way. Load this page again to see how it went.")
    return redirect("webhook", webhook_id)


@require_POST
@for_administrators
def replace_secret(
    request: HttpRequest, organisation: Organisation, webhook_id: UUID
) -> HttpResponse:
    found = _webhook(request, organisation, webhook_id)
    return _secret(request, found, service.replace_secret(found, Actor.of(request)))


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def remove(request: HttpRequest, organisation: Organisation, webhook_id: UUID) -> HttpResponse:
    found = _webhook(request, organisation, webhook_id)
    if request.method != "POST":
        return render(request, "accounts/webhook_remove.html", {"webhook": found})
    service.remove_webhook(found, Actor.of(request))
    messages.success(request, "The webhook was removed.")
    return redirect("webhooks")


@require_POST
@for_administrators
def send_again(request: HttpRequest, organisation: Organisation, delivery_id: UUID) -> HttpResponse:
    mine = _mine(request, organisation)
    found = get_object_or_404(WebhookDelivery, pk=delivery_id, webhook__in=mine.values("pk"))
    if service.send_again(found):
        messages.success(request, "It is sent again.")
    else:
        messages.error(request, "This delivery is under way already.")
    return redirect("webhook", found.webhook_id)


def _webhook(request: HttpRequest, organisation: Organisation, webhook_id: UUID) -> Webhook:
    found: Webhook = get_object_or_404(_mine(request, organisation), pk=webhook_id)
    return found


def _mine(request: HttpRequest, organisation: Organisation) -> OrganisationOwnedQuerySet:
    """Without their secrets: a page is there, too, when no key opens them."""
    visible = Webhook.objects.visible_to(request.user).filter(organisation=organisation)
    return visible.defer("secret")


def _secret(request: HttpRequest, webhook: Webhook, secret: str) -> HttpResponse:
    """The one page that shows it."""
    facts = {"webhook": webhook, "secret": secret}
    return render(request, "accounts/webhook_secret.html", facts)
