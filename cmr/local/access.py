"""Who may do what on the recorder's own doors: accounts, sign-in, sessions, tokens."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from cmr.api.live import SustainedStream
from cmr.api.message import ApiError, Response
from cmr.local.accounts import Account, AccountError, Accounts
from cmr.local.keys import LocalKey, load_local_key
from cmr.local.sessions import Sessions
from cmr.local.sign_in import SignIn, SignInRefused
from protocol.tokens import ACCESS_LIFETIME_S, ACCESS_RENEW_S

# Of a session id in a token: what a browser was given, or why the token was made.
PASSWORD_SESSION = "password"  # noqa: S105  not a secret


class LocalAccess:
    """Belongs to the event loop. `cameras` are the numbers that local accounts may see: all."""

    def __init__(
        self, folder: Path, cameras: Iterable[int], clock: Callable[[], float] = time.time
    ) -> None:
        self.accounts = Accounts(folder)
        self.key: LocalKey = load_local_key(folder)
        self.sign_in = SignIn(self.accounts)
        secret = hashlib.sha256(b"contera browser sessions\0" + self.key.key.private_bytes_raw())
        self.sessions = Sessions(folder, self.accounts, secret.digest())
        self._cameras = tuple(cameras)
        self._clock = clock

    def token(self, account: Account, session_id: str) -> tuple[str, int]:
        """An access token and when it ends (Unix seconds)."""
        now = int(self._clock())
        token = self.key.access_token(account, session_id, self._cameras, now)
        return token, now + ACCESS_LIFETIME_S

    async def with_password(self, value: str, address: str) -> Account:
        """The account of an `Authorization: Basic …` value (RFC 7617); raises ApiError."""
        name, password = _credentials(value)
        try:
            return await self.sign_in.check(name, password, address)
        except SignInRefused as error:
            if error.code == "too_many_tries":
                headers = (("Retry-After", str(error.retry_after_s)),)
                raise ApiError(429, error.code, str(error), headers) from None
            raise ApiError(401, error.code, str(error)) from None

    @asynccontextmanager
    async def sustaining(self, account: Account, response: Response) -> AsyncIterator[None]:
        """A live stream asked for with a password goes on as long as the account is what it was."""
        if not isinstance(response.body, SustainedStream):
            yield
            return
        task = asyncio.create_task(self._sustain(account, response.body))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _sustain(self, account: Account, stream: SustainedStream) -> None:
        while True:
            await asyncio.sleep(ACCESS_RENEW_S)
            try:
                known = self.accounts.get(account.name)
            except AccountError:
                return  # nobody can say that the account still is what it was
            if known is None or known.version != account.version:
                return
            stream.renew(ACCESS_LIFETIME_S)


def _credentials(value: str) -> tuple[str, str]:
    """Name and password; raises ApiError 401."""
    try:
        text = base64.b64decode(value.partition(" ")[2].strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise ApiError(401, "wrong_password", "the credentials are not readable") from None
    name, _, password = text.partition(":")
    return name, password
