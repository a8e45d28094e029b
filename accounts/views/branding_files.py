"""Logos and colours of brands, for everybody: the sign-in page shows them.

Their addresses name what they hold, so they may be kept by any cache. Nothing in them can run, or
load anything, whatever somebody uploaded (B1).
"""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.models import Branding
from accounts.organisations.brands import style_sheet

_KEPT = "public, max-age=86400"  # a day: what is derived from two colours may change with a version


@require_safe
def logo(request: HttpRequest, digest: str) -> HttpResponse:
    row = Branding.objects.filter(logo_digest=digest).exclude(logo=None).first() if digest else None
    if row is None or row.logo is None:
        raise Http404
    return _inert(HttpResponse(bytes(row.logo), content_type="image/png"))


@require_safe
def colours(request: HttpRequest, light: str, dark: str) -> HttpResponse:
    """Made of the address alone: it tells nothing of anybody."""
    sheet = style_sheet(f"#{light}", f"#{dark}")
    return _inert(HttpResponse(sheet, content_type="text/css; charset=utf-8"))


def _inert(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = _KEPT
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response
