"""An invitation: its link, and the page on which the person joins."""

from __future__ import annotations

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts import invitations
from accounts.audit import Actor
from accounts.client_address import client_address
from accounts.errors import NotPossible
from accounts.forms.passwords import FirstPasswordForm
from accounts.middleware import ORGANISATION_KEY
from accounts.models import Membership, User
from accounts.organisations.brands import brand_of
from accounts.services import accept_invitation, is_in_use

SESSION_KEY = "invitation"  # holds the token of the link


@require_safe
def follow_link(request: HttpRequest, token: str) -> HttpResponse:
    """Keeps the secret out of the page's own address, where logs and other pages could see it.

    Only for links that lead somewhere: a session is a row, and anybody may ask.
    """
    if invitations.find(token, timezone.now()) is None:
        return render(request, "accounts/invitation_gone.html", status=404)
    request.session[SESSION_KEY] = token
    return redirect("invitation")


@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest) -> HttpResponse:
    membership = invitations.find(request.session.get(SESSION_KEY, ""), timezone.now())
    if membership is None:
        return render(request, "accounts/invitation_gone.html", status=404)
    if request.user.is_authenticated and request.user != membership.user:
        return _page(request, membership)
    if is_in_use(membership.user):
        return _join_as_known(request, membership)
    return _join_with_password(request, membership)


def _join_as_known(request: HttpRequest, membership: Membership) -> HttpResponse:
    """What another organisation's identity provider vouches for is not enough to join this one."""
    is_known = request.user.is_authenticated
    vouched = request.user.circumstances.provider_of if isinstance(request.user, User) else None
    if (
        request.method != "POST"
        or not is_known
        or vouched not in (None, membership.organisation_id)
    ):
        return _page(request, membership)
    return _join(request, membership, None)


def _join_with_password(request: HttpRequest, membership: Membership) -> HttpResponse:
    form = FirstPasswordForm(membership.user, request.POST or None)
    if not form.is_valid():
        return _page(request, membership, form)
    return _join(request, membership, form.cleaned_data["new_password1"])


def _join(request: HttpRequest, membership: Membership, password: str | None) -> HttpResponse:
    actor = Actor(membership.user, membership.user.login, client_address(request))
    try:
        accept_invitation(membership, actor, password)
    except NotPossible:  # another request with the same link was faster
        return render(request, "accounts/invitation_gone.html", status=404)
    request.session.pop(SESSION_KEY, None)
    if password is None:
        response: HttpResponse = redirect("/recorders/")
    else:
        record_authentication(request, membership.user, "password")
        response = perform_login(request, membership.user, redirect_url="/recorders/")
    request.session[ORGANISATION_KEY] = str(membership.organisation_id)
    return response


def _page(
    request: HttpRequest, membership: Membership, form: FirstPasswordForm | None = None
) -> HttpResponse:
    brand = brand_of(membership.organisation)
    context = {"membership": membership, "form": form, "brand": brand}
    return render(request, "accounts/invitation.html", context)
