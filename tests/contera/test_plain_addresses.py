"""The plain addresses of portal and nodes: named to recorders with their keys, or refused."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from contera.checks import check_plain_addresses
from contera.node_key import load_node_key
from contera.relay_asgi import build_application
from contera.sealed_http import SealedHttp
from tests.fakes.asgi_server import PORTAL

KEY = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}


@pytest.mark.parametrize(
    ("keys", "own", "is_right"),
    [
        ({}, "", True),
        ({"http://relay.test": KEY}, "", True),
        ({"http://portal.test": None}, "http://portal.test", True),
        ({"http://relay.test": {**KEY, "x": ""}}, "", False),
        ({"https://relay.test": KEY}, "", False),
        ({}, "portal.test", False),
    ],
)
def test_what_is_no_plain_address_with_a_key_is_refused(
    keys: dict[str, Any], own: str, is_right: bool
) -> None:
    with override_settings(CONTERA_RELAY_HTTP_KEYS=keys, CONTERA_HTTP_URL=own):
        assert (not check_plain_addresses(None)) == is_right


def test_a_node_makes_its_key_once_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    keys = tmp_path / "jwks.json"
    keys.write_text(f'{{"keys": [{str(PORTAL.jwk).replace(chr(39), chr(34))}]}}')
    monkeypatch.setenv("CONTERA_PORTAL_JWKS", str(keys))
    assert not isinstance(build_application(), SealedHttp)
    file = tmp_path / "keys" / "relay.pem"
    monkeypatch.setenv("CONTERA_RELAY_KEY_FILE", str(file))
    assert isinstance(build_application(), SealedHttp)
    assert file.stat().st_mode & 0o077 == 0
    assert load_node_key(file).jwk["x"] in caplog.text
