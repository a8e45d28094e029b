"""A recorder's own side in the tests: its key, its requests."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from protocol.tokens import Signer, jwk_thumbprint, public_jwk, sign_recorder_token


@dataclass
class Device:
    """A machine with a key that calls the portal as `python -m cmr` does."""

    client: APIClient
    key: Ed25519PrivateKey
    recorder_id: str = ""

    @property
    def jwk(self) -> dict[str, str]:
        return public_jwk(self.key.public_key())

    def token(self, issuer: str, now: float | None = None) -> str:
        return sign_recorder_token(Signer(self.key, issuer), int(now or time.time()))

    def enrol(self, code: str, **changes: Any) -> Any:
        body = {"code": code, "public_key": self.jwk, "model": "ConteraCMR", "version": "1.0"}
        token = self.token(jwk_thumbprint(self.jwk))
        return self._post("enrol", {**body, **changes}, token)

    def beat(self, token: str | None = None, **changes: Any) -> Any:
        body = {**heartbeat_body(), **changes}
        return self._post("heartbeat", body, token or self.token(self.recorder_id))

    def _post(self, what: str, body: Any, token: str) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        address, kind = f"/api/v1/recorder/{what}", "application/json"
        return self.client.generic("POST", address, json.dumps(body), kind, headers=headers)


def heartbeat_body(cameras: int = 2) -> dict[str, Any]:
    return {
        "version": "1.0",
        "model": "ConteraCMR",
        "time": timezone.now().isoformat(),
        "local_addresses": ["192.168.1.20"],
        "web": {"http_port": 8080, "https_port": 8443},
        "capabilities": ["relay"],
        "cameras": [camera_body(number) for number in range(1, cameras + 1)],
        "storage": {"used_bytes": 5, "capacity_bytes": 10, "oldest": "2026-01-01T00:00:00Z"},
    }


def camera_body(number: int, **changes: Any) -> dict[str, Any]:
    profile = {
        "state": "streaming",
        "codec": "avc1.64001f",
        "width": 1280,
        "height": 720,
        "fps": 15.0,
        "kbps": 2000,
    }
    body = {
        "number": number,
        "name": f"Camera {number}",
        "state": "streaming",
        "detail": "",
        "profiles": {"hd": profile},
        "recorded_from": "2026-01-01T00:00:00Z",
        "recorded_to": None,
    }
    return {**body, **changes}


@pytest.fixture
def device(db: None) -> Device:
    return Device(APIClient(), Ed25519PrivateKey.generate())


@pytest.fixture
def enrolled(device: Device, recorder: Any) -> Device:
    """The device that the cast's recorder is."""
    recorder.public_key = device.jwk
    recorder.save(update_fields=["public_key"])
    device.recorder_id = str(recorder.pk)
    return device


@pytest.fixture
def sign_in(client: Client) -> Any:
    """`sign_in(user)` gives the browser of that person."""

    def signed_in(user: Any) -> Client:
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def api() -> Any:
    """`api(user)` calls the API as that person."""

    def client_of(user: Any) -> APIClient:
        client = APIClient()
        client.force_login(user)
        return client

    return client_of
