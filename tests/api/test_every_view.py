"""P1: every route of the API says what its tokens need, and takes only what it describes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, get_resolver
from drf_spectacular.validation import validate_schema

from accounts.api.authentication import ApiTokenAuthentication
from accounts.api.views import ApiView
from accounts.scopes import ANY_TOKEN, SCOPES, WHOLE_TOKEN
from tests.api.description import described

METHODS = ("get", "post", "put", "patch", "delete")


def _patterns(resolver: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in resolver.url_patterns:
        path = before + str(pattern.pattern)
        if not isinstance(pattern, URLPattern):
            yield from _patterns(pattern, path)
        elif path.startswith("api/v1/"):
            yield path, pattern.callback


VIEWS = dict(_patterns(get_resolver()))


@pytest.mark.parametrize("path", VIEWS)
def test_every_view_names_a_scope_for_each_method(path):
    view: Any = VIEWS[path].cls
    assert issubclass(view, ApiView), "derive it from accounts.api.views.ApiView"
    if ApiTokenAuthentication not in view.authentication_classes:
        return
    methods = {name.upper() for name in METHODS if hasattr(view, name)}
    assert methods == set(view.scopes), "`scopes` names what each method needs, and no other"
    for scope in view.scopes.values():
        names = (scope,) if isinstance(scope, str) else scope
        assert set(names) <= {*SCOPES, ANY_TOKEN, WHOLE_TOKEN}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return described()[0]


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_description_is_valid_and_has_no_warnings(schema):
    validate_schema(schema)
    assert described()[1] == ""


def test_every_operation_says_what_it_does_and_how_it_fails(schema):
    for path, method, operation in operations(schema):
        name = f"{method} {path}"
        assert operation.get("summary"), f"{name}: give the method a docstring"
        assert operation["operationId"], name
        assert {"400", "429", "default"} <= set(operation["responses"]), name


def test_every_operation_has_a_name_of_its_own(schema):
    names = [operation["operationId"] for _, _, operation in operations(schema)]
    assert len(names) == len(set(names))


def test_views_take_the_parameters_that_are_described_and_no_others(schema):
    """One that is described and refused helps nobody; one that is taken and not described is a
    filter that nobody judged."""
    for path, callback in VIEWS.items():
        view = callback.cls
        pages = getattr(view, "pagination_class", None)
        taken = view.parameters | getattr(pages, "parameters", frozenset())
        described = _described(schema, "/" + path)
        if described is not None:
            assert described == taken, path


def _described(schema: dict[str, Any], route: str) -> set[str] | None:
    """The query parameters of all methods of a route; None when it is not described."""
    plain = [_plain(part) for part in route.split("/")]
    for path, methods in schema["paths"].items():
        if [_plain(part) for part in path.split("/")] == plain:
            found = [p for one in methods.values() for p in one.get("parameters", ())]
            return {p["name"] for p in found if p["in"] == "query"}
    return None


def _plain(part: str) -> str:
    """`<uuid:recorder_id>` and `{recorder_id}` are the same place."""
    return "{}" if part[:1] in "<{" and part else part
