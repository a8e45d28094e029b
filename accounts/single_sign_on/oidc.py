"""OpenID Connect Core 1.0, authorization code flow with PKCE (RFC 7636): what is asked, and what is
believed of the answers. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt

from accounts.single_sign_on.identity import Identity, Refused, made_identity
from accounts.single_sign_on.pending import Pending

# RFC 8725: signatures alone, never "none", never a shared key that a public one could be taken for.
KEY_TYPES = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
    "EdDSA": "OKP",
}
MIN_RSA_BITS = 2048
SKEW_S = 60  # between the clocks of provider and portal
MAX_TOKEN = 64 * 1024
SCOPES = "openid profile email"
STRONG_METHOD = "mfa"  # of `amr` (RFC 8176): several factors; the others may stand for one alone

Claims = dict[str, Any]  # Any: JSON of a stranger


@dataclass(frozen=True)
class Endpoints:
    """What discovery said."""

    issuer: str
    authorization: str
    token: str
    keys: str
    userinfo: str
    has_basic: bool  # how the portal proves itself: Basic, else in the form


def read_discovery(found: Claims, issuer: str, check: Callable[[str], object]) -> Endpoints:
    """OpenID Connect Discovery 1.0 §4.3; `check` raises for an unfit address. Raises Refused."""
    if found.get("issuer") != issuer:
        said = str(found.get("issuer"))[:120]
        raise Refused("issuer", f"The provider calls itself {said}, not {issuer}.")
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    for name in (*names, *(n for n in ("userinfo_endpoint",) if found.get(n))):
        if not isinstance(found.get(name), str):
            raise Refused("discovery", f"The provider's discovery document has no {name}.")
        check(found[name])
    methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return Endpoints(
        issuer=issuer,
        authorization=found["authorization_endpoint"],
        token=found["token_endpoint"],
        keys=found["jwks_uri"],
        userinfo=found.get("userinfo_endpoint") or "",
        has_basic="client_secret_basic" in methods,
    )


def authorization_url(
    endpoints: Endpoints, client_id: str, redirect_uri: str, pending: Pending
) -> str:
    challenge = _base64url(hashlib.sha256(pending.verifier.encode()).digest())
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": SCOPES,
        "state": pending.state,
        "nonce": pending.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    joint = "&" if urlsplit(endpoints.authorization).query else "?"
    return f"{endpoints.authorization}{joint}{urlencode(query)}"


def key_id(id_token: str) -> str | None:
    """Which of the provider's keys signed, unchecked. Raises Refused."""
    kid = _header(id_token).get("kid")
    return kid if isinstance(kid, str) else None


def read_id_token(
    id_token: str, keys: list[Claims], issuer: str, client_id: str, nonce: str
) -> Claims:
    """The claims (Core §3.1.3.7). Raises Refused with what is wrong."""
    algorithm = str(_header(id_token).get("alg"))
    key = _key(keys, key_id(id_token), algorithm)
    try:
        claims: Claims = jwt.decode(
            id_token,
            key,
            algorithms=[algorithm],
            audience=client_id,
            issuer=issuer,
            leeway=SKEW_S,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except jwt.PyJWTError as error:
        raise Refused("id_token", f"The provider's ID token is not valid: {error}.") from None
    _check_party(claims, client_id)
    said = claims.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise Refused("nonce", "The provider's answer belongs to another sign-in.")
    return claims


def _check_party(claims: Claims, client_id: str) -> None:
    party = claims.get("azp")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (party is None and several) or (party is not None and party != client_id):
        raise Refused("azp", "The provider's ID token was made for another application.")


def _header(id_token: str) -> Claims:
    if len(id_token) > MAX_TOKEN:
        raise Refused("id_token", "The provider's ID token is too long.")
    try:
        header: Claims = jwt.get_unverified_header(id_token)
    except jwt.PyJWTError:
        raise Refused("id_token", "The provider's answer holds no ID token.") from None
    if header.get("alg") not in KEY_TYPES:
        said = str(header.get("alg"))[:20]
        raise Refused("algorithm", f"The ID token is signed with {said}, which is not accepted.")
    return header


def _key(keys: list[Any], kid: str | None, algorithm: str) -> Any:  # Any: PyJWT's keys
    fit = [
        key
        for key in keys
        if isinstance(key, dict)
        and key.get("kty") == KEY_TYPES[algorithm]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    ]
    if len(fit) != 1:
        raise Refused("key", "The ID token is signed with a key that the provider does not name.")
    try:
        key = jwt.PyJWK.from_dict(fit[0], algorithm).key
    except jwt.PyJWTError:
        raise Refused("key", "The provider's key cannot be read.") from None
    if KEY_TYPES[algorithm] == "RSA" and key.key_size < MIN_RSA_BITS:
        raise Refused("key", f"The provider's key has less than {MIN_RSA_BITS} bits.")
    return key


def read_identity(claims: Claims, groups_claim: str, *, trusts_email: bool) -> Identity:
    """Raises Refused. `trusts_email`: the organisation vouches for the addresses, where the
    provider does not say whether it checked them."""
    is_vouched = trusts_email or claims.get("email_verified") is True
    methods = claims.get("amr")
    return made_identity(
        claims.get("sub"),
        claims.get("email") if is_vouched else "",
        claims.get("name"),
        claims.get(groups_claim) if groups_claim else None,
        is_strong=isinstance(methods, list) and STRONG_METHOD in methods,
    )


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
