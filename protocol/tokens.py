"""Signed tokens (JWT, RFC 7519, Ed25519 as RFC 8037): who may do what at which recorder.

| kind         | signed by | checked by                 | lifetime            |
|--------------|-----------|----------------------------|---------------------|
| access token | portal    | recorder and relay         | ACCESS_LIFETIME_S   |
| relay pass   | portal    | relay                      | PASS_LIFETIME_S     |
| recorder token | recorder | portal (registered key)   | RECORDER_LIFETIME_S |

Every function takes the time as an argument; nothing here reads a clock or a random source.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol import footage as footage_spans
from protocol.errors import ProtocolError
from protocol.footage import Footage, Spans

PATHS = ("manual_nat", "lan", "p2p", "relay")  # ways to carry video, the preferred first
RIGHTS = ("live", "playback", "export", "ptz", "audio", "configure", "delete")

ACCESS_LIFETIME_S = 60  # a withdrawn right ends everywhere within this time
ACCESS_RENEW_S = 30  # viewers renew at half the lifetime: one failed try does no harm
PASS_LIFETIME_S = 3600  # renewed by every heartbeat
RECORDER_LIFETIME_S = 60
LEEWAY_S = 5  # clocks of portal and relay
ORDER_S = 0.1  # clocks of a portal's machines: which came first, a token or a change of rights
RECORDER_LEEWAY_S = 300  # a recorder's clock may be off; its portal tells it by how much
ACCESS_CHANGE = "access-change"  # the session of the portal's word that rights changed: no viewer's

MAX_TOKEN_BYTES = 8 * 1024
_ALGORITHM = "EdDSA"

Jwk = dict[str, str]


def renew_after_s(life_s: int) -> int:
    """When a viewer should renew a token of this life: one that ends early, earlier."""
    return max(1, min(ACCESS_RENEW_S, life_s // 2))


class TokenError(ProtocolError):
    """A token that must not be believed; `code` is `token_expired`, `token_invalid` or
    `token_not_for_this`."""


@dataclass(frozen=True)
class AccessToken:
    """What a viewer may do at one recorder until `expires_at` (Unix seconds).

    `grants` maps camera numbers to rights; `recorder_rights` holds for the recorder itself. Only
    `paths` may carry video; signalling and questions to the recorder itself may use any.
    `footage` limits which recorded video a right is about; `address` is the viewer's, as the
    portal saw it.
    """

    session_id: str
    user_id: str
    organisation_id: str
    recorder_id: str
    expires_at: int
    grants: Mapping[int, frozenset[str]] = field(default_factory=dict)
    recorder_rights: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset(PATHS)
    issued_at: float = 0  # set when a token is verified; to the millisecond
    footage: Footage = field(default_factory=dict)
    address: str | None = None

    @property
    def is_access_change(self) -> bool:
        """The portal's word that the rights of this person changed when it was issued; viewers get
        no such token."""
        return self.session_id == ACCESS_CHANGE

    def allows(self, right: str, camera: int) -> bool:
        return right in self.grants.get(camera, frozenset())

    def spans(self, right: str, camera: int) -> Spans:
        """Which recorded video of the camera the right is about, Unix seconds; none without it."""
        if not self.allows(right, camera):
            return footage_spans.NONE
        return self.footage.get((right, camera), footage_spans.ALL)

    def covers(self, right: str, camera: int, start: float, end: float) -> bool:
        """Whether all of `start` to `end` (Unix seconds) is in one of the spans."""
        return footage_spans.covers(self.spans(right, camera), start, end)


@dataclass(frozen=True)
class RelayPass:
    """The portal's word that a recorder may register with the relay nodes of a region."""

    recorder_id: str
    region: str
    expires_at: int


class Signer:
    """A private key with the issuer's name: the portal, or a recorder's id."""

    def __init__(self, key: Ed25519PrivateKey, issuer: str) -> None:
        self._key = key
        self._issuer = issuer
        self.jwk = public_jwk(key.public_key())

    def sign(self, kind: str, audience: str, claims: Mapping[str, Any], now: int, life: int) -> str:
        """A compact JWT; claims are JSON values (Any: they are serialised at once)."""
        payload = {
            **claims,
            "iss": self._issuer,
            "aud": audience,
            "iat": now,
            "exp": now + life,
        }
        headers = {"typ": kind, "kid": self.jwk["kid"]}
        return jwt.encode(payload, self._key, algorithm=_ALGORITHM, headers=headers)

    def sign_raw(self, content: bytes) -> bytes:
        """The bare Ed25519 signature, 64 bytes; content begins with a context of its own."""
        return self._key.sign(content)

    def sign_detached(self, kind: str, content: bytes) -> str:
        """A signature that travels beside the content (RFC 7515 appendix F, `b64: false` of
        RFC 7797): `header..signature`."""
        headers = {"typ": kind, "kid": self.jwk["kid"]}
        return jwt.api_jws.encode(
            content, self._key, algorithm=_ALGORITHM, headers=headers, is_payload_detached=True
        )


class KeyRing:
    """Public keys by id (RFC 7638 thumbprint): what a recorder pins and a relay is configured with.

    Takes a JWK Set; raises ProtocolError `bad_keys` when it holds no usable key.
    """

    def __init__(self, jwks: Mapping[str, Any]) -> None:
        self.jwks = {"keys": [dict(key) for key in jwks.get("keys", [])]}
        self._keys = {jwk_thumbprint(key): _public_key(key) for key in self.jwks["keys"]}
        if not self._keys:
            raise ProtocolError("bad_keys", "the key set is empty")

    def verify(
        self,
        token: str,
        kind: str,
        audience: str,
        now: int,
        leeway: int,
        max_bytes: int = MAX_TOKEN_BYTES,
    ) -> dict[str, Any]:
        """The claims of a token of this kind for this audience; raises TokenError."""
        header = _unverified_header(token, max_bytes)
        key = self._keys.get(str(header.get("kid")))
        if key is None or header.get("typ") != kind:
            raise TokenError("token_invalid", f"not a {kind} signed by a known key")
        claims = _decode(token, key, audience)
        _check_times(claims, now, leeway)
        return claims

    def verify_detached(self, signature: str, kind: str, content: bytes) -> None:
        """Raises TokenError unless a known key signed exactly this content as this kind."""
        header = _unverified_header(signature)
        key = self._keys.get(str(header.get("kid")))
        if key is None or header.get("typ") != kind:
            raise TokenError("token_invalid", f"not a {kind} signed by a known key")
        try:
            jwt.api_jws.decode(signature, key, [_ALGORITHM], detached_payload=content)
        except jwt.InvalidTokenError:
            raise TokenError("token_invalid", "the content is not what was signed") from None


def sign_access_token(
    signer: Signer, access: AccessToken, now: float, life_s: int = ACCESS_LIFETIME_S
) -> str:
    """`access.expires_at` is decided here: `now` + `life_s`, which is ACCESS_LIFETIME_S at most and
    less where a right ends sooner."""
    seconds, milliseconds = divmod(int(now * 1000), 1000)
    claims = {
        "sid": access.session_id,
        "sub": access.user_id,
        "org": access.organisation_id,
        "grants": _by_rights(access.grants),
        "rec_rights": sorted(access.recorder_rights),
        "paths": sorted(access.paths),
        "ms": milliseconds,  # of `iat`: whoever hoards tokens has none from after a change
        **_optional_claims(access),
    }
    audience = f"recorder:{access.recorder_id}"
    return signer.sign("access+jwt", audience, claims, seconds, min(life_s, ACCESS_LIFETIME_S))


def _optional_claims(access: AccessToken) -> dict[str, Any]:
    claims: dict[str, Any] = {}
    if access.footage:
        claims["footage"] = footage_spans.as_claim(access.footage)
    if access.address is not None:
        claims["address"] = access.address
    return claims


def _by_rights(grants: Mapping[int, frozenset[str]]) -> dict[str, list[int]]:
    """`{"live playback": [1, 2, 5]}`: each set of rights once, so that a token for a recorder of
    256 cameras stays below MAX_TOKEN_BYTES."""
    cameras: dict[str, list[int]] = {}
    for camera, rights in sorted(grants.items()):
        cameras.setdefault(" ".join(sorted(rights)), []).append(camera)
    return cameras


def verify_access_token(
    keys: KeyRing, token: str, recorder_id: str, now: int, leeway: int = LEEWAY_S
) -> AccessToken:
    """The access token, checked offline; raises TokenError."""
    claims = keys.verify(token, "access+jwt", f"recorder:{recorder_id}", now, leeway)
    try:
        return AccessToken(
            session_id=str(claims["sid"]),
            user_id=str(claims["sub"]),
            organisation_id=str(claims["org"]),
            recorder_id=recorder_id,
            expires_at=int(claims["exp"]),
            grants={
                int(camera): frozenset(rights.split())
                for rights, cameras in claims["grants"].items()
                for camera in cameras
            },
            recorder_rights=frozenset(claims["rec_rights"]),
            paths=frozenset(claims["paths"]),
            issued_at=int(claims["iat"]) + min(max(int(claims.get("ms", 0)), 0), 999) / 1000,
            footage=footage_spans.parse(claims.get("footage", [])),
            address=None if claims.get("address") is None else str(claims["address"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, ProtocolError):
        raise TokenError("token_invalid", "access token lacks a claim") from None


def sign_relay_pass(signer: Signer, recorder_id: str, region: str, now: int) -> str:
    claims = {"sub": recorder_id, "region": region}
    return signer.sign("relay-pass+jwt", "relay", claims, now, PASS_LIFETIME_S)


def verify_relay_pass(keys: KeyRing, token: str, now: int) -> RelayPass:
    claims = keys.verify(token, "relay-pass+jwt", "relay", now, LEEWAY_S)
    try:
        return RelayPass(str(claims["sub"]), str(claims["region"]), int(claims["exp"]))
    except KeyError:
        raise TokenError("token_invalid", "relay pass lacks a claim") from None


def sign_recorder_token(signer: Signer, now: int) -> str:
    """A recorder's own proof towards the portal; the issuer is its id (or key thumbprint while
    it enrols)."""
    return signer.sign("recorder+jwt", "portal", {}, now, RECORDER_LIFETIME_S)


def verify_recorder_token(jwk: Jwk, token: str, now: int) -> str:
    """The issuer of a recorder token signed by the key `jwk`."""
    keys = KeyRing({"keys": [jwk]})
    return str(keys.verify(token, "recorder+jwt", "portal", now, RECORDER_LEEWAY_S)["iss"])


def unverified_issuer(token: str) -> str:
    """Who a token says it is from, to find the key to check it with; believe nothing else."""
    _unverified_header(token)
    try:
        claims = jwt.decode(
            token, options={"verify_signature": False, "verify_exp": False, "verify_aud": False}
        )
    except jwt.InvalidTokenError:
        raise TokenError("token_invalid", "not a JWT") from None
    return str(claims.get("iss"))


def bearer(authorization: str | None) -> str | None:
    """The token of an `Authorization: Bearer …` value (RFC 6750 §2.1), or None."""
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token else None


def verify_raw(jwk: Mapping[str, Any], signature: bytes, content: bytes) -> None:
    """Raises cryptography's InvalidSignature, or ProtocolError `bad_keys`."""
    _public_key(jwk).verify(signature, content)


def public_jwk(key: Ed25519PublicKey) -> Jwk:
    """The public JWK (RFC 8037 §2) with its thumbprint as `kid`."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": _b64(raw)}
    return {**jwk, "kid": jwk_thumbprint(jwk), "alg": _ALGORITHM, "use": "sig"}


def jwk_thumbprint(jwk: Mapping[str, Any]) -> str:
    """RFC 7638 §3; raises ProtocolError `bad_keys` when it is no Ed25519 key."""
    try:
        members = {name: str(jwk[name]) for name in ("crv", "kty", "x")}
    except (KeyError, TypeError):
        raise ProtocolError("bad_keys", "key is not an OKP JWK") from None
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return _b64(hashlib.sha256(canonical.encode()).digest())


def _public_key(jwk: Mapping[str, Any]) -> Ed25519PublicKey:
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519":
        raise ProtocolError("bad_keys", "key is not an Ed25519 JWK")
    try:
        raw = base64.urlsafe_b64decode(jwk["x"] + "=" * (-len(jwk["x"]) % 4))
        return Ed25519PublicKey.from_public_bytes(raw)
    except (KeyError, TypeError, ValueError):
        raise ProtocolError("bad_keys", "key is not an Ed25519 JWK") from None


def _unverified_header(token: str, max_bytes: int = MAX_TOKEN_BYTES) -> dict[str, Any]:
    if len(token) > max_bytes:
        raise TokenError("token_invalid", f"token has {len(token)} bytes")
    try:
        return jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, UnicodeError):  # a header may hold any bytes
        raise TokenError("token_invalid", "not a JWT") from None


def _decode(token: str, key: Ed25519PublicKey, audience: str) -> dict[str, Any]:
    # Times are checked by us: PyJWT would read the clock itself.
    options: Any = {
        "require": ["exp", "iat", "iss", "aud"],
        "verify_exp": False,
        "verify_iat": False,
    }  # Any: PyJWT's type for it is private
    try:
        return jwt.decode(token, key, algorithms=[_ALGORITHM], audience=audience, options=options)
    except jwt.InvalidAudienceError:
        raise TokenError("token_not_for_this", f"token is not for {audience}") from None
    except jwt.InvalidTokenError as error:
        raise TokenError("token_invalid", f"token is invalid: {error}") from None


def _check_times(claims: Mapping[str, Any], now: int, leeway: int) -> None:
    expires, issued = claims["exp"], claims["iat"]
    if not isinstance(expires, int) or not isinstance(issued, int):
        raise TokenError("token_invalid", "token has times that are not whole seconds")
    if expires + leeway <= now:
        raise TokenError("token_expired", f"token expired {now - expires} s ago")
    if issued - leeway > now:
        raise TokenError("token_invalid", f"token is from {issued - now} s in the future")


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
