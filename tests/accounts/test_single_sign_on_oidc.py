"""A1, A7: sign-in through a real OpenID provider, and what it would never say."""

from __future__ import annotations

import base64
import hmac
import json
import time
import urllib.request
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client

from accounts.models import AuditEntry, Federation, Membership, User
from accounts.single_sign_on import oidc as flow
from accounts.single_sign_on import providers
from accounts.single_sign_on.identity import Refused
from accounts.single_sign_on.providers import OidcChoice
from tests.services.oidc import CLIENT, SECRET

HOME = "http://localhost:8000"
pytestmark = pytest.mark.django_db


@pytest.fixture
def harbour(organisation, settings):
    settings.CONTERA_IDENTITY_NETWORKS = "laboratory"
    organisation.handle = "harbour"
    organisation.save()
    return organisation


@pytest.fixture
def provider(harbour, oidc):
    from accounts.audit import PORTAL

    choice = OidcChoice("Harbour ID", oidc.issuer, CLIENT, SECRET, "groups", False, False)
    made = providers.configure(harbour, choice, PORTAL)
    made.is_enabled = True
    made.settings["tried"] = "2026-01-01"
    made.save()
    return made


def invited(organisation, email: str) -> User:
    user = User.objects.create_user(email)
    Membership.objects.create(user=user, organisation=organisation, state=Membership.State.INVITED)
    return user


def through(client: Client, oidc, login: str, start: str = "/sign-in/harbour/start/") -> Any:
    """There and back; the portal's answer."""
    asked = client.get(start)
    assert asked.status_code == 302, asked.content
    return client.get(oidc.sign_in(asked["Location"], login, HOME).removeprefix(HOME))


def test_an_invited_person_signs_in_and_belongs_here_alone(client, oidc, provider, harbour):
    ada = invited(harbour, "ada@harbour.test")
    answer = through(client, oidc, "ada", "/sign-in/harbour/start/?next=/live/")
    assert (answer.status_code, answer["Location"]) == (302, "/live/")
    assert client.session["_auth_user_id"] == str(ada.pk)
    federation = Federation.objects.get()
    assert (federation.subject, federation.membership.user) == ("ada", ada)
    assert federation.membership.state == "active"
    assert client.get("/recorders/").wsgi_request.user.circumstances.provider_of == harbour.pk
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"person.connected", "person.joined", "person.signed_in"} <= actions


def test_the_request_has_state_nonce_and_pkce(client, oidc, provider):
    first, second = (
        parse_qs(urlsplit(client.get("/sign-in/harbour/start/")["Location"]).query) for _ in "12"
    )
    assert first["code_challenge_method"] == ["S256"]
    assert first["response_type"] == ["code"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43
        assert first[name] != second[name]


def test_an_answer_counts_only_in_the_browser_that_asked(client, oidc, provider, harbour):
    """B1: somebody else's answer signs nobody in."""
    invited(harbour, "ada@harbour.test")
    asked = client.get("/sign-in/harbour/start/")
    answer = oidc.sign_in(asked["Location"], "ada", HOME).removeprefix(HOME)
    stranger = Client()
    assert stranger.get(answer).status_code == 403
    stranger.get("/sign-in/harbour/start/")  # with a sign-in of its own under way, too
    assert stranger.get(answer).status_code == 403
    assert "_auth_user_id" not in stranger.session


def test_a_code_works_once(client, oidc, provider, harbour):
    invited(harbour, "ada@harbour.test")
    asked = client.get("/sign-in/harbour/start/")
    cookie = client.cookies["sign_on"].value
    answer = oidc.sign_in(asked["Location"], "ada", HOME).removeprefix(HOME)
    assert client.get(answer).status_code == 302
    again = Client()
    again.cookies["sign_on"] = cookie
    assert b"invalid_grant" in again.get(answer).content


def test_who_was_not_invited_is_refused_and_it_is_in_the_trail(client, oidc, provider, harbour):
    answer = through(client, oidc, "ada")
    assert answer.status_code == 403
    assert b"no account for ada@harbour.test" in answer.content
    line = harbour.audit_entries.get(action="person.sign_in_failed")
    assert "ada@harbour.test" in line.detail["reason"]


def test_an_address_that_the_provider_did_not_check_finds_nobody(client, oidc, provider, harbour):
    invited(harbour, "bob@harbour.test")
    assert through(client, oidc, "bob").status_code == 403
    provider.settings["trusts_email"] = True
    provider.save()
    assert through(Client(), oidc, "bob").status_code == 302


def test_a_provider_that_is_off_signs_nobody_in(client, oidc, provider, harbour):
    invited(harbour, "ada@harbour.test")
    asked = client.get("/sign-in/harbour/start/")
    answer = oidc.sign_in(asked["Location"], "ada", HOME).removeprefix(HOME)
    provider.is_enabled = False
    provider.save()
    assert client.get(answer).status_code == 403
    assert client.get("/sign-in/harbour/start/")["Location"] == "/sign-in/harbour/"


def test_the_administrator_tries_it_out_and_nobody_is_signed_in(client, oidc, provider, owner):
    provider.is_enabled = False
    provider.settings["tried"] = None
    provider.save()
    client.force_login(owner)
    answer = through(client, oidc, "ada", "/organisation/sign-on/try/")
    assert answer["Location"] == "/organisation/sign-on/"
    page = client.get("/organisation/sign-on/").content.decode()
    assert "ada@harbour.test" in page
    assert "crew" in page
    provider.refresh_from_db()
    assert provider.settings["tried"]
    assert not Federation.objects.exists()
    assert client.session["_auth_user_id"] == str(owner.pk)


def test_a_wrong_secret_is_named(client, oidc, provider):
    provider.secret = "another"
    provider.save()
    assert b"invalid_client" in through(client, oidc, "ada").content


def test_a_person_who_gives_up_is_told_so(client, oidc, provider):
    asked = client.get("/sign-in/harbour/start/")
    state = parse_qs(urlsplit(asked["Location"]).query)["state"][0]
    answer = client.get(f"/sign-in/harbour/oidc/?error=access_denied&state={state}")
    assert b"did not sign in" in answer.content


def test_an_answer_of_another_issuer_is_refused(client, oidc, provider):
    """RFC 9207."""
    asked = client.get("/sign-in/harbour/start/")
    state = parse_qs(urlsplit(asked["Location"]).query)["state"][0]
    answer = client.get(f"/sign-in/harbour/oidc/?iss=https://evil.test&code=x&state={state}")
    assert b"another provider" in answer.content


@pytest.mark.parametrize(
    "wanted", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:x"]
)
def test_nobody_is_sent_elsewhere_afterwards(client, oidc, provider, harbour, wanted):
    invited(harbour, "ada@harbour.test")
    start = f"/sign-in/harbour/start/?next={wanted}"
    assert through(client, oidc, "ada", start)["Location"] == "/recorders/"


# --- Forged with the provider's real key ----------------------------------------------------------


@pytest.fixture
def keys(oidc) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{oidc.issuer}/jwks", timeout=10) as answer:
        return json.loads(answer.read())["keys"]


def claims_of(oidc, **others: Any) -> dict[str, Any]:
    now = int(time.time())
    base = {"iss": oidc.issuer, "aud": CLIENT, "sub": "ada", "nonce": "n", "iat": now}
    made = {**base, "exp": now + 300, **others}
    return {name: value for name, value in made.items() if value is not None}


def read(oidc, keys, token: str) -> dict[str, Any]:
    return flow.read_id_token(token, keys, oidc.issuer, CLIENT, "n")


def test_a_token_of_the_provider_is_believed(oidc, keys):
    several = claims_of(oidc, aud=[CLIENT, "other"], azp=CLIENT)
    assert read(oidc, keys, oidc.signed(several))["sub"] == "ada"


@pytest.mark.parametrize(
    ("others", "code"),
    [
        ({"iss": "https://evil.test"}, "id_token"),
        ({"aud": "another application"}, "id_token"),
        ({"aud": [CLIENT, "other"]}, "azp"),
        ({"azp": "other"}, "azp"),
        ({"exp": 1_600_000_000}, "id_token"),
        ({"exp": None}, "id_token"),
        ({"iat": None}, "id_token"),
        ({"iat": 4_000_000_000}, "id_token"),
        ({"sub": None}, "id_token"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"nonce": 7}, "nonce"),
    ],
)
def test_a_token_for_something_else_is_refused(oidc, keys, others, code):
    with pytest.raises(Refused) as refused:
        read(oidc, keys, oidc.signed(claims_of(oidc, **others)))
    assert refused.value.code == code


def by_shared_key(claims: dict[str, Any], key: bytes) -> str:
    """By hand: the library refuses to take a public key for a shared one."""
    header = {"alg": "HS256", "kid": "one"}
    signed = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{_base64url(hmac.digest(key, signed.encode(), 'sha256'))}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_no_token_is_believed_without_the_providers_signature(oidc, keys):
    """RFC 8725: none, a shared key made of the public one, another key under the same name."""
    claims = claims_of(oidc)
    public = oidc.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    other = rsa.generate_private_key(65537, 2048)
    good = oidc.signed(claims)
    forged = [
        jwt.encode(claims, None, "none"),
        by_shared_key(claims, public),
        jwt.encode(claims, other, "RS256", headers={"kid": "one"}),
        oidc.signed(claims, kid="two"),
        good[:-6] + "AAAAAA",
        good.rsplit(".", 1)[0] + ".",
        "",
        "a.b",
        "x" * 70_000,
    ]
    for token in forged:
        with pytest.raises(Refused):
            read(oidc, keys, token)


def test_a_weak_key_or_one_for_encryption_is_refused(oidc, keys):
    with pytest.raises(Refused):
        read(oidc, [{**keys[0], "use": "enc"}], oidc.signed(claims_of(oidc)))
    with pytest.raises(Refused):
        read(oidc, [*keys, *keys], oidc.signed(claims_of(oidc)))


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"issuer": "https://evil.test"},
        {"issuer": "https://id.test"},
        {"issuer": "https://id.test", "authorization_endpoint": 1},
    ],
)
def test_discovery_of_another_issuer_or_without_addresses_is_refused(found):
    with pytest.raises(Refused):
        flow.read_discovery(found, "https://id.test", lambda url: None)
