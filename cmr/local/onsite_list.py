"""The on-site list as this recorder keeps it: who of the portal may sign in here without it.

Kept in `onsite.json` (mode 600) as the portal signed it, and believed only as long as a pinned key
of the portal says so. Its time is never judged by a clock that was set back: what was seen of the
time is in `onsite-time.json`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cmr.identity import Identity
from cmr.local.who import ListedPerson, version_of
from cmr.registration import Registration
from protocol import footage, private_file
from protocol.bundle import (
    ANY_TIME,
    MAX_BUNDLE_BYTES,
    Bundle,
    OnsiteGrant,
    OnsitePerson,
    verify_bundle,
)
from protocol.tokens import RECORDER_LEEWAY_S, KeyRing, TokenError

FILE_NAME = "onsite.json"
TIME_NAME = "onsite-time.json"
NOTE_S = 60.0  # how often the time is written down: what a power cut may give back of it

log = logging.getLogger(__name__)


class OnsiteList:
    """Belongs to the event loop. Without a list, or when it is over, it knows nobody."""

    def __init__(
        self,
        folder: Path,
        registration: Registration,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file, self._time_file = folder / FILE_NAME, folder / TIME_NAME
        self._registration = registration
        self._monotonic = monotonic
        self._text = _read(self._file)
        self._bundle: Bundle | None = None
        self._checked_with: object = None  # the recorder's id and the portal's keys
        self._seen_at, self._seen_when = _read_time(self._time_file), monotonic()
        self._noted_at = self._seen_at

    # What there is.

    @property
    def version(self) -> str | None:
        """Of the list, while it can be used."""
        bundle = self.bundle
        return None if bundle is None else bundle.version

    @property
    def bundle(self) -> Bundle | None:
        """The list; None when there is none, it is over, or the portal's keys do not say so."""
        known = self.newest
        return known if known is not None and self.now() < known.usable_until else None

    @property
    def newest(self) -> Bundle | None:
        """The list, even when it is over."""
        identity = self._registration.identity
        if identity is None or self._text is None:
            return None
        if self._checked_with != _trust(identity):
            self._checked_with = _trust(identity)
            self._bundle = self._believed(self._text, identity.keys, identity.recorder_id)
        return self._bundle

    def _believed(self, text: str, keys: KeyRing, recorder_id: str) -> Bundle | None:
        try:
            return verify_bundle(keys, text, recorder_id, 0, ANY_TIME)
        except TokenError as error:
            log.warning("on-site list: not believed: %s", error)
            return None

    def now(self) -> float:
        """Unix seconds by the portal's clock as far as it is known; never goes back."""
        newest = self._bundle
        seen_at = max(self._seen_at, 0.0 if newest is None else newest.issued_at)
        steady = seen_at + self._monotonic() - self._seen_when
        return max(float(self._registration.portal_now()), steady)

    # Who is on it.

    @property
    def recorder_id(self) -> str:
        """What verifiers are made for."""
        identity = self._registration.identity
        return "" if identity is None else identity.recorder_id

    def find(self, login: str) -> OnsitePerson | None:
        bundle = self.bundle
        return None if bundle is None else bundle.person(login)

    def present(self, login: str, version: str, client: str, address: str) -> ListedPerson | None:
        """The person with this secret, with what they may do now; None when that is nothing."""
        person = self.find(login)
        if person is None or version_of(person) != version:
            return None
        return self.with_rights(person, client, address)

    def with_rights(self, person: OnsitePerson, client: str, address: str) -> ListedPerson | None:
        bundle = self.bundle
        if bundle is None:
            return None
        self.note_time()
        rights = bundle.rights_of(person, self.now(), client, address)
        return None if rights.is_none else ListedPerson(person, rights)

    # Changes.

    async def keep(self, text: str) -> frozenset[str]:
        """A list from the portal replaces the one before; the ids of the people who may do
        something else now. Raises TokenError for what is not for us, or older than what we have."""
        identity = self._registration.identity
        if identity is None:
            raise TokenError("token_not_for_this", "this recorder is not registered")
        keys, recorder_id = identity.keys, identity.recorder_id
        now = self._registration.portal_now()
        found = await asyncio.to_thread(
            verify_bundle, keys, text, recorder_id, now, RECORDER_LEEWAY_S
        )
        before, known = self.bundle, self.newest
        if known is not None and found.issued_at < known.issued_at:
            raise TokenError("token_expired", "the on-site list is older than the one before")
        self._text, self._bundle, self._checked_with = text, found, _trust(identity)
        self._seen_at, self._seen_when = float(found.issued_at), self._monotonic()
        self._noted_at = 0.0
        self.note_time()
        await asyncio.to_thread(self._save, text)
        return _changed(before, found, self.now())

    def forget(self) -> frozenset[str]:
        """There is no list any more; the ids of the people who were on it."""
        before, self._text, self._bundle = self.bundle, None, None
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s: cannot be removed: %s", self._file, error.strerror)
        return frozenset() if before is None else frozenset(p.user_id for p in before.people)

    def note_time(self) -> None:
        """Writes down how late it is, now and then, for when the clock is set back."""
        now = self.now()
        if self._text is None or now - self._noted_at < NOTE_S:
            return
        self._noted_at = now
        try:
            private_file.replace(self._time_file, json.dumps({"seen_at": now}).encode())
        except OSError as error:
            log.warning("%s: cannot be written: %s", self._time_file, error.strerror)

    def _save(self, text: str) -> None:
        try:
            private_file.replace(self._file, json.dumps({"bundle": text}).encode())
        except OSError as error:
            log.warning("%s: cannot be written: %s", self._file, error.strerror)


def _trust(identity: Identity) -> object:
    return identity.recorder_id, identity.keys.jwks


def _changed(before: Bundle | None, after: Bundle, now: float) -> frozenset[str]:
    if before is None:
        return frozenset()
    were, are = _entries(before, now), _entries(after, now)
    return frozenset(user_id for user_id, entry in were.items() if are.get(user_id) != entry)


def _entries(bundle: Bundle, now: float) -> dict[str, object]:
    """What each person has now, comparable between lists: hours are written anew in each."""
    grants = [_at(grant, now) for grant in bundle.grants]
    return {
        person.user_id: (replace(person, grants=()), [grants[at] for at in person.grants])
        for person in bundle.people
    }


def _at(grant: OnsiteGrant, now: float) -> OnsiteGrant:
    holds = footage.covers(grant.holds, now, now + 1)
    return replace(grant, holds=footage.ALL if holds else footage.NONE)


def _read(file: Path) -> str | None:
    try:
        with file.open("rb") as opened:
            return str(json.loads(opened.read(MAX_BUNDLE_BYTES + 1024))["bundle"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s: cannot be read: %s", file, type(error).__name__)
        return None


def _read_time(file: Path) -> float:
    try:
        return float(json.loads(file.read_bytes())["seen_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0
