"""The outer requests of sealed HTTP: a POST whose body and answer flow at the same time, directly
or through a proxy, over a connection of its own. Sans aiohttp: it neither pools nor repeats."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp
import h11

from cmr.dialling import DIAL_S, dial, failure_words
from cmr.proxy import Answer, Proxy
from protocol.errors import PROBLEM_CONTENT_TYPE
from protocol.sealed_http import MEDIA_TYPE

ANSWER_S = 10.0  # of a small request
MAX_HEAD_BYTES = 32 * 1024
MAX_SMALL_BYTES = 64 * 1024

Headers = list[tuple[str, str]]


class OuterError(aiohttp.ClientError):
    """The plain HTTP around sealed HTTP failed; the text is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Outer:
    """How plain HTTP leaves this machine: straight away, or through a proxy."""

    def __init__(self, proxy: Proxy | None, user_agent: str) -> None:
        self.proxy = proxy
        self.user_agent = user_agent

    async def connect(self, method: str, url: str, probe_url: str) -> tuple[socket.socket, str]:
        """A socket for one request and its `Proxy-Authorization`; raises aiohttp.ClientError."""
        if self.proxy is not None:
            return await self.proxy.forward(probe_url, method, url)
        parts = urlsplit(url)
        port = parts.port or 80
        try:
            async with asyncio.timeout(DIAL_S):
                return await dial(parts.hostname or "", port), ""
        except OSError as error:
            raise OuterError("unreachable", _no_way(parts.hostname or "", port, error)) from None

    def target(self, url: str) -> str:
        """In the form that whom we talk to expects (RFC 9112 §3.2)."""
        return url if self.proxy is not None else urlsplit(url).path

    def headers(self, url: str, said: str) -> Headers:
        own = [("Host", urlsplit(url).netloc), ("User-Agent", self.user_agent)]
        return own + ([("Proxy-Authorization", said)] if said else [])

    def judge(self, answer: Answer, url: str, problem: bytes = b"") -> aiohttp.ClientError:
        """Why an answer is none of ours."""
        origin = _origin(url)
        code = _problem_code(answer, problem)
        if code:
            return OuterError(code, f"{origin} refuses with {answer.status} ({code})")
        if self.proxy is not None:
            return self.proxy.judge(answer, origin)
        return OuterError("not_sealed", f"{origin} is not answered by Contera: {answer.words}")

    def no_http(self, url: str) -> aiohttp.ClientError:
        """What came was no HTTP at all."""
        if self.proxy is not None:
            return self.proxy.no_http()
        return OuterError("not_http", f"{_origin(url)} does not answer by HTTP")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _no_way(host: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"no host is called {host}, or DNS is down"
    return f"{host} port {port}: {failure_words(error)}"


class Receiver(Protocol):
    """Who gets what a carrier brings."""

    def body_received(self, data: bytes) -> None: ...
    def refused(self, status: int, error: aiohttp.ClientError) -> None: ...
    def lost(self, error: Exception | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class Carrier(asyncio.Protocol):
    """One POST. `begin`, then `send` until the last piece; the answer comes to the receiver."""

    transport: asyncio.Transport

    def __init__(self, outer: Outer, url: str, said: str, receiver: Receiver) -> None:
        self._outer, self._url, self._said = outer, url, said
        self._receiver = receiver
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._refusal: Answer | None = None
        self._problem = bytearray()
        self._is_over = False

    def begin(self, size: int | None) -> None:
        """The head; `size` of the body where it is known."""
        length = ("Transfer-Encoding", "chunked") if size is None else ("Content-Length", str(size))
        media = [("Content-Type", MEDIA_TYPE), ("Cache-Control", "no-transform"), length]
        headers = self._outer.headers(self._url, self._said) + media
        target = self._outer.target(self._url)
        raw = [(name.encode(), value.encode()) for name, value in headers]
        self._write(self._http.send(h11.Request(method="POST", target=target, headers=raw)))

    def send(self, data: bytes, *, is_last: bool) -> None:
        if self._is_over:
            return
        self._write(self._http.send(h11.Data(data=data)))
        if is_last:
            self._write(self._http.send(h11.EndOfMessage()))

    def abort(self) -> None:
        self._is_over = True
        self.transport.abort()

    def _write(self, data: bytes | None) -> None:
        if data:
            self.transport.write(data)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self.transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            while not self._is_over and self._next_event():
                pass
        except h11.RemoteProtocolError:
            self._lose(self._outer.no_http(self._url))

    def _next_event(self) -> bool:
        event = self._http.next_event()
        match event:
            case h11.Response():
                self._begin_answer(event)
            case h11.Data():
                self._take(bytes(event.data))
            case h11.EndOfMessage() | h11.ConnectionClosed():
                self._end_answer()
            case h11.InformationalResponse():
                pass
            case _:
                return False
        return True

    def _begin_answer(self, event: h11.Response) -> None:
        reason = bytes(event.reason).decode("latin-1")
        answer = Answer(event.status_code, reason, list(event.headers))
        if answer.status != 200 or answer.values(b"content-type") != [MEDIA_TYPE]:
            self._refusal = answer

    def _take(self, data: bytes) -> None:
        if self._refusal is None:
            self._receiver.body_received(data)
        else:
            self._problem += data[: MAX_SMALL_BYTES - len(self._problem)]

    def _end_answer(self) -> None:
        if self._refusal is None:
            self._lose(None)
            return
        error = self._outer.judge(self._refusal, self._url, bytes(self._problem))
        self._is_over = True
        self._receiver.refused(self._refusal.status, error)

    def _lose(self, error: Exception | None) -> None:
        self._is_over = True
        self._receiver.lost(error)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_over:
            return
        if self._refusal is not None:
            self._end_answer()
        else:
            self._lose(exc)

    def pause_writing(self) -> None:
        self._receiver.pause_writing()

    def resume_writing(self) -> None:
        self._receiver.resume_writing()


async def open_carrier(outer: Outer, url: str, probe_url: str, receiver: Receiver) -> Carrier:
    """A carrier that is connected; raises aiohttp.ClientError, OSError."""
    sock, said = await outer.connect("POST", url, probe_url)
    loop = asyncio.get_running_loop()
    try:
        _, carrier = await loop.create_connection(
            lambda: Carrier(outer, url, said, receiver), sock=sock
        )
    except BaseException:
        sock.close()
        raise
    return carrier


async def post_small(outer: Outer, url: str, body: bytes | None) -> bytes:
    """The answer to a small POST, or to a GET where there is no body; raises aiohttp.ClientError,
    OSError."""
    method = "GET" if body is None else "POST"
    sock, said = await outer.connect(method, url, url)
    headers = [*outer.headers(url, said), ("Connection", "close")]
    if body is not None:
        headers += [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body)))]
    raw = [(name.encode(), value.encode()) for name, value in headers]
    request = h11.Request(method=method, target=outer.target(url), headers=raw)
    try:
        async with asyncio.timeout(ANSWER_S):
            answer, data = await _exchange(sock, request, body or b"")
    except TimeoutError:
        raise OuterError("unreachable", f"{_origin(url)} does not answer in time") from None
    except h11.RemoteProtocolError:
        raise outer.no_http(url) from None
    finally:
        sock.close()
    wanted = MEDIA_TYPE if body is not None else "application/json"
    if answer.status != 200 or answer.values(b"content-type") != [wanted]:
        raise outer.judge(answer, url, data)
    return data


async def _exchange(sock: socket.socket, request: h11.Request, body: bytes) -> tuple[Answer, bytes]:
    loop = asyncio.get_running_loop()
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
    parts = [http.send(request), http.send(h11.Data(data=body)) if body else b""]
    parts.append(http.send(h11.EndOfMessage()))
    await loop.sock_sendall(sock, b"".join(part or b"" for part in parts))
    answer, data = Answer(0, "", []), bytearray()
    while True:
        match http.next_event():
            case h11.Response() as head:
                reason = bytes(head.reason).decode("latin-1")
                answer = Answer(head.status_code, reason, list(head.headers))
            case h11.Data() as piece:
                data += bytes(piece.data)
                if len(data) > MAX_SMALL_BYTES:
                    return answer, bytes(data)
            case h11.EndOfMessage() | h11.ConnectionClosed():
                return answer, bytes(data)
            case h11.NEED_DATA:
                http.receive_data(await loop.sock_recv(sock, 16 * 1024))
            case _:
                pass


def _problem_code(answer: Answer, body: bytes) -> str:
    """The code of one of our own refusals, "" for anything else."""
    if answer.values(b"content-type") != [PROBLEM_CONTENT_TYPE]:
        return ""
    try:
        return str(json.loads(body)["code"])[:60]
    except (ValueError, KeyError, TypeError):
        return ""
