from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.audit import PORTAL
from accounts.models import AuditEntry, Organisation, User
from protocol.tokens import KeyRing
from recorders.codes import digest_of
from recorders.models import Recorder, RegistrationCode
from recorders.services import registration_notice
from recorders.services.registration import make_registration_code

pytestmark = pytest.mark.django_db


@pytest.fixture
def code(organisation: Organisation, owner: User) -> str:
    return make_registration_code(organisation, owner, "Depot", None, PORTAL, timezone.now())[1]


def test_a_code_registers_a_recorder(device: Any, code: str, organisation: Organisation) -> None:
    answer = device.enrol(code)
    assert answer.status_code == 201
    body = answer.json()
    recorder = Recorder.objects.get(pk=body["recorder_id"])
    assert (body["name"], body["organisation"], recorder.organisation) == (
        "Depot",
        "Harbour",
        organisation,
    )
    assert KeyRing(body["jwks"])
    assert body["heartbeat_s"] == 15
    assert recorder.network.enabled_paths() == {"lan", "p2p", "relay"}


def test_a_code_without_a_name_takes_the_recorders_own(
    device: Any, organisation: Organisation, owner: User
) -> None:
    code = make_registration_code(organisation, owner, "", None, PORTAL, timezone.now())[1]
    assert device.enrol(code, name="north-hall").json()["name"] == "north-hall"


def test_a_code_is_used_once(device: Any, code: str) -> None:
    """R4: single use."""
    assert device.enrol(code).status_code == 201
    answer = device.enrol(code)
    assert (answer.status_code, answer.json()["code"]) == (410, "code_used")
    assert Recorder.objects.count() == 1


def test_a_code_is_good_for_an_hour(device: Any, code: str) -> None:
    """R4: short life."""
    RegistrationCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = device.enrol(code)
    assert (answer.status_code, answer.json()["code"]) == (410, "code_expired")


def test_the_code_is_kept_as_a_digest(code: str) -> None:
    row = RegistrationCode.objects.get()
    assert row.digest == digest_of(code)
    assert code not in str(row.__dict__)


def test_the_owner_is_told(
    device: Any, code: str, owner: User, mailoutbox: list[Any], settings: Any
) -> None:
    """R4: an audit line, and one mail however often the task runs."""
    device.enrol(code)
    line = AuditEntry.objects.get(action="recorder.registered")
    assert (line.target, line.address) == ("Depot", "127.0.0.1")
    for _ in range(2):
        registration_notice.send(str(RegistrationCode.objects.get().pk))
    assert [mail.to for mail in mailoutbox] == [[owner.email]]
    assert "127.0.0.1" in mailoutbox[0].body


def test_an_unknown_code_is_refused_and_after_ten_the_address_waits(device: Any, code: str) -> None:
    answers = [device.enrol("0000-0000-0000-0000") for _ in range(11)]
    assert [answer.status_code for answer in answers] == [400] * 10 + [429]
    assert answers[0].json()["code"] == "code_unknown"
    assert device.enrol(code).status_code == 429


def test_wrong_codes_of_one_address_do_not_stop_another(device: Any, code: str) -> None:
    for _ in range(10):
        device.enrol("0000-0000-0000-0000")
    device.client.defaults["REMOTE_ADDR"] = "203.0.113.9"
    assert device.enrol(code).status_code == 201


def test_a_forged_forwarded_address_does_not_help(device: Any) -> None:
    """A7: only trusted proxies are believed, and there are none."""
    for n in range(11):
        device.client.defaults["HTTP_X_FORWARDED_FOR"] = f"203.0.113.{n}"
        answer = device.enrol("0000-0000-0000-0000")
    assert answer.status_code == 429


def test_who_does_not_hold_the_key_is_refused(device: Any, code: str) -> None:
    body = {"code": code, "public_key": device.jwk, "model": "", "version": ""}
    tokens = (
        device.token("another"),
        device.token(device.jwk["kid"], time.time() - 3600),
        "rubbish",
    )
    answers = [device._post("enrol", body, token) for token in tokens]
    assert [answer.status_code for answer in answers] == [401] * 3
    assert answers[1].json()["code"] == "token_expired"
    assert answers[2]["Content-Type"] == "application/problem+json"
    assert device.enrol(code).status_code == 201


@pytest.mark.parametrize(
    "changes",
    [
        {"code": None},
        {"code": "x" * 65},
        {"name": "a\x00b"},
        {"name": "\ud800"},
        {"name": "n" * 101},
        {"model": 7},
        {"public_key": {"kty": "RSA"}},
        {"public_key": {"kty": "OKP", "crv": "Ed25519", "x": "AA"}},
        {"public_key": "x"},
    ],
)
def test_a_malformed_application_is_refused(
    device: Any, code: str, changes: dict[str, Any]
) -> None:
    body = {"code": code, "public_key": device.jwk, "model": "", "version": "", **changes}
    answer = device._post("enrol", body, device.token(device.jwk["kid"]))
    assert answer.status_code in (400, 401)
    assert not Recorder.objects.exists()


def test_a_viewer_makes_no_codes(api: Any, viewer: User, owner: User) -> None:
    assert api(viewer).post("/api/v1/registration-codes/", {}, format="json").status_code == 403
    answer = api(owner).post("/api/v1/registration-codes/", {"location": "North"}, format="json")
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "code", "expires_at"}
    assert RegistrationCode.objects.get().location.name == "North"
