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
from tests.api.world import make_world, meant, written
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

JSON = "application/json"

# What one of everything is not enough for; where it is tested instead.
NOT_RUN = {
    **dict.fromkeys(
        ("exports_archive", "exports_clips_retrieve", "exports_manifest_retrieve"),
        "stored files: tests/incidents",
    ),
    "exports_signature_retrieve": "stored files: tests/incidents",
    "exports_retry_create": "an export that failed: tests/incidents",
    "recorders_token_create": "a running session: tests/streaming",
    "recorders_network_test_create": "a name to be resolved: tests/streaming",
    "users_invite_again": "somebody who has not joined: tests/api/test_behaviour.py",
    "consents_add": "a dealer's request: tests/accounts",
    "consents_withdraw": "one that was given: tests/accounts",
    **dict.fromkeys(
        ("customers_list", "customers_add", "customers_read", "customers_leave"),
        "for people of dealers: tests/recorders/test_customers.py",
    ),
    "customers_invite_again": "for people of dealers: tests/recorders/test_customers.py",
    **dict.fromkeys(
        ("sign_on_read", "sign_on_set_up", "sign_on_change", "sign_on_remove"),
        "an identity provider: tests/accounts",
    ),
    **dict.fromkeys(
        ("recorder_bundle_retrieve", "recorder_enrol_create", "recorder_heartbeat_create"),
        "signed by a recorder: tests/recorders",
    ),
    "recorder_preflight_create": "signed by a recorder: tests/recorders",
    "recorder_viewings_create": "signed by a recorder: tests/recorders",
    "users_access_explain": "a camera behind the ?: tests/recorders/test_explain_api.py",
    "relay_viewings_create": "signed by a relay node: tests/streaming",
}

SCHEMA, _ = described()


def _operations() -> Iterator[tuple[str, str, str]]:
    for path, methods in SCHEMA["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method, path


def _takes_body(name: str) -> bool:
    method, path = ALL[name]
    return "requestBody" in SCHEMA["paths"][path][method]


ALL = {name: (method, path) for name, method, path in _operations()}
RUN = sorted(set(ALL) - set(NOT_RUN))


@pytest.fixture
def world(owner, viewer, recorder, viewers) -> dict[str, Any]:
    return make_world(owner, viewer, recorder, viewers)


@pytest.fixture
def program(owner) -> Client:
    _, key = ApiToken.issue(owner, "examples", timezone.now(), is_strong=True)
    return Client(headers={"Authorization": f"Token {key}"})


def test_what_is_not_run_is_there():
    assert set(NOT_RUN) <= set(ALL)


def test_the_examples_hold(program, world):
    """One test for all: the world is made once, and each request is undone."""
    known, found, wrong = json.loads(FILE.read_text()), {}, []
    for name in RUN:
        with transaction.atomic():
            try:
                found[name] = _run(program, name, known.get(name, {}), world)
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


def test_each_body_has_an_example_and_takes_nothing_else(program, world):
    """P1: mass assignment, for every write."""
    known = json.loads(FILE.read_text())
    for name in filter(_takes_body, RUN):
        body = {**meant(known[name]["request"], world), "is_superuser": True}
        answer = _send(program, name, body, world)
        assert answer.status_code == 400, f"{name}: {answer.content!r}"
        assert "is_superuser" in answer.json()["errors"], name


def _run(program: Client, name: str, example: dict[str, Any], world: dict[str, Any]) -> Any:
    body = meant(example["request"], world) if "request" in example else None
    answer = _send(program, name, body, world)
    status = str(answer.status_code)
    documented = [code for code in _responses(name) if code.startswith("2")]
    assert status in documented, f"{name}: {status} {answer.content!r}"
    kept = {key: example[key] for key in ("request",) if key in example}
    if not answer.content or not answer["Content-Type"].startswith(JSON):
        return {**kept, "status": status}
    _check(name, status, answer.json())
    return {**kept, "status": status, "response": written(answer.json(), world)}


def _send(program: Client, name: str, body: Any, world: dict[str, Any]) -> Any:
    method, path = ALL[name]
    client = Client() if name == "sign_in" else program
    extra = {} if body is None else {"data": json.dumps(body), "content_type": JSON}
    return getattr(client, method)(path.format(**world), **extra)


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
