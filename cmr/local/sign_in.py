"""Signing in with a local account: slowed down for who guesses, and logged."""

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
from cmr.local.slowdown import Slowdown, network_of

MAX_WAITING_PER_ADDRESS = 4
MAX_WAITING = 64
MAX_HASHES = 1  # one takes 64 MiB and a core for 0.1 s; recording needs both
# VMS send the password with every request: what was right is known for so long, as an HMAC.
REMEMBER_S = 600.0
MAX_REMEMBERED = 64

log = logging.getLogger(__name__)


class SignInRefused(Exception):
    """Nobody is signed in. `code` is `wrong_password` or `too_many_tries`."""

    def __init__(self, code: str, message: str, retry_after_s: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s


class SignIn:
    """Checks names and passwords. Belongs to the event loop; hashing is done in a thread."""

    def __init__(self, accounts: Accounts, clock: Callable[[], float] = time.monotonic) -> None:
        self._accounts = accounts
        self._clock = clock
        self._slowdown = Slowdown()
        self._waiting: dict[str, int] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._hashes = asyncio.Semaphore(MAX_HASHES)
        self._hasher = PasswordHasher()
        self._secret = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, float] = OrderedDict()

    async def check(self, name: str, password: str, address: str) -> Account:
        """The account; raises SignInRefused."""
        account = self._accounts.get(name)
        if account is not None and self._is_remembered(account, password):
            return account
        async with self._turn(address):
            await asyncio.sleep(self._slowdown.wait_s(name, address, self._clock()))
            return await self._check(name, password, address)

    async def _check(self, name: str, password: str, address: str) -> Account:
        account = self._accounts.get(name)
        wanted = None if account is None else account.password_hash
        async with self._hashes:
            is_right = await asyncio.to_thread(self._verify, wanted, password)
        if account is None or not is_right:
            count = self._slowdown.failed(name, address, self._clock())
            log.warning("sign-in: %s from %s: wrong (%d)", _shown(name), address, count)
            raise SignInRefused("wrong_password", "Name or password is wrong.")
        self._slowdown.succeeded(name, address)
        self._remember(account, password)
        log.info("sign-in: %s from %s", _shown(name), address)
        return account

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

    def _verify(self, wanted: str | None, password: str) -> bool:
        try:
            is_short = len(password) <= MAX_PASSWORD
            return is_short and self._hasher.verify(wanted or _nobody(), password)
        except (Argon2Error, InvalidHashError):
            return False

    def _mark(self, account: Account, password: str) -> bytes:
        content = f"{account.name}\0{account.version}\0{password}".encode(errors="replace")
        return hmac.new(self._secret, content, hashlib.sha256).digest()

    def _is_remembered(self, account: Account, password: str) -> bool:
        until = self._remembered.get(self._mark(account, password))
        return until is not None and self._clock() < until

    def _remember(self, account: Account, password: str) -> None:
        self._remembered[self._mark(account, password)] = self._clock() + REMEMBER_S
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)


@cache
def _nobody() -> str:
    """A hash nobody knows the password of: an unknown name takes as long as a wrong password."""
    return PasswordHasher().hash(secrets.token_hex(16))


def _shown(name: str) -> str:
    """A name as typed by anybody, for a log: one line, not long."""
    return ascii(name[:64])
