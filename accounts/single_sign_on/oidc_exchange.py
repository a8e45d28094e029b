"""Talks to an OpenID provider: discovery, the code for tokens, keys. Decides nothing."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

from django.core.cache import cache

from accounts.models import IdentityProvider
from accounts.outgoing.web import NotReached, checked, fetch
from accounts.single_sign_on import addresses, oidc
from accounts.single_sign_on.identity import Identity, Refused
from accounts.single_sign_on.oidc import Claims, Endpoints
from accounts.single_sign_on.pending import Pending

KEPT_S = 3600  # discovery and keys
KEYS_AGAIN_S = 30  # for a key that is not known, asked anew this seldom


def discover(issuer: str) -> Endpoints:
    """Asks the provider. Raises NotReached, Refused."""
    reach = addresses.reach()
    checked(issuer, reach)
    answer = fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration", reach)
    if answer.status != 200:
        raise NotReached(f"The provider answers {answer.status} to the question what it offers.")
    return oidc.read_discovery(answer.json(), issuer, lambda url: checked(url, reach))


def begin(provider: IdentityProvider, handle: str, pending: Pending) -> str:
    """Where the browser goes. Raises NotReached, Refused."""
    redirect_uri = addresses.absolute("sign-on-oidc", handle)
    return oidc.authorization_url(_endpoints(provider), provider.client_id, redirect_uri, pending)


def finish(provider: IdentityProvider, handle: str, code: str, pending: Pending) -> Identity:
    """Whom the provider means by its code. Raises NotReached, Refused."""
    endpoints = _endpoints(provider)
    tokens = _tokens(provider, endpoints, handle, code, pending)
    id_token = str(tokens.get("id_token", ""))
    kid = oidc.key_id(id_token)
    claims = oidc.read_id_token(
        id_token, _keys(endpoints, kid), endpoints.issuer, provider.client_id, pending.nonce
    )
    if _lacks(claims, provider) and endpoints.userinfo:
        claims = {**_userinfo(endpoints, tokens, claims["sub"]), **claims}
    trusts_email = bool(provider.settings.get("trusts_email"))
    return oidc.read_identity(claims, provider.groups_claim, trusts_email=trusts_email)


def _lacks(claims: Claims, provider: IdentityProvider) -> bool:
    wanted = {"email", "name", provider.groups_claim} - {""}
    return not wanted <= claims.keys()


def _endpoints(provider: IdentityProvider) -> Endpoints:
    issuer = provider.settings["issuer"]
    known: Endpoints | None = cache.get(f"sign-on:{issuer}")
    if known is None:
        known = discover(issuer)
        cache.set(f"sign-on:{issuer}", known, KEPT_S)
    return known


def _tokens(
    provider: IdentityProvider, endpoints: Endpoints, handle: str, code: str, pending: Pending
) -> Claims:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": addresses.absolute("sign-on-oidc", handle),
        "code_verifier": pending.verifier,
    }
    headers = {"Accept": "application/json"}
    if provider.secret and endpoints.has_basic:
        headers["Authorization"] = _basic(provider.client_id, provider.secret)
    else:
        form["client_id"] = provider.client_id
        form |= {"client_secret": provider.secret} if provider.secret else {}
    answer = fetch(endpoints.token, addresses.reach(), form=form, headers=headers)
    if answer.status != 200:
        raise Refused("code", f"The provider refused the sign-in{_error_of(answer.body)}.")
    return answer.json()


def _basic(client_id: str, secret: str) -> str:
    """RFC 6749 §2.3.1: both are form-encoded first."""
    pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _error_of(body: bytes) -> str:
    """`invalid_client` and the like (RFC 6749 §5.2), which an administrator needs to know."""
    known = ("invalid_client", "invalid_grant", "unauthorized_client", "invalid_request")
    return next((f" ({word})" for word in known if word.encode() in body[:4096]), "")


def _keys(endpoints: Endpoints, kid: str | None) -> list[Claims]:
    """The provider's keys; asked again for one that is new (rollover)."""
    name = f"sign-on-keys:{endpoints.keys}"
    known: list[Claims] | None = cache.get(name)
    is_missing = known is None or (kid is not None and all(k.get("kid") != kid for k in known))
    if known is not None and (not is_missing or not cache.add(f"{name}:again", 1, KEYS_AGAIN_S)):
        return known
    answer = fetch(endpoints.keys, addresses.reach())
    found = answer.json().get("keys") if answer.status == 200 else None
    if not isinstance(found, list):
        raise NotReached("The provider does not tell its keys.")
    keys = [key for key in found if isinstance(key, dict)]
    cache.set(name, keys, KEPT_S)
    return keys


def _userinfo(endpoints: Endpoints, tokens: Claims, subject: Any) -> Claims:  # Any: as it came
    """Core §5.3: of the same subject, or it is not believed."""
    token = str(tokens.get("access_token", ""))
    if not (token.isascii() and token.isprintable()):
        raise Refused("token", "The provider's access token cannot be used.")
    headers = {"Authorization": f"Bearer {token}"}
    answer = fetch(endpoints.userinfo, addresses.reach(), headers=headers)
    found = answer.json() if answer.status == 200 else {}
    if found and found.get("sub") != subject:
        raise Refused("userinfo", "The provider told of somebody else.")
    return found
