"""Looking at the portal as a person sees it: begin, and end."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts import view_as
from accounts.errors import NotPossible
from accounts.models import Membership, Organisation
from accounts.permissions import for_administrators


@require_POST
@for_administrators
def begin(request: HttpRequest, organisation: Organisation, user_id: UUID) -> HttpResponse:
    people = Membership.objects.visible_to(request.user).filter(organisation=organisation)
    membership = get_object_or_404(people.select_related("user", "organisation"), user=user_id)
    try:
        view_as.begin(request, membership, timezone.now())
    except NotPossible as error:
        messages.error(request, error.message)
        return redirect("person", user_id)
    return redirect("home")


@require_POST
@login_required
def end(request: HttpRequest) -> HttpResponse:
    user_id = view_as.end(request, "ended by hand")
    return redirect("person", user_id) if user_id else redirect("home")
