"""Signing in through an organisation's identity provider: there and back.

The way there is a link, not a form: the pages' policy lets forms go nowhere else. An address of an
organisation that does not exist looks like one that has no provider.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict
from datetime import datetime

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit import Actor, record
from accounts.client_address import client_address
from accounts.limits import Limit, take
from accounts.middleware import ORGANISATION_KEY
from accounts.models import IdentityProvider, Organisation
from accounts.outgoing.web import NotReached
from accounts.permissions import person_of
from accounts.single_sign_on import oidc_exchange, pending, people, providers, saml, sessions
from accounts.single_sign_on.identity import Identity, Refused
from accounts.single_sign_on.pending import Pending
from accounts.single_sign_on.people import ProofNeeded

TRIES = Limit("sign-on", 60, 60)  # of an address; each may ask the provider something
CONNECT_KEY = "sign_on_connect"  # in the session: who waits to be connected
TRIED_KEY = "sign_on_tried"  # in the session of the administrator: what came back
CONNECT_S = 900
ANSWER_S = 120  # from the provider's POST to the page that the browser opens next
Kind = IdentityProvider.Kind


@require_safe
def start(request: HttpRequest, handle: str) -> HttpResponse:
    """To the provider."""
    provider = _provider(handle)
    if provider is None or not provider.is_enabled:
        return redirect("sign-in-organisation", handle=handle)
    return leave(request, provider, Pending.new(str(provider.pk), _next_page(request)))


def leave(request: HttpRequest, provider: IdentityProvider, began: Pending) -> HttpResponse:
    """The browser goes to the provider and remembers what it began."""
    handle = provider.organisation.handle
    if take((TRIES, client_address(request))) is None:
        return _refused(request, handle, Refused("too_many", "Too many tries. Wait a minute."))
    try:
        if provider.kind == Kind.SAML:
            url, request_id = saml.begin(provider, handle)
            began = Pending(**{**asdict(began), "state": request_id})
        else:
            url = oidc_exchange.begin(provider, handle, began)
    except (NotReached, Refused) as error:
        return _refused(request, handle, _as_refused(error))
    response = redirect(url)
    pending.keep(response, began)
    return response


@require_safe
def oidc_answer(request: HttpRequest, handle: str) -> HttpResponse:
    """The redirect URI of OpenID Connect."""
    provider, began = _provider(handle), pending.kept(request)
    try:
        if provider is None or began is None or not _is_ours(provider, began, Kind.OIDC):
            raise _stale()
        if not secrets.compare_digest(request.GET.get("state", "").encode(), began.state.encode()):
            raise _stale()
        identity = oidc_exchange.finish(provider, handle, _code(request, provider), began)
    except (NotReached, Refused) as error:
        return _failed(request, handle, provider, _as_refused(error))
    return _arrive(request, provider, identity, began)


def _code(request: HttpRequest, provider: IdentityProvider) -> str:
    if request.GET.get("iss", provider.settings["issuer"]) != provider.settings["issuer"]:
        raise Refused("issuer", "The answer comes from another provider.")  # RFC 9207
    if error := request.GET.get("error", ""):
        words = (
            "You did not sign in" if error == "access_denied" else "The provider reports a fault"
        )
        raise Refused("provider", f"{words} ({error[:60]}).")
    return request.GET.get("code", "")[:4096]


@csrf_exempt
@require_POST
def saml_answer(request: HttpRequest, handle: str) -> HttpResponse:
    """Where the provider's page posts its answer, without our cookies: it comes from another site.
    What the provider signed waits under a name nobody can guess; `saml_finish` has the cookies."""
    provider = _provider(handle)
    if take((TRIES, client_address(request))) is None:
        return _refused(request, handle, Refused("too_many", "Too many tries. Wait a minute."))
    try:
        if provider is None or provider.kind != Kind.SAML:
            raise _stale()
        found = saml.read_response(provider, handle, request.POST.get("SAMLResponse", ""))
        _take_once(provider, found)
    except Refused as error:
        return _failed(request, handle, provider, error)
    ticket = secrets.token_urlsafe(32)
    cache.set(f"sign-on-answer:{ticket}", (str(provider.pk), found), ANSWER_S)
    return redirect(f"{reverse('sign-on-saml-finish', args=[handle])}?ticket={ticket}")


def _take_once(provider: IdentityProvider, found: saml.Assertion) -> None:
    """An assertion is presented once (Profiles §4.1.4.5)."""
    left = (found.usable_until - timezone.now()).total_seconds()
    kept_s = max(60, int(left) + 300)
    if not cache.add(f"sign-on-seen:{provider.pk}:{found.id}", 1, kept_s):
        raise Refused("replay", "This answer was used before.")


@require_safe
def saml_finish(request: HttpRequest, handle: str) -> HttpResponse:
    provider, began = _provider(handle), pending.kept(request)
    name = f"sign-on-answer:{request.GET.get('ticket', '')[:64]}"
    provider_id, found = cache.get(name) or ("", None)
    cache.delete(name)
    try:
        if provider is None or began is None or not _is_ours(provider, began, Kind.SAML):
            raise _stale()
        if found is None or provider_id != began.provider or found.request_id != began.state:
            raise _stale()
    except Refused as error:
        return _failed(request, handle, provider, error)
    return _arrive(request, provider, found.identity, began)


@require_safe
def saml_metadata(request: HttpRequest, handle: str) -> HttpResponse:
    """For the provider; the same whether there is such an organisation or not."""
    return HttpResponse(saml.portal_metadata(handle), content_type="application/samlmetadata+xml")


# --- Arriving -------------------------------------------------------------------------------------


def _arrive(
    request: HttpRequest, provider: IdentityProvider, identity: Identity, began: Pending
) -> HttpResponse:
    handle, now = provider.organisation.handle, timezone.now()
    if began.tried_by:
        return _tried(request, provider, identity, began)
    try:
        federation = people.sign_in(provider, identity, client_address(request), now)
    except Refused as error:
        return _failed(request, handle, provider, error)
    except ProofNeeded:
        request.session[CONNECT_KEY] = {
            "provider": str(provider.pk),
            "identity": asdict(identity),
            "at": now.timestamp(),
        }
        response = redirect("sign-on-connect", handle=handle)
    else:
        sessions.begin(request, federation, now, is_strong=identity.is_strong)
        request.session[ORGANISATION_KEY] = str(provider.organisation_id)
        response = redirect(began.next or settings.LOGIN_REDIRECT_URL)
    pending.forget(response)
    return response


def _tried(
    request: HttpRequest, provider: IdentityProvider, identity: Identity, began: Pending
) -> HttpResponse:
    """Nobody is signed in: the administrator sees what came back."""
    response = redirect("sign-on")
    pending.forget(response)
    if str(request.user.pk) == began.tried_by:
        providers.note_tried(provider, timezone.now())
        request.session[TRIED_KEY] = {"provider": str(provider.pk), **asdict(identity)}
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def connect(request: HttpRequest, handle: str) -> HttpResponse:
    """The person shows once that the account is theirs: by signing in to it."""
    provider = _provider(handle)
    identity = _waiting(request, provider, timezone.now())
    if provider is None or identity is None:
        return redirect("sign-in-organisation", handle=handle)
    if request.method == "POST":
        answer: HttpResponse = _connect(request, handle, provider, identity)
        return answer
    context = {"provider": provider, "identity": identity, "handle": handle}
    return render(request, "accounts/sign_on_connect.html", context)


@login_required
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth ships no types
def _connect(
    request: HttpRequest, handle: str, provider: IdentityProvider, identity: Identity
) -> HttpResponse:
    try:
        people.connect(provider, identity, person_of(request), Actor.of(request))
    except Refused as error:
        return _failed(request, handle, provider, error)
    request.session.pop(CONNECT_KEY, None)
    return redirect("sign-on-start", handle=handle)


def _waiting(
    request: HttpRequest, provider: IdentityProvider | None, now: datetime
) -> Identity | None:
    kept = request.session.get(CONNECT_KEY)
    if kept is None or provider is None or kept["provider"] != str(provider.pk):
        return None
    if now.timestamp() - kept["at"] > CONNECT_S:
        return None
    return Identity(**{**kept["identity"], "groups": tuple(kept["identity"]["groups"])})


# --- Shared ---------------------------------------------------------------------------------------


def _provider(handle: str) -> IdentityProvider | None:
    organisation = Organisation.objects.filter(handle=handle).first()
    return organisation and providers.provider_of(organisation)


def _is_ours(provider: IdentityProvider, began: Pending, kind: str) -> bool:
    return began.provider == str(provider.pk) and provider.kind == kind


def _next_page(request: HttpRequest) -> str:
    wanted = request.GET.get("next", "")[:500]
    is_here = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, None)
    return wanted if is_here else ""


def _stale() -> Refused:
    return Refused(
        "stale", "This sign-in was not begun in this browser, or took too long. Try again."
    )


def _as_refused(error: NotReached | Refused) -> Refused:
    return error if isinstance(error, Refused) else Refused("provider_away", str(error))


def _failed(
    request: HttpRequest, handle: str, provider: IdentityProvider | None, error: Refused
) -> HttpResponse:
    """In the audit trail when the provider spoke; what anybody can send in is not."""
    if provider is not None and error.code in ("disabled", "unknown", "connected", "not_member"):
        actor = Actor(None, provider.name, client_address(request))
        record(provider.organisation, actor, "person.sign_in_failed", reason=error.message)
    response = _refused(request, handle, error)
    pending.forget(response)
    return response


def _refused(request: HttpRequest, handle: str, error: Refused) -> HttpResponse:
    context = {"error": error, "handle": handle}
    status = 429 if error.code == "too_many" else 403
    return render(request, "accounts/sign_on_failed.html", context, status=status)
