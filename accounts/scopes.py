"""What an API token may be used for. Pure.

A token's scopes cut what its person or service may do; they never add anything. A call names the
scope it needs (`accounts.api.views.ApiView.scopes`); what it then sees and does, the policy cuts by
the same scopes, so that `read` alone lists recorders and shows no video.
"""

from __future__ import annotations

from collections.abc import Collection

SCOPES = {
    "read": "Lists: recorders, cameras, locations, incidents, exports and how they are",
    "live": "Live video",
    "playback": "Recorded video",
    "export": "Incidents and exports: make them, download their files",
    "ptz": "Move cameras",
    "audio": "Sound",
    "configure": "Recorders: add, rename, network settings, tests, whitelist mails",
    "delete": "Remove recorders; delete incidents and exports",
    "people": "People, groups, access, services, single sign-on, branding, consents, customers",
    "audit": "Read the audit trail",
    "webhooks": "Webhooks",
}

NAMES = tuple(SCOPES)

# What a call may ask for besides a scope.
ANY_TOKEN = ""  # every token may make it
WHOLE_TOKEN = "*"  # noqa: S105  a token without limits: what is about the person's own account

Scope = str | tuple[str, ...]  # of several, one is enough


def allows(held: Collection[str] | None, needed: Scope | None) -> bool:
    """Whether a token with these scopes (None: all) may make a call that needs `needed`; what no
    scope was written down for is for tokens without limits only."""
    if held is None or needed == ANY_TOKEN:
        return True
    options = (needed,) if isinstance(needed, str) else needed or ()
    return any(scope in held for scope in options)
