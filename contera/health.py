"""Liveness, readiness and the portal's public keys."""

from __future__ import annotations

from collections.abc import Callable

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from accounts.signing import portal_keys
from contera.tasks import WORKER_ALIVE_KEY


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Database, Redis and worker, each by name; 503 when one is missing."""
    checks = {"database": _database, "redis": _redis, "worker": _worker}
    found = {name: _outcome(check) for name, check in checks.items()}
    is_ready = all(outcome == "ok" for outcome in found.values())
    return JsonResponse(found, status=200 if is_ready else 503)


@require_safe
def jwks(request: HttpRequest) -> JsonResponse:
    return JsonResponse(portal_keys().jwks)


def _outcome(check: Callable[[], str]) -> str:
    try:
        return check()
    except (DatabaseError, RedisError, OSError) as error:
        return f"not available: {type(error).__name__}"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _redis() -> str:
    cache.set("readyz", 1, 5)
    return "ok"


def _worker() -> str:
    return "ok" if cache.get(WORKER_ALIVE_KEY) else "no sign of life within 60 s"
