"""What every template may show."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.middleware import current_membership


def portal(request: HttpRequest) -> dict[str, Any]:  # Django's signature
    if not hasattr(request, "memberships"):  # an error before our middleware
        return {}
    membership = current_membership(request)
    return {
        "organisation": membership.organisation if membership else None,
        "organisations": [m.organisation for m in request.memberships],
        "is_administrator": bool(membership and membership.is_administrator),
    }
