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
from cmr.local.accounts import AccountError, Accounts
from cmr.local.keys import LocalKey, load_local_key
from cmr.local.onsite_list import OnsiteList
from cmr.local.sessions import Sessions
from cmr.local.sign_in import SignIn, SignInRefused
from cmr.local.who import LISTED, ListedPerson, LocalPerson, Who
from cmr.registration import Registration
from protocol.tokens import ACCESS_LIFETIME_S, AccessToken, renew_after_s

# Of a session id in a token: what a browser was given, or why the token was made.
PASSWORD_SESSION = "password"  # noqa: S105  not a secret
BROWSER, VMS = "browser", "vms"  # clients, as grants name them


class LocalAccess:
    """Belongs to the event loop. `cameras` are the numbers of all there are."""

    def __init__(
        self,
        folder: Path,
        cameras: Iterable[int],
        registration: Registration,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.accounts = Accounts(folder)
        self.onsite = OnsiteList(folder, registration)
        self.key: LocalKey = load_local_key(folder)
        self.sign_in = SignIn(self.accounts, self.onsite)
        secret = hashlib.sha256(b"contera browser sessions\0" + self.key.key.private_bytes_raw())
        self.sessions = Sessions(folder, secret.digest())
        self._cameras = tuple(cameras)
        self._clock = clock

    def access(self, who: Who, session_id: str = "") -> AccessToken:
        """What the person may do now, as a token says it."""
        return who.access(session_id, self.key.host_id, self._cameras)

    def token(self, who: Who, session_id: str) -> tuple[str, int]:
        """An access token and when it ends (Unix seconds)."""
        now, life_s = int(self._clock()), self._life_s(who)
        return self.key.sign(self.access(who, session_id), now, life_s), now + life_s

    def renew_after_s(self, who: Who) -> int:
        """When whoever was given a token should ask for the next one."""
        return renew_after_s(self._life_s(who))

    def _life_s(self, who: Who) -> int:
        """Shorter where something ends sooner: the list, or a right in it."""
        bundle = self.onsite.bundle
        if not isinstance(who, ListedPerson) or bundle is None:
            return ACCESS_LIFETIME_S
        ends = [bundle.usable_until, who.rights.ends_at or bundle.usable_until]
        return max(0, min(ACCESS_LIFETIME_S, int(min(ends) - self.onsite.now())))

    def who(self, cookie: str, address: str) -> Who | None:
        """Who is signed in with this cookie, from there; None when nobody is any more."""
        session = self.sessions.find(cookie, self._clock())
        if session is None:
            return None
        return self._present(session.kind, session.name, session.version, BROWSER, address)

    def _present(self, kind: str, name: str, version: str, client: str, address: str) -> Who | None:
        """The person as they are now; raises AccountError when the accounts cannot be read."""
        if kind == LISTED:
            return self.onsite.present(name, version, client, address)
        account = self.accounts.get(name)
        is_same = account is not None and account.version == version
        return LocalPerson(account) if account is not None and is_same else None

    async def with_password(self, value: str, address: str) -> Who:
        """Whose an `Authorization: Basic …` value is (RFC 7617); raises ApiError."""
        name, password = _credentials(value)
        try:
            return await self.sign_in.check(name, password, address, VMS)
        except SignInRefused as error:
            if error.code == "too_many_tries":
                headers = (("Retry-After", str(error.retry_after_s)),)
                raise ApiError(429, error.code, str(error), headers) from None
            status = 403 if error.code == "not_granted" else 401
            raise ApiError(status, error.code, str(error)) from None

    @asynccontextmanager
    async def sustaining(self, who: Who, address: str, response: Response) -> AsyncIterator[None]:
        """A live stream asked for with a password goes on as long as the person may watch it."""
        if not isinstance(response.body, SustainedStream):
            yield
            return
        task = asyncio.create_task(self._sustain(who, address, response.body))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _sustain(self, who: Who, address: str, stream: SustainedStream) -> None:
        while True:
            await asyncio.sleep(self.renew_after_s(who))
            try:
                now = self._present(who.kind, who.name, who.version, VMS, address)
            except AccountError:
                return  # nobody can say that the account still is what it was
            if now is None or not self.access(now).allows("live", stream.camera):
                return
            stream.renew(self._life_s(now))
            who = now


def _credentials(value: str) -> tuple[str, str]:
    """Name and password; raises ApiError 401."""
    try:
        text = base64.b64decode(value.partition(" ")[2].strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise ApiError(401, "wrong_password", "the credentials are not readable") from None
    name, _, password = text.partition(":")
    return name, password
