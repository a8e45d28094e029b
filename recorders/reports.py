"""What recorders tell the portal, parsed: enrolment and heartbeat (docs/design/contracts.md §4).

Pure. Each parser gives a frozen dataclass or raises ProtocolError naming the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from protocol.errors import ProtocolError
from protocol.times import format_time
from protocol.tokens import Jwk, jwk_thumbprint
from recorders.connection_reports import ConnectionReport, parse_connection
from recorders.json_values import BadValue, JsonObject

MAX_BODY_BYTES = 512 * 1024  # 256 cameras with full texts have about 300 KiB
MAX_CAMERAS = 256
MAX_NAME = 100
MAX_MODEL, MAX_VERSION = 60, 40
MAX_DETAIL = 500
MAX_ADDRESSES = 32
MAX_CODE = 64  # a code has 19 characters; what people type around it is allowed for
_MAX_BYTES_STORED = 2**53  # exact in every JSON reader
_MAX_KEY_TEXT = 100


@dataclass(frozen=True)
class Application:
    """A recorder that asks to be registered; `public_key` is not proven yet."""

    code: str
    public_key: Jwk
    model: str
    version: str
    name: str


@dataclass(frozen=True)
class ProfileReport:
    state: str
    codec: str | None
    width: int | None
    height: int | None
    fps: float | None
    kbps: int | None


@dataclass(frozen=True)
class CameraReport:
    number: int
    name: str
    state: str
    detail: str
    profiles: Mapping[str, ProfileReport]
    recorded_from: datetime | None
    recorded_to: datetime | None


@dataclass(frozen=True)
class StorageReport:
    used_bytes: int
    capacity_bytes: int
    oldest: datetime | None

    def as_json(self) -> dict[str, Any]:  # Any: JSON values
        oldest = format_time(self.oldest) if self.oldest else None
        return {
            "used_bytes": self.used_bytes,
            "capacity_bytes": self.capacity_bytes,
            "oldest": oldest,
        }


@dataclass(frozen=True)
class Heartbeat:
    version: str
    model: str
    time: datetime
    local_addresses: list[str]
    connection: ConnectionReport
    capabilities: list[str]
    cameras: list[CameraReport]
    storage: StorageReport | None  # None: not counted yet


def parse_application(body: object) -> Application:
    """Raises ProtocolError `bad_value` or `bad_keys`."""
    values = JsonObject(body)
    return Application(
        code=values.text("code", MAX_CODE),
        public_key=_public_key(values.child("public_key")),
        model=values.text("model", MAX_MODEL),
        version=values.text("version", MAX_VERSION),
        name=values.text("name", MAX_NAME, default=""),
    )


def parse_heartbeat(body: object) -> Heartbeat:
    """Raises ProtocolError `bad_value`."""
    values = JsonObject(body)
    return Heartbeat(
        version=values.text("version", MAX_VERSION),
        model=values.text("model", MAX_MODEL),
        time=values.time("time"),
        local_addresses=values.addresses("local_addresses", MAX_ADDRESSES),
        connection=parse_connection(values),
        capabilities=values.words("capabilities", 16),
        cameras=_cameras(values),
        storage=None if values.raw("storage") is None else _storage(values.child("storage")),
    )


def _public_key(values: JsonObject) -> Jwk:
    jwk = {name: values.text(name, _MAX_KEY_TEXT) for name in ("kty", "crv", "x")}
    if jwk["kty"] != "OKP" or jwk["crv"] != "Ed25519":
        raise ProtocolError("bad_keys", "public_key is not an Ed25519 JWK")
    return {**jwk, "kid": jwk_thumbprint(jwk)}


def _cameras(values: JsonObject) -> list[CameraReport]:
    cameras = [_camera(row) for row in values.children("cameras", MAX_CAMERAS)]
    if len({camera.number for camera in cameras}) < len(cameras):
        raise BadValue(values.field("cameras"), "has a number twice")
    return cameras


def _camera(row: JsonObject) -> CameraReport:
    profiles = row.named_children("profiles", 4)
    return CameraReport(
        number=row.number("number", 1, 9999),
        name=row.text("name", MAX_NAME),
        state=row.word("state"),
        detail=row.text("detail", MAX_DETAIL, default=""),
        profiles={name: _profile(profile) for name, profile in profiles.items()},
        recorded_from=row.optional_time("recorded_from"),
        recorded_to=row.optional_time("recorded_to"),
    )


def _profile(row: JsonObject) -> ProfileReport:
    codec = row.raw("codec")
    return ProfileReport(
        state=row.word("state"),
        codec=None if codec is None else row.text("codec", 40),
        width=row.optional_number("width", 0, 32768),
        height=row.optional_number("height", 0, 32768),
        fps=row.optional_float("fps", 0, 1000),
        kbps=row.optional_number("kbps", 0, 1_000_000),
    )


def _storage(values: JsonObject) -> StorageReport:
    return StorageReport(
        used_bytes=values.number("used_bytes", 0, _MAX_BYTES_STORED),
        capacity_bytes=values.number("capacity_bytes", 0, _MAX_BYTES_STORED),
        oldest=values.optional_time("oldest"),
    )
