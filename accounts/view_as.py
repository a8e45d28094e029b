"""View as: an administrator looks at the portal with a person's rights, and changes nothing.

It is kept in the session: who is viewed, in which organisation, until when. What the person may do
is decided where it always is (`Circumstances.viewed_as`). API tokens have no session, so no part
in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.access import announce_change
from accounts.audit import Actor, record
from accounts.errors import NotPossible
from accounts.models import Membership, Organisation, User
from accounts.querysets import with_circumstances
from protocol.errors import PROBLEM_CONTENT_TYPE, problem

KEY = "view_as"  # in the session
LONGEST = timedelta(minutes=30)  # nobody forgets it for a day
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# What may be sent meanwhile: the end of it, signing out, and the question for video.
ALLOWED = frozenset({"view-as-end", "account_logout", "session", "session-token"})


def begin(request: HttpRequest, membership: Membership, now: datetime) -> None:
    """From the next request on. Raises NotPossible for oneself and for who is not active."""
    if membership.user_id == request.user.pk:
        raise NotPossible("oneself", "That is you: you see what you see.")
    if membership.state != Membership.State.ACTIVE:
        raise NotPossible("wrong_state", f"{membership} is {membership.state} and sees nothing.")
    until = now + LONGEST
    request.session[KEY] = {
        "user": str(membership.user_id),
        "login": membership.user.login,
        "organisation": str(membership.organisation_id),
        "until": until.isoformat(),
    }
    actor, person = Actor.of(request), membership.user.login
    record(membership.organisation, actor, "view_as.started", person, until=until.isoformat())


def end(request: HttpRequest, why: str) -> str | None:
    """The id of who was viewed, None when nobody was. Video that runs must ask again."""
    kept = request.session.pop(KEY, None)
    if kept is None:
        return None
    for organisation in Organisation.objects.filter(pk=kept["organisation"]):
        record(organisation, Actor.of(request), "view_as.ended", kept["login"], why=why)
    if isinstance(request.user, User):
        announce_change([request.user])
    return str(kept["user"])


class ViewAsMiddleware:
    """Sets `request.view_as`, the membership of who is viewed, else None, and refuses changes
    meanwhile."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        kept = request.session.get(KEY)
        request.view_as = kept and _viewed(request, kept)  # type: ignore[attr-defined]  # ours
        if request.view_as:  # type: ignore[attr-defined]  # set above
            request.user = _through_eyes(request, request.view_as)  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:  # Any: Django's signature
        if KEY not in request.session:
            return None
        viewed: Membership | None = request.view_as  # type: ignore[attr-defined]  # set above
        if viewed is None:
            return _is_over(request)
        name = request.resolver_match.url_name if request.resolver_match else None
        if name == "account_logout" and request.method == "POST":
            end(request, "signed out")
        if request.method in SAFE_METHODS or name in ALLOWED:
            return None
        return _refused(request, f"You see the portal as {viewed} does: nothing can be changed.")


def _viewed(request: HttpRequest, kept: dict[str, str]) -> Membership | None:
    """None when the time is over, or one of the two is no longer what they were."""
    if timezone.now() >= datetime.fromisoformat(kept["until"]):
        return None
    people = Membership.objects.visible_to(request.user).select_related("user", "organisation")
    found: Membership | None = people.filter(
        user=kept["user"], organisation=kept["organisation"], state=Membership.State.ACTIVE
    ).first()
    return found


def looking(request: HttpRequest) -> User | AnonymousUser | None:
    """Who looks at a page that is open for long, with whose eyes; None when viewing as another is
    over."""
    kept = request.session.get(KEY)
    if kept is None:
        return request.user
    viewed = _viewed(request, kept)
    return None if viewed is None else _through_eyes(request, viewed)


def _through_eyes(request: HttpRequest, viewed: Membership) -> User:
    """The administrator, through the eyes of the person, in that organisation alone."""
    administrator: User = request.user  # type: ignore[assignment]  # signed in: _viewed found them
    how = replace(
        administrator.circumstances,
        viewed_as=viewed.user,
        only_organisation=viewed.organisation_id,
    )
    return with_circumstances(administrator, how)


def _is_over(request: HttpRequest) -> HttpResponse:
    """What was asked for was meant to be seen with other rights: it is not answered with these."""
    words = "Viewing as another person is over."
    user_id = end(request, "time over")
    if request.path.startswith("/api/") or request.method not in SAFE_METHODS:
        return _refused(request, words)
    if request.htmx:  # type: ignore[attr-defined]  # of django_htmx
        return HttpResponse(status=401, headers={"HX-Refresh": "true"})
    messages.info(request, words)
    return redirect("person", user_id)


def _refused(request: HttpRequest, words: str) -> HttpResponse:
    if not request.path.startswith("/api/"):
        raise PermissionDenied(words)
    body = problem(403, "view_as", words)
    return JsonResponse(body, status=403, content_type=PROBLEM_CONTENT_TYPE)
