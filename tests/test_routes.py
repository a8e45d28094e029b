"""A2, P1: every route, for everybody, equals the written policy (tests/route_policy.py).

A route that the policy does not name fails here, so nothing is reachable that nobody thought about.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.test.client import ClientHandler
from django.urls import URLPattern, get_resolver, reverse

from tests.one_of_each import one_of_each
from tests.route_policy import METHODS, OWN_AUTHENTICATION, POLICY, ROLES, Line, row

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Route:
    name: str
    path: str
    arguments: tuple[str, ...]
    methods: tuple[str, ...]  # a REST view's own; of a page all that its policy must name


def _patterns(resolver: Any, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield path, pattern
        else:
            yield from _patterns(pattern, path)


def _route(path: str, pattern: URLPattern) -> Route:
    arguments = tuple(pattern.pattern.regex.groupindex) or tuple(pattern.pattern.converters)
    view = getattr(pattern.callback, "cls", None)
    methods = tuple(m for m in METHODS if hasattr(view, m.lower())) if view else ("GET", "POST")
    return Route(pattern.name or "", path, arguments, methods)


ROUTES = [_route(path, pattern) for path, pattern in _patterns(get_resolver())]
NAMED = {route.name: route for route in ROUTES}


@pytest.fixture
def arguments(owner, viewer, viewers, recorder, cameras) -> dict[str, Any]:
    return one_of_each(owner, viewer, viewers, recorder)


@pytest.fixture
def people(owner, viewer, stranger) -> dict[str, Any]:
    return {"anonymous": None, "stranger": stranger, "viewer": viewer, "owner": owner}


def _address(route: Route, arguments: dict[str, Any]) -> str:
    missing = set(route.arguments) - arguments.keys()
    assert not missing, f"{route.path}: add {missing} to the fixture `arguments`"
    return reverse(route.name, kwargs={name: arguments[name] for name in route.arguments})


def _call(client: Client, method: str, route: Route, address: str) -> HttpResponse:
    is_json = route.path.startswith("api/") and method != "GET"
    body = {"data": {}, "content_type": "application/json"} if is_json else {}
    return getattr(client, method.lower())(address, **body)


def _outcome(response: HttpResponse) -> str:
    if response.status_code in (401, 403, 404, 405):
        return str(response.status_code)
    is_to_login = response.status_code == 302 and "/accounts/login/" in response["Location"]
    return "login" if is_to_login else "ok"


# Loading the middleware takes longer than most answers: once for all tests here.
HANDLERS = {is_strict: ClientHandler(enforce_csrf_checks=is_strict) for is_strict in (False, True)}


def fresh(person: Any) -> dict[str, Any]:
    """What allauth keeps in a session of a sign-in of this moment."""
    return {
        "account_authentication_methods": [{"method": "password", "at": time.time()}],
        "account_authentication_methods_user": str(person.pk),
    }


def _client(person: Any, *, enforce_csrf_checks: bool = False) -> Client:
    client = Client()
    client.handler = HANDLERS[enforce_csrf_checks]
    if person is not None:
        client.force_login(person)
        session = client.session  # freshly: what asks for that would hide what comes after it
        session.update(fresh(person))
        session.save()
    return client


def _observed(line: Line, arguments: dict[str, Any], people: dict[str, Any]) -> dict[str, str]:
    """What each role gets; nothing of it lasts."""
    route = NAMED[line.name]
    found = {}
    for role in ROLES:
        with transaction.atomic():
            response = _call(_client(people[role]), line.method, route, _address(route, arguments))
            found[role] = _outcome(response)
            transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("line", POLICY, ids=str)
def test_every_route_answers_as_its_policy_says(line: Line, arguments, people):
    assert _observed(line, arguments, people) == line.outcomes


def test_no_route_is_without_a_policy(arguments, people):
    """P1: a new route fails the build until somebody writes down who may use it."""
    written = {(line.name, line.method) for line in POLICY}
    there = {(route.name, method) for route in ROUTES for method in route.methods}
    new = [Line(name, method, {}) for name, method in sorted(there - written)]
    lines = [row(line.name, line.method, _observed(line, arguments, people)) for line in new]
    assert lines == [], "judge these, then write them into tests/route_policy.py:\n" + "\n".join(
        lines
    )
    assert written - there == set(), "these are gone: take them out of tests/route_policy.py"


def test_every_route_has_its_own_name():
    assert len(NAMED) == len(ROUTES)


UNSAFE = [
    line
    for line in POLICY
    if line.method != "GET"
    and line.outcomes["owner"] != "405"
    and line.name not in OWN_AUTHENTICATION
]


@pytest.mark.parametrize("line", UNSAFE, ids=str)
def test_no_change_without_the_csrf_token(line: Line, arguments, owner):
    """B1: cross-site posts are refused, in pages and in the API by session."""
    route = NAMED[line.name]
    client = _client(owner, enforce_csrf_checks=True)
    response = _call(client, line.method, route, _address(route, arguments))
    assert response.status_code == 403


# Made of their address alone, the same for everybody.
OF_NOBODY = {"branding-colours"}
READS = [line for line in POLICY if line.method == "GET" and line.name not in OF_NOBODY]


@pytest.mark.parametrize("line", READS, ids=str)
def test_no_answer_to_a_signed_in_person_is_kept_by_a_cache(line: Line, arguments, owner):
    """A3"""
    route = NAMED[line.name]
    response = _call(_client(owner), "GET", route, _address(route, arguments))
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize(
    "disguise",
    [
        str.upper,
        lambda address: address.replace("-", "%2D"),
        lambda address: address.replace("-", ""),
        lambda address: "/live/.." + address,
        lambda address: "/" + address,
        lambda address: address.rstrip("/") + "/./",
        lambda address: address.rstrip("/") + ";/",
        lambda address: address.rstrip("/") + "%00/",
    ],
)
def test_no_spelling_of_an_address_shows_a_stranger_anything(disguise, recorder, stranger):
    """A2: traversal and encoding variants."""
    client = _client(stranger)
    for address in (f"/recorders/{recorder.pk}/", f"/api/v1/recorders/{recorder.pk}/"):
        assert client.get(disguise(address)).status_code in (301, 400, 404)
