"""Tokens are believed only when the right key signed them, for this recorder, in time."""

import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.errors import ProtocolError
from protocol.tokens import (
    ACCESS_LIFETIME_S,
    LEEWAY_S,
    MAX_TOKEN_BYTES,
    RIGHTS,
    AccessToken,
    KeyRing,
    Signer,
    TokenError,
    bearer,
    jwk_thumbprint,
    sign_access_token,
    sign_recorder_token,
    sign_relay_pass,
    unverified_issuer,
    verify_access_token,
    verify_recorder_token,
    verify_relay_pass,
)

NOW = 1_800_000_000


@pytest.fixture(scope="module")
def portal():
    return Signer(Ed25519PrivateKey.generate(), "portal")


@pytest.fixture(scope="module")
def keys(portal):
    return KeyRing({"keys": [portal.jwk]})


@pytest.fixture(scope="module")
def access():
    grants = {1: frozenset({"live"}), 4: frozenset({"live", "playback"})}
    return AccessToken("session", "user", "organisation", "recorder", NOW, grants)


def test_a_token_for_the_largest_recorder_is_short_enough(portal, keys):
    """256 cameras (contracts §4), with every mixture of rights, and footage of their own each."""
    grants = {
        camera: frozenset(right for bit, right in enumerate(RIGHTS[:5]) if camera >> bit & 1)
        for camera in range(9999 - 256, 9999)
    }
    footage = {
        (right, camera): ((NOW, NOW + camera),)
        for right in ("playback", "export")
        for camera in grants
    }
    access = AccessToken(
        "s" * 64, "u" * 36, "o" * 36, "r" * 36, NOW, grants, footage=footage, address="2001:db8::1"
    )
    token = sign_access_token(portal, access, NOW)
    assert len(token) < MAX_TOKEN_BYTES
    assert verify_access_token(keys, token, access.recorder_id, NOW).grants == grants


def test_an_access_token_carries_the_grants_of_each_camera(portal, keys, access):
    found = verify_access_token(keys, sign_access_token(portal, access, NOW), "recorder", NOW)
    assert found.allows("live", 1)
    assert not found.allows("playback", 1)
    assert not found.allows("live", 2)
    assert found.expires_at == NOW + ACCESS_LIFETIME_S


def test_a_token_says_which_footage_and_whose_address(portal, keys):
    spans = ((None, NOW), (NOW + 60, NOW + 120))
    grants = {number: frozenset({"live", "playback"}) for number in (1, 2, 3)}
    footage = {("playback", 1): spans, ("playback", 2): spans, ("playback", 3): ()}
    access = AccessToken("s", "u", "o", "recorder", NOW, grants, footage=footage, address="::1")
    found = verify_access_token(keys, sign_access_token(portal, access, NOW), "recorder", NOW)
    assert (found.footage, found.address) == (footage, "::1")
    assert found.covers("playback", 1, 0, NOW)
    assert not found.covers("playback", 1, NOW - 1, NOW + 61)
    assert not found.covers("playback", 3, NOW, NOW)
    assert not found.covers("export", 1, 0, 1)
    assert found.covers("live", 3, 0, 1 << 40)


def test_a_token_without_the_claims_is_unlimited(portal, keys, access):
    found = verify_access_token(keys, sign_access_token(portal, access, NOW), "recorder", NOW)
    assert found.spans("playback", 4) == ((None, None),)
    assert found.address is None


def test_a_token_says_to_the_millisecond_when_it_was_issued(portal, keys, access):
    """A6: one from just before a change of rights is told from one just after it."""
    token = sign_access_token(portal, access, NOW + 0.75)
    found = verify_access_token(keys, token, "recorder", NOW)
    assert (found.issued_at, found.expires_at) == (NOW + 0.75, NOW + ACCESS_LIFETIME_S)


def test_a_token_may_end_sooner_but_never_later(portal, keys, access):
    for life, ends in ((7, NOW + 7), (3600, NOW + ACCESS_LIFETIME_S)):
        token = sign_access_token(portal, access, NOW, life)
        assert verify_access_token(keys, token, "recorder", NOW).expires_at == ends


@pytest.mark.parametrize(
    "claim",
    [
        7,
        ["x"],
        [{"right": "playback", "cameras": [1]}],
        [{"right": "playback", "cameras": [1], "spans": [[1]]}],
        [{"right": "playback", "cameras": [1], "spans": [["a", None]]}],
        [{"right": "playback", "cameras": ["1"], "spans": []}],
        [{"right": ["x"], "cameras": [1], "spans": []}],
        {"right": 1},
    ],
)
def test_footage_that_is_not_readable_makes_the_token_invalid(portal, keys, claim):
    """Never unlimited by mistake."""
    claims = {"sid": "s", "sub": "u", "org": "o", "grants": {}, "rec_rights": [], "paths": []}
    signed = portal.sign(
        "access+jwt", "recorder:recorder", {**claims, "footage": claim}, NOW, ACCESS_LIFETIME_S
    )
    with pytest.raises(TokenError):
        verify_access_token(keys, signed, "recorder", NOW)


@pytest.mark.parametrize(
    ("recorder", "now", "code"),
    [
        ("another", NOW, "token_not_for_this"),
        ("recorder", NOW + ACCESS_LIFETIME_S + LEEWAY_S, "token_expired"),
        ("recorder", NOW - LEEWAY_S - 1, "token_invalid"),
    ],
)
def test_it_refuses_a_token_out_of_place_or_time(portal, keys, access, recorder, now, code):
    with pytest.raises(TokenError) as caught:
        verify_access_token(keys, sign_access_token(portal, access, NOW), recorder, now)
    assert caught.value.code == code


def test_it_refuses_a_key_that_is_not_pinned(keys, access):
    impostor = Signer(Ed25519PrivateKey.generate(), "portal")
    with pytest.raises(TokenError):
        verify_access_token(keys, sign_access_token(impostor, access, NOW), "recorder", NOW)


def test_a_stolen_key_id_does_not_help(portal, keys, access):
    impostor = Signer(Ed25519PrivateKey.generate(), "portal")
    impostor.jwk = portal.jwk
    with pytest.raises(TokenError):
        verify_access_token(keys, sign_access_token(impostor, access, NOW), "recorder", NOW)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_it_accepts_no_other_algorithm(portal, keys, algorithm):
    headers = {"typ": "access+jwt", "kid": portal.jwk["kid"]}
    claims = {"aud": "recorder:recorder", "iss": "portal", "iat": NOW, "exp": NOW + 60}
    secret = None if algorithm == "none" else portal.jwk["x"]
    token = jwt.encode(claims, secret, algorithm=algorithm, headers=headers)
    with pytest.raises(TokenError):
        verify_access_token(keys, token, "recorder", NOW)


def test_a_relay_pass_is_no_access_token_and_the_reverse(portal, keys, access):
    relay_pass = sign_relay_pass(portal, "recorder", "us-west", NOW)
    assert verify_relay_pass(keys, relay_pass, NOW).region == "us-west"
    with pytest.raises(TokenError):
        verify_access_token(keys, relay_pass, "recorder", NOW)
    with pytest.raises(TokenError):
        verify_relay_pass(keys, sign_access_token(portal, access, NOW), NOW)


def test_a_recorder_proves_itself_with_its_own_key():
    recorder = Signer(Ed25519PrivateKey.generate(), "recorder-id")
    token = sign_recorder_token(recorder, NOW)
    assert unverified_issuer(token) == "recorder-id"
    assert verify_recorder_token(recorder.jwk, token, NOW) == "recorder-id"
    other = Signer(Ed25519PrivateKey.generate(), "recorder-id")
    with pytest.raises(TokenError):
        verify_recorder_token(other.jwk, token, NOW)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "a" * 100_000, "..", "ü.ü.ü", "a.b.\udcff"])
def test_garbage_is_no_token(keys, token):
    with pytest.raises(TokenError):
        verify_access_token(keys, token, "recorder", NOW)
    with pytest.raises(TokenError):
        unverified_issuer(token)


@pytest.mark.parametrize(
    "jwk", [{}, {"kty": "RSA"}, {"kty": "OKP", "crv": "Ed25519", "x": "short"}, {"kty": 1}]
)
def test_a_bad_key_is_named(jwk):
    with pytest.raises(ProtocolError) as caught:
        KeyRing({"keys": [jwk]})
    assert caught.value.code == "bad_keys"


def test_the_thumbprint_is_that_of_rfc_8037_appendix_a3():
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert jwk_thumbprint(jwk) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert "kid" not in json.dumps(jwk)


@pytest.mark.parametrize(
    ("value", "token"),
    [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", None), ("Bearer", None)],
)
def test_bearer_takes_the_token_of_the_header(value, token):
    assert bearer(value) == token
