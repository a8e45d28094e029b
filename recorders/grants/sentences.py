"""Parts of the sentences that tell of a grant. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from protocol.tokens import RIGHTS
from recorders.grants.values import Limits
from recorders.grants.week_hours import hours_words

RIGHT_WORDS = {
    "live": "Live",
    "playback": "Recorded",
    "export": "Export",
    "ptz": "PTZ",
    "audio": "Audio",
    "configure": "Configure",
    "delete": "Delete",
}
CLIENT_WORDS = {
    "browser": "a browser",
    "vms": "the VMS",
    "mobile": "the mobile app",
    "program": "other programs",
}
# Why something does not hold now: codes of recorders.policy and recorders.grants.limits.
REASON_WORDS = {
    "not_yet": "it does not hold yet",
    "over": "its time is over",
    "outside_hours": "not at this hour of the week",
    "client": "not with what they use to connect",
    "address": "not from their address",
    "needs_mfa": "the group asks for a second factor",
    "sso_required": "the organisation asks for its single sign-on",
    "other_sign_in": "they signed in for another organisation",
    "other_organisation": "that is another organisation",
    "inactive": "the account cannot sign in",
    "invited": "the invitation is not taken up yet",
    "disabled": "the person is disabled",
    "hidden": "the camera is hidden",
    "viewing": "the administrator who looks does not have it",
    "scope": "the API token does not reach so far",
}
MAX_LISTED = 3  # of addresses, in a sentence


def rights_words(rights: Collection[str]) -> str:
    """`Live, recorded and export`, in the order of the contract."""
    words = [RIGHT_WORDS.get(right, right) for right in RIGHTS if right in rights]
    return joined([words[0], *(_inside(word) for word in words[1:])]) if words else "Nothing"


def limits_words(limits: Limits, zone: ZoneInfo) -> list[str]:
    """Each limit as a part of a sentence; times as clocks there show them."""
    parts = [
        limits.holds_from and f"from {moment_words(limits.holds_from, zone)}",
        limits.holds_until and f"until {moment_words(limits.holds_until, zone)}",
        limits.hours and hours_words(limits.hours),
        limits.clients and f"only in {_or(CLIENT_WORDS[client] for client in limits.clients)}",
        limits.addresses and f"only from {_listed(limits.addresses)}",
        _footage_words(limits, zone),
    ]
    return [part for part in parts if part]


def moment_words(at: datetime, zone: ZoneInfo) -> str:
    """`3 May 2026`, with the time unless it is midnight."""
    local = at.astimezone(zone)
    day = f"{local.day} {local:%B %Y}"
    return day if (local.hour, local.minute) == (0, 0) else f"{day} {local:%H:%M}"


def joined(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _footage_words(limits: Limits, zone: ZoneInfo) -> str:
    if not limits.has_footage:
        return ""
    start = limits.footage_from and moment_words(limits.footage_from, zone)
    end = limits.footage_to and moment_words(limits.footage_to, zone)
    if start and end:
        return f"recorded video of {start} to {end}"
    return f"recorded video from {start} on" if start else f"recorded video until {end}"


def _inside(word: str) -> str:
    return word if word.isupper() else word.lower()


def _listed(words: Sequence[str]) -> str:
    rest = len(words) - MAX_LISTED
    return joined([*words[:MAX_LISTED], f"{rest} more"] if rest > 0 else list(words))


def _or(words: Iterable[str]) -> str:
    return " or ".join(words)
