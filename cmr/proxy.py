"""Connections through an HTTP proxy: CONNECT for TLS, absolute addresses for sealed HTTP.

aiohttp knows no Digest, so this dials by itself and hands over a connected socket. Every failure
has a sentence that names the proxy; none has the password.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

import aiohttp
import h11

from cmr.dialling import DIAL_S, dial, failure_words
from cmr.proxy_auth import (
    DigestNonce,
    UnusableChallenge,
    basic_answer,
    choose_digest,
    offered_words,
    parse_challenges,
)
from cmr.proxy_config import ProxyConfig

ANSWER_S = 10.0  # a proxy that needs longer to say yes or no is as good as away
MAX_TRIES = 4  # new nonce, stale nonce, and once more; then it asks without end
REFUSED_RETRY_S = 60.0  # a wrong password tried often locks the account of a whole site
ACCEPTED_RETRY_S = 5.0  # one that worked before: a proxy that restarts may say no by mistake
MAX_HEAD_BYTES = 32 * 1024
MAX_WORDS = 100  # of what a proxy says for itself

# What stays true while sealed HTTP gets through.
_ABOUT_TUNNELS = frozenset({"proxy_refuses", "proxy_cannot_reach", "proxy_not_http"})

RawHeaders = list[tuple[bytes, bytes]]
T = TypeVar("T")


class ProxyError(aiohttp.ClientError):
    """The proxy is the reason; the text is for people.

    Codes: `proxy_unreachable`, `proxy_auth_failed`, `proxy_refuses`, `proxy_cannot_reach`,
    `proxy_not_http`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Answer:
    """The head of what a proxy answered, and whether it went on talking."""

    status: int
    reason: str
    headers: RawHeaders
    is_followed: bool = False

    def values(self, name: bytes) -> list[str]:
        return [value.decode("latin-1") for key, value in self.headers if key == name]

    @property
    def words(self) -> str:
        """`403 Forbidden (ERR_ACCESS_DENIED)`, printable and short."""
        cause = (self.values(b"x-squid-error") or [""])[0].split(" ")[0]
        text = f"{self.status} {self.reason}{f' ({cause})' if cause else ''}".strip()
        return "".join(c for c in text if c.isprintable())[:MAX_WORDS]


class Proxy:
    """One proxy and what was learnt about it; shared by all connections of the recorder."""

    def __init__(self, config: ProxyConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self.config = config
        self.problem: str | None = None  # why the last try failed
        self._is_about_tunnels = False
        self._clock = clock
        self._nonce: DigestNonce | None = None
        self._first = asyncio.Lock()
        self._refusal: ProxyError | None = None
        self._refused_until = 0.0
        self._was_accepted = False  # what is configured now, once

    async def tunnel(self, host: str, port: int) -> socket.socket:
        """A socket that the proxy connected to `host:port`; raises ProxyError."""
        return await self._told(lambda: self._tunnel(host, port), is_tunnel=True)

    async def forward(self, probe_url: str, method: str, url: str) -> tuple[socket.socket, str]:
        """A socket for one request with an absolute address, and its `Proxy-Authorization` ("" for
        none); raises ProxyError.

        Under Digest `probe_url` is asked for first, without a name, for a nonce that this request
        alone uses: a refusal in the middle of a body would lose the body.
        """
        return await self._told(lambda: self._forward(probe_url, method, url), is_tunnel=False)

    def judge(self, answer: Answer, url: str) -> ProxyError:
        """What an answer means that did not come from the host behind the proxy."""
        if answer.status == 407:
            return self._auth_failed(self._refused_words())
        if answer.status in range(200, 400):
            sentence = f"The proxy {self.config.via} answers in the place of {url}: {answer.words}."
            return self._note(ProxyError("proxy_not_http", sentence))
        return self._note(self._refused(answer, url))

    def report(self) -> dict[str, str | None]:
        """As the heartbeat has it."""
        return {
            "scheme": self.config.scheme,
            "via": self.config.via,
            "detail": self.problem or "",
        }

    @property
    def words(self) -> str:
        """As `status` has it."""
        if self.problem:
            return self.problem
        how = {"null": "without a user name"}.get(self.config.scheme, f"by {self.config.scheme}")
        return f"{self.config.via}, {how}"

    # Inside.

    async def _told(self, attempt: Callable[[], Awaitable[T]], *, is_tunnel: bool) -> T:
        self._check_patience()
        try:
            done = await attempt()
        except ProxyError as error:
            self._note(error)
            raise
        if is_tunnel or not self._is_about_tunnels:
            self.problem = None
        return done

    def _note(self, error: ProxyError) -> ProxyError:
        self.problem = str(error)
        self._is_about_tunnels = error.code in _ABOUT_TUNNELS
        return error

    def _check_patience(self) -> None:
        if self._refusal is not None and self._clock() < self._refused_until:
            raise ProxyError(self._refusal.code, str(self._refusal))

    async def _tunnel(self, host: str, port: int) -> socket.socket:
        if self.config.scheme == "digest" and self._nonce is None:
            async with self._first:  # the others find its nonce, or hear that it was refused
                self._check_patience()
                return await self._connect(host, port)
        return await self._connect(host, port)

    async def _connect(self, host: str, port: int) -> socket.socket:
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        learnt: DigestNonce | None = None
        for _ in range(MAX_TRIES):
            nonce = learnt or self._nonce
            said = self._answer_to(nonce, "CONNECT", target)
            sock, answer = await self._ask_anew("CONNECT", target, said)
            if answer.status in range(200, 300) and not answer.is_followed:
                self._nonce, self._was_accepted = nonce, True
                return sock
            sock.close()  # many close it themselves after a 407
            if answer.status != 407:
                raise self._no_tunnel(answer, target)
            learnt = self._challenged(answer, nonce, learnt)
        words = f"The proxy {self.config.via} asks for the password again and again."
        raise self._auth_failed(words)

    async def _forward(self, probe_url: str, method: str, url: str) -> tuple[socket.socket, str]:
        nonce = None
        if self.config.scheme == "digest":
            nonce = await self._private_nonce(probe_url)
        said = self._answer_to(nonce, method, url)
        return await self._dial(), said

    async def _private_nonce(self, probe_url: str) -> DigestNonce | None:
        """None when the proxy asks nobody's name."""
        sock, answer = await self._ask_anew("GET", probe_url, "")
        sock.close()
        return self._chosen(answer) if answer.status == 407 else None

    def _answer_to(self, nonce: DigestNonce | None, method: str, uri: str) -> str:
        config = self.config
        if config.scheme == "basic":
            return basic_answer(config.user, config.password)
        if config.scheme == "digest" and nonce is not None:
            return nonce.answer(config.user, config.password, method, uri, secrets.token_hex(8))
        return ""

    def _challenged(
        self, answer: Answer, sent: DigestNonce | None, learnt: DigestNonce | None
    ) -> DigestNonce:
        """The nonce to try next; raises ProxyError when the answer was a plain no."""
        if self.config.scheme != "digest":
            raise self._auth_failed(self._why_not(answer))
        nonce = self._chosen(answer)
        # An older nonce may have run out unsaid; one of this very attempt is only refused for the
        # password, unless the proxy says that it is stale.
        if sent is not None and sent is learnt and not nonce.is_stale:
            raise self._auth_failed(self._refused_words())
        return nonce

    def _chosen(self, answer: Answer) -> DigestNonce:
        challenges = parse_challenges(answer.values(b"proxy-authenticate"))
        try:
            return choose_digest(challenges)
        except UnusableChallenge as error:
            raise self._auth_failed(
                f"The proxy {self.config.via} does not offer Digest, which is configured: {error}. "
                "The password is not sent."
            ) from None

    def _why_not(self, answer: Answer) -> str:
        challenges = parse_challenges(answer.values(b"proxy-authenticate"))
        if self.config.scheme == "null":
            return f"The proxy {self.config.via} asks for a user name and password; none is set."
        if not any(challenge.scheme == "basic" for challenge in challenges):
            offered = offered_words(challenges)
            return f"The proxy {self.config.via} does not take Basic; it offers {offered}."
        return self._refused_words()

    def _refused_words(self) -> str:
        if self.config.scheme == "null":
            return f"The proxy {self.config.via} asks for a user name and password; none is set."
        return f"The proxy {self.config.via} refuses the user name or password."

    def _auth_failed(self, words: str) -> ProxyError:
        """Also keeps everybody from trying again soon."""
        self._refusal = ProxyError("proxy_auth_failed", words)
        rest_s = ACCEPTED_RETRY_S if self._was_accepted else REFUSED_RETRY_S
        self._was_accepted = False
        self._refused_until = self._clock() + rest_s
        self._nonce = None
        return self._note(self._refusal)

    def _refused(self, answer: Answer, target: str) -> ProxyError:
        via = self.config.via
        if answer.status in (502, 503, 504):
            sentence = f"The proxy {via} cannot reach {target}: {answer.words}."
            return ProxyError("proxy_cannot_reach", sentence)
        sentence = f"The proxy {via} refuses a connection to {target}: {answer.words}."
        return ProxyError("proxy_refuses", sentence)

    def _no_tunnel(self, answer: Answer, target: str) -> ProxyError:
        """Behind a yes to CONNECT nobody speaks before us (a TLS server waits)."""
        is_yes = answer.status in range(200, 300)
        return self.not_a_tunnel(target) if is_yes else self._refused(answer, target)

    def not_a_tunnel(self, target: str) -> ProxyError:
        sentence = f"The proxy {self.config.via} says that it connects to {target}, but does not."
        return self._note(ProxyError("proxy_not_http", sentence))

    def no_http(self) -> ProxyError:
        """What it answered was no HTTP at all."""
        sentence = f"The proxy {self.config.via} does not answer as an HTTP proxy."
        return self._note(ProxyError("proxy_not_http", sentence))

    async def _dial(self) -> socket.socket:
        via = self.config.via
        try:
            async with asyncio.timeout(DIAL_S):
                return await dial(self.config.host, self.config.port)
        except OSError as error:  # TimeoutError is one
            sentence = f"The proxy {via} cannot be reached: {failure_words(error)}."
            raise ProxyError("proxy_unreachable", sentence) from None

    async def _ask_anew(self, method: str, target: str, said: str) -> tuple[socket.socket, Answer]:
        """The answer on a connection of its own, which the caller closes; raises ProxyError."""
        sock = await self._dial()
        try:
            return sock, await self._ask(sock, method, target, said)
        except BaseException:
            sock.close()
            raise

    async def _ask(self, sock: socket.socket, method: str, target: str, said: str) -> Answer:
        via = self.config.via
        headers = [("Host", _host(target)), ("User-Agent", "ConteraCMR")]
        headers += [("Proxy-Authorization", said)] if said else []
        try:
            async with asyncio.timeout(ANSWER_S):
                return await _exchange(sock, method, target, headers)
        except TimeoutError:
            sentence = f"The proxy {via} does not answer."
            raise ProxyError("proxy_unreachable", sentence) from None
        except OSError as error:
            sentence = f"The proxy {via} closed the connection: {failure_words(error)}."
            raise ProxyError("proxy_unreachable", sentence) from None
        except h11.RemoteProtocolError:
            raise self.no_http() from None


def _host(target: str) -> str:
    """The host of `host:port` or of an absolute address."""
    return target.partition("://")[2].partition("/")[0] or target


async def _exchange(
    sock: socket.socket, method: str, target: str, headers: list[tuple[str, str]]
) -> Answer:
    """Raises OSError, h11.RemoteProtocolError."""
    loop = asyncio.get_running_loop()
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
    raw = [(name.encode(), value.encode()) for name, value in headers]
    request = h11.Request(method=method, target=target, headers=raw)
    ending = http.send(request), http.send(h11.EndOfMessage())
    await loop.sock_sendall(sock, b"".join(part or b"" for part in ending))
    while True:
        event = http.next_event()
        if isinstance(event, h11.Response):
            return _answer(http, event)
        if event is h11.NEED_DATA:
            data = await loop.sock_recv(sock, 16 * 1024)
            http.receive_data(data)  # b"": the end, which raises where something is missing
        elif isinstance(event, h11.ConnectionClosed):
            _closed()


def _answer(http: h11.Connection, event: h11.Response) -> Answer:
    is_followed = bool(http.trailing_data[0])
    reason = bytes(event.reason).decode("latin-1")
    return Answer(event.status_code, reason, list(event.headers), is_followed)


def _closed() -> NoReturn:
    raise ConnectionResetError("without an answer")
