"""One's own e-mail address."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import email_change
from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.forms.own import EmailForm
from accounts.forms.refusals import accepts
from accounts.permissions import person_of
from accounts.views.security import for_whole_account


@require_http_methods(["GET", "HEAD", "POST"])
@for_whole_account
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth ships no types
def change_email(request: HttpRequest) -> HttpResponse:
    user = person_of(request)
    form = EmailForm(request.POST or None)
    if form.is_valid():
        email = form.cleaned_data["email"]
        if accepts(form, lambda: email_change.ask(user, email, Actor.of(request))):
            context = {"email": email, "hours": email_change.LINK_HOURS}
            return render(request, "accounts/email_asked.html", context)
    return render(request, "accounts/email_change.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@for_whole_account
def follow_link(request: HttpRequest, token: str) -> HttpResponse:
    """Shows what would change; the change itself is a click, since mail programs open links."""
    user = person_of(request)
    change = email_change.read(token, user)
    if change is None:
        return render(request, "accounts/email_link_gone.html", status=404)
    if request.method == "POST":
        try:
            email_change.confirm(user, change, Actor.of(request))
        except NotPossible as error:
            messages.error(request, error.message)
        else:
            messages.success(request, f"You sign in as {user.login} from now on.")
        return redirect("account")
    return render(request, "accounts/email_confirm.html", {"change": change})
