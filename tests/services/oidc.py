"""A real OpenID provider: oidc-provider of npm, certified by the OpenID Foundation."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.services.process import free_ports, listens, running
from tests.services.visitor import Visitor

NODE = Path(sys.executable).with_name("node")
PROGRAM = Path(__file__).with_name("oidc_provider.mjs")
CLIENT, SECRET = "contera", "a secret of the client's own"
PEOPLE = {
    "ada": {"email": "ada@harbour.test", "email_verified": True, "name": "Ada", "groups": ["crew"]},
    "bob": {"email": "bob@harbour.test", "email_verified": False, "name": "Bob", "groups": []},
    "owner": {"email": "owner@harbour.test", "email_verified": True, "name": "Owner"},
    "eve": {"email": "stranger@elsewhere.test", "email_verified": True, "name": "Eve"},
}


@dataclass(frozen=True)
class OidcProvider:
    issuer: str
    key: rsa.RSAPrivateKey
    client_id: str = CLIENT
    secret: str = SECRET

    def sign_in(self, url: str, login: str, home: str) -> str:
        """Somebody signs in there; the address to which the browser is sent back."""
        visitor = Visitor(home)
        asked = visitor.open(url)
        return visitor.submit(asked, login=login, password="any").url

    def signed(self, claims: dict[str, Any], *, algorithm: str = "RS256", **header: Any) -> str:
        """As the provider signs; for messages that it would not make."""
        return jwt.encode(claims, self.key, algorithm, headers={"kid": "one", **header})


def _jwk(key: rsa.RSAPrivateKey) -> dict[str, Any]:
    made: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(key, as_dict=True)
    return {**made, "kid": "one", "use": "sig", "alg": "RS256"}


@contextmanager
def oidc_running(folder: Path, entrance: str) -> Iterator[OidcProvider]:
    """The provider inside the block; knows the organisation whose sign-in page is `entrance`."""
    port = free_ports(1)[0]
    key = rsa.generate_private_key(65537, 2048)
    provider = OidcProvider(f"http://127.0.0.1:{port}", key)
    client = {"client_id": CLIENT, "client_secret": SECRET, "redirect_uris": [f"{entrance}oidc/"]}
    given = {
        "issuer": provider.issuer,
        "port": port,
        "clients": [client],
        "jwks": {"keys": [_jwk(key)]},
        "people": PEOPLE,
    }
    command = [str(NODE), str(PROGRAM)]
    env = {"PROVIDER": json.dumps(given)}
    with running(command, folder / "oidc.log", lambda: listens(port), env):
        yield provider


@pytest.fixture(scope="session")
def oidc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProvider]:
    """Knows the portal of the tests, as its organisation `harbour`."""
    entrance = "http://localhost:8000/sign-in/harbour/"
    with oidc_running(tmp_path_factory.mktemp("oidc"), entrance) as provider:
        yield provider
