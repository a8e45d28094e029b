"""The audit trail in plain words. Pure: takes what `accounts.audit.record` wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z")
MAX_ITEMS = 12  # of a list, in the page; the row has them all

_ACTIONS = {
    "organisation.created": "Organisation created",
    "person.added": "Person invited",
    "person.joined": "Invitation taken up",
    "single_sign_on.removed": "Single sign-on removed",
    "single_sign_on.changed": "Single sign-on changed",
    "person.renamed": "Person renamed",
    "person.groups_changed": "Groups of a person changed",
    "person.disabled": "Person disabled",
    "person.enabled": "Person enabled",
    "person.removed": "Person removed",
    "person.signed_in": "Signed in",
    "person.signed_out": "Signed out",
    "person.sign_in_failed": "Sign-in failed",
    "person.password_changed": "Password changed",
    "person.second_factor_removed": "Second factor taken away by an administrator",
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
    "video.watched": "Video watched",
    "viewings.lost": "A recorder lost notes of who watched",
    "audit.pruned": "Old audit lines removed",
    "audit.exported": "Audit trail exported",
    "audit.sealed": "Audit trail sealed",
    "audit.retention_changed": "Retention of the audit trail changed",
    "consent.given": "Consent to see video given",
    "consent.requested": "Consent to see video asked for",
    "customer.left": "A customer left",
    "dealer.left": "The dealer was left",
    "export.done": "Export finished",
    "group.hidden_cameras_changed": "Cameras hidden from a group changed",
    "organisation.onsite_changed": "Sign-in at recorders changed",
    "person.connected": "Person connected with single sign-on",
    "person.created": "Person added by single sign-on",
    "person.email_asked": "New e-mail address asked for",
    "person.email_changed": "E-mail address changed",
    "person.invited_again": "Person invited again",
    "person.onsite_code_made": "On-site code made",
    "person.onsite_code_withdrawn": "On-site code withdrawn",
    "person.password_link_made": "Link for a new password made",
    "person.app_added": "Authenticator app set up",
    "person.app_removed": "Authenticator app removed",
    "person.passkey_added": "Passkey added",
    "person.passkey_removed": "Passkey removed",
    "person.recovery_codes_made": "Recovery codes made",
    "person.session_ended": "A session ended",
    "person.sessions_ended": "All other sessions ended",
    "person.signed_out_by_administrator": "Signed out by an administrator",
    "people.exported": "People exported",
    "people.imported": "People imported",
    "person.access_exported": "Access of a person exported",
}
# What the filter of the page offers: words, and the things whose actions belong there.
GROUPS = {
    "sign_in": ("Signing in", ("person.sign", "person.session", "person.password")),
    "watching": ("Watching", ("video", "session", "viewings")),
    "exports": ("Incidents and exports", ("incident", "export")),
    "people": (
        "People and groups",
        ("person", "people", "group", "view_as", "service", "api_token"),
    ),
    "recorders": (
        "Recorders and network",
        (
            "recorder",
            "registration_code",
            "location",
            "network",
            "preflight",
            "whitelist_mail",
            "camera",
            "layout",
        ),
    ),
    "organisation": (
        "Organisation",
        (
            "organisation",
            "branding",
            "consent",
            "customer",
            "dealer",
            "identity_provider",
            "sign_on",
            "webhook",
        ),
    ),
    "audit": ("Audit trail", ("audit",)),
}
_KINDS = {"live": "Live", "recorded": "Recorded", "clip": "File", "snapshot": "Pictures"}
_PATHS = {
    "lan": "local network",
    "manual_nat": "Manual NAT",
    "p2p": "peer-to-peer",
    "relay": "relay",
    "direct": "the recorder's own page or port",
}
_CLIENTS = {
    "browser": "browser",
    "vms": "VMS",
    "mobile": "mobile app",
    "program": "program, or the command line",
}
# Of little use to a person; files have them all.
_LEFT_OUT = {"session", "kept_after"}


@dataclass(frozen=True)
class Fact:
    label: str
    text: str
    is_time: bool = False


@dataclass(frozen=True)
class Change:
    """What was before and after; a label where several things changed."""

    label: str
    before: str
    after: str


def things_of(group: str) -> tuple[str, ...]:
    """How the actions of a group begin; none for an unknown group."""
    things = GROUPS[group][1] if group in GROUPS else ()
    return tuple(thing if "." in thing else f"{thing}." for thing in things)


def action_words(action: str) -> str:
    """`recorder.renamed` → "Recorder renamed", unless there are better words."""
    plain = action.replace(".", " ").replace("_", " ")
    return _ACTIONS.get(action) or plain[:1].upper() + plain[1:]


def facts(detail: dict[str, Any]) -> list[Fact]:
    """Label and text of each fact but what was before and after. Empty ones are left out, and so
    is what tells a person nothing: ids, and the path that is usual."""
    found = []
    for name, value in detail.items():
        is_empty = value in ("", None, [], {})
        if name in ("before", "after", *_LEFT_OUT) or is_empty or _is_for_machines(name, value):
            continue
        label = name.replace("_", " ").capitalize()
        found.append(Fact(label, _named(name, value), bool(_TIME.fullmatch(str(value)))))
    return found


def changes(detail: dict[str, Any]) -> list[Change]:
    """What was before and after, thing by thing where both name several."""
    if "before" not in detail and "after" not in detail:
        return []
    before, after = detail.get("before"), detail.get("after")
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [Change("", value_words(before), value_words(after))]
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [
        Change(
            str(name).replace("_", " "),
            value_words(before.get(name)),
            value_words(after.get(name)),
        )
        for name in names
    ]


def _named(name: str, value: Any) -> str:  # Any: a JSON value
    words = {"kind": _KINDS, "path": _PATHS, "client": _CLIENTS}.get(name, {})
    return words.get(str(value)) or value_words(value)


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
