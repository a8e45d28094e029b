"""P4: requests that schemathesis makes of the description, fitting and not, as nobody, as a viewer
and as an administrator, at things that are there: the portal never fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode

from accounts.api import limits
from accounts.models import ApiToken
from tests.api.description import described
from tests.api.world import make_world

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300), pytest.mark.slow]

# The same requests in every run: what fails here fails again.
GENERATED = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=2,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def world(owner, viewer, recorder, viewers, dealership) -> dict[str, Any]:
    return make_world(owner, viewer, recorder, viewers, dealership)


@pytest.fixture
def roles(owner, viewer, monkeypatch) -> dict[str, dict[str, str]]:
    """The headers of each."""
    for name in ("READS", "WRITES", "PERSON", "ADDRESS"):
        monkeypatch.setattr(limits, name, limits.Limit(name, 10**9))
    people = {"owner": owner, "viewer": viewer}
    keys = {role: ApiToken.issue(user, role, timezone.now())[1] for role, user in people.items()}
    return {"anonymous": {}} | {r: {"Authorization": f"Token {key}"} for r, key in keys.items()}


def test_no_generated_request_makes_the_portal_fail(roles, world):
    portal, statuses, failed = get_wsgi_application(), Counter[int](), []
    for case in _cases(world):
        for role, headers in roles.items():
            with transaction.atomic():
                answer = case.call(app=portal, headers=headers)
                transaction.set_rollback(True)
            statuses[answer.status_code] += 1
            if answer.status_code >= 500:
                failed.append(f"{role}: {case.as_curl_command()}: {answer.text}")
    assert not failed, "\n".join(failed)
    assert {200, 201, 204, 400, 401, 403, 404} <= set(statuses), "the requests reach little"


def _cases(world: dict[str, Any]) -> Iterator[Case]:
    description = deepcopy(described()[0])
    for methods in description["paths"].values():
        for operation in methods.values():
            operation.pop("security", None)  # who asks is said by the role
    for found in schemathesis.openapi.from_dict(description).get_all_operations():
        operation = found.ok()
        names = [parameter.name for parameter in operation.path_parameters]
        here = {name: str(world[name]) for name in names if name in world}
        yield from _generated(operation, GenerationMode.POSITIVE, here)
        if len(operation.body) or len(operation.query):
            yield from _generated(operation, GenerationMode.NEGATIVE, here)


def _generated(operation: Any, mode: GenerationMode, path_parameters: dict[str, str]) -> list[Case]:
    """Any: schemathesis has no public name for it."""
    made: list[Case] = []
    strategy = operation.as_strategy(generation_mode=mode, path_parameters=path_parameters or None)

    @GENERATED
    @given(strategy)
    def keep(case: Case) -> None:
        made.append(case)

    keep()
    return made
