"""Steps of signing in, and passwords, where allauth's own are not enough."""

from __future__ import annotations

from allauth.account import views as allauth_views
from allauth.account.internal.stagekit import clear_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.permissions import person_of
from accounts.views.security import for_whole_account


@require_POST
def start_again(request: HttpRequest) -> HttpResponse:
    """Gives a half-made sign-in up: somebody else sits here, or the code does not come."""
    clear_login(request)
    return redirect("account_login")


@for_whole_account
def change_password(request: HttpRequest) -> HttpResponse:
    if not person_of(request).has_usable_password():
        raise PermissionDenied("Your account has no password: you sign in another way.")
    response: HttpResponse = allauth_views.password_change(request)
    return response
