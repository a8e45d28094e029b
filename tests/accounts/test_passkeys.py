"""A8: what a passkey must prove, by a software authenticator."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.test import Client
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

from accounts.models import User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
ID = b"passkey-of-the-owner"
HOST = "localhost"
Flag = AuthenticatorData.FLAG
PAGE = "/accounts/login/passkey/"


class Key:
    """In somebody's hands; registered for a person."""

    def __init__(self, user: User) -> None:
        self._user = user
        self._private = ec.generate_private_key(ec.SECP256R1())
        cose = ES256.from_cryptography_key(self._private.public_key())
        known = AttestedCredentialData.create(b"\0" * 16, ID, cose)
        data = AuthenticatorData.create(_digest(HOST.encode()), Flag.UP | Flag.AT, 0, known)
        attested = AttestationObject.create("none", data, {})
        kept = {"clientDataJSON": _client_data("webauthn.create", "AA")}
        kept["attestationObject"] = _text(bytes(attested))
        Authenticator.objects.create(
            user=user,
            type=Authenticator.Type.WEBAUTHN,
            data={"name": "Key", "credential": {**_named(), "response": kept}},
        )

    def answer(self, challenge: str, flags: Flag) -> dict[str, Any]:
        data = AuthenticatorData.create(_digest(HOST.encode()), flags, 1)
        client = _client_data("webauthn.get", challenge)
        signed = bytes(data) + _digest(websafe_decode(client))
        signature = self._private.sign(signed, ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": client,
            "authenticatorData": _text(bytes(data)),
            "signature": _text(signature),
            "userHandle": _text(user_pk_to_url_str(self._user).encode()),
        }
        return {**_named(), "response": response}


def _named() -> dict[str, Any]:
    return {"id": _text(ID), "rawId": _text(ID), "type": "public-key", "clientExtensionResults": {}}


def _client_data(kind: str, challenge: str) -> str:
    said = {"type": kind, "challenge": challenge, "origin": f"https://{HOST}"}
    return _text(json.dumps(said).encode())


def _text(data: bytes) -> str:
    return str(websafe_encode(data))


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def challenge_of(browser: Client) -> str:
    return str(browser.session["mfa.webauthn.state"]["challenge"])


def sign_in(browser: Client, key: Key, flags: Flag) -> bool:
    credential = json.dumps(key.answer(challenge_of(browser), flags))
    browser.post(PAGE, {"credential": credential}, HTTP_HOST=HOST)
    return "_auth_user_id" in browser.session


def test_a_key_that_saw_its_owner_signs_in(client: Client, owner: User) -> None:
    key = Key(owner)
    client.get(PAGE, HTTP_HOST=HOST, HTTP_X_REQUESTED_WITH="XMLHttpRequest")
    assert sign_in(client, key, Flag.UP | Flag.UV)


def test_a_key_that_was_found_is_not_enough(client: Client, owner: User) -> None:
    key = Key(owner)
    client.get(PAGE, HTTP_HOST=HOST, HTTP_X_REQUESTED_WITH="XMLHttpRequest")
    assert not sign_in(client, key, Flag.UP)


def test_nor_with_the_challenge_of_another_step(
    client: Client, owner: User, stranger: User
) -> None:
    """The second step after the finder's own password takes a touch; its challenge is no way in."""
    key = Key(owner)
    Key(stranger)
    client.post("/accounts/login/", {"login": stranger.email, "password": PASSWORD}, HTTP_HOST=HOST)
    client.get("/accounts/login/code/", HTTP_HOST=HOST)
    client.post("/accounts/login/again/", HTTP_HOST=HOST)
    assert not sign_in(client, key, Flag.UP)
