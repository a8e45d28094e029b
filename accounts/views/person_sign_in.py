"""What administrators do about how somebody signs in: a link for a new password, signing out."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts import lost_second_factor, password_links, sessions
from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.models import Organisation
from accounts.permissions import for_administrators, person_of
from accounts.qr import qr_image
from accounts.views.people import find_person


@require_POST
@for_administrators
def password_link(request: HttpRequest, organisation: Organisation, user_id: UUID) -> HttpResponse:
    """The link is in this one answer and nowhere else, so there is no redirect to another page."""
    membership = find_person(request, organisation, user_id)
    try:
        link = password_links.link_to_hand_over(membership, Actor.of(request))
    except NotPossible as error:
        messages.error(request, error.message)
        return redirect("person", user_id)
    context = {"membership": membership, "link": link, "qr": qr_image(link)}
    return render(request, "accounts/password_link.html", context)


@require_POST
@for_administrators
def sign_out(request: HttpRequest, organisation: Organisation, user_id: UUID) -> HttpResponse:
    membership = find_person(request, organisation, user_id)
    sessions.sign_out_of_organisation(membership, Actor.of(request))
    messages.success(request, f"{membership} is signed out of {organisation}.")
    return redirect("person", user_id)


@require_POST
@for_administrators
def remove_second_factor(
    request: HttpRequest, organisation: Organisation, user_id: UUID
) -> HttpResponse:
    membership = find_person(request, organisation, user_id)
    try:
        lost_second_factor.remove_second_factor(membership, person_of(request), Actor.of(request))
    except NotPossible as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{membership} signs in with the password alone now.")
    return redirect("person", user_id)
