"""P4: whatever stands in a body or an address, no role gets a server error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.api import limits
from accounts.models import ApiToken
from contera.api_examples import FILE
from tests.api.test_examples import ALL
from tests.api.world import make_world, meant

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(120)]

JSON = "application/json"
ODD: tuple[Any, ...] = (None, 10**30, ["\u0000"], "\u202e9999-12-31T23:59:59Z")


@pytest.fixture
def world(owner, viewer, recorder, viewers, dealership) -> dict[str, Any]:
    return make_world(owner, viewer, recorder, viewers, dealership)


@pytest.fixture
def roles(owner, viewer, monkeypatch) -> dict[str, Client]:
    for name in ("READS", "WRITES", "PERSON", "ADDRESS"):
        monkeypatch.setattr(limits, name, limits.Limit(name, 10**9))
    keys = {p: ApiToken.issue(p, "odd", timezone.now())[1] for p in (owner, viewer)}
    made = {p: Client(headers={"Authorization": f"Token {key}"}) for p, key in keys.items()}
    return {"owner": made[owner], "viewer": made[viewer], "anonymous": Client()}


def test_no_body_makes_the_portal_fail(roles, world):
    for name, example in json.loads(FILE.read_text()).items():
        if "request" not in example:
            continue
        body = meant(example["request"], world)
        odd = [{**body, field: value} for field in body for value in ODD]
        for sent in (*odd, [], None, 7):
            _call(roles["owner"], name, world, sent)
        for role in ("viewer", "anonymous"):
            _call(roles[role], name, world, odd[0])


def test_no_address_makes_the_portal_fail(roles, world):
    nobody = dict.fromkeys(world, "0199c0de-0000-7000-8000-0000000000aa")
    nobody |= {"session_id": 10**18, "clip_id": 10**18, "customer_id": nobody["user_id"]}
    for name in ALL:
        _call(roles["owner"], name, nobody, {})


def _call(client: Client, name: str, world: dict[str, Any], body: Any) -> None:
    method, path = ALL[name]
    address = path.format(**world)
    with transaction.atomic():
        answer = (
            getattr(client, method)(address, json.dumps(body), content_type=JSON)
            if (method != "get")
            else client.get(address)
        )
        transaction.set_rollback(True)
    assert answer.status_code < 500 or answer.status_code == 503, f"{name}: {body!r}"
