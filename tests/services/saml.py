"""A real SAML identity provider: SimpleSAMLphp of Debian, served by PHP itself."""

from __future__ import annotations

import base64
import shutil
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.services.process import free_ports, listens, running
from tests.services.visitor import Visitor

PROGRAM = Path("/usr/share/simplesamlphp")
PASSWORD = "harbour pass"
PEOPLE: dict[str, dict[str, list[str]]] = {
    "ada": {"mail": ["ada@harbour.test"], "displayName": ["Ada"], "groups": ["crew", "night"]},
    "owner": {"mail": ["owner@harbour.test"], "displayName": ["Owner"], "groups": []},
}
_PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"


@dataclass(frozen=True)
class SamlProvider:
    url: str
    key_file: Path
    certificate_file: Path

    @property
    def entity_id(self) -> str:
        return f"{self.url}/saml2/idp/metadata.php"

    @property
    def metadata(self) -> bytes:
        with urllib.request.urlopen(self.entity_id, timeout=10) as answer:
            return bytes(answer.read())

    def sign_in(self, url: str, login: str, home: str) -> dict[str, str]:
        """Somebody signs in there; what the browser is told to post back."""
        visitor = Visitor(home)
        asked = visitor.open(url)
        answered = visitor.submit(asked, username=login, password=PASSWORD)
        return answered.form[1]


def php(value: object) -> str:
    """As PHP writes it."""
    if isinstance(value, Mapping):
        held = ", ".join(f"{php(name)} => {php(held)}" for name, held in value.items())
        return f"[{held}]"
    if isinstance(value, list):
        return f"[{', '.join(map(php, value))}]"
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else "null"
    escaped = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return str(value) if isinstance(value, int) else f"'{escaped}'"


def write_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A key of its own and a certificate for it, for a day."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    key_file, certificate_file = folder / f"{name}.key", folder / f"{name}.crt"
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key_file, certificate_file


def certificate_text(file: Path) -> str:
    """Base64, as metadata has it."""
    found = x509.load_pem_x509_certificate(file.read_bytes())
    return base64.b64encode(found.public_bytes(serialization.Encoding.DER)).decode()


@contextmanager
def saml_running(folder: Path, entrance: str) -> Iterator[SamlProvider]:
    """The provider inside the block; knows the organisation whose sign-in page is `entrance`."""
    port = free_ports(1)[0]
    for name in ("config/metadata", "sessions", "temp", "data"):
        (folder / name).mkdir(parents=True)
    key_file, certificate_file = write_certificate(folder, "idp")
    provider = SamlProvider(f"http://127.0.0.1:{port}", key_file, certificate_file)
    config = folder / "config"
    shutil.copytree(PROGRAM / "config" / "attributemap", config / "attributemap")
    _write(config / "config.php", "$config", _config(folder, provider.url))
    _write(config / "authsources.php", "$config", _sources())
    hosted = _hosted(key_file, certificate_file)
    _write(config / "metadata/saml20-idp-hosted.php", "$metadata", {provider.entity_id: hosted})
    _write(config / "metadata/saml20-sp-remote.php", "$metadata", _portal(entrance))
    command = ["php", "-d", "display_errors=0", "-d", f"session.save_path={folder / 'sessions'}"]
    command += ["-S", f"127.0.0.1:{port}", "-t", str(PROGRAM / "www")]
    env = {"SIMPLESAMLPHP_CONFIG_DIR": str(config)}
    with running(command, folder / "php.log", lambda: listens(port), env):
        yield provider


def _write(file: Path, name: str, value: object) -> None:
    file.write_text(f"<?php\n{name} = {php(value)};\n")


def _config(folder: Path, url: str) -> dict[str, Any]:
    return {
        "baseurlpath": f"{url}/",
        "certdir": f"{folder}/",
        "loggingdir": f"{folder}/",
        "datadir": f"{folder}/data/",
        "tempdir": f"{folder}/temp",
        "metadatadir": f"{folder}/config/metadata/",
        "attributenamemapdir": f"{folder}/config/attributemap/",
        "secretsalt": "of a test",
        "auth.adminpassword": "nobody uses it",
        "timezone": "UTC",
        "logging.handler": "errorlog",
        "admin.checkforupdates": False,
        "enable.saml20-idp": True,
        "module.enable": {"exampleauth": True, "core": True, "saml": True},
        "session.cookie.secure": False,
        "session.cookie.samesite": None,
        "session.phpsession.savepath": f"{folder}/sessions",
        "store.type": "phpsession",
        "metadata.sources": [{"type": "flatfile"}],
        "trusted.url.domains": [],
        "language.available": ["en"],
        "language.default": "en",
        "theme.use": "default",
    }


def _sources() -> dict[str, Any]:
    people = {f"{login}:{PASSWORD}": {"uid": [login], **held} for login, held in PEOPLE.items()}
    # PHP takes the first value without a name for the class.
    return {"people": {0: "exampleauth:UserPass", **people}}


def _hosted(key_file: Path, certificate_file: Path) -> dict[str, Any]:
    named = {"class": "saml:AttributeNameID", "attribute": "uid", "Format": _PERSISTENT}
    return {
        "host": "__DEFAULT__",
        "privatekey": key_file.name,
        "certificate": certificate_file.name,
        "auth": "people",
        "signature.algorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "authproc": {3: named},
    }


def _portal(entrance: str) -> dict[str, Any]:
    known = {"AssertionConsumerService": f"{entrance}saml/", "NameIDFormat": _PERSISTENT}
    return {f"{entrance}saml/metadata/": known}


@pytest.fixture(scope="session")
def saml(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SamlProvider]:
    """Knows the portal of the tests, as its organisation `harbour`."""
    entrance = "http://localhost:8000/sign-in/harbour/"
    with saml_running(tmp_path_factory.mktemp("saml"), entrance) as provider:
        yield provider
