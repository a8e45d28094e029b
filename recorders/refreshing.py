"""Parts of a page that fetch themselves again: answered with 204 while nothing changed, so that
nobody's focus, selection or reading is disturbed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string

_DIGEST_LENGTH = 16


def part(
    request: HttpRequest, url: str, template: str, context: Mapping[str, Any], every_s: int = 10
) -> str:
    """The part in a frame that asks `url` for it again and again (Any: template values)."""
    inner, digest = _render(request, template, context)
    address = f"{url}{'&' if '?' in url else '?'}seen={digest}"
    frame = {"inner": inner, "address": address, "every_s": every_s}
    return render_to_string("recorders/_refreshing.html", frame)


def refreshed(
    request: HttpRequest, url: str, template: str, context: Mapping[str, Any], every_s: int = 10
) -> HttpResponse:
    """The part again, or 204 when the page has it already."""
    if request.GET.get("seen") == _render(request, template, context)[1]:
        return HttpResponse(status=204)
    return HttpResponse(part(request, url, template, context, every_s))


def _render(request: HttpRequest, template: str, context: Mapping[str, Any]) -> tuple[str, str]:
    inner = render_to_string(template, dict(context), request)
    return inner, hashlib.sha256(inner.encode()).hexdigest()[:_DIGEST_LENGTH]


def reload_when_signed_out(
    view: Callable[..., HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """A part asked for after the session ended makes the page reload, which leads to sign-in;
    without this the sign-in page would appear inside the part."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # its
        if not request.user.is_authenticated:
            return HttpResponse(status=401, headers={"HX-Refresh": "true"})
        return view(request, *args, **kwargs)

    return guarded
