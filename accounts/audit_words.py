"""The audit trail in plain words. Pure: takes what `accounts.audit.record` wrote."""

from __future__ import annotations

import re
from typing import Any

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAX_ITEMS = 12  # of a list, in the page; the row has them all

_ACTIONS = {
    "organisation.created": "Organisation created",
    "person.added": "Person invited",
    "person.joined": "Invitation taken up",
    "person.renamed": "Person renamed",
    "person.groups_changed": "Groups of a person changed",
    "person.disabled": "Person disabled",
    "person.enabled": "Person enabled",
    "person.removed": "Person removed",
    "person.signed_in": "Signed in",
    "person.signed_out": "Signed out",
    "person.sign_in_failed": "Sign-in failed",
    "person.password_changed": "Password changed",
    "person.password_reset": "Password reset by mail",
    "group.members_changed": "People of a group changed",
    "group.second_factor_changed": "Second factor of a group changed",
    "group.access_changed": "Access of a group changed",
    "view_as.started": "Began to view as a person",
    "view_as.ended": "Ended viewing as a person",
    "api_token.created": "API token created",
    "api_token.withdrawn": "API token withdrawn",
    "network.changed": "Remote Network Settings changed",
    "network.tested": "Manual NAT tested",
    "preflight.started": "Preflight started",
    "session.opened": "Viewing session opened",
}


def action_words(action: str) -> str:
    """`recorder.renamed` → "Recorder renamed", unless there are better words."""
    plain = action.replace(".", " ").replace("_", " ")
    return _ACTIONS.get(action) or plain[:1].upper() + plain[1:]


def detail_lines(detail: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and text of each fact; empty ones are left out, except what was before and after, and
    so is what tells a person nothing: ids, and the path that is usual."""
    kept = ("before", "after")
    return [
        (name.replace("_", " ").capitalize(), value_words(value))
        for name, value in detail.items()
        if name in kept or not (value in ("", None, [], {}) or _is_for_machines(name, value))
    ]


def _is_for_machines(name: str, value: Any) -> bool:  # Any: a JSON value
    if isinstance(value, list):
        return all(_is_for_machines(name, item) for item in value)
    return (name, value) == ("path", "auto") or bool(_ID.fullmatch(str(value)))


def value_words(value: Any) -> str:  # Any: a JSON value
    if isinstance(value, dict):
        return value_words([f"{name}: {value_words(held)}" for name, held in value.items()])
    if isinstance(value, list):
        shown = [value_words(item) for item in value[:MAX_ITEMS]]
        rest = len(value) - len(shown)
        return ", ".join(shown + ([f"and {rest} more"] if rest else [])) or "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value in (None, "") else str(value)
