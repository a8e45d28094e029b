"""Who is signed in at this recorder itself: a local account, or somebody of the on-site list."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from cmr.local.accounts import Account
from protocol.bundle import OnsitePerson, OnsiteRights
from protocol.tokens import PATHS, AccessToken

VIEWER_RIGHTS = frozenset({"live", "playback"})
ADMIN_RIGHTS = frozenset({"live", "playback", "export", "ptz", "audio", "configure", "delete"})
ADMIN_RECORDER_RIGHTS = frozenset({"configure"})
LOCAL, LISTED = "local", "listed"  # which list knows somebody
ONSITE_ORGANISATION = "onsite"  # of the tokens of people of the on-site list


class Who(Protocol):
    """Somebody, with what they may do at this moment."""

    @property
    def name(self) -> str:
        """What they signed in with."""

    @property
    def version(self) -> str:
        """Changes with the secret: what was given for the old one ends then."""

    @property
    def kind(self) -> str:
        """LOCAL or LISTED."""

    @property
    def may_configure(self) -> bool: ...

    @property
    def words(self) -> str:
        """Who they are, for people."""

    def access(self, session_id: str, recorder_id: str, cameras: Iterable[int]) -> AccessToken:
        """What a token of theirs says; `cameras` are those of this recorder."""


@dataclass(frozen=True)
class LocalPerson:
    """An account of this recorder: all cameras, by its role."""

    account: Account
    kind: str = LOCAL

    @property
    def name(self) -> str:
        return self.account.name

    @property
    def version(self) -> str:
        return self.account.version

    @property
    def may_configure(self) -> bool:
        return self.account.is_admin

    @property
    def words(self) -> str:
        role = "Administrator" if self.account.is_admin else "Viewer"
        return f"{role} at this recorder"

    def access(self, session_id: str, recorder_id: str, cameras: Iterable[int]) -> AccessToken:
        rights = ADMIN_RIGHTS if self.account.is_admin else VIEWER_RIGHTS
        return AccessToken(
            session_id=session_id,
            user_id=f"local:{self.account.name}",
            organisation_id="local",
            recorder_id=recorder_id,
            expires_at=0,
            grants=dict.fromkeys(cameras, rights),
            recorder_rights=ADMIN_RECORDER_RIGHTS if self.account.is_admin else frozenset(),
            paths=frozenset(PATHS),
        )


@dataclass(frozen=True)
class ListedPerson:
    """Somebody of the portal, with what the on-site list gives them now."""

    person: OnsitePerson
    rights: OnsiteRights
    kind: str = LISTED

    @property
    def name(self) -> str:
        return self.person.login

    @property
    def version(self) -> str:
        return version_of(self.person)

    @property
    def may_configure(self) -> bool:
        return "configure" in self.rights.recorder

    @property
    def words(self) -> str:
        return f"{self.person.name}, by the portal's list"

    def access(self, session_id: str, recorder_id: str, cameras: Iterable[int]) -> AccessToken:
        present = {number: self.rights.cameras.get(number) for number in cameras}
        return AccessToken(
            session_id=session_id,
            user_id=self.person.user_id,
            organisation_id=ONSITE_ORGANISATION,
            recorder_id=recorder_id,
            expires_at=0,
            grants={number: rights for number, rights in present.items() if rights},
            recorder_rights=self.rights.recorder,
            paths=frozenset(PATHS),
            footage={key: spans for key, spans in self.rights.footage.items() if key[1] in present},
        )


def version_of(person: OnsitePerson) -> str:
    return hashlib.sha256(person.verifier.encode()).hexdigest()[:16]
