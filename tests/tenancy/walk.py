"""Walks along all routes: what each answers to one client, without anything of it lasting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tests.route_policy import Line
from tests.test_routes import HANDLERS, NAMED, fresh

JSON = "application/json"


def signed_in(person: Any, **session: Any) -> Client:
    """A browser of somebody who signed in just now; `session` is what else is in theirs."""
    client = browser()
    client.force_login(person)
    kept = client.session
    kept.update({**fresh(person), **session})
    kept.save()
    return client


def browser(**headers: str) -> Client:
    client = Client(headers=headers or None)
    client.handler = HANDLERS[False]
    return client


def answer(client: Client, line: Line, things: dict[str, Any]) -> HttpResponse:
    """Undone afterwards."""
    route = NAMED[line.name]
    address = reverse(line.name, kwargs={name: things[name] for name in route.arguments})
    is_json = route.path.startswith("api/") and line.method != "GET"
    body = {"data": {}, "content_type": JSON} if is_json else {}
    cookies = dict(client.cookies)
    with transaction.atomic():
        response: HttpResponse = getattr(client, line.method.lower())(address, **body)
        transaction.set_rollback(True)
    client.cookies.clear()
    client.cookies.update(cookies)
    cache.clear()  # a copy of the session that was undone
    return response


def outcome(response: HttpResponse) -> str:
    if response.status_code in (401, 403, 404, 405):
        return str(response.status_code)
    is_to_login = response.status_code == 302 and "/accounts/login/" in response["Location"]
    return "login" if is_to_login else "ok"


def outcomes(client: Client, lines: Iterable[Line], things: dict[str, Any]) -> dict[str, str]:
    """What the client gets from each."""
    return {str(line): outcome(answer(client, line, things)) for line in lines}
