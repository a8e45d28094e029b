"""Where one is signed in, and signing out there."""

from __future__ import annotations

from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import Actor
from accounts.permissions import person_of
from accounts.sessions import end_other_sessions, end_session, own_sessions, sessions_of
from accounts.user_agents import browser_in_words


@require_safe
@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    key = request.session.session_key
    mine = sessions_of(person_of(request), key)
    rows = sorted((_row(s, key) for s in mine), key=lambda row: not row["is_current"])
    return render(request, "accounts/sessions.html", {"rows": rows})


@require_POST
@login_required
def end_one(request: HttpRequest, session_id: int) -> HttpResponse:
    mine = own_sessions(person_of(request), request.session.session_key)
    session = get_object_or_404(mine.select_related("user"), pk=session_id)
    if session.session_key == request.session.session_key:
        return redirect("account_logout")
    end_session(session, Actor.of(request))
    messages.success(request, "Signed out there.")
    return redirect("own-sessions")


@require_POST
@login_required
def end_others(request: HttpRequest) -> HttpResponse:
    key = request.session.session_key
    ended = end_other_sessions(person_of(request), key, Actor.of(request))
    words = "Signed out everywhere else." if ended else "You are signed in nowhere else."
    messages.success(request, words)
    return redirect("own-sessions")


def _row(session: UserSession, current_key: str | None) -> dict[str, Any]:  # for the template
    return {
        "session": session,
        "browser": browser_in_words(session.user_agent),
        "is_current": session.session_key == current_key,
    }
