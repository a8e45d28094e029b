"""The on-site list in words: who signs in here without the portal, until when, and who no more."""

from __future__ import annotations

from datetime import UTC, datetime

from cmr.local.html import Markup, fill
from cmr.local.onsite_list import OnsiteList
from cmr.local.who import Who

_TIME = '<time datetime="{moment}" data-local="datetime">{moment}</time>'


def sign_in_words(onsite: OnsiteList) -> Markup:
    """For everybody, on the sign-in page: no names and no numbers."""
    newest = onsite.newest
    if newest is None:
        return Markup("Sign in with an account of this recorder.")
    if onsite.bundle is None:
        text = (
            "The portal's list of people ended {until}: until this recorder reaches the portal "
            "again, only accounts of this recorder sign in."
        )
    else:
        text = (
            "Sign in with an account of this recorder, or until {until} with your portal login "
            "and password or on-site code."
        )
    return fill(text, until=_moment(newest.usable_until))


def list_words(onsite: OnsiteList) -> Markup:
    """For who is signed in."""
    newest, bundle = onsite.newest, onsite.bundle
    if newest is None:
        return Markup("None: the portal lets nobody sign in here, or was never reached")
    until = _moment(newest.usable_until)
    if bundle is None:
        return fill("It ended {until}; a newer one comes when the portal is reached", until=until)
    text = (
        "{count} until {until}{left_out}. Who is removed at the portal is out as soon as this "
        "recorder hears of it, and at the latest then"
    )
    count = len(bundle.people)
    people = "1 person" if count == 1 else f"{count:,} people"
    left_out = f", {bundle.left_out:,} more had no room" if bundle.left_out else ""
    return fill(text, count=people, until=until, left_out=left_out)


def who_words(who: Who) -> str:
    return f"{who.name}: {who.words}"


def _moment(seconds: int) -> Markup:
    return fill(_TIME, moment=f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}")
