"""A dealer's customers: their recorders, never their video, people or audit trail."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import invitations
from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.forms.organisation import ConsentForm
from accounts.forms.refusals import accepts
from accounts.models import Consent, Organisation
from accounts.organisations import consents, dealers
from accounts.organisations.outsiders import dealers_of
from accounts.permissions import for_dealers, person_of
from accounts.querysets import MAX_DEALER_LEVELS
from recorders.customers import customers_of, search
from recorders.forms.customers import AddCustomerForm
from recorders.models import ONLINE_WITHIN, Recorder

PAGE_SIZE = 50
SHOWN_OFFLINE = 10
SHOWN_CONSENTS = 10


@require_safe
@for_dealers
def customers(request: HttpRequest, dealer: Organisation) -> HttpResponse:
    wanted = request.GET.get("q", "").strip()[:100]
    found = search(customers_of(dealer, person_of(request), timezone.now()), wanted)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "recorders/customers.html", {"page": page, "wanted": wanted})


@require_http_methods(["GET", "HEAD", "POST"])
@for_dealers
def add(request: HttpRequest, dealer: Organisation) -> HttpResponse:
    may_add_dealers = len(dealers_of(dealer)) + 1 < MAX_DEALER_LEVELS
    form = AddCustomerForm(request.POST or None, may_add_dealers=may_add_dealers)
    made: list[Organisation] = []
    if form.is_valid() and accepts(form, lambda: made.append(_create(request, dealer, form))):
        messages.success(request, f"{made[0]} is there, and its first administrator is invited.")
        return redirect("customer", made[0].pk)
    return render(request, "recorders/customer_add.html", {"form": form})


def _create(request: HttpRequest, dealer: Organisation, form: AddCustomerForm) -> Organisation:
    found = form.cleaned_data
    return dealers.create_customer(
        dealer,
        found["name"],
        found["email"],
        found["person_name"],
        bool(found.get("is_dealer")),
        Actor.of(request),
    )


@require_safe
@for_dealers
def customer(request: HttpRequest, dealer: Organisation, customer_id: UUID) -> HttpResponse:
    found = _customer(request, dealer, customer_id)
    user, now = person_of(request), timezone.now()
    recorders = Recorder.objects.visible_to(user).filter(organisation=found)
    offline = recorders.exclude(last_seen_at__gte=now - ONLINE_WITHIN)
    mine = Consent.objects.visible_to(user).filter(organisation=found, dealer=dealer)
    invited = dealers.first_administrator(found)
    context = {
        "customer": found,
        "offline": offline.select_related("location").order_by("last_seen_at")[:SHOWN_OFFLINE],
        "consents": mine.select_related("organisation", "dealer")[:SHOWN_CONSENTS],
        "in_force": set(mine.in_force(now).values_list("pk", flat=True)),
        "may_ask": not mine.filter(state=Consent.State.REQUESTED).exists(),
        "invited": invited,
        "link": invitations.link_of(invited) if invited and not settings.IS_MAIL_CONFIGURED else "",
    }
    return render(request, "recorders/customer.html", context)


@require_POST
@for_dealers
def invite_again(request: HttpRequest, dealer: Organisation, customer_id: UUID) -> HttpResponse:
    found = _customer(request, dealer, customer_id)
    try:
        invited = dealers.invite_first_again(found, Actor.of(request))
    except NotPossible as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"The invitation goes to {invited.user.login} again.")
    return redirect("customer", found.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@for_dealers
def ask(request: HttpRequest, dealer: Organisation, customer_id: UUID) -> HttpResponse:
    found = _customer(request, dealer, customer_id)
    form = ConsentForm(request.POST or None, initial={"hours": 24})
    if form.is_valid() and accepts(
        form,
        lambda: consents.ask(found, dealer, form.wish(), Actor.of(request), timezone.now()),
    ):
        messages.success(request, _asked_words(found))
        return redirect("customer", found.pk)
    return render(request, "recorders/customer_ask.html", {"form": form, "customer": found})


def _asked_words(customer: Organisation) -> str:
    if settings.IS_MAIL_CONFIGURED:
        return f"The administrators of {customer} are asked by mail."
    return (
        f"The administrators of {customer} find it under Organisation, Consents. "
        "This portal sends no mail yet: tell them."
    )


@require_POST
@for_dealers
def give_back(
    request: HttpRequest, dealer: Organisation, customer_id: UUID, consent_id: UUID
) -> HttpResponse:
    """A request, or a consent that is no longer needed."""
    found = _customer(request, dealer, customer_id)
    mine = Consent.objects.visible_to(request.user).filter(organisation=found, dealer=dealer)
    consent = get_object_or_404(mine.select_related("organisation", "dealer"), pk=consent_id)
    try:
        consents.withdraw(consent, Actor.of(request), timezone.now())
    except NotPossible as error:
        messages.error(request, error.message)
    return redirect("customer", found.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@for_dealers
def leave(request: HttpRequest, dealer: Organisation, customer_id: UUID) -> HttpResponse:
    """By its own dealer; one above cannot part two others."""
    found = _customer(request, dealer, customer_id)
    if found.dealer_id != dealer.pk:
        messages.error(request, f"Only {found.dealer} can end this.")
        return redirect("customer", found.pk)
    if request.method == "POST":
        try:
            dealers.end_relation(found, Actor.of(request), timezone.now())
        except NotPossible as error:
            messages.error(request, error.message)
            return redirect("customer", found.pk)
        messages.success(request, f"You no longer manage {found}.")
        return redirect("customers")
    return render(request, "recorders/customer_leave.html", {"customer": found})


def _customer(request: HttpRequest, dealer: Organisation, customer_id: UUID) -> Organisation:
    mine = customers_of(dealer, person_of(request), timezone.now())
    found: Organisation = get_object_or_404(mine, pk=customer_id)
    return found
