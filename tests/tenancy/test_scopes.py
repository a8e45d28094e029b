"""A2, P1: what an administrator's token may call with one scope alone, route by route."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import get_resolver
from django.utils import timezone

from accounts.models import ApiToken
from accounts.scopes import ANY_TOKEN, SCOPES
from tests.route_policy import POLICY, Line
from tests.tenancy.walk import answer, browser
from tests.test_routes import NAMED, _patterns

pytestmark = pytest.mark.django_db

VIEWS = {
    pattern.name: getattr(pattern.callback, "cls", None) for _, pattern in _patterns(get_resolver())
}
# Those of recorders take passes of their own instead.
LINES = [
    line
    for line in POLICY
    if NAMED[line.name].path.startswith("api/v1/")
    and line.outcomes["anonymous"] == "401"
    and line.outcomes["owner"] not in ("401", "403")  # 403: what is for dealers alone
]
# What looking on may change: by the first the token itself ends.
CHANGES_BY_READING = {
    "": {"DELETE api-token"},
    "read": {"DELETE api-token"},
    "audit": {"DELETE api-token", "POST api-audit-check", "POST api-audit-seal"},
}


def let_through(owner: Any, things: dict[str, Any], scope: str) -> set[str]:
    """What a token with this scope alone is not refused for its scopes."""
    _, key = ApiToken.issue(owner, "one scope", timezone.now(), scopes=[scope] if scope else [])
    client = browser(Authorization=f"Token {key}")
    return {str(line) for line in LINES if _passes(client, line, things)}


def _passes(client: Any, line: Line, things: dict[str, Any]) -> bool:
    response = answer(client, line, things)
    return response.status_code != 403 or response.json()["code"] != "scope_missing"


def _names(line: Line, scope: str) -> bool:
    needed = VIEWS[line.name].scopes[line.method]
    return needed == ANY_TOKEN or scope in ((needed,) if isinstance(needed, str) else needed)


@pytest.mark.parametrize("scope", ["", *SCOPES])
def test_a_call_is_let_through_only_where_its_view_names_the_scope(scope, things, owner):
    found = let_through(owner, things, scope)
    assert found == {str(line) for line in LINES if _names(line, scope)}
    if scope in CHANGES_BY_READING:
        assert {name for name in found if not name.startswith("GET")} == CHANGES_BY_READING[scope]


@pytest.mark.parametrize("scope", ["read", "people", "audit", "webhooks", "configure"])
def test_no_scope_but_those_of_video_gives_a_token_that_names_cameras(scope, things, owner):
    _, key = ApiToken.issue(owner, "no video", timezone.now(), scopes=[scope])
    client = browser(Authorization=f"Token {key}")
    line = next(line for line in POLICY if str(line) == "POST session")
    answered = answer(client, line, things)
    assert answered.status_code == 403
