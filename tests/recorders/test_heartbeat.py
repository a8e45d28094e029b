from __future__ import annotations

import json
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from accounts.signing import portal_keys
from cmr.nat import NatReport
from cmr.proxy import Proxy
from cmr.proxy_config import ProxyConfig
from protocol.errors import ProtocolError
from protocol.tokens import verify_relay_pass
from recorders.models import Camera, Recorder
from recorders.reports import MAX_BODY_BYTES, MAX_CAMERAS, parse_heartbeat
from tests.recorders.conftest import camera_body, heartbeat_body

pytestmark = pytest.mark.django_db


def test_a_heartbeat_makes_the_recorder_online(enrolled: Any, recorder: Recorder) -> None:
    Recorder.objects.update(last_seen_at=None)
    answer = enrolled.beat()
    recorder.refresh_from_db()
    assert answer.status_code == 200
    assert recorder.is_online(timezone.now())
    assert recorder.external_address == "127.0.0.1"
    assert recorder.storage["used_bytes"] == 5
    assert recorder.local_addresses == ["192.168.1.20"]


def test_the_answer_has_a_relay_pass_and_the_settings(enrolled: Any, recorder: Recorder) -> None:
    body = enrolled.beat().json()
    found = verify_relay_pass(portal_keys(), body["relay"]["pass"], int(time.time()))
    assert (found.recorder_id, found.region) == (str(recorder.pk), "us-west")
    assert body["settings"]["lan"] == {"enabled": True, "ranges": []}
    assert (body["name"], body["heartbeat_s"]) == ("Gate", 15)


def test_without_changes_it_costs_three_queries(
    enrolled: Any, recorder: Recorder, django_assert_num_queries: Any
) -> None:
    body = heartbeat_body(cameras=20)
    enrolled.beat(cameras=body["cameras"])
    with django_assert_num_queries(3):
        enrolled.beat(cameras=body["cameras"])


def test_cameras_are_added_changed_and_kept(enrolled: Any, recorder: Recorder) -> None:
    enrolled.beat()
    before = Camera.objects.get(recorder=recorder, number=2)
    enrolled.beat(
        cameras=[
            camera_body(2, name="Yard", state="stalled", detail="No pictures."),
            camera_body(7),
        ]
    )
    after = Camera.objects.get(recorder=recorder, number=2)
    assert (after.pk, after.name, after.state) == (before.pk, "Yard", "stalled")
    present = recorder.cameras.filter(is_present=True).values_list("number", flat=True)
    assert sorted(present) == [2, 7]


def test_a_camera_that_comes_back_is_the_same_row(enrolled: Any, recorder: Recorder) -> None:
    enrolled.beat()
    before = Camera.objects.get(recorder=recorder, number=1)
    enrolled.beat(cameras=[])
    assert not recorder.cameras.filter(is_present=True).exists()
    enrolled.beat()
    after = Camera.objects.get(recorder=recorder, number=1)
    assert (after.pk, after.is_present) == (before.pk, True)


@pytest.mark.parametrize("offset_s", [-7200, 0, 90])
def test_the_clock_offset_is_measured(enrolled: Any, recorder: Recorder, offset_s: int) -> None:
    moment = timezone.now() + timedelta(seconds=offset_s)
    answer = enrolled.beat(time=moment.isoformat()).json()
    assert answer["clock_offset_s"] == pytest.approx(offset_s, abs=2)


def test_unknown_and_forged_answer_alike(enrolled: Any, recorder: Recorder) -> None:
    """R3, R1: an id without its key tells nothing, not even whether it exists."""
    seen_before = Recorder.objects.get().last_seen_at
    known, enrolled.key = enrolled.recorder_id, Ed25519PrivateKey.generate()
    forged = enrolled.beat(enrolled.token(known))
    unknown = enrolled.beat(enrolled.token(str(uuid.uuid4())))
    nonsense = enrolled.beat(enrolled.token("nobody"))
    assert {answer.status_code for answer in (forged, unknown, nonsense)} == {401}
    assert forged.content == unknown.content == nonsense.content
    assert Recorder.objects.get().last_seen_at == seen_before


def test_an_expired_token_is_refused(enrolled: Any) -> None:
    answer = enrolled.beat(enrolled.token(enrolled.recorder_id, time.time() - 3600))
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


def test_a_missing_token_is_refused(enrolled: Any) -> None:
    answer = enrolled.client.post("/api/v1/recorder/heartbeat", {}, format="json")
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


def test_a_removed_recorder_learns_it(enrolled: Any) -> None:
    Recorder.objects.update(removed_at=timezone.now())
    answer = enrolled.beat()
    assert (answer.status_code, answer.json()["code"]) == (401, "recorder_unknown")


def test_markup_is_kept_as_text(enrolled: Any, recorder: Recorder) -> None:
    """B1: texts are texts."""
    enrolled.beat(cameras=[camera_body(1, name="<script>alert(1)</script>")])
    assert Camera.objects.get(recorder=recorder, number=1).name == "<script>alert(1)</script>"


NAT = {
    "mapping": "endpoint_independent",
    "filtering": "address_dependent",
    "external": "203.0.113.7:40000",
    "hairpin": None,
    "checked_at": "2026-11-23T04:00:00Z",
    "detail": "",
}


def test_the_way_to_the_world_is_kept(enrolled: Any, recorder: Recorder) -> None:
    proxy = {"scheme": "digest", "via": "proxy.example:3128", "detail": ""}
    transport = {"name": "segments", "sealed": True, "reason": "The proxy holds bodies."}
    enrolled.beat(
        web={"http_port": 8080, "https_port": None},
        nat=NAT,
        proxy=proxy,
        relay_transport=transport,
    )
    recorder.refresh_from_db()
    assert (recorder.http_port, recorder.https_port) == (8080, None)
    assert recorder.nat["mapping"] == "endpoint_independent"
    assert (recorder.proxy, recorder.relay_transport) == (proxy, transport)


def test_what_is_not_told_is_not_remembered(enrolled: Any, recorder: Recorder) -> None:
    enrolled.beat(nat=NAT)
    enrolled.beat()
    recorder.refresh_from_db()
    assert recorder.nat == {}


def test_what_a_filter_said_never_stops_a_heartbeat(enrolled: Any, recorder: Recorder) -> None:
    reason = "The filter answered: \x00\x1b[31m" + "x" * 600
    assert enrolled.beat(relay_transport={"name": "socket", "reason": reason}).status_code == 200
    recorder.refresh_from_db()
    kept = recorder.relay_transport["reason"]
    assert kept.startswith("The filter answered:   [31mxxx")
    assert len(kept) == 500


def test_what_our_recorder_reports_is_understood(enrolled: Any, recorder: Recorder) -> None:
    """Its words about its NAT, a proxy, a switched-off port."""
    nat = NatReport("address_dependent", external="203.0.113.7").as_json("2026-11-23T04:00:00Z")
    proxy = Proxy(ProxyConfig("proxy.example", 3128, "digest", "u", "p")).report()
    web = {"http_port": None, "https_port": 8443}
    assert enrolled.beat(nat=nat, proxy=proxy, web=web, web_port=0).status_code == 200
    recorder.refresh_from_db()
    assert recorder.nat["detail"] == nat["detail"]
    assert recorder.proxy["via"] == "proxy.example:3128"
    assert recorder.http_port is None


def test_an_older_recorder_tells_one_web_port(enrolled: Any, recorder: Recorder) -> None:
    enrolled.beat(web=None, web_port=8081)
    recorder.refresh_from_db()
    assert (recorder.http_port, recorder.https_port) == (8081, None)


def test_the_answer_names_the_stun_servers(enrolled: Any, settings: Any) -> None:
    settings.CONTERA_STUN_URLS = ["portal.example:3478", "portal.example:3479"]
    assert enrolled.beat().json()["stun"] == ["portal.example:3478", "portal.example:3479"]


BAD: list[dict[str, Any]] = [
    {"cameras": [camera_body(1), camera_body(1)]},
    {"cameras": [camera_body(0)]},
    {"cameras": [camera_body(True)]},
    {"cameras": [camera_body(1, name="n" * 101)]},
    {"cameras": [camera_body(1, name="a\x00")]},
    {"cameras": [camera_body(1, detail="\ud800")]},
    {"cameras": [camera_body(1, state="<b>")]},
    {"cameras": [camera_body(1, profiles={"hd": {"state": "streaming", "fps": 1e308}})]},
    {"cameras": [camera_body(n) for n in range(1, MAX_CAMERAS + 2)]},
    {"cameras": None},
    {"cameras": ["x"]},
    {"time": "yesterday"},
    {"time": "2026-01-01T00:00:00"},
    {"time": None},
    {"local_addresses": ["gate.example"]},
    {"local_addresses": ["10.0.0.1"] * 33},
    {"web_port": 70000},
    {"web_port": "80"},
    {"web": [8080]},
    {"web": {"http_port": 0}},
    {"web": {"http_port": 80, "https_port": "443"}},
    {"nat": "full cone"},
    {"nat": {"mapping": "unknown"}},
    {"nat": {"mapping": "<b>", "filtering": "unknown"}},
    {"nat": {**NAT, "hairpin": "yes"}},
    {"nat": {**NAT, "detail": 5}},
    {"proxy": {"scheme": None}},
    {"relay_transport": {"name": "Stream"}},
    {"capabilities": ["relay", 4]},
    {"storage": {"used_bytes": -1, "capacity_bytes": 1}},
    {"storage": []},
    {"version": "v" * 41},
]


@pytest.mark.parametrize("changes", BAD)
def test_a_malformed_heartbeat_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        parse_heartbeat({**heartbeat_body(), **changes})


def test_it_answers_400_naming_the_field(enrolled: Any) -> None:
    answer = enrolled.beat(cameras=[camera_body(1, name="n" * 101)])
    assert answer.status_code == 400
    assert answer.json()["detail"] == "cameras[0].name: has more than 100 characters"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"time": NaN}',
        b"\xff",
        b"",
        b"{" + b" " * MAX_BODY_BYTES + b"}",
        b"1" * 5000,
    ],
)
def test_bodies_that_are_not_ours_are_refused(enrolled: Any, body: bytes) -> None:
    answer = enrolled.client.generic(
        "POST",
        "/api/v1/recorder/heartbeat",
        body,
        "application/json",
        headers={"Authorization": f"Bearer {enrolled.token(enrolled.recorder_id)}"},
    )
    assert answer.status_code in (400, 413)


def test_the_largest_heartbeat_fits(enrolled: Any, recorder: Recorder) -> None:
    cameras = [camera_body(n, name="n" * 100, detail="d" * 500) for n in range(1, MAX_CAMERAS + 1)]
    assert len(json.dumps(cameras)) < MAX_BODY_BYTES
    assert enrolled.beat(cameras=cameras).status_code == 200
    assert recorder.cameras.filter(is_present=True).count() == MAX_CAMERAS


def test_newer_fields_are_ignored(enrolled: Any) -> None:
    assert enrolled.beat(temperature=41).status_code == 200


def test_storage_that_is_not_counted_yet_leaves_what_was_known(
    enrolled: Any, recorder: Recorder
) -> None:
    enrolled.beat()
    body = heartbeat_body()
    del body["storage"]
    assert enrolled.beat(storage=None).status_code == 200
    assert parse_heartbeat(body).storage is None
    recorder.refresh_from_db()
    assert recorder.storage["used_bytes"] == 5


def test_the_answer_names_plain_addresses_with_their_keys(enrolled: Any, settings: Any) -> None:
    """For sites that let no TLS through; TLS comes first, and a node has a key of its own."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}
    settings.CONTERA_HTTP_URL = "http://portal.example"
    settings.CONTERA_RELAY_URLS = ["https://r1.example"]
    settings.CONTERA_RELAY_HTTP_KEYS = {"http://portal.example": None, "http://r1.example": jwk}
    body = enrolled.beat().json()
    assert body["http_url"] == "http://portal.example"
    assert body["relay"]["urls"] == [
        "https://r1.example",
        "http://portal.example",
        "http://r1.example",
    ]
    assert body["relay"]["keys"] == {"http://r1.example": jwk}


def test_without_plain_addresses_none_are_named(enrolled: Any) -> None:
    body = enrolled.beat().json()
    assert (body["http_url"], body["relay"]["keys"]) == (None, {})
