"""Signing in at the recorder itself: slowed down for who guesses, and logged."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from cmr.local.accounts import MAX_PASSWORD, Account, Accounts
from cmr.local.onsite_list import OnsiteList
from cmr.local.slowdown import Slowdown, network_of
from cmr.local.who import LISTED, LOCAL, LocalPerson, Who, version_of
from protocol.bundle import PASSWORD, OnsitePerson

MAX_WAITING_PER_ADDRESS = 4
MAX_WAITING = 64
MAX_HASHES = 1  # one takes 64 MiB and a core for 0.1 s; recording needs both
# VMS send the password with every request: what was right is known for so long, as an HMAC.
REMEMBER_S = 600.0
MAX_REMEMBERED = 64

_NO_PERSON = OnsitePerson("", "", "", PASSWORD, "AAAAAAAAAAAAAAAAAAAAAA==", "", ())

log = logging.getLogger(__name__)


class SignInRefused(Exception):
    """Nobody is signed in. `code` is `wrong_password`, `too_many_tries` or `not_granted`."""

    def __init__(self, code: str, message: str, retry_after_s: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s


class SignIn:
    """Checks names and secrets of local accounts and of the on-site list. Belongs to the event
    loop; hashing is done in a thread."""

    def __init__(
        self,
        accounts: Accounts,
        onsite: OnsiteList,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts = accounts
        self._onsite = onsite
        self._clock = clock
        self._slowdown = Slowdown()
        self._waiting: dict[str, int] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._hashes = asyncio.Semaphore(MAX_HASHES)
        self._hasher = PasswordHasher()
        self._secret = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, float] = OrderedDict()

    async def check(self, name: str, password: str, address: str, client: str) -> Who:
        """Who it is, with what they may do now; raises SignInRefused."""
        known = self._known(name)
        right = next((one for one in known if self._is_remembered(one, password)), None)
        if right is None:
            async with self._turn(address):
                await asyncio.sleep(self._slowdown.wait_s(name, address, self._clock()))
                right = await self._check(name, password, address)
        if isinstance(right, Account):
            return LocalPerson(right)
        listed = self._onsite.with_rights(right, client, address)
        if listed is None:
            fact = "Your groups give you nothing at this recorder now, from here."
            raise SignInRefused("not_granted", fact)
        return listed

    def _known(self, name: str) -> list[Account | OnsitePerson]:
        """A name may be a local account's and a portal login: the secret tells."""
        return [one for one in (self._accounts.get(name), self._onsite.find(name)) if one]

    async def _check(self, name: str, password: str, address: str) -> Account | OnsitePerson:
        account, person = self._accounts.get(name), self._onsite.find(name)
        async with self._hashes:
            is_account, is_person = await asyncio.to_thread(self._verify, account, person, password)
        right = account if account and is_account else person if person and is_person else None
        if right is None:
            count = self._slowdown.failed(name, address, self._clock())
            log.warning("sign-in: %s from %s: wrong (%d)", _shown(name), address, count)
            raise SignInRefused("wrong_password", "Name or password is wrong.")
        self._slowdown.succeeded(name, address)
        self._remember(right, password)
        log.info("sign-in: %s from %s", _shown(name), address)
        return right

    @asynccontextmanager
    async def _turn(self, address: str) -> AsyncIterator[None]:
        """Tries from one address wait for each other: many at once are not faster than one."""
        place = network_of(address)
        waiting = self._waiting.get(place, 0)
        if waiting >= MAX_WAITING_PER_ADDRESS or sum(self._waiting.values()) >= MAX_WAITING:
            raise SignInRefused("too_many_tries", "Too many tries at once. Wait a little.", 5)
        self._waiting[place] = waiting + 1
        try:
            async with self._turns.setdefault(place, asyncio.Lock()):
                yield
        finally:
            self._waiting[place] -= 1
            if not self._waiting[place]:
                del self._waiting[place], self._turns[place]

    def _verify(
        self, account: Account | None, person: OnsitePerson | None, password: str
    ) -> tuple[bool, bool]:
        """Both take their time whether they are known or not, so that nobody learns of names."""
        hash_ = _nobody() if account is None else account.password_hash
        recorder_id = self._onsite.recorder_id
        is_person = (person or _NO_PERSON).has_secret(password, recorder_id)
        return self._is_right(hash_, password), is_person

    def _is_right(self, wanted: str, password: str) -> bool:
        try:
            return len(password) <= MAX_PASSWORD and self._hasher.verify(wanted, password)
        except (Argon2Error, InvalidHashError):
            return False

    def _mark(self, who: Account | OnsitePerson, password: str) -> bytes:
        if isinstance(who, Account):
            known = f"{LOCAL} {who.name} {who.version}"
        else:
            known = f"{LISTED} {who.login} {version_of(who)}"
        content = f"{known}\0{password}".encode(errors="replace")
        return hmac.new(self._secret, content, hashlib.sha256).digest()

    def _is_remembered(self, who: Account | OnsitePerson, password: str) -> bool:
        until = self._remembered.get(self._mark(who, password))
        return until is not None and self._clock() < until

    def _remember(self, who: Account | OnsitePerson, password: str) -> None:
        self._remembered[self._mark(who, password)] = self._clock() + REMEMBER_S
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)


@cache
def _nobody() -> str:
    """A hash nobody knows the password of: an unknown name takes as long as a wrong password."""
    return PasswordHasher().hash(secrets.token_hex(16))


def _shown(name: str) -> str:
    """A name as typed by anybody, for a log: one line, not long."""
    return ascii(name[:64])
