"""An administrator sets up the identity provider of the organisation, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit import Actor
from accounts.errors import NotPossible
from accounts.forms.refusals import accepts
from accounts.forms.single_sign_on import GroupMapForm, OidcForm, SamlForm, lines_of
from accounts.models import Federation, IdentityProvider, Organisation
from accounts.permissions import for_administrators, person_of
from accounts.single_sign_on import addresses, providers
from accounts.single_sign_on.pending import Pending
from accounts.single_sign_on.saml_metadata import expiry
from accounts.views.single_sign_on import TRIED_KEY, leave

Kind = IdentityProvider.Kind


@require_safe
@for_administrators
def settings_page(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    provider = providers.provider_of(organisation)
    return _page(request, organisation, provider)


def _page(
    request: HttpRequest,
    organisation: Organisation,
    provider: IdentityProvider | None,
    form: GroupMapForm | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {"provider": provider, "urls": _addresses(organisation)}  # templates'
    if provider is not None:
        kept = provider.settings
        context |= {
            "kept": kept,
            "connected": Federation.objects.filter(provider=provider).count(),
            "certificates": [expiry(one) for one in kept.get("certificates", [])],
            "tried": _tried(request, provider),
            "form": form or GroupMapForm(organisation, initial={"lines": lines_of(provider)}),
        }
    return render(request, "accounts/sign_on.html", context)


def _addresses(organisation: Organisation) -> dict[str, str]:
    """What the provider must be told."""
    names = {
        "entrance": "sign-in-organisation",
        "redirect": "sign-on-oidc",
        "acs": "sign-on-saml",
        "entity": "sign-on-saml-metadata",
    }
    handle = organisation.handle
    return {word: addresses.absolute(name, handle) for word, name in names.items()}


def _tried(request: HttpRequest, provider: IdentityProvider) -> dict[str, Any] | None:
    """What came back of the last try in this session, with the groups it would give."""
    kept = request.session.get(TRIED_KEY)
    if kept is None or kept["provider"] != str(provider.pk):
        return None
    names = {str(group.pk): group.name for group in provider.organisation.groups.all()}
    given = (provider.group_map.get(value) for value in kept["groups"])
    return {**kept, "given": sorted({names[pk] for pk in given if pk in names})}


@sensitive_post_parameters("secret")
@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth ships no types
def oidc(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    provider = providers.provider_of(organisation)
    initial = _initial(provider, Kind.OIDC)
    form = OidcForm(provider, request.POST or None, initial=initial)
    return _edit(request, organisation, form, Kind.OIDC)


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
@reauthentication_required  # type: ignore[untyped-decorator]  # as above
def saml(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    provider = providers.provider_of(organisation)
    initial = _initial(provider, Kind.SAML)
    form = SamlForm(provider, request.POST or None, request.FILES or None, initial=initial)
    return _edit(request, organisation, form, Kind.SAML)


def _initial(provider: IdentityProvider | None, kind: Kind) -> dict[str, Any]:
    if provider is None or provider.kind != kind:
        return {"groups_claim": "groups", "trusts_email": kind == Kind.SAML}
    return {
        "name": provider.name,
        "client_id": provider.client_id,
        "groups_claim": provider.groups_claim,
        "creates_people": provider.creates_people,
        **provider.settings,
    }


def _edit(
    request: HttpRequest, organisation: Organisation, form: OidcForm | SamlForm, kind: Kind
) -> HttpResponse:
    actor = Actor.of(request)
    if form.is_valid() and accepts(
        form, lambda: providers.configure(organisation, form.choice(), actor)
    ):
        request.session.pop(TRIED_KEY, None)
        messages.success(request, "Saved.")
        return redirect("sign-on")
    context = {
        "form": form,
        "kind": kind,
        "provider": providers.provider_of(organisation),
        "urls": _addresses(organisation),
    }
    return render(request, "accounts/sign_on_edit.html", context)


@require_safe
@for_administrators
def try_out(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """There and back, without signing anybody in."""
    provider = _required(organisation)
    began = Pending.new(str(provider.pk), tried_by=str(person_of(request).pk))
    return leave(request, provider, began)


@require_POST
@for_administrators
def state(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """`enabled` and `forced`, as switches send them."""
    provider = _required(organisation)
    actor = Actor.of(request)
    wanted = {"is_enabled": "enabled" in request.POST, "is_forced": "forced" in request.POST}
    _do(request, lambda: providers.set_state(provider, actor, **wanted), "Saved.")
    return redirect("sign-on")


@require_POST
@for_administrators
def groups(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    provider = _required(organisation)
    form = GroupMapForm(organisation, request.POST)
    actor = Actor.of(request)
    if form.is_valid() and accepts(
        form, lambda: providers.map_groups(provider, form.cleaned_data["lines"], actor)
    ):
        messages.success(request, "Saved. It counts when people sign in the next time.")
        return redirect("sign-on")
    return _page(request, organisation, provider, form)


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def remove(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    provider = _required(organisation)
    if request.method != "POST":
        connected = Federation.objects.filter(provider=provider).count()
        context = {"provider": provider, "connected": connected}
        return render(request, "accounts/sign_on_remove.html", context)
    actor = Actor.of(request)
    _do(request, lambda: providers.remove(provider, actor), f"{provider.name} is gone.")
    return redirect("sign-on")


def _required(organisation: Organisation) -> IdentityProvider:
    provider = providers.provider_of(organisation)
    if provider is None:
        raise Http404
    return provider


def _do(request: HttpRequest, change: Callable[[], object], done: str) -> None:
    try:
        change()
    except NotPossible as error:
        messages.error(request, error.message)
    else:
        messages.success(request, done)
