"""The on-site list: who may do what at a recorder while its portal is away.

The portal signs it for one recorder (JWT, `bundle+jwt`, audience `recorder:<id>`, at most
MAX_BUNDLE_BYTES); the recorder keeps it and judges by it until `usable_until`. People of the same
groups share grants, so they stand in a table of their own and people name them by position.

What the password is checked with: root = argon2id(password, the person's salt), which the portal
keeps encrypted; verifier = HMAC-SHA-256(root, recorder id), which is in the list. A recorder that
was stolen gives away one guess per argon2id, of no use at another recorder or at the portal.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from argon2.low_level import Type, hash_secret_raw

from protocol import footage
from protocol.errors import ProtocolError
from protocol.footage import Spans
from protocol.tokens import LEEWAY_S, KeyRing, Signer, TokenError

KIND = "bundle+jwt"
MAX_BUNDLE_BYTES = 2 * 1024 * 1024
MAX_PEOPLE = 2_000
MAX_HOLDS = 1_000  # spans in which a grant holds: hours of a week
ANY_TIME = 1 << 62
MAX_SECRET_LENGTH = 256  # of a password; longer ones are not looked at
FOOTAGE_RIGHTS = ("playback", "export")
PASSWORD, CODE = "password", "code"  # what a person's secret is

# As the portal keeps passwords (OWASP): 46 MiB, one pass.
_MEMORY_KIB, _PASSES, _THREADS, _ROOT_BYTES = 46 * 1024, 1, 1, 32


def onsite_root(secret: str, salt: bytes) -> bytes:
    """What verifiers are made from; takes some 50 ms and 46 MiB."""
    content = secret.encode(errors="replace")
    return hash_secret_raw(content, salt, _PASSES, _MEMORY_KIB, _THREADS, _ROOT_BYTES, Type.ID)


def verifier_of(root: bytes, recorder_id: str) -> str:
    mac = hmac.new(root, b"contera on-site 1\0" + recorder_id.encode(), hashlib.sha256)
    return base64.b64encode(mac.digest()).decode()


def plain_code(code: str) -> str:
    """An on-site code as it is hashed, however it was typed."""
    return "".join(letter for letter in code.lower() if letter.isalnum())


@dataclass(frozen=True)
class OnsiteGrant:
    """What some people may do at these cameras, and at the recorder itself.

    It holds in `holds` (Unix seconds), for these `clients` and `addresses` (CIDR), each empty for
    all; its `playback` and `export` are about `footage`.
    """

    rights: frozenset[str]
    cameras: frozenset[int]
    recorder_rights: frozenset[str] = frozenset()
    holds: Spans = footage.ALL
    clients: frozenset[str] = frozenset()
    addresses: tuple[str, ...] = ()
    footage: Spans = footage.ALL

    def is_in_force(self, now: float, client: str, address: str) -> bool:
        return (
            footage.covers(self.holds, now, now + 1)
            and (not self.clients or client in self.clients)
            and (not self.addresses or _is_from(self.addresses, address))
        )


@dataclass(frozen=True)
class OnsitePerson:
    """Somebody on the list. `login` is what they sign in with; `grants` are positions."""

    user_id: str
    login: str
    name: str
    secret: str  # PASSWORD or CODE
    salt: str
    verifier: str
    grants: tuple[int, ...]
    hidden: frozenset[int] = frozenset()  # cameras that no grant shows them

    def __repr__(self) -> str:
        return f"OnsitePerson(login={self.login!r})"

    def has_secret(self, secret: str, recorder_id: str) -> bool:
        """Takes as long as `onsite_root`."""
        if len(secret) > MAX_SECRET_LENGTH:
            return False
        text = plain_code(secret) if self.secret == CODE else secret
        found = verifier_of(onsite_root(text, base64.b64decode(self.salt)), recorder_id)
        return hmac.compare_digest(found, self.verifier)


@dataclass(frozen=True)
class OnsiteRights:
    """What a person may do at a moment; footage as in access tokens."""

    cameras: Mapping[int, frozenset[str]]
    recorder: frozenset[str]
    footage: footage.Footage
    ends_at: int | None = None  # the first moment at which something of it ends

    @property
    def is_none(self) -> bool:
        return not self.cameras and not self.recorder


@dataclass(frozen=True)
class Bundle:
    """The list. Times are Unix seconds by the portal's clock; `left_out` counts the people for
    whom there was no room."""

    version: str
    issued_at: int
    usable_until: int
    organisation: str
    grants: tuple[OnsiteGrant, ...]
    people: tuple[OnsitePerson, ...]
    left_out: int = 0

    def person(self, login: str) -> OnsitePerson | None:
        wanted = login.strip().lower()
        return next((person for person in self.people if person.login.lower() == wanted), None)

    def rights_of(
        self, person: OnsitePerson, now: float, client: str, address: str
    ) -> OnsiteRights:
        given = [self.grants[at] for at in person.grants]
        held = [grant for grant in given if grant.is_in_force(now, client, address)]
        numbers = {number for grant in held for number in grant.cameras} - person.hidden
        here = {number: [g for g in held if number in g.cameras] for number in sorted(numbers)}
        return OnsiteRights(
            cameras={number: _union(g.rights for g in grants) for number, grants in here.items()},
            recorder=_union(grant.recorder_rights for grant in held),
            footage=_footage(here),
            ends_at=_first_end(held, now),
        )


def _first_end(grants: Iterable[OnsiteGrant], now: float) -> int | None:
    spans = [span for g in grants for span in g.holds if footage.covers((span,), now, now + 1)]
    return min((end for _, end in spans if end is not None), default=None)


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)


def _footage(grants: Mapping[int, list[OnsiteGrant]]) -> dict[tuple[str, int], Spans]:
    """What is limited: a camera and right with a grant that is not limited is left out."""
    found = {
        (right, number): footage.joined(
            span for grant in given if right in grant.rights for span in grant.footage
        )
        for number, given in grants.items()
        for right in FOOTAGE_RIGHTS
        if any(right in grant.rights for grant in given)
    }
    return {key: spans for key, spans in found.items() if spans != footage.ALL}


def sign_bundle(signer: Signer, recorder_id: str, bundle: Bundle) -> str:
    claims = {
        "version": bundle.version,
        "organisation": bundle.organisation,
        "left_out": bundle.left_out,
        "grants": [_grant_claim(grant) for grant in bundle.grants],
        "people": [_person_claim(person) for person in bundle.people],
    }
    life = bundle.usable_until - bundle.issued_at
    return signer.sign(KIND, f"recorder:{recorder_id}", claims, bundle.issued_at, life)


def verify_bundle(
    keys: KeyRing, text: str, recorder_id: str, now: int, leeway: int = LEEWAY_S
) -> Bundle:
    """The list that the portal signed for this recorder; raises TokenError, `token_expired` when
    its time is over. With the leeway ANY_TIME that is the caller's matter."""
    audience = f"recorder:{recorder_id}"
    claims = keys.verify(text, KIND, audience, now, leeway, max_bytes=MAX_BUNDLE_BYTES)
    try:
        return _bundle(claims)
    except (KeyError, TypeError, ValueError, AttributeError, ProtocolError):
        raise TokenError("token_invalid", "the on-site list is not readable") from None


def _bundle(claims: Mapping[str, Any]) -> Bundle:  # Any: JSON
    grants = tuple(_grant(row) for row in claims["grants"])
    people = tuple(_person(row, len(grants)) for row in claims["people"])
    return Bundle(
        version=str(claims["version"]),
        issued_at=claims["iat"],
        usable_until=claims["exp"],
        organisation=str(claims["organisation"]),
        grants=grants,
        people=people,
        left_out=int(claims["left_out"]),
    )


def _grant_claim(grant: OnsiteGrant) -> dict[str, Any]:  # Any: JSON
    return {
        "rights": sorted(grant.rights),
        "cameras": sorted(grant.cameras),
        "recorder_rights": sorted(grant.recorder_rights),
        "holds": grant.holds,
        "clients": sorted(grant.clients),
        "addresses": grant.addresses,
        "footage": grant.footage,
    }


def _grant(row: Mapping[str, Any]) -> OnsiteGrant:  # Any: JSON
    addresses = tuple(str(ip_network(text)) for text in row["addresses"])
    return OnsiteGrant(
        rights=frozenset(row["rights"]),
        cameras=frozenset(int(number) for number in row["cameras"]),
        recorder_rights=frozenset(row["recorder_rights"]),
        holds=footage.parse_spans(row["holds"], MAX_HOLDS),
        clients=frozenset(row["clients"]),
        addresses=addresses,
        footage=footage.parse_spans(row["footage"]),
    )


def _person_claim(person: OnsitePerson) -> dict[str, Any]:  # Any: JSON
    return {
        "user_id": person.user_id,
        "login": person.login,
        "name": person.name,
        "secret": person.secret,
        "salt": person.salt,
        "verifier": person.verifier,
        "grants": person.grants,
        "hidden": sorted(person.hidden),
    }


def _person(row: Mapping[str, Any], grants: int) -> OnsitePerson:  # Any: JSON
    positions = tuple(int(at) for at in row["grants"])
    if not all(0 <= at < grants for at in positions):
        raise ValueError("a grant that is not there")
    base64.b64decode(row["salt"], validate=True)
    return OnsitePerson(
        user_id=str(row["user_id"]),
        login=str(row["login"]),
        name=str(row["name"]),
        secret=str(row["secret"]),
        salt=str(row["salt"]),
        verifier=str(row["verifier"]),
        grants=positions,
        hidden=frozenset(int(number) for number in row["hidden"]),
    )


def _is_from(networks: Iterable[str], address: str) -> bool:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in ip_network(text) for text in networks)
