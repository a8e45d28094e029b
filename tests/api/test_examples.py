"""The examples of the API's description are run: each request gets the documented status, and the
answer, like the example of it, is what the description says.

`CONTERA_WRITE_EXAMPLES=1 pytest tests/api/test_examples.py` writes the answers anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from jsonschema import Draft202012Validator

from accounts.models import ApiToken
from contera.api_examples import FILE
from tests.api.description import described
from tests.api.world import applicant_token, make_world, meant, recorder_token, written
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

JSON = "application/json"

# Who calls what is not for administrators of the organisation.
CALLERS = {
    **dict.fromkeys(("customers_list", "customers_add", "customers_read"), "dealer"),
    **dict.fromkeys(("customers_leave", "customers_invite_again", "consents_withdraw"), "dealer"),
    **dict.fromkeys(("sign_in", "relay_viewings_create"), "anybody"),
    "recorder_enrol_create": "applicant",
    **dict.fromkeys(("recorder_bundle_retrieve", "recorder_heartbeat_create"), "recorder"),
    **dict.fromkeys(("recorder_preflight_create", "recorder_viewings_create"), "recorder"),
}
# Recorders and relay nodes of another version say what this one does not know yet.
LENIENT = {name for name in CALLERS if name.startswith(("recorder_", "relay_"))}
STORED = {"export_id": "done_export_id"}
# What an operation is about, where the usual thing of the world is not fit for it.
ABOUT = {
    "exports_archive": STORED,
    "exports_clips_retrieve": STORED,
    "exports_manifest_retrieve": STORED,
    "exports_signature_retrieve": STORED,
    "exports_retry_create": {"export_id": "failed_export_id"},
    "users_invite_again": {"user_id": "invited_id"},
    "customers_invite_again": {"customer_id": "new_customer_id"},
}
QUERIES = {"users_access_explain": "?camera={camera_id}"}

SCHEMA, _ = described()


def _operations() -> Iterator[tuple[str, str, str]]:
    for path, methods in SCHEMA["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method, path


def _takes_body(name: str) -> bool:
    method, path = ALL[name]
    return "requestBody" in SCHEMA["paths"][path][method]


ALL = {name: (method, path) for name, method, path in _operations()}


@pytest.fixture
def world(owner, viewer, recorder, viewers, dealership) -> dict[str, Any]:
    return make_world(owner, viewer, recorder, viewers, dealership)


@pytest.fixture
def programs(owner, boss, world) -> dict[str, Client]:
    keys = {
        who: ApiToken.issue(who, "examples", timezone.now(), is_strong=True)[1]
        for who in (owner, boss)
    }
    tokens = {
        "administrator": f"Token {keys[owner]}",
        "dealer": f"Token {keys[boss]}",
        "recorder": f"Bearer {recorder_token(world)}",
        "applicant": f"Bearer {applicant_token()}",
    }
    made = {who: Client(headers={"Authorization": token}) for who, token in tokens.items()}
    return {**made, "anybody": Client()}


def test_the_examples_hold(programs, world):
    """One test for all: the world is made once, and each request is undone."""
    known, found, wrong = json.loads(FILE.read_text()), {}, []
    for name in sorted(ALL):
        with transaction.atomic():
            try:
                found[name] = _run(programs, name, known.get(name, {}), world)
            except AssertionError as error:
                wrong.append(str(error))
            transaction.set_rollback(True)
    assert not wrong, "\n".join(wrong)
    if os.environ.get("CONTERA_WRITE_EXAMPLES"):
        FILE.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    assert set(known) == set(found), "run with CONTERA_WRITE_EXAMPLES=1, then read the difference"


def test_each_written_answer_is_as_described():
    for name, example in json.loads(FILE.read_text()).items():
        if "response" in example:
            _check(name, example["status"], example["response"])


def test_each_body_has_an_example_and_takes_nothing_else(programs, world):
    """P1: mass assignment, for every write."""
    known = json.loads(FILE.read_text())
    for name in filter(_takes_body, set(ALL) - LENIENT):
        body = {**meant(known[name]["request"], world), "is_superuser": True}
        answer = _send(programs, name, body, world)
        assert answer.status_code == 400, f"{name}: {answer.content!r}"
        assert "is_superuser" in answer.json()["errors"], name


def _run(
    programs: dict[str, Client], name: str, example: dict[str, Any], world: dict[str, Any]
) -> Any:
    body = meant(example["request"], world) if "request" in example else None
    answer = _send(programs, name, body, world)
    status = str(answer.status_code)
    documented = [code for code in _responses(name) if code.startswith("2")]
    assert status in documented, f"{name}: {status} {answer.content!r}"
    kept = {key: example[key] for key in ("request",) if key in example}
    if answer.streaming or not answer.content or not answer["Content-Type"].startswith(JSON):
        return {**kept, "status": status}
    _check(name, status, answer.json())
    return {**kept, "status": status, "response": written(answer.json(), world)}


def _send(programs: dict[str, Client], name: str, body: Any, world: dict[str, Any]) -> Any:
    method, path = ALL[name]
    program = programs[CALLERS.get(name, "administrator")]
    extra = {} if body is None else {"data": json.dumps(body), "content_type": JSON}
    things = {**world, **{one: world[other] for one, other in ABOUT.get(name, {}).items()}}
    address = (path + QUERIES.get(name, "")).format(**things)
    return getattr(program, method)(address, **extra)


def _responses(name: str) -> dict[str, Any]:
    method, path = ALL[name]
    found: dict[str, Any] = SCHEMA["paths"][path][method]["responses"]
    return found


def _check(name: str, status: str, answer: Any) -> None:
    schema = _responses(name)[status]["content"][JSON]["schema"]
    whole = {**schema, "components": SCHEMA["components"]}
    errors = [
        f"{name}{error.json_path[1:]}: {error.message}"
        for error in Draft202012Validator(whole).iter_errors(answer)
    ]
    assert not errors, errors


def test_the_password_of_the_example_is_that_of_the_cast():
    assert json.loads(FILE.read_text())["sign_in"]["request"]["password"] == PASSWORD
