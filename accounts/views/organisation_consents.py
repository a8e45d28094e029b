"""What a customer lets its dealer see: asked for, given, over; to answer, give and withdraw."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.forms.organisation import AnswerForm, GiveConsentForm
from accounts.forms.refusals import accepts
from accounts.models import Consent, Organisation
from accounts.organisations import consents as changes
from accounts.organisations.outsiders import dealers_of
from accounts.permissions import for_administrators
from accounts.querysets import ConsentQuerySet

PAGE_SIZE = 20


@require_safe
@for_administrators
def consents(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    mine, now = _consents(request, organisation), timezone.now()
    asked = mine.filter(state=Consent.State.REQUESTED)
    in_force = mine.in_force(now)
    past = mine.exclude(pk__in=asked.values("pk")).exclude(pk__in=in_force.values("pk"))
    context = {
        "asked": asked,
        "in_force": in_force,
        "page": Paginator(past, PAGE_SIZE).get_page(request.GET.get("page")),
        "dealers": dealers_of(organisation),
    }
    return render(request, "accounts/organisation_consents.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def give(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    dealers = dealers_of(organisation)
    if not dealers:
        return redirect("organisation-consents")
    form = GiveConsentForm(dealers, request.POST or None, initial={"hours": 24})
    if form.is_valid() and accepts(
        form,
        lambda: changes.give(
            organisation, form.chosen_dealer(), form.wish(), Actor.of(request), timezone.now()
        ),
    ):
        messages.success(request, f"{form.chosen_dealer()} may see video of {organisation} now.")
        return redirect("organisation-consents")
    context = {"form": form, "dealers": dealers}
    return render(request, "accounts/organisation_consent_give.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def answer(request: HttpRequest, organisation: Organisation, consent_id: UUID) -> HttpResponse:
    """`answer=decline` refuses; anything else gives what the form says."""
    consent = _consent(request, organisation, consent_id)
    is_declining = request.POST.get("answer") == "decline"
    form = AnswerForm(consent, None if is_declining else request.POST or None)
    actor, now = Actor.of(request), timezone.now()
    if is_declining and _done(request, lambda: changes.decline(consent, actor)):
        messages.success(request, f"{consent.dealer} is told that you declined.")
    elif form.is_valid():
        rights, hours = form.cleaned_data["rights"], form.cleaned_data["hours"]
        if _done(request, lambda: changes.accept(consent, rights, hours, actor, now)):
            messages.success(request, f"{consent.dealer} may see video now.")
    elif consent.state == Consent.State.REQUESTED and not is_declining:
        context = {"form": form, "consent": consent}
        return render(request, "accounts/organisation_consent_answer.html", context)
    return redirect("organisation-consents")


@require_POST
@for_administrators
def withdraw(request: HttpRequest, organisation: Organisation, consent_id: UUID) -> HttpResponse:
    consent = _consent(request, organisation, consent_id)
    if _done(request, lambda: changes.withdraw(consent, Actor.of(request), timezone.now())):
        messages.success(request, f"{consent.dealer} can no longer see video.")
    return redirect("organisation-consents")


def _consents(request: HttpRequest, organisation: Organisation) -> ConsentQuerySet:
    mine: ConsentQuerySet = Consent.objects.visible_to(request.user)
    named = mine.select_related("organisation", "dealer", "requested_by", "given_by")
    return named.filter(organisation=organisation)


def _consent(request: HttpRequest, organisation: Organisation, consent_id: UUID) -> Consent:
    found: Consent = get_object_or_404(_consents(request, organisation), pk=consent_id)
    return found


def _done(request: HttpRequest, change: Callable[[], object]) -> bool:
    """Whether the change was made; if not, the next page says why."""
    try:
        change()
    except NotPossible as error:
        messages.error(request, error.message)
        return False
    return True
